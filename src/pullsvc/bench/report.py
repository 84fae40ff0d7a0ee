"""Results as rows for people, beside those of an earlier run, and as the tables of docs/performance.md."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.model import Case, Result
from pullsvc.bench.stats import compare

HEADINGS = (
    "case", "per second", "limit", "share", "p50 ms", "p99 ms", "max ms", "cores app / pg / load",
    "statements", "WAL kB", "app MiB",
)  # fmt: skip
BEGIN = "<!-- made by `pullsvc bench report`: begin -->"
END = "<!-- made by `pullsvc bench report`: end -->"
MAX_CHANGE = 1.25
SCENARIOS = ("pulls", "claims", "sales", "board", "growth", "watch")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row for each case, under HEADINGS; latencies are those of the slowest kind of call."""
    return [_row(case) for case in result.cases]


def _row(case: Case) -> tuple[str, ...]:
    limit = case.limit_per_s
    last = case.spans[-1]
    cores = " / ".join(f"{last.cores[who]:.2f}" if who in last.cores else "-" for who in ("app", "postgres", "load"))
    statements = last.statements_per_act
    return (
        case.name,
        f"{figure(case.per_s)} {case.unit}s",
        figure(limit) if limit else "",
        f"{case.per_s / limit:.0%}" if limit else "",
        *(f"{case.worst(name):.1f}" for name in ("p50_ms", "p99_ms", "max_ms")),
        cores,
        f"{statements:.1f}" if statements is not None else "-",
        f"{last.wal_bytes_per_act / 1000:.1f}",
        f"{last.app_mib:.0f}",
    )


def figure(value: float) -> str:
    """Return a rate with three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def details(result: Result) -> list[str]:
    """Return what there is to tell beyond the rows: each kind of call, each part of the limit, the facts."""
    told = []
    for case in result.cases:
        for kind in case.spans[-1].calls:
            calls = [span.calls[kind] for span in case.spans if kind in span.calls]
            times = ", ".join(
                f"{name} {median(getattr(one, name + '_ms') for one in calls):.1f}" for name in ("p50", "p99", "max")
            )
            limit = case.limit.kinds.get(kind) if case.limit else None
            alone = f"; pgbench alone {figure(limit)}/s" if limit else ""
            told.append(f"{case.name}: {kind}: {sum(one.count for one in calls)} calls, {times} ms{alone}")
        if case.facts:
            told.append(f"{case.name}: " + ", ".join(f"{name} {value}" for name, value in case.facts.items()))
    return told


def compared(new: Result, old: Result) -> list[tuple[str, ...]]:
    """Return for each case that both have: name, new and old rate, ratio, noise, verdict."""
    before = {case.name: case for case in old.cases}
    found: list[tuple[str, ...]] = []
    for case in new.cases:
        if case.name in before:
            seen = compare(case.rates, before[case.name].rates)
            rates = (figure(case.per_s), figure(before[case.name].per_s))
            found.append((case.name, *rates, f"{seen.ratio:.2f}", f"{seen.noise:.0%}", seen.verdict.value))
    return found


def changed_machine(new: Result, old: Result) -> list[str]:
    """Return what differs between the machines, or between the machine then and now, so that rates say less."""
    found = []
    for name, what in (("flush_ms", "a commit's wait for the disk"), ("compute_ms", "a piece of plain computing")):
        now, then = float(new.machine.get(name, 0)), float(old.machine.get(name, 0))
        if now and then and not 1 / MAX_CHANGE < now / then < MAX_CHANGE:
            found.append(f"{what} takes {now:.2f} ms now and took {then:.2f} ms then")
    return found


def read(path: Path) -> Result:
    """Return the result in a file.

    Raises:
        BenchFailed: the file holds none.
    """
    try:
        return Result.of_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise BenchFailed(f"{path} holds no result of a bench: {wrong}") from wrong


def write(path: Path, result: Result) -> None:
    """Write a result to a file."""
    path.write_text(json.dumps(result.as_json(), indent=1, ensure_ascii=False) + "\n")


def page_with(page: str, results: Iterable[Result]) -> str:
    """Return the page with the tables of the results between its two markers.

    Raises:
        BenchFailed: the page does not have the markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchFailed("The page has not the two markers between which the tables go.")
    tables = "\n".join(_section(result) for result in sorted(results, key=_place))
    return f"{before}{begin}\n\n{tables}\n{end}{after}"


def _place(result: Result) -> tuple[int, str]:
    known = SCENARIOS.index(result.scenario) if result.scenario in SCENARIOS else len(SCENARIOS)
    return known, str(result.machine.get("measured_at"))


def _section(result: Result) -> str:
    machine, options = result.machine, result.options
    said = (
        f"{machine['cores']} cores, PostgreSQL {machine['postgres']['version']}, a commit waits "
        f"{machine['flush_ms']:.1f} ms for the disk; {options['workers']} worker(s), {options['repeat']} spans of "
        f"{options['seconds']:g} s, seed {options['seed']}, measured {str(machine['measured_at'])[:10]}."
    )
    return "\n".join([f"### {result.scenario}", "", said, "", *_table(HEADINGS, rows(result)), ""])


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    rule = "|".join(["---", *["---:"] * (len(headings) - 1)])
    return [f"| {' | '.join(headings)} |", f"|{rule}|", *(f"| {' | '.join(line)} |" for line in lines)]
