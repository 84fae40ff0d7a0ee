"""The web app over HTTP: what is kept how long, what is let in, and that nothing comes from outside."""

import gzip
import re
from pathlib import Path

import httpx
from fastapi import FastAPI

from pullsvc.frontend.assets import App, load

APP = load()


class TestShell:
    async def test_is_asked_for_each_time_and_answered_with_nothing_when_known(self, client: httpx.AsyncClient) -> None:
        first = await client.get("/app/")
        again = await client.get("/app/", headers={"If-None-Match": first.headers["etag"]})

        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        assert (again.status_code, again.content) == (304, b"")

    async def test_lets_nothing_in_from_outside(self, client: httpx.AsyncClient) -> None:
        policy = (await client.get("/app/")).headers["content-security-policy"]

        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy

    async def test_without_the_slash_leads_to_it(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/app")

        assert (answer.status_code, answer.headers["location"]) == (308, "/app/")

    async def test_is_named_on_the_first_page(self, client: httpx.AsyncClient) -> None:
        assert 'href="/app/"' in (await client.get("/")).text


class TestModules:
    async def test_are_kept_for_ever_under_their_build(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/app/{APP.build}/main.js")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]

    async def test_of_another_build_are_gone_and_not_kept(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/app/0123456789ab/main.js")

        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
        assert answer.json()["detail"] == "The app has been renewed, or has no such file. Load /app/ again."

    async def test_go_packed_to_whoever_unpacks(self, client: httpx.AsyncClient) -> None:
        address = f"/app/{APP.build}/ui/style.css"
        packed = await client.get(address, headers={"Accept-Encoding": "gzip"})
        plain = await client.get(address, headers={"Accept-Encoding": "identity"})

        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content == gzip.decompress(APP.modules["ui/style.css"].packed or b"")

    async def test_stay_within_their_folder(self, client: httpx.AsyncClient) -> None:
        for path in ("../assets.py", "%2e%2e/assets.py", "vendor/vendor.json", "shell.html"):
            assert (await client.get(f"/app/{APP.build}/{path}")).status_code == 404


class TestBuild:
    def test_changes_with_any_file(self) -> None:
        sources = {"main.js": b"1", "sw.js": b"", "shell.html": b"", "app.webmanifest": b""}

        assert App(sources).build != App({**sources, "main.js": b"2"}).build

    def test_is_filled_into_every_template(self) -> None:
        for asset in (APP.shell, APP.worker, APP.manifest):
            assert b"__" not in asset.body
            assert APP.build.encode() in asset.body

    def test_fetches_at_once_what_the_entry_imports(self) -> None:
        """Or the first screen waits for a round trip at each level of imports."""
        first = APP.first_modules()

        assert {"main.js", "core/outbox.js", "ui/ui.js", "vendor/preact.mjs", "vendor/idb.mjs"} <= set(first)
        assert set(first) <= set(APP.modules)
        assert all(f'modulepreload" href="/app/{APP.build}/{path}"'.encode() in APP.shell.body for path in first)

    def test_keeps_every_module_for_use_without_a_network(self) -> None:
        kept = set(re.findall(rf"/app/{APP.build}/([^\"]+)", APP.worker.body.decode()))

        assert {"main.js", "screens/home.js", "text/es/base.js", "icon.svg"} <= kept
        assert any("uplot" in path for path in kept)  # The board opens without a network, charts and all.

    def test_is_packed_into_the_wheel(self, app: FastAPI) -> None:
        """The wheel holds the whole package, so it is enough that the files lie in it."""
        root = Path(__file__).parents[2] / "src" / "pullsvc" / "frontend" / "static"

        assert {str(path.relative_to(root)) for path in root.rglob("*.js")} <= set(APP.modules) | {"sw.js"}
