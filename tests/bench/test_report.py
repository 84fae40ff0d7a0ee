"""Results as JSON, as rows, beside an earlier run, and as the page of the docs."""

import json
from pathlib import Path

import pytest

from pullsvc.bench import report
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.meter import Reading
from pullsvc.bench.model import Case, Limit, Result, span_of
from pullsvc.bench.stats import Tally

ROOT = Path(__file__).parents[2]
PAGE = f"# Speed\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n"


def reading(at: float, **other: float) -> Reading:
    figures = {"app_s": at / 2, "postgres_s": at, "load_s": at / 10, "wal_bytes": 1000 * at, "statements": 20 * at}
    return Reading(**{"at": at, **figures, "app_mib": 80, "app_total_mib": 90, **other})  # type: ignore[arg-type]  # whole


def case(name: str = "cycle, 8 clients", *, per_s: int = 10) -> Case:
    """Two spans of a second each."""
    tally = Tally()
    for n in range(2 * per_s):
        tally.note("cycle", began=n / per_s, ended=n / per_s)
        tally.note("ask", began=n / per_s - 0.004, ended=n / per_s)
    spans = [span_of([(reading(at), reading(at + 1))], tally, act="cycle") for at in (0, 1)]
    limit = Limit(40, {"ask": 40}, {"ask": 1}, 8, {"ask": 5}, {"ask": 1}, {"ask": 0.02})
    return Case(name=name, unit="cycle", clients=8, spans=spans, limit=limit, facts={"audited_stores": 2})


def result(*cases: Case) -> Result:
    machine = {"cores": 2, "measured_at": "2026-03-14T12:00:00+00:00", "postgres": {"version": "18.6"}, "flush_ms": 0.4}
    return Result("pulls", machine, {"workers": 1, "repeat": 2, "seconds": 1.0, "seed": 1}, list(cases) or [case()])


class TestSpanOf:
    def test_adds_the_pieces_up_and_nothing_between_them(self) -> None:
        tally = Tally()
        for at in (0.5, 1.5, 2.5):
            tally.note("claim", began=at - 0.1, ended=at)
        span = span_of([(reading(0), reading(1)), (reading(2), reading(4))], tally, act="claim")

        assert (span.seconds, span.acts, span.per_s) == (3, 2, 2 / 3)
        assert span.cores == {"app": 0.5, "postgres": 1, "load": 0.1}
        assert span.wal_bytes_per_act == 1500
        assert span.statements_per_act == 30
        assert span.calls["claim"].p50_ms == 100

    def test_leaves_out_what_is_not_known(self) -> None:
        unknown = reading(0, postgres_s=None, statements=None), reading(1, postgres_s=None, statements=None)  # type: ignore[arg-type]  # not our server
        span = span_of([unknown], Tally(), act="claim")

        assert set(span.cores) == {"app", "load"}
        assert span.statements_per_act is None


class TestResult:
    def test_comes_back_from_json_as_it_was(self, tmp_path: Path) -> None:
        report.write(tmp_path / "pulls.json", result())

        assert report.read(tmp_path / "pulls.json") == result()

    def test_of_another_format_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "old.json").write_text(json.dumps({**result().as_json(), "format": 0}))

        with pytest.raises(BenchFailed, match="format 0"):
            report.read(tmp_path / "old.json")

    def test_that_is_none_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("[]")

        with pytest.raises(BenchFailed, match="holds no result"):
            report.read(tmp_path / "x.json")


class TestRows:
    def test_say_how_near_the_limit_is(self) -> None:
        (row,) = report.rows(result())

        assert dict(zip(report.HEADINGS, row, strict=True)) | {"max ms": ""} == {
            "case": "cycle, 8 clients",
            "per second": "10 cycles",
            "limit": "40",
            "share": "25%",
            "p50 ms": "4.0",
            "p99 ms": "4.0",
            "max ms": "",
            "cores app / pg / load": "0.50 / 1.00 / 0.10",
            "statements": "2.0",
            "WAL kB": "0.1",
            "app MiB": "80",
        }

    def test_tell_each_kind_of_call(self) -> None:
        assert report.details(result()) == [
            "cycle, 8 clients: ask: 20 calls, p50 4.0, p99 4.0, max 4.0 ms; pgbench alone 40/s",
            "cycle, 8 clients: audited_stores 2",
        ]


class TestCompared:
    def test_goes_by_the_names_of_cases(self) -> None:
        new, old = result(case(per_s=20), case("only now")), result(case(per_s=10), case("only then"))

        assert report.compared(new, old) == [("cycle, 8 clients", "20", "10", "2.00", "3%", "faster")]


class TestChangedMachine:
    def test_tells_that_a_comparison_says_little(self) -> None:
        quiet, busy = result(), result()
        busy.machine["flush_ms"] = 4.0

        assert report.changed_machine(quiet, quiet) == []
        assert report.changed_machine(busy, quiet) == [
            "a commit's wait for the disk takes 4.00 ms now and took 0.40 ms then"
        ]


class TestPage:
    def test_changes_only_what_is_between_the_markers(self) -> None:
        page = report.page_with(PAGE, [result()])

        assert page.startswith(f"# Speed\n\n{report.BEGIN}\n\n### pulls\n")
        assert page.endswith(f"\n{report.END}\n\nAfter.\n")
        assert "| cycle, 8 clients | 10 cycles | 40 | 25% |" in page
        assert "old" not in page
        assert report.page_with(page, [result()]) == page

    def test_without_markers_is_refused(self) -> None:
        with pytest.raises(BenchFailed, match="markers"):
            report.page_with("# Speed\n", [])

    def test_of_the_docs_says_what_the_results_say(self) -> None:
        """Run `pullsvc bench report --from docs/bench` when this fails."""
        page = (ROOT / "docs" / "performance.md").read_text()
        results = [report.read(path) for path in sorted((ROOT / "docs" / "bench").glob("*.json"))]

        assert report.page_with(page, results) == page
