"""Receipts of many callers and stores in one transaction: the same as one by one, and each refused alone."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullsvc.access.rules import Role
from pullsvc.catalog import wares as catalog
from pullsvc.db import Database, sql
from pullsvc.errors import Rejection
from pullsvc.sales import actions
from pullsvc.sales.actions import Sent, Taken
from pullsvc.sales.rules import LineKind, Receipt, Status
from pullsvc.sales.views import BatchResult, ReceiptResult
from tests.conftest import Statements
from tests.factories import NOON, all_rows, item, placement, signed_in, stamp, store
from tests.sales.worlds import books, line, receipt, send, shop, sold

LATER = NOON + timedelta(minutes=5)
CODE = "4006381333931"
STORES = (1, 2, 3)


async def chain(db: Database) -> None:
    """Three stores that sell the same, on other shelves."""
    for n in STORES:
        await store(db, store_id=n)
        for sku in ("milk", "bread"):
            await item(db, sku=sku, store_id=n)
            await placement(db, sku=sku, shelf=f"{sku}-{n}", store_id=n)


async def wipe(db: Database) -> None:
    async with db.begin() as tx:
        for table in ("events", "movements", "balances", "discrepancies", "waiting_receipts", "unknown_codes",
                      "receipt_revisions", "receipts"):  # fmt: skip
            await tx.run(sql(f"DELETE FROM {table}"))


async def take(db: Database, *sent: Sent) -> list[list[Taken] | Rejection]:
    async with db.begin() as tx:
        return await actions.receive_all(tx, sent)


def told(taken: list[Taken] | Rejection) -> object:
    if isinstance(taken, Rejection):
        return taken.code
    return [(one.result, one.unknown_codes, dict(one.effect)) for one in taken]


async def pictured(db: Database) -> dict[str, Any]:
    """All that is left behind, but for numbers given out."""
    columns = {
        "receipts": ("store_id", "sequence", "revision", "status", "fingerprint", "line_count", "sold_qty", "skus"),
        "sale_lines": ("store_id", "sequence", "line_no", "kind", "code", "sku", "location", "quantity", "sold_qty"),
        "receipt_revisions": ("store_id", "sequence", "revision", "status"),
        "unknown_codes": ("store_id", "code", "state", "lines"),
        "waiting_receipts": ("store_id", "code", "sequence"),
        "balances": ("store_id", "sku", "location", "qty"),
        "events": ("store_id", "kind", "subject", "data", "principal_id"),
    }
    return {
        table: sorted(tuple(str(row[name]) for name in names) for row in await all_rows(db, table))
        for table, names in columns.items()
    }


lines = st.builds(
    line,
    st.sampled_from(["milk", "bread", "what"]),
    st.integers(1, 5),
    kind=st.sampled_from(LineKind),
)
versions = st.builds(
    lambda given, sequence, revision, status, ahead: receipt(
        *given, sequence=sequence, revision=revision, status=status,
        at=NOON + timedelta(hours=5) if ahead else NOON,
    ),
    st.lists(lines, max_size=3),
    st.integers(1, 3),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.VOIDED]),
    st.sampled_from([False] * 9 + [True]),
)  # fmt: skip
acts = st.lists(st.tuples(st.sampled_from(STORES), st.lists(versions, min_size=1, max_size=3)), min_size=1, max_size=6)


class TestReceiveAll:
    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=acts, cuts=st.sets(st.integers(1, 5)))
    async def test_is_the_same_as_one_by_one(
        self, db: Database, acts: Sequence[tuple[int, Sequence[Receipt]]], cuts: set[int]
    ) -> None:
        if not await all_rows(db, "stores"):
            await chain(db)
        sent = [Sent(stamp(store_id=number, now=LATER), given) for number, given in acts]
        outcomes = []
        for ends in (cuts | {len(sent)}, set(range(1, len(sent) + 1))):
            await wipe(db)
            answers: list[object] = []
            for end in sorted(ends):
                if batch := sent[len(answers) : end]:
                    answers += map(told, await take(db, *batch))
            outcomes.append((answers, await pictured(db)))

        assert outcomes[0] == outcomes[1]

    async def test_refuses_one_and_takes_the_others(self, db: Database) -> None:
        await shop(db)
        ahead = receipt(line("milk"), sequence=2, at=NOON + timedelta(hours=1))
        answers = await take(
            db,
            Sent(stamp(), [receipt(line("milk", 2))]),
            Sent(stamp(), [ahead, receipt(line("milk", 9), sequence=3)]),
            Sent(stamp(), [receipt(line("milk", 3), sequence=4)]),
        )

        assert isinstance(answers[1], Rejection)
        assert answers[1].code == "clock"
        assert await books(db) == {("milk", "A1"): -5}
        assert sorted(row["sequence"] for row in await all_rows(db, "receipts")) == [1, 4]

    async def test_counts_a_receipt_once_that_two_callers_send_together(self, db: Database) -> None:
        await shop(db)
        same = receipt(line("milk", 2))
        first, second = await take(db, Sent(stamp(), [same]), Sent(stamp(), [same]))

        assert (told(first), told(second)) == (
            [("new", (), {("milk", "A1"): -2})],
            [("repeated", (), {})],
        )
        assert await books(db) == {("milk", "A1"): -2}

    async def test_crossing_batches_of_many_stores_wait_for_each_other(self, db: Database) -> None:
        await chain(db)

        def batch(n: int) -> list[Sent]:
            every = [
                Sent(stamp(store_id=number), [receipt(line("milk"), line("bread"), sequence=n, register=f"r{n % 3}")])
                for number in STORES
            ]
            return every if n % 2 else every[::-1]

        await asyncio.gather(*(take(db, *batch(n)) for n in range(12)))

        assert {row["qty"] for row in await all_rows(db, "balances")} == {-12}

    async def test_is_four_statements_once_the_catalog_is_known(self, db: Database, statements: Statements) -> None:
        await chain(db)
        async with db.begin() as tx:
            for number in STORES:
                catalog.catalog_changed(tx, stamp(store_id=number))
        counts = []
        for sequence in (1, 2):
            statements.clear()
            sent = [Sent(stamp(store_id=n), [receipt(line("milk"), sequence=sequence)]) for n in STORES]
            await take(db, *sent)
            counts.append(len(statements))

        assert counts == [5, 4]

    async def test_books_by_the_catalog_as_it_is(self, db: Database) -> None:
        """What was remembered of it is not believed after a change."""
        await shop(db)
        for sequence, shelf in ((1, "A1"), (2, "A9")):
            async with db.begin() as tx:
                await tx.run(sql("UPDATE placements SET location = :shelf WHERE sku = 'milk'"), shelf=shelf)
                catalog.catalog_changed(tx, stamp())
            await send(db, receipt(line("milk"), sequence=sequence))

        assert await books(db) == {("milk", "A1"): -1, ("milk", "A9"): -1}


def lean(sequence: int, **other: Any) -> dict[str, Any]:
    return {
        "business_date": "2026-03-14", "register": "4", "sequence": sequence, "occurred_at": "2026-03-14T11:58:07Z",
        "codes": ["milk", CODE, "apples"], "quantities": [2, "1", 0.42], "uoms": ["each", "each", "kg"], **other,
    }  # fmt: skip


def full(sequence: int) -> dict[str, Any]:
    body = lean(sequence)
    columns = zip(body.pop("codes"), body.pop("quantities"), body.pop("uoms"), strict=True)
    lines = [{"line_no": n, "code": code, "quantity": qty, "uom": uom} for n, (code, qty, uom) in enumerate(columns, 1)]
    return {**body, "lines": lines}


class TestOverHttp:
    async def test_a_lean_receipt_is_the_same_as_a_full_one(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client, role=Role.POS)
        first = await client.post("/v1/stores/1/lean-receipt-batches", json={"receipts": [lean(1), lean(2)]})
        again = await client.post("/v1/stores/1/receipt-batches", json={"receipts": [full(1)]})
        alone = await client.post("/v1/stores/1/receipts", json=full(3))

        assert BatchResult.model_validate(first.json()).totals.new == 2
        assert BatchResult.model_validate(again.json()).totals.repeated == 1
        assert ReceiptResult.model_validate(alone.json()).model_dump(
            exclude={"sequence"}
        ) == ReceiptResult.model_validate(first.json()["receipts"][0]).model_dump(exclude={"sequence"})
        assert await books(db) == {("milk", "A1"): -6, ("apples", "C1"): -9}
        assert [one[4] for one in await sold(db)] == ["milk", None, "apples"] * 3

    async def test_a_lean_receipt_says_where_it_does_not_fit(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client, role=Role.POS)
        wrong = [
            lean(1, quantities=[2, 1]), lean(1, kinds=["sale"]), lean(1, quantities=[2, 0, 1]),
            lean(1, line_nos=[1, 1, 2]), lean(1, tender="4111"), lean(1, codes=["milk", "mi\x00lk", "x"]),
        ]  # fmt: skip
        pointers = []
        for body in wrong:
            answer = await client.post("/v1/stores/1/lean-receipt-batches", json={"receipts": [body]})
            assert answer.status_code == 422
            pointers += [error["pointer"] for error in answer.json()["errors"]]

        assert pointers == ["/receipts/0"] * 4 + ["/receipts/0/tender", "/receipts/0/codes/1"]
        assert await all_rows(db, "receipts") == []

    async def test_many_tills_at_once_are_each_answered(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client, role=Role.POS)
        ahead = {"occurred_at": "2026-03-14T23:58:07Z"}
        sent = [{**full(n % 25), **(ahead if n % 10 == 9 else {})} for n in range(50)]
        answers = await asyncio.gather(*(client.post("/v1/stores/1/receipts", json=body) for body in sent))

        refused = [answer.json()["code"] for answer in answers if answer.status_code != 200]
        assert refused == ["clock"] * 5
        results = [answer.json()["result"] for answer in answers if answer.status_code == 200]
        assert results.count("new") == len(await all_rows(db, "receipts"))
        assert await books(db) == {
            ("milk", "A1"): -2 * results.count("new"),
            ("apples", "C1"): -3 * results.count("new"),
        }
