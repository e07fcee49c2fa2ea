"""Files that appear whole or not at all."""

import io
import os
import stat

import numpy as np
import pytest

from gala_viz.cache import read_npz, write_atomically


def test_a_written_file_is_as_readable_as_any_other_of_its_writer(tmp_path):
    before = os.umask(0o022)
    try:
        assert write_atomically(tmp_path / "new" / "collection.toml", b"a = 1")
    finally:
        os.umask(before)
    written = tmp_path / "new" / "collection.toml"
    assert written.read_bytes() == b"a = 1"
    assert stat.S_IMODE(written.stat().st_mode) == 0o644
    assert [one.name for one in written.parent.iterdir()] == ["collection.toml"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_is_read_as_it_was_or_not_at_all_whichever_byte_of_it_was_turned(save):
    whole = io.BytesIO()
    values, names = np.random.default_rng(0).random(40), np.array(["a", "b"])
    save(whole, values=values, names=names)
    content = whole.getvalue()
    np.testing.assert_array_equal(read_npz(io.BytesIO(content))["values"], values)
    for place in range(len(content)):
        for turned in (1, 8, 255):
            damaged = content[:place] + bytes([content[place] ^ turned]) + content[place + 1 :]
            found = read_npz(io.BytesIO(damaged))
            assert found is None or np.array_equal(found.get("values", values), values)


def test_where_nothing_can_be_written_nothing_is_left(tmp_path):
    (tmp_path / "taken").mkdir()
    assert not write_atomically(tmp_path / "taken", b"a")
    (tmp_path / "file").write_bytes(b"")
    assert not write_atomically(tmp_path / "file" / "inside", b"a")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "taken"]
