"""``gala-viz measure``: networks on held-out images, beside the unmodified network and people's own ceiling."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure accuracy and likeness to people on a split that no training saw; print a table."""

    networks: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Names or folders of networks; the last two are also tested against each other, pair by pair."""
    maps: Path
    """Collection with human maps, for example a folder in OSIE's layout."""
    labels: Path
    """Folder of labelled photographs in ImageNet's layout."""
    plain: tuple[Path, ...] = ()
    """Further folders of photographs, for agreement with the unmodified network."""
    split: Literal["validation", "test"] = "validation"
    """Choose on validation; report the test once."""
    samples: int = 25
    """SmoothGrad's n; 0 leaves SmoothGrad out."""
    reference: str = "lite0"
    """The unmodified network."""
    device: str | None = None
    """cpu, cuda, or what is there."""
    write: bool = False
    """Write the numbers into the networks' cards."""

    def run(self) -> int:
        """Measure, print, and write into the cards where that is requested."""
        if not self.networks:
            raise ValueError("gala-viz measure takes at least one name or folder of a network.")
        from gala_viz.collections import open_collection
        from gala_viz.evaluation.report import card_metrics, measure
        from gala_viz.evaluation.table import table
        from gala_viz.networks.card import write_card
        from gala_viz.networks.network_folders import network_folder
        from gala_viz.networks.zoo import load_network
        from gala_viz.specs import SmoothGradSpec

        report = measure(
            [load_network(name, self.device) for name in self.networks],
            load_network(self.reference, self.device),
            maps=open_collection(self.maps),
            labels=open_collection(self.labels),
            plain=[open_collection(folder) for folder in self.plain],
            split=self.split,
            smoothgrad=SmoothGradSpec(n_samples=self.samples) if self.samples else None,
            tell=lambda text: sys.stderr.write(f"{text}\n") and None,
        )
        sys.stdout.write(table(report) + "\n")
        if self.write:
            for name, numbers in zip(self.networks, report.networks, strict=True):
                folder = network_folder(name)
                if folder is None:
                    raise ValueError(f"{name} has no card of its own to write into; leave --write out for it.")
                write_card(folder, {**numbers.network.card, "metrics": card_metrics(report, numbers)})
        return 0
