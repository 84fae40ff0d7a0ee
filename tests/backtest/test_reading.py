from datetime import date
from pathlib import Path

import pytest

from pullsvc.backtest.model import HOUR_S, Dataset, Split, to_day_number
from pullsvc.backtest.reading import read
from pullsvc.backtest.tables import BadInput

FIRST = to_day_number(date(2025, 3, 1))
SPLIT = Split(train=(FIRST, FIRST + 3), validate=(FIRST + 4, FIRST + 4), test=(FIRST + 5, FIRST + 5))
HEAD = "occurred_at,sku,quantity\n"
LATER = "2025-03-05T09:00:00,TEA,1\n2025-03-06T09:00:00,TEA,1\n"  # A sale on the day to validate, and to test on.
ITEMS = "sku,department,category,price\nTEA,GROCERY,TEA,2.50\nSOAP,DRUG,SOAP,1.20\n"
GOOD = "2025-03-01T09:00:00,TEA,2\n"


def read_from(folder: Path, lines: str, *, items: str = ITEMS, time_zone: str | None = None) -> Dataset:
    (folder / "lines.csv").write_text(lines + LATER)
    (folder / "items.csv").write_text(items)
    return read(folder / "lines.csv", folder / "items.csv", split=SPLIT, time_zone=time_zone, seed=1)


class TestRead:
    def test_reads_lines_in_order_of_time(self, tmp_path: Path) -> None:
        data = read_from(tmp_path, HEAD + "2025-03-02T10:00:00,SOAP,1\n" + GOOD)

        assert data.log.item.tolist()[:2] == [0, 1]
        assert data.log.second.tolist()[:2] == [9 * HOUR_S, 10 * HOUR_S]
        assert any("sorted" in note for note in data.notes)

    def test_gives_the_small_hours_to_the_day_before(self, tmp_path: Path) -> None:
        data = read_from(tmp_path, HEAD + "2025-03-02T04:59:59,TEA,1\n2025-03-02T05:00:00,TEA,1\n")

        assert (data.log.day - FIRST).tolist()[:2] == [0, 1]
        assert data.log.second.tolist()[:2] == [29 * HOUR_S - 1, 5 * HOUR_S]

    def test_keeps_to_the_wall_clock_where_the_clocks_change(self, tmp_path: Path) -> None:
        """In New York 09:00 is 14:00 UTC on 1 March and 13:00 UTC on 10 March."""
        wide = Split(train=(FIRST, FIRST + 3), validate=(FIRST + 4, FIRST + 4), test=(FIRST + 9, FIRST + 9))
        sold = "2025-03-01T14:00:00+00:00,TEA,1\n2025-03-05T14:00:00Z,TEA,1\n2025-03-10T13:00:00+00:00,TEA,1\n"
        (tmp_path / "l.csv").write_text(HEAD + sold)
        (tmp_path / "i.csv").write_text(ITEMS)
        data = read(tmp_path / "l.csv", tmp_path / "i.csv", split=wide, time_zone="America/New_York", seed=1)

        assert data.log.second.tolist() == [9 * HOUR_S] * 3

    def test_takes_given_packs_and_shelves_and_derives_the_others(self, tmp_path: Path) -> None:
        items = "sku,department,category,price,case_pack,capacity\nTEA,G,T,2.5,9,31\nSOAP,D,S,1,,\n"
        data = read_from(tmp_path, HEAD + GOOD, items=items)

        assert (data.items.case_pack[0], data.items.capacity[0]) == (9, 31)
        assert data.items.capacity[1] >= data.items.case_pack[1] >= 1
        assert "1 of 2 capacities were not given and have been derived" in data.notes


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("2025-03-01T09:00:00,TEA,-2\n", "1 returns left out (rows 3"),
        ("2025-03-01T09:00:00,TEA,0\n", "1 lines of no eaches left out (rows 3"),
        ("2025-03-01T09:00:00,GIN,1\n", "1 lines of unknown skus left out (rows 3"),
        ("2024-01-01T09:00:00,TEA,1\n", "1 lines outside the days of the split left out (rows 3"),
        (GOOD, "1 lines repeat another one"),
        ("", "3 days without a sale"),
        ("2025-03-01T09:00:00,TEA,74215\n2025-03-01T09:00:00,TEA,-74215\n", "1 lines of more than 10000 eaches left"),
        ("2025-03-01T09:00:00,TEA,0.4\n", "1 lines of fractions, as of weighed goods, count as whole"),
        ("2025-03-01T09:00:00Z,TEA,1\n", "3 times without an offset"),
        ("2025-03-01T23:00:00,TEA,9\n", "69 % of the eaches are sold outside 07:00 to 22:00"),
    ],
)
def test_what_is_left_out_or_odd_is_told(tmp_path: Path, lines: str, told: str) -> None:
    data = read_from(tmp_path, HEAD + GOOD + lines)

    assert any(note.startswith(told) for note in data.notes)
    assert data.log.qty.min() > 0
    assert set(data.log.day.tolist()) <= set(range(SPLIT.train[0], SPLIT.test[1] + 1))


@pytest.mark.parametrize(
    ("lines", "items", "message"),
    [
        (HEAD + "2025-03-01T09:00:00,TEA,two\n", ITEMS, "row 2: quantity 'two' is not a number"),
        (HEAD + "yesterday,TEA,1\n", ITEMS, "row 2: occurred_at 'yesterday'"),
        (HEAD + "2025-03-01,TEA,1\n" * 4, ITEMS, "most lines are at midnight sharp"),
        (HEAD + "x,TEA,1\n" * 15, ITEMS, "and 5 more rows"),
        (HEAD, ITEMS, "no line is a sale of a known item on a training day, 2025-03-01..2025-03-04"),
        (HEAD + GOOD, ITEMS.replace("TEA,", "TEE,"), "(3 lines of unknown skus left out (rows 2, 3, 4, ...))"),
        (HEAD + GOOD, ITEMS + "TEA,G,T,1\n", "row 4: sku TEA stands in row 2 already"),
        (HEAD + GOOD, ITEMS + ",G,T,1\n", "row 4: no sku"),
        (HEAD + GOOD, ITEMS + "GIN,G,T,-1\n", "row 4: price -1.0 is negative"),
        (HEAD + GOOD, "sku,department,category,price,capacity\nTEA,G,T,1,2.5\n", "row 2: capacity must be a whole"),
        (HEAD + GOOD, "sku,department,category,price\n", "there are no items"),
    ],
)
def test_what_cannot_be_read_is_refused_by_row(tmp_path: Path, lines: str, items: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_from(tmp_path, lines, items=items)

    assert message in str(refused.value)


def test_fractions_are_rounded_up(tmp_path: Path) -> None:
    data = read_from(tmp_path, HEAD + "2025-03-01T09:00:00,TEA,0.396\n2025-03-01T10:00:00,TEA,2.0\n")

    assert data.log.qty.tolist() == [1, 2, 1, 1]


def test_times_in_utc_without_a_zone_are_told(tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text((HEAD + GOOD + LATER).replace(":00,TEA", ":00Z,TEA"))
    (tmp_path / "items.csv").write_text(ITEMS)
    data = read(tmp_path / "lines.csv", tmp_path / "items.csv", split=SPLIT, time_zone=None, seed=1)

    assert any(note.startswith("the times are in UTC") for note in data.notes)


def test_a_time_zone_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'Mars/Base' is not a time zone"):
        read_from(tmp_path, HEAD + GOOD, time_zone="Mars/Base")


@pytest.mark.parametrize("spans", [((5, 4), (6, 7), (8, 9)), ((1, 4), (4, 7), (8, 9)), ((1, 4), (6, 8), (8, 9))])
def test_spans_must_follow_one_another(spans: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="must"):
        Split(train=spans[0], validate=spans[1], test=spans[2])
