"""Any two of a page's networks: chosen, named by links, gone back to; all of them in a strip."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gala_viz.panels.compare.compare_page import ComparePage
from gala_viz.panels.explore.explore_page import ExplorePage
from gala_viz.panels.network_pair import choice_options, linked_pair, origin_of_pair
from gala_viz.panels.page_state import parse_query
from gala_viz.panels.presenting.room import find_room
from gala_viz.panels.shared_source import SharedSource
from gala_viz.plots.map_pictures import map_over_photo, photo_picture
from gala_viz.store.source import NetworkChoice
from tests.panels.fake_source import SIDE, FakeSource
from tests.panels.script import until as until_script

NAMES = ("lite0-gala-vanilla", "lite0-gala-human", "other-2", "other-3")


@pytest.fixture(scope="module")
def shared():
    found = SharedSource(lambda say: FakeSource(count=8, n_networks=4)).start()
    found._thread.join(60)
    assert found.state == "ready", found.error
    return found


@pytest.fixture(params=[ComparePage, ExplorePage])
def page(request, shared):
    page = request.param(shared)
    yield page
    page.close()


@pytest.fixture
def compare(shared):
    page = ComparePage(shared)
    yield page
    page.close()


def until(page, condition):
    def happened():
        page.document.run_pending()
        return condition()

    until_script(happened)


def shown(page):
    return tuple(network.name for network in page.view.source.networks)


def address(page):
    return dict(parse_query(page._persistence.address_sync.state.query))


def test_choosing_a_network_shows_the_page_with_it_in_the_same_state(page):
    page.view.current.image = "photo 00003"
    before = address(page)
    assert (before["first"], before["second"]) == NAMES[:2]
    page.view.chooser.forms["second"].receive("second", "other-3")
    assert page.view.chooser.forms["second"].values["second"] == NAMES[1], "the title is that of the maps below it"
    until(page, lambda: shown(page) == (NAMES[0], "other-3"))
    assert page.view.current.image == "photo 00003"
    assert address(page) == {**before, "second": "other-3"}
    assert page._persistence.address_sync.bar.push_history
    assert "other-3" in page.subtitle.object
    page._persistence.address_sync._heard({"query": "v=2&image=photo%2000001"})
    until(page, lambda: shown(page) == NAMES[:2])
    assert page.view.current.image == "photo 00001"
    assert not page._persistence.address_sync.bar.push_history, "the browser has gone back by itself"


def test_a_link_opens_its_pair_and_one_that_is_not_there_is_told(page, shared):
    page._persistence.address_sync._heard({"query": "first=other-2&second=lite0-gala-human&image=photo%2000004"})
    until(page, lambda: shown(page) == ("other-2", NAMES[1]))
    assert page.view.current.image == "photo 00004"
    page._persistence.address_sync._heard({"query": "v=2&first=lite0-gala-vanilla&second=nobody"})
    until(page, lambda: shown(page) == NAMES[:2])
    assert "The link asks for second" in page.view.alert.object
    assert "nobody" in page.view.alert.object


def test_a_network_that_cannot_be_loaded_leaves_the_page_as_it_is(page, monkeypatch):
    def gone(self, first, second):
        raise ValueError("the weights are gone")

    monkeypatch.setattr(FakeSource, "pair", gone)
    page.view.chooser.forms["first"].receive("first", "other-2")
    until(page, lambda: "the weights are gone" in page.view.alert.object)
    assert shown(page) == NAMES[:2]
    assert page.view.chooser.forms["first"].values["first"] == NAMES[0]


def test_the_images_of_the_pair_are_marked_that_its_networks_learnt_from(compare, monkeypatch):
    monkeypatch.setattr("tests.panels.fake_source.FakeSource.labels", lambda self: _labels(self))
    compare.view.chooser.forms["second"].receive("second", "other-2")
    until(compare, lambda: shown(compare)[1] == "other-2")
    assert compare.view.index.learnt.tolist() == [True] + [False] * 7
    assert not compare.shared_source.index.learnt.any()


_plain_labels = FakeSource.labels


def _labels(source):
    from dataclasses import replace

    from gala_viz.splits import HELD_OUT, LEARNT

    learnt = np.full(len(source.images), HELD_OUT, np.int8)
    learnt[0] = LEARNT if source.networks[1].name == "other-2" else HELD_OUT
    return replace(_plain_labels(source), learnt=learnt)


@pytest.mark.slow
def test_who_follows_a_presentation_follows_it_to_another_pair(compare):
    compare._presentation.active = True
    token = compare._presentation.stage.link.split("=")[1]
    seen = []
    find_room(token).follow(seen.append)
    compare.view.chooser.forms["second"].receive("second", "other-2")
    until(compare, lambda: shown(compare)[1] == "other-2")
    until(compare, lambda: any("Other 2" in str(one.get("scene", {}).get("networks")) for one in seen))
    assert compare._presentation.stage.link.split("=")[1] == token
    compare.close()
    assert find_room(token) is None
    assert seen[-1] == {"ended": True}


@pytest.mark.slow
def test_an_upload_goes_along_to_another_pair(compare):
    content = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(content, "PNG")
    compare.view.add_upload("mine.png", content.getvalue())
    until(compare, lambda: compare.view.gallery.uploads)
    compare.view.chooser.forms["second"].receive("second", "other-2")
    until(compare, lambda: shown(compare)[1] == "other-2")
    assert compare.view.current.image == next(iter(compare.view.gallery.uploads))


def test_the_strip_computes_nothing_before_it_is_asked_and_then_every_network_in_turn(compare):
    view, source = compare.view, compare.source
    before = sum(count for name, count in source.asked.items() if name.startswith("pair"))
    until(compare, lambda: view.progress.bar.text.startswith("n = 50 of 50"))
    assert view.strip.cells.items == []
    assert sum(count for name, count in source.asked.items() if name.startswith("pair")) == before
    view.strip.start()
    until(compare, lambda: len(view.strip.cells.items) == 4 and all(one["picture"] for one in view.strip.cells.items))
    assert [one["name"] for one in view.strip.cells.items] == list(NAMES)
    assert view.strip.progress.bar.text == "4 of 4 networks"
    assert {one["text"] for one in view.strip.cells.items} == {"map's rho 0.56"}, "not of a layer in the main row"
    assert not view.strip.progress.bar.busy
    first = view.strip.cells.items[2]["picture"]
    view.move(1)
    until(compare, lambda: view.strip.cells.items[2]["picture"] not in ("", first))  # it follows the image in view
    view.strip._heard({"second": "other-2"})
    until(compare, lambda: shown(compare)[1] == "other-2")


def test_a_network_of_the_strip_that_cannot_be_loaded_says_so_in_its_place(compare, monkeypatch):
    plain = FakeSource.pair

    def pair(self, first, second):
        if second == "other-2":
            raise ValueError("the weights are gone")
        return plain(self, first, second)

    monkeypatch.setattr(FakeSource, "pair", pair)
    compare.view.strip.start()
    items = compare.view.strip.cells
    until(compare, lambda: len(items.items) == 4 and all(one["picture"] or one["text"] for one in items.items))
    assert items.items[2]["text"] == "the weights are gone"
    assert items.items[3]["picture"]


def test_a_page_of_two_networks_has_no_choosers_and_no_strip():
    shared = SharedSource(lambda say: FakeSource(count=2)).start()
    shared._thread.join(60)
    page = ComparePage(shared)
    assert not page.view.chooser.is_needed
    assert page.view.strip is None
    page.close()


def test_a_choice_tells_accuracy_and_the_maps_alignment_and_its_name_where_titles_are_alike():
    one = NetworkChoice(name="a", title="GALA", accuracy=0.834, n_labelled=1200, rho=0.4567, n_mapped=80)
    two, three = NetworkChoice(name="b", title="GALA"), NetworkChoice(name="c", title="SE", rho=0.5, n_mapped=80)
    assert choice_options([one, two, three]) == (
        ("GALA, a (83 % right, n = 1,200; maps' rho 0.46, n = 80)", "a"),
        ("GALA, b", "b"),
        ("SE (maps' rho 0.50, n = 80)", "c"),
    )


def test_a_number_of_images_that_both_scores_have_stands_once_in_a_choice():
    one = NetworkChoice(name="a", title="GALA", accuracy=0.834, n_labelled=1200, rho=0.4567, n_mapped=1200)
    assert choice_options([one]) == (("GALA (83 % right; maps' rho 0.46, n = 1,200)", "a"),)


def test_a_pair_that_is_named_in_part_has_the_default_network_in_the_other_place():
    assert linked_pair({}, NAMES, NAMES[:2]) == NAMES[:2]
    assert linked_pair({"second": "other-2"}, NAMES, NAMES[:2]) == (NAMES[0], "other-2")
    assert linked_pair({"first": "other-2", "second": "x"}, NAMES, NAMES[:2]) == NAMES[:2]


def test_a_figure_of_a_pair_names_its_networks_as_a_command_loads_them():
    source = FakeSource(n_networks=4)
    loaded_as = ("./vanilla", "./human", "./two", "./three")
    other = source.pair("other-3", "lite0-gala-vanilla")
    assert origin_of_pair({"networks": loaded_as}, other)["networks"] == ("./three", "./vanilla")
    stored = {"store": "maps.zarr", "networks": None}
    assert origin_of_pair(stored, source)["networks"] is None
    assert origin_of_pair(stored, other)["networks"] == ("other-3", "lite0-gala-vanilla")


def test_a_small_map_lies_over_its_photograph_and_is_transparent_where_it_is_not_known():
    view = np.full((SIDE, SIDE, 3), 200, np.uint8)
    values = np.zeros((SIDE, SIDE), np.float32)
    values[:, : SIDE // 2] = np.nan
    values[: SIDE // 2, SIDE // 2 :] = 1
    content = base64.b64decode(photo_picture(map_over_photo(view, values)).partition(",")[2])
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), int)
    left, top, bottom = picture[:, :90], picture[:90, -90:], picture[-90:, -90:]
    assert np.abs(left - 200).max() < 12
    assert np.abs(top.mean(axis=(0, 1)) - bottom.mean(axis=(0, 1))).max() > 40
