"""The grid of stimuli by which an experimenter checks an experiment before it runs."""

from __future__ import annotations

from pathlib import Path

from gala_viz.experiment.responses import format_level
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
        f"columns: per cent of the important pixels, and of all pixels. The important ones are the "
        f"{100 * spec.revelation.important_fraction:g} % most important; growth from the most important on, "
        f"temperature {spec.revelation.temperature:g}; hidden: {_FILLS[spec.revelation.fill]}; seed {spec.seed}.",
        formats=("png",),
    )


_FILLS = {"phase": "the image with its phases scrambled", "grey": "grey"}
