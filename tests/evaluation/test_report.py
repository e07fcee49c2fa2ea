import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr

from gala_viz.evaluation.heldout import attention_alignment, ceiling, correct, first_choices, human_maps
from gala_viz.evaluation.report import card_metrics, measure
from gala_viz.evaluation.table import table
from gala_viz.networks.network import Network
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import images_of_split
from tests.training.tiny import PREPROCESSING, Blobs, tiny_gala, tiny_start


class Watched(Blobs):
    """Blobs with three participants, each a little off."""

    licence = None
    map_kinds = {"marks": "made-up marks"}  # noqa: RUF012
    skipped = ()

    def category(self, image):
        return f"category {self.target(image)}"

    def participants(self, image, kind=None):
        return ("p1", "p2", "p3")

    def human_map(self, image, kind=None, participant=None):
        found = super().human_map(image)
        if participant is None:
            return found
        shift = int(participant[1])
        return found.copy(data=np.roll(found.values, shift, axis=1))


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
    at_once = first_choices(gala, watched, images)
    monkeypatch.setattr("gala_viz.evaluation.heldout.BATCH", 2)
    xr.testing.assert_equal(at_once, first_choices(gala, watched, images))


def test_attention_alignment_is_scipys_rho_at_the_layers_grid(watched, gala):
    images = watched.images[:3]
    found = attention_alignment(gala, watched, images)
    assert found.dims == ("layer", "image")
    for image in images:
        with torch.no_grad():
            _, attention = gala.attention(gala.to_batch([watched.photo(image)]))
        norm = attention["layer1"][0].square().sum(dim=0).sqrt().numpy()
        human = PREPROCESSING.map_to_frame(watched.human_map(image)).values.reshape(8, 4, 8, 4).mean(axis=(1, 3))
        expected = spearmanr(norm.ravel(), human.ravel())[0]
        assert found.sel(layer="layer1", image=image).item() == pytest.approx(expected, abs=1e-6)


def test_correct_refuses_images_without_a_true_category(watched, gala):
    class Unlabelled(Watched):
        def target(self, image):
            return None

    choices = first_choices(gala, watched, watched.images[:2])
    with pytest.raises(ValueError, match="2 have none"):
        correct(choices, Unlabelled())


def test_ceiling_is_one_where_participants_agree_and_lower_where_not(watched):
    class Agreeing(Watched):
        def human_map(self, image, kind=None, participant=None):
            return Blobs.human_map(self, image)

    images = watched.images[:4]
    assert ceiling(Agreeing(), images, PREPROCESSING, 8).rho == pytest.approx(1)
    assert ceiling(watched, images, PREPROCESSING, 8).rho < 1


def test_human_maps_lie_in_the_networks_frame(watched):
    found = human_maps(watched, watched.images[:2], PREPROCESSING, 32)
    expected = PREPROCESSING.map_to_frame(watched.human_map(watched.images[1])).values
    np.testing.assert_allclose(found.values[1], expected, atol=1e-6)


def test_a_report_measures_the_split_and_the_card_says_so(watched, gala):
    reference = tiny_start()
    report = measure(
        [gala], reference, maps=watched, labels=watched, plain=[], split="test", smoothgrad=SmoothGradSpec(n_samples=2)
    )
    held_out = images_of_split(watched.images, "test")
    assert tuple(report.numbers[0].correct["image"].values) == held_out
    assert (report.reference.agreement["blobs"] == 1).all()
    metrics = card_metrics(report, report.numbers[0])
    assert metrics["split"] == "test"
    assert metrics["accuracy"]["network"]["n"] == len(held_out)
    difference = metrics["accuracy"]["network"]["mean"] - metrics["accuracy"]["unmodified"]["mean"]
    assert metrics["accuracy"]["difference"]["mean"] == pytest.approx(difference, abs=1e-3)
    assert set(metrics["rho_attention"]) == {"layer1", "mean_of_layers"}
    assert metrics["ceiling"]["cells14"]["n_participants"] == [3, 3]
    assert "tiny-gala" in table(report)
