"""Both networks answer to a photograph of which a part is hidden."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.cache import BoundedCache
from gala_viz.collections.fills import fill_photo, image_seed
from gala_viz.engine.results.perturbation import reveal_mask, reveal_order
from gala_viz.engine.reveal_curve import reveal_curve
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map
from tests.attribution.tiny import SIZE, tiny_network
from tests.attribution.tiny_collection import TinyCollection

FRAME = (SIZE, SIZE)
IMPORTANCE = np.random.default_rng(3).random(FRAME).astype(np.float32)
HALF = reveal_mask(reveal_order(IMPORTANCE), FRAME, 50)
PERCENTS = (0, 10, 60, 100)


def never():
    return False


def live(networks=None):
    source = LiveMaps(TinyCollection(), networks or (tiny_network(0), tiny_network(1)), scheduler=ComputeScheduler(0))
    source._cache._memory = BoundedCache(64 * 2**20)
    return source


def counted(source):
    """A list that grows by each batch of the source's networks."""
    passes = []

    def count(network, logits):
        network.logits = lambda batch: passes.append(len(batch)) or logits(batch)

    for network in [results.computing_network for results in source._pair]:
        count(network, network.logits)
    return passes


def logits_of(source, number, image="one"):
    return source._pair[number].forward(image, 0, never).logits


@pytest.mark.parametrize("fill", ["grey", "blurred", "phase"])
def test_where_all_is_kept_the_answers_are_those_of_the_untouched_photograph_to_the_last_bit(fill):
    source = live()
    results = source.perturb("one", np.ones(FRAME), fill, "own", never)
    assert [one.prediction for one in results.answers] == list(source.forward("one").predictions)
    for number, answer in enumerate(results.answers):
        assert answer.logit_drop == 0
        assert answer.probability == answer.probability_whole
        assert answer.logit == logits_of(source, number)[answer.target]
    np.testing.assert_array_equal(results.view, source.view("one"))
    assert results.shown_percent == 100
    assert results.note == ""


def test_that_holds_also_where_the_networks_run_again():
    source = live()
    expected = [logits_of(source, number) for number in range(2)]
    source._cache._memory = BoundedCache(64 * 2**20)  # the untouched passes are on disk alone
    for number, results in enumerate(source._pair):
        (logits,) = results.view_logits("one", [source.view("one")], 0, never)
        np.testing.assert_array_equal(logits, expected[number])


@pytest.mark.parametrize("fill", ["grey", "blurred", "phase"])
def test_where_nothing_is_kept_the_networks_see_the_fill_alone(fill):
    source = live()
    results = source.perturb("two", np.zeros(FRAME), fill, "own", never)
    filled = fill_photo(source.view("two"), fill, image_seed("two"))
    np.testing.assert_array_equal(results.view, filled)
    for number, answer in enumerate(results.answers):
        (logits,) = source._pair[number].view_logits("two", [filled], 0, never)
        assert answer.logit == logits[answer.target]
    assert results.shown_percent == 0


def test_the_more_is_kept_the_nearer_is_the_picture_to_the_photograph():
    source = live()
    order, distances = reveal_order(IMPORTANCE), []
    for percent in PERCENTS:
        results = source.perturb("one", reveal_mask(order, FRAME, percent), "grey", "own", never)
        distances.append(np.abs(results.view.astype(int) - source.view("one")).sum())
        assert results.shown_percent == pytest.approx(percent, abs=0.5)
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == len(PERCENTS)
    assert distances[-1] == 0


def test_the_explained_category_is_that_of_the_untouched_photograph_or_the_one_that_is_asked_for():
    source = live()
    own = source.perturb("two", HALF, "grey", "own", never)
    firsts = tuple(one.indices[0] for one in source.forward("two").predictions)
    assert tuple(one.target for one in own.answers) == firsts
    assert [one.target for one in source.perturb("two", HALF, "grey", "label", never).answers] == [1, 1]
    index = source.perturb("two", HALF, "grey", 4, never).answers[0]
    assert (index.target, index.category) == (4, "e")
    assert index.logit_drop == index.logit_whole - index.logit
    with pytest.raises(ValueError, match="true category of 'four' is not known"):
        source.perturb("four", HALF, "grey", "label", never)
    with pytest.raises(ValueError, match="category index lies between 0 and 4"):
        source.perturb("one", HALF, "grey", 7, never)


def test_the_same_mask_again_runs_no_network_and_a_restart_reads_none_of_it(cache_folder):
    source = live()
    source.forward("one")
    passes = counted(source)
    source.perturb("one", HALF, "phase", "own", never)
    assert passes == [1, 1]
    written = sorted(cache_folder.rglob("*.npz"))
    source.perturb("one", HALF.astype(np.float32), "phase", 2, never)
    assert passes == [1, 1]
    assert sorted(cache_folder.rglob("*.npz")) == written, "strokes leave no files"


def test_a_cancelled_answer_is_none_and_runs_no_network():
    source = live()
    source.forward("one")
    passes = counted(source)
    assert source.perturb("one", HALF, "grey", "own", lambda: True) is None
    assert passes == []


@pytest.mark.parametrize(
    ("mask", "fill", "words"),
    [
        (np.ones((8, 8)), "grey", "16 x 16 pixels"),
        (np.full(FRAME, 2.0), "grey", "to 1 \\(kept\\)"),
        (np.full(FRAME, np.nan), "grey", "to 1 \\(kept\\)"),
    ],
)
def test_masks_that_cannot_be_are_told(mask, fill, words):
    with pytest.raises(ValueError, match=words):
        live().perturb("one", mask, fill, "own", never)


def test_an_unknown_fill_and_an_unknown_image_are_told():
    with pytest.raises(UnknownNameError, match="Did you mean 'grey'"):
        live().perturb("one", HALF, "gray", "own", never)
    with pytest.raises(UnknownNameError, match="nobody"):
        live().perturb("nobody", HALF, "grey", "own", never)


def test_numbers_that_are_not_finite_name_the_network():
    source = live()
    source.forward("one")
    logits = source._pair[1].computing_network.logits
    source._pair[1].computing_network.logits = lambda batch: logits(batch) * float("nan")
    with pytest.raises(NonFiniteError, match="tiny1"):
        source.perturb("one", HALF, "grey", "own", never)


def test_a_network_that_sees_more_than_is_shown_says_so():
    narrow, wide = tiny_network(0, short_px=20), tiny_network(1)
    source = live((narrow, wide))
    results = source.perturb("one", np.zeros(FRAME), "grey", "own", never)
    assert results.note == "37 % of what tiny1 sees lies beyond what is shown; nothing is hidden there"
    assert live((wide, narrow)).perturb("one", np.zeros(FRAME), "grey", "own", never).note == ""
    kept = source.perturb("one", np.ones(FRAME), "grey", "own", never)
    assert [one.prediction for one in kept.answers] == list(source.forward("one").predictions)
    assert [one.logit_drop for one in kept.answers] == [0, 0]


def test_an_upload_is_erased_as_any_image():
    source, content = live(), io.BytesIO()
    Image.fromarray(TinyCollection().photo("one")).save(content, "PNG")
    image = source.add_upload("mine.png", content.getvalue())
    results = source.perturb(image, HALF, "phase", "own", never)
    assert results.shown_percent == 50
    np.testing.assert_array_equal(results.view[HALF], source.view("one")[HALF])


def curve(source, *, erase=False, cancelled=never, percents=PERCENTS, importance=IMPORTANCE, fill="grey"):
    return list(source.reveal_curve("one", importance, fill, "own", cancelled, percents=percents, erase=erase))


@pytest.mark.parametrize("erase", [False, True])
def test_a_curve_grows_point_by_point_and_has_the_answers_of_its_masks(erase):
    source = live()
    updates = curve(source, erase=erase)
    assert [update.progress.done for update in updates] == [1, 2, 3, 4]
    assert [update.done for update in updates] == [False, False, False, True]
    assert np.isnan(updates[0].curve.logit[:, 1:]).all()
    last = updates[-1].curve
    assert last.logit.dims == ("network", "percent")
    assert list(last.network.values) == ["tiny0", "tiny1"]
    order = reveal_order(IMPORTANCE)
    for percent in PERCENTS:
        mask = reveal_mask(order, FRAME, percent, erase=erase)
        results = live().perturb("one", mask, "grey", "own", never)
        point = last.sel(percent=percent)
        for number, answer in enumerate(results.answers):
            assert float(point.logit[number]) == answer.logit
            assert float(point.probability[number]) == answer.probability
            assert float(point.logit_drop[number]) == answer.logit_drop
        assert float(point.shown_percent) == results.shown_percent
    assert float(last.logit_drop.sel(percent=0 if erase else 100).max()) == 0


def test_the_page_and_a_notebook_have_the_same_curve():
    network = tiny_network(0)
    maps = labelled_map(IMPORTANCE[None], name="map", leading={"image": ["one"]})
    alone = reveal_curve(network, TinyCollection(), maps, percents=PERCENTS, fill="phase")
    page = curve(live(), fill="phase")[-1].curve
    np.testing.assert_array_equal(page.logit[0], alone.logit[0])
    np.testing.assert_array_equal(page.shown_percent, alone.shown_percent)


def test_a_curve_stops_within_a_batch_and_goes_on_from_what_is_there():
    source, updates = live(), []
    passes = counted(source)
    for update in source.reveal_curve("one", IMPORTANCE, "grey", "own", lambda: len(updates) >= 2, percents=PERCENTS):
        updates.append(update)
    assert [update.progress.done for update in updates] == [1, 2]
    before = len(passes)
    assert curve(source)[-1].done
    assert len(passes) - before == 2, "one point is left, and all is the untouched photograph"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"importance": np.ones((8, 8))}, "16 x 16 pixels"),
        ({"importance": np.ones(FRAME)}, "the same everywhere"),
        ({"percents": (5, 3)}, "rise"),
        ({"percents": ()}, "1 to 201"),
    ],
)
def test_curves_that_cannot_be_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        curve(live(), **options)
