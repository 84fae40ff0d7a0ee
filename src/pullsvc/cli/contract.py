"""`openapi`: print the HTTP contract."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pullsvc.app import create_app
from pullsvc.clock import wall_clock
from pullsvc.config import Settings
from pullsvc.db import Database

# The contract does not depend on a database, and making a pool does not connect.
NOWHERE = "postgresql://nobody@localhost/nowhere"


def openapi(
    out: Annotated[Path | None, typer.Option(help="File to write; default: stdout.")] = None,
) -> None:
    """Write the HTTP contract (OpenAPI 3.1) as JSON."""
    text = contract_text()
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def contract_text() -> str:
    """Return the contract as it is checked in."""
    app = create_app(db=Database(NOWHERE), clock=wall_clock(), settings=Settings())
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


COMMANDS = (openapi,)
