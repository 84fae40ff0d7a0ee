"""The files of the web app, read once: each with its type, its hash and its packed form, and the page that starts it.

All modules of one version live under one address, `/app/<build>/...`, where the build is a hash over all of them. So a
browser may keep each file for ever, and never mixes modules of two versions.
"""

import gzip
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath

HASH_CHARS = 12
MIN_PACKED_BYTES = 256
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
# The names by which our modules know the vendored ones.
IMPORTS = {
    "preact": "vendor/preact.mjs",
    "preact/hooks": "vendor/hooks.mjs",
    "htm": "vendor/htm.mjs",
    "@preact/signals-core": "vendor/signals-core.mjs",
    "@preact/signals": "vendor/signals.mjs",
    "idb": "vendor/idb.mjs",
    "uplot": "vendor/uplot.mjs",
}
ENTRY = "main.js"
# Served at fixed addresses, as their text holds the build.
TEMPLATES = frozenset({"shell.html", "sw.js", "app.webmanifest"})
_STATIC_IMPORT = re.compile(r"""(?:^|[\n;}])\s*(?:import|export)\s*(?:[^"'();]*?\bfrom\s*)?["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes over the wire.

    Attributes:
        media_type: Its Content-Type.
        body: Its bytes.
        packed: The same, gzipped; None where that does not pay.
        etag: A strong entity tag: the hash of the body.
    """

    media_type: str
    body: bytes
    packed: bytes | None
    etag: str


def asset(name: str, body: bytes) -> Asset:
    """Return the file, ready to be sent."""
    packed = gzip.compress(body, 9, mtime=0) if len(body) >= MIN_PACKED_BYTES else None
    digest = hashlib.sha256(body).hexdigest()[: 2 * HASH_CHARS]
    return Asset(media_type=MEDIA_TYPES[name.rpartition(".")[2]], body=body, packed=packed, etag=f'"{digest}"')


class App:
    """The web app of this package.

    Attributes:
        build: Hash over all files; part of their address.
        modules: The files by their path below the build.
    """

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self.build = _digest(sources)
        served = {path: body for path, body in sources.items() if path not in TEMPLATES and _is_served(path)}
        self.modules = {path: asset(path, body) for path, body in served.items()}

    @cached_property
    def shell(self) -> Asset:
        """The page: an import map and the entry module; all else is made by the modules."""
        preloads = "".join(f'<link rel="modulepreload" href="{self._url(path)}">' for path in self.first_modules())
        page = self._filled("shell.html", IMPORT_MAP=self.import_map, PRELOADS=preloads)
        return asset("shell.html", page)

    @cached_property
    def worker(self) -> Asset:
        """The service worker, with the list of what it keeps."""
        kept = sorted(self.modules)
        return asset("sw.js", self._filled("sw.js", FILES=json.dumps([self._url(path) for path in kept])))

    @cached_property
    def manifest(self) -> Asset:
        """What a handheld needs to know to put the app on its home screen."""
        return asset("app.webmanifest", self._filled("app.webmanifest"))

    @cached_property
    def import_map(self) -> str:
        """The inline script that tells the browser where the vendored modules are."""
        return json.dumps({"imports": {name: self._url(path) for name, path in IMPORTS.items()}}, separators=(",", ":"))

    @cached_property
    def policy(self) -> str:
        """The content security policy: nothing from outside, no inline code but the import map."""
        digest = b64encode(hashlib.sha256(self.import_map.encode()).digest()).decode()
        return (
            f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; connect-src 'self'; "
            "img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )

    def first_modules(self) -> list[str]:
        """Return what the entry imports before it runs, directly or not, so that all of it is fetched at once."""
        found: dict[str, None] = {}
        waiting = [ENTRY]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found[path] = None
                waiting += _imports_of(path, self._sources[path].decode())
        return list(found)

    def _url(self, path: str) -> str:
        return f"/app/{self.build}/{path}"

    def _filled(self, template: str, **values: str) -> bytes:
        text = self._sources[template].decode()
        for name, value in {"BUILD": self.build, **values}.items():
            text = text.replace(f"__{name}__", value)
        return text.encode()


def load() -> App:
    """Return the web app that is packed into this package."""
    return App(dict(_walk(files("pullsvc.frontend") / "static")))


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        path = prefix + entry.name
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry.read_bytes()


def _digest(sources: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, body in sorted(sources.items()):
        digest.update(f"{path}\0{len(body)}\0".encode() + body)
    return digest.hexdigest()[:HASH_CHARS]


def _is_served(path: str) -> bool:
    return path.rpartition(".")[2] in MEDIA_TYPES


def _imports_of(path: str, source: str) -> Iterator[str]:
    for name in _STATIC_IMPORT.findall(source):
        yield normpath(join(dirname(path), name)) if name.startswith(".") else IMPORTS[name]
