"""Sell-through: how fast an item leaves the shelf, learnt from its sale lines while the store was open.

`rules` holds the model (level, present rate, time to empty), `hours` the store's calendar; `actions` folds finished
business days into the level, each once. A better model replaces `rules`; what calls it stays.
"""
