"""Two states of the code in turns, on one machine in one hour: what slows the one slows the other, and drops out."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pullsvc
from pullsvc.bench import report
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.model import Result
from pullsvc.bench.stats import paired

RUN_LIMIT_S = 3_600
TAIL_CHARS = 2_000

Pair = tuple[Result, Result]
"""What the present state did, and what the old one did right before or after."""


def run_pairs(words: Sequence[str], *, old: Path, pairs: int, told: Callable[[str], None]) -> list[Pair]:
    """Run the scenario in both states, in turns; each goes first every other time.

    Args:
        words: The scenario and its options, as after `pullsvc bench`.
        old: Folder `src` of a checkout of the other state.
        pairs: How often.
        told: Called with what is about to be done.

    Raises:
        BenchFailed: a run ended badly, or there is no pullsvc in the folder.
    """
    if not (old / "pullsvc" / "__init__.py").is_file():
        raise BenchFailed(f"{old} holds no pullsvc: give the folder src of a checkout.")
    new = Path(pullsvc.__file__).parents[1]
    found = []
    for number in range(pairs):
        results = {}
        for state, source in sorted({"now": new, "before": old}.items(), reverse=bool(number % 2)):
            told(f"pair {number + 1} of {pairs}: {state}")
            results[state] = _run(words, source)
        found.append((results["now"], results["before"]))
    return found


def _run(words: Sequence[str], source: Path) -> Result:
    with tempfile.TemporaryDirectory(prefix="pullsvc-pair-") as folder:
        file = Path(folder) / "result.json"
        done = subprocess.run(  # noqa: S603 - our own program, in one of two states
            [sys.executable, "-m", "pullsvc", "bench", *words, "--json", str(file)],
            env={**os.environ, "PYTHONPATH": str(source.resolve())},
            capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise BenchFailed(f"bench {' '.join(words)} in {source} ended badly: {done.stderr[-TAIL_CHARS:]}")
        return report.read(file)


def compared(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Return for each case of all runs: name, median rate now and before, ratio, noise, verdict."""
    found: list[tuple[str, ...]] = []
    for case in pairs[0][0].cases:
        rates = [(_rate(now, case.name), _rate(before, case.name)) for now, before in pairs]
        now, before = [rate for rate, _ in rates if rate], [rate for _, rate in rates if rate]
        if len(now) == len(before) == len(pairs):
            seen = paired(now, before)
            figures = (report.figure(median(now)), report.figure(median(before)))
            found.append((case.name, *figures, f"{seen.ratio:.2f}", f"{seen.noise:.0%}", seen.verdict.value))
    return found


def _rate(result: Result, name: str) -> float:
    return next((case.per_s for case in result.cases if case.name == name), 0.0)
