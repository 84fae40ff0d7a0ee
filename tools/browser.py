"""Make sure that there is a browser for tests/frontend: root on Debian installs it, anybody else is told what to do."""

# ruff: noqa: INP001, S603, T201 - a script, not a package; it runs fixed commands, and talks to a terminal.
import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_LIMIT_S = 900


def main() -> None:
    """Return when there is a browser; end with what is missing when there is none."""
    if any(map(shutil.which, NAMES)):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("browser: the tests of the web app need Chromium; run: sudo apt-get install chromium")
    print("browser: installing chromium", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run(command, env=environment, check=False, timeout=INSTALL_LIMIT_S)
        if done.returncode:
            sys.exit(f"browser: failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
