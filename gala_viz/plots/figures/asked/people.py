"""Kind "people", figure 1A: photographs seen through what people marked on them, by superclass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.plots.figures.asked.drawn import Drawn, Told, unheard
from gala_viz.plots.figures.asked.sentences import caption_of, images_told, known_kind, people_told
from gala_viz.plots.figures.asked.spec import FigureSpec, check_images
from gala_viz.plots.figures.people import OPACITY, Seen, opaque_from, people_figure
from gala_viz.schema import n_people
from gala_viz.specs import settings
from gala_viz.store.source import MapSource

PER_ROW = (1, 12)
OTHERS = "others"
"""Images without a superclass, where others have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleSpec(FigureSpec):
    """Figure 1A of chosen ``images``, ``per_row`` of them side by side in a block; one block for each superclass.

    ``map_kind`` is one of the collection's kinds of human maps; None: its default. Networks and request only decide
    the frame in which the photographs are seen.
    """

    kind: ClassVar[str] = "people"

    map_kind: str | None = None
    per_row: int = 4

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        least, most = PER_ROW
        if isinstance(self.per_row, bool) or not isinstance(self.per_row, int) or not least <= self.per_row <= most:
            raise ValueError(f"per_row is a whole number from {least} to {most}; got {self.per_row!r}.")
        if self.map_kind is not None and not isinstance(self.map_kind, str):
            raise ValueError(f"map_kind names a kind of human maps; got {self.map_kind!r}.")


def draw_people(source: MapSource, spec: PeopleSpec, told: Told = unheard) -> Drawn:
    """The figure of ``spec``. Raises ``UnknownNameError``, and ``ValueError`` for an image that nobody marked."""
    check_images(source, spec)
    kind = known_kind(source, spec.map_kind)
    groups: dict[str, list[Seen]] = {}
    maps, rows, simulated = [], [], False
    for done, image in enumerate(spec.images):
        info, human = source.info(image), source.human_map(image, kind)
        if human is None:
            raise ValueError(f"{image} has no human map; choose images that people marked.")
        simulated |= bool(human.attrs.get("simulated"))
        seen = Seen(title=info.category or image, view=source.view(image), human_map=human.values)
        groups.setdefault(info.superclass or "", []).append(seen)
        maps.append(xr.Variable(human.dims, np.asarray(human.values, np.float32)))
        rows.append(
            {
                "image": image,
                "category": info.category,
                "superclass": info.superclass,
                "participants": n_people(human, source.participants(image, kind)),
                "opaque_from": opaque_from(human.values),
                "largest": float(np.nanmax(human.values)),
            }
        )
        told(done + 1, len(spec.images))
    named = {
        _group_title(name, len(groups)): groups[name] for name in sorted(groups, key=lambda name: (not name, name))
    }
    figure = people_figure(
        list(named.items()), columns=spec.per_row, width_inches=spec.width_inches, bar=True, simulated=simulated
    )
    dataset = xr.Dataset(
        {"human_map": xr.Variable.concat(maps, "image")},
        coords={"image": list(spec.images)},
        attrs={"collection": source.title, "settings": json.dumps(settings(spec))},
    )
    caption = _caption(source, spec, list(named), rows, simulated)
    return Drawn(figure=figure, caption=caption, maps=dataset, values=pd.DataFrame(rows))


def _group_title(superclass: str, count: int) -> str:
    if superclass:
        return f"{superclass}s"
    return OTHERS if count > 1 else "images"


def _caption(source: MapSource, spec: PeopleSpec, groups: list[str], rows: list[dict], simulated: bool) -> str:
    people = [row["participants"] for row in rows if row["participants"] is not None]
    unknown = len(rows) - len(people)
    parts = []
    if people:
        parts.append(f"{min(people)} to {max(people)}" if max(people) > min(people) else f"{min(people)}")
    if unknown:
        parts.append("number unknown" if not people else f"number unknown on {unknown} of {len(rows)}")
    counted = f"Participants an image: {', '.join(parts)}."
    scales = ", ".join(f"{row['image']} {row['opaque_from']:.3g}" for row in rows)
    return caption_of(
        f"{source.title}: photographs seen through {'simulated ' if simulated else ''}human maps",
        [
            f"{images_told(spec.images)} In blocks: {', '.join(groups)}.",
            people_told(source, simulated, spec.map_kind),
            counted,
            f"{OPACITY} That percentile, in the maps' own unit: {scales}.",
        ],
    )
