"""The paper's graphs: the trade-off over lambda, and where the maps lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gala_viz.commands.paper.captions import caption, maps_are, maps_made
from gala_viz.commands.paper.sweep import trainings_of
from gala_viz.evaluation.facts import seeds_told, smoothgrad_told
from gala_viz.evaluation.values import MEAN_OF_LAYERS
from gala_viz.plots.figures.page import save
from gala_viz.plots.figures.regions import Share, regions_figure
from gala_viz.plots.figures.trade_off import Tried, trade_off_figure

if TYPE_CHECKING:
    from gala_viz.commands.paper.command import Arguments
    from gala_viz.commands.paper.networks import Wanted
    from gala_viz.evaluation.evaluation import Evaluation
    from gala_viz.evaluation.numbers import Number
    from gala_viz.networks.network import Network


def trade_off(arguments: Arguments, found: Evaluation, loaded: dict[Wanted, Network]) -> str:
    """Accuracy against likeness over lambda; what is said where there is no table of it."""
    name = arguments.networks[-1]
    network = next((network for one, network in loaded.items() if one.name == name), None)
    card = {} if network is None else network.card
    tried, source = trainings_of(name, card, arguments.runs, arguments.sweep)
    chosen = card.get("recipe", {}).get("attention_weight")
    told = [
        f"Accuracy against Spearman's rho of the attention norms (mean over layers) with {maps_are(found)}, for {name} "
        "at several lambdas, the weight of the attention loss; both on the validation split.",
        f"{_points(tried)}; red: lambda = {chosen}, which was chosen.",
        f"n = {len(tried)} trainings. Source: {source}.",
        maps_made(found),
    ]
    if not tried:
        told = [f"n/a: there is no table of trainings at several lambdas. gala-viz sweep {name} makes it."]
    save(
        trade_off_figure(tried, chosen, maps_are(found)),
        arguments.out,
        "trade-off",
        caption("The trade-off over lambda", told),
    )
    return "" if tried else f"trade-off is empty: gala-viz sweep {name} --weights 0 0.5 1 2 4 6 makes its table."


def _points(tried: Sequence[Tried]) -> str:
    seeds = sorted({one.seed for one in tried})
    if len(seeds) == 1:
        return f"Each point is one training, seed {seeds[0]}, with the 95 % interval of its accuracy"
    return f"Large points are means over the seeds {', '.join(map(str, seeds))}, small ones single trainings"


def regions(arguments: Arguments, found: Evaluation) -> str:
    """Where the maps lie; what is said where the collection knows no regions."""
    pixels = {one.key.region: one.interval.mean for one in found.numbers if one.key.quantity == "region_pixels"}
    if not pixels:
        return f"regions is left out: {found.collection['name']} does not know what its pixels belong to."
    own = {(one.who, one.key): one.interval.mean for one in found.numbers if one.interval is not None}
    people: dict[str, dict[str, Share]] = {}
    for one in found.numbers:
        if one.key.quantity == "share_people" and one.interval is not None:
            people.setdefault(one.who, {})[one.key.region] = _share(one)
    panels: dict[str, dict[str, dict[str, Share]]] = {}
    for title, quantity, layer in (
        ("SmoothGrad", "share_smoothgrad", ""),
        ("attention norm, mean of layers", "share_attention", MEAN_OF_LAYERS),
    ):
        for one in found.numbers:
            of_this = (one.key.quantity, one.key.layer) == (quantity, layer)
            if of_this and one.interval is not None and one.who in (found.groups or found.networks):
                members = found.groups.get(one.who, ())
                panels.setdefault(title, {}).setdefault(one.who, {})[one.key.region] = _share(
                    one, [own[member, one.key] for member in members if (member, one.key) in own]
                )
    seeds = seeds_told(found.groups, found.networks)
    told = [
        f"Shares of the maps' sum on the regions of the images of the {found.spec.split} split; whiskers are 95 % "
        f"bootstrap intervals over {len(found.images)} images ({found.spec.n_resamples:,} resamples, seed "
        f"{found.spec.seed}). A black line is the region's share of the pixels: what a map without preference has. The "
        "first bar is of the human maps.",
        f"Means over seeds, image by image; dots are single seeds, those of {seeds}." if seeds else "",
        smoothgrad_told(found.spec),
    ]
    save(regions_figure(panels, pixels, people), arguments.out, "regions", caption("Where the maps lie", told))
    return ""


def _share(number: Number, seeds: Sequence[float] = ()) -> Share:
    interval = number.interval
    return Share(mean=interval.mean, low=interval.low, high=interval.high, seeds=tuple(seeds))
