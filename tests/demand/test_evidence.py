"""When an item is believed to be gone: by its shelves' books, and by what is sold all the same."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.evidence import Cause, Evidence, Lines, Steps, turns
from pullsvc.demand.levels import Kind, Levels

OPENING, COUNT, OTHER = Cause.OPENING, Cause.COUNT, Cause.OTHER
Step = tuple[int, float, Cause, int, int]  # Shelf, second, cause, delta, book.


def steps_of(*by_item: Sequence[Step]) -> Steps:
    rows = [(item, *step) for item, steps in enumerate(by_item) for step in steps]
    item, shelf, second, cause, delta, book = zip(*rows, strict=True) if rows else ((),) * 6
    whole = [np.array(part, dtype=np.int64) for part in (item, shelf, cause, delta, book)]
    return Steps(whole[0], whole[1], np.array(second, dtype=float), *whole[2:])


def lines_of(*rows: tuple[int, float]) -> Lines:
    item, second = zip(*rows, strict=True) if rows else ((), ())
    return Lines(np.array(item, dtype=np.int64), np.array(second, dtype=float), np.ones(len(rows), dtype=np.int64))


def told(steps: Steps, lines: Lines, *, is_empty: Sequence[int] = (0, 0, 0)) -> list[tuple[int, float, Kind]]:
    found = turns(steps, lines, is_empty=np.array(is_empty))
    return [(int(i), float(s), Kind(k)) for i, s, k in zip(found.item, found.second, found.kind, strict=True)]


class TestTurns:
    def test_begins_when_the_book_falls_to_nothing_and_ends_when_it_rises(self) -> None:
        steps = steps_of([(0, 0, OPENING, 0, 2), (0, 10, OTHER, -2, 0), (0, 30, OTHER, 6, 6)])

        assert told(steps, lines_of()) == [(0, 10, Kind.EMPTIED), (0, 30, Kind.STOCKED)]

    def test_begins_later_where_something_is_sold_all_the_same(self) -> None:
        """The book stands at nothing from 10 on, but at 20 a unit was sold: until then there was one."""
        steps = steps_of([(0, 0, OPENING, 0, 2), (0, 10, OTHER, -2, 0), (0, 20, OTHER, -1, -1)])

        assert told(steps, lines_of((0, 10), (0, 20))) == [(0, 20, Kind.EMPTIED)]

    def test_needs_all_shelves_of_the_item(self) -> None:
        one = [(0, 0.0, OPENING, 0, 1), (1, 0.0, OPENING, 0, 1), (0, 10.0, OTHER, -1, 0)]

        assert told(steps_of(one), lines_of()) == []
        assert told(steps_of([*one, (1, 20, OTHER, -1, 0)]), lines_of()) == [(0, 20, Kind.EMPTIED)]

    def test_goes_on_from_the_day_before(self) -> None:
        """A shelf that stands at nothing stays gone; one that somebody filled overnight is there."""
        steps = steps_of([(0, 0, OPENING, 0, 0)], [(1, 0, OPENING, 0, 5)], [(2, 0, OPENING, 0, 0)])

        assert told(steps, lines_of(), is_empty=[1, 1, 0]) == [(1, 0, Kind.STOCKED), (2, 0, Kind.EMPTIED)]

    def test_does_not_believe_a_book_that_was_wrong_in_the_morning(self) -> None:
        steps = steps_of([(0, 0, OPENING, 0, -3), (0, 10, OTHER, -1, -4)])

        assert told(steps, lines_of((0, 10))) == []
        assert told(steps, lines_of((0, 10)), is_empty=[1, 0, 0]) == [(0, 0, Kind.STOCKED)]

    def test_believes_a_count_of_nothing_and_units_that_are_put(self) -> None:
        counted = steps_of(
            [(0, 0, OPENING, 0, -3), (0, 10, COUNT, 3, 0), (0, 20, OTHER, -2, -2), (0, 30, OTHER, 1, -1)]
        )

        assert told(counted, lines_of()) == [(0, 10, Kind.EMPTIED), (0, 30, Kind.STOCKED)]

    def test_says_nothing_of_items_without_a_shelf(self) -> None:
        assert told(steps_of(), lines_of((1, 5))) == []


@st.composite
def days(draw: st.DrawFn) -> list[list[Step]]:
    """Three items with one or two shelves each, and what moves their books."""
    by_item: list[list[Step]] = []
    shelf = 0
    for _ in range(3):
        mine = list(range(shelf, shelf + draw(st.integers(0, 2))))
        shelf += len(mine)
        books = {s: draw(st.sampled_from([-3, 0, 2])) for s in mine}
        steps: list[Step] = [(s, 0.0, OPENING, 0, books[s]) for s in mine]
        second = 0.0
        for _ in range(draw(st.integers(0, 6)) if mine else 0):
            second += draw(st.integers(0, 3))
            s, delta = draw(st.sampled_from(mine)), draw(st.sampled_from([-2, -1, 1, 3]))
            books[s] += delta
            steps.append((s, second, draw(st.sampled_from([COUNT, OTHER])), delta, books[s]))
        by_item.append(steps)
    return by_item


def by_hand(steps: Sequence[Step], sales: Sequence[float], *, is_empty: bool) -> list[tuple[float, Kind]]:
    """The same for one item, step by step."""
    sound: dict[int, bool] = {}
    empty: dict[int, bool] = {}
    states: list[tuple[float, bool, bool]] = []
    openings = sum(step[2] is OPENING for step in steps)
    for number, (shelf, second, cause, delta, book) in enumerate(steps):
        sound[shelf] = sound.get(shelf, False) or book >= 0
        empty[shelf] = sound[shelf] and book <= 0 and not (delta > 0 and cause is not COUNT)
        if number >= openings - 1:
            states.append((second, all(empty.values()), False))
    for sale in sorted(sales):
        before = [n for n, (second, _, _) in enumerate(states) if second <= sale]
        states.insert(before[-1] + 1, (sale, states[before[-1]][1], True))
    found: list[tuple[float, Kind]] = []
    gone, n = is_empty, 0
    while n < len(states):
        stretch = [states[n]]
        while states[n][1] and n + len(stretch) < len(states) and states[n + len(stretch)][1]:
            stretch.append(states[n + len(stretch)])
        if states[n][1]:
            proofs = [second for second, _, is_sale in stretch if is_sale]
            if n == 0 and gone and proofs:
                found.append((0.0, Kind.STOCKED))
                gone = False
            if not gone:
                found.append((proofs[-1] if proofs else stretch[0][0], Kind.EMPTIED))
            gone = True
        elif gone:
            found.append((states[n][0], Kind.STOCKED))
            gone = False
        n += len(stretch)
    return found


@given(
    day=days(),
    sales=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=8),
    is_empty=st.lists(st.integers(0, 1), min_size=3, max_size=3),
)
def test_all_at_once_says_what_each_item_says_step_by_step(
    day: list[list[Step]], sales: list[tuple[int, int]], is_empty: list[int]
) -> None:
    lines = lines_of(*((item, float(second)) for item, second in sales))
    expected = [
        (item, *turn)
        for item, steps in enumerate(day)
        if steps
        for turn in by_hand(steps, [float(s) for i, s in sales if i == item], is_empty=bool(is_empty[item]))
    ]

    assert told(steps_of(*day), lines, is_empty=is_empty) == expected


class TestEvents:
    def test_are_taken_in_by_the_levels(self) -> None:
        """On the shelf from 0 to 20 and from 60 to 100; seen at 70, sold last at 20."""
        evidence = Evidence(
            lines=lines_of((0, 20), (0, 10)),
            steps=steps_of([(0, 0, OPENING, 0, 2), (0, 10, OTHER, -1, 1), (0, 20, OTHER, -1, 0), (0, 60, OTHER, 3, 3)]),
            seen_item=np.array([0]),
            seen_second=np.array([70.0]),
        )
        levels = Levels.new(1)
        levels.apply(evidence.events(is_empty=levels.is_empty, passed=lambda second: second / 1e9))

        assert levels.today_lines.tolist() == [2]
        assert levels.on_shelf(100).tolist() == [60]
        assert levels.proof.tolist() == [30]
