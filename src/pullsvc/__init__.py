"""Backroom stock pulls and shelf replenishment for stores."""

__version__ = "0.1.0"
