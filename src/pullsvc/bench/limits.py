"""The limit of a case: its acts kind by kind, captured from the service and sent again by pgbench.

Kinds are captured one after the other, each from a state of the database that is copied before. So every transaction
meets the rows that it met when the service sent it, whatever order pgbench runs them in: within a kind no act needs
what another one made.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from uuid import uuid4

from pullsvc.bench.capture import Captured, common, transactions
from pullsvc.bench.cluster import run
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.load import Load, Round
from pullsvc.bench.model import Limit
from pullsvc.bench.replay import replay
from pullsvc.bench.stand import LIVE, Stand, serve
from pullsvc.bench.stats import harmonic

BEFORE = "bench_before"
# One process serves, and all keys are read before: the log then holds the acts and nothing else.
CAPTURE_KEY_CACHE_S = "60"
SIGN_IN = "sign_in"
RELOAD_S = 0.3
LOG_LIMIT_S = 60.0
LOOK_EVERY_S = 0.05
TAIL_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of work of one kind.

    Attributes:
        step: What the clients do, and what their calls are noted as.
        quota: How many times each client does it.
        per_act: How many of these one act of the case takes.
        sign_ins: How many times each client signs in before, so that its keys are known.
        before: Another step and its quota, done before the state is copied.
    """

    step: str
    quota: int
    per_act: float = 1
    sign_ins: int = 0
    before: tuple[str, int] | None = None


async def limit_of(stand: Stand, load: Load, phases: Sequence[Phase]) -> Limit | None:
    """Capture and replay the phases on the live database, in their order.

    Args:
        stand: Where; its live database is in the state that the clients expect, and nobody else uses it.
        load: The clients.
        phases: What an act of the case is made of.
    Returns:
        None when the options do not want it, or when the server is not ours and its log cannot be read.
    """
    if not stand.options.limit or not stand.cluster.is_own:
        return None
    kinds: dict[str, float] = {}
    statements: dict[str, float] = {}
    covered: dict[str, float] = {}
    fetch_share: dict[str, float] = {}
    clients = stand.options.limit_clients
    for phase in phases:
        stand.told(f"limit: capturing {phase.step}")
        if phase.before:
            async with serve(stand.cluster.url_of(LIVE), stand.log) as service:
                await load.round(Round(service.address, phase.before[0], quota=phase.before[1]))
        await stand.cluster.create(BEFORE, template=LIVE)
        captured, per_act = await _capture(stand, load, phase)
        stand.told(f"limit: pgbench runs {len(captured.transactions)} transactions of {phase.step}")
        rate = await replay(stand.cluster, BEFORE, captured, clients=clients, folder=stand.folder)
        kinds[phase.step] = rate.per_s / per_act
        statements[phase.step] = captured.statements * per_act
        covered[phase.step] = captured.covered
        fetch_share[phase.step] = rate.fetch_share
    await stand.cluster.drop(BEFORE)
    counts = {phase.step: phase.per_act for phase in phases}
    return Limit(harmonic(kinds, counts), kinds, counts, clients, statements, covered, fetch_share)


async def _capture(stand: Stand, load: Load, phase: Phase) -> tuple[Captured, float]:
    """Play the phase; return its transactions, and how many of them an act takes."""
    async with serve(stand.cluster.url_of(LIVE), stand.log, key_cache_s=CAPTURE_KEY_CACHE_S) as service:
        if phase.sign_ins:
            await load.round(Round(service.address, SIGN_IN, quota=phase.sign_ins))
        began = _sizes(stand.cluster.logs)
        await stand.cluster.command("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
        await asyncio.sleep(RELOAD_S)  # Each session reads it by itself, when it is next idle.
        done = await load.round(Round(service.address, phase.step, quota=phase.quota))
        await stand.cluster.command("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")
    sent = transactions(await _logged(stand, began), database=LIVE)
    captured = common(sent)
    return captured, len(sent) / len(done.tally.took[phase.step])


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.glob("*.json")}


async def _logged(stand: Stand, began: dict[str, int]) -> list[str]:
    """Return the lines of the log since then, when all of it is written: a process of its own writes it."""
    mark = f"bench {uuid4()}"
    await run(stand.cluster.url_of("postgres"), "SET log_statement = 'all'", f"SELECT '{mark}'")
    deadline = monotonic() + LOG_LIMIT_S
    while monotonic() < deadline:
        parts = [_from(path, began.get(path.name, 0)) for path in sorted(stand.cluster.logs.glob("*.json"))]
        if any(mark.encode() in part[-TAIL_BYTES:] for part in parts):
            return [line for part in parts for line in part.decode().splitlines()]
        await asyncio.sleep(LOOK_EVERY_S)
    raise BenchFailed("PostgreSQL did not write its log.")


def _from(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read()
