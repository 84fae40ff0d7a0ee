"""Root, whom PostgreSQL refuses, and plain users: both get a server, and nobody's folders are opened up for it."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import pullsvc
from pullsvc import embedded
from pullsvc.embedded.account import server_account
from pullsvc.embedded.home import ROOT_DATA_DIR, Home
from pullsvc.embedded.probe import postmaster
from pullsvc.embedded.programs import copy_tree

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")

PLAIN_USER = """
import os, sys
from pathlib import Path
from pullsvc import embedded

with embedded.server(data_dir=Path(sys.argv[1]), unsafe_fast=True) as pg:
    pg.ensure_database("shop")
    print(os.geteuid(), pg.sql("SELECT current_user", database="shop"), embedded.status(Path(sys.argv[1])).state)
"""


@pytest.fixture
def closed(home: Home) -> Path:
    """A folder that only its owner can enter, as a home is."""
    (home.path / "closed").mkdir(mode=0o700)
    home.path.chmod(0o711)
    return home.path / "closed"


@as_root
class TestRoot:
    def test_runs_the_server_as_somebody_without_rights(self, home: Home) -> None:
        with embedded.server(data_dir=home.path, unsafe_fast=True):
            pid = postmaster(home.cluster)
            assert psutil.Process(pid).uids().effective == pwd.getpwnam("nobody").pw_uid
            assert psutil.Process(pid).uids().saved == pwd.getpwnam("nobody").pw_uid
            assert home.path.stat().st_uid == 0

    def test_is_told_when_the_server_cannot_reach_the_data_and_no_mode_changes(self, closed: Path) -> None:
        with pytest.raises(embedded.EmbeddedError, match=f"cannot reach {closed}/data"):
            embedded.server(data_dir=closed / "data").__enter__()
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_copies_programs_that_lie_where_the_server_cannot_go(self, home: Home, closed: Path) -> None:
        bindir = copied_programs(closed / "venv")
        data = Home(home.path / "data")
        made_at = []
        for _ in range(2):  # The second time from the copy made by the first.
            with embedded.server(data_dir=data.path, pg_bindir=bindir, unsafe_fast=True) as pg:
                exe = psutil.Process(postmaster(data.cluster)).exe()
                assert Path(exe).is_relative_to(data.programs)
                assert pg.sql("CREATE EXTENSION IF NOT EXISTS pg_trgm; SELECT similarity('tub', 'tub')") == "1"
            made_at.append((data.programs / "BUILD").stat().st_mtime_ns)
        assert made_at[0] == made_at[1]
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_keeps_its_data_where_others_can_go_whatever_its_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/nonexistent")
        assert embedded.default_data_dir(18) == ROOT_DATA_DIR / "pg18"

    def test_is_told_when_the_named_user_is_root_or_nobody_at_all(self) -> None:
        with pytest.raises(embedded.EmbeddedError, match="does not run as root"):
            server_account("root")
        with pytest.raises(embedded.EmbeddedError, match="no user 'no-such-user'"):
            server_account("no-such-user")

    def test_may_name_the_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PULLSVC_PG_USER", "daemon")
        assert server_account().uid == pwd.getpwnam("daemon").pw_uid


def test_a_plain_user_runs_the_server_itself(home: Home) -> None:
    """Root plays one: nobody, with an interpreter and copies of our files that nobody can reach."""
    plain = server_account()
    library, data = home.path / "library", home.path / "data"
    for package in (pullsvc, psutil):
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, library / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    bindir = copied_programs(home.path / "programs")
    home.path.chmod(0o755)
    data.mkdir(mode=0o700)
    plain.own(data)
    interpreters = (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3")
    usable = next(
        (
            python
            for python in interpreters
            if plain.can_run(python, "-c", "import sys; assert sys.version_info >= (3, 11)")
        ),
        None,
    )
    if usable is None:
        pytest.skip("this root keeps every Python to itself")

    done = subprocess.run(
        [usable, "-c", PLAIN_USER, data], **plain.identity(), cwd="/", check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(data), "PYTHONPATH": str(library),
             "PULLSVC_PG_BINDIR": str(bindir)},
    )  # fmt: skip

    assert done.stderr == ""
    assert done.stdout == f"{plain.uid} pullsvc running\n"
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "cluster").stat().st_uid == plain.uid


def copied_programs(to: Path) -> Path:
    """Put a copy of PostgreSQL into a folder and return where its programs are."""
    tree = embedded.binaries().bindir.parent
    copy_tree(tree, to)
    return to / tree.parent.name / tree.name / "bin"
