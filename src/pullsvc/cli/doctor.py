"""`doctor`: look at everything that can be wrong, and say exactly how to put it right."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import asyncpg
import typer
from pydantic import ValidationError
from rich.table import Table

from pullsvc import embedded, server
from pullsvc.cli import advice
from pullsvc.cli.runtime import DATABASE_NAME, EXIT_FOUND, JsonFlag, opened, page, say_json
from pullsvc.clock import wall_clock
from pullsvc.config import Settings, load_settings
from pullsvc.db import CONNECT_TIMEOUT_S, Database, driver_url, sql
from pullsvc.errors import Rejection
from pullsvc.migrate import applied_revision, head_revision

PYTHON_MIN = (3, 11)
POSTGRES_MIN = 150_000
FREE_DISK_MIN_BYTES = 1 << 30
CLOCK_SKEW_MAX_S = 2.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
HEARTBEAT_MAX_AGE = timedelta(minutes=1)

SERVER_SETTINGS = sql("""
    SELECT CAST(current_setting('server_version_num') AS integer) AS version_num,
           current_setting('server_version') AS version, current_setting('fsync') AS fsync,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('full_page_writes') AS full_page_writes,
           CAST(current_setting('max_connections') AS integer) AS max_connections, clock_timestamp() AS at
""")
SHOWN = "SELECT name, current_setting(name, true) AS value FROM unnest(CAST($1 AS text[])) AS name"
STATISTICS = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"
KEYS = sql(
    "SELECT count(*) AS live FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)"
)
HEARTBEATS = sql("SELECT worker, beat_at FROM worker_heartbeats ORDER BY beat_at DESC LIMIT 1")
STRAYS = sql("""
    SELECT (SELECT count(*) FROM events_default) + (SELECT count(*) FROM movements_default) AS rows
""")


class State(StrEnum):
    """How bad it is: only `broken` makes the command fail."""

    FINE = "fine"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it; nothing when it is fine."""

    check: str
    state: State
    finding: str
    fix: str = ""


def doctor(as_json: JsonFlag = False) -> None:
    """Check settings, database, schema, keys, worker and port; starts nothing and changes nothing."""
    findings = asyncio.run(_collect())
    if as_json:
        say_json([asdict(one) for one in findings])
    else:
        _show(findings)
    if any(one.state is State.BROKEN for one in findings):
        raise typer.Exit(EXIT_FOUND)


async def _collect() -> list[Finding]:
    found = [_python()]
    try:
        settings = load_settings()
    except ValidationError as invalid:
        names = ", ".join(f"PULLSVC_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in invalid.errors())
        return [*found, Finding("settings", State.BROKEN, names, "correct or unset them; README lists all settings")]
    except ValueError as wrong:
        known = ", ".join(f"PULLSVC_{name.upper()}" for name in Settings.model_fields)
        return [*found, Finding("settings", State.BROKEN, str(wrong), f"known are: {known}")]
    found.append(Finding("settings", State.FINE, f"{len(settings.model_fields_set)} set, the others at their defaults"))
    found += [_port(settings), _browsers(settings)]
    if settings.given_database_url():
        url: str | None = settings.given_database_url()
    else:
        one, url = _embedded(settings)
        found += [one, _disk(settings)]
    if url:
        found += [one async for one in _database(url, settings)]
        reached = any(one.check == "durability" for one in found)
        if settings.given_database_url() and reached:
            found += await _advice(url)
    return found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= PYTHON_MIN:
        return Finding("python", State.FINE, version)
    return Finding("python", State.BROKEN, version, "install Python 3.11 or newer")


def _port(settings: Settings) -> Finding:
    try:
        server.bind(settings.host, settings.port).close()
    except server.AddressInUse as taken:
        fix = "if that is not a pullsvc of yours, choose another with PULLSVC_HOST, PULLSVC_PORT, or --host, --port"
        return Finding("port", State.NOTE, str(taken), fix)
    return Finding("port", State.FINE, f"{settings.host}:{settings.port} is free")


def _browsers(settings: Settings) -> Finding:
    """Tell whether people can sign in, and whether somebody beside them could."""
    if settings.insecure_cookies:
        fix = "unset PULLSVC_INSECURE_COOKIES outside of a demo, and serve https (docs/handheld.md)"
        return Finding("sign-in", State.NOTE, "over plain http: whoever hears the network can take over sessions", fix)
    try:
        server.check_certificate(settings)
    except server.CertificateUnusable as unusable:
        return Finding("sign-in", State.BROKEN, str(unusable), "set PULLSVC_TLS_CERT and PULLSVC_TLS_KEY to a pair")
    if settings.tls_cert:
        return Finding("sign-in", State.FINE, "over https")
    if settings.host in LOOPBACK:
        return Finding("sign-in", State.FINE, "in browsers of this machine, or through a proxy that serves https")
    fix = "put a proxy with TLS in front, or set PULLSVC_TLS_CERT and PULLSVC_TLS_KEY (docs/handheld.md)"
    return Finding("sign-in", State.NOTE, "browsers of other machines keep no session over plain http", fix)


def _embedded(settings: Settings) -> tuple[Finding, str | None]:
    """Look at the embedded server; its URL only while it runs, for it is not started here."""
    try:
        seen = embedded.status(settings.data_dir)
    except embedded.EmbeddedError as trouble:
        fix = "pip install 'pullsvc[embedded]', or set PULLSVC_DATABASE_URL"
        return Finding("embedded PostgreSQL", State.BROKEN, str(trouble), fix), None
    text = f"{seen.state}, {seen.data_dir}: {seen.detail}"
    if seen.state is not embedded.State.RUNNING:
        fix = "start it with `pullsvc serve`, then ask again to see the checks of the database"
        return Finding("embedded PostgreSQL", State.NOTE, text, fix), None
    with embedded.server(data_dir=settings.data_dir, pg_bindir=settings.pg_bindir, pg_user=settings.pg_user) as running:
        return Finding("embedded PostgreSQL", State.FINE, text), running.url(DATABASE_NAME)


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir or Path.home()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < FREE_DISK_MIN_BYTES:
        return Finding("disk", State.BROKEN, text, "free some space, or set PULLSVC_DATA_DIR to another disk")
    return Finding("disk", State.FINE, text)


async def _database(url: str, settings: Settings) -> AsyncIterator[Finding]:
    async with opened(url, settings) as db:
        try:
            async with db.read() as tx:
                row = await tx.one(SERVER_SETTINGS)
                now = wall_clock().now()
        except Rejection as refusal:
            fix = "is it running, and are host, port, user and password in PULLSVC_DATABASE_URL right?"
            yield Finding("database", State.BROKEN, refusal.detail, fix)
            return
        version = Finding("database", State.FINE, f"PostgreSQL {row.version}")
        if row.version_num < POSTGRES_MIN:
            version = Finding("database", State.BROKEN, version.finding, "use PostgreSQL 15 or newer")
        yield version
        yield _durability(row.fsync, row.synchronous_commit, row.full_page_writes)
        yield _skew(row.at, now)
        yield _connections(row.max_connections, settings)
        head, applied = head_revision(), await applied_revision(url)
        if applied != head:
            yield Finding("schema", State.BROKEN, f"{applied or 'none'}, needed is {head}", "pullsvc migrate")
            return
        yield Finding("schema", State.FINE, f"at head, {head}")
        async for finding in _contents(db, now):
            yield finding


def _durability(fsync: str, synchronous_commit: str, full_page_writes: str) -> Finding:
    """An acknowledged write has to survive a crash; any of these turned off breaks that promise silently."""
    values = {"fsync": fsync, "synchronous_commit": synchronous_commit, "full_page_writes": full_page_writes}
    off = [name for name, value in values.items() if value == "off"]
    if off:
        fix = "; ".join(f"ALTER SYSTEM SET {name} = on" for name in off) + "; SELECT pg_reload_conf()"
        return Finding("durability", State.BROKEN, f"off: {', '.join(off)}", fix)
    return Finding("durability", State.FINE, "acknowledged writes survive a crash")


def _skew(there: datetime, here: datetime) -> Finding:
    seconds = abs((there - here).total_seconds())
    if seconds > CLOCK_SKEW_MAX_S:
        return Finding(
            "clock", State.NOTE, f"{seconds:.1f} s away from the database's", "let both follow one NTP server"
        )
    return Finding("clock", State.FINE, f"within {CLOCK_SKEW_MAX_S:g} s of the database's")


def _connections(limit: int, settings: Settings) -> Finding:
    each = settings.pool_size + 4
    fits = (limit - 10) // each
    text = f"{limit} connections allow {fits} process(es) of {each}"
    if fits < 1:
        return Finding("connections", State.BROKEN, text, "raise max_connections, or lower PULLSVC_POOL_SIZE")
    return Finding("connections", State.FINE, text)


async def _advice(url: str) -> list[Finding]:
    """Say what a server that is not ours could do better; none of it is needed.

    Looks through a connection without the settings that the service gives its own.
    """
    connection = await asyncpg.connect(driver_url(url), timeout=CONNECT_TIMEOUT_S)
    try:
        shown = await connection.fetch(SHOWN, list(advice.SETTINGS))
        statistics = await connection.fetchval(STATISTICS)
    finally:
        await connection.close()
    found = []
    for one in advice.advise({row["name"]: row["value"] for row in shown if row["value"] is not None}):
        how = "then restart it" if one.restart else "then SELECT pg_reload_conf()"
        fix = f"ALTER SYSTEM SET {one.setting} = '{one.better}', {how}"
        found.append(Finding("server", State.NOTE, f"{one.setting} is {one.present}: {one.why}", fix))
    if not found:
        found.append(Finding("server", State.FINE, "its settings suit the service"))
    if not statistics:
        text, fix = "nobody sees which statement costs what", "load and CREATE EXTENSION pg_stat_statements"
        found.append(Finding("statistics", State.NOTE, text, fix))
    return found


async def _contents(db: Database, now: datetime) -> AsyncIterator[Finding]:
    async with db.read() as tx:
        keys = (await tx.one(KEYS, now=now)).live
        beat = await tx.row(HEARTBEATS)
        strays = (await tx.one(STRAYS)).rows
    if keys:
        yield Finding("keys", State.FINE, f"{keys} live")
    else:
        yield Finding("keys", State.NOTE, "none", "pullsvc keys create --name admin --chain-role admin")
    if beat is None or now - beat.beat_at > HEARTBEAT_MAX_AGE:
        last = f"last heard of at {beat.beat_at:%Y-%m-%d %H:%M:%S %Z}" if beat else "none was ever heard of"
        yield Finding("worker", State.NOTE, last, "pullsvc serve, or pullsvc worker beside a `serve --no-worker`")
    else:
        yield Finding("worker", State.FINE, f"{beat.worker} is alive")
    if strays:
        yield Finding("partitions", State.NOTE, f"{strays} rows came before their day's partition", "pullsvc maintain")
    else:
        yield Finding("partitions", State.FINE, "every row is in the partition of its day")


def _show(findings: list[Finding]) -> None:
    table = Table("check", "state", "finding", "fix")
    colours = {State.FINE: "green", State.NOTE: "yellow", State.BROKEN: "red"}
    for one in findings:
        table.add_row(one.check, f"[{colours[one.state]}]{one.state}[/]", one.finding, one.fix)
    page.print(table)


COMMANDS = (doctor,)
