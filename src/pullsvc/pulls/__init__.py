"""Pulls and the asks that join them: bring item X to shelf Y, at most one live pull for each (item, shelf)."""
