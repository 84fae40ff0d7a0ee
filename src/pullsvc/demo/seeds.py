"""Chance that repeats: each draw depends on the seed, its purpose and one key, never on the order of the draws."""

import zlib
from random import Random

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # The constants of splitmix64, a published bit mixer.
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def chance(*, seed: int, purpose: str, key: str) -> Random:
    """Return the random stream of one key, such as a sku, for one purpose."""
    return Random(f"{seed}/{purpose}/{key}")  # noqa: S311 - repeatable draws of a simulation, no secret


def uniforms(ids: NDArray[np.int64], *, seed: int, purpose: str) -> NDArray[np.float64]:
    """Return for each id a number in [0, 1) that depends on seed, purpose and that id alone."""
    salt = np.uint64(zlib.crc32(f"{seed}/{purpose}".encode()))
    mixed = (ids.astype(np.uint64) + np.uint64(1)) * _GOLDEN ^ (salt << np.uint64(31))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed = mixed ^ (mixed >> np.uint64(31))
    unit: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return unit
