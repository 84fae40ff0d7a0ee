"""The demo from end to end: load the twin stores, play their day on a scaled clock, and see what came of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from pathlib import Path
from typing import Any

from pullsvc.access.rules import Role
from pullsvc.audit import audit
from pullsvc.clock import Clock, scaled_clock, wall_clock
from pullsvc.config import clock_environment
from pullsvc.db import Database, sql
from pullsvc.demo import backroom, floor, loading, people, staff, summary
from pullsvc.demo.client import Calls, Person, connect
from pullsvc.demo.dataset import describe
from pullsvc.demo.failures import DatabaseTaken
from pullsvc.demo.model import ZONE, DemoStore
from pullsvc.demo.people import Shift
from pullsvc.demo.service import logged_errors
from pullsvc.demo.shop import Shop, StoreTime
from pullsvc.demo.staff import Badge, Staff
from pullsvc.demo.summary import Outcome
from pullsvc.demo.visitors import Invitation, invite, lan_address
from pullsvc.demo.world import Hours, open_world
from pullsvc.running import serving
from pullsvc.upkeep import roll

Told = Callable[[str, float], None]

WITH_WATCH, WITHOUT_WATCH = 1, 2
LABELS = {WITH_WATCH: "with the watch", WITHOUT_WATCH: "without"}
OPERATOR_POOL_SIZE = 2
OPERATOR_STATEMENT_LIMIT_S = 60.0

COUNTED_BEFORE = timedelta(minutes=2)  # The opening count is taken this long before the day's first sale can be.
WARM_UP_S = 5.0  # Real seconds before the doors open in which the service starts and learns the past days.
TELL_EVERY_S = 1.0
# Real seconds, small as a second is minutes of the store; and a lease long enough to outlast a pause of the machine.
PLAYING = {"PULLSVC_WATCH_INTERVAL_S": "0.2", "PULLSVC_SWEEP_INTERVAL_S": "0.5", "PULLSVC_LEASE_S": "14400"}

RETENTION_DAYS = 400  # Upkeep between loading and day files the past days, which would hold up the first customers.
STORES_THERE = sql("SELECT count(*) AS stores FROM stores")


@dataclass(frozen=True, slots=True)
class Plan:
    """How the day is played.

    Attributes:
        seed: Of every draw.
        real_s: Real seconds that the day takes.
        opens: Local time at which the scaled clock begins.
        closes: Local time at which the last customers come.
        staffed_from: Local time at which workers and associates begin.
        staffed_until: Local time at which they stop.
        workers: Number of workers; None: as the rule of people.py says.
    """

    seed: int = 1
    real_s: float = 70.0
    opens: time_of_day = time_of_day(6)
    closes: time_of_day = time_of_day(23)
    staffed_from: time_of_day = time_of_day(7)
    staffed_until: time_of_day = time_of_day(22)
    workers: int | None = None

    def at(self, store: DemoStore, local: time_of_day) -> datetime:
        """Return the moment of a local time of the played day."""
        return datetime.combine(store.played_on, local, tzinfo=ZONE)

    def staffed(self, store: DemoStore) -> Shift:
        """Return when people work."""
        return Shift(self.at(store, self.staffed_from), self.at(store, self.staffed_until))

    def hired(self, store: DemoStore) -> int:
        """Return the number of workers in each store."""
        return self.workers or people.positions(people.labour_h(store.items))

    def speed(self, store: DemoStore) -> float:
        """Return store seconds per real second."""
        return (self.at(store, self.closes) - self.at(store, self.opens)).total_seconds() / self.real_s

    def opening_hours(self) -> dict[str, list[list[str]]]:
        """Return the hours of both stores, the same on each day of the week."""
        span = [f"{self.opens:%H:%M}", f"{self.closes:%H:%M}"]
        return {day: [span] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@dataclass(slots=True)
class Phases:
    """How long each phase took, in real seconds."""

    took_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        yield
        self.took_s[name] = round(time.perf_counter() - started, 1)


async def play(store: DemoStore, plan: Plan, *, database_url: str, log: Path, told: Told) -> Outcome:
    """Play the day in both stores and return what came of it.

    Args:
        store: What both stores are made of.
        plan: How.
        database_url: A migrated database without stores.
        log: Where the service's output goes.
        told: Called with a phase and the share of it that is done.

    Raises:
        DatabaseTaken: there are stores in the database.
        ServiceFailed, CallFailed: the service did not do what it should.
    """
    phases = Phases()
    async with operator(database_url) as db:
        await refuse_taken(db)
        with phases.phase("loading"):
            badges = await _load(store, plan, db, database_url=database_url, log=log, told=told)
            await roll(db, now=store.day_starts_at, retention_days=RETENTION_DAYS)
        calls, clock = Calls(), day_clock(store, plan)
        async with _service(database_url, log, clock, **PLAYING) as address, connect(address) as http:
            crews = {store_id: staff.staff_of(of_store, http, calls) for store_id, of_store in badges.items()}
            shops = [make_shop(store, plan, store_id, crew, StoreTime(clock)) for store_id, crew in crews.items()]
            with phases.phase("playing"):
                await _play_day(shops, told)
            service = summary.service_figures(calls, [shop.time for shop in shops], real_s=phases.took_s["playing"])
            with phases.phase("summing up"):
                days = [await summary.figures_of(shop) for shop in shops]
                told("summing up", 0.5)
        with phases.phase("audit"):
            finding = await audit(db)
            told("summing up", 1.0)
    return Outcome(
        store=describe(store),
        played=f"{store.played_on:%a %d %b %Y}, {plan.opens:%H:%M}-{plan.closes:%H:%M}",
        days=days,
        service=replace(service, errors=tuple(logged_errors(log))),
        audit=finding,
        phases_s=phases.took_s,
    )


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks side by side; when one fails the others are stopped, and the failure itself is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from failures


@asynccontextmanager
async def operator(database_url: str) -> AsyncIterator[Database]:
    """Open the database as an operator's command does."""
    db = Database(database_url, pool_size=OPERATOR_POOL_SIZE, statement_timeout_s=OPERATOR_STATEMENT_LIMIT_S)
    try:
        yield db
    finally:
        await db.close()


async def refuse_taken(db: Database) -> None:
    """Leave somebody's data alone.

    Raises:
        DatabaseTaken: there are stores.
    """
    async with db.read() as tx:
        there = (await tx.one(STORES_THERE)).stores
    if there:
        raise DatabaseTaken(
            f"The database holds {there} store(s) already. Unset PULLSVC_DATABASE_URL to use a throwaway one, "
            "or name an empty database or a new --data-dir."
        )


@asynccontextmanager
async def _service(
    database_url: str, log: Path, clock: Clock, *words: str, host: str = "127.0.0.1", **settings: str
) -> AsyncIterator[str]:
    """Run the service on this clock; gives its address."""
    telling = clock_environment(start=clock.start, origin=clock.origin, speed=clock.speed)
    async with serving(database_url, log, settings={**telling, **settings}, words=words, host=host) as service:
        yield service.address


async def _load(
    store: DemoStore, plan: Plan, db: Database, *, database_url: str, log: Path, told: Told
) -> dict[int, list[Badge]]:
    """Make the stores and their people, load both at once, and switch the watch of one of them off."""
    now = wall_clock().now()
    owner = await staff.hire_operator(db, now=now)
    clock = scaled_clock(start=store.day_starts_at - COUNTED_BEFORE, speed=1.0)
    shares = dict.fromkeys(LABELS, 0.0)
    packing = asyncio.create_task(asyncio.to_thread(loading.pack, store))  # While the service starts.
    async with _service(database_url, log, clock, "--no-worker") as address, connect(address) as http:
        for store_id, label in LABELS.items():
            body = loading.store_body(store, name=f"Simulated store {label}", opening_hours=plan.opening_hours())
            await replace(owner, store_id=store_id).sign_in(http, Calls()).send("PUT", "", json=body)
        workers = plan.hired(store)
        team = {"associates": people.FLOOR_ASSOCIATES, "workers": workers}
        badges = {store_id: await staff.hire(db, store_id=store_id, now=now, **team) for store_id in LABELS}
        crews = {store_id: staff.staff_of(of_store, http, Calls()) for store_id, of_store in badges.items()}

        def tell(store_id: int, share: float) -> None:
            shares[store_id] = share
            told("loading", sum(shares.values()) / len(shares))

        cargo = await packing
        async with together() as both:
            for store_id, crew in crews.items():
                tubs = [backroom.tub_of(number) for number in range(workers)]
                step = partial(tell, store_id)
                both.create_task(loading.load(cargo, manager=crew.manager, till=crew.till, tubs=tubs, told=step))
        await _switch_watch_off(crews[WITHOUT_WATCH].manager)
    return badges


async def _switch_watch_off(manager: Person) -> None:
    settings, headers = await manager.send("GET", "watch-settings")
    kept = ("lead_default_s", "line_s", "unit_s", "presentation", "checks_an_hour", "departments")
    body = {name: settings[name] for name in kept}
    await manager.send("PUT", "watch-settings", json={**body, "enabled": False}, headers={"If-Match": headers["ETag"]})


def day_clock(store: DemoStore, plan: Plan) -> Clock:
    """Return the clock of the day: it shows the opening time in WARM_UP_S real seconds."""
    speed = plan.speed(store)
    opens = plan.at(store, plan.opens)
    return scaled_clock(start=opens - timedelta(seconds=WARM_UP_S * speed), speed=speed)


def make_shop(store: DemoStore, plan: Plan, store_id: int, crew: Staff, time: StoreTime) -> Shop:
    """Return one of the twins at the start of its day."""
    closes = plan.at(store, plan.closes)
    return Shop(
        label=LABELS[store_id],
        store=store,
        world=open_world(store, Hours(plan.at(store, plan.opens), closes)),
        time=time,
        staff=crew,
        day=plan.staffed(store),
        until=closes,
        seed=plan.seed,
    )


async def _play_day(shops: Sequence[Shop], told: Told) -> None:
    """Let everybody of both stores do their day's work at the same time, and send what the tills still hold."""
    tills = [floor.Tills(shop) for shop in shops]
    teller = asyncio.create_task(_tell_time(shops[0], told))
    try:
        async with together() as day:
            for shop, of_shop in zip(shops, tills, strict=True):
                for part in _parts(shop, of_shop):
                    day.create_task(part)
        for of_shop in tills:
            await of_shop.flush()
    finally:
        teller.cancel()
    told("playing", 1.0)


def _parts(shop: Shop, tills: floor.Tills) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield what goes on in a store, side by side."""
    yield floor.serve_customers(shop, tills)
    registers = {receipt.register for receipt in shop.store.receipts}
    yield from (tills.run(register) for register in sorted(registers))
    aisles = people.aisles_of(shop.store.placements)
    for number, (associate, beat) in enumerate(
        zip(shop.staff.associates, people.beats(list(aisles), len(shop.staff.associates)), strict=False)
    ):
        yield floor.walk_the_aisles(shop, associate, [aisles[aisle] for aisle in beat], number=number)
    yield floor.manage(shop)
    yield floor.lead(shop)
    for number, worker in enumerate(shop.staff.workers):
        yield backroom.Worker(shop, worker, number=number).work(shop.day)


async def _tell_time(shop: Shop, told: Told) -> None:
    """Tell how far the day has come, again and again."""
    begins_at = shop.time.now()
    while True:
        told("playing", min(1.0, (shop.time.now() - begins_at) / (shop.until - begins_at)))
        await asyncio.sleep(TELL_EVERY_S)


@dataclass(frozen=True, slots=True)
class Kept:
    """The stores served on after their day.

    Attributes:
        address: Where.
        key: A lead's key for both stores.
        invitation: How people get into the store with the watch.
    """

    address: str
    key: str
    invitation: Invitation


@asynccontextmanager
async def kept(store: DemoStore, plan: Plan, *, database_url: str, log: Path, lan: bool) -> AsyncIterator[Kept]:
    """Serve the stores on, from the end of their day at the speed of the wall.

    Args:
        store: What both stores are made of.
        plan: How the day was played.
        database_url: Where the stores are.
        log: Where the service's output goes.
        lan: Whether other machines of the network get in, over plain http; else only this one.
    """
    clock = scaled_clock(start=plan.at(store, plan.closes), speed=1.0)
    reach = {"host": lan_address(), "PULLSVC_INSECURE_COOKIES": "true"} if lan else {}
    async with operator(database_url) as db, _service(database_url, log, clock, **reach) as address:
        now = wall_clock().now()
        key = await staff.hire_visitor(db, roles=dict.fromkeys(LABELS, Role.LEAD), now=now)
        yield Kept(address, key, await invite(db, store_id=WITH_WATCH, address=address, now=clock.now(), wall_now=now))
