"""Which methods an address really takes, for the `Allow` header of a 405."""

import re
from functools import lru_cache

from fastapi import FastAPI
from starlette.routing import compile_path

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


@lru_cache(maxsize=4)
def _table(app: FastAPI) -> list[tuple[re.Pattern[str], frozenset[str]]]:
    """Return each address of the contract with its methods; built once, from public API only."""
    return [
        (compile_path(path)[0], frozenset(method.upper() for method in item if method in METHODS))
        for path, item in app.openapi()["paths"].items()
    ]


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods of every route that matches the path, sorted."""
    found: set[str] = set()
    for pattern, methods in _table(app):
        if pattern.match(path):
            found |= methods
    return sorted(found) or ["GET"]
