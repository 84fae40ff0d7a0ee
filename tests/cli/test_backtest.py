import json
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pullsvc.cli.main import app

SPANS = [
    "--train",
    "2025-03-03..2025-03-09",
    "--validate",
    "2025-03-10..2025-03-11",
    "--test",
    "2025-03-12..2025-03-13",
]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Eleven days of a small store, and its item master."""
    rng = np.random.default_rng(1)
    rows = ["occurred_at,sku,quantity"]
    for day in range(11):
        opens = datetime.combine(date(2025, 3, 3) + timedelta(days=day), datetime.min.time()) + timedelta(hours=7)
        seconds = np.sort(rng.integers(0, 15 * 3600, 300)).tolist()
        rows += [
            f"{(opens + timedelta(seconds=second)).isoformat()},S{rng.integers(0, 12)},{rng.integers(1, 4)}"
            for second in seconds
        ]
    (tmp_path / "lines.csv").write_text("\n".join(rows) + "\n")
    items = ["sku,department,category,price", *(f"S{n},GROCERY,C{n % 3},2.5" for n in range(12))]
    (tmp_path / "items.csv").write_text("\n".join(items) + "\n")
    return ["--lines", str(tmp_path / "lines.csv"), "--items", str(tmp_path / "items.csv")]


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["backtest", *words])
    return done.exit_code, done.stdout, done.stderr


class TestBacktest:
    def test_gives_the_figures_as_json_and_a_page(self, files: list[str], tmp_path: Path) -> None:
        page = tmp_path / "report.html"
        code, out, _ = run(*files, *SPANS, "--only", "c,x", "--processes", "1", "--json", "--html", str(page))
        told = json.loads(out)

        assert code == 0
        assert {row["rule"] for row in told["rules"]} == {"c", "x", "f"}
        assert told["days"] == ["2025-03-12", "2025-03-13"]
        assert page.read_text().startswith("<!doctype html>")

    def test_gives_a_table(self, files: list[str]) -> None:
        code, out, _ = run(*files, *SPANS, "--only", "c", "--processes", "1")

        assert code == 0
        assert "tight labour" in out
        assert "bound" in out

    def test_says_the_same_twice(self, files: list[str]) -> None:
        words = (*files, *SPANS, "--only", "x", "--processes", "1", "--json")
        first, again = (json.loads(run(*words)[1]) for _ in range(2))
        for told in (first, again):
            for row in told["rules"]:
                row.pop("cpu_s")

        assert first == again

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--only", "zz"], "known are"),
            (["--rule", "nowhere:Nothing"], "nowhere"),
            (["--test", "tomorrow"], "not a span of days"),
            (["--test", "2025-03-10..2025-03-13"], "must follow one another"),
            (["--items", "/no/such/file.csv"], "no such file"),
        ],
    )
    def test_refuses_in_one_sentence(self, files: list[str], words: list[str], message: str) -> None:
        code, _, told = run(*files, *SPANS, *words)

        assert code == 1
        assert message in told.replace("\n", " ")
        assert "Traceback" not in told

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--half", "third"], "must be one of development, twin, whole"),
            (["--weeks", "2", "--ends-before", "250"], "begin 67 days before the panel does"),
        ],
    )
    def test_refuses_a_store_that_the_panel_cannot_make(self, words: list[str], message: str) -> None:
        _, _, told = run("--demo", *words)

        assert message in " ".join(told.split())

    def test_asks_for_what_is_missing(self) -> None:
        code, _, told = run()

        assert code == 2
        assert "--demo" in told
