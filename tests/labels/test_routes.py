"""Labels over HTTP: the right ones, in the order of a walk, and clear words when there are none."""

from typing import Any

import httpx

from pullsvc.access.pins import badge_of
from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.factories import fresh_key, location, signed_in, store, tub
from tests.labels.scanner import pages, scans

URL = "/v1/stores/1/labels"


async def shop(db: Database, client: httpx.AsyncClient) -> None:
    await store(db)
    for n, code in enumerate(("B2", "B1", "B3")):
        await location(db, code=code, walk_seq=n)
    await location(db, code="C1", zone="cold")
    await location(db, code="S1", kind="shelf", zone="floor")
    for plate in ("TUB-1", "TUB-2"):
        await tub(db, plate=plate)
    await signed_in(db, client, role=Role.LEAD)


def printed(answer: httpx.Response) -> list[str]:
    """What the QR codes say, label by label, of a roll."""
    assert answer.status_code == 200, answer.text
    return [scans(page.pixels)["]Q1"] for page in pages(answer.content)]


async def get(client: httpx.AsyncClient, subject: str, **query: Any) -> httpx.Response:
    return await client.get(f"{URL}/{subject}", params={"stock": "roll-62", **query})


class TestPrintLabels:
    async def test_prints_the_places_of_a_zone_in_the_order_of_a_walk(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await shop(db, client)

        answer = await get(client, "locations", zone="main", kind="backroom")

        assert printed(answer) == ["B2", "B1", "B3"]
        assert answer.headers["content-disposition"] == 'attachment; filename="locations-1.pdf"'

    async def test_goes_on_behind_the_last_one(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        assert printed(await get(client, "locations", kind="backroom", after="B1")) == ["B3"]

    async def test_prints_those_named(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        assert printed(await get(client, "tubs", code=["TUB-2"], copies=2)) == ["TUB-2", "TUB-2"]
        assert printed(await get(client, "commands", code=["DONE"])) == ["CMD:DONE"]

    async def test_never_prints_the_place_that_is_none(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        assert printed(await get(client, "locations", kind="shelf")) == ["S1"]

    async def test_gives_a_label_printer_its_own_language(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        answer = await get(client, "tubs", form="zpl", dpi=300)

        assert answer.text.count("^XA") == 2
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"

    async def test_says_what_is_unknown(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        answer = await get(client, "tubs", code=["TUB-2", "TUB-9"])

        assert (answer.status_code, answer.json()["code"]) == (404, "nothing-to-print")
        assert "TUB-9" in answer.json()["detail"]

    async def test_says_how_to_get_at_more_than_one_download_holds(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await shop(db, client)
        for n in range(60):
            await location(db, code=f"X{n:02}", zone="wide")

        answer = await get(client, "locations", zone="wide", copies=10)

        assert (answer.status_code, answer.json()["code"], answer.json()["last"]) == (422, "too-many-labels", "X49")

    async def test_tells_a_wrong_option(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        assert (await get(client, "tubs", colour="red")).status_code == 422
        assert (await get(client, "tubs", stock="a4-24", form="zpl")).json()["code"] == "not-for-label-printers"


class TestPrintBadges:
    async def test_a_scan_of_the_badge_signs_its_owner_in(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)
        await signed_in(db, client, role=Role.MANAGER)
        body = {"name": "Łucja Ñandú", "roles": ["backroom"]}
        made = (await client.post("/v1/stores/1/people", json=body, headers=fresh_key())).json()

        answer = await get(client, "badges")
        (badge,) = printed(answer)

        assert badge_of(f"]Q1{badge}") == made["badge"]
        assert "Łucja Ñandú" in pages(answer.content)[0].words

    async def test_are_not_for_leads(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        assert (await get(client, "badges")).status_code == 403


class TestListLabelStocks:
    async def test_tells_what_a_page_needs_to_offer_them(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, client)

        said = (await client.get(URL)).json()

        assert {stock["stock"] for stock in said["stocks"] if stock["is_roll"]} >= {"roll-62", "roll-100x50"}
        assert "CMD:+1" in {command["scan"] for command in said["commands"]}
