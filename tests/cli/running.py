"""Run a command in this process: the same `main()`, arguments, environment and streams, without the start-up."""

import asyncio
import contextlib
import io
import logging
import os
import sys
from dataclasses import dataclass

import pytest

from pullsvc.cli.main import main
from tests.serving import environment


@dataclass
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


async def command(database_url: str, *words: str, **settings: str) -> Done:
    """Run one command to its end, on a thread, as it has an event loop of its own."""
    return await asyncio.to_thread(command_now, database_url, *words, **settings)


def command_now(database_url: str, *words: str, **settings: str) -> Done:
    """As `command`, for a test that is not async."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    status = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        patch.setattr(sys, "argv", ["pullsvc", *words])
        patch.setattr(os, "environ", environment(database_url, **settings))
        try:
            main()
        except SystemExit as left:
            status = int(left.code or 0)
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
    return Done(status, out.getvalue(), err.getvalue())
