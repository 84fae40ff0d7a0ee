"""One throwaway server for all scenarios: their figures mean nothing on it, but they must add up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pullsvc.bench.cluster import Cluster, own_cluster
from pullsvc.bench.model import Options
from pullsvc.bench.stand import Stand

TINY = Options(seconds=0.5, warm_s=0.1, repeat=2, limit=False, limit_clients=2)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with own_cluster(unsafe_fast=True) as running:
        yield running


@pytest.fixture
def stand(cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stand:
    """A stand for runs of a second, without the limit."""
    return Stand(cluster, TINY, tmp_path, told=print)


Told = Callable[[str], None]
