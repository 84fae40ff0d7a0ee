"""`demo`: one real day of a grocery store, played through the public API, and what the watch was worth in it."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pullsvc import embedded, logs
from pullsvc.access.codes import qr_terminal
from pullsvc.cli import runtime
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, page, people, say_json
from pullsvc.config import Settings
from pullsvc.demo import PanelMissing, panel_folder

if TYPE_CHECKING:
    from pullsvc.demo.run import Kept, Plan
    from pullsvc.demo.summary import Outcome

Told = Callable[[str, float], None]

LOG_NAME = "service.log"
PLAIN_STEP = 0.25  # Without a terminal: a line at each quarter of a phase.
EXIT_TERMINATED = 128 + signal.SIGTERM

Keep = Annotated[bool, typer.Option("--keep", help="Then serve the stores on, until Ctrl-C, at the speed of the wall.")]
Lan = Annotated[
    bool, typer.Option("--lan", help="With --keep: let other machines of your network in, over plain http.")
]
Seed = Annotated[int, typer.Option(help="Of every draw.")]
Seconds = Annotated[float, typer.Option(min=5, max=3600, help="Real seconds that the day takes.")]
DataDir = Annotated[Path | None, typer.Option(help="New folder for the data, kept; default: one that is removed.")]


def demo(
    keep: Keep = False,
    lan: Lan = False,
    as_json: JsonFlag = False,
    seed: Seed = 1,
    seconds: Seconds = 70.0,
    data_dir: DataDir = None,
) -> None:
    """Play one real day in two twin stores, one with the watch and one without; status 1 when a law is broken.

    The receipts are real, the people are simulated. It takes about two minutes and asks nothing. Its data go into a
    PostgreSQL of its own, or into the empty, migrated database of PULLSVC_DATABASE_URL.
    """
    if lan and not keep:
        raise typer.BadParameter("serves nobody without --keep", param_hint="--lan")
    _need_packages()
    config = runtime.settings()
    logs.configure(form=config.log_format, level="WARNING")  # The demo tells by itself how far it is.
    from pullsvc.demo.failures import DemoFailed  # noqa: PLC0415 - below here all is installed, as just seen
    from pullsvc.demo.run import Plan  # noqa: PLC0415 - as above
    from pullsvc.running import ServiceFailed  # noqa: PLC0415 - as above

    with _ended_by_sigterm(), ExitStack() as stack:
        folder = stack.enter_context(_log_folder())
        where = stack.enter_context(runtime.place(_own_folder(config, stack, data_dir)))
        runtime.ensure_migrated(where)
        show = Show(
            Plan(seed=seed, real_s=seconds), where.url, folder.path / LOG_NAME, keep=keep, lan=lan, as_json=as_json
        )
        try:
            asyncio.run(show.run())
        except (DemoFailed, ServiceFailed) as failure:
            show.failures.append(str(failure))
        if show.failures:
            folder.keep = show.log.exists()
            where_to_look = [f"the service's log: {show.log}"] if folder.keep else []
            runtime.fail(*show.failures, *where_to_look, status=EXIT_FOUND)


def _need_packages() -> None:
    """Leave with the command to run when the extra `demo` is not installed."""
    try:
        panel_folder()
    except PanelMissing as missing:
        runtime.fail(str(missing))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as an error would, so that everything is cleaned up."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(slots=True)
class _LogFolder:
    """Where the service's output goes; removed with all that is in it unless `keep` was set."""

    path: Path
    keep: bool = False


@contextmanager
def _log_folder() -> Iterator[_LogFolder]:
    folder = _LogFolder(Path(tempfile.mkdtemp(prefix="pullsvc-demo-")))
    try:
        yield folder
    finally:
        if not folder.keep:
            shutil.rmtree(folder.path, ignore_errors=True)


def _own_folder(config: Settings, stack: ExitStack, data_dir: Path | None) -> Settings:
    """Return the settings with a data folder for the demo alone: never the one that the operator's stores are in."""
    if config.given_database_url():
        if data_dir:
            raise typer.BadParameter("with PULLSVC_DATABASE_URL set there is no data folder", param_hint="--data-dir")
        return config
    return config.model_copy(update={"data_dir": data_dir or embedded.throwaway_dir(stack)})


class Show:
    """One run of the demo on a database, and what is told of it.

    Attributes:
        log: The service's output.
        failures: What must not have happened; known after `run`.
    """

    def __init__(self, plan: "Plan", url: str, log: Path, *, keep: bool, lan: bool, as_json: bool) -> None:
        self.log = log
        self.failures: list[str] = []
        self._plan = plan
        self._url = url
        self._keep = keep
        self._lan = lan
        self._as_json = as_json

    async def run(self) -> None:
        """Play the day, print the summary, and with `keep` serve on until told to stop."""
        from pullsvc.demo import run  # noqa: PLC0415 - needs the extra `demo`
        from pullsvc.demo.dataset import load_store  # noqa: PLC0415 - as above

        async with run.operator(self._url) as db:
            await run.refuse_taken(db)  # At once, not after a minute's work.
        with _telling() as told:
            told("reading receipts", 0.0)
            store = await asyncio.to_thread(load_store, seed=self._plan.seed)
            told("reading receipts", 1.0)
            outcome = await run.play(store, self._plan, database_url=self._url, log=self.log, told=told)
        self.failures += outcome.failures
        if not self._keep:
            self._say(outcome)
            return
        async with run.kept(store, self._plan, database_url=self._url, log=self.log, lan=self._lan) as service:
            self._say(outcome, service)
            await asyncio.Event().wait()

    def _say(self, outcome: "Outcome", service: "Kept | None" = None) -> None:
        if self._as_json:
            say_json({**outcome.as_json(), **(asdict(service) if service else {})})
        else:
            _print(outcome)
            if service:
                _print_how_to_get_in(service, lan=self._lan)
        sys.stdout.flush()


def _print_how_to_get_in(service: "Kept", *, lan: bool) -> None:
    from pullsvc.demo.visitors import COMPUTER, PHONE  # noqa: PLC0415 - beside what needs the extra `demo`

    if lan:
        page.print(
            "[bold red]Open to your whole network, over plain http.[/] Whoever listens there can take over what you "
            "do. For a look in a network that you trust, with nothing real in it; never for a store."
        )
    table = Table("name", "role", "badge", "PIN", title="Who may sign in to the store with the watch")
    for one in service.invitation.sign_ins:
        table.add_row(one.name, one.role, one.badge, one.pin)
    page.print(table)
    page.print("To enrol a device open its link on it, once, within ten minutes:")
    for device in (COMPUTER, PHONE):
        page.print(f"  {device}: {service.invitation.enrolments[device]}", soft_wrap=True, markup=False)
    page.print(qr_terminal(service.invitation.enrolments[PHONE]), markup=False, soft_wrap=True)
    if not lan:
        port = service.address.rpartition(":")[2]
        page.print(f"A phone gets here by USB (adb reverse tcp:{port} tcp:{port}), or with --lan.", markup=False)
    page.print(f"Board and handheld: {service.address}/app/ (API: {service.address}/docs)", markup=False)
    page.print(f"Key of a lead in both stores: {service.key}", soft_wrap=True, markup=False)
    page.print("Serving until Ctrl-C.")


def _print(outcome: "Outcome") -> None:
    from pullsvc.demo import summary  # noqa: PLC0415 - needs the extra `demo`

    table = Table("", *(day.label for day in outcome.days), title=f"Real receipts, simulated people: {outcome.played}")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, values in summary.rows(outcome):
        table.add_row(name, *values)
    page.print(table)
    for remark in summary.remarks(outcome):
        page.print(remark, markup=False)


@contextmanager
def _telling() -> Iterator[Told]:
    """Show how far the demo is: as a bar on a terminal, else as lines, both on stderr."""
    if not people.is_terminal:
        yield _Lines().tell
        return
    columns = (TextColumn("{task.description:>18}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=people) as bar:
        yield _Bars(bar).tell


class _Bars:
    """One bar for each phase."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def tell(self, phase: str, share: float) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._bar.add_task(phase, total=1.0)
        self._bar.update(self._tasks[phase], completed=share)


class _Lines:
    """A line at each step of a phase."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def tell(self, phase: str, share: float) -> None:
        if share >= self._next.get(phase, 0.0):
            people.print(f"{phase} {share:.0%}", markup=False)
            self._next[phase] = share + PLAIN_STEP if share < 1.0 else 2.0


COMMANDS: tuple[Callable[..., Any], ...] = (demo,)
