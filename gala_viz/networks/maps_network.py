"""Imported maps in the place of a network: what all that compares networks asks of one, and a refusal of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gala_viz.networks.frames import is_same_cut
from gala_viz.networks.imported_maps import ImportedMaps, read_maps
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import CARD, WeightsError
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.training_data import TrainingData


class MapsNetwork(Network):
    """Imported ``maps`` where a network is expected: it has a frame and no categories, and answers to no photograph.

    Parameters
    ----------
    maps : ImportedMaps
        One map of each image.
    preprocessing : Preprocessing
        Its frame is the part of a photograph that the maps cover.
    card : dict
        The sections of its card.
    """

    def __init__(self, maps: ImportedMaps, preprocessing: Preprocessing, card: dict[str, Any]) -> None:
        self.maps = maps
        self.name = card["network"]["name"]
        self.title = card["network"].get("title") or self.name
        self.opened_as = ""
        self.preprocessing = preprocessing
        self.card = card
        self.sha256 = card["weights"]["sha256"]
        self.known_by_weights = True
        self.training_data = TrainingData.from_card(card)
        self.device = torch.device("cpu")
        self.precision, self.precision_note, self.output = "float32", "", ""
        self.module = _NoModule(self.name)
        self.memory_format = torch.contiguous_format
        self.hooked_layers = self.layers = self.categories = ()
        self._layers = {}

    @property
    def device_description(self) -> str:
        """Where its maps were computed: that is not known."""
        return "computed elsewhere"

    def with_preprocessing(self, preprocessing: Preprocessing) -> Network:
        """Return these maps, for a frame that is their own; ``ValueError`` for another one."""
        if not is_same_cut(preprocessing, self.preprocessing):
            raise ValueError(
                f"{self.name} is imported maps of one part of photographs; they cannot be computed for another cut, as "
                "this protocol asks. Compare them without it."
            )
        return super().with_preprocessing(preprocessing)


class _NoModule(nn.Module):
    """What stands where a network has its module."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def forward(self, images: Tensor) -> Tensor:
        """Raise ``ValueError``: nothing here computes."""
        raise ValueError(no_answers_text(self._name))


def no_answers_text(name: str) -> str:
    """Return why imported maps answer to no photograph, in a sentence."""
    return (
        f"{name} is maps that were computed elsewhere, and no network: it answers to no photograph. compare, explore "
        "and evaluate take it; what computes something of it does not."
    )


def read_maps_network(folder: Path, card: dict[str, Any]) -> MapsNetwork:
    """Return the imported maps in ``folder``. Raises ``WeightsError`` for files that are not those of the card."""
    try:
        preprocessing = Preprocessing.from_settings(card["preprocessing"])
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{folder / CARD}: {error}") from error
    return MapsNetwork(read_maps(folder, card), preprocessing, card)
