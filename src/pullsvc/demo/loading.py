"""Fill the service with the store of the demo: catalog, history and opening stock, all through the public API."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any, TypeVar

from pullsvc.demo import people
from pullsvc.demo.client import Person
from pullsvc.demo.failures import CallFailed
from pullsvc.demo.model import DemoStore, Item, Receipt

T = TypeVar("T")
Told = Callable[[float], None]

NDJSON = "application/x-ndjson"
COUNTS_A_CALL = 2_000
LANES = ("LANE-1", "LANE-2", "LANE-3", "LANE-4")


def store_body(store: DemoStore, *, name: str, opening_hours: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, Any]:
    """Return the store's own entry."""
    return {"name": name, "time_zone": store.time_zone, "opening_hours": opening_hours, "day_starts_at": "05:00"}


def item_rows(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the rows of the import of items."""
    return [
        {
            "sku": item.sku,
            "description": item.description,
            "department": item.department,
            "case_pack": item.case_pack,
            "volume_ml": item.volume_ml,
            "weight_g": item.weight_g,
            "price_cents": item.price_cents,
            "attributes": sorted(item.attributes),
        }
        for item in items
    ]


def barcode_rows(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the rows of the import of barcodes: of one each and of a case."""
    return [
        {"code": code, "sku": item.sku, "pack_qty": pack_qty}
        for item in items
        for code, pack_qty in ((item.gtin, 1), (item.case_gtin, item.case_pack))
    ]


def location_rows(store: DemoStore) -> list[dict[str, Any]]:
    """Return the rows of the import of locations: boards, bins and the lanes where tubs stand."""
    shelves = [(shelf.code, "shelf", shelf.section.value, shelf.walk_seq) for shelf in store.shelf_locations]
    bins = [(place.code, "backroom", place.zone.value, place.walk_seq) for place in store.bins]
    lanes = [(lane, "lane", "staging", number) for number, lane in enumerate(LANES, start=1)]
    names = ("location", "kind", "zone", "walk_seq")
    return [dict(zip(names, row, strict=True)) for row in (*shelves, *bins, *lanes)]


def placement_rows(store: DemoStore, skus: Collection[str]) -> list[dict[str, Any]]:
    """Return the rows of the import of the planogram, of these items."""
    return [
        {
            "location": placement.location_code,
            "sku": placement.sku,
            "capacity": placement.capacity,
            "presentation_min": placement.presentation_min,
            "facings": placement.facings,
        }
        for placement in store.placements
        if placement.sku in skus
    ]


def receipt_body(receipt: Receipt, sold: Mapping[int, int] | None = None) -> dict[str, Any]:
    """Return the receipt as a till sends it.

    Args:
        receipt: What the customer wanted.
        sold: Eaches that there were, by line number, 0 for none at all; None: everything.
    """
    lines = [(line, line.qty if sold is None else sold[line.line_no]) for line in receipt.lines]
    return {
        "business_date": receipt.business_date.isoformat(),
        "register": str(receipt.register),
        "sequence": receipt.sequence,
        "occurred_at": receipt.occurred_at.isoformat(),
        "lines": [{"line_no": line.line_no, "code": line.gtin, "quantity": qty} for line, qty in lines if qty],
    }


def opening_counts(store: DemoStore, skus: Collection[str]) -> list[dict[str, Any]]:
    """Return what the books are to say at the start of the day: shelves full, bins as the books have them."""
    shelves = [(placement.sku, placement.location_code, placement.capacity) for placement in store.placements]
    bins = [(stock.sku, stock.bin_code, stock.book_qty) for stock in store.bin_stocks]
    return [
        {"code": sku, "location": location, "counted_qty": qty}
        for sku, location, qty in (*shelves, *bins)
        if sku in skus
    ]


@dataclass(frozen=True, slots=True)
class Cargo:
    """All that is loaded into a store, as it is sent; the same for both twins.

    Attributes:
        imports: By what they are, in the order that they need: items and locations before what refers to them.
        history: The receipts of each past day, and how many they are.
        opening: Bodies of the opening counts.
    """

    imports: Mapping[str, bytes]
    history: Sequence[tuple[int, bytes]]
    opening: Sequence[Mapping[str, Any]]


def pack(store: DemoStore) -> Cargo:
    """Return what to load: everything but the items whose barcodes nobody has entered yet."""
    known = [item for item in store.items if item.sku not in store.late_skus]
    skus = {item.sku for item in known}
    days = [list(receipts) for _, receipts in groupby(store.history, key=lambda receipt: receipt.business_date)]
    return Cargo(
        imports={
            "items": ndjson(item_rows(known)),
            "barcodes": ndjson(barcode_rows(known)),
            "locations": ndjson(location_rows(store)),
            "placements": ndjson(placement_rows(store, skus)),
        },
        history=[(len(day), ndjson(receipt_body(receipt) for receipt in day)) for day in days],
        opening=[
            {"reason": "opening", "counts": counts} for counts in chunks(opening_counts(store, skus), COUNTS_A_CALL)
        ],
    )


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the rows as NDJSON, one a line."""
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()


async def load(cargo: Cargo, *, manager: Person, till: Person, tubs: Iterable[str], told: Told) -> None:
    """Load one store: its catalog, its past days, and only then what stands in it at the start of the day.

    Args:
        cargo: What to load.
        manager: Who keeps the catalog.
        till: Sends the past days.
        tubs: Plates.
        told: Called with the share of it that is done.
    """
    steps = len(cargo.imports) + len(cargo.history) + len(cargo.opening)
    done = count(1)
    for what, rows in cargo.imports.items():
        await send_rows(manager, f"imports/{what}", rows)
        told(next(done) / steps)
    for tub in tubs:
        holds = {"volume_ml": people.TUB_VOLUME_ML, "weight_g": people.TUB_WEIGHT_G}
        await manager.send("PUT", f"tubs/{tub}", json=holds)
    for receipts, rows in cargo.history:
        answer = await send_rows(till, "receipt-streams", rows)
        if answer["refused"] or answer["totals"]["new"] != receipts:
            raise CallFailed(f"A day of history was not taken whole: {answer}")
        told(next(done) / steps)
    for batch in cargo.opening:
        await manager.act("count-batches", batch)
        told(next(done) / steps)


async def send_rows(person: Person, path: str, rows: bytes) -> Any:
    """Send rows as NDJSON; return the answer."""
    return (await person.send("POST", path, content=rows, headers={"Content-Type": NDJSON}))[0]


async def enter_late_items(store: DemoStore, *, manager: Person) -> None:
    """Enter the items that were forgotten, and have what was sold of them until now booked.

    Their barcodes come last: what is sold until then waits as unknown, and then has a shelf to be booked to.
    """
    late = [store.item_by_sku[sku] for sku in store.late_skus]
    await send_rows(manager, "imports/items", ndjson(item_rows(late)))
    await send_rows(manager, "imports/placements", ndjson(placement_rows(store, set(store.late_skus))))
    await send_rows(manager, "imports/barcodes", ndjson(barcode_rows(late)))
    await manager.act("unknown-code-replays")


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in runs of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
