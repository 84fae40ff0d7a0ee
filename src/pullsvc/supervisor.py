"""Several serving processes on one socket: start them, start a crashed one again, stop them all."""

import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import structlog

from pullsvc import logs, server
from pullsvc.server import Plan
from pullsvc.web import metrics

log = structlog.get_logger("pullsvc.supervisor")

TICK_S = 0.5
RESTART_AFTER_S = 1.0
STOP_LIMIT_S = server.GRACE_S + 5


@dataclass(slots=True)
class _Child:
    plan: Plan
    process: SpawnProcess
    started_s: float


def run(plan: Plan, listener: socket.socket, *, workers: int) -> None:
    """Serve with `workers` web processes, and one more for the loops, until SIGTERM or SIGINT comes."""
    plans = [replace(plan, loops=False)] * workers
    if plan.loops:
        plans.append(replace(plan, web=False))
    with _shared_metrics(), _stop_signals() as stopped:
        children = [_start(one, listener) for one in plans]
        while not stopped:
            wait([child.process.sentinel for child in children], timeout=TICK_S)
            children = [child if child.process.is_alive() or stopped else _again(child, listener) for child in children]
        _stop(children)


def _start(plan: Plan, listener: socket.socket) -> _Child:
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(plan, listener if plan.web else None))
    process.start()
    return _Child(plan, process, time.monotonic())


def _again(dead: _Child, listener: socket.socket) -> _Child:
    """Start the child anew, one that dies at once only after a pause."""
    log.error("process ended", pid=dead.process.pid, status=dead.process.exitcode)
    metrics.forget_process(dead.process.pid or 0)
    dead.process.close()
    time.sleep(max(0.0, RESTART_AFTER_S - (time.monotonic() - dead.started_s)))
    return _start(dead.plan, listener)


def _stop(children: list[_Child]) -> None:
    """Ask all to stop, wait, and kill those that do not."""
    for child in children:
        child.process.terminate()
    until_s = time.monotonic() + STOP_LIMIT_S
    for child in children:
        child.process.join(max(0.0, until_s - time.monotonic()))
        if child.process.is_alive():
            log.error("process killed, it did not stop", pid=child.process.pid)
            child.process.kill()
            child.process.join()


def _serve(plan: Plan, listener: socket.socket | None) -> None:
    """Be a child: serve until told to stop, or until the supervisor is gone."""
    logs.configure(form=plan.settings.log_format, level=plan.settings.log_level)
    supervisor = multiprocessing.parent_process()
    assert supervisor is not None
    if listener:
        listener.setblocking(False)
    server.run(plan, listener, parent=supervisor.sentinel)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list, which is empty as long as none came."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Let the processes count in files of one folder, so that any of them can tell the sums."""
    with tempfile.TemporaryDirectory(prefix="pullsvc-metrics-") as folder:
        os.environ[metrics.MULTIPROCESS_DIR] = folder
        try:
            yield
        finally:
            del os.environ[metrics.MULTIPROCESS_DIR]
