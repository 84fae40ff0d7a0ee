"""Set up and change what a store sells and where it stands; find what a scanned code stands for.

Whoever overwrites something says which version it saw: `based_on`, the version that `lock_*` returned, 0 when there
was none. The edge compares it with If-Match between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.catalog import queries, rules
from pullsvc.catalog.model import (
    BUILT_IN_PLACES,
    BarcodeData,
    ItemData,
    LocationData,
    PlaceKind,
    PlacementData,
    StoreData,
)
from pullsvc.catalog.queries import FoundItem, Location
from pullsvc.catalog.wares import catalog_changed
from pullsvc.db import Row, Tx
from pullsvc.errors import Busy, Kind, Rejection
from pullsvc.outbox.actions import Stamp, append


class NoSuchItem(Rejection):
    """No barcode and no sku of the store fits the code."""

    kind = Kind.NOT_FOUND
    code = "no-such-item"
    title = "The store has no item with this code."


class NoSuchPlace(Rejection):
    """The store has no such location, or took it out of use."""

    kind = Kind.NOT_FOUND
    code = "no-such-place"
    title = "The store has no such place."


class NoSuchPlacement(Rejection):
    """The item is not planned for that shelf."""

    kind = Kind.NOT_FOUND
    code = "no-such-placement"
    title = "The item has no place on that shelf."


class WrongKindOfPlace(Rejection):
    """The location exists but is not of the kind that the act needs."""

    kind = Kind.INVALID
    code = "wrong-kind-of-place"
    title = "This is another kind of place."


class KindIsFixed(Rejection):
    """A location stays what it is: the books of what it held depend on it."""

    kind = Kind.CONFLICT
    code = "kind-is-fixed"
    title = "A location cannot become one of another kind."


class PlaceHoldsUnits(Rejection):
    """A location cannot go out of use while the books have units in it."""

    kind = Kind.CONFLICT
    code = "place-holds-units"
    title = "There are still units in this place."


class BuiltInPlace(Rejection):
    """A location that every store needs."""

    kind = Kind.CONFLICT
    code = "built-in-place"
    title = "Every store needs this place."


class BarcodeTaken(Rejection):
    """A code stands for one item only."""

    kind = Kind.CONFLICT
    code = "barcode-taken"
    title = "The barcode belongs to another item."


class BarcodeTwice(Rejection):
    """The same code was given twice with different pack quantities."""

    kind = Kind.INVALID
    code = "barcode-twice"
    title = "The same barcode is given twice."


async def require_item(tx: Tx, *, store_id: int, code: str) -> FoundItem:
    """Return the item that the code, as scanned or typed, stands for; inactive items too.

    Raises:
        UnreadableCode: it is no code at all, or its check digit is wrong.
        NoSuchItem: nothing in the store has it.
    """
    normal = rules.normal_code(code)
    found = await queries.find_items(tx, store_id=store_id, codes=[normal])
    if normal not in found:
        raise NoSuchItem(
            f"No barcode and no sku is {normal}. Scan the shelf label, or have the barcode added to its item.",
            item_code=normal,
        )
    return found[normal]


async def require_location(tx: Tx, *, store_id: int, location: str, kinds: frozenset[str] | None = None) -> Location:
    """Return the location in use that the label, as scanned or typed, names.

    Args:
        tx: The transaction of the act.
        store_id: The store.
        location: As scanned or typed.
        kinds: The kinds that will do; None: any.

    Raises:
        UnreadableCode: it is no code at all.
        NoSuchPlace: the store has none of that name, or it is out of use.
        WrongKindOfPlace: it is of another kind.
    """
    place = rules.place_code(location)
    return check_place(place, await queries.find_location(tx, store_id=store_id, location=place), kinds=kinds)


def check_place(place: str, found: Location | None, *, kinds: frozenset[str] | None = None) -> Location:
    """Return what was found under the name of a place, if it is in use and of one of the kinds (None: any).

    Raises:
        NoSuchPlace: the store has none of that name, or it is out of use.
        WrongKindOfPlace: it is of another kind.
    """
    if found is None:
        raise NoSuchPlace(f"No location is called {place}; scan its label again.", location=place)
    if not found.active:
        raise NoSuchPlace(f"The location {place} is out of use.", location=place)
    if kinds is not None and found.kind not in kinds:
        wanted = ", ".join(sorted(kinds))
        raise WrongKindOfPlace(f"{place} is a {found.kind}; this needs: {wanted}.", location=place, kind=found.kind)
    return found


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a scan is in a store; at least one of item and location is there."""

    scan: rules.Scan
    item: FoundItem | None
    location: Location | None


async def look_up(tx: Tx, *, store_id: int, code: str) -> Lookup:
    """Return the item, the place, or both, that the code as scanned or typed stands for.

    Raises:
        UnreadableCode: it is no code at all, or its check digit is wrong.
        NoSuchItem: nothing in the store has it.
    """
    scan = rules.read_scan(code)
    items = await queries.find_items(tx, store_id=store_id, codes=[scan.code])
    location = await queries.find_location(tx, store_id=store_id, location=scan.code)
    if not items and location is None:
        raise NoSuchItem(f"No barcode, sku, location or tub is {scan.code}.", item_code=scan.code)
    return Lookup(scan=scan, item=items.get(scan.code), location=location)


async def lock_store(tx: Tx, *, store_id: int) -> int:
    """Return the version of the store, 0 when it does not exist, and hold it until the end."""
    row = await tx.row(queries.LOCK_STORE, store_id=store_id)
    return row.version if row else 0


async def put_store(tx: Tx, stamp: Stamp, store: StoreData, *, based_on: int) -> Row:
    """Create or overwrite the store of the stamp; a new one gets the places that every store needs."""
    saved = await queries.save_store(tx, stamp, store, based_on=based_on)
    if saved is None:
        raise _made_meanwhile()
    if not based_on:
        names, kinds = list(BUILT_IN_PLACES), [kind.value for kind in BUILT_IN_PLACES.values()]
        await tx.run(queries.BUILD_IN_PLACES, store_id=stamp.store_id, locations=names, kinds=kinds, now=stamp.now)
    catalog_changed(tx, stamp)
    append(tx, stamp, "store.changed", stamp.store_id, {"version": saved.version})
    return saved


async def get_item(tx: Tx, *, store_id: int, sku: str) -> Row:
    """Return the item with its barcodes.

    Raises:
        NoSuchItem: no item has this sku.
    """
    row = await tx.row(queries.GET_ITEM, store_id=store_id, sku=sku)
    if row is None:
        raise NoSuchItem(f"No item has the sku {sku}; to look up a barcode, use lookup?code=.", sku=sku)
    return row


async def lock_item(tx: Tx, *, store_id: int, sku: str) -> int:
    """Return the version of the item, 0 when it does not exist, and hold it until the end."""
    row = await tx.row(queries.LOCK_ITEM, store_id=store_id, sku=sku)
    return row.version if row else 0


async def put_item(tx: Tx, stamp: Stamp, item: ItemData, *, barcodes: Sequence[BarcodeData], based_on: int) -> Row:
    """Create or overwrite the item with exactly these barcodes.

    Raises:
        UnreadableCode: a scan of the sku would be read as something else.
        BarcodeTwice: one code with two pack quantities.
        BarcodeTaken: a code belongs to another item.
    """
    rules.check_sku(item.sku)
    by_code: dict[str, BarcodeData] = {}
    for barcode in barcodes:
        if by_code.setdefault(barcode.code, barcode) != barcode:
            raise BarcodeTwice(f"{barcode.code} is given with two pack quantities; keep one.", barcode=barcode.code)
    version = await queries.save_item(tx, stamp, item, based_on=based_on)
    if version is None:
        raise _made_meanwhile()
    taken = await queries.set_barcodes(tx, store_id=stamp.store_id, sku=item.sku, barcodes=list(by_code.values()))
    if taken:
        code, sku = next(iter(taken.items()))
        raise BarcodeTaken(f"{code} is a barcode of {sku}; take it from there first.", taken=taken)
    catalog_changed(tx, stamp)
    append(tx, stamp, "item.changed", item.sku, {"version": version, "active": item.active})
    return await get_item(tx, store_id=stamp.store_id, sku=item.sku)


async def retire_item(tx: Tx, stamp: Stamp, *, sku: str, based_on: int) -> None:
    """Take the item out of the range; its history, stock and codes stay.

    Raises:
        NoSuchItem: there is none.
    """
    if not based_on:
        raise NoSuchItem(f"No item has the sku {sku}.", sku=sku)
    await tx.run(queries.RETIRE_ITEM, store_id=stamp.store_id, sku=sku, now=stamp.now)
    catalog_changed(tx, stamp)
    append(tx, stamp, "item.changed", sku, {"version": based_on + 1, "active": False})


async def get_location(tx: Tx, *, store_id: int, location: str) -> Location:
    """Return the location of this code, in use or not.

    Raises:
        NoSuchPlace: there is none.
    """
    found = await queries.find_location(tx, store_id=store_id, location=location)
    if found is None:
        raise NoSuchPlace(f"No location is called {location}.", location=location)
    return found


async def lock_location(tx: Tx, *, store_id: int, location: str) -> Location | None:
    """Return the location, None when it does not exist, and hold it until the end."""
    return await queries.lock_location(tx, store_id=store_id, location=location)


def refuse_tub(kind: str) -> None:
    """Leave tubs to their own room, which knows more of them than where they are."""
    if kind == PlaceKind.TUB:
        raise WrongKindOfPlace("Create, change and retire tubs under /tubs.", kind=kind)


async def put_location(tx: Tx, stamp: Stamp, place: LocationData, *, current: Location | None) -> Location:
    """Create the location, or overwrite it (`current`, as locked) and put it back into use.

    Raises:
        UnreadableCode: a scan of its label would be read as something else.
        KindIsFixed: it exists as another kind.
    """
    rules.check_place(place.location)
    if current and current.kind != place.kind:
        raise KindIsFixed(f"{place.location} is a {current.kind}; make a new location.", kind=current.kind)
    saved = await queries.save_location(tx, stamp, place, based_on=current.version if current else 0)
    if saved is None:
        raise _made_meanwhile()
    catalog_changed(tx, stamp)
    append(tx, stamp, "location.changed", place.location, {"version": saved.version, "active": True})
    return saved


async def retire_location(tx: Tx, stamp: Stamp, *, location: str, current: Location | None) -> None:
    """Take the location, as locked, out of use, and off the planogram.

    Raises:
        NoSuchPlace: there is none.
        BuiltInPlace: no store can do without it.
        WrongKindOfPlace: it is a tub, which has its own rules.
        PlaceHoldsUnits: the books have units in it, or owe it some.
    """
    if current is None:
        raise NoSuchPlace(f"No location is called {location}.", location=location)
    if location in BUILT_IN_PLACES:
        raise BuiltInPlace(f"{location} is where goods arrive that have no other place yet.")
    refuse_tub(current.kind)
    if not await tx.run(queries.RETIRE_LOCATION, store_id=stamp.store_id, location=location, now=stamp.now):
        raise PlaceHoldsUnits(f"Count {location} empty, or move its units, and try again.", location=location)
    await tx.run(queries.CLEAR_LOCATION, store_id=stamp.store_id, location=location)
    catalog_changed(tx, stamp)
    append(tx, stamp, "location.changed", location, {"version": current.version + 1, "active": False})


async def get_placement(tx: Tx, *, store_id: int, location: str, sku: str) -> Row:
    """Return the placement.

    Raises:
        NoSuchPlacement: there is none.
    """
    row = await tx.row(queries.GET_PLACEMENT, store_id=store_id, location=location, sku=sku)
    if row is None:
        raise NoSuchPlacement(f"{sku} is not planned for {location}.", location=location, sku=sku)
    return row


async def lock_placement(tx: Tx, *, store_id: int, location: str, sku: str) -> int:
    """Return the version of the placement, 0 when it does not exist; hold its item and it until the end.

    Raises:
        NoSuchItem: no item has the sku.
    """
    if not await lock_item(tx, store_id=store_id, sku=sku):  # First, or two new homes would wait for each other.
        raise NoSuchItem(f"No item has the sku {sku}; create it first.", sku=sku)
    row = await tx.row(queries.LOCK_PLACEMENT, store_id=store_id, location=location, sku=sku)
    return row.version if row else 0


async def put_placement(tx: Tx, stamp: Stamp, line: PlacementData, *, based_on: int) -> Row:
    """Create or overwrite the placement; as home it makes the item's present home a secondary place.

    Raises:
        NoSuchPlace: the store has no such location in use.
        WrongKindOfPlace: the location is no shelf.
    """
    store_id, location, sku = stamp.store_id, line.location, line.sku
    await require_location(tx, store_id=store_id, location=location, kinds=frozenset({PlaceKind.SHELF}))
    if line.is_home:
        await tx.run(queries.DEMOTE_HOMES, store_id=store_id, locations=[location], skus=[sku], now=stamp.now)
    version = await queries.save_placement(tx, stamp, line, based_on=based_on)
    if version is None:
        raise _made_meanwhile()
    catalog_changed(tx, stamp)
    append(tx, stamp, "placement.changed", f"{location}/{sku}", {"version": version, "capacity": line.capacity})
    return await get_placement(tx, store_id=store_id, location=location, sku=sku)


async def remove_placement(tx: Tx, stamp: Stamp, *, location: str, sku: str, based_on: int) -> None:
    """Take the item off that shelf's plan; units that stand there stay in the books until they are moved.

    Raises:
        NoSuchPlacement: there is none.
    """
    if not based_on:
        raise NoSuchPlacement(f"{sku} is not planned for {location}.", location=location, sku=sku)
    await tx.run(queries.DELETE_PLACEMENT, store_id=stamp.store_id, location=location, sku=sku)
    catalog_changed(tx, stamp)
    append(tx, stamp, "placement.removed", f"{location}/{sku}")


def _made_meanwhile() -> Busy:
    return Busy("Somebody made the same thing at this moment; read it, and send the request again.")
