"""What came of the day: the figures of each twin, of the service, and how they are told."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pullsvc.audit import Finding
from pullsvc.demo.client import Calls
from pullsvc.demo.shop import Shop, StoreTime

LAG_MAX_S = 300.0  # Of store time; beyond that people wait for the machine, and the figures say so.
SOURCES = {"watch": "watch", "gap": "gap scan", "customer_waiting": "customer waiting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """One store's day; quantities in eaches, durations in store time.

    Attributes:
        label: Which of the twins.
        lines_sold: Receipt lines that were rung up, whole or in part.
        units_wanted: What customers came for.
        units_sold: What they got.
        units_lost: What they did not get, as the shelf had too little.
        out_of_shelf_min: Minutes that shelves stood empty, added up over the items.
        gaps_seen: Empty shelves that associates scanned.
        customers_asked: Customers who told an associate.
        pulls: By who opened them: watch, gap, customer_waiting.
        pulls_unfillable: Of these, those that the backroom had nothing for.
        tubs: Trips that brought something.
        lines: Lines that were picked.
        units_put: What reached the shelves.
        units_returned: What did not fit and went back.
        shorts: Lines that found less than the books said.
        to_shelf_p50_s: From a pull's opening to its goods on the shelf: half are faster.
        to_shelf_p90_s: Nine in ten are faster.
        workers: Backroom workers, each there all day.
        labour_h: Their hours.
        busy_share: Share of these hours spent on trips.
        receipts_repeated: Receipts sent twice and counted once.
        receipts_late: Receipts sent minutes to hours late.
        unknown_lines: Lines of items that nobody had entered, booked later.
        books_off: Shelves whose book differs from what stands there.
    """

    label: str
    lines_sold: int
    units_wanted: int
    units_sold: int
    units_lost: int
    out_of_shelf_min: int
    gaps_seen: int
    customers_asked: int
    pulls: Mapping[str, int]
    pulls_unfillable: int
    tubs: int
    lines: int
    units_put: int
    units_returned: int
    shorts: int
    to_shelf_p50_s: int | None
    to_shelf_p90_s: int | None
    workers: int
    labour_h: float
    busy_share: float
    receipts_repeated: int
    receipts_late: int
    unknown_lines: int
    books_off: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures:
    """How the service did while the day was played; real seconds, as seen by the callers.

    Attributes:
        requests: Answers.
        per_s: Of them a second.
        p50_s: Half of them took less.
        p99_s: 99 of 100 took less.
        busy: Answers 503, each sent again.
        speed: Store seconds a real second.
        lag_p99_s: Store seconds by which acts came later than planned, 99 of 100 less.
        errors: Errors in the service's log.
    """

    requests: int
    per_s: float
    p50_s: float
    p99_s: float
    busy: int
    speed: float
    lag_p99_s: float
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that the demo found.

    Attributes:
        store: What was played, as `dataset.describe` tells.
        played: From when to when, local time.
        days: The twins, the one with the watch first.
        service: How the service did.
        audit: The proof of the laws.
        phases_s: Real seconds of each phase.
    """

    store: Mapping[str, object]
    played: str
    days: Sequence[DayFigures]
    service: ServiceFigures
    audit: Finding
    phases_s: Mapping[str, float]

    @property
    def failures(self) -> list[str]:
        """What must not have happened; empty: all is well."""
        broken = [f"store {b.store_id} breaks {b.law}: {b.subject}" for b in self.audit.breaches]
        off = [f"{day.label}: {day.books_off} shelves differ from their books" for day in self.days if day.books_off]
        return [*broken, *off, *(f"logged by the service: {error}" for error in self.service.errors)]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "people": "simulated",
            "store": dict(self.store),
            "played": self.played,
            "days": [asdict(day) for day in self.days],
            "service": asdict(self.service),
            "audit": self.audit.as_json(),
            "phases_s": dict(self.phases_s),
            "failures": self.failures,
        }


async def figures_of(shop: Shop) -> DayFigures:
    """Ask the service what it has of the day, and add what only the simulation knows."""
    lead, world, tally = shop.staff.lead, shop.world, shop.tally
    pulls = await lead.all_of("pulls")
    tasks = await lead.all_of("tasks")
    lines = [line for task in tasks for line in task["lines"]]
    waits = times_to_shelf(pulls)
    codes = await lead.all_of("unknown-codes", state="resolved")
    labour_s = shop.day.length_s * len(shop.staff.workers)
    return DayFigures(
        label=shop.label,
        lines_sold=tally.lines_sold,
        units_wanted=world.sold.total() + world.lost.total(),
        units_sold=world.sold.total(),
        units_lost=world.lost.total(),
        out_of_shelf_min=round(world.out_of_shelf_until(shop.until) / timedelta(minutes=1)),
        gaps_seen=tally.gaps_seen,
        customers_asked=tally.customers_asked,
        pulls=_by_source(pulls),
        pulls_unfillable=sum(pull["state"] == "unfillable" for pull in pulls),
        tubs=sum(task["qty_picked"] > 0 for task in tasks),
        lines=sum(line["qty_picked"] > 0 for line in lines),
        units_put=sum(line["qty_put"] for line in lines),
        units_returned=sum(line["qty_returned"] for line in lines),
        shorts=sum(line["short_reason"] is not None for line in lines),
        to_shelf_p50_s=_rounded(percentile(waits, 0.5)),
        to_shelf_p90_s=_rounded(percentile(waits, 0.9)),
        workers=len(shop.staff.workers),
        labour_h=round(labour_s / 3600, 1),
        busy_share=round(tally.busy_s / labour_s, 3),
        receipts_repeated=tally.tills["repeated"],
        receipts_late=tally.late_receipts,
        unknown_lines=sum(code["lines"] for code in codes),
        books_off=await books_off(shop),
    )


async def books_off(shop: Shop) -> int:
    """Return how many shelves hold something else than the books say, once all receipts are in."""
    books = {row["sku"]: row["qty"] for row in await shop.staff.lead.all_of("balances", kind="shelf") if row["qty"]}
    truth = {sku: qty for sku, qty in shop.world.shelf.items() if qty}
    return sum(books.get(sku) != truth.get(sku) for sku in books.keys() | truth.keys())


def _by_source(pulls: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counted = Counter(pull["reason"] for pull in pulls)
    return {source: counted[source] for source in SOURCES}


def times_to_shelf(pulls: Iterable[Mapping[str, Any]]) -> list[float]:
    """Return the seconds from opening to the shelf, of the pulls that brought something."""
    return [
        (datetime.fromisoformat(pull["ended_at"]) - datetime.fromisoformat(pull["opened_at"])).total_seconds()
        for pull in pulls
        if pull["state"] == "closed" and pull["qty_put"]
    ]


def service_figures(calls: Calls, times: Sequence[StoreTime], *, real_s: float) -> ServiceFigures:
    """Sum up the calls of the day, which took `real_s` seconds."""
    lags_s = [lag_s for time in times for lag_s in time.lags_s]
    return ServiceFigures(
        requests=len(calls.latencies_s),
        per_s=round(len(calls.latencies_s) / real_s, 1),
        p50_s=round(percentile(calls.latencies_s, 0.5) or 0.0, 4),
        p99_s=round(percentile(calls.latencies_s, 0.99) or 0.0, 4),
        busy=calls.statuses[503],
        speed=round(times[0].clock.speed, 1),
        lag_p99_s=round(percentile(lags_s, 0.99) or 0.0, 1),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` of the values do not exceed; None when there are none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def rows(outcome: Outcome) -> list[tuple[str, list[str]]]:
    """Return the lines of the summary table: what, and the value of each twin."""
    shown: list[tuple[str, Any]] = [
        ("receipt lines sold", lambda d: f"{d.lines_sold:,}"),
        ("units sold / wanted", lambda d: f"{d.units_sold:,} / {d.units_wanted:,}"),
        ("units lost at empty shelves", lambda d: f"{d.units_lost:,} ({_share(d.units_lost, d.units_wanted)})"),
        ("out-of-shelf item-minutes", lambda d: f"{d.out_of_shelf_min:,}"),
        *((f"pulls by {SOURCES[s]}", lambda d, s=s: f"{d.pulls[s]:,}") for s in SOURCES),
        ("pulls unfillable", lambda d: f"{d.pulls_unfillable:,}"),
        ("tubs / lines", lambda d: f"{d.tubs:,} / {d.lines:,}"),
        ("units put / returned", lambda d: f"{d.units_put:,} / {d.units_returned:,}"),
        ("shorts", lambda d: f"{d.shorts:,}"),
        ("time to shelf p50 / p90", lambda d: f"{_minutes(d.to_shelf_p50_s)} / {_minutes(d.to_shelf_p90_s)}"),
        ("workers / share of day on trips", lambda d: f"{d.workers} / {d.busy_share:.0%}"),
        ("receipts late / sent twice", lambda d: f"{d.receipts_late:,} / {d.receipts_repeated:,}"),
        ("lines of unknown items, booked", lambda d: f"{d.unknown_lines:,}"),
        ("shelf books that are wrong", lambda d: f"{d.books_off:,}"),
    ]
    return [(name, [tell(day) for day in outcome.days]) for name, tell in shown]


def remarks(outcome: Outcome) -> list[str]:
    """Return the sentences below the table."""
    with_watch, without = outcome.days
    service, audit = outcome.service, outcome.audit
    laws = "holds" if audit.holds else f"BROKEN, {len(audit.breaches)} breach(es)"
    lost = _change(with_watch.units_lost, without.units_lost)
    empty = _change(with_watch.out_of_shelf_min, without.out_of_shelf_min)
    calls = f"{service.requests:,} requests, {service.per_s:,.0f} a second, {service.busy} of them sent again after 503"
    late = f"99 of 100 acts were at most {service.lag_p99_s:.0f} s of it late"
    if service.lag_p99_s > LAG_MAX_S:
        late += ". TOO LATE: the figures above are distorted, give more --seconds"
    took = f"p50 {service.p50_s * 1000:.0f} ms, p99 {service.p99_s * 1000:.0f} ms"
    return [
        f"The watch: {lost} units lost, {empty} time with empty shelves.",
        f"Service: {calls}; {took}.",
        f"Store time ran at {service.speed:,.0f}x; {late}.",
        f"Audit: {laws} ({audit.checks} checks, {audit.stores} stores).",
        f"Real seconds: {', '.join(f'{name} {took_s:.0f}' for name, took_s in outcome.phases_s.items())}.",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _minutes(duration_s: int | None) -> str:
    return "-" if duration_s is None else f"{duration_s / 60:.0f} min"


def _change(value: int, reference: int) -> str:
    if not reference:
        return "as many" if not value else "more"
    change = (value - reference) / reference
    return f"{abs(change):.0%} {'less' if change <= 0 else 'more'}"
