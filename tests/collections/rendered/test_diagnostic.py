"""What "diagnostic" claims: these parts suffice to name a category, and without them it cannot be told.

The reference classifier is a shipped network, trained on whole images alone. Chance within a superclass is one in six.
"""

import numpy as np
import pytest
import torch

from gala_viz.collections.rendered.categories import CATEGORIES, superclass_of
from gala_viz.collections.rendered.render_image import render_image
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.networks.zoo import load_network

EACH = 5
CHANCE = 1 / 6


@pytest.fixture(scope="module")
def accuracy():
    """Hidden parts -> share of test images named rightly among the six categories of their superclass."""
    network = load_network("rendered-gala-clickme", device="cpu")
    assert network.categories == CATEGORIES
    labels = np.tile(np.arange(len(CATEGORIES)), EACH)
    of_animals = np.array([superclass_of(category) == "animal" for category in CATEGORIES])
    found = {}
    for hidden in ("nothing", "body", "diagnostic"):
        photos = [
            render_image(RenderingSpec(), "test", category, number, hidden=hidden).photo
            for number in range(EACH)
            for category in CATEGORIES
        ]
        with torch.no_grad():
            logits = network.logits(network.to_batch(photos)).numpy()
        within = np.where(of_animals == of_animals[labels][:, None], logits, -np.inf)
        found[hidden] = np.mean(within.argmax(axis=1) == labels)
    return found


@pytest.mark.slow
def test_the_diagnostic_parts_alone_name_the_category(accuracy):
    assert accuracy["nothing"] > 0.85
    assert accuracy["body"] > 4 * CHANCE
    assert accuracy["body"] > accuracy["nothing"] - 0.25


@pytest.mark.slow
def test_without_its_diagnostic_parts_a_category_is_told_near_chance(accuracy):
    n_images = EACH * len(CATEGORIES)
    three_errors = 3 * np.sqrt(CHANCE * (1 - CHANCE) / n_images)
    assert accuracy["diagnostic"] < CHANCE + three_errors
