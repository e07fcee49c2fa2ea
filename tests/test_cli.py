"""The command gala-viz: what it says, how it fails, how soon its server answers, how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

import pytest
import tyro

from gala_viz import cli
from gala_viz.cli import main
from gala_viz.commands import page_server
from gala_viz.commands.compare import Arguments
from gala_viz.commands.compare_app import check_names, notes_are_read_only
from gala_viz.commands.helptext import REGISTRY, field_helptexts
from gala_viz.commands.page_server import ServerAddress, has_browser
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.specs import OutputOption
from tests.tiers import slow

TRIVIAL_PAGE = """
import sys
from gala_viz.commands.page_server import ServerAddress, serve
def listening():
    from panel.io.state import state
    ((server, *_),) = state._servers.values()
    print("torch" in sys.modules, server._tornado.settings["websocket_max_message_size"], flush=True)
server_address = ServerAddress(port={port}, show=False, prefix={prefix!r})
serve({{"compare": lambda: "a page"}}, server_address, when_listening=listening)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that is gone afterwards, whatever happened."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    started = subprocess.Popen([sys.executable, *arguments], text=True, **pipes)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def first_answer(url: str, started: subprocess.Popen[str], limit_s: float = 30.0) -> str:
    """The page at ``url``, asked for until it answers."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        assert started.poll() is None, started.communicate()[1]
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
        time.sleep(0.05)
    pytest.fail(f"{url} did not answer within {limit_s} s")


def said(capsys, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_help_lists_every_command_under_its_task_and_status_tells_a_missing_one(capsys):
    status, out, _ = said(capsys, "--help")
    assert status == 0
    listed = re.findall(r"^  (\w+) +\w", out, re.MULTILINE)
    assert sorted(listed) == sorted(cli.COMMANDS)
    assert max(map(len, out.splitlines())) <= 80
    assert said(capsys)[0] == 2


@pytest.mark.parametrize("example", [example for _, _, example in cli.TASKS])
def test_every_example_of_the_help_is_one_that_its_command_takes(example):
    name, *options = example.split()
    arguments = import_module(cli.COMMANDS[name][0]).Arguments
    assert isinstance(tyro.cli(arguments, args=options, registry=REGISTRY), arguments)


def test_every_example_stands_with_its_own_task():
    assert all(example.split()[0] in names for _, names, example in cli.TASKS)


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_its_options(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert f"gala-viz {name}" in out
    assert [word for word in ("{None}", "None,", ",None", "default: None", "default: )") if word in out] == []


@pytest.mark.parametrize("step", ["prepare", "run", "status", "export", "observe", "simulate", "analyse"])
def test_every_step_of_an_experiment_explains_its_options(step, capsys):
    with pytest.raises(SystemExit):
        main(["experiment", step, "--help"])
    out = capsys.readouterr().out
    assert "Folder" in out or "folder" in out
    assert "None" not in out


def test_an_option_with_too_few_values_is_refused_in_words(capsys):
    assert main(["compare", "--networks", "lite0"]) == 2
    assert "at least two networks are compared; got lite0." in capsys.readouterr().err


def test_a_reader_that_has_read_enough_gets_no_complaint():
    command = f"{sys.executable} -m gala_viz compare --help | head -1; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] in ("141", "0")  # 0 where all of it was written before head ended


def test_an_option_is_explained_by_the_text_under_its_field_as_one_line():
    @dataclass(frozen=True)
    class Elder:
        """Some options."""

        size: int | None = None
        """How large,
        in pixels."""
        way: Literal["up", "down"] = "up"
        """Where to."""

    @dataclass(frozen=True)
    class Options(Elder):
        """More of them."""

        size: int = 3
        """Larger."""
        output: OutputOption = None

    assert field_helptexts(Elder) == {"size": "How large, in pixels.", "way": "Where to."}
    assert field_helptexts(Options) == {"size": "Larger.", "way": "Where to.", "output": OutputOption.__metadata__[0]}


def test_the_options_of_compare_are_those_of_the_page_and_the_server(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    out = capsys.readouterr().out
    options = [
        "collection",
        "human-maps",
        "networks",
        "device",
        "precision",
        "port",
        "address",
        "prefix",
        "show",
        "no-show",
    ]
    assert [name for name in [*options, "allow-websocket-origin"] if f"--{name}" not in out] == []


def test_a_mistyped_command_gets_the_near_one(capsys):
    status, _, err = said(capsys, "comapre")
    assert status == 2
    assert (
        err
        == "gala-viz: no command called 'comapre'. Did you mean 'compare'? Known: "
        + ", ".join(sorted(cli.COMMANDS))
        + ".\n"
    )


def test_version_is_the_packages(capsys):
    assert re.fullmatch(r"gala_viz \d+\.\d+\S*\n", said(capsys, "--version")[1])


def test_python_dash_m_is_the_same_command():
    result = subprocess.run([sys.executable, "-m", "gala_viz", "--help"], capture_output=True, text=True, check=True)
    assert result.stdout == cli.help_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--networks", "lite0", "lite-0"], r"no network called 'lite-0'\. Did you mean 'lite0'"),
        (["--networks", "lite0", "lite0", "--collection", "fotos"], r"no collection or folder called 'fotos'"),
        (
            ["--networks", "lite0", "lite0", "--human-maps", "nowhere"],
            r"human_maps is a folder .*nowhere is not there",
        ),
        (["--port", "70000"], r"a port is a number from 1 to 65535; got 70000"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence_before_anything_starts(arguments, sentence, capsys, monkeypatch):
    monkeypatch.setattr("gala_viz.commands.compare.serve", lambda *_, **__: pytest.fail("the server started"))
    try:
        status = main(["compare", *arguments])
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    assert status == 2
    assert re.search(sentence, re.sub(r"[│\s]+", " ", captured.err + captured.out))
    assert "Traceback" not in captured.err


def test_what_is_there_passes_the_check(tmp_path):
    check_names(CompareOptions(networks=("lite0", "lite0")))
    check_names(CompareOptions(collection=str(tmp_path), human_maps=str(tmp_path), networks=("lite0", "lite0")))


def test_options_arrive_where_they_belong(monkeypatch, tmp_path):
    served = {}
    monkeypatch.setattr("gala_viz.commands.compare.check_address", lambda at: None)
    monkeypatch.setattr(
        "gala_viz.commands.compare_app.prepare_compare_page", lambda options, say: served.update(options=options)
    )
    monkeypatch.setattr(
        "gala_viz.commands.compare.serve", lambda pages, at, **_: served.update(names=list(pages), at=at)
    )
    given = f"compare --collection {tmp_path} --networks a b --device cpu --precision bfloat16 --port 5999 --no-show"
    assert main([*given.split(), "--prefix", "lab", "--allow-websocket-origin", "x.org", "y.org:80"]) == 0
    assert served == {
        "names": ["compare", "explore", "grid"],
        "options": CompareOptions(collection=str(tmp_path), networks=("a", "b"), device="cpu", precision="bfloat16"),
        "at": ServerAddress(port=5999, show=False, prefix="lab", allow_websocket_origin=("x.org", "y.org:80")),
    }
    assert Arguments().server_address.url("compare") == "http://localhost:5006/compare"


def test_addresses_are_told_as_a_browser_needs_them():
    assert ServerAddress(address="0.0.0.0", port=80, prefix="/lab/").url("compare") == "http://localhost:80/lab/compare"
    assert ServerAddress(address="::1").url("compare") == "http://[::1]:5006/compare"
    assert ServerAddress().origins == ["127.0.0.1:5006", "[::1]:5006", "localhost:5006"]
    assert "lab.org" in ServerAddress(address="10.0.0.7", allow_websocket_origin=("lab.org",)).origins


@pytest.mark.parametrize(
    ("address", "reaches_others"),
    [
        (ServerAddress(), False),
        (ServerAddress(address="127.0.0.1"), False),
        (ServerAddress(address="::1", allow_websocket_origin=("localhost:8000", "127.0.0.1")), False),
        (ServerAddress(address="0.0.0.0"), True),
        (ServerAddress(address=""), True),
        (ServerAddress(address="192.0.2.7"), True),
        (ServerAddress(address="lab.example.org"), True),
        (ServerAddress(behind_proxy=True), True),
        (ServerAddress(allow_websocket_origin=("lab.example.org",)), True),
        (ServerAddress(allow_websocket_origin=("*",)), True),
    ],
)
def test_a_server_that_others_reach_by_network_or_through_a_proxy_is_told_from_one_of_this_machine(
    address, reaches_others
):
    assert address.is_public == reaches_others
    assert notes_are_read_only(CompareOptions(), address.is_public) == reaches_others
    assert not notes_are_read_only(CompareOptions(shared_notes=True), address.is_public)


SERVED_BY_OTHERS = """
import asyncio, gc
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from gala_viz.commands import page_server

async def asked(address, origins=(), **more):
    page_server._reach.clear()
    bokeh = BokehTornado({}, extra_websocket_origins=list(origins))
    server = HTTPServer(Application(), **more)
    server.add_sockets(bind_sockets(0, address))
    try:
        return page_server.server_is_public()
    finally:
        server.stop()
        del bokeh, server
        gc.collect()

print(page_server.server_is_public())
for given in [
    dict(address="127.0.0.1", origins=["localhost:5006"]), dict(address=None), dict(address="127.0.0.1", xheaders=True),
    dict(address="127.0.0.1", origins=["lab.example.org"]),
]:
    print(asyncio.run(asked(**given)))
"""


def test_a_server_that_panel_serve_started_is_asked_where_it_listens():
    done = subprocess.run([sys.executable, "-c", SERVED_BY_OTHERS], capture_output=True, text=True, check=True)
    before, loopback, *others = done.stdout.split()
    assert before == "True", "what cannot be told counts as reached by others"
    assert loopback == "False"
    assert others == ["True"] * 3


def test_without_a_screen_no_browser_is_opened(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_browser()


def test_a_taken_port_says_which_and_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"port {port} is taken by another program.*--port {port + 1}"):
            page_server.serve({"compare": lambda: "a page"}, ServerAddress(port=port, address="127.0.0.1", show=False))


def test_an_address_of_another_machine_is_refused_with_advice():
    with pytest.raises(OSError, match=r"'203\.0\.113\.1' cannot be served .*--address localhost"):
        page_server.serve(
            {"compare": lambda: "a page"}, ServerAddress(port=free_port(), address="203.0.113.1", show=False)
        )


@pytest.mark.parametrize("prefix", ["lab/tools", *slow("")])
def test_a_served_page_answers_without_torch_and_ends_quietly(prefix):
    port = free_port()
    with process("-c", TRIVIAL_PAGE.format(port=port, prefix=prefix)) as started:
        url = ServerAddress(port=port, prefix=prefix).url("compare")
        assert "<html" in first_answer(url, started)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=20)
        assert started.returncode == 0
        told, torch, message_bytes = out.rsplit(maxsplit=2)
        assert told == f"The page is at {url} (Ctrl-C ends it)."
        assert torch == "False"
        assert int(message_bytes) >= 20e6 * 4 / 3  # an upload of 20 MB travels as text
        assert "Traceback" not in err


def test_an_error_shows_itself_whole_where_that_is_asked_for(monkeypatch):
    monkeypatch.setenv("GALA_VIZ_TRACEBACK", "1")
    with pytest.raises(ValueError, match="no network called"):
        main(["compare", "--networks", "nobody", "nobody"])


def test_what_the_system_refuses_is_told_with_its_file_and_without_a_number(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file where a folder was to be")
    status, _, err = said(capsys, "paper", "--quick", "--out", str(tmp_path / "taken"))
    assert status == 2
    assert err.startswith(f"gala-viz: {tmp_path / 'taken'}")
    assert "Not a directory." in err
    assert "Errno" not in err


def test_ctrl_c_before_the_server_runs_ends_quietly(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gala_viz.commands.compare.check_address", interrupt)
    assert said(capsys, "compare") == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_the_page_of_compare_answers_and_ctrl_c_ends_it_quietly():
    port = free_port()
    command = ["compare", "--networks", "lite0", "lite0", "--device", "cpu", "--no-show", "--port", str(port)]
    with process("-m", "gala_viz", *command) as started:
        assert f"http://localhost:{port}/compare" in started.stdout.readline()
        assert "<html" in first_answer(f"http://localhost:{port}/compare", started)
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=30)
        assert started.returncode == 0
        assert "Traceback" not in err


def test_networks_that_are_not_named_are_those_that_know_the_collections_categories():
    assert CompareOptions(collection="photos").network_names == ("lite0-gala-vanilla", "lite0-gala-human")
    assert CompareOptions(collection="~/faces").network_names == ("lite0-gala-vanilla", "lite0-gala-human")
    assert CompareOptions(collection="rendered").network_names == ("rendered-gala", "rendered-gala-clickme")
    assert CompareOptions(collection="rendered", networks=("a", "b")).network_names == ("a", "b")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, "rendered"),
        ({"collection": "photos"}, "photos"),
        ({"networks": ("lite0", "timm:resnet18")}, "photos"),
        ({"networks": ("rendered-resnet", "rendered-se-seed1")}, "rendered"),
        ({"networks": ("rendered-resnet", "lite0")}, "photos"),
        ({"human_maps": "maps"}, "photos"),
        ({"records": "records.sqlite"}, "photos"),
        ({"game": "http://localhost:5007/game"}, "photos"),
        ({"device": "cpu", "layers": ("group1",), "notes": "none"}, "rendered"),
    ],
)
def test_the_collection_that_is_not_named_suits_what_is_named(asked, shown):
    assert CompareOptions(**asked).collection_name == shown
