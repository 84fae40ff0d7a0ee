"""A store in the middle of its day, as a lead sees it: shelves that run empty, pulls, tubs on their way, questions.

Everything happens at the tests' noon, so that the pictures are the same each time.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from tests.factories import NOON, fresh_key, key, location, placement, stamp, tub

# Item, department, shelf, fits there, stands there, in the backroom and in which bin and zone, sold an hour.
RANGE = [
    ("Whole milk 1 gal", "Dairy", "D02-1", 24, 3, 40, "C-01-1", "cold", 12.0),
    ("Eggs, large, 12", "Dairy", "D03-2", 30, 5, 60, "C-01-2", "cold", 9.0),
    ("Butter, salted", "Dairy", "D03-4", 18, 2, 0, "C-02-1", "cold", 3.0),
    ("Bananas", "Produce", "P01-1", 40, 0, 80, "B-01-1", "dry", 22.0),
    ("Avocados", "Produce", "P01-3", 24, 4, 30, "B-01-2", "dry", 6.5),
    ("Sparkling water lemon 12 x 330 ml", "Beverages", "B07-2", 16, 2, 36, "A-03-2", "dry", 4.0),
    ("Cola 2 l", "Beverages", "B07-4", 24, 20, 48, "A-03-4", "dry", 5.0),
    ("Tortilla chips, family size", "Snacks", "S02-1", 12, 1, 24, "A-05-1", "dry", 3.5),
    ("Paper towels, 6 rolls", "Household", "H04-1", 10, 2, 12, "A-07-1", "dry", 1.5),
    ("Frozen pizza margherita", "Frozen", "F01-2", 14, 1, 28, "Z-01-1", "freezer", 4.2),
    ("Ice cream vanilla", "Frozen", "F02-1", 12, 9, 24, "Z-01-2", "freezer", 2.0),
    ("Coffee beans, dark roast", "Grocery", "G05-3", 16, 6, 18, "A-06-2", "dry", 2.4),
]
WATCHED = sql("""
    INSERT INTO watched (store_id, sku, shelf, rate_per_h, lead_s, trigger_qty, next_check_at, evaluated_at, empty_at)
    VALUES (1, :sku, :shelf, :rate, 1800, :trigger, :now, :now, :empty_at)
""")
ITEM = sql("""
    INSERT INTO items (store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents, sold_by,
                       attributes, updated_at)
    VALUES (1, :sku, :description, :department, 6, 500, 400, 299, 'each', '{}', :now)
""")

PULL_OF_WATCH = sql("""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at, due_at,
                       explanation)
    VALUES (1, :sku, :shelf, 'dry', 'open', 'watch', 63, 1, 18, :now, CAST(:now AS timestamptz) + interval '1 hour',
            CAST(:explanation AS jsonb))
""")
EXPLANATION = {
    "sentence": "Sells 6.5 an hour (5.1 to 8.2), 4 on the shelf, lasts 37 min.", "verdict": "pull",
    "rate_per_h": 6.5, "rate_low_per_h": 5.1, "rate_high_per_h": 8.2, "on_hand": 4, "in_flight": 0, "backroom": 30,
    "capacity": 24, "lasts_s": 2215, "lead_s": 1800, "lead_low_s": 1200, "lead_high_s": 2700, "p_empty": 0.42,
    "averted": 2.1, "averted_per_min": 1.2, "price_per_min": 0.3, "traffic": 1.04, "trigger_qty": 7, "qty": 18,
    "last_sales": [],
}  # fmt: skip


async def pulled_by_watch(db: Database, description: str) -> None:
    """A pull of the watch with the figures behind it."""
    (shelf,) = [shelf for name, _, shelf, *_ in RANGE if name.startswith(description)]
    async with db.begin() as tx:
        said = json.dumps(EXPLANATION)
        await tx.run(PULL_OF_WATCH, sku=sku_of(description), shelf=shelf, now=NOON, explanation=said)


def sku_of(description: str) -> str:
    """The sku of an item of the range, by the beginning of its name."""
    (found,) = [n for n, (name, *_) in enumerate(RANGE) if name.startswith(description)]
    return f"10{found:04}"


class Shop:
    """The store and whoever works in it, over HTTP with keys of their own."""

    def __init__(self, service: str, keys: Mapping[str, str]) -> None:
        self.client = httpx.AsyncClient(base_url=f"{service}/v1/stores/1/", timeout=20)
        self._keys = keys

    def headers(self, name: str) -> dict[str, str]:
        """What proves who calls."""
        return {"Authorization": f"Bearer {self._keys[name]}"}

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, by: str = "ben") -> Any:
        answer = await self.client.post(path, json=body or {}, headers={**fresh_key(), **self.headers(by)})
        assert answer.is_success, answer.text
        return answer.json()

    async def get(self, path: str, *, by: str = "lea") -> Any:
        answer = await self.client.get(path, headers=self.headers(by))
        assert answer.is_success, answer.text
        return answer.json()

    async def ask(self, description: str, *, by: str = "ana", **body: Any) -> Any:
        return await self.post("asks", {"code": sku_of(description), **body}, by=by)

    async def claim(self, plate: str, *, by: str = "ben", **body: Any) -> Any:
        return await self.post("claims", {"tub": plate, **body}, by=by)

    async def pick(self, task: Mapping[str, Any], *, by: str = "ben", lines: int = 60) -> None:
        """Pick the first lines as planned."""
        for line in task["lines"][:lines]:
            body = {"fence": task["fence"], "code": line["sku"], "qty": line["qty_planned"]}
            await self.post(f"tasks/{task['task_id']}/picks", body, by=by)


async def open_shop(db: Database, service: str) -> Shop:
    """The store with its range, its bins and tubs, at noon; nobody has done anything yet."""
    for n, (description, department, shelf, capacity, on_shelf, back, bin_, zone, rate) in enumerate(RANGE):
        sku = f"10{n:04}"
        async with db.begin() as tx:
            await tx.run(ITEM, sku=sku, description=description, department=department, now=NOON)
        await placement(db, sku=sku, shelf=shelf, capacity=capacity)
        await location(db, code=bin_, zone=zone, walk_seq=n)
        async with db.begin() as tx:
            for place, qty in ((shelf, on_shelf), (bin_, back)):
                if qty:
                    await stock.receive(tx, stamp(), sku=sku, qty=qty, location=place, reference="start")
            empty_at = NOON + timedelta(hours=on_shelf / rate)
            trigger = round(rate * 0.9) + 1
            empty = empty_at if on_shelf <= trigger else None
            await tx.run(WATCHED, sku=sku, shelf=shelf, rate=rate, trigger=trigger, now=NOON, empty_at=empty)
    for code in ("LANE-1", "LANE-2"):
        await location(db, code=code, kind="lane", zone="edge")
    for n in range(1, 6):
        await tub(db, plate=f"TUB-{n:04}")
    roles = {"ana": Role.ASSOCIATE, "ben": Role.BACKROOM, "cid": Role.BACKROOM, "lea": Role.LEAD, "mia": Role.MANAGER}
    return Shop(service, {name: await key(db, role=role, name=name.capitalize()) for name, role in roles.items()})


async def busy(shop: Shop) -> None:
    """Let them work: one tub put away, one on the floor, one in a lane, one being filled, and pulls that wait."""
    await shop.ask("Coffee")
    done = await shop.claim("TUB-0001")
    await shop.pick(done)
    await stage(shop, done)
    await shop.post(f"tasks/{done['task_id']}/delivery", by="ana")
    await shop.post(f"tasks/{done['task_id']}/puts", {"fence": await fence(shop, done), "all_put": True}, by="ana")

    await shop.ask("Ice cream")
    on_floor = await shop.claim("TUB-0002")
    await shop.pick(on_floor)
    await stage(shop, on_floor)
    await shop.post(f"tasks/{on_floor['task_id']}/delivery", by="ana")

    await shop.ask("Frozen pizza")
    staged = await shop.claim("TUB-0003", by="cid")
    await shop.pick(staged, by="cid")
    await stage(shop, staged, by="cid", lane="LANE-2")

    await shop.ask("Whole milk")
    await shop.ask("Eggs", reason="online", note="two of them for pickup 4711")
    filling = await shop.claim("TUB-0004", zones=["cold"])
    await shop.pick(filling, lines=1)
    short = filling["lines"][1]
    said = {"fence": filling["fence"], "line_no": short["line_no"], "reason": "less_than_expected"}
    await shop.post(f"tasks/{filling['task_id']}/shorts", said)

    await shop.ask("Bananas", reason="customer_waiting")
    await shop.ask("Bananas", by="lea")
    await shop.ask("Sparkling", note="the lemon one, not orange")
    await shop.ask("Tortilla")
    await shop.ask("Paper towels", reason="promotion")
    await shop.post("counts", {"code": sku_of("Cola"), "location": "A-03-4", "counted_qty": 41}, by="lea")


async def stage(shop: Shop, task: Mapping[str, Any], *, by: str = "ben", lane: str = "LANE-1") -> None:
    await shop.post(f"tasks/{task['task_id']}/staging", {"fence": task["fence"], "lane": lane}, by=by)


async def fence(shop: Shop, task: Mapping[str, Any]) -> int:
    found: int = (await shop.get(f"tasks/{task['task_id']}"))["fence"]
    return found


def at(hours: float) -> datetime:
    """So many hours after noon."""
    return NOON + timedelta(hours=hours)


MORNING_PULLS = sql("""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, qty_put, opened_at,
                       due_at, ended_at)
    SELECT 1, sku, location, 'dry', 'closed', CASE WHEN n % 4 = 0 THEN 'gap' ELSE 'watch' END, 50, 1, q, q,
           opened, opened + interval '60 minutes', opened + make_interval(mins => 16 + (n * 7) % 23 + (n % 11) * 2)
    FROM generate_series(0, 89) n
    CROSS JOIN LATERAL (SELECT sku, location FROM placements WHERE store_id = 1 ORDER BY sku LIMIT 1 OFFSET n % 10) p
    CROSS JOIN LATERAL (SELECT 4 + n % 9 AS q, CAST(:opens AS timestamptz)
        + make_interval(secs => 330 * 60 * sqrt(n / 90.0)) AS opened) o
""")
MORNING_TASKS = sql("""
    INSERT INTO tasks (store_id, state, fence, claimed_by, claimed_at, lease_until, estimated_s, line_count, staged_at,
                       delivered_at, ended_at)
    SELECT 1, 'closed', 1, w.principal_id, starts, starts + interval '15 minutes', 600, 6,
           starts + interval '12 minutes', starts + interval '14 minutes', starts + interval '24 minutes'
    FROM (SELECT principal_id, row_number() OVER (ORDER BY principal_id) AS nth FROM principals
          WHERE name IN ('Ben', 'Cid', 'Ana') ORDER BY principal_id LIMIT 3) w
    CROSS JOIN LATERAL generate_series(0, 11) n
    CROSS JOIN LATERAL (SELECT CAST(:opens AS timestamptz) + make_interval(mins => CAST(w.nth * 11 + n * 28 AS integer))
        AS starts) s
    WHERE n >= w.nth * 2 - 2
""")


async def morning(db: Database) -> None:
    """What the store did since it opened at six: ninety pulls, ever more an hour, and the tubs that brought them."""
    async with db.begin() as tx:
        await tx.run(MORNING_PULLS, opens=at(-6))
        await tx.run(MORNING_TASKS, opens=at(-6))
