import subprocess
import sys
import threading

import pytest

from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.panels.shared_source import SharedSource, shared_source
from gala_viz.threads import shutdown_event
from tests.panels.fake_source import FakeSource
from tests.panels.script import until


def test_all_sessions_share_one_source_that_is_built_once():
    built = []

    def build(say):
        built.append(1)
        return FakeSource()

    found = []
    threads = [threading.Thread(target=lambda: found.append(shared_source("one source", build))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: found[0].state == "ready")
    assert built == [1]
    assert len(set(map(id, found))) == 1
    assert len(found[0].index) == len(found[0].source.images)


def test_the_present_step_is_told_to_those_who_wait():
    go = threading.Event()

    def build(say):
        say("Loading networks…")
        go.wait(5)
        return FakeSource()

    shared = SharedSource(build).start()
    until(lambda: shared.step == "Loading networks…")
    assert (shared.state, shared.source) == ("loading", None)
    go.set()
    until(lambda: shared.state == "ready")


@pytest.mark.parametrize("ended", ["between steps", "within one"])
def test_what_the_end_of_a_server_interrupted_is_loaded_by_the_next_one_of_the_process(ended):
    at_work, go, attempts = threading.Event(), threading.Event(), []

    def build(say):
        attempts.append(1)
        if len(attempts) == 1:
            at_work.set()
            go.wait(5)
            if ended == "within one":
                raise OSError("what it reads was taken away")
            say("Loading networks…")
        return FakeSource()

    shared = SharedSource(build).start()
    at_work.wait(5)
    shutdown_event.set()
    try:
        go.set()
        until(lambda: shared._thread is None)
    finally:
        shutdown_event.clear()
    assert shared.state == "loading"
    until(lambda: shared.start().state == "ready")
    assert len(attempts) == 2


def test_a_failure_is_kept_as_a_sentence_and_the_next_start_tries_again():
    attempts = []

    def build(say):
        attempts.append(1)
        if len(attempts) == 1:
            raise FileNotFoundError("no folder called 'phots'. Did you mean 'photos'?")
        return FakeSource()

    shared = SharedSource(build).start()
    until(lambda: shared.state == "failed")
    assert shared.error == "no folder called 'phots'. Did you mean 'photos'?"
    shared.start()
    until(lambda: shared.state == "ready")


def test_what_fails_because_the_program_ends_is_no_failure(monkeypatch, caplog):
    ends = threading.Event()
    monkeypatch.setattr("gala_viz.panels.shared_source.shutdown_event", ends)
    done = threading.Event()

    def build(say):
        ends.set()
        done.set()
        raise FileNotFoundError("a folder that the end of the program took away")

    shared = SharedSource(build).start()
    done.wait(5)
    shared._thread.join(5)
    assert (shared.state, shared.error) == ("loading", "")
    assert caplog.records == []


def test_at_least_two_networks_are_asked_for():
    with pytest.raises(ValueError, match="at least two networks are compared; got a"):
        CompareOptions(networks=("a",))
    assert CompareOptions(networks=("a", "b", "c")).network_names == ("a", "b", "c")


def test_the_page_is_imported_without_torch_or_captum():
    heavy = ("torch", "captum", "lightning")
    code = f"import sys, gala_viz.panels.compare.compare_page; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
