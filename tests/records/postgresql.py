"""A real PostgreSQL server of the tests' own, on a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

PLACES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/opt/homebrew/bin"))


def program(name):
    """A program of PostgreSQL, on the path or where distributions put it; None where it is not installed."""
    found = shutil.which(name)
    return found or next((str(place / name) for place in PLACES if (place / name).is_file()), None)


@contextmanager
def server():
    """The URL of an empty server's database; it is stopped and deleted afterwards."""
    with stoppable() as (url, _, _):
        yield url


@contextmanager
def stoppable():
    """(URL, stop, start): a server whose database can be taken away as by a crash, and comes back."""
    folder = Path(tempfile.mkdtemp(prefix="gala-viz-pg-"))
    run = _as_ordinary_user(folder)
    data, name = folder / "data", "postgres"
    try:
        run(program("initdb"), "--pgdata", data, "--username", name, "--auth", "trust", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"

        def start():
            run(program("pg_ctl"), "--pgdata", data, "--wait", "--log", folder / "log", "--options", options, "start")

        def stop():
            run(program("pg_ctl"), "--pgdata", data, "--wait", "--mode", "immediate", "stop")

        start()
        try:
            yield f"postgresql://{name}@/{name}?host={folder}", stop, start
        finally:
            stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_ordinary_user(folder):
    """PostgreSQL refuses to run as root; then it runs as the user that its package made."""
    before = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        before = ["runuser", "-u", "postgres", "--"]

    def run(*command):
        subprocess.run([*before, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=120)

    return run
