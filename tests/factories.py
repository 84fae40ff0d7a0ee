"""Small worlds for tests: keyword-only, sane defaults; a test names only what it is about."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import httpx

from pullsvc.access import actions as access
from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.stock import actions as stock

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
_names = itertools.count(1)

OPEN_DAILY = {day: [["06:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def stamp(*, store_id: int = 1, now: datetime = NOON, occurred_at: datetime | None = None) -> Stamp:
    return Stamp(store_id=store_id, principal_id=None, now=now, occurred_at=occurred_at or now)


async def store(db: Database, *, store_id: int = 1, time_zone: str = "UTC") -> int:
    """A store with the two built-in locations."""
    import json  # noqa: PLC0415 - local to the one factory that writes JSON

    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO stores (store_id, name, time_zone, opening_hours, day_starts_at, updated_at)
                VALUES (:s, 'Main Street', :tz, :hours, '05:00', :now) ON CONFLICT DO NOTHING
            """),
            s=store_id, tz=time_zone, hours=json.dumps(OPEN_DAILY), now=NOON,
        )  # fmt: skip
    await location(db, store_id=store_id, code="RECEIVING", kind="receiving")
    await location(db, store_id=store_id, code="RETURNS", kind="receiving")
    await location(db, store_id=store_id, code="UNPLACED", kind="shelf")
    return store_id


async def location(
    db: Database, *, store_id: int = 1, code: str, kind: str = "backroom", zone: str = "main", walk_seq: int = 0
) -> str:
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO locations (store_id, location, kind, zone, walk_seq, updated_at)
                VALUES (:s, :code, :kind, :zone, :walk_seq, :now) ON CONFLICT DO NOTHING
            """),
            s=store_id, code=code, kind=kind, zone=zone, walk_seq=walk_seq, now=NOON,
        )  # fmt: skip
    return code


async def item(
    db: Database, *, store_id: int = 1, sku: str | None = None, case_pack: int = 6, volume_ml: int = 500,
    weight_g: int = 400, sold_by: str = "each", codes: Mapping[str, int] | None = None,
    attributes: Sequence[str] = (),
) -> str:  # fmt: skip
    """An item; `codes` are its barcodes (14 digits or in-house) with their pack quantity."""
    sku = sku or f"sku{next(_names)}"
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO items (store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents,
                                   sold_by, attributes, updated_at)
                VALUES (:s, :sku, 'Thing ' || :sku, 'grocery', :case_pack, :volume_ml, :weight_g, 199, :sold_by,
                        CAST(:attributes AS text[]), :now)
            """),
            s=store_id, sku=sku, case_pack=case_pack, volume_ml=volume_ml, weight_g=weight_g, sold_by=sold_by,
            attributes=list(attributes), now=NOON,
        )  # fmt: skip
        for code, pack_qty in (codes or {}).items():
            await tx.run(
                sql("INSERT INTO barcodes (store_id, code, sku, pack_qty) VALUES (:s, :code, :sku, :q)"),
                s=store_id, code=code, sku=sku, q=pack_qty,
            )  # fmt: skip
    return sku


async def placement(
    db: Database, *, store_id: int = 1, sku: str, shelf: str = "A1", capacity: int = 24, presentation_min: int = 2,
    is_home: bool = True, zone: str = "floor",
) -> str:  # fmt: skip
    await location(db, store_id=store_id, code=shelf, kind="shelf", zone=zone)
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO placements
                    (store_id, location, sku, capacity, presentation_min, facings, is_home, updated_at)
                VALUES (:s, :shelf, :sku, :capacity, :least, 1, :is_home, :now)
            """),
            s=store_id, shelf=shelf, sku=sku, capacity=capacity, least=presentation_min, is_home=is_home, now=NOON,
        )  # fmt: skip
    return shelf


async def sale(
    db: Database, *, sku: str, qty: int, at: datetime, day: date | None = None, store_id: int = 1, moved: bool = True
) -> None:
    """A receipt with one line, as the intake would write it, and its movement unless `moved` is False; no balance."""
    day = day or at.date()
    said = {"s": store_id, "day": day, "n": next(_names), "sku": sku, "qty": qty, "at": at}
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO receipts (store_id, business_date, register, sequence, revision, status, fingerprint,
                    line_count, occurred_at, received_at, sold_qty, line_nos, kinds, codes, skus, locations, milli_qtys,
                    sold_qtys)
                VALUES (:s, :day, 'factory', :n, 1, 'completed', CAST(CAST(:n AS bigint) AS text), 1, :at, :at,
                    greatest(CAST(:qty AS integer), 0), '{1}',
                    CASE WHEN CAST(:qty AS integer) < 0 THEN ARRAY['return'] END, ARRAY[CAST(:sku AS text)],
                    ARRAY[CAST(:sku AS text)], '{A1}', ARRAY[abs(CAST(:qty AS integer)) * 1000],
                    ARRAY[CAST(:qty AS integer)])
            """),
            **said,
        )
        if moved:
            await tx.run(
                sql("""
                    INSERT INTO movements (store_id, day, sku, qty, from_location, to_location, cause, cause_id,
                                           occurred_at, recorded_at)
                    VALUES (:s, CAST(CAST(:at AS timestamptz) AS date), :sku, abs(CAST(:qty AS integer)),
                        CASE WHEN CAST(:qty AS integer) > 0 THEN 'A1' ELSE '@returned' END,
                        CASE WHEN CAST(:qty AS integer) > 0 THEN '@sold' ELSE 'RETURNS' END,
                        CASE WHEN CAST(:qty AS integer) > 0 THEN 'sale' ELSE 'customer_return' END,
                        concat(CAST(:day AS date), '/factory/', CAST(:n AS bigint)), :at, :at)
                """),
                **said,
            )


async def signed_in(
    db: Database, client: httpx.AsyncClient, *, role: Role | str = Role.LEAD, store_id: int = 1, name: str | None = None
) -> httpx.AsyncClient:
    """Give the client the key of a new principal with that role in the store; returns the client."""
    client.headers["Authorization"] = f"Bearer {await key(db, role=role, store_id=store_id, name=name)}"
    return client


async def key(
    db: Database, *, role: Role | str = Role.LEAD, store_id: int = 1, name: str | None = None, chain: bool = False
) -> str:
    role = Role(role)
    async with db.begin() as tx:
        made = await access.create_key(
            tx, name=name or f"{role}{next(_names)}", kind="person", grants={} if chain else {store_id: role},
            chain_role=role if chain else None, expires_at=None, now=NOON,
        )  # fmt: skip
    return made.token


def fresh_key() -> dict[str, str]:
    """The header of a new act."""
    return {"Idempotency-Key": str(uuid.uuid4())}


KEY_COLUMNS = sql("""
    SELECT a.attname
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = CAST(:table AS text)::regclass AND i.indisprimary
    ORDER BY array_position(i.indkey, a.attnum)
""")
_ORDERS: dict[str, str] = {}


async def all_rows(db: Database, table: str, **where: Any) -> list[dict[str, Any]]:
    """Every row of a table, as dicts, by its primary key, for looking at what really was written."""
    condition = " AND ".join(f"{name} = :{name}" for name in where) or "true"
    async with db.read() as tx:
        if table not in _ORDERS:
            key = [str(row.attname) for row in await tx.rows(KEY_COLUMNS, table=table)]
            _ORDERS[table] = f"ORDER BY {', '.join(key)}" if key else ""
        rows = await tx.rows(sql(f"SELECT * FROM {table} WHERE {condition} {_ORDERS[table]}"), **where)
    return [row._asdict() for row in rows]


async def tub(db: Database, *, store_id: int = 1, plate: str = "TUB-1") -> str:
    """An idle tub."""
    await location(db, store_id=store_id, code=plate, kind="tub", zone="tubs")
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO tubs (store_id, tub, state, volume_ml, weight_g, updated_at)
                VALUES (:s, :tub, 'idle', 60000, 20000, :now)
            """),
            s=store_id, tub=plate, now=NOON,
        )  # fmt: skip
    return plate


async def stocked(
    db: Database, *, store_id: int = 1, sku: str, bins: Mapping[str, int], shelf: str | None = None,
    capacity: int = 24, on_shelf: int = 0, walk: Mapping[str, int] | None = None,
) -> str:  # fmt: skip
    """An item with its home shelf and units in backroom bins."""
    await item(db, store_id=store_id, sku=sku)
    shelf = await placement(db, store_id=store_id, sku=sku, shelf=shelf or f"SH-{sku}", capacity=capacity)
    held = {**bins, shelf: on_shelf}
    for n, code in enumerate(bins, start=1):
        await location(db, store_id=store_id, code=code, walk_seq=(walk or {}).get(code, n))
    async with db.begin() as tx:
        for code, qty in held.items():
            if qty:
                await stock.receive(tx, stamp(store_id=store_id), sku=sku, qty=qty, location=code, reference="start")
    return sku


class Floor:
    """A store reached only over HTTP, by people with their own keys."""

    def __init__(self, client: httpx.AsyncClient, keys: Mapping[str, str], store_id: int = 1) -> None:
        self.client = client
        self.keys = keys
        self.url = f"/v1/stores/{store_id}"

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, by: str = "ben") -> httpx.Response:
        headers = {**fresh_key(), "Authorization": f"Bearer {self.keys[by]}"}
        return await self.client.post(f"{self.url}/{path}", json=body, headers=headers)

    async def get(self, path: str, *, by: str = "ben") -> Any:
        answer = await self.client.get(f"{self.url}/{path}", headers={"Authorization": f"Bearer {self.keys[by]}"})
        return answer.json()

    async def ask(self, sku: str, **body: Any) -> Any:
        return (await self.post("asks", {"code": sku, **body}, by="ana")).json()

    async def claim(self, *, by: str = "ben", **body: Any) -> Any:
        """The claimed task, None when there is nothing to do."""
        answer = await self.post("claims", body, by=by)
        return answer.json() if answer.status_code == 201 else None

    async def do(self, task: Mapping[str, Any], act: str, *, by: str = "ben", **body: Any) -> httpx.Response:
        """An act on a task with the fence it was handed out with."""
        return await self.post(f"tasks/{task['task_id']}/{act}", {"fence": task["fence"], **body}, by=by)


async def floor(db: Database, client: httpx.AsyncClient) -> Floor:
    """Ana on the floor, Ben and Cid in the backroom, Lea the lead; one tub and one lane."""
    await store(db)
    await location(db, code="LANE-1", kind="lane")
    await tub(db, plate="TUB-1")
    people = {"ana": Role.ASSOCIATE, "ben": Role.BACKROOM, "cid": Role.BACKROOM, "lea": Role.LEAD}
    return Floor(client, {name: await key(db, role=role, name=name) for name, role in people.items()})
