"""What a manager edits in one go: many lines of the planogram, hours, and files out and in again."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from pullsvc.db import Database
from tests.factories import all_rows, item, key, location, placement, signed_in, store

CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def manager(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The manager of a store with three items on shelves."""
    await store(db)
    for sku, shelf in (("milk", "A1"), ("eggs", "A2"), ("oats", "A3")):
        await item(db, sku=sku, attributes=("fragile", "heavy"), codes={f"code-{sku}": 6})
        await placement(db, sku=sku, shelf=shelf, capacity=24, presentation_min=2)
    return await signed_in(db, client, role="manager")


def line(sku: str, shelf: str, *, version: int = 1, **changes: int) -> dict[str, Any]:
    return {"location": shelf, "sku": sku, "version": version, **changes}


async def edit(manager: httpx.AsyncClient, *edits: dict[str, Any]) -> httpx.Response:
    return await manager.patch("/v1/stores/1/placements", json={"edits": edits})


async def capacities(db: Database) -> dict[str, int]:
    return {row["sku"]: row["capacity"] for row in await all_rows(db, "placements")}


class TestEditManyPlacements:
    async def test_changes_what_is_given_and_answers_in_the_order_of_the_edits(
        self, db: Database, manager: httpx.AsyncClient
    ) -> None:
        answer = await edit(manager, line("oats", "A3", capacity=30), line("milk", "A1", presentation_min=5, facings=4))

        oats, milk = answer.json()["items"]
        assert (oats["sku"], oats["capacity"], oats["presentation_min"], oats["version"]) == ("oats", 30, 2, 2)
        assert (milk["sku"], milk["capacity"], milk["presentation_min"], milk["facings"]) == ("milk", 24, 5, 4)
        assert await capacities(db) == {"milk": 24, "eggs": 24, "oats": 30}
        told = {row["subject"] for row in await all_rows(db, "events") if row["kind"] == "placement.changed"}
        assert told == {"A1/milk", "A3/oats"}

    async def test_changes_nothing_when_one_line_was_changed_meanwhile(
        self, db: Database, manager: httpx.AsyncClient
    ) -> None:
        await edit(manager, line("milk", "A1", capacity=12))

        late = await edit(manager, line("eggs", "A2", capacity=40), line("milk", "A1", capacity=18), line("x", "A9"))

        assert (late.status_code, late.json()["code"]) == (412, "edited-meanwhile")
        assert late.json()["lines"] == [
            {"location": "A1", "sku": "milk", "version": 2}, {"location": "A9", "sku": "x", "version": None}
        ]  # fmt: skip
        assert await capacities(db) == {"milk": 12, "eggs": 24, "oats": 24}

    async def test_lets_one_of_two_at_once_win(self, db: Database, manager: httpx.AsyncClient) -> None:
        edits = [line("milk", "A1", capacity=10), line("eggs", "A2", capacity=10)]

        answers = await asyncio.gather(*(edit(manager, *order) for order in (edits, edits[::-1]) for _ in range(3)))

        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5

    async def test_keeps_minima_at_or_below_capacities(self, db: Database, manager: httpx.AsyncClient) -> None:
        refused = await edit(manager, line("milk", "A1", capacity=12), line("eggs", "A2", capacity=1))
        both = await edit(manager, line("eggs", "A2", capacity=1, presentation_min=1))

        assert (refused.status_code, refused.json()["code"]) == (422, "minimum-above-capacity")
        assert refused.json()["lines"] == [{"location": "A2", "sku": "eggs"}]
        assert both.status_code == 200
        assert await capacities(db) == {"milk": 24, "eggs": 1, "oats": 24}

    @pytest.mark.parametrize("edits", [[], [line("milk", "A1"), line("milk", "A1")], [line("milk", "A1", capacity=0)]])
    async def test_refuses_what_makes_no_sense(self, manager: httpx.AsyncClient, edits: list[Any]) -> None:
        assert (await edit(manager, *edits)).status_code == 422

    async def test_takes_four_statements_however_many_lines(
        self, manager: httpx.AsyncClient, statements: list[str]
    ) -> None:
        await manager.get("/v1/stores/1")
        counts = []
        for edits in (
            [line("milk", "A1", capacity=9)],
            [line("milk", "A1", version=2, capacity=8), line("eggs", "A2", capacity=8), line("oats", "A3", capacity=8)],
        ):
            statements.clear()
            assert (await edit(manager, *edits)).status_code == 200
            counts.append(len(statements))

        assert counts[0] == counts[1]


class TestExport:
    @pytest.mark.parametrize("what", ["items", "barcodes", "locations", "placements"])
    async def test_imported_again_changes_nothing(self, manager: httpx.AsyncClient, what: str) -> None:
        file = await manager.get(f"/v1/stores/1/exports/{what}")

        again = await manager.post(f"/v1/stores/1/imports/{what}", content=file.text, headers=CSV)

        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert f"{what}-1.csv" in file.headers["content-disposition"]
        assert again.status_code == 200, again.text
        assert (again.json()["rows"], again.json()["unchanged"]) == (again.json()["rows"], again.json()["rows"])
        assert again.json()["rows"] >= 3

    async def test_quotes_what_people_write(self, db: Database, manager: httpx.AsyncClient) -> None:
        odd = {"description": 'Oats, "rolled"; 1 kg', "department": "grocery", "barcodes": []}
        assert (await manager.put("/v1/stores/1/items/odd", json=odd)).status_code == 201

        file = await manager.get("/v1/stores/1/exports/items")
        again = await manager.post("/v1/stores/1/imports/items", content=file.text, headers=CSV)

        assert again.json()["changed"] == 0

    @pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-2 for 1", "@home", "'=x", "''+1", "'s-Hertogenbosch"])
    async def test_has_no_formula_in_it_and_reads_back(
        self, db: Database, manager: httpx.AsyncClient, name: str
    ) -> None:
        """A spreadsheet works out what begins with such a sign, and who named the item does not open the file."""
        odd = {"description": name, "department": "grocery", "barcodes": []}
        made = await manager.put("/v1/stores/1/items/odd", json=odd)
        assert made.status_code == 201, made.text

        file = await manager.get("/v1/stores/1/exports/items")
        again = await manager.post("/v1/stores/1/imports/items", content=file.content, headers=CSV)

        (row,) = [row for row in csv.reader(io.StringIO(file.text)) if "odd" in row]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
        assert (again.status_code, again.json()["changed"]) == (200, 0)

    async def test_tells_a_spreadsheet_how_it_is_written(self, manager: httpx.AsyncClient) -> None:
        assert (await manager.get("/v1/stores/1/exports/items")).content.startswith(b"\xef\xbb\xbf")

    async def test_holds_no_other_store(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)
        await item(db, store_id=2, sku="theirs")

        assert "theirs" not in (await manager.get("/v1/stores/1/exports/items")).text


class TestDryRun:
    async def test_says_what_an_import_would_do_and_changes_nothing(
        self, db: Database, manager: httpx.AsyncClient
    ) -> None:
        text = "location,sku,capacity\nA1,milk,30\nA2,eggs,24\n"
        before = (await all_rows(db, "placements"), len(await all_rows(db, "events")))

        tried = await manager.post("/v1/stores/1/imports/placements?dry_run=true", content=text, headers=CSV)

        assert tried.json() == {"rows": 2, "created": 0, "changed": 2, "unchanged": 0, "dry_run": True}
        assert (await all_rows(db, "placements"), len(await all_rows(db, "events"))) == before

    async def test_finds_what_only_the_database_knows(self, manager: httpx.AsyncClient) -> None:
        text = "location,sku,capacity\nA1,milk,30\nA1,cheese,24\n"

        refused = await manager.post("/v1/stores/1/imports/placements?dry_run=true", content=text, headers=CSV)

        assert [(error["row"], error["column"]) for error in refused.json()["errors"]] == [(3, "sku")]


class TestEditStore:
    async def test_changes_name_and_hours_and_nothing_else(self, manager: httpx.AsyncClient) -> None:
        was = (await manager.get("/v1/stores/1")).json()
        hours = {"mon": [["08:00", "20:00"]]}

        answer = await manager.patch("/v1/stores/1", json={"opening_hours": hours}, headers={"If-Match": '"1"'})

        now = answer.json()
        assert (now["opening_hours"]["mon"], now["opening_hours"]["sun"]) == ([["08:00", "20:00"]], [])
        assert {name: now[name] for name in ("name", "time_zone", "day_starts_at")} == {
            name: was[name] for name in ("name", "time_zone", "day_starts_at")
        }
        assert answer.headers["ETag"] == '"2"'
        renamed = await manager.patch("/v1/stores/1", json={"name": "Side Street"}, headers={"If-Match": '"2"'})
        assert renamed.json()["opening_hours"] == now["opening_hours"]

    async def test_needs_the_version_and_takes_no_time_zone(self, manager: httpx.AsyncClient) -> None:
        blind = await manager.patch("/v1/stores/1", json={"name": "x"})
        zone = await manager.patch("/v1/stores/1", json={"time_zone": "UTC"}, headers={"If-Match": "*"})

        assert (blind.status_code, zone.status_code) == (428, 422)

    async def test_of_another_store_is_not_theirs(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)

        assert (await manager.patch("/v1/stores/2", json={"name": "x"}, headers={"If-Match": "*"})).status_code == 404

    async def test_is_for_managers(self, db: Database, manager: httpx.AsyncClient) -> None:
        await location(db, code="X1")
        manager.headers["Authorization"] = f"Bearer {await key(db, role='lead')}"

        assert (await manager.patch("/v1/stores/1", json={"name": "x"}, headers={"If-Match": "*"})).status_code == 403
