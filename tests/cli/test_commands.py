"""Every other command: what it says, to whom, and with which status."""

import json
from pathlib import Path

import pytest

from pullsvc.config import Settings
from pullsvc.db import Database, sql
from pullsvc.migrate import head_revision
from tests.cli.running import command
from tests.factories import all_rows, item, store


class TestSettings:
    async def test_an_unknown_one_is_refused(self, database_url: str) -> None:
        done = await command(database_url, "audit", prot="80")

        assert done.returncode == 2
        assert "PULLSVC_PROT" in done.stderr

    async def test_one_out_of_range_is_named_without_its_value(self, database_url: str) -> None:
        done = await command(database_url, "audit", port="98765")

        assert done.returncode == 2
        assert "PULLSVC_PORT" in done.stderr
        assert "98765" not in done.stderr


class TestMigrate:
    async def test_check_says_that_nothing_is_to_do(self, database_url: str) -> None:
        done = await command(database_url, "migrate", "--check", "--json")

        assert done.returncode == 0
        assert json.loads(done.stdout)["after"] == head_revision()

    async def test_check_says_that_something_is(self, db: Database, database_url: str) -> None:
        async with db.begin() as tx:
            await tx.run(sql("UPDATE alembic_version SET version_num = 'older'"))
        try:
            checked = await command(database_url, "migrate", "--check")
            refused = await command(database_url, "audit")
        finally:
            async with db.begin() as tx:
                await tx.run(sql("UPDATE alembic_version SET version_num = :head"), head=head_revision())

        assert checked.returncode == refused.returncode == 1
        assert "pullsvc migrate" in refused.stderr


class TestAudit:
    async def test_tells_programs_and_people_what_is_broken(self, db: Database, database_url: str) -> None:
        await store(db)
        await item(db, sku="milk")
        async with db.begin() as tx:
            await tx.run(
                sql("""
                INSERT INTO balances (store_id, sku, location, kind, qty, updated_at)
                VALUES (1, 'milk', 'UNPLACED', 'shelf', 3, now())
            """)
            )
        for_programs = await command(database_url, "audit", "--json")
        for_people = await command(database_url, "audit", "--store", "1")

        assert for_programs.returncode == for_people.returncode == 1
        assert json.loads(for_programs.stdout)["breaches"][0]["subject"] == "milk at UNPLACED"
        assert "milk at UNPLACED: 0 expected, 3 found" in for_people.stdout


class TestKeys:
    async def test_create_keeps_only_a_hash(self, db: Database, database_url: str) -> None:
        done = await command(
            database_url, "keys", "create", "--name", "hub", "--chain-role", "admin", "--expires-days", "9"
        )
        token = done.stdout.strip()
        (kept,) = await all_rows(db, "api_keys")

        assert token.startswith(f"pls_{kept['key_id']}_")
        assert token.rsplit("_", 1)[1] not in repr(kept)
        assert (kept["expires_at"] - kept["created_at"]).days == 9

    async def test_list_shows_no_secret(self, db: Database, database_url: str) -> None:
        await store(db)
        token = (await command(database_url, "keys", "create", "--name", "till [1]", "--store", "1=pos")).stdout.strip()
        listed = await command(database_url, "keys", "list", "--json")
        shown = await command(database_url, "keys", "list")

        assert json.loads(listed.stdout)[0]["grants"] == [{"role": "pos", "store_id": 1}]
        assert "1=pos" in shown.stdout
        assert token.rsplit("_", 1)[1] not in listed.stdout + shown.stdout

    @pytest.mark.parametrize(
        "words",
        [["--name", "x"], ["--name", "x", "--store", "1=king"], ["--name", "x", "--store", "one=lead"],
         ["--name", "a\nb", "--chain-role", "admin"]],
    )  # fmt: skip
    async def test_a_senseless_one_is_refused(self, database_url: str, words: list[str]) -> None:
        assert (await command(database_url, "keys", "create", *words)).returncode == 2

    async def test_one_for_a_store_that_does_not_exist_is_refused(self, db: Database, database_url: str) -> None:
        done = await command(database_url, "keys", "create", "--name", "x", "--store", "9=lead")

        assert done.returncode == 1
        assert "Store 9 does not exist" in done.stderr

    async def test_revoking_an_unknown_one_is_refused(self, db: Database, database_url: str) -> None:
        assert (await command(database_url, "keys", "revoke", "0123456789ab")).returncode == 1


class TestImport:
    async def test_a_file_is_taken_or_refused_row_by_row(self, db: Database, database_url: str, tmp_path: Path) -> None:
        await store(db)
        good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
        good.write_text("sku,description,department,case_pack\nmilk,Milk,dairy,12\n")
        bad.write_text("sku,description,department,case_pack\nbread,Bread,bakery,0\n")
        taken = await command(database_url, "import", "items", str(good), "--store", "1", "--json")
        refused = await command(database_url, "import", "items", str(bad), "--store", "1")
        nowhere = await command(database_url, "import", "items", str(good), "--store", "9")

        assert json.loads(taken.stdout)["created"] == 1
        assert [row["sku"] for row in await all_rows(db, "items")] == ["milk"]
        assert (refused.returncode, nowhere.returncode) == (1, 1)
        assert "row 2, case_pack" in refused.stderr


class TestDoctor:
    async def test_finds_a_healthy_database_healthy(self, db: Database, database_url: str) -> None:
        done = await command(database_url, "doctor", "--json", port="0")
        states = {one["check"]: one["state"] for one in json.loads(done.stdout)}

        assert "broken" not in {state for check, state in states.items() if check != "durability"}
        assert states["schema"] == "fine"
        assert states["keys"] == "note"

    async def test_names_the_settings_that_there_are(self, database_url: str) -> None:
        done = await command(database_url, "doctor", "--json", prot="80")
        (finding,) = [one for one in json.loads(done.stdout) if one["check"] == "settings"]

        assert done.returncode == 1
        assert all(f"PULLSVC_{name.upper()}" in finding["fix"] for name in Settings.model_fields)

    async def test_says_what_to_do_when_the_database_is_out_of_reach(self) -> None:
        done = await command("postgresql://nobody:hunter2@127.0.0.1:1/none", "doctor")

        assert done.returncode == 1
        assert "PULLSVC_DATABASE_URL" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr


class TestVersion:
    async def test_is_one_line(self, database_url: str) -> None:
        done = await command(database_url, "--version")

        assert (done.returncode, done.stdout.split()[0]) == (0, "pullsvc")
