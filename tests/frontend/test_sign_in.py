"""Who is here: a device is enrolled, a person signs in by badge and PIN, and the device locks itself."""

from pathlib import Path

import httpx
from playwright.async_api import Page

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests import factories
from tests.access.people import OTHER_PIN, PIN
from tests.frontend.goods import knows_the_range
from tests.frontend.hands import Device, expect, show


async def code(service: str, db: Database) -> str:
    bearer = {"Authorization": f"Bearer {await factories.key(db, role=Role.MANAGER)}"}
    async with httpx.AsyncClient(base_url=service, headers=bearer) as client:
        answer = await client.post("/v1/stores/1/device-enrolments", json={"name": "Handheld 1"})
    return str(answer.json()["code"])


async def type_pin(device: Device, pin: str = PIN) -> None:
    for digit in pin:
        await device.tap(digit, exact=True)


class TestEnrolment:
    async def test_by_the_link_of_the_manager(
        self, page: Page, device: Device, service: str, db: Database, store: int, artifacts: Path
    ) -> None:
        await device.open(f"enrol/{await code(service, db)}")
        await show(page, artifacts, "enrol")
        await device.tap("Use this device here")

        await device.sees("Main Street", "Scan your badge")

    async def test_by_scanning_the_link(
        self, page: Page, device: Device, service: str, db: Database, store: int
    ) -> None:
        await device.open()
        await device.sees("Scan the code from the manager's screen")
        await device.scan(f"{service}/app/#/enrol/{await code(service, db)}")

        await device.sees("Scan your badge")

    async def test_with_a_used_code_says_what_to_do(
        self, page: Page, device: Device, service: str, db: Database, store: int, artifacts: Path
    ) -> None:
        await device.open()
        await device.scan("1.7.nonsense-nonsense-no")

        await expect(page.get_by_role("alert")).to_contain_text("Ask the manager for a new code")
        await show(page, artifacts, "enrol-refused")


class TestSignIn:
    async def test_by_badge_and_pin(self, enrolled: Page, device: Device, artifacts: Path) -> None:
        await device.open()
        await show(enrolled, artifacts, "sign-in")
        await device.scan("B-BEN")
        await device.sees("Your PIN")
        await show(enrolled, artifacts, "pin")
        await type_pin(device)

        await device.sees("Hello, Ben")
        await show(enrolled, artifacts, "home")

    async def test_with_a_wrong_pin_says_so_and_begins_anew(
        self, enrolled: Page, device: Device, artifacts: Path
    ) -> None:
        await device.open()
        await device.scan("B-BEN")
        await device.sees("Your PIN")
        await enrolled.keyboard.type("111222", delay=90)

        await expect(enrolled.get_by_role("alert")).to_be_visible()
        await show(enrolled, artifacts, "pin-wrong")
        await type_pin(device)
        await device.sees("Hello, Ben")

    async def test_survives_a_reload_also_without_a_network(self, signed_in: Page, device: Device) -> None:
        await device.open()
        await device.sees("Hello, Ben")
        await device.keeps_the_app()
        await device.goes_offline()

        await signed_in.reload()

        await device.sees("Hello, Ben", "Offline")

    async def test_ends_by_signing_out(self, signed_in: Page, device: Device, artifacts: Path) -> None:
        await device.open("settings")
        await show(signed_in, artifacts, "settings")
        await device.tap("Sign out")

        await device.sees("Scan your badge")


class TestLock:
    async def test_asks_for_the_pin_and_goes_on(self, signed_in: Page, device: Device, artifacts: Path) -> None:
        await device.open("settings")
        await device.tap("Lock")
        await device.sees("Ben: locked")
        await show(signed_in, artifacts, "locked")
        await signed_in.reload()
        await device.sees("Ben: locked")
        await type_pin(device)

        await device.sees("You and this device")


class TestPin:
    async def test_is_changed_by_its_owner(self, signed_in: Page, device: Device, artifacts: Path) -> None:
        await device.open("pin")
        for words, pin in [
            ("Type your PIN as it is now", PIN),
            ("Type the new PIN", OTHER_PIN),
            ("once more", PIN),
            ("not the same", PIN),
            ("Type the new PIN", OTHER_PIN),
            ("once more", OTHER_PIN),
        ]:
            await device.sees(words)
            await type_pin(device, pin)
        await device.sees("Your PIN is changed")
        await device.tap("Lock")
        await type_pin(device, OTHER_PIN)

        await device.sees("You and this device")

    async def test_that_is_too_easy_is_refused(self, signed_in: Page, device: Device, artifacts: Path) -> None:
        await device.open("pin")
        for words, pin in [("as it is now", PIN), ("Type the new PIN", "123456"), ("once more", "123456")]:
            await device.sees(words)
            await type_pin(device, pin)

        await expect(signed_in.get_by_role("alert")).to_contain_text("too easy")
        await show(signed_in, artifacts, "pin-weak")


class TestIdle:
    async def test_locks_by_itself(self, signed_in: Page, device: Device) -> None:
        await signed_in.clock.install()
        await device.open()
        await device.sees("Hello, Ben")
        await knows_the_range(signed_in)  # A request that stands when the clock jumps counts as a network that is gone.
        await signed_in.clock.fast_forward("09:00")
        async with signed_in.expect_response("**/v1/stores/1"):  # It tells the service that hands are at it.
            await device.scan("CMD:BACK")
        await signed_in.clock.fast_forward("09:00")
        await device.sees("Hello, Ben")
        await signed_in.clock.fast_forward("02:00")

        await device.sees("Ben: locked")


class TestLanguage:
    async def test_changes_everything_at_once_and_stays(self, signed_in: Page, device: Device, artifacts: Path) -> None:
        await device.open("settings")
        await device.tap("Español")
        await device.sees("Tú y este equipo")
        await device.open()

        await device.sees("Hola, Ben")
        await show(signed_in, artifacts, "home-es", themes=["light"])
