"""Make `.venv` hold exactly what uv.lock says; return at once when it already does.

Needs Python 3.11 or newer and nothing else. The pinned uv and all caches live in `.cache/`, never in the
user's own folders, so an empty, missing or read-only HOME is fine. Interpreters are never downloaded.
"""

# ruff: noqa: INP001, S603, T201 - a script, not a package; it runs fixed commands, and talks to a terminal.
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

Command = tuple[str | Path, ...]

UV_VERSION = "0.13.9"
PYTHON_MIN = (3, 11)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".bootstrap"
CACHE = ROOT / ".cache"
UV_HOME = CACHE / f"uv-{UV_VERSION}"
UV = UV_HOME / "bin" / "uv"

# What another project's shell may have left behind must not steer this build.
FOREIGN = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON", "PIP_TARGET", "PIP_USER"}
ENV = {name: value for name, value in os.environ.items() if name not in FOREIGN} | {
    "UV_PROJECT_ENVIRONMENT": str(VENV),
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_CACHE_DIR": str(CACHE / "uv"),
    # Six seconds once; a process that finds nothing compiled, where none may be written, takes three more to start.
    "UV_COMPILE_BYTECODE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
if sys.platform == "darwin" or any(Path("/etc/ssl/certs").glob("*.crt")):
    ENV.setdefault("UV_SYSTEM_CERTS", "true")  # A company's own authority is known to the system, not to uv.


def main() -> None:
    """Bring `.venv` up to date; one process at a time, so that two builds do not tread on each other."""
    if sys.version_info < PYTHON_MIN:
        sys.exit("bootstrap: Python 3.11 or newer is needed, this is " + sys.version.split()[0])
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current():
            build()


def is_current() -> bool:
    """Tell whether a build was finished, and lock, place and interpreter are still what they were then."""
    return STAMP.is_file() and STAMP.read_text() == fingerprint()


def fingerprint() -> str:
    """Return a hash over all that decides what `.venv` holds; its path too, which its scripts spell out."""
    parts = [UV_VERSION.encode(), bytes(VENV), venv_python()]
    parts += [(ROOT / name).read_bytes() for name in ("pyproject.toml", "uv.lock")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def venv_python() -> bytes:
    """Return the version of the interpreter in `.venv`; empty when it does not run."""
    ask: Command = (VENV / "bin" / "python", "-I", "-c", "import sys; print(sys.version)")
    try:
        return subprocess.run(ask, capture_output=True, check=False).stdout
    except OSError:
        return b""


def build() -> None:
    """Build `.venv` anew: with warm caches that takes seconds, and nothing half made or moved survives it.

    The stamp goes first and comes back last, so an interrupted build has none.
    """
    if not UV.is_file():
        install_uv()
    say("installing the locked packages into .venv")
    STAMP.unlink(missing_ok=True)
    if VENV.exists():
        shutil.rmtree(VENV)
    run(UV, "sync", "--locked", "--all-extras", "--quiet", "--python", sys.executable)
    STAMP.write_text(fingerprint())


def install_uv() -> None:
    """Install the pinned uv into `.cache/`, with whichever pip there is or can be had."""
    say(f"installing uv {UV_VERSION} into .cache")
    partial = CACHE / "uv.partial"
    for leftover in (UV_HOME, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    run(*pip(), "install", "--quiet", "--target", partial, f"uv=={UV_VERSION}")
    partial.rename(UV_HOME)


def pip() -> Command:
    """Return the command of a working pip: this Python's own, else one in a scratch environment.

    Debian ships Python without pip and without the means to make an environment that has one. Root may
    install the package; anybody else is told its name.
    """
    if works(sys.executable, "-m", "pip", "--version"):
        return sys.executable, "-m", "pip"
    scratch = CACHE / "pip"
    make_scratch = (sys.executable, "-m", "venv", "--clear", scratch)
    if not works(*make_scratch):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            sys.exit("bootstrap: this Python has no pip and no venv; run: sudo apt-get install python3-venv")
        say("installing python3-venv, for this Python has no pip and no venv")
        ENV["DEBIAN_FRONTEND"] = "noninteractive"
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-qq", "--no-install-recommends", "python3-venv")
        run(*make_scratch)
    return scratch / "bin" / "python", "-m", "pip"


def works(*command: str | Path) -> bool:
    """Tell whether the command ends well, in silence."""
    return subprocess.run(command, env=ENV, cwd=ROOT, capture_output=True, check=False).returncode == 0


def run(*command: str | Path) -> None:
    """Run the command; its failure ends us, with its own words on the terminal."""
    status = subprocess.run(command, env=ENV, cwd=ROOT, check=False).returncode
    if status:
        sys.exit(f"bootstrap: failed with status {status}: {' '.join(map(str, command))}")


def say(text: str) -> None:
    """Tell the user what takes so long."""
    print(f"bootstrap: {text}", flush=True)


if __name__ == "__main__":
    main()
