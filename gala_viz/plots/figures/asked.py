"""A figure as a small file: which images and networks with which settings; enough to draw it again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from gala_viz.plots.figures.comparison import COLUMNS, check_columns
from gala_viz.specs import MapRequest, SmoothGradSpec, made, settings

FORMAT = 1
WIDTHS_MM = {"single": 89.0, "middle": 120.0, "double": 183.0}
"""Widths of a journal's columns, in mm, as most ask for them."""
DPI = (50, 1200)
MOST_IMAGES = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """Figure 2 of chosen ``images`` and two ``networks``. ``layer`` is that of the attention norms; None: the last one.

    ``collection``, ``human_maps`` and ``store`` say where images and maps come from, as for ``gala-viz compare``.
    ``width`` is one of ``WIDTHS_MM``; ``dpi`` is that of the PNG.
    """

    collection: str | None = None
    human_maps: str | None = None
    store: str | None = None
    networks: tuple[str, str] | None = None
    images: tuple[str, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    layer: str | None = None
    width: str = "double"
    dpi: int = 300
    request: MapRequest = field(default_factory=MapRequest)

    def __post_init__(self) -> None:
        check_columns(self.columns)
        if self.width not in WIDTHS_MM:
            raise ValueError(f"width is one of {', '.join(WIDTHS_MM)}; got {self.width!r}.")
        if isinstance(self.dpi, bool) or not isinstance(self.dpi, int) or not DPI[0] <= self.dpi <= DPI[1]:
            raise ValueError(f"dpi is a whole number from {DPI[0]} to {DPI[1]}; got {self.dpi!r}.")
        if not 1 <= len(self.images) <= MOST_IMAGES or len(set(self.images)) != len(self.images):
            raise ValueError(f"images are 1 to {MOST_IMAGES} ids, each once; got {len(self.images)}.")
        if self.networks is not None and len(self.networks) != 2:
            raise ValueError(f"two networks are compared; got {len(self.networks)}.")

    @property
    def width_inches(self) -> float:
        """Of the figure."""
        return WIDTHS_MM[self.width] / 25.4

    def save(self, path: Path) -> None:
        """Write the file; reading it gives the same spec."""
        text = json.dumps({"format": FORMAT, **settings(self)}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def read_figure_spec(path: str | Path) -> FigureSpec:
    """The spec in a JSON file. Raises ``FileNotFoundError``; ``ValueError`` for what is no figure."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; a figure's JSON file was expected.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no figure: {error}.") from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is no figure of format {FORMAT}, which this program reads.")
    try:
        request = content.pop("request", {})
        smoothgrad = made(SmoothGradSpec, request.pop("smoothgrad", {}))
        return made(FigureSpec, {**content, "request": made(MapRequest, {**request, "smoothgrad": smoothgrad})})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{path} is no figure: {error}") from None
