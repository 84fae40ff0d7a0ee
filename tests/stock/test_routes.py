"""Stock over HTTP."""

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from tests.conftest import Ticking
from tests.factories import all_rows, fresh_key, item, location, placement, signed_in, store, tub


@pytest.fixture
async def clerk(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A backroom worker in a store with one item, its shelf A1 and the bin B1."""
    await store(db)
    await item(db, sku="milk", codes={"04006381333931": 1})
    await placement(db, sku="milk", shelf="A1")
    await location(db, code="B1")
    return await signed_in(db, client, role=Role.BACKROOM)


async def post(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    return await client.post(f"/v1/stores/1/{path}", json=body, headers=fresh_key())


class TestMovements:
    async def test_receive_put_away_and_adjust_leave_their_trace(self, clerk: httpx.AsyncClient) -> None:
        await post(clerk, "receivings", code="4006381333931", qty=24)
        moved = await post(clerk, "moves", code="milk", qty=20, from_location="RECEIVING", to_location="B1")
        await post(clerk, "adjustments", code="milk", change=-2, location="B1", reason="broken", damaged=True)

        assert moved.json()["balances"] == [
            {"sku": "milk", "location": "B1", "qty": 20},
            {"sku": "milk", "location": "RECEIVING", "qty": 4},
        ]
        ledger = (await clerk.get("/v1/stores/1/movements")).json()["items"]
        assert [(m["cause"], m["from_location"], m["to_location"], m["qty"]) for m in ledger] == [
            ("damage", "B1", "@damaged", 2),
            ("move", "RECEIVING", "B1", 20),
            ("receive", "@supplier", "RECEIVING", 24),
        ]

    @pytest.mark.parametrize(
        ("path", "body", "status", "code"),
        [
            ("receivings", {"code": "nothing", "qty": 1}, 404, "no-such-item"),
            ("receivings", {"code": "milk", "qty": 0}, 422, "invalid-request"),
            ("receivings", {"code": "milk", "qty": 1, "location": "NOWHERE"}, 404, "no-such-location"),
            ("receivings", {"code": "milk", "qty": 1, "colour": "red"}, 422, "invalid-request"),
            ("moves", {"code": "milk", "qty": 1, "from_location": "B1", "to_location": "B1"}, 422, "same-place"),
            ("adjustments", {"code": "milk", "change": 0, "location": "B1", "reason": "x"}, 422, "nothing-to-adjust"),
            ("counts", {"code": "milk", "location": "B1", "counted_qty": 1, "occurred_at": "2020-01-01T00:00:00Z"},
             422, "too-late"),
        ],
    )  # fmt: skip
    async def test_bad_input_is_refused_and_changes_nothing(
        self, db: Database, clerk: httpx.AsyncClient, path: str, body: dict[str, object], status: int, code: str
    ) -> None:
        refused = await post(clerk, path, **body)

        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.headers["content-type"] == "application/problem+json"
        assert await all_rows(db, "movements") == []

    async def test_more_than_the_books_can_hold_is_refused(self, db: Database, clerk: httpx.AsyncClient) -> None:
        await post(clerk, "receivings", code="milk", qty=1, location="B1")
        async with db.begin() as tx:
            await tx.run(sql("UPDATE balances SET qty = 2147483647"))

        refused = await post(clerk, "receivings", code="milk", qty=1, location="B1")

        assert (refused.status_code, refused.json()["code"]) == (409, "beyond-the-books")
        assert len(await all_rows(db, "movements")) == 1

    async def test_the_ledger_is_read_page_by_page(self, clerk: httpx.AsyncClient) -> None:
        for n in range(1, 6):
            await post(clerk, "receivings", code="milk", qty=n)
        seen: list[int] = []
        cursor = ""
        for _ in range(3):
            page = (await clerk.get(f"/v1/stores/1/movements?limit=2{cursor}")).json()
            seen += [m["qty"] for m in page["items"]]
            cursor = f"&cursor={page['next_cursor']}"

        assert (seen, page["next_cursor"]) == ([5, 4, 3, 2, 1], None)
        wrong = await clerk.get("/v1/stores/1/movements?cursor=WyJ4IiwxXQ")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "bad-cursor")


class TestCounts:
    async def test_a_count_to_do_does_not_tell_the_book(self, clerk: httpx.AsyncClient) -> None:
        await post(clerk, "receivings", code="milk", qty=7, location="B1")
        await post(clerk, "count-requests", code="milk", location="B1", reason="looks wrong")

        (todo,) = (await clerk.get("/v1/stores/1/counts?state=requested")).json()["items"]

        assert (todo["book_qty"], todo["counted_qty"]) == (None, None)

    async def test_a_variance_is_kept_for_a_lead_and_closed_with_a_word(
        self, db: Database, clerk: httpx.AsyncClient
    ) -> None:
        counted = (await post(clerk, "counts", code="milk", location="B1", counted_qty=5)).json()
        assert (counted["qty"], counted["count"]["variance"]) == (5, 5)
        (found,) = (await clerk.get("/v1/stores/1/discrepancies?state=open")).json()["items"]
        path = f"discrepancies/{found['discrepancy_id']}/closing"

        forbidden = await post(clerk, path, resolution="found")
        await signed_in(db, clerk, role=Role.LEAD)
        closed = await post(clerk, path, resolution="top shelf")
        again = await post(clerk, path, resolution="top shelf")

        assert (forbidden.status_code, closed.json()["state"], again.status_code) == (403, "closed", 404)

    async def test_a_closing_is_taken_back_within_minutes_unless_the_same_was_found_again(
        self, db: Database, clerk: httpx.AsyncClient, clock: Ticking
    ) -> None:
        async def close() -> str:
            (found,) = (await clerk.get("/v1/stores/1/discrepancies?state=open")).json()["items"]
            await post(clerk, f"discrepancies/{found['discrepancy_id']}/closing", resolution="seen")
            return f"/v1/stores/1/discrepancies/{found['discrepancy_id']}/closing"

        await signed_in(db, clerk, role=Role.LEAD)
        await post(clerk, "counts", code="milk", location="B1", counted_qty=5)
        path = await close()

        back = await clerk.delete(path)
        twice = await clerk.delete(path)

        assert (back.json()["state"], back.json()["resolution"]) == ("open", None)
        assert (twice.status_code, twice.json()["code"]) == (404, "nothing-to-reopen")
        await close()
        await post(clerk, "counts", code="milk", location="B1", counted_qty=9)
        assert (await clerk.delete(path)).status_code == 404
        newer = await close()
        clock.pass_(minutes=11)
        assert (await clerk.delete(newer)).status_code == 404

    async def test_many_places_at_once_in_few_statements(
        self, db: Database, clerk: httpx.AsyncClient, statements: list[str]
    ) -> None:
        for n in range(300):
            await location(db, code=f"B-{n}")
        await clerk.get("/v1/stores/1/balances")
        counts = [{"code": "milk", "location": f"B-{n}", "counted_qty": n % 7} for n in range(300)]
        statements.clear()

        answer = await post(clerk, "count-batches", reason="opening", counts=counts)

        assert answer.json() == {"counted": 300, "differed": 257}
        # The books are read anew once they are locked: what came in meanwhile is not in the count.
        assert len([s for s in statements if "api_keys" not in s]) == 6
        assert sum(b["qty"] for b in await all_rows(db, "balances")) == sum(n % 7 for n in range(300))

    async def test_a_place_counted_twice_in_one_batch_is_refused(self, clerk: httpx.AsyncClient) -> None:
        lines = [{"code": "milk", "location": "B1", "counted_qty": qty} for qty in (3, 4)]

        refused = await post(clerk, "count-batches", counts=lines)

        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/counts")

    async def test_an_item_counted_by_two_of_its_codes_at_one_place_is_refused(
        self, db: Database, clerk: httpx.AsyncClient
    ) -> None:
        """Which of the two holds, or whether both together do, only the sender can say."""
        await item(db, sku="rice", codes={"05012345678900": 1, "15012345678907": 12})
        lines = [{"code": code, "location": "B1", "counted_qty": 3} for code in ("05012345678900", "15012345678907")]

        refused = await post(clerk, "count-batches", counts=lines)

        assert (refused.status_code, refused.json()["code"]) == (422, "counted-twice")
        assert "rice at B1" in refused.json()["detail"]
        assert await all_rows(db, "balances") == []

    async def test_a_batch_with_an_unknown_place_changes_nothing(self, db: Database, clerk: httpx.AsyncClient) -> None:
        lines = [{"code": "milk", "location": place, "counted_qty": 3} for place in ("B1", "NOWHERE")]

        refused = await post(clerk, "count-batches", counts=lines)

        assert (refused.status_code, refused.json()["code"]) == (404, "no-such-location")
        assert await all_rows(db, "balances") == []


class TestTubs:
    @pytest.mark.parametrize(
        ("door", "body"),
        [
            ("moves", {"code": "milk", "qty": 1, "from_location": "B1", "to_location": "TUB-1"}),
            ("moves", {"code": "milk", "qty": 1, "from_location": "TUB-1", "to_location": "B1"}),
            ("receivings", {"code": "milk", "qty": 1, "location": "TUB-1"}),
            ("adjustments", {"code": "milk", "change": 1, "location": "TUB-1", "reason": "x"}),
            ("counts", {"code": "milk", "location": "TUB-1", "counted_qty": 1}),
            ("count-batches", {"counts": [{"code": "milk", "location": "TUB-1", "counted_qty": 1}], "reason": "x"}),
        ],
    )
    async def test_are_filled_and_emptied_by_their_tasks_alone(
        self, db: Database, clerk: httpx.AsyncClient, door: str, body: dict[str, object]
    ) -> None:
        await tub(db, plate="TUB-1")

        answer = await post(clerk, door, **body)

        assert (answer.status_code, answer.json()["code"]) == (422, "wrong-kind-of-place")
        assert await all_rows(db, "movements") == await all_rows(db, "balances") == []


class TestListCounts:
    async def test_tells_what_somebody_needs_to_walk_there_and_to_know_the_item(
        self, db: Database, clerk: httpx.AsyncClient
    ) -> None:
        await location(db, code="B7", zone="cold", walk_seq=7)
        await post(clerk, "count-requests", code="milk", location="B7", reason="short")

        (todo,) = (await clerk.get("/v1/stores/1/counts?state=requested")).json()["items"]

        assert (todo["zone"], todo["walk_seq"], todo["description"]) == ("cold", 7, "Thing milk")
        assert (todo["department"], todo["case_pack"]) == ("grocery", 6)
        assert todo["barcodes"] == [{"code": "04006381333931", "pack_qty": 1}]


class TestBackstock:
    async def test_is_what_stands_where_goods_arrive_with_its_own_bins(
        self, db: Database, clerk: httpx.AsyncClient, statements: list[str]
    ) -> None:
        await item(db, sku="bread")
        await location(db, code="B2")
        await post(clerk, "receivings", code="bread", qty=99, location="B2")
        await post(clerk, "receivings", code="milk", qty=12, location="B1")
        await post(clerk, "receivings", code="milk", qty=5)
        await post(clerk, "receivings", code="milk", qty=2, location="RETURNS")
        await post(clerk, "moves", code="milk", qty=2, from_location="RETURNS", to_location="B1")
        statements.clear()

        (waiting,) = (await clerk.get("/v1/stores/1/backstock")).json()["items"]

        assert (waiting["location"], waiting["sku"], waiting["qty"]) == ("RECEIVING", "milk", 5)
        assert waiting["bins"] == [{"location": "B1", "zone": "main", "walk_seq": 0, "qty": 14}]
        assert waiting["barcodes"] == [{"code": "04006381333931", "pack_qty": 1}]
        assert len([s for s in statements if "api_keys" not in s]) == 1

    async def test_is_read_page_by_page(self, db: Database, clerk: httpx.AsyncClient) -> None:
        for n in range(3):
            await item(db, sku=f"item{n}")
            await post(clerk, "receivings", code=f"item{n}", qty=1)

        first = (await clerk.get("/v1/stores/1/backstock?limit=2")).json()
        second = (await clerk.get(f"/v1/stores/1/backstock?limit=2&cursor={first['next_cursor']}")).json()

        assert [row["sku"] for row in first["items"] + second["items"]] == ["item0", "item1", "item2"]
        assert second["next_cursor"] is None


class TestSuggestBins:
    async def test_its_own_bins_lead_the_fullest_first(
        self, db: Database, clerk: httpx.AsyncClient, statements: list[str]
    ) -> None:
        for code in ("B2", "B3", "B4"):
            await location(db, code=code)
        for place, qty in (("B1", 3), ("B3", 9), ("B4", 1), ("RETURNS", 4)):
            await post(clerk, "receivings", code="milk", qty=qty, location=place)
        await post(clerk, "moves", code="milk", qty=1, from_location="B4", to_location="RETURNS")
        statements.clear()

        told = (await clerk.get("/v1/stores/1/bin-suggestions?code=4006381333931")).json()

        assert [(b["location"], b["qty"]) for b in told["bins"]] == [("B3", 9), ("B1", 3), ("B4", 0)]
        assert told["standing"] == [{"location": "RETURNS", "qty": 5}]
        assert (told["item"]["sku"], told["item"]["pack_qty"]) == ("milk", 1)
        assert len([s for s in statements if "api_keys" not in s]) == 3

    async def test_an_item_without_a_bin_goes_where_nothing_lies_near_its_like(
        self, db: Database, clerk: httpx.AsyncClient
    ) -> None:
        await location(db, code="COLD-1", zone="cold", walk_seq=8)
        await location(db, code="COLD-2", zone="cold", walk_seq=9)
        await item(db, sku="cream")
        await post(clerk, "receivings", code="cream", qty=4, location="COLD-1")

        told = (await clerk.get("/v1/stores/1/bin-suggestions?code=milk")).json()

        assert [b["location"] for b in told["bins"]] == ["COLD-2", "B1"]

    async def test_of_an_unknown_code_says_so(self, clerk: httpx.AsyncClient) -> None:
        refused = await clerk.get("/v1/stores/1/bin-suggestions?code=nothing")

        assert (refused.status_code, refused.json()["code"]) == (404, "no-such-item")


class TestStores:
    async def test_a_store_of_others_does_not_exist(self, db: Database, clerk: httpx.AsyncClient) -> None:
        await store(db, store_id=2)

        answers = [await clerk.get(f"/v1/stores/{n}/balances") for n in (2, 3)]

        assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "no-such-store")] * 2

    async def test_nobody_gets_in_without_a_key(self, clerk: httpx.AsyncClient) -> None:
        clerk.headers["Authorization"] = "Bearer pls_000000000000_" + "0" * 64

        answer = await clerk.get("/v1/stores/1/balances")

        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
