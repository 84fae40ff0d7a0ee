"""Two states of the code in turns, through the command."""

from pathlib import Path

from typer.testing import CliRunner

import pullsvc
from pullsvc.cli.bench import app

SOURCE = Path(pullsvc.__file__).parents[1]
TINY = "--backlog 50 --stores 1 --clients 2 --seconds 0.2 --warm 0 --repeat 1 --no-limit --no-scramble"


def test_runs_both_states_and_sets_them_side_by_side(server_url: str) -> None:
    words = ["pair", "--old", str(SOURCE), "--pairs", "1", "claims", *TINY.split(), "--database-url", server_url]
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, done.output
    assert "claim, 1 stores, 50 open, 2 clients" in done.output
    assert "compared" in done.output


def test_wants_a_checkout(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["pair", "--old", str(tmp_path), "claims"])

    assert done.exit_code == 1
    assert "holds no pullsvc" in done.output
