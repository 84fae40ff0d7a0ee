"""The keeper: a tiny process that is the parent of one PostgreSQL, and stops it when its last user is gone.

Run as a script, by itself, on the standard library alone. Every process that uses the server holds a share of the
users' lock; the kernel takes the share back however the process ends, SIGKILL included. So the keeper needs no
messages and no list of process ids: the moment it gets the lock alone, nobody is left, and while it holds it
nobody new comes in. Signals that a terminal or a service manager sends to all do not concern it.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

LOOK_EVERY_S = 0.1
FAST_STOP_LIMIT_S = 120.0  # A fast stop writes a checkpoint: long, on a slow disk.
IMMEDIATE_STOP_LIMIT_S = 30.0
CRASHES_MAX = 8  # in a row
CALM_S = 60.0  # A server that ran so long did not die of what killed the one before it.


def main() -> int:
    """Serve until the last user has left or the server ended by itself; return its last exit status."""
    if os.fork():
        os._exit(0)  # Nobody's child: no user has to wait for us, and none leaves us behind as a zombie.
    plan = json.loads(sys.argv[1])
    for noise in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(noise, lambda *_: None)  # Not SIG_IGN, which the server would inherit.
    users = os.open(plan["users_lock"], os.O_RDWR | os.O_CLOEXEC)
    crashes = 0
    while True:
        started = time.monotonic()
        server = subprocess.Popen(  # noqa: S603 - the command of our own parent
            plan["command"], **plan["identity"], cwd="/", stdin=subprocess.DEVNULL, start_new_session=True
        )
        wanted = serve(server, users)
        if not wanted or server.returncode == 0 or (server.returncode > 0 and not crashes):
            break  # Stopped by us, or by somebody on purpose, or it refused to start: all that is final.
        crashes = 1 if time.monotonic() - started > CALM_S else crashes + 1
        if crashes > CRASHES_MAX:
            break
        time.sleep(LOOK_EVERY_S * crashes)  # Its children may need a moment to notice that they are orphans.
    if plan["socket_folder"]:
        with contextlib.suppress(OSError):
            os.rmdir(plan["socket_folder"])  # noqa: PTH106 - spares us importing pathlib
    return server.returncode


def serve(server: "subprocess.Popen[bytes]", users: int) -> bool:
    """Wait until the server ended; return False when that was our doing, because nobody uses it any more."""
    while server.poll() is None:
        if is_alone(users):
            stop(server)
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def is_alone(users: int) -> bool:
    """Take the users' lock if nobody shares it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop fast and cleanly; only when that takes far too long, at once, which the next start has to mend."""
    for order, limit_s in ((signal.SIGINT, FAST_STOP_LIMIT_S), (signal.SIGQUIT, IMMEDIATE_STOP_LIMIT_S)):
        server.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(limit_s)
            return
    server.kill()
    server.wait()


if __name__ == "__main__":
    sys.exit(main())
