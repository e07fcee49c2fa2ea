"""A download comes whole or not at all, goes on where it stopped, and says what went wrong."""

from __future__ import annotations

import hashlib
import resource
import shutil
from types import SimpleNamespace

import pytest

from gala_viz.fetch.download import TRIES, ChecksumError, DownloadError, download
from tests.fetch.server import Site, serving

CONTENT = bytes(range(256)) * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site():
    with serving(Site({"/a.bin": CONTENT})) as one:
        yield one


def fetched(site, target, **options):
    said = []
    digest = download(f"{site.address}/a.bin", target, say=said.append, pause=lambda _: None, **options)
    return digest, said


def test_a_file_comes_whole_with_its_checksum_and_nothing_stays_beside_it(site, tmp_path):
    seen = []
    digest, said = fetched(site, tmp_path / "in" / "a.bin", progress=lambda *one: seen.append(one))
    assert digest == SHA
    assert said == []
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.bin"]


def test_a_cut_connection_goes_on_where_it_stopped(site, tmp_path):
    site.cuts = [300_000, 200_000]
    digest, said = fetched(site, tmp_path / "a.bin")
    assert digest == SHA
    starts = [int(asked.removeprefix("bytes=").rstrip("-") or 0) for _, asked in site.requests]
    assert starts[0] == 0
    assert 0 < starts[1] <= 300_000 < starts[2] <= 500_000
    assert all("cut" in sentence for sentence in said)


def test_a_later_call_goes_on_too_and_tells_how_much_is_kept(site, tmp_path):
    site.cuts = [300_000] + [0] * TRIES
    with pytest.raises(DownloadError, match="bytes are kept, and the same command goes on"):
        fetched(site, tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin.part").stat().st_size > 0
    site.requests.clear()
    assert fetched(site, tmp_path / "a.bin")[0] == SHA
    assert len(site.requests) == 1
    assert site.requests[0][1].startswith("bytes=")


def test_a_server_without_ranges_sends_all_again_and_that_is_said(site, tmp_path):
    site.cuts, site.ranges = [300_000], False
    digest, said = fetched(site, tmp_path / "a.bin")
    assert digest == SHA
    assert "does not go on" in said[-1]


def test_a_file_that_changed_between_two_calls_is_not_patched_together(site, tmp_path):
    site.cuts = [300_000] + [0] * TRIES
    with pytest.raises(DownloadError):
        fetched(site, tmp_path / "a.bin")
    site.files["/a.bin"], site.etag = CONTENT[::-1], '"two"'
    assert fetched(site, tmp_path / "a.bin")[0] == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_without_a_mark_of_the_version_a_cut_file_starts_anew(site, tmp_path):
    site.cuts, site.etag = [300_000], ""
    assert fetched(site, tmp_path / "a.bin")[0] == SHA
    assert [asked for _, asked in site.requests] == ["", ""]


def test_a_server_without_a_mark_that_cuts_again_and_again_is_given_up_and_no_more_is_promised(site, tmp_path):
    site.cuts, site.etag = [200_000, 300_000, *[100_000, 250_000] * TRIES], ""
    with pytest.raises(DownloadError, match="the same command begins anew") as told:
        fetched(site, tmp_path / "a.bin")
    assert "bytes are kept" not in str(told.value)
    assert len(site.requests) <= 2 + TRIES


def test_a_server_that_packs_the_file_unasked_is_refused_at_once(site, tmp_path):
    site.encoding = "gzip"
    with pytest.raises(DownloadError, match=r"packs the file \(gzip\) though it was asked not to"):
        fetched(site, tmp_path / "a.bin")
    assert len(site.requests) == 1


def test_a_kept_part_that_is_longer_than_the_file_starts_anew(site, tmp_path):
    site.cuts = [300_000] + [0] * TRIES
    with pytest.raises(DownloadError):
        fetched(site, tmp_path / "a.bin")
    (tmp_path / "a.bin.part").write_bytes(CONTENT * 2)
    assert fetched(site, tmp_path / "a.bin")[0] == SHA


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_wrong_checksum_is_refused_and_nothing_of_the_file_stays(site, tmp_path, algorithm):
    right = hashlib.new(algorithm, CONTENT).hexdigest()
    with pytest.raises(ChecksumError, match="another checksum than expected"):
        fetched(site, tmp_path / "a.bin", checksum=f"{algorithm}:{right[::-1]}")
    assert list(tmp_path.iterdir()) == []
    assert fetched(site, tmp_path / "a.bin", checksum=f"{algorithm}:{right}")[0] == SHA


def test_404_is_told_at_once_with_advice(site, tmp_path):
    with pytest.raises(DownloadError, match=r"404 Not Found.*--mirror"):
        download(f"{site.address}/gone.bin", tmp_path / "gone.bin")
    assert len(site.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again(site, tmp_path):
    site.statuses = [503, 429]
    digest, said = fetched(site, tmp_path / "a.bin")
    assert digest == SHA
    assert "503" in said[0]


def test_nobody_at_the_address_is_a_sentence(tmp_path):
    with serving(Site({})) as gone:
        address = gone.address
    with pytest.raises(DownloadError, match="no connection"):
        download(f"{address}/a.bin", tmp_path / "a.bin", pause=lambda _: None)


def test_a_redirect_to_another_host_is_followed_and_told(site, tmp_path):
    with serving(Site({}, redirect=site.address)) as first:
        digest, said = fetched(first, tmp_path / "a.bin")
    assert digest == SHA
    assert said == [f"{first.address[7:]} redirects to {site.address[7:]}, which sends the file"]


def test_a_redirect_in_a_circle_is_a_sentence(tmp_path):
    with serving(Site({})) as one:
        one.redirect = one.address
        with pytest.raises(DownloadError, match="no connection"):
            fetched(one, tmp_path / "a.bin")


def test_a_web_page_in_place_of_a_file_is_refused(site, tmp_path):
    site.content_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="a web page came"):
        fetched(site, tmp_path / "a.bin")


def test_what_does_not_begin_like_its_kind_is_refused(tmp_path):
    with serving(Site({"/a.zip": b"sign in first" * 100})) as one, pytest.raises(DownloadError, match="not begin like"):
        download(f"{one.address}/a.zip", tmp_path / "a.zip")


def test_too_little_room_is_told_before_anything_is_sent(site, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match="1,000 are free"):
        fetched(site, tmp_path / "a.bin")


def test_a_disk_that_fills_up_keeps_what_came_and_goes_on_later(site, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        with pytest.raises(DownloadError, match="the disk is full"):
            fetched(site, tmp_path / "a.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 0 < (tmp_path / "a.bin.part").stat().st_size <= 400_000
    assert fetched(site, tmp_path / "a.bin")[0] == SHA
