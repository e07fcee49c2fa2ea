"""An evaluation as one HTML file that needs no network and no server: every number with what stands behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from gala_viz.counts import counted
from gala_viz.evaluation.comparison_texts import comparison_texts, describe_tests
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.forest import blocks, shared_blocks
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.markdown import over_text
from gala_viz.evaluation.metadata import (
    FRACTIONS_TEXT,
    OTHER_INTERVALS_TEXT,
    human_maps_title,
    other_trainings_text,
    smoothgrad_text,
)
from gala_viz.evaluation.protocol_texts import protocol_page
from gala_viz.evaluation.provenance import filters_text, smoothing_text
from gala_viz.evaluation.published import PUBLISHED, SAYS, SOURCE, SPLIT_HALF_RHO


def report_page(evaluation: Evaluation, plain: Mapping[str, Any]) -> str:
    """Return the whole page; ``plain`` is the evaluation in plain values, shown as it is at the end.

    Names come from files and cards, so all text is escaped.
    """
    names = list(evaluation.groups or evaluation.networks)
    found = list(blocks(evaluation, names))
    maps = evaluation.collection["human_maps"]
    about = {name: value for name, value in plain.items() if name not in ("numbers", "tests", "images", "published")}
    return _template().render(
        title=evaluation.collection["title"],
        n_images=counted(len(evaluation.images), "image"),
        split=evaluation.spec.split,
        maps=maps,
        maps_title=human_maps_title(evaluation.spec),
        people_are="simulated people" if evaluation.simulated else "people",
        smoothing=smoothing_text(maps["settings"]) if maps else "",
        filters=filters_text(maps["settings"]) if maps else "",
        other_intervals=OTHER_INTERVALS_TEXT,
        over=evaluation.spec.over,
        n_resamples=evaluation.spec.n_resamples,
        said=[
            over_text(evaluation),
            *[FRACTIONS_TEXT] * bool(maps),
            smoothgrad_text(evaluation.spec),
            *[other_trainings_text(evaluation.groups)] * bool(evaluation.groups),
        ],
        notes=evaluation.notes,
        left_out=evaluation.left_out,
        first=[one for one in found if one.detail in ("", MEAN_OF_LAYERS)],
        layers=[one for one in found if one.detail not in ("", MEAN_OF_LAYERS)],
        seeds=list(blocks(evaluation, evaluation.trainings)) if evaluation.groups else [],
        people=list(shared_blocks(evaluation)),
        families=describe_tests(evaluation),
        tests=comparison_texts(evaluation),
        published=PUBLISHED,
        published_says=SAYS,
        published_source=SOURCE,
        published_rho=SPLIT_HALF_RHO,
        **protocol_page(evaluation),
        settings=json.dumps(about, indent=1, ensure_ascii=False),
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("gala_viz.evaluation", "pages")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(
        "report.html"
    )
