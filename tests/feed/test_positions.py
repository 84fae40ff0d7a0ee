"""Cursors of the feed: opaque, and refused when they are not ours."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.feed.positions import Position, position_of
from pullsvc.web.pages import BadCursor, encode_cursor

ids = st.integers(0, 2**63 - 1)


@given(txid=ids, event_id=ids, day=st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_cursor_gives_its_position_back(txid: int, event_id: int, day: date) -> None:
    position = Position(txid=txid, event_id=event_id, day=day)

    assert position_of(position.cursor()) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "????", encode_cursor((1, 2)), encode_cursor((1, 2, "yesterday")),
        encode_cursor((-1, 2, "2026-03-14")), encode_cursor(("1", 2, "2026-03-14")),
        encode_cursor((1, 2, "2026-03-14", 4)),
    ],
)  # fmt: skip
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        position_of(cursor)


def test_looks_a_day_further_back_than_its_last_event() -> None:
    """An act that began before midnight may commit after one that began later."""
    assert Position(txid=1, event_id=1, day=date(2026, 3, 14)).since_day == date(2026, 3, 13)
