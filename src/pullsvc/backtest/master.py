"""What the data leave open in the item master: mean sales, case packs and capacities, by stated rules.

Only training days are looked at. Every draw depends on the seed and the sku alone, so that no item moves another.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from pullsvc.backtest.model import Floats, Ints, Log

HISTORY_DAYS = 56
CAPACITY_MAX_QTY = 200
CAPACITY_DAYS = 0.45
CAPACITY_SIGMA = 0.35
FAST_QTY, STEADY_QTY = 5.0, 0.5  # Mean eaches a day.
PACKS_FAST = ((12, 0.5), (24, 0.3), (8, 0.2))
PACKS_STEADY = ((12, 0.5), (6, 0.3), (8, 0.2))
PACKS_SLOW = ((6, 0.5), (4, 0.25), (12, 0.25))


def mean_qty(log: Log, *, train: tuple[int, int], items: int) -> Floats:
    """Return each item's mean eaches a day over the last `HISTORY_DAYS` training days, days without sales included."""
    first = max(train[0], train[1] - HISTORY_DAYS + 1)
    known = (log.day >= first) & (log.day <= train[1])
    units = np.bincount(log.item[known], weights=log.qty[known].astype(np.float64), minlength=items)
    return np.asarray(units / (train[1] - first + 1), dtype=np.float64)


def case_packs(mean: Floats, skus: Sequence[str], *, seed: int) -> Ints:
    """Return case packs by pace: see `PACKS_FAST` (from 5 a day), `PACKS_STEADY` (from 0.5) and `PACKS_SLOW`."""
    luck = uniforms(skus, seed=seed, purpose="case pack")
    packs = np.zeros(len(mean), dtype=np.int64)
    paces = (
        (mean >= FAST_QTY, PACKS_FAST),
        ((mean >= STEADY_QTY) & (mean < FAST_QTY), PACKS_STEADY),
        (mean < STEADY_QTY, PACKS_SLOW),
    )
    for of_pace, table in paces:
        sizes = np.array([size for size, _ in table])
        bounds = np.cumsum([share for _, share in table])[:-1]
        packs[of_pace] = sizes[np.searchsorted(bounds, luck[of_pace], side="right")]
    return packs


def capacities(mean: Floats, packs: Ints, skus: Sequence[str], *, seed: int) -> Ints:
    """Return shelf capacities: 0.45 days of mean sales, spread lognormally, at least one case, at most 200 eaches."""
    first = uniforms(skus, seed=seed, purpose="capacity, radius")
    second = uniforms(skus, seed=seed, purpose="capacity, angle")
    normal = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)  # Box and Muller.
    days = CAPACITY_DAYS * np.exp(CAPACITY_SIGMA * normal)
    wanted = np.maximum(packs, np.ceil(days * mean).astype(np.int64))
    return np.asarray(np.maximum(np.minimum(CAPACITY_MAX_QTY, wanted), 1))


def uniforms(skus: Sequence[str], *, seed: int, purpose: str) -> Floats:
    """Return for each sku a number in [0, 1) that depends on seed, purpose and that sku alone."""
    salt = f"{seed}/{purpose}/".encode()
    bits = np.array([zlib.crc32(sku.encode(), zlib.crc32(salt)) for sku in skus], dtype=np.uint64)
    mixed = (bits + np.uint64(zlib.crc32(salt[::-1]))) * np.uint64(0x9E3779B97F4A7C15)  # splitmix64
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    unit: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return unit
