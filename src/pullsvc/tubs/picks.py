"""Fill tubs: scan the tub, pick, put units back, skip a line; built like `actions`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pullsvc.db import Tx
from pullsvc.stock.rules import Cause, Leg
from pullsvc.tubs import queries, rules
from pullsvc.tubs.holding import Deed, DeedKind, Held, Outcome, Told, line_id
from pullsvc.tubs.rules import Line, LineState, Task, TaskState

Wares = Mapping[tuple[int, str], tuple[str, int]]  # Sku and pack, by store and code.


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of units at a backroom location.

    Attributes:
        code: What was scanned on the item, as `normal_code` gives it: SKU or barcode; None: the line says it.
        line_no: Line it is meant for; None: the next open one with that item.
        qty: Eaches; None: what the barcode stands for (a case is a pack), at most what the line still wants.
        location: Where the units were taken, if not where the line says.
        tub: Tub they were put into, if scanned.
        occurred_at: When, aware.
    """

    code: str | None
    line_no: int | None
    qty: int | None
    location: str | None
    tub: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Picked:
    """What a scan left of its line; `qty` is what it counted for."""

    line: Line
    qty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picking(Deed):
    """Units scanned into the tub.

    Attributes:
        scans: In the order in which they were scanned.
        listed: They came as a list, so their answer is one.
    """

    scans: Sequence[Scan]
    listed: bool = False

    @property
    def tubs(self) -> Iterable[str]:
        """Tubs that were scanned with it."""
        return [scan.tub for scan in self.scans if scan.tub]


async def _wares(tx: Tx, deeds: Sequence[Picking]) -> Wares:
    codes = {(deed.stamp.store_id, scan.code) for deed in deeds for scan in deed.scans if scan.code}
    return await queries.scanned(tx, codes)


def _pick(held: Held, deed: Picking, *, known: Wares) -> Outcome:
    """Record units scanned into a tub; all scans or none. Every scan renews the lease.

    Raises:
        NoSuchTask, StaleFence, IllegalMove: not this task, not by this holder, not in this state.
        NeedsTub, WrongTub, NoSuchTub: no tub, or another one than the task's.
        NoSuchLine, WrongItem, OverPick: not this item, or not so many.
    """
    task = held.task(deed, rules.PICKING, to_do="pick")
    picked: list[Picked] = []
    legs: list[Leg] = []
    told: list[Told] = []
    for scan in deed.scans:
        line, qty = _meant(task, scan, known)
        if scan.tub:
            task = held.bound(task, scan.tub)
        if (tub := task.tub) is None:
            raise rules.NeedsTub("Scan the tub that you fill, then the item again.", task_id=task.task_id)
        state = LineState.PICKED if qty == line.open_qty else line.state
        after = line._replace(picked=line.picked + qty, state=state)
        task = task.having([after], state=TaskState.FILLING)
        src, at = scan.location or line.location, scan.occurred_at
        legs.append(Leg(line.sku, qty, src, tub, Cause.PICK, line_id(task, line), occurred_at=at))
        fact = {"line_no": line.line_no, "sku": line.sku, "qty": qty, "tub": tub, "location": src}
        told.append(Told("line.picked", task.task_id, fact, at))
        picked.append(Picked(after, qty))
    return Outcome(task, told=told, legs=legs, answer=picked)


PICK = DeedKind(_pick, look=_wares, shown=False)


def _meant(task: Task, scan: Scan, wares: Wares) -> tuple[Line, int]:
    """Return the line that a scan is for, and how many eaches it stands for."""
    sku, pack = None, 1
    if scan.code:
        if (task.store_id, scan.code) not in wares:
            detail = f"The store has no item with the code {scan.code}; put it back."
            raise rules.WrongItem(detail, scanned=scan.code)
        sku, pack = wares[task.store_id, scan.code]
    line = rules.line_to_pick(task, line_no=scan.line_no, sku=sku)
    qty = scan.qty or max(1, min(pack, line.open_qty))
    rules.check_pick(line, qty)
    return line, qty


@dataclass(frozen=True, slots=True, kw_only=True)
class TubScan(Deed):
    """The tub that a task will fill."""

    tub: str

    @property
    def tubs(self) -> Iterable[str]:
        """Tubs that were scanned with it."""
        return [self.tub]


def _scan_tub(held: Held, deed: TubScan) -> Outcome:
    """Give a task its tub.

    Raises:
        WrongTub, NoSuchTub: besides what any act on a task raises.
    """
    task = held.bound(held.task(deed, rules.PICKING, to_do="scan a tub"), deed.tub)
    return Outcome(task, told=[Told("task.tub_bound", task.task_id, {"tub": deed.tub})])


SCAN_TUB = DeedKind(_scan_tub)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDeed(Deed):
    """An act on one line."""

    line_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpicking(LineDeed):
    """Units of a line put back where they came from, as when too many were scanned."""

    qty: int

    @property
    def brings_back(self) -> bool:
        """It does."""
        return True


def _unpick(held: Held, deed: Unpicking) -> Outcome:
    """Put units back where they came from; of a short line nobody goes to pick them again, so its pull gets them back.

    Raises:
        OverSettled: fewer are in the tub.
    """
    task = held.task(deed, rules.PICKING, to_do="put units back")
    line, qty = task.line(deed.line_no), deed.qty
    if qty > line.picked:
        raise rules.OverSettled(f"Line {line.line_no} has {line.picked} in the tub.", unsettled=line.picked)
    state = LineState.PLANNED if line.state is LineState.PICKED else line.state
    back = line._replace(picked=line.picked - qty, state=state)
    assert task.tub is not None
    return Outcome(
        task.having([back]),
        told=[Told("line.unpicked", task.task_id, {"line_no": line.line_no, "sku": line.sku, "qty": qty})],
        legs=[
            Leg(line.sku, part, task.tub, place, Cause.UNPICK, line_id(task, line))
            for place, part in held.came_from(task, line, qty)
        ],
        pulls={line.pull_id: lambda pull: pull.change(planned=-qty)} if state is LineState.SHORT else {},
    )


UNPICK = DeedKind(_unpick)


def _skip(held: Held, deed: LineDeed) -> Outcome:
    """Leave a line for the end of the walk; that is no short and counts against nobody."""
    task = held.task(deed, rules.PICKING, to_do="skip a line")
    line = task.line(deed.line_no)
    if line.open_qty == 0:
        raise rules.IllegalMove(f"Line {line.line_no} is {line.state}; nothing of it is open.", state=line.state)
    last = max(x.pick_seq for x in task.lines)
    skipped = line._replace(state=LineState.SKIPPED, pick_seq=last + 1)
    told = Told("line.skipped", task.task_id, {"line_no": line.line_no, "sku": line.sku})
    return Outcome(task.having([skipped]), told=[told])


SKIP = DeedKind(_skip)
