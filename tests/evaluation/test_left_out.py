"""Maps that say nothing are left out and counted; numbers that are not finite are refused with image and network."""

import html
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
import xarray as xr

from gala_viz.alignment import CeilingSpec
from gala_viz.attribution.finite import NonFiniteError
from gala_viz.collections import open_collection
from gala_viz.evaluation.estimates import estimate_metrics
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json
from gala_viz.evaluation.markdown import markdown
from gala_viz.evaluation.metrics import MetricKey
from gala_viz.evaluation.network_results import block_results
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.report_page import report_page
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.specs import SmoothGradSpec
from tests.collections.pictures import encoded
from tests.evaluation.fakes import PREPROCESSING, Bare, Shapes, network

SPEC = EvaluationSpec(smoothgrad=None, ceiling=CeilingSpec(n_splits=4), n_resamples=100, n_partners=1, block_images=5)
BAD = {
    "test-stag-00": 0.0,
    "test-hare-01": np.nan,
    "test-tram-02": -1.0,
    "test-boat-00": 2.0,
}


class Spoilt(Shapes):
    """Four of twelve test images have maps of one value; on another, three of five participants marked nothing."""

    fingerprint = "spoilt-1"

    def participant_maps(self, image, kind=None):
        maps = super().participant_maps(image, kind)
        if image in BAD:
            return maps.copy(data=np.full(maps.shape, BAD[image], np.float32))
        if image == "test-boat-02":
            return maps.copy(data=np.where(np.arange(5)[:, None, None] < 3, np.float32(0), maps.values))
        return maps


def number(evaluation, who, *key):
    (one,) = [one for one in evaluation.estimates if one.who == who and one.key == MetricKey(*key)]
    return one


def test_maps_that_say_nothing_are_in_no_n_and_are_counted_in_a_sentence():
    found = evaluate({"gala": network("gala", 2)}, Spoilt(), SPEC)
    assert len(found.images) == 12
    assert number(found, "gala", "rho_attention", "layer1").interval.n == 8
    assert number(found, "simulated people", "ceiling", "", "", "8 x 8").interval.n == 8
    (note,) = [note for note in found.notes if "maps usable" in note]
    assert note.startswith("Human maps: 8 of 12 maps usable (left out ")
    assert "1: all of its values are 0: nobody marked anything" in note
    assert note in markdown(found)
    whole = evaluate({"gala": network("gala", 2)}, Shapes(), SPEC)
    assert not [note for note in whole.notes if "usable" in note]
    kept = [image for image in found.images if image not in BAD and image != "test-boat-02"]
    for name in ("rho_attention",):
        expected = whole.image_metrics["gala"][name].sel(image=kept)
        np.testing.assert_allclose(found.image_metrics["gala"][name].sel(image=kept), expected, atol=1e-6)
        assert np.isnan(found.image_metrics["gala"][name].sel(image=list(BAD))).all()


def test_a_participant_who_marked_nothing_is_no_half_of_a_ceiling():
    spoilt = Spoilt()
    found = people_of(spoilt, ["test-boat-02", "test-stag-00"], PREPROCESSING, [(8, 8)], CeilingSpec(n_splits=4))
    assert found.images == ("test-boat-02",)
    assert found.ceilings[8, 8].n_participants == (2, 2)
    none_usable = people_of(spoilt, list(BAD), PREPROCESSING, [(8, 8)], CeilingSpec(n_splits=4))
    assert (none_usable.images, set(none_usable.left_out)) == ((), set(BAD))
    found = evaluate({"gala": network("gala", 2)}, Spoilt(without_map=Shapes().images), SPEC)
    assert any("has no human maps of these images" in note for note in found.notes)


def test_a_map_of_one_participant_that_is_no_map_leaves_its_image_out_and_is_told():
    class Odd(Shapes):
        fingerprint = "odd-1"

        def human_map(self, image, kind=None, participant=None):
            return Shapes.participant_maps(self, image).mean("participant", keep_attrs=True)

        def participant_maps(self, image, kind=None):
            maps = super().participant_maps(image, kind)
            if image == "test-boat-02":
                maps.values[1] = -0.01
            return maps

    found = people_of(Odd(), ["test-boat-02", "test-stag-00"], PREPROCESSING, [(8, 8)], CeilingSpec(n_splits=4))
    assert found.images == ("test-stag-00",)
    assert found.left_out == {"test-boat-02": "a map's values are at least 0; the smallest is -0.01."}


class AllZero(Shapes):
    fingerprint = "all-zero"

    def participant_maps(self, image, kind=None):
        maps = super().participant_maps(image, kind)
        return maps.copy(data=np.zeros(maps.shape, np.float32))


def test_maps_of_which_none_is_usable_are_counted_and_not_said_to_be_missing():
    found = evaluate({"gala": network("gala", 2)}, AllZero(), SPEC)
    (note,) = [note for note in found.notes if "Human maps" in note]
    assert note == (
        "Human maps: 0 of 12 maps usable (left out 12: all of its values are 0: nobody marked anything); likeness to "
        "people is left out."
    )
    assert "rho_attention" not in found.image_metrics["gala"]
    assert not [note for note in found.notes if "has no human maps" in note]


def test_networks_without_maps_are_not_said_to_lack_human_maps():
    found = evaluate({"plain": network("plain", 2, gala=False)}, Shapes(), SPEC)
    assert not [note for note in found.notes if "has no human maps" in note]
    assert any("None of these networks has maps that are compared" in note for note in found.notes)


def test_files_that_are_refused_when_they_are_read_stop_no_evaluation(tmp_path):
    chance = np.random.default_rng(0)
    (tmp_path / "maps").mkdir()
    for number_ in range(6):
        path = tmp_path / "photos" / f"hare/{number_}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(chance.integers(0, 256, (48, 48, 3)).astype(np.uint8)))
        values = np.zeros((48, 48)) if number_ < 2 else chance.random((48, 48))
        np.save(tmp_path / "maps" / f"{number_}.npy", values.astype(np.float32))
    collection = open_collection(tmp_path / "photos", human_maps=tmp_path / "maps")
    found = evaluate({"gala": network("gala", 2)}, collection, replace(SPEC, split="all"))
    assert number(found, "gala", "rho_attention", "layer1").interval.n == 4
    assert any("4 of 6 maps usable (left out 2: all of its values are 0" in note for note in found.notes)
    assert any(
        "of a number of participants that is not known (4 images), have no noise ceiling" in n for n in found.notes
    )


def test_mean_maps_tell_their_number_and_have_no_ceiling(tmp_path):
    chance = np.random.default_rng(0)
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        for number_ in range(5):
            path = tmp_path / "photos" / f"{number_}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(chance.integers(0, 256, (48, 48, 3)).astype(np.uint8)))
            file[f"clickmaps/{number_}.png/clickmap"] = chance.random((1, 48, 48)).astype(np.float32)
            if number_:
                file[f"click_counts/{number_}.png"] = 10 + number_
    collection = open_collection(tmp_path / "photos", human_maps=tmp_path / "maps.h5")
    found = evaluate({"gala": network("gala", 2)}, collection, replace(SPEC, split="all"))
    (told,) = [note for note in found.notes if note.startswith("Human maps that are means")]
    assert "of 11 to 14 participants (4 images) and of a number of participants that is not known (1 image)" in told
    assert number(found, "people", "ceiling", "", "", "8 x 8").interval is None
    assert number(found, "gala", "rho_attention", "layer1").interval.n == 5


def broken(name, value=float("nan"), *, only_gradient=False):
    """A network whose numbers are not finite: all of its logits, or its gradient alone."""
    made = network(name, 2)

    class Wrong(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            logits = self.inner(x)
            if only_gradient:  # the square root's slope at 0 is infinite, and infinity times 0 is NaN
                return logits + torch.sqrt(torch.zeros_like(x).mul(x).sum(dim=(1, 2, 3)))[:, None]
            return logits * value

    made.module = Wrong(made.module)
    return made


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_refused_with_image_and_network(value):
    shapes = Shapes()
    with pytest.raises(NonFiniteError, match=r"test-stag-00: \d of 4 logits of broken are NaN or infinite"):
        evaluate({"broken": broken("broken", value)}, shapes, SPEC)


def test_maps_that_are_not_finite_are_refused_with_image_and_network():
    spec = EvaluationSpec(smoothgrad=SmoothGradSpec(n_samples=2))
    with pytest.raises(NonFiniteError, match=r"values of the SmoothGrad map of broken are NaN or infinite"):
        block_results(broken("broken", only_gradient=True), Shapes(), ["test-stag-00"], spec)


class Counting(Bare):
    """Without regions; every image whose SmoothGrad is computed is read for it once more."""

    fingerprint = "counting-1"

    def __init__(self, marked=()):
        super().__init__()
        self.marked, self.read = marked, []

    def has_human_map(self, image):
        return image in self.marked

    def photo(self, image):
        self.read.append(image)
        return super().photo(image)


def test_smoothgrad_is_not_computed_where_nothing_is_compared_with_it():
    told, images = [], Counting()
    asked = replace(SPEC, split="all", smoothgrad=SmoothGradSpec(n_samples=2))
    found = evaluate({"gala": network("gala", 2)}, images, asked, tell=told.append)
    without = Counting()
    evaluate({"gala": network("gala", 2)}, without, replace(asked, smoothgrad=None))
    assert sorted(images.read) == sorted(without.read)
    page = markdown(found)
    assert "SmoothGrad: n =" not in page
    assert "SmoothGrad is not computed: bare has nothing here to compare it with." in page


def test_smoothgrad_is_computed_of_the_images_that_people_marked():
    images = Counting(marked=Shapes().images[:2])
    asked = replace(SPEC, split="all", smoothgrad=SmoothGradSpec(n_samples=2))
    results = block_results(network("gala", 2), images, images.images[:5], asked)
    whole = block_results(network("gala", 2), Shapes(), images.images[:5], asked)
    assert np.isnan(results.smoothgrad[2:]).all()
    np.testing.assert_allclose(results.smoothgrad[:2], whole.smoothgrad[:2], rtol=1e-5)
    assert "SmoothGrad: n = 2" in markdown(evaluate({"gala": network("gala", 2)}, images, asked))


@pytest.fixture(scope="module")
def half_known():
    known = network("known", 2)
    half = network("half", 3, categories=("stag", "hare", "lynx", "wolf"))
    return evaluate({"known": known, "half": half}, Shapes(without_map=("test-stag-01",)), SPEC)


def test_an_error_of_fewer_images_than_the_page_tells_its_n_and_which_categories_are_unknown(half_known):
    page = markdown(half_known)
    (row,) = [line for line in page.splitlines() if line.startswith("| top-1 error, %")]
    whole, part = row.split("|")[2:4]
    assert "n =" not in whole
    assert "n = 6" in part
    note = "Top-1 error: of 6 of the 12 images; of the other 6 the category is unknown to half: 'tram' (3), 'boat' (3)."
    assert note in page
    assert note in html.unescape(report_page(half_known, evaluation_json(half_known)))


def test_a_likeness_of_fewer_images_than_the_page_tells_its_n_and_why(half_known):
    page = markdown(half_known)
    rows = [line for line in page.splitlines() if line.startswith("| rho of the attention norm")]
    assert rows
    assert all(cell.count("n = 11") == 1 for row in rows for cell in row.split("|")[2:4])
    assert "1 of the 12 images has no human map; no n of likeness to people counts them." in page


def test_the_table_marks_intervals_that_are_no_bootstraps(half_known):
    wrong = number(half_known, "half", "top1_error")
    values = {"half": xr.Dataset({"correct": ("image", np.zeros(12))}, coords={"image": list(half_known.images)})}
    certain = [one for one in estimate_metrics("half", values["half"], SPEC) if one.key == wrong.key]
    others = [one for one in half_known.estimates if one is not wrong]
    page = markdown(replace(half_known, estimates=[*others, *certain]))
    assert "| 100.0 [75.8, 100.0] ¹ |" in page
    assert "\n\n¹ Wilson's interval: resamples of equal values are equal.\n" in page
    assert "errors of 0 and of 100 % have Wilson's, and a note" in page


def test_maps_of_one_value_and_images_without_regions_are_counted_in_notes():
    class Partly(Shapes):
        fingerprint = "partly-1"

        def regions(self, image):
            return {} if image == "test-hare-00" else super().regions(image)

    found = evaluate({"gala": network("gala", 2)}, Partly(), SPEC)
    assert number(found, "gala", "share_attention", "layer1", "body").interval.n == 11
    assert (
        "gala: shares of attention norm count no image whose regions are not known or whose map is 0: 1 of 12."
        in found.notes
    )
