"""The paper's graphs: the trade-off over lambda, and where the maps lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gala_viz.commands.paper.caption_text import caption_markdown, human_maps_label, human_maps_text
from gala_viz.commands.paper.sweep_points import find_sweep_points
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metadata import seeds_text, smoothgrad_text
from gala_viz.plots.figures.print_style import save_figure
from gala_viz.plots.figures.regions_figure import RegionShare, regions_figure
from gala_viz.plots.figures.trade_off_figure import SweepPoint, trade_off_figure

if TYPE_CHECKING:
    from gala_viz.commands.paper.paper_networks import PaperNetwork
    from gala_viz.commands.paper.paper_options import PaperOptions
    from gala_viz.evaluation.estimates import Estimate
    from gala_viz.evaluation.evaluation import Evaluation
    from gala_viz.networks.network import Network


def draw_trade_off(options: PaperOptions, evaluation: Evaluation, networks: dict[PaperNetwork, Network]) -> str:
    """Draw accuracy against likeness over lambda; return what is said where there is no table of it, or ""."""
    name = options.networks[-1]
    network = next((network for one, network in networks.items() if one.name == name), None)
    card = {} if network is None else network.card
    points, source = find_sweep_points(name, card, options.runs, options.sweep)
    chosen = card.get("recipe", {}).get("attention_weight")
    paragraphs = [
        "Accuracy against Spearman's rho of the attention norms (mean over layers) with "
        f"{human_maps_label(evaluation)}, for {name} "
        "at several lambdas, the weight of the attention loss; both on the validation split.",
        f"{_points(points)}; red: lambda = {chosen}, which was chosen.",
        f"n = {len(points)} trainings. Source: {source}.",
        human_maps_text(evaluation),
    ]
    if not points:
        paragraphs = [f"n/a: there is no table of trainings at several lambdas. gala-viz sweep {name} makes it."]
    save_figure(
        trade_off_figure(points, chosen, human_maps_label(evaluation)),
        options.out,
        "trade-off",
        caption_markdown("The trade-off over lambda", paragraphs),
    )
    return "" if points else f"trade-off is empty: gala-viz sweep {name} --weights 0 0.5 1 2 4 6 makes its table."


def _points(points: Sequence[SweepPoint]) -> str:
    seeds = sorted({one.seed for one in points})
    if len(seeds) == 1:
        return f"Each point is one training, seed {seeds[0]}, with the 95 % interval of its accuracy"
    return f"Large points are means over the seeds {', '.join(map(str, seeds))}, small ones single trainings"


def draw_regions(options: PaperOptions, evaluation: Evaluation) -> str:
    """Draw where the maps lie; return what is said where the collection knows no regions, or ""."""
    pixels = {one.key.region: one.interval.mean for one in evaluation.estimates if one.key.metric == "region_pixels"}
    if not pixels:
        return f"regions is left out: {evaluation.collection['name']} does not know what its pixels belong to."
    own = {(one.who, one.key): one.interval.mean for one in evaluation.estimates if one.interval is not None}
    people: dict[str, dict[str, RegionShare]] = {}
    for one in evaluation.estimates:
        if one.key.metric == "share_people" and one.interval is not None:
            people.setdefault(one.who, {})[one.key.region] = _share(one)
    panels: dict[str, dict[str, dict[str, RegionShare]]] = {}
    for title, quantity, layer in (
        ("SmoothGrad", "share_smoothgrad", ""),
        ("attention norm, mean of layers", "share_attention", MEAN_OF_LAYERS),
    ):
        for one in evaluation.estimates:
            of_this = (one.key.metric, one.key.layer) == (quantity, layer)
            if of_this and one.interval is not None and one.who in (evaluation.groups or evaluation.networks):
                members = evaluation.groups.get(one.who, ())
                panels.setdefault(title, {}).setdefault(one.who, {})[one.key.region] = _share(
                    one, [own[member, one.key] for member in members if (member, one.key) in own]
                )
    seeds = seeds_text(evaluation.groups, evaluation.networks)
    paragraphs = [
        f"Shares of the maps' sum on the regions of the images of the {evaluation.spec.split} split; whiskers are 95 % "
        f"bootstrap intervals over {len(evaluation.images)} images ({evaluation.spec.n_resamples:,} resamples, seed "
        f"{evaluation.spec.seed}). A black line is the region's share of the pixels: what a map without "
        "preference has. The "
        "first bar is of the human maps.",
        f"Means over seeds, image by image; dots are single seeds, those of {seeds}." if seeds else "",
        smoothgrad_text(evaluation.spec),
    ]
    save_figure(
        regions_figure(panels, pixels, people),
        options.out,
        "regions",
        caption_markdown("Where the maps lie", paragraphs),
    )
    return ""


def _share(number: Estimate, seeds: Sequence[float] = ()) -> RegionShare:
    interval = number.interval
    return RegionShare(mean=interval.mean, low=interval.low, high=interval.high, seeds=tuple(seeds))
