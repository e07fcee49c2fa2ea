"""A small experiment on a real folder of photographs."""

import pytest

from gala_viz.collections import open_collection
from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment
from gala_viz.experiment.stimuli import Stimuli
from tests.experiment.folder_of_animals import make


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return make(tmp_path_factory.mktemp("animals"))


@pytest.fixture(scope="session")
def collection(folders):
    return open_collection(folders[0], human_maps=folders[1])


@pytest.fixture(scope="session")
def wanted(folders):
    maps = {"clickme": "human", "saliency": f"files:{folders[1]}"}
    return PreparationSpec(n_images=32, n_practice=4, split="all", maps=maps, side_px=64)


@pytest.fixture(scope="session")
def spec(collection, folders, wanted):
    return prepare_experiment(collection, str(folders[0]), wanted)


@pytest.fixture(scope="session")
def stimuli(spec, collection):
    return Stimuli(spec, collection)
