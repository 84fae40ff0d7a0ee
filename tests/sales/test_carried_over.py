"""Lines that were rows become arrays and rows again; nothing is lost on the way."""

from sqlalchemy import make_url

from pullsvc import migrate
from pullsvc.db import Database, sql

BEFORE = "0004"
LINES = sql("SELECT * FROM sale_lines ORDER BY store_id, business_date, register, sequence, line_no")
FILL = (
    """
    INSERT INTO receipts (store_id, business_date, register, sequence, revision, pos_revision, status, fingerprint,
                          line_count, occurred_at, received_at)
    SELECT 1, '2026-03-14', '4', n, 1, NULL, 'completed', 'f' || n, CASE n WHEN 1 THEN 3 WHEN 2 THEN 1 ELSE 0 END,
           '2026-03-14T12:00Z', '2026-03-14T12:00Z' FROM generate_series(1, 3) n
    """,
    """
    INSERT INTO sale_lines (store_id, business_date, register, sequence, line_no, kind, code, sku, location, quantity,
                            uom, sold_qty, occurred_at)
    VALUES (1, '2026-03-14', '4', 1, 1, 'sale', 'milk', 'milk', 'A1', 2, 'each', 2, '2026-03-14T12:00Z'),
           (1, '2026-03-14', '4', 1, 5, 'return', 'milk', 'milk', 'RETURNS', 1, 'each', -1, '2026-03-14T12:00Z'),
           (1, '2026-03-14', '4', 1, 3, 'sale', '"{what}"', NULL, NULL, 0.42, 'kg', 0, '2026-03-14T12:00Z'),
           (1, '2026-03-14', '4', 2, 1, 'sale', 'bread', 'bread', 'B1', 6, 'each', 6, '2026-03-14T12:00Z')
    """,
)


async def test_lines_are_carried_over_and_back(shared_db: Database, database_url: str) -> None:
    name = f"{make_url(database_url).database}_carried"
    pool = await shared_db.pool()
    await pool.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await pool.execute(f"CREATE DATABASE {name}")
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)

    async def look(*statements: str) -> list[list[dict[str, object]]]:
        """The lines, after the statements, and what the further ones say."""
        db = Database(url, pool_size=1)
        try:
            async with db.begin() as tx:
                return [[row._asdict() for row in await tx.rows(sql(text))] for text in statements]
        finally:
            await db.close()

    await migrate.migrate(url)
    await migrate.migrate(url, revision=BEFORE)
    (_, _, rows) = await look(*FILL, LINES.text)
    await migrate.migrate(url)
    viewed, receipts, waiting = await look(
        LINES.text,
        "SELECT sequence, sold_qty, kinds, uoms, codes FROM receipts ORDER BY sequence",
        "SELECT code, sequence FROM waiting_receipts",
    )
    await migrate.migrate(url, revision=BEFORE)
    (back,) = await look(LINES.text)

    assert viewed == rows == back
    assert len(rows) == 4
    assert receipts == [
        {"sequence": 1, "sold_qty": 2, "kinds": ["sale", "sale", "return"], "uoms": ["each", "kg", "each"],
         "codes": ["milk", '"{what}"', "milk"]},
        {"sequence": 2, "sold_qty": 6, "kinds": None, "uoms": None, "codes": ["bread"]},
        {"sequence": 3, "sold_qty": 0, "kinds": None, "uoms": None, "codes": []},
    ]  # fmt: skip
    assert waiting == [{"code": '"{what}"', "sequence": 1}]
