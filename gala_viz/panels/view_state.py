"""State of a page: the image in view, the settings of maps, and how they are drawn."""

from __future__ import annotations

from typing import get_args

import numpy as np
import param
import xarray as xr

from gala_viz.collections.human_maps.uploaded_maps import KIND as UPLOADED_KIND
from gala_viz.panels.gallery.collection_index import VERDICTS, CollectionIndex, ImageQuery, SortOrder
from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, SEQUENTIAL
from gala_viz.plots.colour_scale import COLOUR_SCALES
from gala_viz.specs import LAST_LAYER, MapRequest, SecondMap, SmoothGradSpec, settings
from gala_viz.store.source import ForwardResults, ImageInfo, MapSource, MapUpdate

TARGETS = {"Own prediction": "own", "True category": "label", "Chosen category": "chosen"}
AS_FIRST = ""
"""Value of the second map's settings that are as the first's."""
NORMALISATIONS = {"Percentile": "percentile", "Maximum": "maximum", "Sum": "sum", "None": "none"}
REDUCTIONS = {"Sum of |gradient|": "absolute", "Largest |gradient|": "maximum", "Signed sum": "signed"}
WITHIN_ERROR = ("shown", "outlined", "hidden")
"""What lies within two standard errors of a delta: drawn like the rest, the rest outlined, or not drawn."""
HUMAN_STYLES = ("overlay", "contours", "revealed")
"""A coloured map, outlines of its strongest regions, or the photograph visible only where the map is high."""


class AttributionSettings(param.Parameterized):
    """Everything that determines the maps of a photograph; ``to_request`` returns it as a ``MapRequest``."""

    target = param.Selector(default="own", objects=TARGETS, doc="Whose logit is explained.")
    category = param.Integer(default=0, bounds=(0, None), doc="Index of the category explained when one is chosen.")
    method = param.Selector(default="smoothgrad", objects=["smoothgrad"], check_on_set=False, doc="Attribution method.")
    cam_layer = param.String(default=LAST_LAYER, doc="Layer of Grad-CAM: a module's path, or last.")
    n_samples = param.Integer(default=50, bounds=(1, 500), doc="Noisy copies per network.")
    seed = param.Integer(default=0, bounds=(0, None), doc="Seed of the noise.")
    noise_fraction = param.Number(default=0.15, bounds=(0, 0.5), doc="Noise as a share of the image's range.")
    reduction = param.Selector(default="absolute", objects=REDUCTIONS, doc="How colour channels become one number.")
    smoothing_px = param.Number(default=0.0, bounds=(0, 32), doc="Sigma of a Gaussian over the map, in input pixels.")
    normalise = param.Selector(default="percentile", objects=NORMALISATIONS, doc="Normalisation before the delta.")
    second_method = param.Selector(default=AS_FIRST, objects=[AS_FIRST], check_on_set=False, doc="The second map's.")
    second_target = param.Selector(
        default=AS_FIRST, objects={"As the first": AS_FIRST, **TARGETS}, doc="Whose logit the second map explains."
    )
    second_category = param.Integer(default=0, bounds=(0, None), doc="Index among the second network's categories.")
    second_cam_layer = param.String(default=AS_FIRST, doc="Layer of the second map's Grad-CAM.")

    @classmethod
    def from_request(cls, request: MapRequest) -> AttributionSettings:
        """Return the settings whose ``to_request`` is ``request``."""
        chosen, second = isinstance(request.target, int), request.second or SecondMap()
        second_chosen = isinstance(second.target, int)
        return cls(
            target="chosen" if chosen else request.target,
            category=request.target if chosen else 0,
            method=request.method,
            cam_layer=request.cam_layer,
            reduction=request.reduction,
            smoothing_px=request.smoothing_px,
            normalise=request.normalise,
            second_method=second.method or AS_FIRST,
            second_target="chosen" if second_chosen else second.target or AS_FIRST,
            second_category=second.target if second_chosen else 0,
            second_cam_layer=second.cam_layer or AS_FIRST,
            **settings(request.smoothgrad),
        )

    def to_request(self, *, human_map: str | None = None, participant: str | None = None) -> MapRequest:
        """Return the settings as a request for any image; see ``gala_viz.store.source.request_of_image``.

        ``human_map`` is the kind of human map that scores are with, ``participant`` whose; None: the first kind, all.
        """
        target = self.category if self.target == "chosen" else self.target
        return MapRequest(
            method=self.method,
            smoothgrad=SmoothGradSpec(
                n_samples=self.n_samples, noise_fraction=float(self.noise_fraction), seed=self.seed
            ),
            target=target,
            reduction=self.reduction,
            smoothing_px=float(self.smoothing_px),
            normalise=self.normalise,
            human_map=human_map,
            participant=participant,
            cam_layer=self.cam_layer,
            second=SecondMap(
                method=self.second_method or None,
                target=self.second_category if self.second_target == "chosen" else self.second_target or None,
                cam_layer=self.second_cam_layer or None,
            ),
        )


ATTRIBUTION_SETTINGS = [name for name in AttributionSettings.param if name != "name"]


class DisplaySettings(param.Parameterized):
    """How maps are drawn; everything here acts in the browser."""

    scale = param.Selector(
        default="shared", objects=list(COLOUR_SCALES), doc="Whether the two networks share one scale."
    )
    opacity = param.Number(default=0.65, bounds=(0, 1), doc="Opacity of maps over the photograph.")
    threshold = param.Number(default=0, bounds=(0, 99), doc="Per cent of a map's weakest pixels that are not drawn.")
    palette = param.Selector(default=DEFAULT_SEQUENTIAL, objects=list(SEQUENTIAL), doc="Colours of values from 0 on.")
    human_style = param.Selector(default="overlay", objects=list(HUMAN_STYLES), doc="How the human map is drawn.")
    parts = param.Boolean(default=False, doc="Parts that are known by construction outlined in all panels.")
    within_error = param.Selector(
        default="shown", objects=list(WITHIN_ERROR), doc="How what is within the delta's error is drawn."
    )
    contours = param.Boolean(default=False, doc="People's strongest regions outlined over every map.")


class CurrentImage(param.Parameterized):
    """Image in view, kind and participant of its human map, and layer in the main row (None: the saliency maps).

    ``second_layer`` is that of the second network where a layer is in the main row; None: in the same column.

    ``strokes`` are those of a brush over this image, as text (``compare.brush_strokes``).
    """

    image = param.String(default=None, allow_None=True)
    kind = param.String(default=None, allow_None=True, doc="Kind of human map; None is the collection's default.")
    participant = param.String(default=None, allow_None=True, doc="One participant; None is all together.")
    layer = param.Integer(default=None, allow_None=True, bounds=(0, None))
    second_layer = param.Integer(default=None, allow_None=True, bounds=(0, None))
    strokes = param.String(default="", doc="Strokes over this image; another image begins without any.")


class GallerySettings(param.Parameterized):
    """Which images the gallery shows, in what order; ``query`` is the same for the index."""

    search = param.String(default="", doc="Words that id or category must hold.")
    category = param.Selector(default="", objects=[""])
    split = param.Selector(default="", objects=[""])
    verdict = param.Selector(default="any", objects=list(VERDICTS), doc="Which of both networks are right.")
    note_filter = param.String(default="", doc="Bookmarked, with a note, or under a tag; see ``NoteIndex``.")
    human_only = param.Boolean(default=False)
    learnt = param.Boolean(default=False, doc="Whether images that a network learnt from are gone through with others.")
    order = param.Selector(default="id", objects=list(get_args(SortOrder)))
    descending = param.Boolean(default=True)

    @classmethod
    def from_index(cls, index: CollectionIndex) -> GallerySettings:
        """Return settings for all images, with the categories and splits of ``index`` to choose from."""
        gallery_settings = cls()
        gallery_settings.param.category.objects = ["", *index.categories]
        gallery_settings.param.split.objects = ["", *index.splits]
        return gallery_settings

    @property
    def query(self) -> ImageQuery:
        """Query for ``CollectionIndex.find``; the gallery itself filters by notes, and by what networks learnt from."""
        return ImageQuery(
            **{name: getattr(self, name) for name in GALLERY_SETTINGS if name not in ("note_filter", "learnt")}
        )


GALLERY_SETTINGS = [name for name in GallerySettings.param if name != "name"]


class GridSettings(param.Parameterized):
    """What the grid shows; ``columns`` are names as links hold them, with commas between."""

    columns = param.String(default="", doc="Empty: the usual ones.")
    cell_px = param.Integer(default=150, bounds=(80, 320), doc="Side of a picture.")


class ScatterAxes(param.Parameterized):
    """Names of the metrics across and up, and the selection among all images (``plots.point_selection``)."""

    x = param.Selector(default="", objects=[""])
    y = param.Selector(default="", objects=[""])
    show_category_means = param.Boolean(default=False, doc="Whether the means of categories are drawn.")
    selection = param.String(default="", doc="A box or a lasso as text; empty: all images.")
    selection_x = param.Selector(default="", objects=[""], doc="The measure across when the selection was made.")
    selection_y = param.Selector(default="", objects=[""], doc="The measure up when the selection was made.")

    @classmethod
    def from_metrics(cls, metrics: list[str]) -> ScatterAxes:
        """Return axes with ``metrics`` to choose from, across the first one and up the second."""
        axes = cls()
        for axis in ("x", "y"):
            axes.param[axis].objects = list(metrics)
        for axis in ("selection_x", "selection_y"):
            axes.param[axis].objects = ["", *metrics]
        axes.param.update(x=metrics[0], y=metrics[min(1, len(metrics) - 1)])
        return axes


class ImageResults(param.Parameterized):
    """Results of the source for the image in view, as far as they have arrived."""

    info = param.ClassSelector(class_=ImageInfo, default=None, allow_None=True)
    photo = param.ClassSelector(class_=np.ndarray, default=None, allow_None=True, doc="View (y, x, 3), uint8.")
    human_map = param.ClassSelector(class_=xr.DataArray, default=None, allow_None=True)
    human_map_title = param.String(default="People", doc="Whose human map it is, with n.")
    forward_result = param.ClassSelector(class_=ForwardResults, default=None, allow_None=True)
    map_update = param.ClassSelector(class_=MapUpdate, default=None, allow_None=True)


def map_kind_in_view(source: MapSource, current: CurrentImage, human_map: xr.DataArray | None) -> str:
    """Return of which kind the human map in view is: an upload's, the chosen one, the source's first, or ""."""
    if human_map is not None and human_map.attrs.get("kind") == UPLOADED_KIND:
        return UPLOADED_KIND
    return current.kind or next(iter(source.map_kinds), "")
