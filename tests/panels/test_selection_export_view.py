"""Export on a page: a file in a thread, a link that nobody can guess, nothing left behind."""

from pathlib import Path

import pytest
import tornado.web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from gala_viz.panels.file_downloads import download_routes, offer_file, withdraw_file
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.selection_export_view import CANCELLED, SelectionExportView
from gala_viz.panels.view_state import CurrentImage
from tests.loops import in_own_loop
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT, until


@pytest.fixture
def gallery():
    source = FakeSource(count=8)
    gallery = Gallery(source, CollectionIndex(source), CurrentImage(), SCRIPT)
    yield gallery
    gallery.close()


@pytest.fixture
def taking(gallery):
    taking = SelectionExportView(gallery.source, gallery, SCRIPT, lambda: gallery.source.request)
    yield taking
    taking.close()


def test_the_photographs_shown_become_a_file_with_a_link(taking, gallery):
    gallery.settings.search = "cat"
    taking.start()
    until(lambda: "Save scores.csv" in taking.link.object)
    lines = (Path(taking._folder.name) / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [gallery.index.images[at] for at in gallery.positions]
    assert taking._address in taking.link.object
    assert not taking.bar.busy


@pytest.mark.slow
def test_another_file_takes_the_place_of_the_one_before_and_the_end_of_the_session_deletes_it(taking):
    taking.start()
    until(lambda: taking.link.object)
    first, folder = taking._address, Path(taking._folder.name)
    taking.form.receive("format", "netcdf")
    assert "at most 200" in taking.form.states["format"]["hint"]
    taking.start()
    until(lambda: "Save maps.nc" in taking.link.object)
    assert taking._address != first
    taking.close()
    assert not folder.exists()


def test_cancel_makes_no_file_and_says_so():
    source = FakeSource(count=8, delay_s=0.05)
    gallery = Gallery(source, CollectionIndex(source), CurrentImage(), SCRIPT)
    taking = SelectionExportView(source, gallery, SCRIPT, lambda: source.request)
    taking.form.receive("format", "zarr")
    taking.start()
    until(lambda: "1 of 8" in taking.bar.text)
    taking._cancel()
    source.delay_s = 0
    until(lambda: source.cancelled_jobs or source.asked.total() > 0)
    taking._worker.close()  # once its thread has ended nothing comes any more
    assert taking.bar.text == CANCELLED
    assert not taking.link.object
    assert list(Path(taking._folder.name).iterdir()) == []
    taking.close()
    gallery.close()


def test_what_is_refused_is_said(taking, gallery):
    gallery.settings.search = "no such photograph"
    taking.start()
    until(lambda: "no photograph is shown" in taking.bar.text)
    assert not taking.bar.busy


def test_an_offered_file_comes_whole_under_its_name_and_is_gone_when_it_is_withdrawn(tmp_path):
    file = tmp_path / "maps.nc"
    file.write_bytes(bytes(range(256)) * 4000)
    address = offer_file(file, 'maps of "Ä".nc')

    async def fetch_all():
        server = HTTPServer(tornado.web.Application(download_routes()))
        (socket,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([socket])
        at = f"http://127.0.0.1:{socket.getsockname()[1]}"

        async def fetch(path):
            return await AsyncHTTPClient().fetch(f"{at}/{path}", raise_error=False)

        answers = [await fetch(address), await fetch("download/../../etc/passwd")]
        withdraw_file(address)
        answers.append(await fetch(address))
        server.stop()
        return answers

    answer, guessed, withdrawn = in_own_loop(fetch_all())
    assert (answer.code, answer.body) == (200, file.read_bytes())
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert 'filename="maps_of____.nc"' in answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''maps%20of%20%22%C3%84%22.nc" in answer.headers["Content-Disposition"]
    assert (guessed.code, withdrawn.code) == (404, 404)
