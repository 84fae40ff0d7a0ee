"""Small worlds for tests: keyword-only, sane defaults; a test names only what it is about."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from pullsvc.access import actions as access
from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp

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
                INSERT INTO placements (store_id, location, sku, capacity, presentation_min, facings, is_home, updated_at)
                VALUES (:s, :shelf, :sku, :capacity, :least, 1, :is_home, :now)
            """),
            s=store_id, shelf=shelf, sku=sku, capacity=capacity, least=presentation_min, is_home=is_home, now=NOON,
        )  # fmt: skip
    return shelf


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


async def all_rows(db: Database, table: str, **where: Any) -> list[dict[str, Any]]:
    """Every row of a table, as dicts, for looking at what really was written."""
    condition = " AND ".join(f"{name} = :{name}" for name in where) or "true"
    async with db.read() as tx:
        return [row._asdict() for row in await tx.rows(sql(f"SELECT * FROM {table} WHERE {condition}"), **where)]
