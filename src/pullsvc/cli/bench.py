"""`bench`: what the service can do on this machine, beside what PostgreSQL alone can do with the same statements."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pullsvc import logs
from pullsvc.bench import pairing, report
from pullsvc.bench.board import board as run_board
from pullsvc.bench.claims import claims as run_claims
from pullsvc.bench.cluster import Cluster, named_cluster, own_cluster
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.growth import Size
from pullsvc.bench.growth import growth as run_growth
from pullsvc.bench.model import Options, Result
from pullsvc.bench.pairing import run_pairs
from pullsvc.bench.puller import LINES
from pullsvc.bench.pulls import pulls as run_pulls
from pullsvc.bench.sales import loads_of
from pullsvc.bench.sales import sales as run_sales
from pullsvc.bench.sales import world_of as sales_world
from pullsvc.bench.stand import Stand
from pullsvc.bench.till import FORMATS, MODES
from pullsvc.bench.watch import watch as run_watch
from pullsvc.bench.world import World
from pullsvc.cli.runtime import EXIT_FOUND, fail, page, people
from pullsvc.running import ServiceFailed

app = typer.Typer(
    name="bench",
    help="Measure the service over HTTP, and what PostgreSQL alone does with the same statements.",
    no_args_is_help=True,
)

EXIT_TERMINATED = 128 + signal.SIGTERM
HISTORY_STORES = 16
WATCHED_SIZES = "1x2000,1x10000,8x2000"
PERFORMANCE_PAGE = Path("docs/performance.md")

# A table of figures must not be broken where the output goes into a file.
wide = Console(highlight=False, width=None if page.is_terminal else 160)

Scenario = Callable[[Stand], Awaitable[Result]]


def _measured(
    *,
    seconds: Annotated[float, typer.Option(min=0.2, max=600, help="Length of a measured span.")] = 8.0,
    warm: Annotated[float, typer.Option(min=0, max=600, help="Seconds before the first span.")] = 3.0,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Spans, one after the other.")] = 3,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Processes of the service that take requests.")] = 1,
    processes: Annotated[int, typer.Option(min=1, max=16, help="Load generators.")] = 1,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 1,
    limit: Annotated[bool, typer.Option(help="Measure PostgreSQL's own limit, too.")] = True,
    limit_clients: Annotated[int, typer.Option(min=1, max=64, help="Connections of pgbench.")] = 8,
    database_url: Annotated[str | None, typer.Option(help="Server to make databases on; default: one's own.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
    compare: Annotated[Path | None, typer.Option(help="An earlier result: faster, slower or neither?")] = None,
    scenario: Scenario,
) -> None:
    """Run a scenario; print its result, and what the comparison says."""
    logs.configure(form="console", level="WARNING")
    options = Options(seconds, warm, repeat, workers, processes, seed, limit, limit_clients)
    try:
        before = report.read(compare) if compare else None
        with (
            _ended_by_sigterm(),
            _cluster(database_url) as cluster,
            tempfile.TemporaryDirectory(prefix="pullsvc-bench-") as folder,
        ):
            stand = Stand(cluster, options, Path(folder), told=lambda text: people.print(text, markup=False))
            try:
                result = asyncio.run(_whole(scenario, stand))
            except (BenchFailed, ServiceFailed) as failure:
                fail(str(failure), *stand.service_errors(), status=EXIT_FOUND)
    except BenchFailed as failure:
        fail(str(failure), status=EXIT_FOUND)
    if json_file:
        report.write(json_file, result)
    _show(result)
    if before:
        _show_comparison(result, before)


def _command(build: Callable[..., Scenario]) -> None:
    """Make a command of a function that makes a scenario: it takes that one's options and those of every bench."""
    own = signature(build).parameters
    common = {name: one for name, one in signature(_measured).parameters.items() if name != "scenario"}

    def run(**given: Any) -> None:
        scenario = build(**{name: given.pop(name) for name in own})
        _measured(scenario=scenario, **given)

    run.__doc__ = build.__doc__
    run.__annotations__ = {name: one.annotation for name, one in {**own, **common}.items()}
    run.__signature__ = Signature([*own.values(), *common.values()])  # type: ignore[attr-defined]  # read by typer
    app.command(name=build.__name__)(run)


@_command
def pulls(
    *,
    clients: Annotated[str, typer.Option(help="Closed-loop clients, by commas: a case for each.")] = "1,8,64",
    batched: Annotated[bool, typer.Option(help="All picks of a task in one call.")] = False,
    stores: Annotated[int, typer.Option(min=1, max=5_000, help="Stores.")] = 16,
    zones: Annotated[int, typer.Option(min=1, max=1_000, help="Zones a store.")] = 128,
) -> Scenario:
    """Whole pull cycles: ask for five items, claim, pick, stage, deliver, put away."""
    world = World(stores=stores, zones=zones, items=LINES * zones)
    return partial(run_pulls, world=world, clients=_numbers(clients), batched=batched)


@_command
def claims(
    *,
    clients: Annotated[int, typer.Option(min=1, max=1_000, help="Closed-loop clients.")] = 64,
    stores: Annotated[str, typer.Option(help="Stores, by commas.")] = "1,2000",
    backlog: Annotated[str, typer.Option(help="Open pulls in all stores together, by commas.")] = "1000,1000000",
    scramble: Annotated[bool, typer.Option(help="Also let 500 claim 50 pulls at once.")] = True,
) -> Scenario:
    """Claims alone, of tasks of one line, over backlogs and numbers of stores."""
    numbers = _numbers(stores)
    return partial(run_claims, stores=numbers, backlogs=_numbers(backlog), clients=clients, scramble=scramble)


@_command
def sales(
    *,
    sizes: Annotated[str, typer.Option(help="Lines in a batch, by commas; 0: single receipts.")] = "0,10,100,1000",
    modes: Annotated[str, typer.Option(help="new, duplicates, shuffled, late; by commas.")] = ",".join(MODES),
    formats: Annotated[str, typer.Option(help="Of batches, by commas.")] = ",".join(FORMATS),
    stores: Annotated[int, typer.Option(min=1, max=5_000, help="Stores.")] = 16,
    items: Annotated[int, typer.Option(min=10, max=100_000, help="Items a store.")] = 2_000,
) -> Scenario:
    """Receipts one at a time and in batches: new, sent again, shuffled, late."""
    loads = loads_of(sizes=_numbers(sizes, least=0), forms=_words(formats, FORMATS), modes=_words(modes, MODES))
    return partial(run_sales, world=sales_world(stores=stores, items=items), loads=loads)


@_command
def board(
    *,
    screens: Annotated[str, typer.Option(help="Live boards, by commas: a case for each.")] = "200,500",
    stores: Annotated[str, typer.Option(help="Stores that they are spread over, by commas.")] = "1,50",
    rate: Annotated[float, typer.Option(min=1, max=5_000, help="Events a second, in all stores together.")] = 100.0,
) -> Scenario:
    """Live boards: how long from the commit of an act to the screens."""
    return partial(run_board, screens=_numbers(screens), stores=_numbers(stores), events_per_s=rate)


@_command
def growth(
    *,
    stores: Annotated[str, typer.Option(help="Stores, by commas, smallest first.")] = "1,2000",
    backlog: Annotated[str, typer.Option(help="Open pulls, by commas, smallest first.")] = "1000,1000000",
    history: Annotated[int, typer.Option(min=0, help="Lines of history of the last world, of 16 stores.")] = 10_000_000,
    huge: Annotated[bool, typer.Option(help="One more with ten times as much history; asks for 70 GB.")] = False,
) -> Scenario:
    """The same work in ever larger worlds: what does it lose?"""
    sizes = [Size(number, 0) for number in _numbers(stores)]
    sizes += [Size(HISTORY_STORES, lines) for lines in (history, history * 10 * huge) if lines]
    claimed = [(number, pulls) for number in _numbers(stores) for pulls in _numbers(backlog) if pulls >= 2 * number]
    return partial(run_growth, sizes=sizes, claimed=claimed)


@_command
def watch(
    *,
    sizes: Annotated[str, typer.Option(help="Stores x items in each, by commas, smallest first.")] = WATCHED_SIZES,
) -> Scenario:
    """The watch: learning, looks a second in growing worlds, what a sale line costs, and what is kept for a shelf."""
    return partial(run_watch, sizes=[_size(text) for text in sizes.split(",")])


@app.command(name="report")
def write_report(
    *,
    source: Annotated[Path, typer.Option("--from", help="Folder with the results, as --json wrote them.")],
    to: Annotated[Path, typer.Option(help="Page with the two markers.")] = PERFORMANCE_PAGE,
) -> None:
    """Write the tables of docs/performance.md from results."""
    try:
        results = [report.read(path) for path in sorted(source.glob("*.json"))]
        to.write_text(report.page_with(to.read_text(), results))
    except (BenchFailed, OSError) as failure:
        fail(str(failure), status=EXIT_FOUND)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def pair(
    context: typer.Context,
    *,
    old: Annotated[Path, typer.Option(help="Folder src of a checkout of the state to compare with.")],
    pairs: Annotated[int, typer.Option(min=1, max=100, help="How often each state is run.")] = 3,
) -> None:
    """Two states of the code in turns: `bench pair --old ../before/src pulls --clients 64 --no-limit`."""
    try:
        found = run_pairs(context.args, old=old, pairs=pairs, told=lambda text: people.print(text, markup=False))
    except BenchFailed as failure:
        fail(str(failure), status=EXIT_FOUND)
    _show_rows(pairing.compared(found))


def _words(text: str, known: Iterable[str]) -> list[str]:
    """Return the words in a list by commas; leave if one is not known."""
    found = text.split(",")
    if unknown := set(found) - set(known):
        fail(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return found


def _size(text: str) -> tuple[int, int]:
    """Return the numbers in `4x2000`; leave if there are other things in it."""
    stores, _, items = text.partition("x")
    return _numbers(stores)[0], _numbers(items)[0]


def _numbers(text: str, *, least: int = 1) -> list[int]:
    """Return the numbers in a list by commas; leave if there are other things in it."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < least:
        fail(f"{text!r} is no list of numbers, as 1,8,64")
    return found


async def _whole(scenario: Scenario, stand: Stand) -> Result:
    return await scenario(stand)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as an error would, so that everything is cleaned up."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _cluster(database_url: str | None) -> Iterator[Cluster]:
    if database_url:
        yield named_cluster(database_url)
    else:
        with own_cluster() as cluster:
            yield cluster


def _show(result: Result) -> None:
    table = Table(*report.HEADINGS, title=f"bench {result.scenario}")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in report.rows(result):
        table.add_row(*row)
    wide.print(table)
    for line in report.details(result):
        page.print(line, markup=False, soft_wrap=True)


def _show_comparison(result: Result, before: Result) -> None:
    _show_rows(report.compared(result, before))
    for change in report.changed_machine(result, before):
        page.print(f"Beware: {change}.", markup=False)


def _show_rows(rows: Iterable[tuple[str, ...]]) -> None:
    table = Table("case", "now", "before", "ratio", "noise", "verdict", title="compared")
    for row in rows:
        table.add_row(*row)
    wide.print(table)
