"""A whole service for programs of ours: started as an operator does, ready when the block is entered, gone after it."""

from pathlib import Path

import httpx
import pytest

from pullsvc.running import ServiceFailed, serving


async def test_is_ready_inside_the_block_and_gone_after_it(database_url: str, tmp_path: Path) -> None:
    async with httpx.AsyncClient() as http:
        async with serving(database_url, tmp_path / "log", settings={}, words=["--no-worker"]) as service:
            assert (await http.get(f"{service.address}/readyz")).status_code == 200

        with pytest.raises(httpx.ConnectError):
            await http.get(f"{service.address}/readyz")


async def test_says_why_the_service_did_not_start(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "service.log"

    with pytest.raises(ServiceFailed, match=str(log)) as failure:
        async with serving(database_url, log, settings={"PULLSVC_LEASE_S": "nonsense"}):
            pass
    assert "PULLSVC_LEASE_S" in str(failure.value)
