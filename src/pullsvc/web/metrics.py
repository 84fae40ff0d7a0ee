"""Counters and histograms for `/metrics`."""

import os
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import Scope

# Set by the supervisor before its processes start; the library keeps their counts in files there.
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
REGISTRY = CollectorRegistry()
REQUESTS = Counter("pullsvc_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
DURATION = Histogram(
    "pullsvc_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
STREAMS = Gauge("pullsvc_event_streams", "Live event streams.", registry=REGISTRY, multiprocess_mode="livesum")
SALE_LINES = Counter("pullsvc_sale_lines_total", "Sale lines taken in, by result.", ["result"], registry=REGISTRY)
LOOPS = Counter("pullsvc_loop_runs_total", "Runs of the worker's loops.", ["loop", "result"], registry=REGISTRY)


def observe_request(scope: Scope, *, status: int, duration_s: float | None) -> None:
    """Count one answered request under its route's template, never under the raw path.

    Args:
        scope: The ASGI scope; the router has left its route in it.
        status: What was answered; 499 when the caller left before.
        duration_s: None for a stream, which takes as long as somebody listens.
    """
    route = getattr(scope.get("route"), "path", None) or "unmatched"
    method = scope["method"] if scope["method"] in {"GET", "POST", "PUT", "PATCH", "DELETE"} else "other"
    _requests(method, route, status).inc()
    if duration_s is not None:
        _duration(method, route).observe(duration_s)


# The library checks and spells the labels at each call; there are only so many routes.


@lru_cache(maxsize=2_000)
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@lru_cache(maxsize=1_000)
def _duration(method: str, route: str) -> Histogram:
    return DURATION.labels(method, route)


def exposition() -> bytes:
    """Return all metrics in the Prometheus text format; those of all processes of a `serve --workers N` together."""
    if MULTIPROCESS_DIR not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library has not typed this one
    return generate_latest(together)


def forget_process(pid: int) -> None:
    """Take a process that ended out of the gauges; called by the supervisor."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # as above
