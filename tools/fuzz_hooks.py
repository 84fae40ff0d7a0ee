"""What schemathesis has to know of the service beyond the contract; loaded by tools/fuzz.py.

Valid values are exchanged for valid values only, so whatever a check expects of a request still holds. Without this
nearly every request would end at "there is no such task" and nothing behind it would be tried.
"""

# ruff: noqa: INP001 - a script, not a package.
import itertools
import json
import os
import re
from typing import Any
from zlib import crc32

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure

LINES = ("text/csv", "application/x-ndjson")
SEEDED_IDS = 6  # Tasks, pulls and asks that tools/fuzz.py leaves behind have the ids 1 to this.
MAX_ID = 2**63 - 1
MAX_STORE_ID = 2**31 - 1
PLAIN = re.compile(r"[A-Za-z0-9]{1,40}")
KEY = re.compile(r"[A-Za-z0-9._:-]{8,100}")
IDS = ("task_id", "pull_id", "ask_id", "discrepancy_id", "principal_id")
CODES = {
    "code": ("SKU1", "SKU2", "SKU3", "SKU4", "SKU5", "SKU6", "04006381333931"),
    "location": ("BR-A-03-2", "BR-B-01-1", "SHELF1", "RECEIVING", "LANE-2", "TUB-0042"),
    "shelf": ("SHELF1", "SHELF2", "A07-03-2"),
    "tub": ("TUB-0042", "TUB1", "TUB2", "TUB3"),
    "lane": ("LANE-2",),
    "sku": ("SKU1", "SKU2"),
}
CODES |= dict.fromkeys(("from_location", "to_location", "return_to"), CODES["location"])
numbers = itertools.count(1)


@schemathesis.auth()
class Token:
    """Signs each request in, but for those that a check leaves unsigned on purpose."""

    def get(self, _case: schemathesis.Case[Any], _context: schemathesis.AuthContext) -> str:
        """Return the key that tools/fuzz.py made."""
        return os.environ["FUZZ_TOKEN"]

    def set(self, case: schemathesis.Case[Any], data: str, _context: schemathesis.AuthContext) -> None:
        """Put it on the request."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.serializer(*LINES)
def as_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send text as it is; whatever else is generated, as one line of JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case[Any], _response: schemathesis.Response
) -> bool:
    """Let no body in lines count as against the contract: on the wire everything is the string that it asks for."""
    return case.media_type not in LINES or isinstance(case.body, str) or not isinstance(failure, AcceptedNegativeData)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Let the request meet what is there: a new act each time, on things that exist."""
    for name, value in list((case.headers or {}).items()):
        if name.lower() == "idempotency-key" and isinstance(value, str) and KEY.fullmatch(value):
            case.headers[name] = f"fuzz-{next(numbers):08}"
    for part in (case.path_parameters, case.query, case.body):
        meet(part)


def meet(part: Any) -> None:
    """Exchange ids, fences and codes anywhere below for such as exist."""
    if isinstance(part, list):
        for one in part:
            meet(one)
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        if isinstance(value, dict | list):
            meet(value)
        elif type(value) is int and name in IDS and SEEDED_IDS < value < MAX_ID:
            part[name] = 1 + value % SEEDED_IDS
        elif type(value) is int and name == "store_id" and 1 < value < MAX_STORE_ID:
            part[name] = 1
        elif type(value) is int and name == "fence" and 1 < value < MAX_ID:
            part[name] = 1 + value % 3
        elif isinstance(value, str) and name in CODES and PLAIN.fullmatch(value):
            part[name] = CODES[name][crc32(value.encode()) % len(CODES[name])]
