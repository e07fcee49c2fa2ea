"""TensorFlow's checkpoints: what was written comes back, and no damage passes unseen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.networks.converters.tensorflow_checkpoint import CheckpointError, TensorFlowCheckpoint
from tests.networks.converters.bundle_writer import write_bundle

CHANCE = np.random.default_rng(0)
VARIABLES = {
    "conv2d/kernel": CHANCE.normal(size=(3, 3, 2, 4)).astype(np.float32),
    "conv2d_1/kernel": CHANCE.normal(size=(1, 1, 4, 4)).astype(np.float32),
    "dense/bias": CHANCE.normal(size=5),
    "empty": np.empty((0, 3), np.float32),
    "global_step": np.array(1234, np.int64),
}


@pytest.mark.parametrize("n_shards", [1, 3])
@pytest.mark.parametrize("per_block", [1, 2, 50])
def test_variables_come_back_from_any_number_of_shards_and_blocks(tmp_path, n_shards, per_block):
    prefix = write_bundle(tmp_path / "model.ckpt-1234", VARIABLES, n_shards=n_shards, per_block=per_block)
    checkpoint = TensorFlowCheckpoint(prefix)
    assert checkpoint.shapes == {name: values.shape for name, values in VARIABLES.items()}
    for name, values in VARIABLES.items():
        np.testing.assert_array_equal(checkpoint.read(name), values)


def test_a_checkpoint_is_found_by_prefix_by_index_and_by_folder(tmp_path):
    prefix = write_bundle(tmp_path / "model.ckpt-7", VARIABLES)
    for path in (prefix, f"{prefix}.index", tmp_path):
        assert TensorFlowCheckpoint(path).prefix == prefix
    write_bundle(tmp_path / "model.ckpt-8", VARIABLES)
    with pytest.raises(FileNotFoundError, match=r"it holds: model\.ckpt-7, model\.ckpt-8\. Name one"):
        TensorFlowCheckpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt\.index is not there"):
        TensorFlowCheckpoint(tmp_path / "model.ckpt")


def test_values_that_do_not_fit_their_checksum_are_refused(tmp_path):
    prefix = write_bundle(tmp_path / "model", VARIABLES)
    data = tmp_path / "model.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[3] ^= 1
    data.write_bytes(content)
    with pytest.raises(CheckpointError, match="the values of conv2d/kernel do not fit their checksum"):
        TensorFlowCheckpoint(prefix).read("conv2d/kernel")
    data.write_bytes(content[:10])
    with pytest.raises(CheckpointError, match="do not fit"):
        TensorFlowCheckpoint(prefix).read("conv2d_1/kernel")


@settings(max_examples=200)
@given(data=st.data())
def test_any_flip_or_cut_of_the_index_is_seen_or_changes_nothing(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    prefix = write_bundle(folder / "model", VARIABLES, per_block=2)
    index = folder / "model.index"
    content = bytearray(index.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:where]
    else:
        content[where] ^= 1 << data.draw(st.integers(0, 7))
    index.write_bytes(content)
    try:
        found = TensorFlowCheckpoint(prefix)
        values = {name: found.read(name) for name in found.shapes}
    except CheckpointError:
        return
    assert values.keys() == VARIABLES.keys()
    for name, expected in VARIABLES.items():
        np.testing.assert_array_equal(values[name], expected)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_an_index(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "model.index").write_bytes(content + bytes.fromhex("57fb808b247547db"))
    with pytest.raises(CheckpointError, match=r"model\.index"):
        TensorFlowCheckpoint(folder)
