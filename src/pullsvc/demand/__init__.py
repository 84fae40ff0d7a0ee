"""Sell-through: how fast an item leaves the shelf, learnt from its sale lines while the store was open.

`rules` holds the first simple model (level, present rate, time to empty), `hours` the store's calendar; `actions` folds
finished business days into the level, each once.

The engine, pure and over many items at once: `levels` learns what each item sells, `profile` when in the day the store
sells; `horizon` makes demand over a stretch of time of both, `value` what a pull is worth and when an item is to be
looked at again, `lead` how long a tub takes, `silence` what an item that sells nothing says.
"""
