"""Cutting a stream: whatever the pieces it arrives in, and whatever stands in it."""

import itertools
import json
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from pullsvc.sales import stream
from pullsvc.sales.rules import Receipt
from tests.factories import NOON


def said(sequence: int, *, lines: int = 1, **other: object) -> bytes:
    body = {
        "business_date": "2026-03-14",
        "register": "4",
        "sequence": sequence,
        "occurred_at": "2026-03-14T11:58:07Z",
        "lines": [{"line_no": n, "code": "milk", "quantity": 1} for n in range(1, lines + 1)],
    }
    return json.dumps({**body, **other}).encode()


async def pieces(body: bytes, *cuts: int) -> AsyncIterator[bytes]:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        yield body[start:end]


async def read(body: bytes, *cuts: int) -> tuple[list[list[Receipt]], stream.Refused]:
    refused = stream.Refused()
    return [batch async for batch in stream.batches(pieces(body, *cuts), refused, now=NOON)], refused


def sequences(batches: list[list[Receipt]]) -> list[list[int]]:
    return [[receipt.key.sequence for receipt in batch] for batch in batches]


class TestBatches:
    async def test_takes_the_right_lines_and_names_the_wrong_ones(self) -> None:
        body = b"\n".join(
            [
                said(1),
                b"",
                b"{not json",
                said(2, tender="4111111111111111"),
                said(3, occurred_at="2027-01-01T00:00:00Z"),
                said(4),
            ]
        )
        batches, refused = await read(body)

        assert sequences(batches) == [[1, 4]]
        assert refused.count == 3
        assert [(error.line, error.code, error.pointer) for error in refused.errors] == [
            (3, "invalid-receipt", ""), (4, "invalid-receipt", "/tender"), (5, "clock", None)
        ]  # fmt: skip
        assert "4111" not in str(refused.errors)

    async def test_keeps_to_the_limits_of_a_batch(self) -> None:
        many, _ = await read(b"\n".join(said(n) for n in range(1_001)))
        large, _ = await read(b"\n".join(said(n, lines=400) for n in range(5)))

        assert [len(batch) for batch in many] == [500, 500, 1]
        assert sequences(large) == [[0, 1], [2, 3], [4]]

    async def test_passes_over_a_line_that_is_too_long(self) -> None:
        long = b"x" * (2 * stream.MAX_LINE_BYTES)
        body = b"\n".join([said(1), long, said(2), long])
        for step in (1 << 30, 4_000, 300_000):
            batches, refused = await read(body, *range(0, len(body), step))

            assert sequences(batches) == [[1, 2]]
            assert [(error.line, error.code) for error in refused.errors] == [
                (2, "line-too-long"),
                (4, "line-too-long"),
            ]

    async def test_shows_only_the_first_of_many_errors(self) -> None:
        _, refused = await read(b"nonsense\n" * 250)

        assert (refused.count, len(refused.errors)) == (250, stream.MAX_ERRORS_SHOWN)

    async def test_has_nothing_of_an_empty_body(self) -> None:
        assert (await read(b""))[0] == (await read(b"\n\n"))[0] == []


@given(st.lists(st.integers(0, 2_000), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
async def test_reads_the_same_however_the_body_is_cut(cuts: list[int], end: bytes, last: bool) -> None:
    body = end.join([said(1), b"wrong", said(2), said(3)]) + (end if last else b"")
    batches, refused = await read(body, *cuts)

    assert sequences(batches) == [[1, 2, 3]]
    assert refused.count == 1
