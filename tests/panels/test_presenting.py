"""The stage as Python objects: what it shows of a comparison, and what those who follow are told."""

import numpy as np
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.presenting.presentation import Follower, Presentation, _next
from gala_viz.panels.presenting.room import find_room, open_room
from tests.panels.fake_source import LAYERS, FakeSource
from tests.panels.script import SCRIPT, until


@pytest.fixture
def presentation():
    yield from presented()


@pytest.fixture(scope="module")
def standing_presentation():
    """One for tests that change nothing in it."""
    yield from presented()


def presented():
    source = FakeSource(count=12)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    presentation = Presentation(view)
    view.open()
    until(lambda: view.results.map_update is not None and view.results.map_update.done)
    yield presentation
    presentation.close()
    view.close()


def present(presentation):
    presentation._heard({"active": True})
    return presentation.stage


def test_nothing_is_sent_before_the_stage_is_shown(presentation):
    assert presentation.stage.scene == {}
    stage = present(presentation)
    assert stage.active
    assert stage.scene["heading"] == "tabby cat"
    assert stage.scene["place"] == "1 of 12"


def test_the_stage_shows_the_views_own_arrays(presentation):
    scene, answers = present(presentation).scene, presentation._view.results
    np.testing.assert_array_equal(scene["arrays"]["a"], answers.map_update.maps[0])
    np.testing.assert_array_equal(scene["arrays"]["delta"], answers.map_update.delta)
    np.testing.assert_array_equal(scene["arrays"]["human"], answers.human_map)
    assert scene["arrays"]["photo"].dtype == np.uint32
    assert scene["panels"]["b"]["title"].startswith("Human co-trained GALA")
    assert "standard error" in scene["words"]
    assert scene["networks"][0]["says"].endswith(" %")


def test_keys_move_through_the_gallery_and_through_the_layers(presentation):
    stage, view = present(presentation), presentation._view
    presentation._heard({"move": 1})
    assert view.current.image == view.source.images[1]
    until(lambda: view.results.forward_result is not None)
    presentation._heard({"layer": 1})
    assert (stage.scene["layer"], stage.scene["from_zero"]) == (LAYERS[0], True)
    presentation._heard({"layer": -1})
    assert (stage.scene["layer"], stage.scene["from_zero"]) == ("", False)


def test_layers_go_round_with_the_saliency_maps_between_last_and_first():
    assert [_next(None, 1, 2), _next(0, 1, 2), _next(1, 1, 2)] == [0, 1, None]
    assert [_next(None, -1, 2), _next(1, -1, 2), _next(0, -1, 2)] == [1, 0, None]
    assert _next(None, 1, 0) is None


def test_a_stage_shows_at_least_one_panel_and_only_those_there_are(presentation):
    stage = present(presentation)
    for name in ("photo", "human", "b", "<b>"):
        presentation._heard({"panel": name})
    assert stage.panels == ["a", "delta"]
    presentation._heard({"panel": "a"})
    presentation._heard({"panel": "delta"})
    assert stage.panels == ["delta"]
    presentation._heard({"panel": "a"})
    assert stage.panels == ["a", "delta"]


def token_of(presentation):
    return presentation.stage.link.removeprefix("follow=")


def test_who_follows_sees_what_the_presenter_shows_and_from_then_on(presentation):
    present(presentation)
    room = find_room(token_of(presentation))
    follower = Follower(room, SCRIPT)
    SCRIPT.run_pending()
    assert follower.stage.scene["heading"] == "tabby cat"
    presentation._heard({"turn": "blink"})
    presentation._heard({"move": 1})
    presentation._heard({"laser": ["a", 0.25, 0.5]})
    presentation._heard({"turn": "black"})
    SCRIPT.run_pending()
    assert follower.stage.blink
    assert follower.stage.black
    until(lambda: follower.stage.scene["heading"] == "goldfish")
    assert follower.stage.laser == ["a", 0.25, 0.5]
    presentation._heard({"active": False})
    SCRIPT.run_pending()
    assert follower.stage.presenter_away
    assert follower.stage.active
    presentation.close()
    SCRIPT.run_pending()
    assert follower.stage.ended
    assert find_room(token_of(presentation)) is None
    follower.close()


def test_who_has_left_is_told_nothing(presentation):
    present(presentation)
    room = find_room(token_of(presentation))
    follower = Follower(room, SCRIPT)
    assert room.n_listeners == 1
    follower.close()
    presentation._heard({"turn": "blink"})
    SCRIPT.run_pending()
    assert not follower.stage.blink
    assert room.n_listeners == 0


@pytest.mark.parametrize(
    "message",
    [
        {"laser": ["a", "x", 1]},
        {"laser": ["z", 0, 0]},
        {"laser": ["a", 9, 0]},
        {"laser": 5},
        {"turn": "over"},
        {"move": "x"},
    ],
)
def test_a_message_that_no_stage_sends_changes_nothing_for_those_who_follow(standing_presentation, message):
    present(standing_presentation)
    follower = Follower(find_room(token_of(standing_presentation)), SCRIPT)
    SCRIPT.run_pending()
    assert follower.stage.scene
    standing_presentation._heard(message)
    SCRIPT.run_pending()
    assert follower.stage.laser == []
    assert not follower.stage.blink
    follower.close()


def test_links_of_two_presentations_differ_and_cannot_be_guessed():
    first, second = open_room(), open_room()
    assert first.token != second.token
    assert len(first.token) >= 12
    first.close()
    second.close()
