"""The embedded PostgreSQL: a private server that lives exactly as long as somebody uses it.

`with embedded.server() as pg:` joins or starts it. See sharing.py for how processes share it, keeper.py for what
stops it when they are killed, home.py for what lies where. POSIX only; elsewhere set PULLSVC_DATABASE_URL.
"""

from pullsvc.embedded.errors import EmbeddedError
from pullsvc.embedded.home import default_data_dir, throwaway_dir
from pullsvc.embedded.programs import Binaries, binaries
from pullsvc.embedded.sharing import Server, server
from pullsvc.embedded.state import State, Status, status

__all__ = [
    "Binaries",
    "EmbeddedError",
    "Server",
    "State",
    "Status",
    "binaries",
    "default_data_dir",
    "server",
    "status",
    "throwaway_dir",
]
