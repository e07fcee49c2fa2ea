"""The paper's recipe at its own size, on made ClickMe shards: one epoch, killed and resumed, and by two processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from gala_viz.training.checkpoints import INTERRUPTED_CHECKPOINT
from tests.browser.conftest import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Two shards of training records and one of validation, 256 x 256 px, of ImageNet's first three categories."""
    folder = tmp_path_factory.mktemp("clickme")
    rng = np.random.default_rng(0)
    for name, numbers in {"train-0": range(6), "train-1": range(6, 12), "val-0": range(12, 16)}.items():
        rows = []
        for number in numbers:
            heat = np.zeros((256, 256), np.float32)
            heat[40 + 10 * number : 80 + 10 * number, 60:140] = 1
            picture = rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)
            rows.append(ClickMeRecord(picture, heat, number % 3, 9, f"{name.split('-')[0]}/{number}.JPEG"))
        write_tfrecords(folder / f"clickme_{name}.tfrecords", rows)
    return folder


def command(shards, folder, *options):
    words = [
        "-m",
        "gala_viz",
        "train",
        "gala-resnet50-clickme",
        "--maps",
        str(shards),
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]
    words += ["--batch-size", "4", "--warmup-epochs", "0.5", "--memory-gb", "0", "--workers", "1", "--quiet"]
    return [*words, "--out", str(folder / "nets"), "--runs", str(folder / "runs"), *options]


def environment(**more):
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", **more}


def weights(folder):
    return load_network(folder / "nets" / "gala-resnet50-clickme", device="cpu").module.state_dict()


def test_an_epoch_on_shards_that_is_killed_and_resumed_is_that_of_an_uninterrupted_one(shards, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    told = subprocess.run(
        [sys.executable, *command(shards, whole)], env=environment(), capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr[-3000:]
    assert "stay in their files and are read in every epoch" in told.stdout
    assert "3 steps of 4 images an epoch" in told.stdout
    assert "highest rate 0.001563" in told.stdout

    checkpoint = killed / "runs" / "gala-resnet50-clickme" / INTERRUPTED_CHECKPOINT
    process = subprocess.Popen(
        [sys.executable, *command(shards, killed, "--checkpoint-minutes", "0")],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not checkpoint.is_file():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    again = subprocess.run(
        [sys.executable, *command(shards, killed)], env=environment(), capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr[-3000:]
    assert "goes on from" in again.stdout
    resumed = weights(killed)
    assert all(torch.equal(value, resumed[key]) for key, value in weights(whole).items())
    card = read_card(whole / "nets" / "gala-resnet50-clickme")
    assert card["weights"]["parameters"] > 24e6
    assert card["data"]["collections"][0]["maps_train"] == "12 of 12 maps usable"
    assert card["recipe"]["attention_weight"] == 6


def test_two_processes_train_on_shards_and_one_card_says_so(shards, tmp_path):
    port = free_port()
    launch = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1", f"--master-port={port}"]
    told = subprocess.run(
        [sys.executable, "-W", "ignore", *launch, *command(shards, tmp_path)],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    assert "batch norms of each process are of its own images" in told.stdout
    card = read_card(tmp_path / "nets" / "gala-resnet50-clickme")
    assert card["made"]["trained_on"] == "CPU, 2 processes, 32-true, 1 thread"
    assert card["made"]["steps"] == 3
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())
