"""A command computes with as many threads as there are free cores when it starts."""

import os
import subprocess
import sys

import pytest

from gala_viz import cpu_threads
from gala_viz.cpu_threads import available_cores, free_cores, prepare_threads

NAMES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    yield os.environ
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def times(monkeypatch, *seconds):
    """Let the system tell these (idle, all) seconds, one after the other."""
    told = iter(seconds)
    monkeypatch.setattr(cpu_threads, "_cpu_times", lambda: next(told))
    monkeypatch.setattr(cpu_threads, "MEASURED_S", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(cpu_threads, "available_cores", lambda: 8)


@pytest.mark.parametrize(("idle", "expected"), [(8.0, 8), (6.1, 6), (2.0, 2), (0.3, 1), (0.0, 1)])
def test_free_cores_are_those_that_were_idle(monkeypatch, idle, expected):
    times(monkeypatch, (100.0, 500.0), (100.0 + idle, 508.0))
    assert free_cores() == expected


def test_where_the_system_does_not_tell_all_cores_are_free(monkeypatch):
    monkeypatch.setattr(cpu_threads, "_cpu_times", lambda: None)
    assert free_cores() == available_cores() >= 1


@pytest.mark.parametrize(("idle", "threads", "policy"), [(8.0, "8", None), (3.0, "3", "PASSIVE")])
def test_threads_wait_briefly_alone_and_sleep_beside_others(monkeypatch, environment, idle, threads, policy):
    times(monkeypatch, (0.0, 0.0), (idle, 8.0))
    prepare_threads()
    assert environment["OMP_NUM_THREADS"] == threads
    assert environment.get("OMP_WAIT_POLICY") == policy
    assert ("GOMP_SPINCOUNT" in environment) == (policy is None)


def test_what_the_environment_says_is_left_as_it_is(monkeypatch, environment):
    environment["OMP_NUM_THREADS"] = "5"
    prepare_threads()
    assert [environment.get(name) for name in NAMES] == ["5", None, None, None]


def test_a_command_that_computes_starts_with_the_free_cores():
    program = (
        "import gala_viz.cli as cli, sys, os\n"
        "cli._status_of = lambda argv: print(os.environ.get('OMP_NUM_THREADS'), 'torch' in sys.modules)\n"
        "sys.argv = ['gala-viz', sys.argv[1]]\n"
        "cli.main()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}

    def run(command):
        done = subprocess.run([sys.executable, "-c", program, command], env=environment, capture_output=True, text=True)
        return done.stdout.split()

    threads, torch_loaded = run("evaluate")
    assert 1 <= int(threads) <= available_cores()
    assert torch_loaded == "False"
    assert run("train") == ["None", "False"]
