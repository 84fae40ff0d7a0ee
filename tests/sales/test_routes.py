"""Sales over HTTP: what a till may send, what it gets back, who may look."""

import json
from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.web import metrics
from tests.factories import all_rows, fresh_key, item, placement, signed_in, store
from tests.sales.worlds import books, line, receipt, send, shop

BASE = "/v1/stores/1"
CODE = "4006381333931"


def body(*lines: dict[str, Any], sequence: int = 1, **other: object) -> dict[str, Any]:
    numbered = [{"line_no": n, **one} for n, one in enumerate(lines or ({"code": "milk", "quantity": 2},), 1)]
    return {
        "business_date": "2026-03-14",
        "register": "4",
        "sequence": sequence,
        "occurred_at": "2026-03-14T11:58:07Z",
        "lines": numbered,
        **other,
    }


@pytest.fixture
async def till(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await shop(db)
    return await signed_in(db, client, role=Role.POS)


@pytest.fixture
async def lead(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await shop(db)
    return await signed_in(db, client, role=Role.LEAD)


class TestSendReceipt:
    async def test_says_what_became_of_it(self, till: httpx.AsyncClient) -> None:
        sent = body({"code": "milk", "quantity": 2}, {"code": CODE, "quantity": "0.420", "uom": "kg"})
        first = await till.post(f"{BASE}/receipts", json=sent)
        again = await till.post(f"{BASE}/receipts", json=sent)

        assert first.status_code == again.status_code == 200
        assert first.json() == {
            "business_date": "2026-03-14", "register": "4", "sequence": 1, "result": "new", "lines": 2,
            "unknown_codes": ["0" + CODE], "effect": [{"sku": "milk", "location": "A1", "qty": -2}],
        }  # fmt: skip
        assert again.json() | {"result": "new"} == first.json() | {"unknown_codes": [], "effect": []}
        assert again.json()["result"] == "repeated"

    async def test_keeps_a_code_with_a_wrong_check_digit_for_somebody_to_look_at(self, till: httpx.AsyncClient) -> None:
        answer = await till.post(f"{BASE}/receipts", json=body({"code": "4006381333930", "quantity": 1}))

        assert answer.json()["unknown_codes"] == ["4006381333930"]

    async def test_reads_a_negative_sale_as_a_return(self, till: httpx.AsyncClient) -> None:
        answer = await till.post(f"{BASE}/receipts", json=body({"code": "milk", "quantity": -2}))

        assert answer.json()["effect"] == [{"sku": "milk", "location": "RETURNS", "qty": 2}]

    async def test_counts_lines_for_the_operator(self, till: httpx.AsyncClient) -> None:
        counter = metrics.SALE_LINES.labels("new")
        before = counter._value.get()
        await till.post(f"{BASE}/receipts", json=body({"code": "milk", "quantity": 1}, {"code": "soap", "quantity": 1}))

        assert counter._value.get() == before + 2

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            (body({"code": "milk", "quantity": 0}), "/lines/0"),
            (body({"code": "milk", "quantity": 0.0001}), "/lines/0/quantity"),
            (body({"code": "milk", "quantity": 4_006_381_333_931}), "/lines/0/quantity"),
            (body({"code": "milk", "quantity": "NaN"}), "/lines/0/quantity"),
            (body({"code": "milk", "quantity": "Infinity"}), "/lines/0/quantity"),
            (body({"code": "mi\x00lk", "quantity": 1}), "/lines/0/code"),
            (body({"code": "milk", "quantity": 1, "uom": "oz"}), "/lines/0/uom"),
            (body({"code": "milk", "quantity": 1, "line_no": 2}, {"code": "milk", "quantity": 1}), ""),
            (body(sequence=-1), "/sequence"),
            (body(sequence=2**63), "/sequence"),
            (body(occurred_at="2026-03-14T11:58:07"), "/occurred_at"),
            (body(occurred_at="0001-01-01T00:00:00+14:00"), "/occurred_at"),
            (body(tenders=[{"card": "4111111111111111"}]), "/tenders"),
            (body(revision=0), "/revision"),
        ],
    )
    async def test_refuses_what_does_not_fit_and_says_where(
        self, till: httpx.AsyncClient, db: Database, wrong: dict[str, Any], pointer: str
    ) -> None:
        answer = await till.post(f"{BASE}/receipts", json=wrong)

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert "4111" not in answer.text
        assert await all_rows(db, "receipts") == []

    @pytest.mark.parametrize(
        ("content", "status"),
        [(b"{", 400), (b'{"sequence": NaN}', 422), (b"[]", 422), (b'"\\ud800"', 422), (b"\xff", 400)],
    )
    async def test_answers_nonsense_with_a_problem(self, till: httpx.AsyncClient, content: bytes, status: int) -> None:
        answer = await till.post(f"{BASE}/receipts", content=content, headers={"content-type": "application/json"})

        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    async def test_refuses_a_receipt_from_the_future(self, till: httpx.AsyncClient) -> None:
        answer = await till.post(f"{BASE}/receipts", json=body(occurred_at="2026-03-14T12:30:00Z"))

        assert (answer.status_code, answer.json()["code"]) == (422, "clock")
        assert answer.json()["receipt"] == "2026-03-14/4/1"

    @pytest.mark.parametrize("role", [Role.LEAD, Role.MANAGER, Role.READONLY])
    async def test_is_for_tills_only(self, db: Database, client: httpx.AsyncClient, role: Role) -> None:
        await shop(db)
        await signed_in(db, client, role=role)

        assert (await client.post(f"{BASE}/receipts", json=body())).status_code == 403

    async def test_does_not_know_the_stores_of_others(self, till: httpx.AsyncClient, db: Database) -> None:
        await store(db, store_id=2)

        assert (await till.post("/v1/stores/2/receipts", json=body())).status_code == 404


class TestSendReceiptBatch:
    async def test_says_what_became_of_each_and_of_all(self, till: httpx.AsyncClient) -> None:
        sent = [body(sequence=1), body(sequence=1), body({"code": "milk", "quantity": 3}), body(sequence=2)]
        answer = await till.post(f"{BASE}/receipt-batches", json={"receipts": sent})

        assert [one["result"] for one in answer.json()["receipts"]] == ["new", "repeated", "corrected", "new"]
        assert answer.json()["totals"] == {
            "receipts": 4, "lines": 4, "new": 2, "repeated": 1, "corrected": 1, "superseded": 0, "unknown_codes": 0,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "receipts",
        [
            [],
            [body(sequence=n) for n in range(501)],
            [body(*[{"code": "milk", "quantity": 1}] * 501, sequence=n) for n in range(2)],
        ],
    )
    async def test_has_its_limits(self, till: httpx.AsyncClient, receipts: list[dict[str, Any]]) -> None:
        answer = await till.post(f"{BASE}/receipt-batches", json={"receipts": receipts})

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")

    async def test_takes_all_or_nothing(self, till: httpx.AsyncClient, db: Database) -> None:
        sent = [body(sequence=1), body(sequence=2, occurred_at="2026-03-14T13:00:00Z")]
        answer = await till.post(f"{BASE}/receipt-batches", json={"receipts": sent})

        assert (answer.json()["code"], answer.json()["receipt"]) == ("clock", "2026-03-14/4/2")
        assert await all_rows(db, "receipts") == []


class TestStreamReceipts:
    async def test_takes_what_fits_and_names_the_rest(self, till: httpx.AsyncClient, db: Database) -> None:
        lines = [json.dumps(body(sequence=n)) for n in range(600)]
        lines[17] = '{"business_date": "yesterday"}'
        answer = await till.post(
            f"{BASE}/receipt-streams", content="\n".join(lines), headers={"content-type": "application/x-ndjson"}
        )

        assert answer.status_code == 200
        assert answer.json()["totals"] | {"receipts": 599, "lines": 599, "new": 599} == answer.json()["totals"]
        assert answer.json()["refused"] == 1
        (error,) = answer.json()["errors"]
        assert (error["line"], error["code"], error["pointer"]) == (18, "invalid-receipt", "/business_date")
        assert await books(db) == {("milk", "A1"): -1_198}

    async def test_takes_only_ndjson(self, till: httpx.AsyncClient) -> None:
        answer = await till.post(f"{BASE}/receipt-streams", json=body())

        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


class TestLookAtReceipts:
    async def test_shows_a_receipt_with_its_lines_and_versions(self, lead: httpx.AsyncClient, db: Database) -> None:
        await send(db, receipt(line("milk", "0.5"), revision=1))
        await send(db, receipt(line("milk", 2), line("bread", 1), revision=2))
        shown = (await lead.get(f"{BASE}/receipts/2026-03-14/4/1")).json()

        assert (shown["register"], shown["revision"], shown["pos_revision"], shown["line_count"]) == ("4", 2, 2, 2)
        assert shown["lines"][0] == {
            "line_no": 1, "kind": "sale", "code": "milk", "sku": "milk", "location": "A1", "quantity": "2.000",
            "uom": "each", "sold_qty": 2,
        }  # fmt: skip
        (old,) = shown["revisions"]
        assert (old["revision"], old["pos_revision"], old["lines"][0]["quantity"]) == (1, 1, "0.500")

    async def test_says_when_there_is_none(self, lead: httpx.AsyncClient) -> None:
        answer = await lead.get(f"{BASE}/receipts/2026-03-14/4/1")

        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-receipt")

    async def test_lists_a_day_page_by_page(self, lead: httpx.AsyncClient, db: Database) -> None:
        await send(db, *(receipt(sequence=n, register=register) for n in range(3) for register in ("4", "5")))
        seen: list[tuple[str, int]] = []
        cursor: dict[str, str] = {}
        while True:
            page = (
                await lead.get(f"{BASE}/receipts", params={"business_date": "2026-03-14", "limit": 4, **cursor})
            ).json()
            seen += [(one["register"], one["sequence"]) for one in page["items"]]
            if not page["next_cursor"]:
                break
            cursor = {"cursor": page["next_cursor"]}

        assert seen == [(register, n) for register in ("4", "5") for n in range(3)]

    async def test_is_not_for_tills(self, till: httpx.AsyncClient) -> None:
        assert (await till.get(f"{BASE}/receipts?business_date=2026-03-14")).status_code == 403


class TestUnknownCodes:
    async def test_are_listed_dismissed_and_restored(self, lead: httpx.AsyncClient, db: Database) -> None:
        await send(db, receipt(line("bag", 1), line("fee", 1)))
        listed = (await lead.get(f"{BASE}/unknown-codes")).json()["items"]
        dismissed = await lead.put(f"{BASE}/unknown-codes/bag/dismissal")
        left = (await lead.get(f"{BASE}/unknown-codes")).json()["items"]
        restored = await lead.delete(f"{BASE}/unknown-codes/bag/dismissal")

        assert [one["code"] for one in listed] == ["bag", "fee"]
        assert [one["code"] for one in left] == ["fee"]
        assert (dismissed.json()["state"], restored.json()["state"]) == ("dismissed", "open")
        assert (await lead.put(f"{BASE}/unknown-codes/never/dismissal")).status_code == 404

    async def test_are_replayed_at_once_for_who_cannot_wait(self, lead: httpx.AsyncClient, db: Database) -> None:
        await send(db, receipt(line("0" + CODE, 2)))
        await item(db, sku="jam", codes={"0" + CODE: 1})
        await placement(db, sku="jam", shelf="A1")
        key = fresh_key()
        first = await lead.post(f"{BASE}/unknown-code-replays", headers=key)
        again = await lead.post(f"{BASE}/unknown-code-replays", headers=key)

        assert first.status_code == again.status_code == 201
        assert first.json() == again.json() == {"lines": 1, "resolved": ["0" + CODE], "more": False}
        assert await books(db) == {("jam", "A1"): -2}

    async def test_are_for_leads_to_settle(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client, role=Role.ASSOCIATE)

        assert (await client.get(f"{BASE}/unknown-codes")).status_code == 200
        assert (await client.put(f"{BASE}/unknown-codes/bag/dismissal")).status_code == 403
        assert (await client.post(f"{BASE}/unknown-code-replays", headers=fresh_key())).status_code == 403
