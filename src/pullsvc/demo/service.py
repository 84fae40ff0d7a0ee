"""What the service of the demo logged while the day was played."""

import contextlib
import json
from pathlib import Path
from typing import Any


def logged_errors(log: Path) -> list[str]:
    """Return the errors in the log of the service; there should be none."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        entry = _entry(line)
        if entry.get("level") in ("error", "critical"):
            found.append(" ".join(str(entry.get(part, "")) for part in ("logger", "event", "loop")).strip())
    return found


def _entry(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            return entry
    return {}
