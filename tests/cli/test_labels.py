"""Labels from the command line: to a file, and to a label printer."""

import asyncio
import json
from pathlib import Path

from pullsvc.db import Database
from tests.cli.running import command
from tests.factories import store, tub
from tests.labels.scanner import pages
from tests.waiting import PATIENCE_S


async def two_tubs(db: Database) -> None:
    await store(db)
    for plate in ("TUB-1", "TUB-2"):
        await tub(db, plate=plate)


class TestLabels:
    async def test_writes_a_file(self, db: Database, database_url: str, tmp_path: Path) -> None:
        await two_tubs(db)
        out = tmp_path / "tubs.pdf"

        done = await command(
            database_url, "labels", "tubs", "--store", "1", "--stock", "roll-62", "--out", str(out), "--json"
        )

        assert (done.returncode, json.loads(done.stdout)["labels"]) == (0, 2)
        assert len(pages(out.read_bytes())) == 2

    async def test_sends_it_to_a_label_printer(self, db: Database, database_url: str) -> None:
        await two_tubs(db)
        got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.set_result(await reader.read())
            writer.close()

        printer = await asyncio.start_server(take, "127.0.0.1", 0)
        async with printer:
            port = printer.sockets[0].getsockname()[1]
            done = await command(
                database_url,
                "labels",
                "tubs",
                "--store",
                "1",
                "--stock",
                "roll-100x50",
                "--printer",
                f"127.0.0.1:{port}",
            )

            assert done.returncode == 0
            assert (await asyncio.wait_for(got, PATIENCE_S)).count(b"^XA") == 2

    async def test_says_that_no_printer_is_there(self, db: Database, database_url: str) -> None:
        await two_tubs(db)

        done = await command(
            database_url, "labels", "tubs", "--store", "1", "--stock", "roll-62", "--printer", "127.0.0.1:1"
        )

        assert done.returncode == 1
        assert "127.0.0.1:1" in done.stderr

    async def test_asks_where_to(self, database_url: str) -> None:
        assert (await command(database_url, "labels", "tubs", "--store", "1")).returncode == 2

    async def test_says_that_there_is_nothing(self, db: Database, database_url: str, tmp_path: Path) -> None:
        await store(db)

        done = await command(database_url, "labels", "tubs", "--store", "1", "--out", str(tmp_path / "tubs.zpl"),
                             "--stock", "roll-62")  # fmt: skip

        assert done.returncode == 1
        assert "register it first" in done.stderr
