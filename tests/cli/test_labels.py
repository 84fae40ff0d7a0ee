"""Labels from the command line: to a file, and to a label printer."""

import asyncio
import json
from pathlib import Path

import pytest
import typer

from pullsvc.cli import labels
from pullsvc.db import Database
from tests.cli.running import command
from tests.factories import store, tub
from tests.labels.scanner import pages
from tests.waiting import PATIENCE_S

NO_PRINTERS = ["", ":9100", "http://printer", "printer:99999", "printer:x", "printer:0", "::1", "[::1", "a@b"]


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

    @pytest.mark.parametrize(
        "printer", ["", ":9100", "http://printer", "printer:99999", "printer:x", "printer:0", "::1", "[::1", "a@b"]
    )
    def test_knows_what_is_no_address_of_a_printer(self, printer: str) -> None:
        with pytest.raises(typer.BadParameter, match="HOST:PORT"):
            labels._address(printer)

    def test_knows_what_is_one(self) -> None:
        assert labels._address("zebra-1") == ("zebra-1", 9100)
        assert labels._address("10.0.0.7:6101") == ("10.0.0.7", 6101)
        assert labels._address("[fe80::1]:6101") == ("fe80::1", 6101)

    async def test_gives_up_on_a_printer_that_takes_no_more_and_knows_how_much_it_took(self) -> None:
        """More than any buffer on the way holds, to a printer whose lid is open."""
        is_over, taken = asyncio.Event(), labels.Taken()

        async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await is_over.wait()
            writer.close()

        async with await asyncio.start_server(wait, "127.0.0.1", 0) as printer:
            port = printer.sockets[0].getsockname()[1]
            with pytest.raises(TimeoutError):
                await labels.hand_over("127.0.0.1", port, b"^XA^XZ" * 6_000_000, taken, patience_s=0.2)
            is_over.set()

        assert 0 < taken.labels < 6_000_000

    async def test_asks_where_to(self, database_url: str) -> None:
        assert (await command(database_url, "labels", "tubs", "--store", "1")).returncode == 2

    async def test_says_that_there_is_nothing(self, db: Database, database_url: str, tmp_path: Path) -> None:
        await store(db)

        done = await command(database_url, "labels", "tubs", "--store", "1", "--out", str(tmp_path / "tubs.zpl"),
                             "--stock", "roll-62")  # fmt: skip

        assert done.returncode == 1
        assert "register it first" in done.stderr
