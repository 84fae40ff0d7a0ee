"""Bulk import: all or nothing, the same file twice changes nothing, each error with its row."""

import contextlib
import io
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc import tabular
from pullsvc.catalog import bulk, imports
from pullsvc.catalog.bulk import Counts
from pullsvc.catalog.imports import Media, What, read_rows
from pullsvc.db import Database
from pullsvc.tabular import ImportRefused
from tests.conftest import Statements
from tests.factories import all_rows, item, location, placement, signed_in, stamp, store

ITEMS = b"sku,description,department,case_pack,attributes\n"
EACH = "09521234543213"


def faults_of(what: What, text: str | bytes, media: Media = Media.CSV) -> list[dict[str, Any]]:
    """What is wrong with the file; the test fails when nothing is."""
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(ImportRefused) as refused:
        read_rows(what, media, io.BytesIO(raw))
    errors = refused.value.facts["errors"]
    assert isinstance(errors, list)
    return errors


async def send(db: Database, what: What, text: str, media: Media = Media.CSV) -> Counts:
    rows = read_rows(what, media, io.BytesIO(text.encode()))
    async with db.begin() as tx:
        return await imports.import_rows(tx, stamp(), what, rows)


class TestReadRows:
    def test_reads_csv_as_spreadsheets_write_it(self) -> None:
        header = b"\xef\xbb\xbfsku, description ,department,attributes\r\n"
        text = header + b'a,"Milk,\r\n1 l",dairy,frozen; heavy\r\n\r\nb,B,x,\r\n'

        with pytest.raises(ImportRefused, match="control characters"):
            read_rows(What.ITEMS, Media.CSV, io.BytesIO(text))
        rows = read_rows(What.ITEMS, Media.CSV, io.BytesIO(text.replace(b",\r\n1 l", b", 1 l")))

        assert [(line.row, line.data.sku) for line in rows] == [(2, "a"), (4, "b")]  # type: ignore[union-attr]  # rows of items
        assert rows[0].data.description == "Milk, 1 l"  # type: ignore[union-attr]  # rows of items
        assert rows[0].data.attributes == ("frozen", "heavy")  # type: ignore[union-attr]  # rows of items

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_reads_the_separators_of_other_countries(self, separator: str) -> None:
        table = ["sku", "description", "department", "attributes"], ["a", "Milk, 1 l", "dairy", '"frozen;heavy"']
        text = "".join(separator.join(row) + "\r\n" for row in table)

        (row,) = read_rows(What.ITEMS, Media.CSV, io.BytesIO(text.encode()))

        assert row.data.description == "Milk, 1 l"  # type: ignore[union-attr]  # a row of items
        assert row.data.attributes == ("frozen", "heavy")  # type: ignore[union-attr]  # a row of items

    def test_csv_and_ndjson_say_the_same(self) -> None:
        record = {"sku": "a", "description": "A", "department": "x", "case_pack": 6, "attributes": ["frozen", "heavy"]}
        table = ITEMS + b"a,A,x,6,frozen;heavy\n"

        by_csv = read_rows(What.ITEMS, Media.CSV, [line + b"\n" for line in table.splitlines()])
        by_json = read_rows(What.ITEMS, Media.NDJSON, [b"\n", json.dumps(record).encode()])

        assert [line.data for line in by_csv] == [line.data for line in by_json]

    def test_names_row_and_column_of_every_error(self) -> None:
        text = ITEMS + b"a,A,x,0,\nb,,x,6,sharp\nc,C,x,6\nd,D,x,6,\n036000291453,E,x,6,\n"

        found = [(fault["row"], fault["column"]) for fault in faults_of(What.ITEMS, text)]

        assert found == [(2, "case_pack"), (3, "description"), (3, "attributes"), (4, None), (6, "sku")]

    def test_counts_all_errors_and_shows_the_first(self) -> None:
        text = ITEMS + b"".join(b"s%d,A,x,0,\n" % n for n in range(500))

        with pytest.raises(ImportRefused, match=r"500 error\(s\), the first in row 2") as refused:
            read_rows(What.ITEMS, Media.CSV, io.BytesIO(text))

        assert refused.value.facts["error_count"] == 500
        assert len(refused.value.facts["errors"]) == tabular.MAX_FAULTS_SHOWN  # type: ignore[arg-type]  # facts are objects

    @pytest.mark.parametrize(
        ("header", "column", "reason"),
        [
            ("sku,description,department,colour", "colour", "no such column"),
            ("sku,description,department,sku", "sku", "twice"),
            ("description,department", "sku", "missing"),
            ("", None, "begins with a header"),
        ],
    )
    def test_a_header_that_does_not_fit_is_refused_by_name(self, header: str, column: str | None, reason: str) -> None:
        fault = faults_of(What.ITEMS, header)[0]

        assert (fault["row"], fault["column"]) == (1, column)
        assert reason in fault["detail"]

    def test_an_unknown_member_is_refused_by_name(self) -> None:
        line = '{"sku": "a", "description": "A", "department": "x", "colour": "white"}'

        assert faults_of(What.ITEMS, line, Media.NDJSON)[0]["column"] == "colour"

    def test_the_zone_of_what_lies_nowhere_is_refused(self) -> None:
        (fault,) = faults_of(What.LOCATIONS, "location,kind,zone\nA1,shelf,unknown\n")

        assert (fault["row"], fault["column"]) == (2, "zone")
        assert "no bin" in fault["detail"]

    @pytest.mark.parametrize(
        ("what", "text", "column", "reason"),
        [
            (What.ITEMS, "sku,description,department\na,A,x\nb,B,x\na,C,x\n", "sku", "Row 2 has this sku"),
            (What.BARCODES, f"code,sku\n9521234543213,a\n5,a\n{EACH},b\n", "code", "Row 2 has this code"),
            (What.LOCATIONS, "location,kind,zone\nA1,shelf,x\nA2,shelf,x\nA1,shelf,y\n", "location", "Row 2 has"),
            (What.PLACEMENTS, "location,sku,capacity\nA,a,1\nA,b,1\nA,a,2\n", "location", "Row 2 places this item"),
            (What.PLACEMENTS, "location,sku,capacity\nA,a,1\nA,b,1\nB,a,2\n", "is_home", "Row 2 is the home"),
        ],
    )
    def test_rows_that_say_the_same_thing_are_named_both(self, what: What, text: str, column: str, reason: str) -> None:
        fault = next(fault for fault in faults_of(what, text) if fault["column"] == column)

        assert fault["row"] == 4
        assert reason in fault["detail"]

    @pytest.mark.parametrize(
        ("media", "text", "row", "reason"),
        [
            (Media.CSV, ITEMS + b"a,A,x,6,\nb,\xff,x,6,\n", 3, "UTF-8"),
            (Media.CSV, ITEMS + b'a,"A"B,x,6,\n', 2, "CSV"),
            (Media.CSV, ITEMS + b'a,"A,x,6,\n', 2, "CSV"),
            (Media.NDJSON, b'\n{"sku": "a"', 2, "JSON"),
            (Media.NDJSON, b"[1]", 1, "JSON"),
            (Media.NDJSON, b'{"sku": NaN}', 1, "JSON"),
            (Media.NDJSON, b"[" * 100_000, 1, "JSON"),
            (Media.NDJSON, b'\n\n{"sku": "\xff"}', 3, "UTF-8"),
        ],
    )
    def test_what_cannot_be_read_names_its_row(self, media: Media, text: bytes, row: int, reason: str) -> None:
        fault = faults_of(What.ITEMS, text, media)[0]

        assert fault["row"] == row
        assert reason in fault["detail"]

    def test_a_file_of_too_many_rows_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tabular, "MAX_IMPORT_ROWS", 2)

        assert "at most 2 rows" in faults_of(What.BARCODES, "code,sku\n1,a\n2,a\n3,a\n")[0]["detail"]

    @given(text=st.binary(max_size=200), what=st.sampled_from(What), media=st.sampled_from(Media))
    def test_reads_or_refuses_whatever_is_sent(self, text: bytes, what: What, media: Media) -> None:
        with contextlib.suppress(ImportRefused):
            assert len(read_rows(what, media, io.BytesIO(text))) <= len(text)


class TestImportRows:
    async def test_the_same_file_twice_changes_nothing(self, db: Database) -> None:
        await store(db)
        files = {
            What.ITEMS: "sku,description,department\na,A,x\nb,B,x\n",
            What.BARCODES: f"code,sku,pack_qty\n{EACH},a,\n19521234543210,a,12\n4011,b,\n",
            What.LOCATIONS: "location,kind,zone,walk_seq\nA1,shelf,x,1\nA2,shelf,x,2\nBR-1,backroom,y,3\n",
            What.PLACEMENTS: "location,sku,capacity,is_home\nA1,a,24,yes\nA2,a,6,no\nA2,b,9,\n",
        }
        sizes = {what: len(text.splitlines()) - 1 for what, text in files.items()}
        for what, text in files.items():
            assert await send(db, what, text) == Counts(rows=sizes[what], created=sizes[what], changed=0, unchanged=0)
        before = [await all_rows(db, table) for table in ("items", "barcodes", "locations", "placements", "events")]

        for what, text in files.items():
            assert await send(db, what, text) == Counts(rows=sizes[what], created=0, changed=0, unchanged=sizes[what])

        after = [await all_rows(db, table) for table in ("items", "barcodes", "locations", "placements", "events")]
        assert after == before

    async def test_changes_what_differs_and_raises_its_version(self, db: Database) -> None:
        await store(db)
        await send(db, What.ITEMS, "sku,description,department,attributes\na,A,x,frozen\nb,B,x,\n")

        counts = await send(db, What.ITEMS, "sku,description,department,attributes\na,A,x,heavy\nb,B,x,\nc,C,x,\n")

        assert counts == Counts(rows=3, created=1, changed=1, unchanged=1)
        rows = {row["sku"]: (row["attributes"], row["version"]) for row in await all_rows(db, "items")}
        assert rows == {"a": (["heavy"], 2), "b": ([], 1), "c": ([], 1)}

    async def test_moves_a_barcode_to_another_item(self, db: Database) -> None:
        await store(db)
        await item(db, sku="a", codes={EACH: 1})
        await item(db, sku="b")

        counts = await send(db, What.BARCODES, f"code,sku\n{EACH},b\n")

        assert counts == Counts(rows=1, created=0, changed=1, unchanged=0)
        assert [row["sku"] for row in await all_rows(db, "barcodes")] == ["b"]

    @pytest.mark.parametrize("rows", ["A1,a,24,2,no\nA2,a,6,0,yes\n", "A2,a,6,0,yes\nA1,a,24,2,no\n", "A2,a,6,0,yes\n"])
    async def test_moves_a_home(self, db: Database, rows: str) -> None:
        await store(db)
        await item(db, sku="a")
        await placement(db, sku="a", shelf="A1")
        await location(db, code="A2", kind="shelf")

        counts = await send(db, What.PLACEMENTS, "location,sku,capacity,presentation_min,is_home\n" + rows)

        assert (counts.created, counts.changed) == (1, rows.count("A1"))
        homes = {row["location"]: row["is_home"] for row in await all_rows(db, "placements")}
        assert homes == {"A1": False, "A2": True}

    async def test_refuses_what_does_not_fit_the_store_and_writes_nothing(self, db: Database) -> None:
        await store(db)
        await item(db, sku="a")
        await location(db, code="BR-1", kind="backroom")
        await location(db, code="A1", kind="shelf")
        cases = {
            What.BARCODES: ("code,sku\n1,a\n2,nope\n3,none\n", [(3, "sku"), (4, "sku")]),
            What.LOCATIONS: ("location,kind,zone\nNEW,shelf,x\nBR-1,shelf,x\n", [(3, "kind")]),
            What.PLACEMENTS: (
                "location,sku,capacity,is_home\nA1,a,1,no\nA1,nope,1,no\nBR-1,nope,1,no\nA9,nope,1,no\n",
                [(3, "sku"), (4, "location"), (4, "sku"), (5, "location"), (5, "sku")],
            ),
        }
        for what, (text, expected) in cases.items():
            with pytest.raises(ImportRefused) as refused:
                await send(db, what, text)
            errors: Any = refused.value.facts["errors"]
            assert sorted((fault["row"], fault["column"]) for fault in errors) == expected
        assert await all_rows(db, "barcodes") == []
        assert await all_rows(db, "placements") == []
        assert await all_rows(db, "locations", location="NEW") == []

    async def test_takes_few_statements_however_long_the_file_is(self, db: Database, statements: Statements) -> None:
        await store(db)
        items = "sku,description,department\n" + "".join(f"s{n},S,x\n" for n in range(2000))
        codes = "code,sku\n" + "".join(f"c{n},s{n}\n" for n in range(2000))
        places = "location,kind,zone\n" + "".join(f"A{n},shelf,x\n" for n in range(2000))
        plan = "location,sku,capacity,is_home\n" + "".join(f"A{n},s{n},9,{n % 2}\n" for n in range(2000))
        taken = {}
        for what, text in zip(What, (items, codes, places, plan), strict=True):
            statements.clear()
            await send(db, what, text)
            taken[what] = len(statements)

        # What a row refers to is looked up first; then the upsert, fresh statistics for the planner, one event.
        assert taken == {What.ITEMS: 3, What.BARCODES: 4, What.LOCATIONS: 4, What.PLACEMENTS: 7}

    async def test_a_file_longer_than_a_statement_goes_in_several(
        self, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "CHUNK_ROWS", 3)
        await store(db)
        text = "sku,description,department\n" + "".join(f"s{n},S,x\n" for n in range(10))

        assert (await send(db, What.ITEMS, text)).created == 10
        with pytest.raises(ImportRefused) as refused:
            await send(db, What.BARCODES, "code,sku\n" + "".join(f"{n},s{n}\n" for n in range(12)))
        errors: Any = refused.value.facts["errors"]
        assert [fault["row"] for fault in errors] == [12, 13]


class TestImportCatalog:
    @pytest.fixture
    async def manager(self, db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
        await store(db)
        return await signed_in(db, client, role="manager")

    async def test_takes_csv_and_ndjson(self, manager: httpx.AsyncClient) -> None:
        csv = await manager.post(
            "/v1/stores/1/imports/items",
            content="sku,description,department\na,A,x\n",
            headers={"Content-Type": "text/csv; charset=UTF-8"},
        )
        ndjson = await manager.post(
            "/v1/stores/1/imports/barcodes",
            content='{"code": "9521234543213", "sku": "a"}\n',
            headers={"Content-Type": "application/x-ndjson"},
        )

        assert csv.json() == {"rows": 1, "created": 1, "changed": 0, "unchanged": 0, "dry_run": False}
        assert ndjson.json() == {"rows": 1, "created": 1, "changed": 0, "unchanged": 0, "dry_run": False}

    async def test_answers_errors_as_a_problem(self, manager: httpx.AsyncClient, db: Database) -> None:
        refused = await manager.post(
            "/v1/stores/1/imports/items",
            content="sku,description,department,case_pack\na,A,x,1\nb,B,x,0\n",
            headers={"Content-Type": "text/csv"},
        )

        assert (refused.status_code, refused.json()["code"]) == (422, "import-refused")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["errors"] == [
            {"row": 3, "column": "case_pack", "detail": "Input should be greater than or equal to 1"}
        ]
        assert await all_rows(db, "items") == []

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": "application/json"},
            {"Content-Type": "text/csv; charset=latin-1"},
            {"Content-Type": "text/csv", "Content-Encoding": "gzip"},
        ],
    )
    async def test_takes_nothing_else(self, manager: httpx.AsyncClient, headers: dict[str, str]) -> None:
        refused = await manager.post("/v1/stores/1/imports/items", content=b"sku\n", headers=headers)

        assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-media-type")

    async def test_knows_four_kinds(self, manager: httpx.AsyncClient) -> None:
        refused = await manager.post("/v1/stores/1/imports/people", content="a", headers={"Content-Type": "text/csv"})

        assert refused.status_code == 422

    async def test_is_described_with_both_kinds_of_body(self, manager: httpx.AsyncClient) -> None:
        contract = (await manager.get("/openapi.json")).json()

        body = contract["paths"]["/v1/stores/{store_id}/imports/{what}"]["post"]["requestBody"]
        assert set(body["content"]) == {"text/csv", "application/x-ndjson"}
