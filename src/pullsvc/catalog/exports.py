"""Write what an import reads: the file of an export, imported again, changes nothing."""

import csv
import io
from collections.abc import Mapping, Sequence

from pullsvc.catalog.imports import ROWS, What
from pullsvc.db import Row, Statement, Tx, sql
from pullsvc.tabular import BYTE_ORDER_MARK, MAX_IMPORT_ROWS, as_cell

LIST_SEPARATOR = ";"

# Every row that could be imported, in the order of its key.
SELECTS: Mapping[What, Statement] = {
    What.ITEMS: sql("SELECT * FROM items WHERE store_id = :store_id ORDER BY sku LIMIT :limit"),
    What.BARCODES: sql("SELECT * FROM barcodes WHERE store_id = :store_id ORDER BY code LIMIT :limit"),
    What.LOCATIONS: sql("""
        SELECT * FROM locations WHERE store_id = :store_id AND kind <> 'tub' AND active ORDER BY location LIMIT :limit
    """),
    What.PLACEMENTS: sql("""
        SELECT * FROM placements WHERE store_id = :store_id ORDER BY location, sku LIMIT :limit
    """),
}
assert set(SELECTS) == set(What)


async def read_catalog(tx: Tx, *, store_id: int, what: What) -> list[Row]:
    """Return the rows of one kind, at most as many as an import takes."""
    return await tx.rows(SELECTS[what], store_id=store_id, limit=MAX_IMPORT_ROWS)


def csv_of(what: What, rows: Sequence[Row]) -> str:
    """Return the rows as CSV with the header that an import reads; no cell is a formula for a spreadsheet."""
    columns = list(ROWS[what].model_fields)
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list):
        return LIST_SEPARATOR.join(value)
    if isinstance(value, str):
        return as_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value
