"""The paper's figures: from an evaluation and its networks to files with captions that name every setting."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from gala_viz.collections.human_maps.map_checks import usable_maps
from gala_viz.collections.image_sampling import sample_images
from gala_viz.commands.paper.caption_text import (
    caption_markdown,
    human_maps_label,
    human_maps_text,
    image_choice_text,
    weights_text,
)
from gala_viz.commands.paper.graphs import draw_regions, draw_trade_off
from gala_viz.engine.results.reliability import reliability_text
from gala_viz.evaluation.side_by_side import side_by_side
from gala_viz.plots.figures.comparison_figure import (
    RELIABILITY_TEXT,
    ComparisonRow,
    colour_scales_text,
    column_names,
    comparison_figure,
)
from gala_viz.plots.figures.people_figure import OPACITY_TEXT, PhotographWithMap, people_figure
from gala_viz.plots.figures.print_style import save_figure
from gala_viz.registry import unknown_name
from gala_viz.specs import SmoothGradSpec

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.commands.paper.paper_networks import PaperNetwork
    from gala_viz.commands.paper.paper_options import PaperOptions
    from gala_viz.evaluation.evaluation import Evaluation
    from gala_viz.networks.network import Network

N_IMAGES_1A, N_COLUMNS_1A = 12, 4
"""Pictures of each superclass, and how many stand in a row."""


def draw_paper_figures(
    options: PaperOptions, evaluation: Evaluation, collection: Collection, networks: dict[PaperNetwork, Network]
) -> list[str]:
    """Draw all figures of the paper into the folder of results.

    Parameters
    ----------
    options : PaperOptions
        Settings of the figures, and the folder.
    evaluation : Evaluation
        Results of the networks.
    collection : Collection
        Images of the figures.
    networks : dict of PaperNetwork to Network
        The networks that are there.

    Returns
    -------
    list of str
        A sentence for each figure that could not be drawn, with the reason.
    """
    reasons = [
        _people(options, evaluation, collection, next(iter(networks.values()))),
        _comparison(options, evaluation, collection, networks),
        draw_trade_off(options, evaluation, networks),
        draw_regions(options, evaluation),
    ]
    return [text for text in reasons if text]


def _people(options: PaperOptions, evaluation: Evaluation, collection: Collection, network: Network) -> str:
    """Draw figure 1A; return why it is left out, or ""."""
    marked, _ = usable_maps(collection, [image for image in evaluation.images if collection.has_human_map(image)])
    if not marked:
        return "figure-1a is left out: these images have no human maps."
    kinds = sorted({collection.superclass(image) or "" for image in marked})
    count = N_COLUMNS_1A if options.quick else N_IMAGES_1A
    images = sample_images(collection, marked, count * len(kinds), seed=options.seed, purpose="figure 1A")
    frame = network.preprocessing
    groups = [
        (
            f"{kind}s" if kind else "images",
            [
                PhotographWithMap(
                    title=collection.category(image) or image,
                    view=frame.resize_and_crop(collection.photo(image)),
                    human_map=frame.map_to_frame(collection.human_map(image)).values,
                )
                for image in images
                if (collection.superclass(image) or "") == kind
            ],
        )
        for kind in kinds
    ]
    paragraphs = [
        f"Photographs seen through {human_maps_label(evaluation)}: "
        + ", ".join(f"{title} in {name}" for (title, _), name in zip(groups, cycle(("blue", "red")), strict=False))
        + ".",
        OPACITY_TEXT,
        human_maps_text(evaluation),
        image_choice_text(images, options.seed, "figure 1A"),
    ]
    figure = people_figure(groups, columns=N_COLUMNS_1A, simulated=evaluation.simulated)
    save_figure(figure, options.out, "figure-1a", caption_markdown("Figure 1A", paragraphs))
    return ""


def _comparison(
    options: PaperOptions, evaluation: Evaluation, collection: Collection, loaded: dict[PaperNetwork, Network]
) -> str:
    """Draw figure 2; return why it is left out, or ""."""
    names = options.networks[-2:]
    pair = _pair(names, loaded)
    if len(names) < 2 or pair is None:
        return f"figure-2 is left out: it needs {' and '.join(names)} of one seed."
    seed, (first, second) = pair
    rows = min(options.rows, 2) if options.quick else options.rows
    n_samples = min(options.figure_samples, 4) if options.quick else options.figure_samples
    table = options.evaluation_spec(list(loaded.values())).smoothgrad or SmoothGradSpec()
    spec = SmoothGradSpec(n_samples=n_samples, noise_fraction=table.noise_fraction, seed=options.seed)
    layers = second.layers or first.layers
    layer = options.layer or (layers[-1] if layers else None)
    if layer is not None and layer not in layers:
        raise ValueError(unknown_name(f"GALA layer of {second.name}", layer, list(layers)))
    images = sample_images(collection, evaluation.images, rows, seed=options.seed, purpose="figure 2")
    comparison_rows = [
        ComparisonRow(
            title=one.category or one.image,
            view=one.view,
            human_map=one.human_map,
            maps=one.maps,
            deltas=[one.delta],
            norms=one.norms,
            delta_texts=[reliability_text(one.reliability)],
        )
        for one in side_by_side((first, second), collection, images, spec, layer)
    ]
    maps = evaluation.collection["human_maps"]
    people = "human map" if maps is None else f"{maps['kind']}\nmap"
    paragraphs = [
        f"Image by image: {human_maps_label(evaluation)}, SmoothGrad of {names[0]} and of {names[1]} (seed "
        f"{seed}), their delta "
        f"({names[1]} minus {names[0]}), and the attention norms of layer {layer} of both.",
        f"SmoothGrad: n = {spec.n_samples}, noise {spec.noise_fraction} of the range, seed {spec.seed}, the same noise "
        "for both networks, of the true category's logit where both networks know it, else of each one's first choice; "
        "sum of absolute values over colour, no smoothing.",
        colour_scales_text(column_names(), 2, () if options.delta_colours == "default" else names),
        RELIABILITY_TEXT,
        human_maps_text(evaluation),
        image_choice_text(images, options.seed, "figure 2"),
        weights_text((first, second)),
    ]
    figure = comparison_figure(comparison_rows, names, layer or "no layer", people, delta_colours=options.delta_colours)
    save_figure(figure, options.out, "figure-2", caption_markdown("Figure 2", paragraphs))
    return ""


def _pair(names: tuple[str, str], loaded: dict[PaperNetwork, Network]) -> tuple[int, tuple[Network, Network]] | None:
    """Return the smallest seed of which both networks are there, and the two; None where there is none."""
    by_seed = {(one.name, one.seed): network for one, network in loaded.items()}
    for seed in sorted({one.seed for one in loaded}):
        pair = tuple(by_seed.get((name, seed)) for name in names)
        if None not in pair:
            return seed, pair
    return None
