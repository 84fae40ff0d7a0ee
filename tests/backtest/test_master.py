import numpy as np

from pullsvc.backtest.master import capacities, case_packs, mean_qty
from tests.backtest import shops

SKUS = [f"S{row}" for row in range(6_000)]


def test_packs_follow_the_pace() -> None:
    mean = np.repeat([9.0, 2.0, 0.1], 2_000)
    packs = case_packs(mean, SKUS, seed=1)
    shares = [
        {size: np.mean(packs[first : first + 2_000] == size) for size in (4, 6, 8, 12, 24)}
        for first in (0, 2_000, 4_000)
    ]

    assert np.allclose([shares[0][12], shares[0][24], shares[0][8]], [0.5, 0.3, 0.2], atol=0.04)
    assert np.allclose([shares[1][12], shares[1][6], shares[1][8]], [0.5, 0.3, 0.2], atol=0.04)
    assert np.allclose([shares[2][6], shares[2][4], shares[2][12]], [0.5, 0.25, 0.25], atol=0.04)


def test_shelves_hold_a_case_and_about_half_a_day() -> None:
    mean, packs = np.full(6_000, 100.0), np.full(6_000, 12)
    shelves = capacities(mean, packs, SKUS, seed=1)

    assert np.median(shelves) == np.clip(np.median(shelves), 43, 48)
    assert np.std(np.log(shelves[shelves < 200])) == np.clip(np.std(np.log(shelves[shelves < 200])), 0.31, 0.39)
    assert shelves.max() <= 200
    assert np.all(capacities(np.zeros(6_000), packs, SKUS, seed=1) == 12)


def test_no_item_moves_another() -> None:
    mean = np.full(6_000, 1.0)
    few = case_packs(mean[:3], SKUS[:3], seed=1)

    assert few.tolist() == case_packs(mean, SKUS, seed=1)[:3].tolist()
    assert case_packs(mean, SKUS, seed=2).tolist() != case_packs(mean, SKUS, seed=1).tolist()


def test_means_come_from_training_days_alone() -> None:
    lines = shops.log((8, 0, 4), (9, 1, 2))

    assert mean_qty(lines, train=(shops.DAY - 1, shops.DAY), items=2).tolist() == [2.0, 1.0]
    assert mean_qty(lines, train=(shops.DAY - 9, shops.DAY - 1), items=2).tolist() == [0.0, 0.0]
    assert mean_qty(lines, train=(shops.DAY - 99, shops.DAY), items=2)[0] == 4 / 56
