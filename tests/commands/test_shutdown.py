"""Ctrl-C and SIGTERM end every server soon, with status 0 or 130 and without a traceback, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from gala_viz import threads
from gala_viz.panels.latest_job_worker import LatestJobWorker
from tests.browser.conftest import free_port
from tests.browser.serve_experiment import prepare

WITHIN_S = 5.0
AMONG_OTHERS_S = 2 * WITHIN_S
"""Where other tests run at the same time; those of the long tier run alone, and keep the promise."""
STATUS = {0, 130}
ENDS = [signal.SIGINT, signal.SIGTERM]


@dataclass
class Started:
    process: subprocess.Popen
    url: str
    log: Path

    def wait_for(self, seconds: float = 120) -> None:
        """Until the page is served."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                urllib.request.urlopen(self.url, timeout=60).read()
                return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"{self.url} did not answer")

    def end(self, number: int, within_s: float = WITHIN_S) -> None:
        """Send a signal; the process ends in time, cleanly."""
        assert self.process.poll() is None, self.log.read_text()
        self.process.send_signal(number)
        status = self.process.wait(within_s)
        told = self.log.read_text()
        assert status in STATUS, (status, told)
        assert "Traceback" not in told
        assert "terminate called" not in told


@pytest.fixture
def start(tmp_path, repository):
    """``start(name)`` starts a server in a process of its own."""
    started = []

    def begin(name: str) -> Started:
        port, records = free_port(), str(tmp_path / "records.sqlite")
        options = {
            "compare": ["compare"],
            "explore": ["explore"],
            "game": ["game", "--collection", "photos", "--records", records],
            "experiment": ["experiment", "run", "--folder", str(tmp_path / "experiment"), "--records", records],
        }
        environment = dict(os.environ, GALA_VIZ_CACHE=str(tmp_path / "cache"))  # empty: what is shown is computed
        if name.startswith("apps/"):
            command = [sys.executable, "-m", "panel", "serve", str(repository / f"{name}.py"), "--port", str(port)]
        else:
            if name == "experiment" and not (tmp_path / "experiment").exists():
                prepare(tmp_path / "experiment", 8)
            command = [sys.executable, "-m", "gala_viz", *options[name], "--port", str(port), "--no-show"]
        log = tmp_path / f"log-{len(started)}.txt"
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=repository)
        started.append(Started(process, f"http://localhost:{port}/{name.removeprefix('apps/')}", log))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


@pytest.mark.slow
def test_a_server_ends_while_it_loads_networks_and_computes_maps(start):
    server = start("compare")
    server.wait_for()
    server.end(signal.SIGINT, AMONG_OTHERS_S)


@pytest.mark.slow
def test_a_server_of_an_experiment_ends_with_what_it_began(start):
    server = start("experiment")
    server.wait_for()
    server.end(signal.SIGTERM)


def test_a_server_that_has_not_begun_to_serve_ends_as_well(start):
    server = start("game")
    end = time.monotonic() + 60
    while b"torch" not in Path(f"/proc/{server.process.pid}/maps").read_bytes() and time.monotonic() < end:
        time.sleep(0.05)
    server.end(signal.SIGTERM, AMONG_OTHERS_S)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("name", ["compare", "explore", "game", "experiment", "apps/compare"])
def test_every_server_ends_whatever_it_is_doing(start, name, number):
    for after_s in (0.5, 2.0, 4.0, 6.0):  # imports, then loading, then serving, on a machine of any speed
        server = start(name)
        time.sleep(after_s)
        if name.startswith("apps/"):
            server.wait_for()  # before it serves, it is Panel's
        server.end(number)
    for busy_s in (0.0, 1.0, 3.0, 10.0):
        server = start(name)
        server.wait_for()
        time.sleep(busy_s)
        server.end(number)


HOST = """
import os, signal, sys, time
from gala_viz import threads
from gala_viz.commands import page_server

page_server.SHUTDOWN_S = 0.3
if sys.argv[1] == "own":
    threads.own_process()
try:
    with page_server.clean_shutdown():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
except KeyboardInterrupt:
    pass
time.sleep(1)
print("it goes on")
"""


@pytest.mark.parametrize(("whose", "status", "told"), [("own", 130, ""), ("another's", 0, "it goes on\n")])
def test_a_program_that_started_a_server_beside_its_own_work_goes_on_after_it(whose, status, told):
    done = subprocess.run([sys.executable, "-c", HOST, whose], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (status, told), done.stderr


def test_threads_are_closed_and_waited_for_and_those_that_go_on_are_named():
    try:
        worker = LatestJobWorker("computes", lambda error: None)
        worker.submit(lambda cancelled: [time.sleep(0.01) for _ in iter(cancelled, True)])
        held = threads.threading.Event()
        stuck = threads.start_thread(held.wait, "stuck")
        left = threads.stop_threads(0.5)
        assert "stuck" in left
        assert "computes" not in left
        assert not worker._thread.is_alive()
        held.set()
        stuck.join(5)
        assert "stuck" not in threads.stop_threads(0.5)
        with pytest.raises(threads.ShutdownError):
            threads.raise_on_shutdown()
    finally:
        threads.shutdown_event.clear()
