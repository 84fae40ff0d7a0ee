"""Whatever is asked in whatever order: without the right PIN nobody gets a session."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import DEVICE, OTHER_PIN, PIN, SAME_ORIGIN, SESSION, Browsers, person
from tests.conftest import Ticking
from tests.factories import all_rows

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sign in"), st.sampled_from(["B-1", "B-2", "B-9", "1", "' OR true --"]),
                  st.sampled_from([OTHER_PIN, "000000", "", "48021", "4802130", None, 480213])),
        st.tuples(st.just("unlock"), st.sampled_from([OTHER_PIN, "", None]), st.none()),
        st.tuples(st.just("change"), st.sampled_from([OTHER_PIN, "935712"]), st.sampled_from([PIN, "935712"])),
        st.tuples(st.sampled_from(["lock", "sign out", "ask", "who"]), st.none(), st.none()),
        st.tuples(st.just("swap"), st.sampled_from([DEVICE, SESSION]), st.sampled_from([DEVICE, SESSION, "made up"])),
        st.tuples(st.just("wait"), st.sampled_from([30, 90, 4_000, 90_000]), st.none()),
    ),
    max_size=12,
)  # fmt: skip


async def take(step: tuple[str, Any, Any], client: httpx.AsyncClient, wall: Ticking) -> None:
    what, one, other = step
    if what == "sign in":
        await client.post("/v1/sessions", json={"badge": one, "pin": other})
    elif what == "unlock":
        await client.post("/v1/session/unlock", json={"pin": one})
    elif what == "change":
        await client.post("/v1/session/pin", json={"old": one, "new": other})
    elif what == "lock":
        await client.post("/v1/session/lock")
    elif what == "sign out":
        await client.delete("/v1/session")
    elif what == "swap":
        cookie = client.cookies.get(other) or "1.1." + "x" * 43
        client.cookies.set(one, cookie, domain="pullsvc.test")
    elif what == "wait":
        wall.pass_(seconds=one)
    elif what == "who":
        await client.get("/v1/session")
    else:
        await client.get("/v1/stores/1/pulls")


class TestWithoutTheRightPin:
    async def test_nobody_gets_a_session(
        self, db: Database, browsers: Browsers, service: FastAPI, wall: Ticking
    ) -> None:
        await person(db, badge="B-1", roles=(Role.MANAGER,))
        await person(db, badge="B-2", pin=None)
        device = (await browsers.enrolled(db)).cookies[DEVICE]
        loop = asyncio.get_running_loop()

        async def play(steps: list[tuple[str, Any, Any]]) -> None:
            transport = httpx.ASGITransport(app=service, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://pullsvc.test", headers=SAME_ORIGIN
            ) as client:
                client.cookies.set(DEVICE, device, domain="pullsvc.test")
                for step in steps:
                    await take(step, client, wall)
                assert (await client.get("/v1/session")).status_code == 401
                assert (await client.get("/v1/stores/1/pulls")).status_code == 401
                assert (await client.post("/v1/stores/1/device-enrolments", json={"name": "x"})).status_code == 401
            assert await all_rows(db, "sessions") == []

        def on_the_loop(work: Coroutine[Any, Any, None]) -> None:
            asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

        @settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(STEPS)
        def any_steps(steps: list[tuple[str, Any, Any]]) -> None:
            on_the_loop(play(steps))

        await asyncio.to_thread(any_steps)
