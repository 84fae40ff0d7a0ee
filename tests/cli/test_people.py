"""`people` and `devices`: what they do and say; a roster is taken as a whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from pullsvc.access.pins import check_pin
from pullsvc.db import Database
from tests.access.people import PIN, person
from tests.cli.running import Done, command
from tests.factories import all_rows, store

ROSTER = """name,badge,roles,qualifications,locale
Ana,b-1,backroom;associate,lift;freezer,es
Ben,b-2,lead,,
"""


@pytest.fixture
async def roster(db: Database, tmp_path: Path) -> Path:
    await store(db)
    file = tmp_path / "people.csv"
    file.write_text(ROSTER)
    return file


async def people(database_url: str, *words: str) -> Done:
    return await command(database_url, "people", *words, "--store", "1")


async def listed(database_url: str) -> dict[str, Any]:
    done = await people(database_url, "list", "--json")
    return {one["badge"]: one for one in json.loads(done.stdout)}


class TestImport:
    async def test_adds_people_by_badge_and_a_repeat_changes_nothing(self, database_url: str, roster: Path) -> None:
        first = await people(database_url, "import", str(roster), "--json")
        again = await people(database_url, "import", str(roster), "--json")

        assert json.loads(first.stdout) == {"rows": 2, "added": 2, "changed": 0, "unchanged": 0}
        assert json.loads(again.stdout) == {"rows": 2, "added": 0, "changed": 0, "unchanged": 2}
        ana = (await listed(database_url))["B-1"]
        assert (ana["name"], ana["roles"], ana["qualifications"]) == (
            "Ana", ["associate", "backroom"], ["freezer", "lift"]
        )  # fmt: skip
        assert (ana["locale"], ana["has_pin"]) == ("es", False)

    async def test_changes_who_is_known_and_keeps_their_pin(
        self, db: Database, database_url: str, roster: Path
    ) -> None:
        who = await person(db, name="Anna", badge="B-1")

        done = await people(database_url, "import", str(roster), "--json")

        assert json.loads(done.stdout) == {"rows": 2, "added": 1, "changed": 1, "unchanged": 0}
        ana = (await listed(database_url))["B-1"]
        assert (ana["principal_id"], ana["name"], ana["has_pin"]) == (who, "Ana", True)

    async def test_names_the_row_of_each_error_and_changes_nothing(
        self, db: Database, database_url: str, roster: Path
    ) -> None:
        with roster.open("a") as more:
            more.write("Cid,B-1,lead,,\n,B-3,lead,,\nDan,B-4,boss,,\nEve,B-5,admin,,\nFay,B-6,lead,,Spanish\n")

        done = await people(database_url, "import", str(roster), "--json")

        assert done.returncode == 1
        errors = json.loads(done.stdout)["errors"]
        assert [(error["row"], error["column"]) for error in errors] == [
            (4, "badge"), (5, "name"), (6, "roles"), (7, "roles"), (8, "locale")
        ]  # fmt: skip
        assert await all_rows(db, "people") == []

    async def test_refuses_columns_that_it_does_not_know(self, database_url: str, roster: Path) -> None:
        """A file with PINs in it should not come to be."""
        with roster.open("w") as file:
            file.write("name,badge,roles,pin\nAna,B-1,lead,480213\n")

        done = await people(database_url, "import", str(roster))

        assert done.returncode == 1
        assert "row 1, pin: There is no such column" in done.stderr


class TestPeople:
    async def test_are_added_with_a_badge_and_a_pin_of_our_making(self, db: Database, database_url: str) -> None:
        await store(db)

        done = await people(database_url, "add", "--name", "Ana", "--role", "lead", "--with-pin", "--json")

        made = json.loads(done.stdout)
        check_pin(made["pin"], badge=made["badge"])
        ana = (await listed(database_url))[made["badge"]]
        assert (ana["name"], ana["roles"], ana["has_pin"]) == ("Ana", ["lead"], True)
        assert made["pin"] not in str(await all_rows(db, "people"))

    @pytest.mark.parametrize("wrong", [("--role", "boss"), ("--role", "admin"), ("--role", "lead", "--locale", "x")])
    async def test_that_do_not_fit_are_refused(self, db: Database, database_url: str, wrong: tuple[str, ...]) -> None:
        await store(db)

        done = await people(database_url, "add", "--name", "Ana", *wrong)

        assert done.returncode == 2
        assert wrong[-2] in done.stderr or "--roles" in done.stderr
        assert await all_rows(db, "people") == []

    async def test_are_disabled_and_let_in_again(self, db: Database, database_url: str) -> None:
        await store(db)
        await person(db, badge="B-1")

        await people(database_url, "disable", "b-1")
        assert (await listed(database_url))["B-1"]["active"] is False
        await people(database_url, "disable", "b-1", "--undo")
        assert (await listed(database_url))["B-1"]["active"] is True

    async def test_get_another_pin_and_another_badge(self, db: Database, database_url: str) -> None:
        await store(db)
        await person(db, badge="B-1")
        (before,) = await all_rows(db, "people")

        pin = await people(database_url, "pin", "B-1")
        badge = await people(database_url, "badge", "B-1", "B-2")

        assert len(pin.stdout.strip()) == len(PIN)
        assert "B-2" in badge.stderr
        (after,) = await all_rows(db, "people")
        assert (after["badge"], after["pin_hash"] != before["pin_hash"]) == ("B-2", True)

    async def test_that_nobody_has_are_not_found(self, db: Database, database_url: str) -> None:
        await store(db)
        answers = [await people(database_url, *words) for words in (("pin", "B-9"), ("disable", "B-9"))]

        assert [answer.returncode for answer in answers] == [1, 1]
        assert "people list" in answers[0].stderr

    async def test_of_a_store_that_does_not_exist_are_none(self, db: Database, database_url: str) -> None:
        done = await people(database_url, "list")

        assert done.returncode == 1
        assert "Store 1 does not exist" in done.stderr


class TestDevices:
    async def test_are_enrolled_by_a_link_listed_and_revoked(self, db: Database, database_url: str) -> None:
        await store(db)
        words = ("--store", "1", "--name", "Handheld 1", "--address", "https://pulls.example/")

        for_programs = await command(database_url, "devices", "enrol", *words, "--json")
        for_people = await command(database_url, "devices", "enrol", *words)
        listing = await command(database_url, "devices", "list", "--store", "1", "--json")
        revoked = await command(database_url, "devices", "revoke", "7", "--store", "1")

        made = json.loads(for_programs.stdout)
        assert made["url"] == f"https://pulls.example/app/#/enrol/{made['code']}"
        assert "https://pulls.example/app/#/enrol/" in for_people.stdout
        assert "█" in for_people.stdout
        assert json.loads(listing.stdout) == []
        assert (revoked.returncode, "No enrolled device" in revoked.stderr) == (1, True)
