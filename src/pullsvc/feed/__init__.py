"""What outside readers get of the outbox: a feed to page through and a live stream to listen to.

Events are read in the order (transaction, event), and only those of transactions older than every one still open.
So a reader that moves its position forward can never pass an event that commits later; the price is that one long
transaction delays the feed.
"""
