"""People and devices of a store over HTTP, for its manager."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from pullsvc.access import devices, people, people_queries, pins, session_queries, sessions, views
from pullsvc.access.codes import qr_svg
from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.hashing import PinHasher
from pullsvc.access.rules import Forbidden, Perm, Role, permissions_of
from pullsvc.web.deps import Db, PathId, TheWall
from pullsvc.web.etags import IfMatch, check_version, etag
from pullsvc.web.pages import Page, Paging

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["access"])

Lead = Annotated[Caller, may(Perm.LEAD)]
Manager = Annotated[Caller, may(Perm.MANAGE)]
ETAG = {"ETag": {"description": "The version; send it as If-Match to change it.", "schema": {"type": "string"}}}
READ: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}}


@router.get("/people", response_model=Page[views.PersonView])
async def list_people(caller: Lead, db: Db, wall: TheWall, page: Paging, active: bool | None = None) -> dict[str, Any]:
    """List who works here."""
    (after,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(
            people_queries.LIST_PEOPLE,
            store_id=caller.store_id,
            active=active,
            after=after,
            wall_now=wall.now(),
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.principal_id,), lambda row: row._asdict())


@router.get("/people/{principal_id}", response_model=views.PersonView, responses=READ)
async def get_person(caller: Lead, db: Db, wall: TheWall, principal_id: PathId, response: Response) -> Any:
    """Show a person."""
    async with db.read() as tx:
        row = await people.get_person(tx, store_id=caller.store_id, principal_id=principal_id, wall_now=wall.now())
    response.headers["ETag"] = etag(row.version)
    return row


@router.post("/people", status_code=201, response_model=views.PersonView)
async def add_person(
    act: Annotated[Act, keyed(Perm.MANAGE)], db: Db, wall: TheWall, body: views.PersonBody
) -> Response:
    """Add a person; they can sign in once they have a PIN."""
    async with act.begin(db) as tx:
        principal_id = await people.add_person(tx, act.caller.stamp(), body.data())
        row = await people.get_person(tx, store_id=act.caller.store_id, principal_id=principal_id, wall_now=wall.now())
        return act.answer(tx, views.PersonView.model_validate(row._asdict()), status=201)


@router.patch("/people/{principal_id}", response_model=views.PersonView, responses=READ)
async def edit_person(
    caller: Manager,
    db: Db,
    wall: TheWall,
    principal_id: PathId,
    body: views.PersonEdit,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Change a person, or let them in no more; roles count anew within seconds."""
    at: dict[str, Any] = {"store_id": caller.store_id, "principal_id": principal_id}
    async with db.begin() as tx:
        locked = await people.lock_person(tx, **at)
        check_version(if_match, current=locked.version)
        present = await people.get_person(tx, **at, wall_now=wall.now())
        changed = body.applied_to(present)
        await people.edit_person(tx, caller.stamp(), principal_id=principal_id, data=changed, wall_now=wall.now())
        saved = await people.get_person(tx, **at, wall_now=wall.now())
    response.headers["ETag"] = etag(saved.version)
    return saved


@router.post("/people/{principal_id}/pin", status_code=201)
async def set_pin_of_person(
    request: Request, caller: Manager, db: Db, wall: TheWall, principal_id: PathId, body: views.PinChoice
) -> views.PinView:
    """Give a person a PIN, random unless chosen; they are signed out, and old failures are forgotten."""
    hasher: PinHasher = request.app.state.pins
    async with db.read() as tx:
        person = await people.get_person(tx, store_id=caller.store_id, principal_id=principal_id, wall_now=wall.now())
    pin = body.pin or pins.new_pin(badge=person.badge)
    pins.check_pin(pin, badge=person.badge)
    pin_hash = await hasher.hash(pin)
    async with db.begin() as tx:
        locked = await people.lock_person(tx, store_id=caller.store_id, principal_id=principal_id)
        await people.set_pin(
            tx,
            caller.stamp(),
            principal_id=principal_id,
            badge=locked.badge,
            pin_hash=pin_hash,
            wall_now=wall.now(),
        )
    return views.PinView(principal_id=principal_id, pin=None if body.pin else pin)


@router.delete("/people/{principal_id}/lock-out", status_code=204)
async def lift_lock_out_of_person(caller: Lead, db: Db, wall: TheWall, principal_id: PathId) -> None:
    """Let a person try again at once after too many wrong PINs.

    A lead may do so three times a day for one badge and six times an hour in all, a manager without end. Nobody does so
    for themselves, and a manager's wait only another manager lifts.
    """
    at: dict[str, Any] = {"store_id": caller.store_id, "principal_id": principal_id}
    async with db.begin() as tx:
        await people.lock_person(tx, **at)
        person = await people.get_person(tx, **at, wall_now=wall.now())
        # Else a lead could try one PIN after the other, lift the wait in between, and be a manager in the end.
        if beyond := permissions_of(map(Role, person.roles)) - caller.permissions:
            raise Forbidden("They may do more than you here: ask a manager to lift the wait.", needs=min(beyond))
        await sessions.lift_wait_of_person(
            tx,
            caller.stamp(),
            principal_id=principal_id,
            badge=person.badge,
            bounded=_is_bounded(caller),
            wall_now=wall.now(),
        )


@router.post("/device-enrolments", status_code=201)
async def make_device_enrolment(
    request: Request, caller: Manager, db: Db, wall: TheWall, body: views.EnrolmentBody
) -> views.EnrolmentView:
    """Let a device be enrolled by a QR code, once, within ten minutes."""
    async with db.begin() as tx:
        made = await devices.make_enrolment(tx, caller.stamp(), name=body.name, wall_now=wall.now())
    path = devices.path_of(made.code)
    url = f"{request.url.scheme}://{request.url.netloc}{path}"
    return views.EnrolmentView(
        enrolment_id=made.enrolment_id,
        name=made.name,
        code=made.code,
        path=path,
        url=url,
        qr_svg=qr_svg(url),
        expires_at=made.expires_at,
    )


@router.get("/devices", response_model=Page[views.DeviceInStore])
async def list_devices(caller: Lead, db: Db, wall: TheWall, page: Paging, revoked: bool = False) -> dict[str, Any]:
    """List the enrolled devices and who is signed in on them."""
    (after,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(
            session_queries.LIST_DEVICES,
            store_id=caller.store_id,
            after=after,
            revoked=revoked,
            now=wall.now(),
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.device_id,), lambda row: row._asdict())


@router.delete("/devices/{device_id}", status_code=204)
async def revoke_device(caller: Manager, db: Db, wall: TheWall, device_id: PathId) -> None:
    """Make a device unknown: whoever is signed in on it is out."""
    async with db.begin() as tx:
        await devices.revoke_device(tx, caller.stamp(), device_id=device_id, wall_now=wall.now())


@router.delete("/devices/{device_id}/lock-out", status_code=204)
async def lift_lock_out_of_device(caller: Lead, db: Db, wall: TheWall, device_id: PathId) -> None:
    """Let people try again at once on a device after too many wrong PINs; as often as for a badge."""
    async with db.begin() as tx:
        await devices.check_enrolled(tx, store_id=caller.store_id, device_id=device_id)
        await sessions.lift_wait_of_device(
            tx, caller.stamp(), device_id=device_id, bounded=_is_bounded(caller), wall_now=wall.now()
        )


def _is_bounded(caller: Caller) -> bool:
    return Perm.MANAGE not in caller.permissions
