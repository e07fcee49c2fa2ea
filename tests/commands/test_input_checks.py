"""What can be checked is checked before a page is announced: bad inputs as somebody might give them."""

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gala_viz.batch.described import store_spec
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.commands import compare_app
from gala_viz.commands.page_server import ServerAddress, check_address, create_server
from gala_viz.networks.zoo import load_network
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.store.creation import create_store
from tests.batch import lab

NETWORKS = """
import torch
from torch import nn

def fine():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

def raises():
    raise RuntimeError("the licence server is away")

def number():
    return 7

def no_logits():
    return nn.Conv2d(3, 4, 3)

def wrong_categories():
    module = fine()
    module.categories = ["hare", "tram"]
    return module

def not_a_number():
    module = fine()
    nn.init.constant_(module[0].weight, float("nan"))
    return module

class Breaks(nn.Module):
    categories = ["hare", "tram"]

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 2)

    def forward(self, images):
        return self.last(images)

def own_network():
    from gala_viz.networks.network import Network
    from gala_viz.networks.preprocessing import Preprocessing
    preprocessing = Preprocessing(short_px=32, crop_px=32, mean=(0.0,) * 3, std=(1.0,) * 3)
    return Network(fine(), name="own", preprocessing=preprocessing, categories=("a", "b", "c"), device="cpu")
"""


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    """Photographs with maps, two networks and a store of them; beside them one of each thing that cannot be used."""
    root = tmp_path_factory.mktemp("corner")
    photos, maps = lab.photographs(root, count=4)
    folders = lab.networks(root)
    collection = open_collection(photos, human_maps=maps)
    networks = [load_network(folder, "cpu") for folder in folders]
    spec = store_spec(
        collection, collection.images, networks, {"saliency": None}, opened_as=str(photos), human_maps=str(maps),
        networks_as=[str(folder) for folder in folders],
    )  # fmt: skip
    create_store(root / "maps.zarr", spec, collection.images)
    create_store(root / "single.zarr", replace(spec, networks=spec.networks[:1]), collection.images)
    (root / "empty").mkdir()
    (root / "toml").mkdir()
    (root / "toml" / "collection.toml").write_text("no = [toml")
    (root / "tf").mkdir()
    (root / "tf" / "a.tfrecord").write_bytes(b"no record" * 9)
    shutil.copytree(folders[0], root / "damaged")
    content = bytearray((root / "damaged" / "weights.safetensors").read_bytes())
    content[-1] ^= 255
    (root / "damaged" / "weights.safetensors").write_bytes(bytes(content))
    shutil.copytree(folders[0], root / "misfit")
    card = (root / "misfit" / "card.toml").read_text()
    (root / "misfit" / "card.toml").write_text(card.replace("base_filters = 4", "base_filters = 8"))
    shutil.copytree(folders[0], root / "nocard")
    (root / "nocard" / "card.toml").write_text("a = [")
    (root / "others").mkdir()
    Image.fromarray(np.full((40, 40), 9, np.uint8)).save(root / "others" / "zebra.png")
    (root / "others2").mkdir()
    shutil.copy(root / "others" / "zebra.png", root / "others2")
    (root / "unreadable").mkdir()
    for number in range(3):
        (root / "unreadable" / f"{number:02d}.png").write_bytes(b"no picture")
    (root / "clicks.csv").write_text("a,b\n1,2\n")
    (root / "maps.h5").write_text("no HDF5")
    (root / "words.txt").write_text("no database, just words " * 99)
    (root / "opening_networks.py").write_text(NETWORKS)
    (root / "opening_syntax.py").write_text("def f(:\n")
    (root / "experiment").mkdir()
    (root / "experiment" / "experiment.toml").write_text("a = [")
    with sqlite3.connect(root / "birds.sqlite") as other:
        other.execute("CREATE TABLE settings (name TEXT)")
    return root


@pytest.fixture
def refused(corner, monkeypatch, capsys):
    """``refused(command)``: what a command says on stderr that must end with status 2 before it serves anything."""
    monkeypatch.chdir(corner)
    for name in ("compare", "game", "experiment.run"):
        monkeypatch.setattr(f"gala_viz.commands.{name}.serve", lambda *_, **__: pytest.fail("the page was announced"))
        monkeypatch.setattr(f"gala_viz.commands.{name}.check_address", lambda at: None)

    def run(command):
        capsys.readouterr()
        status = main(command.split())
        captured = capsys.readouterr()
        *steps, last = captured.err.splitlines()
        assert (status, captured.out) == (2, "")
        assert all(step.endswith("…") for step in steps), "before the sentence there is only progress"
        return last.removeprefix("gala-viz: ")

    return run


PAIR = "--collection photos --networks plain gala"
BAD = {
    "a collection that is not there": ("--collection nowhere", "no collection or folder called 'nowhere'"),
    "a folder without photographs": ("--collection ./empty", "holds no photographs; expected PNG"),
    "a collection.toml that is none": ("--collection ./toml", "collection.toml: not a TOML file"),
    "records that are damaged": ("--collection ./tf", "a.tfrecord is no TFRecord file"),
    "a network that is not there": ("--networks lite-0 lite0", "no network called 'lite-0'. Did you mean 'lite0'?"),
    "a folder without a card": ("--networks ./empty lite0", "not found; a network's folder holds card.toml"),
    "a card that is none": ("--networks ./nocard lite0", "card.toml: not a TOML file"),
    "weights that are damaged": ("--networks ./damaged lite0", "the file is damaged or not this card's"),
    "weights of another network": ("--networks ./misfit lite0", "has shape"),
    "a module that is not there": ("--networks opening_nothing:f lite0", "No module named 'opening_nothing'"),
    "a module that cannot be read": ("--networks opening_syntax:f lite0", "cannot be imported: SyntaxError"),
    "a function that is not there": ("--networks opening_networks:f lite0", "opening_networks has no f"),
    "a function that fails": (
        "--networks opening_networks:raises lite0",
        "it raised RuntimeError: the licence server is away",
    ),
    "a function that gives no network": ("--networks opening_networks:number lite0", "a gala_viz Network; got int"),
    "a network without logits": ("--networks opening_networks:no_logits lite0", "to logits (B, category)"),
    "a network that fails": ("--networks opening_networks:Breaks lite0", "forward pass on images (2, 3, 224, 224)"),
    "categories that are not those of the logits": (
        "--networks opening_networks:wrong_categories lite0",
        "logits (2, 2) of two images, one for each of its categories, were expected; got (2, 3)",
    ),
    "another device than a ready network's": (
        "--networks opening_networks:own_network lite0 --precision bfloat16",
        "computes in float32, precision 'bfloat16' was asked for",
    ),
    "a layer that is not there": (f"{PAIR} --layers grups", "no module called 'grups'"),
    "a layer that gives no map": (
        "--collection ./photos --networks opening_networks:fine opening_networks:fine --layers 3",
        "a layer's map has rows and columns of the image",
    ),
    "a device that is not there": (f"{PAIR} --device cuda:99", "device 'cuda:99' was asked for"),
    "a device that nobody knows": (f"{PAIR} --device gpu", "a device is 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"),
    "a device that holds nothing": (f"{PAIR} --device meta", "got 'meta', which cannot compute here"),
    "a precision that nobody knows": (
        f"{PAIR} --precision float8",
        "precision is 'float32', 'tf32', 'bfloat16' or 'auto'; got 'float8'",
    ),
    "a store that is not there": ("--store nowhere.zarr", "nowhere.zarr is none"),
    "a store that is none": ("--store empty", "is no store of maps"),
    "a store of one network": ("--store single.zarr", "a page compares two of them"),
    "a store of another kind of collection": (
        "--store maps.zarr --collection rendered",
        "--collection rendered cannot be opened as when the store was made",
    ),
    "a store of other photographs": (
        "--store maps.zarr --collection ./others --human-maps ./others2",
        "not, or no longer, the collection that",
    ),
    "networks that are not in the store": ("--store maps.zarr --networks plain lite0", "holds plain, gala"),
    "a device that is not there, with a store": ("--store maps.zarr --device gpu", "a device is 'auto', 'cpu'"),
    "a precision that nobody knows, with a store": ("--store maps.zarr --precision float8", "got 'float8'"),
    "a layer that is not there, with a store": ("--store maps.zarr --layers grups", "no module called 'grups'"),
    "records in a folder": ("--collection photos --records empty", "cannot be opened"),
    "records that are words": ("--collection photos --records words.txt", "cannot be opened"),
    "records of another program": ("--collection photos --records birds.sqlite", "birds.sqlite"),
    "records by an unknown driver": ("--collection photos --records nosql://a@b/c", "no driver for it is installed"),
    "records that are words, with a store": ("--store maps.zarr --records words.txt", "cannot be opened"),
    "notes in a folder": ("--collection photos --notes empty", "cannot be opened"),
    "maps that are not there": ("--collection ./photos --human-maps nowhere", "nowhere is not there"),
    "maps of other photographs": (
        "--collection ./photos --human-maps others",
        "none of its 1 PNG, JPEG, NPY or NPZ files",
    ),
    "a folder without maps": ("--collection ./photos --human-maps empty", "none of its 0 PNG, JPEG, NPY or NPZ files"),
    "maps that cannot be read": ("--collection ./photos --human-maps unreadable", "none of the first 3 human maps"),
    "a table that is none of clicks": ("--collection ./photos --human-maps clicks.csv", "clicks.csv"),
    "an HDF5 file that is none": ("--collection ./photos --human-maps maps.h5", "maps.h5 is no HDF5 file"),
    "maps for a collection that has its own": ("--collection rendered --human-maps others", "its own kinds of maps"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_comparison_is_not_announced_with(what, refused, corner):
    options, told = BAD[what]
    options = options.replace("./", f"{corner}/").replace("plain gala", f"{corner}/plain {corner}/gala")
    assert told in refused(f"compare {options}")


def test_an_exploration_is_checked_like_a_comparison(refused):
    assert "holds no photographs" in refused("explore --collection ./empty")
    assert "got 'gpu'" in refused("explore --device gpu")


def test_a_library_that_is_not_installed_is_told_with_how_to_install_it(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert "install it with: pip install timm" in refused("compare --networks timm:resnet18 lite0")


def test_a_database_that_cannot_be_reached_is_told(refused):
    pytest.importorskip("psycopg")
    unreachable = "--records postgresql://nobody@127.0.0.1:9/x"
    assert "cannot be opened" in refused(f"compare --collection photos {unreachable}")
    assert "cannot be opened" in refused(f"game {unreachable}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--collection nowhere", "no collection or folder called 'nowhere'"),
        ("--collection ./empty", "holds no photographs"),
        ("--network lite1", "no network called 'lite1'"),
        ("--device gpu", "a device is 'auto', 'cpu'"),
        ("--records empty", "cannot be opened"),
        ("--records birds.sqlite", "birds.sqlite"),
        ("--top 1000", "--top is below the number of lite0's categories, 1000"),
        ("--collection ./others", "lite0 knows no category of others"),
        ("--network opening_networks:not_a_number", "3 of 3 logits of opening_networks:not_a_number are NaN"),
    ],
)
def test_a_game_is_not_announced_with(options, told, refused, tmp_path):
    records = "" if "--records" in options else f" --records {tmp_path / 'records.sqlite'}"
    assert told in refused(f"game {options}{records}")


@pytest.mark.parametrize("option", ["--catch-share 1", "--players-per-address 0", "--newcomers-per-hour 0", "--top 0"])
def test_numbers_that_make_no_game_are_refused(option, capsys):
    assert main(["game", *option.split()]) == 2
    assert option.split()[0] in capsys.readouterr().err


def test_a_password_that_is_too_short_is_told_before_the_game_is_announced(refused, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_PASSWORD", "short")
    assert "at least 8 letters" in refused("game")


def test_an_experiment_is_not_announced_where_there_is_none(refused):
    assert "experiment.toml" in refused("experiment run --folder nowhere")
    assert "is no experiment" in refused("experiment run --folder experiment")


@pytest.mark.parametrize(
    "options",
    ["--port 0", "--prefix lab?x=1", "--allow-websocket-origin https://lab.example.org", "--game localhost:5007"],
)
def test_addresses_that_cannot_be_served_are_refused(options, capsys):
    assert main(["compare", *options.split()]) == 2
    assert f"got {options.split()[1]}" in capsys.readouterr().err.replace("'", "")


@pytest.mark.filterwarnings("ignore:unclosed")  # by Tornado, of a socket whose port is taken
def test_a_taken_port_is_told_before_anything_is_opened(monkeypatch, capsys):
    monkeypatch.setattr(
        "gala_viz.commands.compare_app.prepare_compare_page", lambda *_: pytest.fail("something was opened")
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["compare", "--port", str(port), "--address", "127.0.0.1"]) == 2
    assert f"port {port} is taken by another program" in capsys.readouterr().err


class _NoIPv6(socket.socket):
    """A socket of a machine whose kernel knows no IPv6, or (``REFUSED``) one that has it without an address."""

    REFUSED = errno.EAFNOSUPPORT

    def __init__(self, family=-1, *arguments, **named):
        if family == socket.AF_INET6 and self.REFUSED == errno.EAFNOSUPPORT:
            raise OSError(self.REFUSED, "Address family not supported by protocol")
        super().__init__(family, *arguments, **named)

    def bind(self, address):
        if self.family == socket.AF_INET6:
            raise OSError(self.REFUSED, "Cannot assign requested address")
        super().bind(address)


class _NoLoopback6(_NoIPv6):
    REFUSED = errno.EADDRNOTAVAIL


@pytest.mark.parametrize("kind", [_NoIPv6, _NoLoopback6])
def test_a_machine_that_names_ipv6_and_has_none_serves_its_own_users(kind, monkeypatch, unused_port):
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", unused_port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", unused_port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    monkeypatch.setattr(socket, "socket", kind)
    check_address(ServerAddress(port=unused_port))
    server = create_server({}, ServerAddress(port=unused_port, show=False))
    server.stop()
    server.unlisten()


def test_what_was_opened_before_is_what_the_page_shows(corner, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        "gala_viz.networks.zoo.load_network", lambda name, *_, **__: loaded.append(name) or load_network(name, "cpu")
    )
    pair = (str(corner / "plain"), str(corner / "gala"))
    options = CompareOptions(collection=str(corner / "photos"), human_maps=str(corner / "maps"), networks=pair)
    steps = []
    compare_app.prepare_compare_page(options, steps.append)
    assert loaded == list(pair)
    source = compare_app.load_source(options, steps.append)
    assert loaded == list(pair), "nothing is loaded twice"
    assert [network.name for network in source.networks] == ["plain", "gala"]
    assert steps[0] == "Opening the collection…"
    assert compare_app.load_source(options, steps.append) is not source, "after that everything is opened anew"


SHIPPED = """
import sys
from gala_viz.commands.compare_app import prepare_compare_page
from gala_viz.panels.compare.compare_options import CompareOptions
prepare_compare_page(CompareOptions(collection="photos", notes="none"), lambda step: None)
print("torch" in sys.modules)
"""


def test_networks_that_come_with_the_program_load_while_the_page_stands(repository):
    command = [sys.executable, "-c", SHIPPED]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.strip() == "False"


def test_a_process_that_refuses_ends_with_one_sentence_and_no_address(corner, repository, unused_port):
    command = [sys.executable, "-m", "gala_viz", "compare", "--collection", str(corner / "empty"), "--no-show"]
    command += ["--port", str(unused_port)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"gala-viz: {corner / 'empty'} holds no photographs; expected")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("app", "options", "told"),
    [
        ("compare", ["--collection", "empty"], "holds no photographs"),
        ("game", ["--collection", "nowhere"], "no collection or folder called 'nowhere'"),
        ("compare", ["--colection", "photos"], "not understood"),
    ],
)
def test_panel_serve_that_warms_up_ends_before_it_announces_what_cannot_be_shown(
    app, options, told, corner, repository, unused_port
):
    command = [sys.executable, "-m", "panel", "serve", str(repository / "apps" / f"{app}.py"), "--warm"]
    command += ["--port", str(unused_port), "--args", *options]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    done = subprocess.run(command, cwd=corner, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert told in done.stderr
    assert "http://" not in done.stderr + done.stdout


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
