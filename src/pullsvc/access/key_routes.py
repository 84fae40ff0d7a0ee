"""API keys of a store over HTTP, for its manager: tills, displays and programs of the store itself."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from pullsvc.access import actions, queries
from pullsvc.access.actions import KEYS_OF_MANAGERS
from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm, Role
from pullsvc.web.bodies import Body
from pullsvc.web.deps import Db, Name, TheWall
from pullsvc.web.pages import Page, Paging

MAX_EXPIRES_DAYS = 3_650

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["access"])

Manager = Annotated[Caller, may(Perm.MANAGE)]
KeyId = Annotated[str, Path(max_length=40, pattern=r"^[A-Za-z0-9_-]+$", examples=["0a1b2c3d4e5f"])]
KeyRole = Literal["associate", "backroom", "lead", "manager", "pos", "readonly"]
assert set(KeyRole.__args__) == KEYS_OF_MANAGERS  # type: ignore[attr-defined]  # what the words of a Literal are kept in


class KeyBody(Body):
    """A key to be made, for this store alone."""

    name: Name = Field(description="Who or what will hold it.", examples=["Tills"])
    role: KeyRole = Field(description="What it may do.", examples=["pos"])
    kind: Literal["device", "pos", "service"] = Field(default="service", examples=["pos"])
    expires_days: Annotated[int, Field(ge=1, le=MAX_EXPIRES_DAYS)] | None = Field(
        default=None, description="Days that it lasts; left out: until it is revoked.", examples=[365]
    )


class KeyView(BaseModel):
    """A key of the store, without its secret."""

    key_id: str = Field(examples=["0a1b2c3d4e5f"])
    name: str
    kind: str
    roles: list[Role] = Field(description="What it may do in this store.")
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="Noted every ten minutes.")
    is_ours: bool = Field(description="Whether it reaches no other store: only such a key can be revoked here.")


class NewKeyView(BaseModel):
    """A key just made."""

    key_id: str = Field(examples=["0a1b2c3d4e5f"])
    token: str | None = Field(
        description="Shown this once: null in the answer to a repeat, as it is not kept. Revoke the key then, and make "
        "another."
    )
    expires_at: AwareDatetime | None


@router.get("/keys", response_model=Page[KeyView])
async def list_keys(caller: Manager, db: Db, page: Paging) -> dict[str, Any]:
    """List the keys that may do something in this store, those of the operator included."""
    (after,) = page.key(str)
    async with db.read() as tx:
        rows = await tx.rows(queries.LIST_KEYS_OF_STORE, store_id=caller.store_id, after=after, limit=page.limit + 1)
    return page.page(rows, lambda row: (row.key_id,), lambda row: row._asdict())


@router.post("/keys", status_code=201, response_model=NewKeyView)
async def make_key(act: Annotated[Act, keyed(Perm.MANAGE)], db: Db, wall: TheWall, body: KeyBody) -> Response:
    """Make a key for this store; its token is shown this once."""
    now = wall.now()
    expires_at = now + timedelta(days=body.expires_days) if body.expires_days else None
    async with act.begin(db) as tx:
        made = await actions.create_key(
            tx,
            name=body.name,
            kind=body.kind,
            grants={act.caller.store_id: Role(body.role)},
            chain_role=None,
            expires_at=expires_at,
            now=now,
        )
        actions.tell_of_key(tx, act.caller.stamp(), "key.made", made.key_id)
        shown = NewKeyView(key_id=made.key_id, token=made.token, expires_at=expires_at)
        return act.answer(tx, shown, status=201, kept=shown.model_copy(update={"token": None}))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(caller: Manager, db: Db, wall: TheWall, key_id: KeyId) -> None:
    """Make a key of this store worthless, within seconds; a repeat finds none."""
    async with db.begin() as tx:
        await actions.revoke_key_of_store(tx, caller.stamp(), key_id=key_id, now=wall.now())
