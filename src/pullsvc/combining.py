"""Concurrent acts of one kind, done together in one transaction: many scans cost little more than one.

An act that comes while nothing is under way goes at once; those that come meanwhile make up the next batch. Each caller
is answered after the commit that holds its act. Nothing waits for company, so an idle service is as quick as before.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from pullsvc.db import Database, Tx
from pullsvc.errors import Rejection

MAX_ACTS_A_BATCH = 64
BATCHES_AT_ONCE = 1  # A second one would wait for the locks of the first, or split what could have been one commit.
ALONE_AT_ONCE = 4

Act = TypeVar("Act")
Answer = TypeVar("Answer")
DoAll = Callable[[Tx, Sequence[Act]], Awaitable[Sequence[Answer | Rejection]]]


@dataclass(slots=True)
class _Queue(Generic[Act, Answer]):
    """What waits for one database, and the batches under way there."""

    waiting: "deque[tuple[Act, asyncio.Future[Answer]]]" = field(default_factory=deque)
    running: set["asyncio.Task[None]"] = field(default_factory=set)


class Combiner(Generic[Act, Answer]):
    """Runs acts of one kind in batches, each batch one transaction.

    `do_all` gets an open transaction and the acts of a batch, and returns for each its answer or why it is refused; a
    refused act must not have written anything. What it raises concerns the batch: each of its acts is then done alone.
    """

    def __init__(self, do_all: DoAll[Act, Answer], *, max_acts: int = MAX_ACTS_A_BATCH) -> None:
        self._do_all = do_all
        self._max_acts = max_acts
        self._queues: WeakKeyDictionary[Database, _Queue[Act, Answer]] = WeakKeyDictionary()

    async def do(self, db: Database, act: Act) -> Answer:
        """Do one act, with whatever others are waiting; returns after the commit.

        Raises:
            Rejection: this act was refused.
            Busy, BeyondBooks, UniqueViolation: as `Database.begin` does, for this act alone.
        """
        queue = self._queues.setdefault(db, _Queue())
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        queue.waiting.append((act, answer))
        if len(queue.running) < BATCHES_AT_ONCE:
            run = asyncio.create_task(self._run(db, queue))
            queue.running.add(run)
        return await answer

    async def _run(self, db: Database, queue: _Queue[Act, Answer]) -> None:
        try:
            while queue.waiting:
                await self._run_batch(db, queue)
        finally:
            # Not in a callback: a caller just answered may come back before that is called, and would wait for ever.
            queue.running.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _run_batch(self, db: Database, queue: _Queue[Act, Answer]) -> None:
        batch = [queue.waiting.popleft() for _ in range(min(len(queue.waiting), self._max_acts))]
        try:
            answers = await self._together(db, [act for act, _ in batch])
        except Exception as failure:  # noqa: BLE001 - goes to the callers, whom it concerns
            answers = [failure]
            if len(batch) > 1:
                answers = await self._one_by_one(db, [act for act, _ in batch])
        for (_, future), answer in zip(batch, answers, strict=True):
            _tell(future, answer)

    async def _together(self, db: Database, acts: Sequence[Act]) -> Sequence[Answer | Exception]:
        async with db.begin() as tx:
            return await self._do_all(tx, acts)

    async def _one_by_one(self, db: Database, acts: Sequence[Act]) -> Sequence[Answer | Exception]:
        """Do each act in a transaction of its own: one of them spoilt the batch for all."""
        places = asyncio.Semaphore(ALONE_AT_ONCE)

        async def alone(act: Act) -> Answer | Exception:
            async with places:
                try:
                    (answer,) = await self._together(db, [act])
                except Exception as failure:  # noqa: BLE001 - goes to the caller, whom it concerns
                    return failure
                return answer

        return await asyncio.gather(*map(alone, acts))


def _tell(future: "asyncio.Future[Answer]", answer: Answer | Exception) -> None:
    if future.done():
        return  # Its caller went away; the act is done all the same.
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
