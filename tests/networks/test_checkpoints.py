"""Weights in the checkpoints of others' trainings: found, and what was around them is told."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import torch
from torch import nn

from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.state_dict_files import read_checkpoint

STATE = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict()


def under(prefix: str) -> dict:
    return {f"{prefix}{key}": value for key, value in STATE.items()}


CHECKPOINTS = {
    "Lightning": ({"state_dict": under("model."), "epoch": 3, "optimizer_states": []}, ["passed over: epoch"]),
    "Lightning, net, with a loss": ({"state_dict": {**under("net."), "loss.weight": torch.ones(2)}}, ["loss.weight"]),
    "DDP": (under("module."), ["the prefix 'module.' of all names is removed"]),
    "DDP and compile": ({"model": under("module._orig_mod.")}, ["'module._orig_mod.'"]),
    "torchvision": (
        {"model": dict(STATE), "optimizer": {"state": {}}, "args": argparse.Namespace(lr=0.1), "epoch": 1},
        ["weights under 'model' are taken", "args, epoch, optimizer"],
    ),
    "averages": (
        {"model": {key: 0 * value for key, value in STATE.items()},
         "model_ema": {"n_averaged": torch.tensor(3), **under("module.")}},
        ["weights under 'model_ema' are taken, and not those under 'model'"],
    ),
    "NumPy's numbers": ({"state_dict": dict(STATE), "best": np.float64(0.7)}, ["passed over: best"]),
    "plain": (dict(STATE), []),
}  # fmt: skip


@pytest.mark.parametrize(("content", "told"), CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_weights_are_found_and_what_was_around_them_is_told(tmp_path, content, told):
    torch.save(content, tmp_path / "a.ckpt")
    found = read_checkpoint(tmp_path / "a.ckpt")
    assert found.state.keys() == STATE.keys()
    for key, value in STATE.items():
        torch.testing.assert_close(found.state[key], value)
    assert bool(found.notes) == bool(told)
    for one in told:
        assert one in "; ".join(found.notes)


class Code:
    def __reduce__(self):
        return (print, ("run",))


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"model": dict(STATE), "args": Code()}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="nothing in it was run"):
        read_checkpoint(tmp_path / "a.pth")
    assert capsys.readouterr().out == ""


def test_tensors_without_names_are_no_weights(tmp_path):
    torch.save({1: torch.ones(3), "a": torch.ones(3)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"names such as 'conv1\.weight'; 1 of 2 here have none, for example '1'"):
        read_checkpoint(tmp_path / "a.pth")
