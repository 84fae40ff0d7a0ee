"""The year is read once, the full store made once: both are values that no test can change."""

import pytest

from pullsvc.demo.dataset import load_store
from pullsvc.demo.model import DemoStore
from pullsvc.demo.panel import Panel, read_panel


@pytest.fixture(scope="session")
def panel() -> Panel:
    return read_panel()


@pytest.fixture(scope="session")
def store(panel: Panel) -> DemoStore:
    return load_store(seed=1, panel=panel)
