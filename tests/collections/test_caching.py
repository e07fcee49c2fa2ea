"""Files that appear whole or not at all."""

import os
import stat

from gala_viz.collections.caching import write_atomically


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


def test_where_nothing_can_be_written_nothing_is_left(tmp_path):
    (tmp_path / "taken").mkdir()
    assert not write_atomically(tmp_path / "taken", b"a")
    (tmp_path / "file").write_bytes(b"")
    assert not write_atomically(tmp_path / "file" / "inside", b"a")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "taken"]
