"""Who gets through which door: every route has one, and each role opens exactly its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from pullsvc.access.rules import PERMISSIONS, Perm, Role
from pullsvc.app import ROOMS
from pullsvc.db import Database
from pullsvc.web.openapi import operations
from tests.factories import fresh_key, key, store

HERE, ELSEWHERE = 1, 2
OPEN_PATHS = {"/livez", "/readyz", "/metrics"}
# Of the app in a browser: by the cookies of a device and of a session; see tests/access.
BY_COOKIE = {
    "enrol_device", "get_device", "sign_in", "get_session", "unlock_session", "lock_session", "sign_out",
    "change_own_pin",
}  # fmt: skip
ANY_KEY = {"list_stores"}  # Tells each caller of its own stores only.

# What each permission opens, so that a door changed by mistake is seen; with the roles of access.rules, who may what.
DOORS: dict[Perm | None, str] = {
    None: """
        list_stores
    """,
    Perm.READ: """
        get_ask get_board get_board_day get_item get_location get_placement get_pull get_receipt get_store
        get_task get_tub get_watch_settings get_watched_item list_asks list_backstock list_balances
        list_counts list_discrepancies list_events list_expected_deliveries list_items list_locations
        list_movements list_placements list_pulls list_receipts list_tasks list_tub_kinds list_tubs
        list_unknown_codes list_wrongs_of_item list_wrongs_of_pull look_up_code preview_tasks stream_events suggest_bins
    """,
    Perm.ASK: """
        ask_for_item cancel_pull scan_gaps
    """,
    Perm.WORK: """
        claim_task pick_many pick_units register_tub release_task report_short scan_tub skip_line stage_tub
        undo_short unpick_units
    """,
    Perm.PUT: """
        close_task deliver_tub put_units renew_lease resume_task tell_wrong
    """,
    Perm.STOCK: """
        adjust_stock count_many count_stock delivery_arrived expect_delivery move_stock receive_stock request_count
    """,
    Perm.LEAD: """
        close_discrepancy dismiss_unknown_code get_person lift_lock_out_of_device lift_lock_out_of_person
        list_devices list_label_stocks list_people make_tubs print_labels put_tub reassign_task reopen_discrepancy
        replay_unknown_codes restore_unknown_code
    """,
    Perm.MANAGE: """
        add_person edit_many_placements edit_person edit_store export_catalog import_catalog list_keys
        make_device_enrolment make_key print_badges put_item put_location put_placement put_watch_settings
        read_access_log rehearse_watch_settings remove_placement retire_item retire_location revoke_device revoke_key
        set_pin_of_person
    """,
    Perm.SELL: """
        send_lean_receipt_batch send_receipt send_receipt_batch stream_receipts
    """,
    Perm.CHAIN: """
        put_store
    """,
}


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif inner := getattr(route, "original_router", None):
            yield from routes_of(inner)


def routes() -> list[APIRoute]:
    return [route for room in ROOMS for route in routes_of(room)]


def of_stores() -> list[APIRoute]:
    return [route for route in routes() if route.path.startswith("/v1/") and route.name not in BY_COOKIE]


def permissions(dependant: Dependant) -> Iterator[Perm]:
    """The permissions that the doors among a route's dependencies ask for."""
    for inner in dependant.dependencies:
        if found := getattr(inner.call, "permission", None):
            yield found
        yield from permissions(inner)


def permission_of(route: APIRoute) -> Perm | None:
    """The one permission that the route asks for; None where any key will do."""
    found = set(permissions(route.dependant))
    assert len(found) == (route.name not in ANY_KEY), f"{route.name} has {len(found)} doors"
    return found.pop() if found else None


def address_of(route: APIRoute, *, store_id: int) -> str:
    """The route's address in the store, of things that do not exist."""
    at_store = route.path.replace("{store_id}", str(store_id))
    return re.sub(r"\{[^}]*\}", "424242", at_store)


async def knock(client: httpx.AsyncClient, route: APIRoute, token: str | None, *, store_id: int = HERE) -> Any:
    """The status that the route answers to an empty request; whoever gets in is told that the request is bad."""
    assert route.methods
    (method,) = route.methods
    headers = {**fresh_key(), **({"Authorization": f"Bearer {token}"} if token else {})}
    answer = await client.request(method, address_of(route, store_id=store_id), headers=headers)
    return answer.status_code


by_route = pytest.mark.parametrize("route", of_stores(), ids=lambda route: route.name)


class TestEveryRoute:
    def test_is_looked_at_here(self, app: FastAPI) -> None:
        described = {operation["operationId"] for _, _, operation in operations(app.openapi())}

        assert {route.name for route in routes() if route.include_in_schema} == described

    def test_has_the_door_that_was_decided(self) -> None:
        found: dict[Perm | None, set[str]] = {}
        for route in of_stores():
            found.setdefault(permission_of(route), set()).add(route.name)

        assert found == {permission: set(names.split()) for permission, names in DOORS.items()}

    def test_outside_of_v1_is_open_and_known(self) -> None:
        inside = {*(route.name for route in of_stores()), *BY_COOKIE}
        documented = {route.path for route in routes() if route.include_in_schema and route.name not in inside}

        assert documented == OPEN_PATHS

    @by_route
    def test_that_changes_anything_asks_for_more_than_the_permission_to_read(self, route: APIRoute) -> None:
        assert route.methods == {"GET"} or permission_of(route) is not Perm.READ


class TestOddText:
    async def test_in_an_address_is_never_a_mistake_of_ours(
        self, app: FastAPI, client: httpx.AsyncClient, keys: dict[Role, str]
    ) -> None:
        """No text of PostgreSQL holds a NUL: each parameter has to refuse it, or never to ask the database with it."""
        await app.state.hub.stop()
        broken = {}
        for path, method, operation in operations(app.openapi()):
            parameters = {(one["in"], one["name"]) for one in operation.get("parameters", ())}
            address = re.sub(r"\{[^}]*\}", "%00", path.replace("{store_id}", str(HERE)))
            tries = [address] if "%00" in address else []
            known = re.sub(r"\{[^}]*\}", "424242", path.replace("{store_id}", str(HERE)))
            tries += [f"{known}?{name}=%00" for where, name in sorted(parameters) if where == "query"]
            for url in tries:
                headers = {**fresh_key(), "Authorization": f"Bearer {keys[Role.MANAGER]}"}
                answer = await client.request(method, url, headers=headers)
                if answer.status_code == 500:
                    broken[method, url] = answer.text

        assert broken == {}


@pytest.fixture
async def keys(db: Database) -> dict[Role, str]:
    """A key for each role in the first store; the second store is nobody's."""
    await store(db, store_id=HERE)
    await store(db, store_id=ELSEWHERE)
    return {role: await key(db, role=role, store_id=HERE) for role in Role}


async def through_all_doors(
    client: httpx.AsyncClient, tokens: Mapping[Any, str | None], *, store_id: int = HERE
) -> dict[tuple[str, Any], int]:
    """Knock at every door with every token; return the status by (operation, whose token)."""
    return {
        (route.name, whose): await knock(client, route, token, store_id=store_id)
        for route in of_stores()
        for whose, token in tokens.items()
    }


class TestRoles:
    async def test_open_exactly_the_doors_that_they_may(
        self, app: FastAPI, client: httpx.AsyncClient, keys: dict[Role, str]
    ) -> None:
        await app.state.hub.stop()  # A stream would go on for ever; so it refuses with 503 whoever gets in.
        got = await through_all_doors(client, keys)
        wrong = {}
        for route in of_stores():
            for role in Role:
                # Nobody's role in one store reaches over the whole chain.
                may = permission_of(route) in PERMISSIONS[role] and permission_of(route) is not Perm.CHAIN
                may = may or route.name in ANY_KEY
                status = got[route.name, role]
                if (status not in {401, 403}) != may:
                    wrong[route.name, role] = status

        assert wrong == {}

    async def test_in_the_whole_chain_open_every_store_and_the_chain(
        self, app: FastAPI, db: Database, client: httpx.AsyncClient, keys: dict[Role, str]
    ) -> None:
        await app.state.hub.stop()
        tokens = {
            "admin": await key(db, role="admin", chain=True),
            "readonly": await key(db, role="readonly", chain=True),
        }
        got = await through_all_doors(client, tokens, store_id=ELSEWHERE)
        reads = {route.name for route in of_stores() if permission_of(route) in {Perm.READ, None}}

        assert [at for at, status in got.items() if at[1] == "admin" and status in {401, 403}] == []
        assert {at for at, status in got.items() if at[1] == "readonly" and status != 403} == {
            (name, "readonly") for name in reads
        }

    async def test_a_store_that_is_not_theirs_does_not_exist(
        self, client: httpx.AsyncClient, keys: dict[Role, str]
    ) -> None:
        """Not even for those who may do everything in theirs; also a store that does not exist at all."""
        inside = {route.name for route in of_stores() if permission_of(route) not in {Perm.CHAIN, None}}
        for store_id in (ELSEWHERE, 424242):
            got = await through_all_doors(client, keys, store_id=store_id)
            assert {at: status for at, status in got.items() if at[0] in inside and status != 404} == {}

    async def test_nobody_gets_in_without_a_key(self, client: httpx.AsyncClient, keys: dict[Role, str]) -> None:
        tokens = {"none": None, "nonsense": "x", "made up": "pls_" + "0" * 12 + "_" + "0" * 64}
        got = await through_all_doors(client, tokens)

        assert {at: status for at, status in got.items() if status != 401} == {}
