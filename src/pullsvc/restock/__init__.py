"""The watch: opens, re-prices and expires automatic pulls, by time to empty against time to shelf.

A sale only compares the shelf's balance with a trigger set here; `watcher` looks again at what was flagged, and at
what is due to be looked at. `rules` decides, and is the only part that a better rule replaces.
"""
