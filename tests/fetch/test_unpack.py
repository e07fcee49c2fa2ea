"""Archives are unpacked within bounds: nothing outside, no links, no bombs, and again without harm."""

from __future__ import annotations

import stat
import zipfile

import pytest

from gala_viz.fetch.unpack import ArchiveError, unpack_zip


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return path


def test_files_and_folders_come_out_as_they_are_without_litter(tmp_path):
    source = archive(
        tmp_path / "a.zip", [("x/", b""), ("x/a.jpg", b"one"), ("__MACOSX/._a", b"no"), ("x/.DS_Store", b"no")]
    )
    assert unpack_zip(source, tmp_path / "out") == 1
    assert (tmp_path / "out" / "x" / "a.jpg").read_bytes() == b"one"
    assert {path.name for path in (tmp_path / "out").rglob("*")} == {"x", "a.jpg"}


def test_an_unpacking_goes_on_and_leaves_what_is_there(tmp_path):
    source = archive(tmp_path / "a.zip", [("a", b"one"), ("b", b"two")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"one")
    before = (tmp_path / "out" / "a").stat().st_mtime_ns
    assert unpack_zip(source, tmp_path / "out") == 2
    assert (tmp_path / "out" / "a").stat().st_mtime_ns == before
    assert (tmp_path / "out" / "b").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["../a", "/a", "x/../../a", "x\\..\\a", "C:/a", "a\x1bb"])
def test_a_name_that_leads_out_writes_nothing(tmp_path, name):
    source = archive(tmp_path / "a.zip", [("fine", b"x"), (name, b"x")])
    with pytest.raises(ArchiveError, match="nothing is unpacked"):
        unpack_zip(source, tmp_path / "in" / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


def test_a_link_in_an_archive_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ArchiveError, match="a link or a device"):
        unpack_zip(archive(tmp_path / "a.zip", [(link, "/etc")]), tmp_path / "out")


def test_a_link_in_the_folder_does_not_lead_out(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="leads elsewhere"):
        unpack_zip(archive(tmp_path / "a.zip", [("x/a", b"x")]), tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_bomb_is_refused_before_a_byte_is_written(tmp_path):
    source = archive(tmp_path / "a.zip", [(f"{one}", bytes(2**20)) for one in range(20)])
    with pytest.raises(ArchiveError, match="more than 100 times"):
        unpack_zip(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_name_twice_and_another_file_in_the_way_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        source = archive(tmp_path / "a.zip", [("a", b"1"), ("a", b"2")])
    with pytest.raises(ArchiveError, match="there twice"):
        unpack_zip(source, tmp_path / "out")
    (tmp_path / "b").write_bytes(b"mine, and longer")
    with pytest.raises(ArchiveError, match="another file is at"):
        unpack_zip(archive(tmp_path / "b.zip", [("b", b"x")]), tmp_path)
    assert (tmp_path / "b").read_bytes() == b"mine, and longer"


@pytest.mark.parametrize("place", [0, 40, -30])
def test_a_damaged_archive_is_a_sentence(tmp_path, place):
    source = archive(tmp_path / "a.zip", [("a", b"content" * 50)], zipfile.ZIP_STORED)
    content = bytearray(source.read_bytes())
    content[place] ^= 0xFF
    source.write_bytes(content[: len(content) - (20 if place == -30 else 0)])
    with pytest.raises(ArchiveError, match="damaged"):
        unpack_zip(source, tmp_path / "out")
    assert not (tmp_path / "out" / "a").exists()
