"""Alive, ready, and how it is doing."""

import httpx
from fastapi import FastAPI

from pullsvc.app import begin_stop
from pullsvc.db import Database, sql
from tests.factories import signed_in, store


class TestCheckReady:
    async def test_is_ready_on_a_migrated_database(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/readyz")).json() == {"status": "ok"}

    async def test_is_not_while_it_stops_though_it_lives(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        await begin_stop(app)
        ready = await client.get("/readyz")

        assert (ready.status_code, ready.json()["code"]) == (503, "not-ready")
        assert (await client.get("/livez")).status_code == 200

    async def test_is_not_on_another_schema(self, db: Database, client: httpx.AsyncClient) -> None:
        async with db.begin() as tx:
            head = (await tx.one(sql("SELECT version_num FROM alembic_version"))).version_num
            await tx.run(sql("UPDATE alembic_version SET version_num = 'older'"))
        try:
            ready = await client.get("/readyz")
        finally:
            async with db.begin() as tx:
                await tx.run(sql("UPDATE alembic_version SET version_num = :head"), head=head)

        assert ready.status_code == 503
        assert (ready.json()["applied"], ready.json()["needed"]) == ("older", head)

    async def test_is_not_on_a_database_never_migrated(self, db: Database, client: httpx.AsyncClient) -> None:
        async with db.begin() as tx:
            await tx.run(sql("ALTER TABLE alembic_version RENAME TO hidden"))
        try:
            ready = await client.get("/readyz")
        finally:
            async with db.begin() as tx:
                await tx.run(sql("ALTER TABLE hidden RENAME TO alembic_version"))

        assert ready.status_code == 503
        assert "pullsvc migrate" in ready.json()["detail"]

    async def test_is_not_when_the_database_is_out_of_reach(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        app.state.db = Database("postgresql://nobody@127.0.0.1:1/none")
        ready = await client.get("/readyz")

        assert ready.status_code == 503


class TestReadMetrics:
    async def test_counts_requests_by_template_never_by_address(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client)
        await client.get("/v1/stores/1/balances")
        await client.get("/v1/stores/1/nothing/here-4711")
        text = (await client.get("/metrics")).text

        assert 'pullsvc_requests_total{method="GET",route="/v1/stores/{store_id}/balances",status="200"}' in text
        assert 'route="unmatched",status="404"' in text
        assert "here-4711" not in text  # by itself the number may stand in a time
