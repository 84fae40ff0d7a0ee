"""Whoever looks at the demo gets in, as each role, with what is printed and nothing else."""

from contextlib import AsyncExitStack

from pullsvc.access.rules import PERMISSIONS, Role
from pullsvc.app import create_app
from pullsvc.clock import wall_clock
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.demo.visitors import COMPUTER, PHONE, invite
from tests.access.people import Browsers, sign_in
from tests.factories import NOON, store

ADDRESS = "https://pullsvc.test"


class TestInvite:
    async def test_lets_a_device_in_and_each_role_on_it(self, db: Database) -> None:
        await store(db)
        now = wall_clock().now()

        invitation = await invite(db, store_id=1, address=ADDRESS, now=NOON, wall_now=now)

        app = create_app(db=db, clock=wall_clock(), settings=Settings())
        async with AsyncExitStack() as stack:
            client = await Browsers(app, stack).open()
            code = invitation.enrolments[COMPUTER].removeprefix(f"{ADDRESS}/app/#/enrol/")
            assert (await client.post("/v1/devices", json={"code": code})).status_code == 201
            for one in invitation.sign_ins:
                answer = await sign_in(client, badge=one.badge, pin=one.pin)
                assert answer.json()["permissions"] == sorted(PERMISSIONS[Role(one.role)])

    async def test_makes_other_secrets_each_time(self, db: Database) -> None:
        await store(db)
        now = wall_clock().now()

        first, second = [await invite(db, store_id=1, address=ADDRESS, now=NOON, wall_now=now) for _ in range(2)]

        assert {one.badge for one in first.sign_ins}.isdisjoint(one.badge for one in second.sign_ins)
        assert [one.pin for one in first.sign_ins] != [one.pin for one in second.sign_ins]
        assert len({*first.enrolments.values(), *second.enrolments.values()}) == 4
        assert set(first.enrolments) == {COMPUTER, PHONE}
