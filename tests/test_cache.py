"""Arrays in files: found by their key, whole or not at all, never run."""

import numpy as np
import pytest

from gala_viz.cache import ArrayCache, BoundedCache


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back_by_their_key(tmp_path, compressed):
    cache = ArrayCache(tmp_path, compressed=compressed)
    cache.write("one", {"values": np.arange(3), "text": np.array("näh")})
    back = ArrayCache(tmp_path).read("one")
    np.testing.assert_array_equal(back["values"], np.arange(3))
    assert str(back["text"]) == "näh"
    assert back.keys() == {"values", "text"}
    assert cache.read("two") is None


def test_pickled_objects_are_never_loaded(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.write("key", {"values": np.ones(3)})
    (file,) = tmp_path.rglob("*.npz")
    np.savez(file, key=np.array("key"), values=np.array([{"code": 1}], dtype=object), allow_pickle=True)
    assert cache.read("key") is None


def test_a_file_of_another_key_is_not_taken(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.write("one", {"values": np.ones(3)})
    (file,) = tmp_path.rglob("*.npz")
    cache.write("two", {"values": np.zeros(3)})
    (other,) = set(tmp_path.rglob("*.npz")) - {file}
    file.replace(other)
    assert cache.read("two") is None


def test_without_a_folder_nothing_is_written_and_without_memory_nothing_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = ArrayCache()
    cache.write("key", {"values": np.ones(3)})
    cache.remember("key", "object", 10)
    assert cache.read("key") is None
    assert cache.recall("key") is None
    assert not list(tmp_path.iterdir())


def test_caches_of_different_folders_share_memory_and_not_their_objects(tmp_path):
    memory = BoundedCache(2**20)
    one, other = (ArrayCache(tmp_path / name, memory=memory) for name in "ab")
    one.remember("key", "object", 10)
    assert one.recall("key") == "object"
    assert other.recall("key") is None
    assert memory.n_bytes == 10
