"""The service's statements out of PostgreSQL's log."""

import json
from typing import Any

import pytest

from pullsvc.bench.capture import SENT_BY, Sent, common, sent_of, transactions
from pullsvc.bench.failures import BenchFailed


def entry(message: str, detail: str = "", **other: Any) -> str:
    fields = {"dbname": "bench", "application_name": SENT_BY, "session_id": "a.1", "message": message, **other}
    return json.dumps({**fields, **({"detail": detail} if detail else {})})


def begun(*statements: str, **other: Any) -> list[str]:
    return [entry(f"statement: {text}", **other) for text in ("BEGIN;", *statements)]


class TestSentOf:
    def test_reads_text_and_parameters(self) -> None:
        sent = sent_of("execute __asyncpg_stmt_7__: SELECT $1, $2", "Parameters: $1 = 'O''Hara', $2 = NULL")

        assert sent == Sent("SELECT $1, $2", ("O'Hara", None))

    def test_is_not_led_astray_by_what_a_value_says(self) -> None:
        detail = "Parameters: $1 = 'a, $2 = ''NULL''\n', $2 = '{\"k\": \"it''s\"}'"

        assert sent_of("execute <unnamed>: X", detail) == Sent("X", ("a, $2 = 'NULL'\n", '{"k": "it\'s"}'))

    def test_knows_more_than_nine_parameters(self) -> None:
        detail = "Parameters: " + ", ".join(f"${n} = '{n}'" for n in range(1, 13))

        assert sent_of("execute s: X", detail) == Sent("X", tuple(str(n) for n in range(1, 13)))

    def test_passes_over_what_was_not_executed(self) -> None:
        assert sent_of("duration: 0.1 ms", "") is None
        assert sent_of('relation "x" does not exist', "") is None

    def test_refuses_a_log_that_was_cut(self) -> None:
        with pytest.raises(BenchFailed, match="all parameters"):
            sent_of("execute s: X", "Parameters: $1 = 'a', $3 = 'c'")


class TestTransactions:
    def test_keeps_sessions_apart_and_the_order_of_commits(self) -> None:
        first, second = begun("FIRST"), begun("SECOND", session_id="b.1")
        mixed = [first[0], second[0], second[1], first[1]]
        log = [*mixed, entry("statement: COMMIT;", session_id="b.1"), entry("statement: COMMIT;")]

        found = transactions(log, database="bench")

        assert [[sent.text for sent in one] for one in found] == [
            ["BEGIN", "SECOND", "COMMIT"],
            ["BEGIN", "FIRST", "COMMIT"],
        ]

    def test_leaves_out_what_was_rolled_back_or_is_not_done(self) -> None:
        log = [*begun("GONE", "ROLLBACK;"), *begun("OPEN")]

        assert transactions(log, database="bench") == []

    def test_takes_a_statement_outside_a_transaction_as_one(self) -> None:
        assert transactions([entry("execute s: SELECT 1")], database="bench") == [(Sent("SELECT 1"),)]

    def test_sees_only_the_service_in_its_database(self) -> None:
        log = [
            entry("statement: A", dbname="other"),
            entry("statement: B", application_name="pullsvc worker"),
            '{"dbname": "ben',
        ]

        assert transactions(log, database="bench") == []

    def test_leaves_out_what_the_driver_asks_once_on_a_connection(self) -> None:
        of_driver = ["execute a: SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new"]
        of_driver += ["execute b: WITH RECURSIVE typeinfo_tree(oid) AS (SELECT 1) SELECT * FROM typeinfo_tree"]
        log = [*begun("A"), *map(entry, of_driver), entry("statement: COMMIT;")]

        assert [[sent.text for sent in one] for one in transactions(log, database="bench")] == [
            ["BEGIN", "A", "COMMIT"]
        ]


class TestCommon:
    def test_leaves_out_rare_shapes_and_says_so(self) -> None:
        usual, rare = (Sent("X", ("1",)),), (Sent("X", (None,)),)

        found = common([*[usual] * 199, rare])

        assert set(found.transactions) == {usual}
        assert (found.shapes, found.covered, found.statements) == (1, 0.995, 1)

    def test_refuses_an_empty_log(self) -> None:
        with pytest.raises(BenchFailed, match="no transaction"):
            common([])
