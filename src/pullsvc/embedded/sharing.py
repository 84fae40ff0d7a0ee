"""Using the embedded server: join the one that runs or start it, and leave it; the last one out stops it.

Three file locks are the whole protocol, because the kernel drops them however a process ends:

- `start.lock`, alone: whoever decides about starting or stopping, one at a time.
- `users.lock`, shared: every process that uses the server. Alone: the keeper, while it stops the server.
- `keeper.lock`, alone: the keeper (see keeper.py). Free means that no server is looked after here.
"""

import contextlib
import dataclasses
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pullsvc.embedded import keeper
from pullsvc.embedded.account import Account, server_account
from pullsvc.embedded.cluster import SUPERUSER, ensure_cluster, serve_command, server_environment
from pullsvc.embedded.errors import EmbeddedError, need
from pullsvc.embedded.home import Home, default_data_dir, prepare, socket_folder
from pullsvc.embedded.probe import Address, address, ask, postmaster, processes
from pullsvc.embedded.programs import Binaries, binaries, reachable
from pullsvc.embedded.waiting import Report, alone, open_lock, poll, try_exclusive, try_shared

DATABASE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
SQL_LIMIT_S = 60.0
KEEPER_START_LIMIT_S = 60.0
LOG_TAIL_MAX_BYTES = 3000
OTHERS_AT_IT = "another process is starting or stopping PostgreSQL"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """A running server that will not stop before `server()` is left."""

    home: Home
    address: Address
    programs: Binaries
    password: str = dataclasses.field(repr=False)

    @property
    def version(self) -> str:
        """The version of PostgreSQL, as 18.6."""
        return self.programs.version

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database for SQLAlchemy and asyncpg; it contains the password."""
        login = f"postgresql+asyncpg://{SUPERUSER}:{quote(self.password, safe='')}"
        if self.address.is_socket:
            return f"{login}@/{database}?host={quote(self.address.host)}&port={self.address.port}"
        return f"{login}@{self.address.host}:{self.address.port}/{database}"

    def ensure_database(self, name: str) -> None:
        """Create the database unless it is there; lower-case letters, digits and _ only."""
        if not DATABASE_NAME.fullmatch(name):
            raise ValueError(f"not a plain database name: {name!r}")
        with alone(self.home.start_lock, what=OTHERS_AT_IT, report=logger.info):
            if self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == "":
                self.sql(f"CREATE DATABASE {name}")

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement as superuser by psql and return its rows as plain text; for upkeep, not for work.

        Raises:
            EmbeddedError: The server refused it.
        """
        command = ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        place = [f"--host={self.address.host}", f"--port={self.address.port}", f"--username={SUPERUSER}"]
        done = subprocess.run(  # noqa: S603 - a program that was looked up
            [self.programs.program("psql"), *command, *place, f"--dbname={database}", f"--command={statement}"],
            env=server_environment() | {"PGPASSWORD": self.password}, stdin=subprocess.DEVNULL,
            capture_output=True, check=False, text=True, timeout=SQL_LIMIT_S,
        )  # fmt: skip
        if done.returncode != 0:
            raise EmbeddedError(f"the embedded server refused: {done.stderr.strip()}")
        return done.stdout.strip()


@contextmanager
def server(
    *,
    data_dir: Path | None = None,
    pg_bindir: Path | None = None,
    pg_user: str | None = None,
    unsafe_fast: bool = False,
    report: Report = logger.info,
) -> Iterator[Server]:
    """Use the embedded server of `data_dir`: it runs, with its cluster made, until the last user has left.

    Blocks while another process starts or stops it and while it recovers from a crash, without a limit but with a
    word to `report` every few seconds. From async code enter and leave it in a thread.

    Args:
        data_dir: A folder of its own, made if need be; None: the user's data folder, or /var/lib/pullsvc for root.
        pg_bindir: Folder with PostgreSQL's programs; None: PULLSVC_PG_BINDIR, the wheel's or the system's.
        pg_user: Whom root lets the server run as; None: PULLSVC_PG_USER or nobody. Others run it themselves.
        unsafe_fast: For clusters that are thrown away: a crash of the machine loses or breaks the data.
        report: Told what is being waited for.

    Raises:
        EmbeddedError: It cannot run here; the text says why and what to do.
    """
    need("psutil")
    account = server_account(pg_user)
    programs = binaries(pg_bindir)
    home = prepare(data_dir or default_data_dir(programs.major), account)
    start = _Start(home=home, programs=programs, account=account, unsafe_fast=unsafe_fast, report=report)
    users = open_lock(home.users_lock)
    try:
        with alone(home.start_lock, what=OTHERS_AT_IT, report=report):
            poll(
                lambda: try_shared(users) or None,
                what=lambda: "the PostgreSQL of an earlier run is stopping",
                report=report,
            )
            where = start.until_ready()
        yield Server(home, where, programs, home.password_file.read_text().strip())
    finally:
        _leave(home, users, report)


def _leave(home: Home, users: int, report: Report) -> None:
    """Give up our share of the server; when it was the last one, wait until the server has stopped."""
    with contextlib.ExitStack() as share, contextlib.ExitStack() as cleanup:
        share.callback(os.close, users)
        cleanup.enter_context(alone(home.start_lock, what=OTHERS_AT_IT, report=report))
        # Turning our share into the whole lock fails when others share it, or when the keeper was quicker.
        others_stay = not try_exclusive(users) and try_shared(users)
        share.close()
        if others_stay:
            return
        guard = open_lock(home.keeper_lock)
        cleanup.callback(os.close, guard)
        poll(lambda: try_exclusive(guard) or None, what=lambda: "PostgreSQL is stopping", report=report)
        stop_unkept(home, report)


def stop_unkept(home: Home, report: Report) -> None:
    """Stop what a killed keeper may have left running, and wait until no process of the cluster is left.

    Only then is postmaster.pid removed: its process id may be anybody's by now, and PostgreSQL would believe it.
    The caller holds the keeper's lock.
    """
    if pid := postmaster(home.cluster):
        logger.warning("stopping a PostgreSQL that nobody looks after", extra={"pid": pid})
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    poll(
        lambda: not processes(home.cluster) or None,
        what=lambda: f"processes of an earlier PostgreSQL are ending: {sorted(processes(home.cluster))}",
        report=report,
    )
    (home.cluster / "postmaster.pid").unlink(missing_ok=True)


class _Start:
    """One attempt to get at a ready server, under the start lock: joins a kept one, else starts one, once."""

    def __init__(self, *, home: Home, programs: Binaries, account: Account, unsafe_fast: bool, report: Report) -> None:
        self.home = home
        self.programs = programs
        self.account = account
        self.unsafe_fast = unsafe_fast
        self.report = report
        self.started = False
        self.last_words = "no answer yet"

    def until_ready(self) -> Address:
        """Return where the server listens once it takes logins."""
        return poll(self._step, what=lambda: f"waiting for PostgreSQL: {self.last_words}", report=self.report)

    def _step(self) -> Address | None:
        guard = open_lock(self.home.keeper_lock)
        try:
            if try_exclusive(guard):
                if self.started:
                    raise EmbeddedError(f"PostgreSQL did not start in {self.home.path}:\n{_log_tail(self.home)}")
                self._start(guard)
                self.started = True
        finally:
            os.close(guard)
        where = address(self.home.cluster)
        if where is None:
            return None
        answer = ask(where, SUPERUSER)
        self.last_words = answer.text
        return where if answer.ready else None

    def _start(self, guard: int) -> None:
        """Start a keeper with its server; it inherits the keeper's lock, so there is no moment without it."""
        stop_unkept(self.home, self.report)
        programs = reachable(self.programs, account=self.account, copy_to=self.home.programs)
        ensure_cluster(self.home, programs=programs, account=self.account, unsafe_fast=self.unsafe_fast)
        folder = socket_folder(self.home, self.account)
        plan = {
            "command": serve_command(self.home, programs=programs, folder=folder, unsafe_fast=self.unsafe_fast),
            "identity": self.account.identity(),
            "users_lock": str(self.home.users_lock),
            "socket_folder": str(folder) if folder else None,
        }
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(self.home.startup_log, flags, 0o600)
        try:
            subprocess.run(  # noqa: S603 - our own script; it returns at once and leaves the keeper behind
                [sys.executable, "-I", "-S", keeper.__file__, json.dumps(plan)],
                env=server_environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[guard], start_new_session=True, check=False, timeout=KEEPER_START_LIMIT_S,
            )  # fmt: skip
        finally:
            os.close(log)


def _log_tail(home: Home) -> str:
    logs = [home.startup_log, *(home.cluster / "log").glob("*.log")]
    newest = sorted((log for log in logs if log.is_file()), key=lambda log: log.stat().st_mtime)[-2:]
    return "\n".join(log.read_bytes()[-LOG_TAIL_MAX_BYTES:].decode(errors="replace").strip() for log in newest)
