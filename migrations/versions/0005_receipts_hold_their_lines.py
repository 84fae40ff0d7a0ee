"""Receipts hold their lines as arrays: one row in place of ten, a third of the WAL. `sale_lines` becomes a view.

Beside it: which receipts wait for which unknown codes, and a mark for each store's catalog, so that what was read of it
can be kept for as long as the mark stays the same.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# One element for each line. `kinds` is null when all are sales, `uoms` when all are eaches, as most often.
ADD_COLUMNS = """
    ALTER TABLE receipts
        ADD COLUMN sold_qty   integer NOT NULL DEFAULT 0,
        ADD COLUMN line_nos   integer[] NOT NULL DEFAULT '{}',
        ADD COLUMN kinds      text[] CHECK (kinds <@ ARRAY['sale', 'return', 'void']),
        ADD COLUMN codes      text[] NOT NULL DEFAULT '{}',
        ADD COLUMN skus       text[] NOT NULL DEFAULT '{}',
        ADD COLUMN locations  text[] NOT NULL DEFAULT '{}',
        ADD COLUMN milli_qtys integer[] NOT NULL DEFAULT '{}',
        ADD COLUMN uoms       text[] CHECK (uoms <@ ARRAY['each', 'kg', 'lb', 'g']),
        ADD COLUMN sold_qtys  integer[] NOT NULL DEFAULT '{}'
"""
CARRY_LINES = """
    UPDATE receipts r
    SET sold_qty = l.sold_qty, line_nos = l.line_nos, kinds = l.kinds, codes = l.codes, skus = l.skus,
        locations = l.locations, milli_qtys = l.milli_qtys, uoms = l.uoms, sold_qtys = l.sold_qtys
    FROM (
        SELECT store_id, business_date, register, sequence,
               coalesce(sum(sold_qty) FILTER (WHERE sold_qty > 0), 0) AS sold_qty,
               array_agg(line_no ORDER BY line_no) AS line_nos,
               CASE WHEN bool_or(kind <> 'sale') THEN array_agg(kind ORDER BY line_no) END AS kinds,
               array_agg(code ORDER BY line_no) AS codes,
               array_agg(sku ORDER BY line_no) AS skus,
               array_agg(location ORDER BY line_no) AS locations,
               array_agg(CAST(quantity * 1000 AS integer) ORDER BY line_no) AS milli_qtys,
               CASE WHEN bool_or(uom <> 'each') THEN array_agg(uom ORDER BY line_no) END AS uoms,
               array_agg(sold_qty ORDER BY line_no) AS sold_qtys
        FROM sale_lines GROUP BY store_id, business_date, register, sequence) l
    WHERE (r.store_id, r.business_date, r.register, r.sequence)
        = (l.store_id, l.business_date, l.register, l.sequence)
"""
SETTLE_COLUMNS = """
    ALTER TABLE receipts
        ALTER COLUMN sold_qty DROP DEFAULT,
        ALTER COLUMN line_nos DROP DEFAULT,
        ALTER COLUMN codes DROP DEFAULT,
        ALTER COLUMN skus DROP DEFAULT,
        ALTER COLUMN locations DROP DEFAULT,
        ALTER COLUMN milli_qtys DROP DEFAULT,
        ALTER COLUMN sold_qtys DROP DEFAULT,
        ADD CONSTRAINT receipts_columns_fit CHECK (
            cardinality(line_nos) = line_count AND cardinality(codes) = line_count AND cardinality(skus) = line_count
            AND cardinality(locations) = line_count AND cardinality(milli_qtys) = line_count
            AND cardinality(sold_qtys) = line_count AND coalesce(cardinality(kinds), line_count) = line_count
            AND coalesce(cardinality(uoms), line_count) = line_count)
"""
LINES_VIEW = """
    CREATE VIEW sale_lines AS
    SELECT r.store_id, r.business_date, r.register, r.sequence, l.line_no, coalesce(l.kind, 'sale') AS kind, l.code,
           l.sku, l.location, CAST(l.milli_qty / 1000.0 AS numeric(12, 3)) AS quantity, coalesce(l.uom, 'each') AS uom,
           l.sold_qty, r.occurred_at
    FROM receipts r
    CROSS JOIN LATERAL unnest(r.line_nos, r.kinds, r.codes, r.skus, r.locations, r.milli_qtys, r.uoms, r.sold_qtys)
        AS l(line_no, kind, code, sku, location, milli_qty, uom, sold_qty)
"""
UP = (
    # Which receipts have lines of a code that no item has: there are few, and none is looked for anywhere else.
    """
    CREATE TABLE waiting_receipts (
        store_id      integer NOT NULL,
        code          text NOT NULL,
        business_date date NOT NULL,
        register      text NOT NULL,
        sequence      bigint NOT NULL,
        PRIMARY KEY (store_id, code, business_date, register, sequence)
    )
    """,
    """
    INSERT INTO waiting_receipts (store_id, code, business_date, register, sequence)
    SELECT DISTINCT store_id, code, business_date, register, sequence FROM sale_lines WHERE sku IS NULL
    """,
    ADD_COLUMNS,
    CARRY_LINES,
    "DROP TABLE sale_lines",
    SETTLE_COLUMNS,
    LINES_VIEW,
    # Changes with each change of the store's items, barcodes, locations or placements.
    """
    CREATE TABLE catalog_marks (
        store_id integer PRIMARY KEY REFERENCES stores,
        mark     uuid NOT NULL
    )
    """,
    "INSERT INTO catalog_marks (store_id, mark) SELECT store_id, gen_random_uuid() FROM stores",
)
DOWN = (
    "DROP TABLE catalog_marks",
    "CREATE TEMPORARY TABLE lines_back AS SELECT * FROM sale_lines",
    "DROP VIEW sale_lines",
    """
    CREATE TABLE sale_lines (
        store_id      integer NOT NULL,
        business_date date NOT NULL,
        register      text NOT NULL,
        sequence      bigint NOT NULL,
        line_no       integer NOT NULL CHECK (line_no >= 1),
        kind          text NOT NULL CHECK (kind IN ('sale', 'return', 'void')),
        code          text NOT NULL,
        sku           text,
        location      text,
        quantity      numeric(12, 3) NOT NULL CHECK (quantity >= 0),
        uom           text NOT NULL CHECK (uom IN ('each', 'kg', 'lb', 'g')),
        sold_qty      integer NOT NULL,
        occurred_at   timestamptz NOT NULL,
        PRIMARY KEY (store_id, business_date, register, sequence, line_no),
        CHECK (sku IS NOT NULL OR sold_qty = 0)
    ) PARTITION BY RANGE (business_date)
    """,
    "CREATE INDEX sale_lines_of_item ON sale_lines (store_id, sku, occurred_at)",
    "CREATE INDEX sale_lines_unknown ON sale_lines (store_id, code) WHERE sku IS NULL",
    "CREATE TABLE sale_lines_default PARTITION OF sale_lines DEFAULT",
    "INSERT INTO sale_lines SELECT * FROM lines_back",
    "DROP TABLE lines_back",
    """
    ALTER TABLE receipts DROP CONSTRAINT receipts_columns_fit, DROP COLUMN sold_qty, DROP COLUMN line_nos,
        DROP COLUMN kinds, DROP COLUMN codes, DROP COLUMN skus, DROP COLUMN locations, DROP COLUMN milli_qtys,
        DROP COLUMN uoms, DROP COLUMN sold_qtys
    """,
    "DROP TABLE waiting_receipts",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in DOWN:
        op.execute(statement)
