"""A process that serves: web app, background loops or both, until it is told to stop.

On SIGTERM or SIGINT it says that it is not ready, ends the live streams, lets requests in flight finish, stops the
loops and closes its connections, and then returns: whoever called it still gets to clean up.
"""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
import uvicorn
from uvloop import new_event_loop

from pullsvc import worker
from pullsvc.app import begin_stop, create_app
from pullsvc.config import Settings
from pullsvc.db import Database

log = structlog.get_logger("pullsvc.server")

BACKLOG = 2_048
GRACE_S = 10
KEEP_ALIVE_S = 30
JOB_LOCK_TIMEOUT_S = 2.0
YOUNG_OBJECTS = 50_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process is to do; goes to child processes as it is.

    Attributes:
        settings: The settings, with the origin of a scaled clock fixed.
        database_url: The database, migrated.
        web: Whether to serve requests.
        loops: Whether to run the background loops.
    """

    settings: Settings
    database_url: str
    web: bool = True
    loops: bool = True


class AddressInUse(OSError):
    """The address cannot be listened on; the text says which and why."""


class CertificateUnusable(Exception):
    """Certificate and key cannot be answered with; the text says why."""


class Server(uvicorn.Server):
    """Uvicorn without its own handling of signals, which would kill the process before anybody can clean up."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self._on_started()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens: callers that come before the processes are up wait in its queue.

    Raises:
        AddressInUse: somebody else has the address, or it is none of this machine's.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as failure:
        raise AddressInUse(f"cannot listen on {host} port {port}: {failure.strerror}") from failure
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as failure:
        listener.close()
        raise AddressInUse(f"cannot listen on {host} port {port}: {failure.strerror}") from failure
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket, *, secure: bool = False) -> str:
    """Return the URL under which the socket is reached."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def check_certificate(settings: Settings) -> None:
    """See that the settings' certificate and key, if any, can be used: before anything is started.

    Raises:
        CertificateUnusable: they cannot be read, or do not belong together.
    """
    if settings.tls_cert:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
        except OSError as failure:
            reason = failure.strerror or getattr(failure, "reason", "") or "they do not belong together"
            raise CertificateUnusable(
                f"cannot use the certificate {settings.tls_cert} with the key {settings.tls_key}: {reason}"
            ) from failure


def run(
    plan: Plan,
    listener: socket.socket | None = None,
    *,
    on_started: Callable[[], None] = lambda: None,
    parent: int | None = None,
) -> None:
    """Serve until a signal comes, or the process behind the file descriptor `parent` has died."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(plan, listener, on_started=on_started, parent=parent))


async def serve(
    plan: Plan,
    listener: socket.socket | None,
    *,
    on_started: Callable[[], None] = lambda: None,
    parent: int | None = None,
) -> None:
    """As `run`, on the running loop."""
    stop = asyncio.Event()
    parts: list[_Part] = []
    if plan.web and listener:
        parts.append(_Web(plan, listener, on_started))
    if plan.loops:
        parts.append(_Loops(plan))
    # What lives by now lives long: the collector need not look at it again and again. Requests leave few cycles behind.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    with _signals(stop, parts, parent):
        running = [asyncio.create_task(part.run()) for part in parts]
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([*running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        log.info("stopping")
        for part in parts:
            await part.stop()
        await asyncio.gather(*running)
    log.info("stopped")


@contextlib.contextmanager
def _signals(stop: asyncio.Event, parts: "list[_Part]", parent: int | None) -> Iterator[None]:
    """Set `stop` on the first signal, or when the parent dies; hurry the parts on the second signal."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            for part in parts:
                part.hurry()
        stop.set()

    def on_parent_gone() -> None:
        if parent is not None:
            loop.remove_reader(parent)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    if parent is not None:
        loop.add_reader(parent, on_parent_gone)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if parent is not None:
            loop.remove_reader(parent)


class _Part:
    """Something that runs in the process until it is stopped."""

    async def run(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    def hurry(self) -> None:
        """Stop without waiting for anybody."""


class _Web(_Part):
    def __init__(self, plan: Plan, listener: socket.socket, on_started: Callable[[], None]) -> None:
        settings = plan.settings
        database = Database(
            plan.database_url,
            pool_size=settings.pool_size,
            statement_timeout_s=settings.statement_timeout_s,
            lock_timeout_s=settings.lock_timeout_s,
            application_name="pullsvc web",
        )
        self._app = create_app(db=database, clock=settings.clock(), settings=settings)
        self._listener = listener
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        self._server = Server(config, on_started=on_started)

    async def run(self) -> None:
        await self._server.serve([self._listener])

    async def stop(self) -> None:
        await begin_stop(self._app)
        self._server.should_exit = True

    def hurry(self) -> None:
        self._server.force_exit = True


class _Loops(_Part):
    def __init__(self, plan: Plan) -> None:
        settings = plan.settings
        self._db = Database(
            plan.database_url,
            pool_size=worker.WORKER_POOL_SIZE,
            statement_timeout_s=settings.job_statement_timeout_s,
            lock_timeout_s=JOB_LOCK_TIMEOUT_S,
            application_name="pullsvc worker",
        )
        context = worker.Context(db=self._db, clock=settings.clock(), settings=settings)
        self._worker = worker.Worker(context, worker.loops(settings))

    async def run(self) -> None:
        try:
            await self._worker.run()
        finally:
            await self._db.close()

    async def stop(self) -> None:
        self._worker.stop()
