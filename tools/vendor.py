"""Check the vendored front-end libraries against vendor.json, or fetch them anew with the npm client.

python tools/vendor.py --check          each file is what vendor.json says, and nothing else lies there
python tools/vendor.py --update         fetch the versions in vendor.json again and write files and hashes
python tools/vendor.py --update preact=11.3.0    move one to another version

Nothing is fetched when the project is installed, tested or run: the files are part of it.
"""

# ruff: noqa: INP001, S603, T201 - a script, not a package; it runs npm and talks to a terminal.
import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "src" / "pullsvc" / "frontend" / "static" / "vendor"
BOOK = VENDOR / "vendor.json"
NPM_LIMIT_S = 120


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; the default")
    parser.add_argument("--update", nargs="*", metavar="NAME=VERSION", help="fetch anew")
    asked = parser.parse_args()
    if asked.update is not None:
        update(dict(pair.split("=", 1) for pair in asked.update))
    if wrong := complaints():
        sys.exit("\n".join(wrong))
    print(f"vendor: {len(book()['packages'])} packages as recorded")


def book() -> dict[str, Any]:
    """Return what vendor.json records."""
    read: dict[str, Any] = json.loads(BOOK.read_text())
    return read


def complaints() -> list[str]:
    """Return what is wrong with the files, in words; nothing when all is well."""
    recorded = {made["as"]: made["sha256"] for package in book()["packages"] for made in package["files"].values()}
    present = {path.name for path in VENDOR.iterdir()} - {BOOK.name}
    wrong = [f"{name} is missing" for name in sorted(recorded.keys() - present)]
    wrong += [f"{name} is not in vendor.json" for name in sorted(present - recorded.keys())]
    wrong += [
        f"{name} was changed"
        for name in sorted(present & recorded.keys())
        if _sha256((VENDOR / name).read_bytes()) != recorded[name]
    ]
    return wrong


def update(versions: dict[str, str]) -> None:
    """Fetch every package, check it against the integrity that is recorded, and write its files."""
    kept = book()
    for package in kept["packages"]:
        version = versions.pop(package["name"], package["version"])
        tarball = _fetch(package["name"], version)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if version == package["version"] and package["integrity"] not in ("", integrity):
            sys.exit(f"vendor: {package['name']} {version} is not what it was: {integrity}")
        package.update(version=version, integrity=integrity)
        with tarfile.open(tarball) as archive:
            for inside, made in package["files"].items():
                member = archive.extractfile(f"package/{inside}")
                assert member, f"{package['name']} has no {inside}"
                text = _as_module(member.read(), append=made.get("append", ""))
                (VENDOR / made["as"]).write_bytes(text)
                made["sha256"] = _sha256(text)
    if versions:
        sys.exit(f"vendor: not vendored: {', '.join(versions)}")
    BOOK.write_text(json.dumps(kept, indent=2) + "\n")


def _fetch(name: str, version: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vendor-"))
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{name}@{version}"]
    subprocess.run(command, check=True, cwd=folder, timeout=NPM_LIMIT_S, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def _as_module(source: bytes, *, append: str) -> bytes:
    """Return the file as we serve it: without the link to a source map that we do not have."""
    lines = source.decode().split("\n")
    kept = "\n".join(line.partition("//# sourceMappingURL=")[0] for line in lines)
    return (kept.rstrip("\n") + "\n" + append).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
