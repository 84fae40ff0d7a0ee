"""Make sure that there is a browser for tests/frontend: root on Debian installs it, anybody else is told what to do."""

# ruff: noqa: INP001, S603, T201 - a script, not a package; it runs fixed commands, and talks to a terminal.
import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"  # The same engine without windows: a third less to compute.
OTHERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_LIMIT_S = 900


def main() -> None:
    """Return when there is a browser; end with what is missing when there is none."""
    if shutil.which(SHELL):
        return
    failed = install() if os.geteuid() == 0 and shutil.which("apt-get") else None
    if shutil.which(SHELL) or any(map(shutil.which, OTHERS)):
        return
    sys.exit(f"browser: the tests of the web app need Chromium; {failed or f'run: sudo apt-get install {SHELL}'}")


def install() -> str | None:
    """Install it, and say what failed."""
    print(f"browser: installing {SHELL}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", SHELL]):
        if subprocess.run(command, env=environment, check=False, timeout=INSTALL_LIMIT_S).returncode:
            return f"failed: {' '.join(command)}"
    return None


if __name__ == "__main__":
    main()
