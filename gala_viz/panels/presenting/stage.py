"""What a room sees: large pictures and large type, and nothing that was not chosen: stage.js."""

from __future__ import annotations

from typing import Any

import numpy as np
import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.compare.main_row_content import main_row_content
from gala_viz.panels.progress_view import standard_error_percent
from gala_viz.panels.view_state import CurrentImage, DisplaySettings, ImageResults, map_kind_in_view
from gala_viz.plots.colour_maps import DIVERGING, SEQUENTIAL
from gala_viz.plots.map_overlays import pack_rgba
from gala_viz.store.source import ImageInfo, MapSource

PANELS = ("photo", "human", "a", "b", "delta")
DRAWN_BY = ("scale", "opacity", "threshold", "palette", "within_error")
"""Display settings that a stage follows."""


class Stage(MessagingComponent):
    """Draws ``scene`` over the whole window; sends move, layer, panel, turn (blink, black), laser, star, active.

    With ``is_follower`` it sends nothing: it shows what the presenter's stage does.
    """

    scene = param.Dict(default={}, doc="What there is to see; see ``stage_scene``.")
    panels = param.List(default=list(PANELS), doc="Panels shown, of ``PANELS``.")
    blink = param.Boolean(default=False, doc="The second network in the first one's place.")
    black = param.Boolean(default=False, doc="Nothing is shown.")
    laser = param.List(default=[], doc="[panel or '', x, y] as shares of the panel or the window; empty: none.")
    active = param.Boolean(default=False, doc="Whether the stage covers the page.")
    is_follower = param.Boolean(default=False)
    presenter_away = param.Boolean(default=False, doc="Whether the presenter whom this stage follows is elsewhere.")
    ended = param.Boolean(default=False, doc="Whether the presentation that is followed has ended.")
    link = param.String(default="", doc="Query of the page that follows this one.")
    palettes = param.Dict(default={name: list(colours) for name, colours in SEQUENTIAL.items()})
    diverging = param.List(default=list(DIVERGING))

    _esm = read_scripts("text_export", "colour_scale", "within_error", "presenting/stage_drawing", "presenting/stage")
    _stylesheets = [read_stylesheets("presenting/stage")]  # noqa: RUF012


def stage_scene(
    source: MapSource,
    info: ImageInfo,
    results: ImageResults,
    current: CurrentImage,
    display_settings: DisplaySettings,
    position_text: str,
) -> dict[str, Any]:
    """Return everything that a stage draws of one image.

    Parameters
    ----------
    source : MapSource
        Its networks are named.
    info : ImageInfo
        Id and heading of the image.
    results : ImageResults
        Photograph, maps and predictions, as far as they have arrived.
    current : CurrentImage
        Its layer chooses between attention norms and saliency maps.
    display_settings : DisplaySettings
        How maps are drawn.
    position_text : str
        Which of how many images this is.

    Returns
    -------
    dict
        Heading, panels with titles and units, predictions, n and error, display settings, and the panels' arrays
        (y, x): packed RGBA, uint32, for the photograph, float32 with NaN for maps.
    """
    update = results.map_update
    normalise = "percentile" if update is None else update.delta.attrs.get("normalise", "percentile")
    content = main_row_content(
        source.networks,
        results.forward_result,
        update,
        current.layer,
        normalise,
        source.methods,
        current.second_layer,
    )
    titles = {"photo": "Photograph", "human": results.human_map_title, **content.titles}
    units = {side: ", ".join(filter(None, [content.methods.get(side), content.units[side]])) for side in "ab"}
    units["human"] = map_kind_in_view(source, current, results.human_map)
    units["delta"] = "; ".join(filter(None, [content.units["delta"], content.delta_beyond]))
    values: dict[str, Any] = {"human": results.human_map, **content.maps, "delta_error": content.errors.get("delta")}
    arrays = {name: np.asarray(one, dtype=np.float32) for name, one in values.items() if one is not None}
    if results.photo is not None:
        arrays["photo"] = pack_rgba(results.photo)
    layers = next((network.layers for network in source.networks[::-1] if network.layers), ())
    layer = layers[current.layer] if current.layer is not None and current.layer < len(layers) else ""
    return {
        "image": info.image,
        "heading": info.heading,
        "place": position_text,
        "panels": {name: {"title": titles[name], "unit": units.get(name, "")} for name in PANELS},
        "arrays": arrays,
        "networks": [_network(results, row, network.title) for row, network in enumerate(source.networks)],
        "layer": layer,
        "from_zero": content.from_zero,
        "own_scales": content.has_two_units,
        "words": _words(results) if not layer else "attention norm, each cell one position of the layer",
        "looks": {name: getattr(display_settings, name) for name in DRAWN_BY},
    }


def _network(answers: ImageResults, row: int, title: str) -> dict[str, Any]:
    if answers.forward_result is None:
        return {"title": title, "says": "", "right": None}
    prediction = answers.forward_result.predictions[row]
    says = prediction.text
    if prediction.indices:
        says = f"{prediction.categories[0]}, {100 * prediction.probabilities[0]:.0f} %"
    return {"title": title, "says": says, "right": prediction.correct}


def _words(answers: ImageResults) -> str:
    update = answers.map_update
    if update is None:
        return ""
    error = standard_error_percent(update)
    parts = [f"n = {update.n}" + ("" if update.done else f" of {update.n_samples}")]
    return " · ".join([*parts, *([] if error is None else [f"standard error {error:.0f} % of the maps"])])
