"""The grid of stimuli by which an experimenter checks an experiment before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gala_viz.experiment.responses import format_level
from gala_viz.experiment.revelation import RANKED, RevelationSpec
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.plots.figures.categorisation_figure import stimuli_figure
from gala_viz.plots.figures.print_style import save_figure

PER_SUPERCLASS = 2
PREVIEW_NAME = "preview"


def write_preview(folder: Path, stimuli: Stimuli) -> None:
    """Draw the first images of each superclass at every level and by every map type, as ``preview`` in ``folder``."""
    spec = stimuli.spec
    images = [image for some in spec.images.values() for image in some[:PER_SUPERCLASS]]
    pictures = {
        (image, map_type): [stimuli.render(image, map_type, level) for level in spec.levels]
        for image in images
        for map_type in spec.maps
    }
    first = next(iter(spec.maps))
    shares = [f"{stimuli.revealed_percent(images[0], first, level).all_pixels:.3g} % of all" for level in spec.levels]
    figure = stimuli_figure(pictures, [format_level(level) for level in spec.levels], shares)
    sources = ", ".join(f"{name}: {title}" for name, title in spec.map_titles.items())
    save_figure(
        figure,
        folder,
        PREVIEW_NAME,
        f"Stimuli of experiment {spec.hash} on {spec.title}. Rows: {len(images)} images by map type ({sources}); "
        f"columns: pixels revealed, in per cent of the number of important ones, and of all pixels. The important ones "
        f"are the {100 * spec.revelation.important_fraction:g} % most important; "
        f"{_order_text(spec.revelation)}; hidden: {_FILLS[spec.revelation.fill]}; seed {spec.seed}. "
        f"At {spec.revelation.levels[-1]:g} % these images show of the important pixels themselves: "
        f"{_shown_text(stimuli, images)}.",
        formats=("png",),
    )


def _order_text(revelation: RevelationSpec) -> str:
    if revelation.order == RANKED:
        return "revealed by rank, just the important ones at 100 %"
    return f"one piece grows from the most important pixel on, temperature {revelation.temperature:g}"


def _shown_text(stimuli: Stimuli, images: Sequence[str]) -> str:
    """Return, for each map type, what the largest level shows of the important pixels, from the least to the most."""
    level, texts = stimuli.spec.revelation.levels[-1], []
    for map_type in stimuli.spec.maps:
        shown = [stimuli.revealed_percent(image, map_type, level).important_shown for image in images]
        texts.append(f"{map_type} {min(shown):.0f} to {max(shown):.0f} %")
    return ", ".join(texts)


_FILLS = {"phase": "the image with its phases scrambled", "grey": "grey"}
