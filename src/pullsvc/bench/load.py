"""The load generators: processes of closed-loop clients, told round by round what to do.

A client is an object with a connection, kept from round to round; `act` does one act of the named step and returns.
In a round all clients act again and again until a moment or for a number of times.
"""

import asyncio
import gc
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Protocol

import uvloop

from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.stats import Tally
from pullsvc.bench.wire import Wire, refused, request_of

GO_AFTER_S = 0.05
END_LIMIT_S = 10.0
OK = frozenset({200, 201, 204})


class Caller:
    """What every client has: a connection, a random source for its keys, and a place to note its calls."""

    def __init__(self, seed: int, tally: Tally) -> None:
        self.wire = Wire()
        self.tally = tally
        self._random = random.Random(seed)  # noqa: S311 - keys of acts, not secrets

    async def connect(self, address: str) -> None:
        """Be connected to the service at the URL."""
        await self.wire.connect(address)

    async def call(
        self, kind: str, method: str, path: str, *, token: str, body: bytes = b"", fine: frozenset[int] = OK
    ) -> tuple[int, bytes]:
        """Make one call and note how long it took; return status and body.

        Raises:
            CallRefused: the status is none of `fine`.
        """
        key = f"{self._random.getrandbits(128):032x}" if method == "POST" else None
        request = request_of(method, path, token=token, body=body, idempotency_key=key)
        began = time.monotonic()
        status, answer = await self.wire.send(request)
        self.tally.note(kind, began=began, ended=time.monotonic())
        if status not in fine:
            raise refused(f"{method} {path}", status, answer)
        return status, answer


class Client(Protocol):
    """Somebody who acts in a closed loop."""

    async def connect(self, address: str) -> None:
        """Be connected to the service at the URL."""

    async def act(self, step: str) -> None:
        """Do one act of the step."""


Make = Callable[[Any, Tally], Client]


@dataclass(frozen=True, slots=True)
class Round:
    """What all clients do next.

    Attributes:
        address: URL of the service.
        step: What each act is.
        quota: How many acts each client does; None: until `lasts_s` have passed.
        lasts_s: Seconds of a round without a quota.
    """

    address: str
    step: str
    quota: int | None = None
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a round came to; monotonic seconds."""

    tally: Tally
    began: float
    ended: float


class Load:
    """The generators, seen from the process that leads the bench."""

    def __init__(self, pipes: Sequence["Connection[Any, Any]"], processes: Sequence[ForkServerProcess]) -> None:
        self._pipes = pipes
        self.pids = [process.pid or 0 for process in processes]

    async def begin(self, plan: Round) -> float:
        """Have all clients connect, and then go at the same moment, which is returned."""
        for pipe in self._pipes:
            pipe.send(plan)
        await asyncio.gather(*(self._answer(pipe) for pipe in self._pipes))
        go_at = time.monotonic() + GO_AFTER_S
        for pipe in self._pipes:
            pipe.send(go_at)
        return go_at

    async def end(self, began: float) -> Done:
        """Wait until the round is over; return what its clients noted.

        Raises:
            BenchFailed: a client could not go on.
        """
        tally, ended = Tally(), began
        for noted, done_at in await asyncio.gather(*(self._answer(pipe) for pipe in self._pipes)):
            tally.add(noted)
            ended = max(ended, done_at)
        return Done(tally=tally, began=began, ended=ended)

    async def round(self, plan: Round) -> Done:
        """Play a whole round."""
        return await self.end(await self.begin(plan))

    async def _answer(self, pipe: "Connection[Any, Any]") -> Any:
        try:
            answer = await asyncio.to_thread(pipe.recv)
        except EOFError:
            raise BenchFailed("A load generator died.") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def generators(make: Make, seats: Sequence[Any], *, processes: int) -> Iterator[Load]:
    """Start the processes, each with its share of the seats; they end with the block.

    Args:
        make: Makes a client from its seat; a function at the top of a module, so that another process finds it.
        seats: What each client knows; picklable.
        processes: How many; no more than there are seats.
    """
    # Forked from a server that has imported what they need: several for the imports of one, in all cases of a bench.
    origin = multiprocessing.get_context("forkserver")
    origin.set_forkserver_preload([make.__module__])
    pipes: list[Connection[Any, Any]] = []
    children: list[ForkServerProcess] = []
    for number in range(min(processes, len(seats))):
        ours, theirs = origin.Pipe()
        child = origin.Process(target=_generate, args=(theirs, make, seats[number::processes]), daemon=True)
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
    try:
        yield Load(pipes, children)
    finally:
        for pipe in pipes:
            pipe.close()
        for child in children:
            child.join(END_LIMIT_S)
            if child.is_alive():
                child.kill()
                child.join()


def _generate(pipe: "Connection[Any, Any]", make: Make, seats: Sequence[Any]) -> None:
    """Be a generator, until the pipe is closed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tally = Tally()
        clients = [make(seat, tally) for seat in seats]
        gc.collect()
        gc.freeze()
        while (plan := _next(pipe)) is not None:
            try:
                runner.run(_connect(clients, plan))
                pipe.send("ready")
                pipe.send((runner.run(_play(clients, plan, tally, pipe.recv())), time.monotonic()))
            except (BenchFailed, OSError) as failure:
                pipe.send(BenchFailed(str(failure)))
            except EOFError:
                return


def _next(pipe: "Connection[Any, Any]") -> Round | None:
    try:
        plan: Round = pipe.recv()
    except EOFError:
        return None
    return plan


async def _connect(clients: Sequence[Client], plan: Round) -> None:
    for client in clients:
        await client.connect(plan.address)


async def _play(clients: Sequence[Client], plan: Round, tally: Tally, go_at: float) -> Tally:
    await asyncio.sleep(max(0.0, go_at - time.monotonic()))
    playing = [asyncio.create_task(_drive(client, plan, go_at + plan.lasts_s)) for client in clients]
    try:
        await asyncio.gather(*playing)
    finally:
        for one in playing:
            one.cancel()
    noted = Tally(dict(tally.ended), dict(tally.took))
    tally.ended.clear()
    tally.took.clear()
    return noted


async def _drive(client: Client, plan: Round, until: float) -> None:
    if plan.quota is not None:
        for _ in range(plan.quota):
            await client.act(plan.step)
        return
    while time.monotonic() < until:
        await client.act(plan.step)
