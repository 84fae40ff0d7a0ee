"""The ledger and the balances: every unit that moves is a movement between two places.

`actions.move` is the only writer of both. The book of a shelf is signed and never clamped, so that the end state does
not depend on the order in which facts arrive; a count holds as of the moment it was taken.
"""
