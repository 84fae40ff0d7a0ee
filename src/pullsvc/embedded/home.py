"""The folder of one embedded server: what lies where, whose it is, and where its socket can be.

<data_dir>/            ours, 0700; started by root: root's, 0710 for the server's group, so that all
    start.lock         that root writes lies where the server's account cannot plant links
    users.lock         shared by every process that uses the server
    keeper.lock        held by the keeper as long as it lives
    password           of the superuser `pullsvc`, 0600
    startup.log        what the server said before its own log began
    cluster/           PostgreSQL's own data, the server's account's, 0700
    run/               the socket, the server's account's, 0700
    programs/          copy of PostgreSQL, only where root's own is out of the account's reach
"""

import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pullsvc.embedded.account import Account, server_account
from pullsvc.embedded.errors import EmbeddedError, need

PORT = 5432
SOCKET_PATH_MAX_BYTES = 100  # The kernels take 104 (macOS) or 108; a little is left for a trailing zero and luck.
PASSWORD_BYTES = 32
ROOT_DATA_DIR = Path("/var/lib/pullsvc")
NOT_OURS_BUT_HARMLESS = {"lost+found"}


@dataclass(frozen=True)
class Home:
    """The paths inside a data folder."""

    path: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data folder; there only once it is whole."""
        return self.path / "cluster"

    @property
    def start_lock(self) -> Path:
        """Held while somebody decides about starting or stopping."""
        return self.path / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by all who use the server; the keeper stops the server when it can have it alone."""
        return self.path / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper; free means that nobody looks after a server here."""
        return self.path / "keeper.lock"

    @property
    def password_file(self) -> Path:
        """The superuser's password, one line."""
        return self.path / "password"

    @property
    def startup_log(self) -> Path:
        """Begun anew at each start."""
        return self.path / "startup.log"

    @property
    def programs(self) -> Path:
        """Where a copy of PostgreSQL goes when the original is out of reach."""
        return self.path / "programs"


def default_data_dir(major: int) -> Path:
    """Return where data go unless told otherwise; for root never its home, which the server's account cannot enter."""
    if os.geteuid() == 0:
        return ROOT_DATA_DIR / f"pg{major}"
    return Path(need("platformdirs").user_data_dir("pullsvc")) / f"pg{major}"


def throwaway_dir(stack: ExitStack) -> Path:
    """Make a data folder that is removed with `stack`, where the server's account can reach it, also for root.

    Enter the server on the same stack, so that it has stopped before.

    Raises:
        EmbeddedError: The account can enter no folder for temporary files.
    """
    account = server_account()
    for parent in _temporary_folders():
        if account.can_enter(parent):
            path = Path(tempfile.mkdtemp(prefix="pullsvc-", dir=parent))
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            return path
    raise EmbeddedError(f"uid {account.uid}, which PostgreSQL runs as, can enter no folder for temporary files")


def _temporary_folders() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - what is made in them is ours alone


def prepare(path: Path, account: Account) -> Home:
    """Make or check the data folder.

    Raises:
        EmbeddedError: It belongs to somebody else, holds other things, or the account cannot reach it.
    """
    path = path.absolute()
    try:
        _make_folders(path)
        _check_ours(path)
    except OSError as refused:
        raise EmbeddedError(
            f"cannot use {path} for data: {refused}; set PULLSVC_DATA_DIR to another folder"
        ) from refused
    home = Home(path)
    if home.cluster.exists() and (owner := home.cluster.stat().st_uid) != account.uid:
        raise EmbeddedError(
            f"the data in {home.cluster} belong to uid {owner}, PostgreSQL would run as uid {account.uid}; "
            "start pullsvc as their owner, or as root with PULLSVC_PG_USER set to it"
        )
    if path.stat().st_uid == os.geteuid():
        if account.switch:
            os.chown(path, -1, account.gid)
        path.chmod(0o710 if account.switch else 0o700)
    if not account.can_enter(path):
        raise EmbeddedError(
            f"PostgreSQL runs as uid {account.uid} because you are root, and that user cannot reach {path}; choose "
            f"another folder, for example PULLSVC_DATA_DIR={ROOT_DATA_DIR}, or another user by PULLSVC_PG_USER, or "
            "set PULLSVC_DATABASE_URL to a running server"
        )
    return home


def _make_folders(path: Path) -> None:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        folder.chmod(0o755)  # Whatever the umask; only those made here, and the last is closed right after.


def _check_ours(path: Path) -> None:
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()) or (found.st_uid != os.geteuid() and found.st_mode & stat.S_IWOTH):
        raise EmbeddedError(f"{path} belongs to uid {found.st_uid} or is open to all; choose a folder of your own")
    names = {entry.name for entry in path.iterdir()} - NOT_OURS_BUT_HARMLESS
    if names and Home(path).start_lock.name not in names:
        raise EmbeddedError(f"{path} holds other things than our data; choose an empty or a new folder")


def socket_folder(home: Home, account: Account) -> Path | None:
    """Return a private folder where the socket's path is short and plain enough; None: use TCP.

    It is made if need be, and cleared of what a killed server left: PostgreSQL believes the process id in the
    socket's lock file, whoever has it by now. The caller knows that no server runs.
    """
    name = "pullsvc-" + hashlib.sha256(f"{account.uid}:{home.path}".encode()).hexdigest()[:16]
    outside = _temporary_folders()
    if not account.switch:
        outside.insert(0, Path(f"/run/user/{account.uid}"))
    for folder in (home.path / "run", *(parent / name for parent in outside)):
        if fits_socket(folder) and _claim(folder, account) and account.can_enter(folder):
            for leftover in folder.glob(f".s.PGSQL.{PORT}*"):
                leftover.unlink(missing_ok=True)
            return folder
    return None


def fits_socket(folder: Path) -> bool:
    """Tell whether kernels, PostgreSQL's list syntax and database URLs all take a socket in this folder."""
    socket = bytes(folder / f".s.PGSQL.{PORT}")
    return len(socket) <= SOCKET_PATH_MAX_BYTES and not re.search(rb"""[,:;"'\\%\x00-\x1f]""", socket)


def _claim(folder: Path, account: Account) -> bool:
    # In a shared folder somebody may have been there first: then it must be the server's own and closed to others.
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        pass
    except OSError:
        return False
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not stat.S_IMODE(found.st_mode) & 0o077


def new_password(home: Home) -> str:
    """Write a new random password into the password file, whole or not at all, and return it."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    partial = home.password_file.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(home.password_file)
    return password


@contextmanager
def lent_password(home: Home, account: Account, password: str) -> Iterator[Path]:
    """Lend the password to initdb in a file that the server's account may read; gone afterwards."""
    path = home.path / "password.lent"
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            account.own(file.fileno())
            file.write(password + "\n")
        yield path
    finally:
        path.unlink(missing_ok=True)
