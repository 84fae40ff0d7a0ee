"""The unprivileged account that PostgreSQL runs under when root starts it; PostgreSQL refuses root.

Reachability is tried, not computed: only the kernel knows every mode bit, ACL and mount option. Nobody's folders
are opened up for the server; where it cannot go, the caller chooses another place or says so.
"""

import errno
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from pullsvc.embedded.errors import EmbeddedError

DEFAULT_USER = "nobody"
TRIAL_LIMIT_S = 30.0


class Identity(TypedDict, total=False):
    """The arguments of Popen that make a child run as the account; empty: as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who owns and runs the server."""

    uid: int
    gid: int
    switch: bool
    """Whether that is somebody else than we are; true only for root."""

    def identity(self) -> Identity:
        """Return what to add to Popen."""
        return Identity(user=self.uid, group=self.gid, extra_groups=[]) if self.switch else Identity()

    def own(self, path: Path | int) -> None:
        """Give a file that we have just made, in a folder that only we can write, to the server."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def can_run(self, *command: str | Path) -> bool:
        """Tell whether the account can run the command to a good end."""
        try:
            trial = subprocess.run(  # noqa: S603 - our own fixed commands
                command, **self.identity(), capture_output=True, check=False, cwd="/", timeout=TRIAL_LIMIT_S
            )
        except OSError as refused:
            if refused.errno in (errno.EACCES, errno.ENOENT):
                return False
            raise EmbeddedError(
                f"cannot act as uid {self.uid}: {refused}; run pullsvc as a plain user, "
                "or set PULLSVC_DATABASE_URL to a server of your own"
            ) from refused
        return trial.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the account can reach into the folder."""
        if not self.switch:
            return os.access(folder, os.X_OK)
        return self.can_run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder)


def server_account(pg_user: str | None = None) -> Account:
    """Return the account to run the server: ourselves, or for root `pg_user`, PULLSVC_PG_USER or nobody.

    Raises:
        EmbeddedError: There is no such user, or it is root again.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), switch=False)
    name = pg_user or os.environ.get("PULLSVC_PG_USER") or DEFAULT_USER
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and there is no user {name!r}; set PULLSVC_PG_USER"
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedError(f"PostgreSQL does not run as root; set PULLSVC_PG_USER to another user than {name!r}")
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
