"""Events: what happened, as rows written in the same transaction as the act itself.

The feed, the live board and later webhooks only read this table; it is also the audit trail.
"""
