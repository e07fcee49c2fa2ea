"""``gala-viz figure``: a figure for print of any kind, from options or from a figure's own file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.specs import GRAD_CAM, SecondMap

if TYPE_CHECKING:
    from gala_viz.plots.figures.specs import FigureSpec
    from gala_viz.store.source import MapSource

FigureKindName = Literal["comparison", "grid", "people", "layers", "scatter", "table"]
SOURCE_FIELDS = ("collection", "human_maps", "store", "networks")
DEFAULT_IMAGE_COUNTS = {"comparison": 4, "grid": 12, "people": 8, "layers": 1}
"""How many images, of each superclass for people, a figure shows where none are named; other kinds show all."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw a figure for print.

    It is a comparison of two networks image by image, a grid of many images in pages, photographs seen through human
    maps, attention norms of all layers, a scatter of two measures of all images, or a table of scores.

    Written are NAME.png, .svg, .pdf, the caption NAME.md, maps as NetCDF, values as CSV, a table also as LaTeX, and
    NAME.json, from which the same command draws the same figure again. Options beside such a file change it.
    """

    spec: Annotated[Path | None, tyro.conf.Positional] = None
    """A figure's JSON file; left out: the options below make one."""
    kind: FigureKindName | None = None
    """What is drawn; left out: a comparison."""
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
    """Names or folders of two or more networks; left out: those that suit the collection."""
    device: str | None = None
    """cpu, cuda, or what is there."""
    precision: Literal["float32", "tf32", "bfloat16", "auto"] | None = None
    """How networks multiply, as for gala-viz compare; left out: float32."""
    images: tuple[str, ...] = ()
    """Ids of images, in the order wanted; left out: the first that have human maps, or for scatter and table all."""
    columns: tuple[str, ...] = ()
    """comparison: some of image, people, first, second, delta, first_norm, second_norm; with more networks also third,
    third_delta (minus the first), third_norm and so on; left out: all, without deltas of more than two networks.
    grid: photo, people, first, second, delta, these with :METHOD, first@LAYER, second@LAYER."""
    rows_per_page: int | None = None
    """grid: images of a page; left out: as many as 240 mm hold."""
    layer: str | None = None
    """comparison: whose attention norms; left out: the last layer."""
    second_layer: str | None = None
    """comparison: layer of the second network's attention norms; left out: the same one."""
    delta_colours: Literal["default", "paper"] | None = None
    """comparison: colours of the delta; paper: the red and blue of Linsley et al. 2019, with the networks' names."""
    map_kind: str | None = None
    """people: which human maps, where the collection has several kinds."""
    per_row: int | None = None
    """people: photographs side by side in a block."""
    shown: Literal["both", "first", "second"] | None = None
    """layers: rows of both networks (or of all), or of one."""
    layers: tuple[str, ...] = ()
    """layers: which; left out: all."""
    x: str | None = None
    """scatter: the measure across, as rho:first, gain, delta, attention:LAYER:second, ceiling, rho:third of a third
    network, or by its title."""
    y: str | None = None
    """scatter: the measure up; left out: both networks' rho with people."""
    rest: bool | None = None
    """scatter: whether images beside those chosen are drawn."""
    rows: tuple[str, ...] = ()
    """table: some of accuracy, rho, fraction, dice, iou, ceiling, attention:LAYER; left out: the first six."""
    scored_only: bool = False
    """scatter, table: show the images that are scored and compute nothing; else those that are missing are scored."""
    method: str | None = None
    """Attribution method of the maps, for example smoothgrad or grad_cam; left out: as the pages begin."""
    cam_layer: str | None = None
    """grad_cam: at which layer, a module's path in both networks; left out: last, or as the maps in the store are."""
    second_method: str | None = None
    """comparison: method of the second network's maps; this and the next two left out: as the first's. With --networks
    A A two methods, targets or layers of one network stand side by side."""
    second_target: Literal["own", "label"] | None = None
    """comparison: whose logit the second network's maps explain."""
    second_cam_layer: str | None = None
    """comparison: at which layer the second network's Grad-CAM is computed."""
    samples: int | None = None
    """SmoothGrad's n; this and the next three left out: as the pages begin, or as the maps in the store are."""
    seed: int | None = None
    """Seed of SmoothGrad's noise."""
    noise: float | None = None
    """SmoothGrad's noise as a share of an image's range."""
    target: Literal["own", "label"] | None = None
    """Whose logit is explained: each network's own first choice, or the true category."""
    human_map: str | None = None
    """Kind of human map that scores and figures are with, where the collection has several; left out: its first."""
    participant: str | None = None
    """comparison: whose human map; left out: that of all."""
    smoothing: float | None = None
    """Standard deviation of the smoothing of maps, in input pixels; left out: as the pages begin."""
    width: Literal["single", "middle", "double"] | None = None
    """A journal's column: 89, 120 or 183 mm."""
    dpi: int | None = None
    """Dots per inch of the PNG; left out: 300."""

    def run(self) -> None:
        """Draw, write, and print what was written."""
        from gala_viz.commands.compare_app import load_source
        from gala_viz.commands.evaluate import log_line
        from gala_viz.commands.terminal_progress import progress_printer
        from gala_viz.plots.figures.specs import KINDS, read_figure_spec, write_figure
        from gala_viz.specs import check_file_name

        name = self.name or (self.spec.stem if self.spec else "figure")
        check_file_name("--name", name)
        file_spec = None if self.spec is None else read_figure_spec(self.spec, tell=log_line)
        kind = self.kind or (file_spec.kind if file_spec else "comparison")
        if file_spec is not None and file_spec.kind != kind:
            raise ValueError(
                f"{self.spec} is a figure of the kind {file_spec.kind}; leave out --kind, or ask for that one."
            )
        overrides = self._given(kind, [one.name for one in fields(KINDS[kind].spec)])
        where = {name: overrides.get(name, getattr(file_spec, name, None)) for name in SOURCE_FIELDS}
        options = CompareOptions(**where, device=self.device, precision=self.precision)
        source = load_source(options, lambda step: None)
        spec = (
            self._figure_spec(kind, overrides, options, source)
            if file_spec is None
            else replace(file_spec, **overrides)
        )
        spec = replace(spec, request=self._request(spec.request))
        paths = write_figure(
            source, spec, self.out, name, progress=progress_printer("images"), survey=not self.scored_only
        )
        sys.stdout.write(f"written to {self.out}: {', '.join(path.name for path in paths)}\n")

    def _given(self, kind: str, known: list[str]) -> dict[str, Any]:
        """Return the settings of a figure that options set. Raises ``ValueError`` for those of another kind."""
        of_drawing = ("spec", "kind", "out", "name", "scored_only", "device", "precision")
        of_maps = ("method", "cam_layer", "samples", "seed", "noise", "target", "human_map", "participant", "smoothing")
        of_second = ("second_method", "second_target", "second_cam_layer")
        apart = (*of_drawing, *of_maps, *of_second)
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in apart}
        overrides = {name: value for name, value in values.items() if value is not None and value != ()}
        for name in overrides:
            if name not in known:
                raise ValueError(f"--{name.replace('_', '-')} is no option of the kind {kind}; leave it out.")
        return overrides

    def _figure_spec(
        self, kind: str, overrides: Mapping[str, Any], options: CompareOptions, source: MapSource
    ) -> FigureSpec:
        from gala_viz.commands.compare_app import figure_source
        from gala_viz.plots.figures.specs import KINDS

        images = overrides.get("images") or _first_images(source, kind)
        return KINDS[kind].spec(**{"request": source.request, **overrides, **figure_source(options), "images": images})

    def _request(self, request: Any) -> Any:
        """Return ``request`` with the settings that options set."""
        grad = {"n_samples": self.samples, "noise_fraction": self.noise, "seed": self.seed}
        grad = {name: value for name, value in grad.items() if value is not None}
        more = {"target": self.target, "human_map": self.human_map, "participant": self.participant}
        more |= {"smoothing_px": self.smoothing, "method": self.method, "cam_layer": self.cam_layer}
        more = {name: value for name, value in more.items() if value is not None}
        changed = replace(request, smoothgrad=replace(request.smoothgrad, **grad), **more)
        own = {"method": self.second_method, "target": self.second_target, "cam_layer": self.second_cam_layer}
        own = {name: value for name, value in own.items() if value is not None}
        changed = replace(changed, second=replace(changed.second or SecondMap(), **own))
        if self.cam_layer is not None and changed.method != GRAD_CAM:
            raise ValueError(f"--cam-layer is of the method {GRAD_CAM}; add --method {GRAD_CAM}, or leave it out.")
        if self.second_cam_layer is not None and changed.of_network(1).method != GRAD_CAM:
            raise ValueError(
                f"--second-cam-layer is of the method {GRAD_CAM}; add --second-method {GRAD_CAM}, or leave it out."
            )
        return changed


def _first_images(source: MapSource, kind: str) -> tuple[str, ...]:
    """Return what a figure shows where no images are named: the first that have human maps."""
    count = DEFAULT_IMAGE_COUNTS.get(kind, 0)
    marked = [image for image in source.images if source.info(image).has_human_map] if count else []
    if kind != "people":
        return tuple((marked or source.images)[:count])
    if not marked:
        raise ValueError(f"{source.title}: no image has a human map, through which it could be seen.")
    groups: dict[str, list[str]] = {}
    for image in marked:
        groups.setdefault(source.info(image).superclass or "", []).append(image)
    return tuple(image for group in groups.values() for image in group[:count])
