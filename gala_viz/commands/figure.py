"""``gala-viz figure``: figure 2 of chosen images and networks, from options or from a figure's own file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from gala_viz.panels.options import CompareOptions

if TYPE_CHECKING:
    from gala_viz.plots.figures.asked import FigureSpec
    from gala_viz.store.source import MapSource


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw photographs, human maps, saliency maps of two networks, their delta and attention norms side by side.

    Written are NAME.png, .svg, .pdf, the caption NAME.md, the maps as NetCDF, the scores as CSV, and NAME.json, from
    which the same command draws the same figure again.
    """

    spec: Annotated[Path | None, tyro.conf.Positional] = None
    """A figure's JSON file; left out: the options below make one."""
    out: Path = Path("figures")
    """Folder for the files."""
    name: str | None = None
    """Their name; left out: that of the JSON file, or figure."""
    collection: str | None = None
    """A known name (photos, rendered) or a folder of photographs."""
    human_maps: str | None = None
    """Human maps for a folder that has none of its own."""
    store: str | None = None
    """A store of maps that gala-viz attribute made."""
    networks: tuple[str, ...] = ()
    """Names or folders of two networks; left out: those that suit the collection."""
    images: tuple[str, ...] = ()
    """Ids of images, in the order of the rows; left out: the first four of the collection that have human maps."""
    columns: tuple[str, ...] = ()
    """Some of image, people, first, second, delta, first_norm, second_norm; left out: all."""
    layer: str | None = None
    """Whose attention norms; left out: the last layer."""
    samples: int = 50
    """SmoothGrad's n."""
    seed: int = 0
    """Seed of SmoothGrad's noise."""
    noise: float = 0.15
    """SmoothGrad's noise as a share of an image's range."""
    target: Literal["own", "label"] = "own"
    """Whose logit is explained: each network's own first choice, or the true category."""
    width: Literal["single", "middle", "double"] = "double"
    """A journal's column: 89, 120 or 183 mm."""
    dpi: int = 300
    """Dots per inch of the PNG."""

    def run(self) -> None:
        """Draw, write, and tell what was written."""
        from gala_viz.commands.compare_page import load
        from gala_viz.commands.progress import counted
        from gala_viz.plots.figures.asked import read_figure_spec
        from gala_viz.plots.figures.gathered import gathered, write_figure

        asked = None if self.spec is None else read_figure_spec(self.spec)
        where = self if asked is None else asked
        options = CompareOptions(
            collection=where.collection,
            human_maps=where.human_maps,
            store=where.store,
            networks=tuple(where.networks) if where.networks else None,
        )
        source = load(options, lambda step: None)
        spec = self._spec(options, source) if asked is None else asked
        found = gathered(source, spec, counted("images"))
        name = self.name or (self.spec.stem if self.spec else "figure")
        paths = write_figure(source, spec, found, self.out, name)
        sys.stdout.write(f"written to {self.out}: {', '.join(path.name for path in paths)}\n")

    def _spec(self, options: CompareOptions, source: MapSource) -> FigureSpec:
        from gala_viz.commands.compare_page import origin
        from gala_viz.plots.figures.asked import FigureSpec
        from gala_viz.plots.figures.comparison import COLUMNS
        from gala_viz.specs import MapRequest, SmoothGradSpec

        marked = [image for image in source.images if source.info(image).has_human_map]
        smoothgrad = SmoothGradSpec(n_samples=self.samples, noise_fraction=self.noise, seed=self.seed)
        return FigureSpec(
            **origin(options),
            images=self.images or tuple((marked or source.images)[:4]),
            columns=self.columns or COLUMNS,
            layer=self.layer,
            width=self.width,
            dpi=self.dpi,
            request=MapRequest(smoothgrad=smoothgrad, target=self.target),
        )
