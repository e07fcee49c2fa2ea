"""``gala-viz evaluate``: networks on held-out images of any collection, with intervals, tests and ceilings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gala_viz.specs import OutputOption

if TYPE_CHECKING:
    from gala_viz.evaluation.spec import EvaluationSpec
    from gala_viz.networks.network import Network
    from gala_viz.specs import SmoothGradSpec

ProtocolName = Literal["gala-2019", "harmonization-2022", "clickme-2025"]
STEPS_FILE = "protocol_steps"
"""The files, of Markdown and CSV, on the way from one protocol to another."""
BLOCKS_FOLDER = "blocks"
"""The folder of finished blocks inside the folder of results."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Evaluate networks on a split: errors, likeness to people, where their maps lie; write tables into a folder.

    What the collection does not have (labels, human maps, regions) is left out and told. A stopped run goes on where
    it was: finished blocks of images are kept in the folder.
    """

    collection: str
    """Name of a collection, or a folder of photographs."""
    networks: tuple[str, ...]
    """Names or folders of networks, transformers:NAME, timm:NAME, or package.module:function."""
    layers: tuple[str, ...] = ()
    """Paths of modules in all networks whose activity counts as a layer beside GALA's, for example layer3."""
    out: Path
    """Folder for report.html, table.md, table.csv, tests.csv, images.csv, results.json, test-looks.csv and the finished
    blocks."""
    output: OutputOption = None
    human_maps: Path | None = None
    """Human maps for a folder that has none of its own: a folder of maps, a table of clicks, or an HDF5 file."""
    human_map: str | None = None
    """Kind of human maps that everything is compared with, for example mouse; default: the collection's first."""
    split: Literal["train", "validation", "test", "all"] = "test"
    """Which images; the collection's own split, or by the images' ids where it has none."""
    images: int | None = None
    """At most so many images, alike many of each category; default: all of the split."""
    samples: int = 25
    """SmoothGrad's n; 0 leaves SmoothGrad out."""
    noise: float | None = None
    """SmoothGrad's noise as a share of an image's range; default: what suits all the networks, as their cards say."""
    target: Literal["own", "label"] = "own"
    """Whose logit SmoothGrad explains: the network's own first choice, or the true category."""
    protocol: ProtocolName | None = None
    """A published way to compare: it sets cuts of photographs, smoothings, maps, target, cells, splits and the form of
    the headline number; --samples, --noise and --target are then its own."""
    against: ProtocolName | None = None
    """Also change --protocol step by step into this one, and write which step moves the numbers (protocol_steps.md)."""
    resolutions: tuple[int, ...] = ()
    """Also compare SmoothGrad at these numbers of cells a side, for example 7 14 28 56 112."""
    reference: str | None = None
    """Test each network against this one, named as in --networks; default: all pairs."""
    people_resamples: int = 1
    """0 leaves out the ceiling's interval over participants; a number above 0 makes it, without draws."""
    over: Literal["images", "categories"] = "images"
    """What intervals and tests take as drawn by chance: images, of these categories, or whole categories."""
    seed: int = 0
    """Seed of noise, splits, resamples and sign flips."""
    device: str | None = None
    """cpu, cuda, or what is there."""
    precision: Literal["float32", "tf32", "bfloat16", "auto"] = "float32"
    """How networks multiply; auto: the fastest that changes maps by less than their error at n = 50, measured once for
    each network on this machine, and one for all."""

    def run(self) -> int:
        """Evaluate, write, print the table."""
        from gala_viz.cache import ArrayCache
        from gala_viz.collections import open_collection
        from gala_viz.engine.results.human_maps import check_map_kind
        from gala_viz.evaluation.evaluate import evaluate
        from gala_viz.evaluation.export import write_evaluation
        from gala_viz.evaluation.looks import record_look
        from gala_viz.evaluation.protocol_steps import check_layers, protocol_steps, steps_markdown, write_steps
        from gala_viz.evaluation.protocols import PROTOCOLS
        from gala_viz.networks.network_folders import with_output

        self.check()
        (self.out / BLOCKS_FOLDER).mkdir(parents=True, exist_ok=True)  # before anything is computed for it
        collection = open_collection(self.collection, human_maps=self.human_maps)
        check_map_kind(collection, self.human_map)
        networks = load_named_networks(
            with_output(self.networks, self.output), self.device, self.precision, self.layers
        )
        ends = None
        if self.protocol is not None and self.against is not None:
            ends = PROTOCOLS[self.protocol], PROTOCOLS[self.against]
            check_layers(networks, *ends)
        cache = ArrayCache(self.out / BLOCKS_FOLDER, compressed=True)
        spec = self.evaluation_spec(list(networks.values()))
        evaluation = evaluate(networks, collection, spec, reference=self.reference, cache=cache, tell=log_line)
        write_evaluation(evaluation, self.out)
        sys.stdout.write((self.out / "table.md").read_text(encoding="utf-8"))
        if ends is not None:
            rows = [
                row
                for name, network in networks.items()
                for row in protocol_steps(
                    network,
                    collection,
                    *ends,
                    spec=spec,
                    name=name,
                    cache=cache,
                    tell=log_line,
                    record=lambda one: record_look(one, self.out),
                )
            ]
            write_steps(rows, *ends, self.out / STEPS_FILE)
            sys.stdout.write(f"\n{steps_markdown(rows, *ends)}")
        log_line(f"written to {self.out}")
        return 0

    def check(self) -> None:
        """Raise ``ValueError`` for options that contradict each other."""
        if self.against is not None and self.protocol in (None, self.against):
            raise ValueError("--against names another protocol than --protocol, from which the steps begin; give both.")
        if self.protocol is None:
            return
        defaults = {one.name: one.default for one in fields(self)}
        own = [name for name in ("samples", "noise", "target") if getattr(self, name) != defaults[name]]
        if own:
            raise ValueError(f"--{own[0]} is set by --protocol {self.protocol}; leave one of the two out.")

    def evaluation_spec(self, networks: Sequence[Network] = ()) -> EvaluationSpec:
        """Return the settings of the evaluation, with noise that suits all ``networks`` unless an option sets it."""
        from gala_viz.alignment import CeilingSpec
        from gala_viz.evaluation.spec import EvaluationSpec

        spec = EvaluationSpec(
            split=self.split,
            n_images=self.images,
            smoothgrad=smoothgrad_spec_for(networks, self.samples, self.noise, self.seed),
            target=self.target,
            ceiling=CeilingSpec(over_participants=self.people_resamples > 0, seed=self.seed),
            seed=self.seed,
            human_map=self.human_map,
            over=self.over,
        )
        if self.protocol is not None:
            from gala_viz.evaluation.protocols import PROTOCOLS

            spec = PROTOCOLS[self.protocol].spec(networks, spec)
        return replace(spec, resolutions=self.resolutions)


def smoothgrad_spec_for(
    networks: Sequence[Network], n_samples: int, noise_fraction: float | None, seed: int
) -> SmoothGradSpec | None:
    """Return SmoothGrad's settings for a table of networks.

    Parameters
    ----------
    networks : sequence of Network
        The networks of the table.
    n_samples : int
        Noisy copies of an image; 0: SmoothGrad is left out.
    noise_fraction : float or None
        Noise as a share of an image's range; None: what suits all networks.
    seed : int
        Seed of the noise.

    Returns
    -------
    SmoothGradSpec or None
        None with ``n_samples`` 0.
    """
    from gala_viz.networks.network import shared_noise_fraction
    from gala_viz.specs import SmoothGradSpec

    if not n_samples:
        return None
    if noise_fraction is None:
        noise_fraction = shared_noise_fraction(networks)
    return SmoothGradSpec(n_samples=n_samples, noise_fraction=noise_fraction, seed=seed)


def load_named_networks(
    names: Sequence[str], device: str | None, precision: str | None, layers: Sequence[str] = ()
) -> dict[str, Network]:
    """Load networks under the names that tables show.

    Parameters
    ----------
    names : sequence of str
        Names or folders of networks, at least one.
    device : str or None
        Device, as ``load_network`` takes it.
    precision : str or None
        Precision, as ``load_network`` takes it.
    layers : sequence of str
        Paths of modules whose activity counts as a layer.

    Returns
    -------
    dict of str to Network
        By the network's own name, or by its entry in ``names`` where two have the same.

    Raises
    ------
    ValueError
        ``names`` is empty, or has a network twice.
    """
    from gala_viz.networks.zoo import load_network

    if not names:
        raise ValueError("--networks takes at least one name or folder of a network.")
    loaded = [load_network(name, device, precision, layers=layers) for name in names]
    own = [network.name for network in loaded]
    labels = [name if own.count(name) == 1 else str(entry) for name, entry in zip(own, names, strict=True)]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ValueError(f"--networks names {twice[0]!r} twice; each network is evaluated once.")
    return dict(zip(labels, loaded, strict=True))


def log_line(text: str) -> None:
    """Write a line of progress to the standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
