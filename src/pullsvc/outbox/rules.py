"""What every act is signed with. Pure."""

from datetime import datetime
from typing import NamedTuple


class Stamp(NamedTuple):
    """Who acts, in which store, when: what every act is signed with.

    Attributes:
        store_id: The store; taken from the URL and checked against the caller's grants.
        principal_id: Who acts; None for the service itself.
        now: When the act is recorded, aware.
        occurred_at: When it happened, aware; earlier than `now` when a device was offline.
        device_id: The enrolled device that it was done on; None for keys.
    """

    store_id: int
    principal_id: int | None
    now: datetime
    occurred_at: datetime
    device_id: int | None = None

    @classmethod
    def of_service(cls, store_id: int, now: datetime) -> "Stamp":
        """Return the stamp of an act of the service's own loops."""
        return cls(store_id=store_id, principal_id=None, now=now, occurred_at=now)
