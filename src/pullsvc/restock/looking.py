"""What the watch knows of a store, and what it makes of a batch of its shelves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from pullsvc.db import Row, Tx
from pullsvc.demand import actions as demand
from pullsvc.demand.actions import Outlook
from pullsvc.demand.horizon import Ints
from pullsvc.demand.hours import Calendar
from pullsvc.demand.lead import DAYPARTS, Leads, daypart_of, lead_of, lead_quantiles
from pullsvc.demand.levels import LAYOUT, Level
from pullsvc.demand.queries import Rhythm, calendar_of, rhythm_of
from pullsvc.demand.silence import Grade
from pullsvc.restock import compose, queries, rules
from pullsvc.restock.explaining import LAST_SALES, Figures, rate_range
from pullsvc.restock.hours import is_last_round, trading_span
from pullsvc.restock.rules import LEAD_PROBS, Decisions, Moment, Shelves
from pullsvc.restock.settings import Settings

LATELY = timedelta(minutes=30)  # Who had a task within this is at work.
LEADS_EVERY = timedelta(hours=1)
LEADS_OVER = timedelta(days=21)
MAX_LEADS = 500
# Goods arrive soon, or are being unloaded: hands are needed there, and what comes may change what is worth a pull.
DELIVERY_AHEAD, UNLOADING = timedelta(minutes=60), timedelta(hours=2)
DELIVERY_PRICE = 3.0  # By what labour is dearer then, so that routine pulls wait.


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a store that is watched.

    Attributes:
        calendar: Its hours.
        settings: How it wants to be watched.
        rhythm: What is learnt of it; None: nothing yet.
        price: Of labour, as set last.
        priced_at: When that was; None: never.
        leads_s: Times to shelf at LEAD_PROBS, by part of the day; None: never measured.
        leads_at: When they were measured.
        backlog_s: Work that nobody has begun, in seconds.
        workers: Who had a task lately.
        delivery_near: A delivery is expected soon, or is being unloaded.
        grade: What became of looks at silent shelves.
        silence_at: When silence was looked for last.
        aged_at: When overdue asks of people were raised last.
        runs: Runs that watched.
        last_run_at: When a run was last finished; None: never.
    """

    calendar: Calendar
    settings: Settings
    rhythm: Rhythm | None
    price: float
    priced_at: datetime | None
    leads_s: Sequence[Sequence[float]] | None
    leads_at: datetime | None
    backlog_s: float
    workers: int
    delivery_near: bool
    grade: Grade
    silence_at: datetime | None
    aged_at: datetime | None
    runs: int
    last_run_at: datetime | None

    def leads_now(self, now: datetime) -> Sequence[float]:
        """Return the times to shelf of this part of the day; the default's while none are measured."""
        daypart = daypart_of(now.astimezone(ZoneInfo(self.calendar.time_zone)).time())
        if self.leads_s is not None:
            return self.leads_s[daypart]
        return _quantiles(_NO_LEADS, settings=self.settings)[daypart]


@dataclass(frozen=True, slots=True)
class Looked:
    """What is made of a batch of shelves; all by the row.

    Attributes:
        rows: The facts.
        held: What is known of the store.
        moment: The moment.
        outlook: What is believed of the items.
        item: Row of the outlook of each shelf.
        level: Of each item at this shelf.
        shelves: As the rule takes them.
        decisions: What it says.
    """

    rows: Sequence[Row]
    held: Held
    moment: Moment
    outlook: Outlook
    item: Ints
    level: Level
    shelves: Shelves
    decisions: Decisions

    def rate_per_h(self, n: int) -> float:
        """Return what the item sells an hour from this shelf, at the present pace."""
        return float(self.level.units_a_day[n] * self.moment.an_hour())

    def figures(self, n: int) -> Figures:
        """Return what the decision about one shelf rests on."""
        made, shelves = self.decisions, self.shelves
        low, high = rate_range(self.level.take(np.array([n])))
        rate = self.rate_per_h(n)
        return Figures(
            verdict=made.verdicts[n],
            rate_per_h=rate,
            rate_low_per_h=rate * float(low[0]),
            rate_high_per_h=rate * float(high[0]),
            on_hand=int(shelves.on_hand[n]),
            in_flight=int(shelves.in_flight[n]),
            backroom=int(shelves.backroom[n]),
            capacity=int(shelves.capacity[n]),
            leads_s=self.moment.leads_s,
            p_empty=float(made.worth.p_empty[n]),
            averted=float(made.worth.averted[n]),
            labour_s=float(made.worth.labour_s[n]),
            price=self.moment.price,
            traffic=self.moment.traffic,
            lasts_s=float(made.lasts_s[n]) if np.isfinite(made.lasts_s[n]) else None,
            trigger_qty=int(made.trigger_qty[n]),
            qty=int(made.qty[n]),
            last_sales=self._last_sales(n),
        )

    def explanation(self, n: int) -> dict[str, object]:
        """Return the figures as they are kept with a pull."""
        return self.figures(n).data(time_zone=self.held.calendar.time_zone)

    def _last_sales(self, n: int) -> list[tuple[datetime, int]]:
        lines = self.outlook.lines
        mine = np.flatnonzero(lines.item == self.item[n])
        newest = mine[np.argsort(lines.second[mine], kind="stable")][-LAST_SALES:]
        starts = self.outlook.starts_at
        return [(starts + timedelta(seconds=float(lines.second[row])), int(lines.qty[row])) for row in newest]


_NO_LEADS = Leads(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0))


async def take(tx: Tx, *, store_id: int, now: datetime) -> Held | None:
    """Take the store for this transaction; None: another watcher has it, it is not due yet, or it was never seen."""
    row = await tx.row(queries.TAKE, **_store(store_id, now))
    return None if row is None else _held(row)


async def see(tx: Tx, *, store_id: int, now: datetime) -> Held:
    """Return what is known of a store, without taking it."""
    return _held(await tx.one(queries.STORE, **_store(store_id, now)))


def _store(store_id: int, now: datetime) -> dict[str, object]:
    return {
        "store_id": store_id,
        "now": now,
        "layout": LAYOUT,
        "lately": LATELY,
        "unloading": UNLOADING,
        "ahead": DELIVERY_AHEAD,
    }


def _held(row: Row) -> Held:
    settings = queries.settings_of(row)
    parts = len(LEAD_PROBS)
    return Held(
        calendar=calendar_of(row),
        settings=settings,
        rhythm=None if row.learnt_until is None else rhythm_of(row),
        price=row.price or compose.FIRST_PRICE,
        priced_at=row.priced_at,
        leads_s=None if row.leads is None else [row.leads[n : n + parts] for n in range(0, len(row.leads), parts)],
        leads_at=row.leads_at,
        backlog_s=row.waiting * (settings.labour.line_s + compose.TRIP_S / compose.LINES_MAX)
        + float(row.waiting_qty) * settings.labour.unit_s,
        workers=row.workers,
        delivery_near=row.delivery_near,
        grade=Grade(row.hits or 0.0, row.looks or 0.0, row.promised or 0.0),
        silence_at=row.silence_at,
        aged_at=row.aged_at,
        runs=row.runs or 0,
        last_run_at=row.last_run_at,
    )


def repriced(held: Held, *, now: datetime) -> Held:
    """Return the store with the price of labour as the work that waits and the hands at work make it."""
    if held.priced_at is not None and now - held.priced_at < timedelta(seconds=compose.PRICE_STEP_S):
        return held
    passed_s = compose.PRICE_STEP_S if held.priced_at is None else (now - held.priced_at).total_seconds()
    price = compose.next_price(held.price, work_s=held.backlog_s, workers=held.workers, passed_s=passed_s)
    return replace(held, price=price, priced_at=now)


async def measured(tx: Tx, *, store_id: int, held: Held, now: datetime) -> Held:
    """Return the store with its times to shelf, measured again when that is due."""
    if held.leads_at is not None and now - held.leads_at < LEADS_EVERY:
        return held
    rows = await tx.rows(queries.LEADS, store_id=store_id, since=now - LEADS_OVER, now=now, limit=MAX_LEADS)
    zone = ZoneInfo(held.calendar.time_zone)
    leads = Leads(
        np.array([lead_of(held.calendar, decided_at=r.opened_at, on_shelf_at=r.ended_at) for r in rows]),
        np.array([daypart_of(r.opened_at.astimezone(zone).time()) for r in rows], dtype=np.int64),
        np.array([(now - r.ended_at).total_seconds() / 86_400 for r in rows]),
    )
    return replace(held, leads_s=_quantiles(leads, settings=held.settings), leads_at=now)


def _quantiles(leads: Leads, *, settings: Settings) -> list[list[float]]:
    default_s = float(settings.lead_default_s)
    return [
        lead_quantiles(leads, daypart=part, probs=LEAD_PROBS, default_s=default_s).tolist()
        for part in range(len(DAYPARTS))
    ]


async def look(tx: Tx, *, store_id: int, held: Held, rows: Sequence[Row], now: datetime, keep: bool = False) -> Looked:
    """Decide on shelves that their items still have; what one shelf of an item takes, the next does not find.

    Args:
        tx: The transaction.
        store_id: The store.
        held: What is known of it.
        rows: Facts of the shelves, by item, its home first.
        now: Aware.
        keep: Write down how many lines the store has sold when they are counted.
    """
    skus = sorted({row.sku for row in rows})
    outlook = await demand.outlook(
        tx, store_id=store_id, hours=held.calendar, skus=skus, now=now, rhythm=held.rhythm, keep=keep
    )
    places = {sku: n for n, sku in enumerate(skus)}
    item = np.array([places[row.sku] for row in rows], dtype=np.int64)
    moment = _moment(held, outlook, now=now)
    share = np.array([row.capacity / row.capacity_of_item for row in rows])
    whole = outlook.level.take(item)
    level = Level(whole.shape, whole.exposure / share, whole.units, whole.phi)
    shelves = _shelves(rows, settings=held.settings, now=now)
    decisions = rules.decide(shelves, level, moment)
    first = np.append(np.ones(1, dtype=bool), item[1:] != item[:-1])[: len(item)]
    if not first.all():
        starts = np.flatnonzero(first)
        total = np.cumsum(decisions.qty) - decisions.qty
        taken = total - np.repeat(total[starts], np.diff(np.append(starts, len(item))))
        shelves = replace(shelves, backroom=np.maximum(shelves.backroom - taken, 0))
        decisions = rules.decide(shelves, level, moment)
    return Looked(rows, held, moment, outlook, item, level, shelves, decisions)


def _moment(held: Held, outlook: Outlook, *, now: datetime) -> Moment:
    trading = trading_span(held.calendar, now=now)
    return Moment(
        curve=outlook.curve,
        traffic=outlook.traffic,
        now_s=outlook.now_s,
        closes_s=outlook.now_s + trading.hours * 3600,
        leads_s=held.leads_now(now),
        price=held.price * (DELIVERY_PRICE if held.delivery_near else 1.0),
        late=is_last_round(trading),
        settings=held.settings,
    )


def _shelves(rows: Sequence[Row], *, settings: Settings, now: datetime) -> Shelves:
    def column(name: str) -> Ints:
        return np.array([row[name] for row in rows], dtype=np.int64)

    departments = [settings.of(row.department) for row in rows]
    waited = [(now - row.opened_at).total_seconds() if row.opened_at else 0.0 for row in rows]
    return Shelves(
        book=column("book"),
        capacity=column("capacity"),
        presentation_min=column("presentation_min"),
        case_pack=column("case_pack"),
        in_flight=column("in_flight"),
        unclaimed=column("unclaimed"),
        backroom=np.maximum(column("backroom"), 0),
        weight=np.array([one.weight if one.enabled else 0.0 for one in departments]),
        waited_s=np.maximum(np.array(waited), 0.0),
    )
