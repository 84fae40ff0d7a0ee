"""Figures from samples: latencies, medians, and whether two series of spans differ by more than their noise. Pure."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from statistics import median

# Two runs of the same code on a quiet machine differ by about this much, however even the spans within a run are.
MIN_NOISE = 0.03


@dataclass(slots=True)
class Tally:
    """When each call ended and how long it took, by kind of call.

    Attributes:
        ended: Monotonic seconds, the same clock in all processes of the machine.
        took: Seconds, in the same order.
    """

    ended: dict[str, "array[float]"] = field(default_factory=dict)
    took: dict[str, "array[float]"] = field(default_factory=dict)

    def note(self, kind: str, *, began: float, ended: float) -> None:
        """Note one call."""
        self.mark(kind, at=ended, value=ended - began)

    def mark(self, kind: str, *, at: float, value: float) -> None:
        """Note something else than a call: `value` is what its kind says, in place of seconds."""
        if kind not in self.ended:
            self.ended[kind], self.took[kind] = array("d"), array("d")
        self.ended[kind].append(at)
        self.took[kind].append(value)

    def add(self, other: "Tally") -> None:
        """Add what another process noted."""
        for kind, ended in other.ended.items():
            self.ended.setdefault(kind, array("d")).extend(ended)
            self.took.setdefault(kind, array("d")).extend(other.took[kind])

    def between(self, start: float, until: float) -> dict[str, list[float]]:
        """Return the seconds that calls took which ended in the stretch of time, by kind."""
        return {
            kind: [took for at, took in zip(ended, self.took[kind], strict=True) if start <= at < until]
            for kind, ended in self.ended.items()
        }


@dataclass(frozen=True, slots=True)
class Latency:
    """How long calls of one kind took, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def latency(took_s: Sequence[float]) -> Latency:
    """Return the quantiles (nearest rank) of at least one duration."""
    ordered = sorted(took_s)

    def rank(share: float) -> float:
        return round(ordered[max(0, ceil(share * len(ordered)) - 1)] * 1000, 3)

    return Latency(count=len(ordered), p50_ms=rank(0.5), p99_ms=rank(0.99), max_ms=rank(1.0))


def harmonic(per_s: Mapping[str, float], counts: Mapping[str, float]) -> float:
    """Return how many cycles a second are possible when a cycle takes `counts` acts that alone run `per_s`."""
    return 1 / sum(count / per_s[kind] for kind, count in counts.items())


class Verdict(StrEnum):
    """What a comparison says."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "no difference seen"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two series of spans side by side.

    Attributes:
        ratio: New median / old median.
        noise: By how much the ratio may be off by chance, as a share of 1.
        verdict: Faster or slower only when the ratio is off 1 by more than the noise.
    """

    ratio: float
    noise: float
    verdict: Verdict


def compare(new: Sequence[float], old: Sequence[float]) -> Comparison:
    """Compare two series of rates: higher is faster.

    The noise is what the spans of each series show: half their range, as a share of their median, the larger of the
    two, and MIN_NOISE at least. One span alone shows none, so that a series of one is never called different
    unless it is off by a third.
    """
    ratio = median(new) / median(old)
    noise = max(MIN_NOISE, *(_spread(series) for series in (new, old)))
    if ratio > 1 + noise:
        verdict = Verdict.FASTER
    elif ratio < 1 / (1 + noise):
        verdict = Verdict.SLOWER
    else:
        verdict = Verdict.SAME
    return Comparison(ratio=ratio, noise=noise, verdict=verdict)


def paired(new: Sequence[float], old: Sequence[float]) -> Comparison:
    """Compare rates that were measured in pairs, one right after the other: by the ratio within each pair.

    What slowed a whole pair drops out, so the noise is what the ratios differ among themselves.
    """
    ratios = [now / before for now, before in zip(new, old, strict=True)]
    return compare(ratios, [1.0] * len(ratios))


UNKNOWN_NOISE = 0.33


def _spread(series: Sequence[float]) -> float:
    if len(series) < 2:
        return UNKNOWN_NOISE
    return (max(series) - min(series)) / 2 / median(series)
