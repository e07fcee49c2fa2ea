"""The report for the cards: networks beside an unmodified reference on several collections."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gala_viz.alignment import CeilingSpec
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.image_metrics import is_correct
from gala_viz.evaluation.network_results import block_results
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.report import card_metrics, measure
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.evaluation.table import table
from gala_viz.networks.network import Network
from gala_viz.schema import labelled_map
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import hash_splits
from tests.training.tiny import PREPROCESSING, Blobs, tiny_gala, tiny_start

PASSING = EvaluationSpec(smoothgrad=None)


class Watched(Blobs):
    """Blobs with three participants, each a little off."""

    licence = None
    map_kinds = {"marks": "made-up marks"}  # noqa: RUF012
    skipped = ()
    spread_px = 1

    def category(self, image):
        return f"category {self.target(image)}"

    def human_map(self, image, kind=None, participant=None):
        return super().human_map(image)

    def participant_maps(self, image, kind=None):
        one = Blobs.human_map(self, image).values
        maps = np.stack([np.roll(one, self.spread_px * shift, axis=1) for shift in range(3)])
        return labelled_map(maps, name="human_map", leading={"participant": ["p1", "p2", "p3"]})


@pytest.fixture(scope="module")
def watched():
    return Watched()


@pytest.fixture(scope="module")
def gala():
    torch.manual_seed(3)
    categories = tuple(f"category {index}" for index in range(4))
    return Network(tiny_gala(), name="tiny-gala", preprocessing=PREPROCESSING, categories=categories, device="cpu")


def test_choices_do_not_depend_on_batches(watched, gala, monkeypatch):
    images = watched.images[:9]
    at_once = block_results(gala, watched, images, PASSING).first_choice
    monkeypatch.setattr("gala_viz.engine.forward.CPU_BATCH_SIZE", 2)
    np.testing.assert_array_equal(at_once, block_results(gala, watched, images, PASSING).first_choice)


def test_an_image_without_a_true_category_is_neither_right_nor_wrong(watched, gala):
    class Unlabelled(Watched):
        def category(self, image):
            return None

    results = block_results(gala, watched, watched.images[:2], PASSING)
    assert np.isnan(is_correct(gala, Unlabelled(), results)).all()
    assert set(is_correct(gala, watched, results).values) <= {0.0, 1.0}


def test_ceiling_is_one_where_participants_agree_and_lower_where_not(watched):
    class Agreeing(Watched):
        spread_px = 0

    ceilings = [
        people_of(one, watched.images[:4], PREPROCESSING, [(8, 8)], CeilingSpec(n_splits=5)).ceilings[8, 8].rho
        for one in (Agreeing(), watched)
    ]
    assert ceilings[0] == pytest.approx(1)
    assert ceilings[1] < 1


def test_human_maps_lie_in_the_networks_frame(watched):
    found = people_of(watched, watched.images[:2], PREPROCESSING, [(32, 32)], CeilingSpec(n_splits=1)).maps[32, 32]
    expected = PREPROCESSING.map_to_frame(watched.human_map(watched.images[1])).values
    np.testing.assert_allclose(found.values[1], expected, atol=1e-6)


def test_a_report_measures_the_split_and_the_card_says_so(watched, gala):
    reference = tiny_start()
    report = measure(
        [gala], reference, maps=watched, labels=watched, plain=[], split="test", smoothgrad=SmoothGradSpec(n_samples=2)
    )
    held_out = hash_splits("blobs", watched.images).images_of("test")
    assert tuple(report.networks[0].correct["image"].values) == held_out
    assert (report.reference.agreement["blobs"] == 1).all()
    metrics = card_metrics(report, report.networks[0])
    assert metrics["split"] == "test"
    assert metrics["accuracy"]["network"]["n"] == len(held_out)
    difference = metrics["accuracy"]["network"]["mean"] - metrics["accuracy"]["unmodified"]["mean"]
    assert metrics["accuracy"]["difference"]["mean"] == pytest.approx(difference, abs=1e-3)
    assert set(metrics["rho_attention"]) == {"layer1", "mean_of_layers"}
    assert metrics["ceiling"]["cells8"]["n_participants"] == [3, 3]
    assert "tiny-gala" in table(report)


def test_a_report_and_an_evaluation_mean_the_same_images_by_a_collections_own_splits(gala):
    class Divided(Watched):
        def split(self, image):
            return ("train", "test", "validation", None)[int(image[4:]) % 4]

    divided = Divided()
    report = measure([gala], tiny_start(), maps=divided, labels=divided, plain=[], split="test", smoothgrad=None)
    assert tuple(report.networks[0].correct["image"].values) == tuple(divided.images[1::4])
    found = evaluate({"gala": gala}, divided, replace(EvaluationSpec(smoothgrad=None), n_partners=2))
    assert found.images == tuple(divided.images[1::4])
    told = table(report)
    assert "blobs: train 12, validation 12, test 12 (the collection's own splits); 12 images are in none" in told
    assert "Of the 12 images reported, 0 were learnt from by any of these networks" in told
    (entry,) = card_metrics(report, report.networks[0])["images"]
    assert (entry["name"], entry["rule"], entry["n"], entry["n_learnt_from"], entry["n_held_out"]) == (
        "blobs",
        "own",
        12,
        0,
        0,
    )


def test_a_report_says_how_many_human_maps_it_uses(gala):
    class Spoilt(Watched):
        fingerprint = "spoilt"

        def human_map(self, image, kind=None, participant=None):
            found = super().human_map(image)
            return found.copy(data=0 * found.values) if int(image[4:]) % 2 else found

    spoilt = Spoilt()
    report = measure([gala], tiny_start(), maps=spoilt, labels=spoilt, plain=[], split="test", smoothgrad=None)
    images = hash_splits("blobs", spoilt.images).images_of("test")
    n_spoilt = sum(int(image[4:]) % 2 for image in images)
    told = f"{len(images) - n_spoilt} of {len(images)} maps usable (left out {n_spoilt}: all of its values are 0"
    assert f"Human maps: {told}" in table(report)
    entries = {entry["role"]: entry for entry in card_metrics(report, report.networks[0])["images"]}
    assert entries["maps"]["maps"].startswith(told)
    assert "maps" not in entries["labels"]


def test_maps_and_labels_of_one_name_are_measured_apart(gala):
    class Other(Watched):
        fingerprint = "blobs-2"

        def __init__(self):
            super().__init__(30)

    labels, maps = Watched(), Other()
    report = measure([gala], tiny_start(), maps=maps, labels=labels, plain=[], split="test", smoothgrad=None)
    numbers = report.networks[0]
    expected = {"blobs": labels, "blobs (maps)": maps}
    assert {name: values.sizes["image"] for name, values in numbers.agreement.items()} == {
        name: len(hash_splits(name, collection.images).images_of("test")) for name, collection in expected.items()
    }
    assert numbers.correct.sizes["image"] == numbers.agreement["blobs"].sizes["image"]
    assert numbers.rho_attention.sizes["image"] == numbers.agreement["blobs (maps)"].sizes["image"]


@pytest.mark.slow
def test_collections_whose_images_have_equal_names_are_not_taken_for_one(gala):
    class Dark(Watched):
        fingerprint = "dark blobs"

        def photo(self, image):
            return 255 - super().photo(image)

    labels, maps = Watched(), Dark()
    settings = {"plain": [], "split": "test", "smoothgrad": None}
    numbers = measure([gala], tiny_start(), maps=maps, labels=labels, **settings).networks[0]
    alone = measure([gala], tiny_start(), maps=labels, labels=labels, **settings).networks[0]
    assert set(numbers.agreement) == {"blobs", "blobs (maps)"}
    np.testing.assert_array_equal(numbers.correct, alone.correct)


def test_a_number_of_few_images_has_no_interval_in_table_and_card_and_is_not_tested(watched, gala):
    report = measure([gala, gala], tiny_start(), maps=watched, labels=watched, plain=[], split="test", smoothgrad=None)
    few = [replace(one, correct=one.correct[:5], agreement={}) for one in (report.reference, *report.networks)]
    few = replace(report, reference=few[0], networks=few[1:])
    (row,) = [line for line in table(few).splitlines() if line.startswith("| accuracy |")]
    assert row.count(", n = 5, no interval below 6 images") == 3
    assert row.endswith("| – |")
    card = card_metrics(few, few.networks[0])
    assert set(card["accuracy"]["network"]) == set(card["accuracy"]["difference"]) == {"mean", "n"}
    assert "none below 6 images" in card["interval"]
    (row,) = [line for line in table(report).splitlines() if line.startswith("| rho, attention norm, layer1 |")]
    assert "[" in row
    assert "p = " in row
