"""What the embedded server is told on its command line; each value with its reason.

Sized for the smallest machine that we promise to run well on: two cores, a few GiB. Who needs more sets
PULLSVC_DATABASE_URL and tunes a server of their own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # An acknowledged write survives: defaults, said aloud because a law rests on them.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Nobody but our own user comes near the socket; the password guards it once more.
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        # Enough for the pools of a few processes; each connection costs memory only when used.
        "max_connections": "100",
        # Ledger, sales and events have a partition a day: a query over a year locks hundreds of them.
        "max_locks_per_transaction": "256",
        "shared_buffers": "256MB",
        "effective_cache_size": "1GB",
        "work_mem": "8MB",
        "maintenance_work_mem": "128MB",
        # Bulk intake writes fast; fewer forced checkpoints, and recovery still within a minute or so.
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "10min",
        # Claimed work leaves dead entries at the head of its queue; claims slow by half within 24 s without this.
        "autovacuum_naptime": "5s",
        # One old snapshot makes every claim walk over all those dead entries.
        "idle_in_transaction_session_timeout": "60s",
        # Our statements are short: compiling or spreading them over two cores costs more than it brings.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # Nobody has spinning disks any more.
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Seven files, one a weekday, each overwritten after a week: the log cannot fill the disk slowly.
        "logging_collector": "on",
        "log_filename": "postgresql-%u.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_checkpoints": "off",
    }
)

# For clusters that are thrown away after the test. A crash of the machine then loses or breaks everything.
UNSAFE_FAST: Final[Mapping[str, str]] = MappingProxyType(
    {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)
