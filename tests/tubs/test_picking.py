"""The planner: what goes into a tub, and that nothing is given out twice."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pullsvc.tubs.picking import Bin, Candidate, Limits, Pool
from tests.factories import NOON

SKUS = ("milk", "eggs", "soap")


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Open pulls of three items, whose bins are the same for all pulls of the item."""
    bins = {
        sku: tuple(
            Bin(f"{sku}{n}", draw(st.sampled_from(["cold", "dry"])), draw(st.integers(0, 20)), draw(st.integers(1, 9)))
            for n in range(draw(st.integers(0, 3)))
        )
        for sku in SKUS
    }
    pulls = []
    for pull_id in range(1, draw(st.integers(1, 12)) + 1):
        sku = draw(st.sampled_from(SKUS))
        pulls.append(
            Candidate(
                pull_id=pull_id,
                sku=sku,
                shelf=f"SH{pull_id}",
                zone="dry",
                urgency=draw(st.sampled_from([30, 35, 60, 90])),
                due_at=NOON + timedelta(minutes=draw(st.integers(0, 5))),
                qty=draw(st.integers(1, 12)),
                volume_ml=draw(st.sampled_from([0, 500, 20_000])),
                weight_g=draw(st.sampled_from([0, 400])),
                bins=bins[sku],
            )
        )
    return pulls


@given(pulls=candidates(), lines=st.integers(1, 5), zones=st.sampled_from([None, ["cold"], ["dry"]]))
def test_gives_out_what_there_is_and_nothing_twice(pulls: list[Candidate], lines: int, zones: list[str] | None) -> None:
    pool = Pool(pulls)
    wanted = {p.pull_id: p.qty for p in pulls}
    free = {(p.sku, b.location): b.available for p in pulls for b in p.bins if zones is None or b.zone in zones}

    while plan := pool.compose(Limits(lines=lines), zones):
        assert 1 <= len(plan.lines) <= lines
        for line in plan.lines:
            wanted[line.pull_id] -= line.qty
            free[line.sku, line.location] -= line.qty

    assert min(wanted.values()) >= 0
    assert all(qty >= 0 for qty in free.values())
    left = {sku for (sku, _), qty in free.items() if qty}
    assert not any(wanted[p.pull_id] and p.sku in left for p in pulls)


@given(pulls=candidates(), lines=st.integers(1, 5))
def test_begins_with_the_most_urgent_pull_that_has_units(pulls: list[Candidate], lines: int) -> None:
    servable = [p for p in pulls if p.bins]
    plan = Pool(pulls).compose(Limits(lines=lines))

    if not servable:
        assert plan is None
        return
    assert plan is not None
    first = min(servable, key=lambda p: (-p.urgency, p.due_at, p.pull_id))
    assert first.pull_id in plan.pull_ids


@given(pulls=candidates(), urgent=st.sets(st.integers(1, 12)), lines=st.integers(1, 5), volume=st.integers(1, 30_000))
def test_what_rides_along_displaces_nothing(pulls: list[Candidate], urgent: set[int], lines: int, volume: int) -> None:
    """However urgent it is: what people and the watch have asked for goes into the tub as it would alone."""
    asked = [p for p in pulls if p.pull_id not in urgent]
    others = [p for p in pulls if p.pull_id in urgent]
    offers = [p._replace(pull_id=-p.pull_id, sku=f"offer {p.sku}", rides=True, urgency=85) for p in others]
    limits = Limits(lines=lines, volume_ml=volume)

    with_offers, alone = Pool([*asked, *offers]).compose(limits), Pool(asked).compose(limits)

    assert (with_offers is None) == (alone is None)
    if with_offers and alone:
        assert [line for line in with_offers.lines if not line.rides] == list(alone.lines)
        assert len(with_offers.lines) <= lines
        assert not any(line.rides for line in with_offers.lines) or max(p.urgency for p in asked if p.bins) < 90


def test_what_rides_along_goes_into_one_tub() -> None:
    """Of an offer of ten the tub has room for six: the rest was nobody's wish, and no later tub takes it."""

    def place(pull_id: int, qty: int, *, rides: bool = False) -> Candidate:
        bins = (Bin(f"B{pull_id}", "dry", 1, 4), Bin(f"C{pull_id}", "dry", 2, 30))
        return Candidate(pull_id, f"s{pull_id}", "A1", "dry", 60, NOON, qty, 500, 400, bins, rides)

    pool = Pool([place(1, 4), place(2, 4), place(-1, 34, rides=True)])

    first = pool.compose(Limits(volume_ml=7_000))
    second = pool.compose(Limits(volume_ml=7_000))

    assert first is not None
    assert dict(first.qty_of_pulls()) == {1: 4, 2: 4, -1: 6}
    assert second is None


def test_fills_the_tub_with_what_lies_near() -> None:
    def pull(pull_id: int, walk_seq: int, urgency: int = 60) -> Candidate:
        place = Bin(f"B{pull_id}", "dry", walk_seq, 30)
        return Candidate(pull_id, f"s{pull_id}", "A1", "dry", urgency, NOON, 6, 500, 400, (place,))

    pool = Pool([pull(1, walk_seq=50, urgency=90), pull(2, walk_seq=1), pull(3, walk_seq=49), pull(4, walk_seq=55)])
    plan = pool.compose(Limits(lines=3))

    assert plan is not None
    assert [line.pull_id for line in plan.lines] == [3, 1, 4]


def test_a_pool_beside_another_knows_what_that_one_gave() -> None:
    milk = Candidate(1, "milk", "A1", "dry", 60, NOON, 4, 500, 400, (Bin("B1", "dry", 1, 6),))
    first = Pool([milk])
    assert first.compose(Limits())

    other = Pool([Candidate(2, "milk", "A2", "dry", 60, NOON, 4, 500, 400, milk.bins)], given=first.given)
    plan = other.compose(Limits())

    assert plan is not None
    assert [line.qty for line in plan.lines] == [2]
