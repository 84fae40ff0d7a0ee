"""A look at an embedded server from outside, for `doctor`: changes nothing, waits for nothing."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pullsvc.embedded.cluster import SUPERUSER
from pullsvc.embedded.errors import EmbeddedError
from pullsvc.embedded.home import Home, default_data_dir
from pullsvc.embedded.probe import address, ask, postmaster
from pullsvc.embedded.programs import binaries


class State(StrEnum):
    """What a server is doing."""

    ABSENT = "absent"
    STOPPED = "stopped"
    BUSY = "busy"
    RUNNING = "running"


@dataclass(frozen=True)
class Status:
    """What was found in a data folder."""

    data_dir: Path
    state: State
    pid: int | None
    made_by: str | None
    """The major version of PostgreSQL that made the data."""
    detail: str


def status(data_dir: Path | None = None) -> Status:
    """Return the state of the server of `data_dir`; None: of the default one.

    Raises:
        EmbeddedError: The folder may not be read, or no programs tell what the default folder is.
    """
    home = Home((data_dir or default_data_dir(binaries().major)).absolute())
    try:
        version_file = home.cluster / "PG_VERSION"
        if not version_file.is_file():
            return Status(home.path, State.ABSENT, None, None, "made at the first start")
        made_by = version_file.read_text().strip()
        pid = postmaster(home.cluster)
        where = address(home.cluster)
    except PermissionError as refused:
        raise EmbeddedError(f"cannot look into {home.path}: {refused}; ask as the user who started it") from refused
    if pid is None:
        return Status(home.path, State.STOPPED, None, made_by, "started on demand")
    if where is None:
        return Status(home.path, State.BUSY, pid, made_by, "starting")
    answer = ask(where, SUPERUSER)
    place = f"{answer.text} at {where.host} port {where.port}"
    return Status(home.path, State.RUNNING if answer.ready else State.BUSY, pid, made_by, place)
