"""What the tills' codes stand for, remembered: by store, for as long as the store's catalog stays the same.

Each store has a mark, which every change of its items, barcodes, locations and placements replaces in its transaction.
What was read together with a mark is believed only by a transaction that has seen that very mark, so it is never older
than a look-up in that transaction would have been. A store without a mark is looked up each time.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pullsvc.catalog.queries import CODE_MEANS
from pullsvc.db import Trailing, Tx, sql
from pullsvc.outbox.actions import Stamp

# Codes and locations together, some 200 bytes each. Beyond it goes the catalog that was not asked for longest.
MAX_REMEMBERED = 200_000

MARKS = Trailing(
    "catalog_marks",
    """
    INSERT INTO catalog_marks (store_id, mark)
    SELECT DISTINCT ON (store_id) store_id, gen_random_uuid()
    FROM jsonb_to_recordset(CAST(:catalog_marks AS jsonb)) AS m(store_id integer) ORDER BY store_id
    ON CONFLICT (store_id) DO UPDATE SET mark = excluded.mark
    """,
)
# What is found, and the mark that it was found under, in one look.
FIND_WARES = sql(f"""
    SELECT 'code' AS kind, w.store_id, w.code AS name, i.sku, coalesce(b.pack_qty, 1) AS pack_qty, i.weight_g,
           p.location AS home
    FROM unnest(CAST(:stores AS integer[]), CAST(:codes AS text[])) AS w(store_id, code)
    {CODE_MEANS}
    UNION ALL
    SELECT 'shelf', w.store_id, w.location, NULL, NULL, NULL, NULL
    FROM unnest(CAST(:place_stores AS integer[]), CAST(:locations AS text[])) AS w(store_id, location)
    JOIN locations l USING (store_id, location) WHERE l.kind = 'shelf'
    UNION ALL
    SELECT 'mark', store_id, CAST(mark AS text), NULL, NULL, NULL, NULL
    FROM catalog_marks WHERE store_id = ANY (CAST(:stores AS integer[]) || CAST(:place_stores AS integer[]))
""")


class Ware(NamedTuple):
    """What a till's code stands for.

    Attributes:
        sku: The item.
        pack_qty: Eaches that one scan of the code stands for.
        weight_g: Weight of one each in grams; 0: not known.
        home: The item's home shelf, None while it has none.
    """

    sku: str
    pack_qty: int
    weight_g: int
    home: str | None


@dataclass(slots=True)
class Known:
    """What is known of a store's catalog.

    Attributes:
        wares: By code; None: nothing in the store has it.
        shelves: By name of a location; False: it is no shelf of the store.
    """

    wares: dict[str, Ware | None] = field(default_factory=dict)
    shelves: dict[str, bool] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How much it is."""
        return len(self.wares) + len(self.shelves)


@dataclass(slots=True)
class Wanted:
    """What somebody asks of a store's catalog.

    Attributes:
        mark: Of the catalog, as seen in this transaction; None: the store has none.
        codes: In their normal form.
        locations: As the tills name them.
    """

    mark: str | None
    codes: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Memory:
    """Catalogs by mark. Marks are unique in the world, so those of several databases do not mix."""

    catalogs: OrderedDict[str, Known] = field(default_factory=OrderedDict)
    size: int = 0

    def recall(self, mark: str | None) -> Known:
        """Return what is remembered under the mark; something empty when there is none."""
        if mark is None or mark not in self.catalogs:
            return Known()
        self.catalogs.move_to_end(mark)
        return self.catalogs[mark]

    def remember(self, mark: str | None, found: Known) -> Known:
        """Add what was found under the mark, forget what is too much, and return all that is known of this catalog."""
        if mark is None:
            return found
        kept = self.catalogs.setdefault(mark, Known())
        self.size -= kept.size
        kept.wares |= found.wares
        kept.shelves |= found.shelves
        self.size += kept.size
        self.catalogs.move_to_end(mark)
        while self.size > MAX_REMEMBERED:
            self.size -= self.catalogs.popitem(last=False)[1].size
        return kept


_memory = _Memory()


async def wares(tx: Tx, wanted: Mapping[int, Wanted]) -> dict[int, Known]:
    """Return what the codes stand for and which of the locations are shelves; one statement, none if all is known.

    Args:
        tx: The transaction.
        wanted: By store.
    """
    known, missing = {}, {}
    for store_id, one in wanted.items():
        known[store_id] = kept = _memory.recall(one.mark)
        codes = one.codes - kept.wares.keys()
        locations = one.locations - kept.shelves.keys()
        if codes or locations:
            missing[store_id] = Known(dict.fromkeys(sorted(codes)), dict.fromkeys(sorted(locations), False))
    marks = await _find(tx, missing) if missing else {}
    for store_id, found in missing.items():
        mark = marks.get(store_id)
        if mark != wanted[store_id].mark:  # The catalog has changed since; what was recalled is what it was just now.
            was = known[store_id]
            _memory.remember(mark, found)
            known[store_id] = Known({**was.wares, **found.wares}, {**was.shelves, **found.shelves})
        else:
            known[store_id] = _memory.remember(mark, found)
    return known


async def _find(tx: Tx, missing: Mapping[int, Known]) -> dict[int, str]:
    """Fill in what the database has of it; return the mark of each store."""
    marks = {}
    codes = [(store_id, code) for store_id, one in missing.items() for code in one.wares]
    places = [(store_id, place) for store_id, one in missing.items() for place in one.shelves]
    for kind, store_id, name, *ware in await tx.rows(
        FIND_WARES,
        stores=[store_id for store_id, _ in codes],
        codes=[code for _, code in codes],
        place_stores=[store_id for store_id, _ in places],
        locations=[place for _, place in places],
    ):
        if kind == "code":
            missing[store_id].wares[name] = Ware(*ware)
        elif kind == "shelf":
            missing[store_id].shelves[name] = True
        else:
            marks[store_id] = name
    return marks


def catalog_changed(tx: Tx, stamp: Stamp) -> None:
    """Let nobody believe any longer what was read of the store's catalog before this transaction."""
    tx.write_last(MARKS, {"store_id": stamp.store_id})
