"""The board over HTTP: a snapshot to begin with; the stream of the feed carries it on."""

from typing import Annotated, Any

from fastapi import APIRouter

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.board import actions, views
from pullsvc.web.deps import Db

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["board"])


@router.get("/board", response_model=views.Board)
async def get_board(caller: Annotated[Caller, may(Perm.READ)], db: Db) -> dict[str, Any]:
    """Show the store at this moment: shelves at risk, pulls, tubs, lanes, shorts and the figures of the day."""
    async with db.read() as tx:
        return await actions.snapshot(tx, store_id=caller.store_id, now=caller.now)


@router.get("/board/day", response_model=views.BoardDay)
async def get_board_day(caller: Annotated[Caller, may(Perm.READ)], db: Db) -> dict[str, Any]:
    """Show the business day so far, half hour by half hour: pulls, time to the shelf, work against people at work."""
    async with db.read() as tx:
        return await actions.day(tx, store_id=caller.store_id, now=caller.now)
