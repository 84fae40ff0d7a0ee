"""What is really there: which processes serve a cluster, where they listen, and whether they answer.

A process id in postmaster.pid proves nothing: after a crash, and soon in a container, it is somebody else's.
"""

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from pullsvc.embedded.errors import need

ANSWER_LIMIT_S = 2.0
ANSWER_MAX_BYTES = 8192
PROTOCOL_3_0 = 196608
CANNOT_CONNECT_NOW = "57P03"


@dataclass(frozen=True)
class Address:
    """Where a server listens: `host` is the folder of its socket, or an IP address."""

    host: str
    port: int

    @property
    def is_socket(self) -> bool:
        """Whether it is a unix socket."""
        return self.host.startswith("/")


@dataclass(frozen=True)
class Answer:
    """What the server said when somebody asked to log in."""

    ready: bool
    text: str


def postmaster(cluster: Path) -> int | None:
    """Return the process id of the server that runs on the cluster, or None."""
    lines = _pidfile(cluster)
    pid = int(lines[0]) if lines and lines[0].isdigit() else None
    return pid if pid in processes(cluster) else None


def address(cluster: Path) -> Address | None:
    """Return where the server that wrote postmaster.pid listens; None while it has not got so far."""
    lines = _pidfile(cluster)
    if len(lines) < 6 or not lines[3].isdigit() or not (lines[4] or lines[5]):
        return None
    return Address(host=lines[4] or lines[5], port=int(lines[3]))


def _pidfile(cluster: Path) -> list[str]:
    # Lines: process id, cluster, start time, port, socket folder, listen address, shared memory, status.
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def processes(cluster: Path) -> set[int]:
    """Return the ids of all PostgreSQL processes of the cluster, also those that outlived their postmaster.

    They are known by their working folder, which is always the cluster: it cannot be mistaken as a name can, and
    unlike the command line the children keep it.
    """
    psutil = need("psutil")
    try:
        wanted = cluster.stat()
    except FileNotFoundError:
        return set()
    found: set[int] = set()
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and os.path.samestat(Path(process.cwd()).stat(), wanted):
                found.add(process.pid)
        except (psutil.Error, OSError):
            continue  # Gone meanwhile, or of another user, who could not serve a cluster of ours.
    return found


def ask(where: Address, user: str) -> Answer:
    """Ask the server whether it takes logins now, as far as the question for the password."""
    parameters = b"".join(word.encode() + b"\0" for word in ("user", user, "database", "postgres")) + b"\0"
    hello = struct.pack("!ii", 8 + len(parameters), PROTOCOL_3_0) + parameters
    try:
        with socket.socket(socket.AF_UNIX if where.is_socket else socket.AF_INET) as line:
            line.settimeout(ANSWER_LIMIT_S)
            line.connect(f"{where.host}/.s.PGSQL.{where.port}" if where.is_socket else (where.host, where.port))
            line.sendall(hello)
            reply = line.recv(ANSWER_MAX_BYTES)
    except OSError as silence:
        return Answer(ready=False, text=f"no answer ({silence})")
    if reply[:1] == b"R":
        return Answer(ready=True, text="ready")
    if reply[:1] != b"E":
        return Answer(ready=False, text="no answer")
    # After type and length: fields of one letter and a zero-ended text; C is the SQLSTATE, M the message.
    fields = {part[:1]: part[1:].decode(errors="replace") for part in reply[5:].split(b"\0") if part}
    return Answer(ready=fields.get(b"C") != CANNOT_CONNECT_NOW, text=fields.get(b"M", "no answer"))
