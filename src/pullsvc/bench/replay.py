"""PostgreSQL's own limit: pgbench sends the service's captured transactions again, with nothing else in between.

The transactions lie in a table in the order in which they were committed. Each pgbench client takes the next row, which
says the shape and holds the parameters, and runs that shape's statements in prepared mode, exactly as they were
issued. Taking the row is no work of the service: its cost is measured alone and taken off.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from pullsvc.bench.capture import Captured, Sent, Transaction
from pullsvc.bench.cluster import COMMAND_LIMIT_S, Cluster, run
from pullsvc.bench.failures import BenchFailed

WARM_SHARE = 0.1
THREADS = 2
PGBENCH_LIMIT_S = 300.0
MAX_COLUMNS = 1_500
FETCH = "SELECT * FROM bench_replay WHERE n = (SELECT nextval('bench_turn')) \\gset\n"
_DOLLAR = re.compile(r"\$(\d+)")
_COLON = re.compile(r"(?<!:):[A-Za-z0-9_]")
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rate:
    """What pgbench reached.

    Attributes:
        per_s: Transactions a second, the cost of fetching the parameters taken off.
        fetch_share: Which share of the time that cost was.
    """

    per_s: float
    fetch_share: float


async def replay(cluster: Cluster, database: str, captured: Captured, *, clients: int, folder: Path) -> Rate:
    """Run the transactions on the database, each once.

    Args:
        cluster: The server.
        database: In the state in which the service began to send them.
        captured: The transactions.
        clients: Connections, at most one for every ten transactions.
        folder: For the scripts.

    Raises:
        BenchFailed: pgbench stopped; its own words say why.
    """
    clients = max(1, min(clients, len(captured.transactions) // 10))
    script = await _prepare(cluster.url_of(database), captured.transactions)
    (folder / "replay.sql").write_text(script)
    (folder / "fetch.sql").write_text(FETCH)
    share = len(captured.transactions) // clients
    bench = _Pgbench(cluster, database, clients, folder)
    warm = int(share * WARM_SHARE)
    per_s = {}
    for file in ("fetch.sql", "replay.sql"):
        await run(cluster.url_of(database), "ALTER SEQUENCE bench_turn RESTART", "CHECKPOINT")
        if warm:
            await bench.run(file, warm)
        per_s[file] = await bench.run(file, share - warm)
    fetched_per_s, ran_per_s = per_s["fetch.sql"], per_s["replay.sql"]
    net_s = 1 / ran_per_s - 1 / fetched_per_s
    if net_s <= 0:
        raise BenchFailed("The transactions take no longer than the fetching of their parameters.")
    return Rate(per_s=1 / net_s, fetch_share=ran_per_s / fetched_per_s)


async def _prepare(url: str, transactions: Sequence[Transaction]) -> str:
    """Write the table of parameters; return the script."""
    shapes: dict[tuple[object, ...], int] = {}
    rows: list[tuple[int, int, list[str]]] = []
    examples: list[Transaction] = []
    for n, transaction in enumerate(transactions, start=1):
        shape = tuple(sent.shape for sent in transaction)
        if shape not in shapes:
            shapes[shape] = len(shapes)
            examples.append(transaction)
        values = [param for sent in transaction for param in sent.params if param is not None]
        rows.append((n, shapes[shape], values))
    width = max(len(values) for _, _, values in rows)
    if width > MAX_COLUMNS:
        raise BenchFailed(f"A transaction with {width} parameters does not fit into a row.")
    await _write_table(url, rows, width)
    return script_of(examples)


async def _write_table(url: str, rows: Sequence[tuple[int, int, list[str]]], width: int) -> None:
    connection: Any = await asyncpg.connect(url, command_timeout=COMMAND_LIMIT_S)
    try:
        columns = "".join(f", p{n} text" for n in range(1, width + 1))
        await connection.execute(f"CREATE TABLE bench_replay (n bigint, shape integer{columns})")
        records = [(n, shape, *values, *[None] * (width - len(values))) for n, shape, values in rows]
        await connection.copy_records_to_table("bench_replay", records=records)
        await connection.execute("ALTER TABLE bench_replay ADD PRIMARY KEY (n)")
        await connection.execute("CREATE SEQUENCE bench_turn")
        await connection.execute("VACUUM (ANALYZE) bench_replay")
    finally:
        await connection.close()


def script_of(examples: Sequence[Transaction]) -> str:
    """Return the pgbench script that runs a transaction like one of these, by the row's `shape`; `p1` and so on."""
    parts = [FETCH]
    for number, transaction in enumerate(examples):
        parts.append(f"\\{'elif' if number else 'if'} :shape = {number}\n")
        column = 0
        for sent in transaction:
            text, column = _with_variables(sent, column)
            parts.append(f"{text}\n;\n")  # On a line of its own: a statement may end with a comment.
    return "".join([*parts, "\\endif\n"])


def _with_variables(sent: Sent, column: int) -> tuple[str, int]:
    """Return the statement with pgbench's variables for its parameters, NULLs as they are, and the last column used."""
    if _COLON.search(sent.text):
        raise BenchFailed(f"pgbench would take a part of this statement for a variable: {sent.text[:300]}")
    names: dict[int, str] = {}
    for n, param in enumerate(sent.params, start=1):
        if param is None:
            names[n] = "NULL"
        else:
            column += 1
            names[n] = f":p{column}"
    return _DOLLAR.sub(lambda found: names[int(found[1])], sent.text), column


class _Pgbench:
    def __init__(self, cluster: Cluster, database: str, clients: int, folder: Path) -> None:
        where = make_url(cluster.url_of(database))
        host = where.host or str(where.query.get("host", ""))
        port = str(where.port or where.query.get("port", 5432))
        self._program = cluster.program("pgbench")
        self._place = [f"--host={host}", f"--port={port}", f"--username={where.username}", database]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "PGPASSWORD": str(where.password or ""),
            "LC_ALL": "C",
        }
        self._clients = clients
        self._folder = folder

    async def run(self, script: str, transactions: int) -> float:
        """Run so many transactions a client; return transactions a second."""
        words = ["--no-vacuum", "--protocol=prepared", f"--client={self._clients}"]
        words += [f"--jobs={min(THREADS, self._clients)}", f"--transactions={transactions}", f"--file={script}"]
        process = await asyncio.create_subprocess_exec(
            self._program, *words, *self._place, env=self._environment, cwd=self._folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), PGBENCH_LIMIT_S)
        except TimeoutError:
            process.kill()
            raise BenchFailed(f"pgbench was not done within {PGBENCH_LIMIT_S:.0f} s.") from None
        reached = _TPS.search(out.decode())
        if process.returncode or reached is None:
            raise BenchFailed(f"pgbench: {err.decode(errors='replace')[:2_000]}")
        return float(reached[1])
