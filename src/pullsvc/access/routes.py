"""People, devices and sessions over HTTP."""

from fastapi import APIRouter

from pullsvc.access import key_routes, people_routes, session_routes

router = APIRouter()
router.include_router(session_routes.router)
router.include_router(people_routes.router)
router.include_router(key_routes.router)
