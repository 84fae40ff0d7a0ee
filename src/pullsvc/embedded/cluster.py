"""Making a cluster (initdb) and the command that serves it."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from pullsvc.embedded.account import Account
from pullsvc.embedded.errors import EmbeddedError
from pullsvc.embedded.home import PORT, Home, lent_password, new_password
from pullsvc.embedded.programs import Binaries
from pullsvc.embedded.settings import SETTINGS, UNSAFE_FAST

SUPERUSER = "pullsvc"
LOOPBACK = "127.0.0.1"
INITDB_LIMIT_S = 300.0


def server_environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs: ours, without what would steer them elsewhere."""
    steering = ("PG", "LC_", "LANG")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)} | {"LC_ALL": "C"}


def ensure_cluster(home: Home, *, programs: Binaries, account: Account, unsafe_fast: bool) -> None:
    """Make the cluster unless it is there; an interrupted attempt leaves none, and is made anew.

    Raises:
        EmbeddedError: initdb failed, or the cluster was made by another major version.
    """
    version_file = home.cluster / "PG_VERSION"
    if version_file.is_file():
        made_by = version_file.read_text().strip()
        if made_by != str(programs.major):
            raise EmbeddedError(
                f"the data in {home.path} were made by PostgreSQL {made_by}, the programs in {programs.bindir} are "
                f"{programs.version}; set PULLSVC_PG_BINDIR to PostgreSQL {made_by}, or dump and restore"
            )
        return
    partial = home.path / "cluster.new"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    account.own(partial)
    with lent_password(home, account, new_password(home)) as pwfile:
        made = subprocess.run(  # noqa: S603 - a program that was looked up, with fixed arguments
            [programs.program("initdb"), *_initdb_arguments(programs, partial, pwfile, unsafe_fast=unsafe_fast)],
            **account.identity(), env=server_environment(), cwd=home.path, timeout=INITDB_LIMIT_S,
            capture_output=True, check=False, text=True,
        )  # fmt: skip
    if made.returncode != 0:
        raise EmbeddedError(f"initdb failed in {partial}: {made.stderr.strip()[-2000:]}")
    partial.rename(home.cluster)


def _initdb_arguments(programs: Binaries, cluster: Path, pwfile: Path, *, unsafe_fast: bool) -> list[str]:
    if programs.major >= 17:
        # Sorts by code point and knows upper from lower case, the same on every machine and in every C library.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
    arguments = [f"--pgdata={cluster}", f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={pwfile}"]
    arguments += ["--encoding=UTF8", "--data-checksums", "--no-instructions", *locale]
    return [*arguments, "--no-sync"] if unsafe_fast else arguments


def serve_command(home: Home, *, programs: Binaries, folder: Path | None, unsafe_fast: bool) -> list[str]:
    """Return the command that serves the cluster on a socket in `folder`; None: on a port of the loopback."""
    if folder:
        place = {"listen_addresses": "", "unix_socket_directories": f'"{folder}"', "port": str(PORT)}
    else:
        place = {"listen_addresses": LOOPBACK, "unix_socket_directories": "", "port": str(_free_port())}
    settings = {**SETTINGS, **(UNSAFE_FAST if unsafe_fast else {}), **place}
    arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [programs.program("postgres"), "-D", str(home.cluster), *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
