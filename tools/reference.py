"""Write docs/reference.md from the code: settings, refusals, state diagrams. A test fails when it is out of date."""

# ruff: noqa: INP001 - a script, not a package.
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

import pullsvc
from pullsvc.config import PREFIX, Settings
from pullsvc.errors import Rejection
from pullsvc.pulls.rules import MOVES as PULL_MOVES
from pullsvc.tubs.rules import LINE_MOVES, TASK_MOVES
from pullsvc.web.problems import STATUS_OF_KIND

TARGET = Path(__file__).parents[1] / "docs" / "reference.md"
# Only of use with the extras, and raising no refusals of their own.
SKIPPED = ("pullsvc.demo", "pullsvc.embedded", "pullsvc.__main__")


def reference() -> str:
    """Return the text of the page."""
    parts = [
        "# Reference",
        "Written by `python tools/reference.py` from the code; a test fails when it is out of date.",
        "## Settings",
        "Read from the environment. An unknown `PULLSVC_` name is refused, as it is most often a typing error.",
        _table(("setting", "default", "meaning"), _settings()),
        "## Refusals",
        "Every error is `application/problem+json` (RFC 9457) with a stable `code`; see `GET /problems/{code}`.",
        _table(("code", "status", "meaning"), _refusals()),
        "## States",
        "Each diagram is the table of moves that the rules use; the words are those of the CHECKs in the schema.",
        "### Pull",
        _diagram(PULL_MOVES),
        "### Task",
        _diagram(TASK_MOVES),
        "### Line of a task",
        _diagram(LINE_MOVES),
    ]
    return "\n\n".join(parts) + "\n"


def _settings() -> Iterable[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        yield f"`{PREFIX}{name.upper()}`", default, field.description or ""


def _refusals() -> Iterable[tuple[str, str, str]]:
    for module in pkgutil.walk_packages(pullsvc.__path__, "pullsvc."):
        if not module.name.startswith(SKIPPED):
            importlib.import_module(module.name)
    seen: dict[str, tuple[str, str, str]] = {}
    pending = list(Rejection.__subclasses__())
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if "code" in kind.__dict__:
            text = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            seen[kind.code] = (f"`{kind.code}`", str(STATUS_OF_KIND[kind.kind]), text)
    return [seen[code] for code in sorted(seen)]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _diagram(moves: Mapping[StrEnum, frozenset[StrEnum]]) -> str:
    arrows = [f"    {state} --> {onwards}" for state in moves for onwards in sorted(moves[state])]
    ends = [f"    {state} --> [*]" for state in moves if not moves[state]]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(moves))}", *arrows, *ends, "```"])


if __name__ == "__main__":
    TARGET.write_text(reference())
    sys.stdout.write(f"wrote {TARGET.name}\n")
