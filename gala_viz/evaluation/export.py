"""An evaluation as files: CSV for other programs, JSON with every setting, Markdown to read."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL, ConfidenceInterval
from gala_viz.alignment.bootstrap import EXPANDED_BELOW
from gala_viz.attribution.provenance import code_versions
from gala_viz.evaluation.comparisons import Comparison, families_text
from gala_viz.evaluation.estimates import Estimate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.looks import record_look
from gala_viz.evaluation.markdown import markdown, over_text
from gala_viz.evaluation.metadata import LEARNT_WORDS
from gala_viz.evaluation.metrics import METRICS, MetricKey, metric_columns
from gala_viz.evaluation.protocol_texts import protocol_columns, protocol_json
from gala_viz.evaluation.provenance import provenance
from gala_viz.evaluation.published import PUBLISHED, SAYS, SOURCE, SPLIT_HALF_RHO
from gala_viz.evaluation.report_page import report_page
from gala_viz.evaluation.resolutions import resolution_csv_rows, rho_at_resolutions
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.specs import settings
from gala_viz.splits import combine_statuses

INTERVALS = (
    "95 % percentile bootstrap, at percentiles further out below {expanded} images (Hesterberg 2015); of floors and of "
    "shares above floors delete-one jackknife with Student's t; of errors of 0 and of 100 % Wilson's; of ceilings also "
    "over participants, by delete-one jackknife; none below {least} {over}"
)


def write_evaluation(evaluation: Evaluation, folder: str | Path) -> list[Path]:
    """Write the CSV files, results.json, table.md and report.html into ``folder``; return their paths.

    An evaluation of test images is counted in ``looks.FILE`` there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    look = record_look(evaluation, folder)
    if look:  # of test images
        evaluation = replace(evaluation, notes=(*evaluation.notes, look))
    csvs = {
        "table.csv": [estimate_row(evaluation, estimate) for estimate in evaluation.estimates],
        "tests.csv": [test_row(one, evaluation.spec.human_map) for one in evaluation.comparisons],
        "images.csv": image_rows(evaluation),
        "published.csv": [{**asdict(one), "source": SOURCE, "note": SAYS} for one in PUBLISHED],
    }
    if rows := resolution_csv_rows(rho_at_resolutions(evaluation)):
        csvs["resolutions.csv"] = rows
    for name, rows in csvs.items():
        write_csv(folder / name, rows)
    text = json.dumps(evaluation_json(evaluation), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "table.md").write_text(markdown(evaluation), encoding="utf-8")
    (folder / "report.html").write_text(report_page(evaluation, evaluation_json(evaluation)), encoding="utf-8")
    return [folder / name for name in (*csvs, "results.json", "table.md", "report.html")]


def estimate_row(evaluation: Evaluation, estimate: Estimate) -> dict[str, Any]:
    """One line of table.csv."""
    return {
        "who": estimate.who,
        **_imported_column(evaluation, estimate.who),
        **_key_row(estimate.key),
        "unit": METRICS[estimate.key.metric].unit,
        **_bounds(estimate.interval),
        **{f"{name}_participants": value for name, value in _bounds(estimate.participants).items() if name != "value"},
        "sd_over_seeds": estimate.sd_over_seeds,
        **provenance(evaluation, estimate).row(),
        **protocol_columns(evaluation.spec),
        "note": estimate.note,
    }


def test_row(comparison: Comparison, human_map: str | None) -> dict[str, Any]:
    """One line of tests.csv; a kind of human maps that was named is told of what is compared with them."""
    test = asdict(comparison.test)
    named = {"human_map": human_map} if human_map and METRICS[comparison.key.metric].with_people else {}
    return {
        "a": comparison.a,
        "b": comparison.b,
        **_key_row(comparison.key),
        "unit": METRICS[comparison.key.metric].unit,
        "family": comparison.family,
        "b_minus_a": test.pop("difference"),
        **{name: value for name, value in _bounds(comparison.interval).items() if name in ("low", "high")},
        "p": test.pop("p"),
        "p_adjusted": comparison.p_adjusted,
        **test,
        "smallest_p": comparison.test.smallest_p,
        **named,
    }


def image_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Lines of images.csv: every value of every image, one line for each network and image."""
    rows, named = [], {} if evaluation.spec.human_map is None else {"human_map": evaluation.spec.human_map}
    for name, values in evaluation.image_metrics.items():
        keys, table = metric_columns(values)
        labels = [_label(key) for key in keys]
        learnt = [LEARNT_WORDS[int(one)] for one in _learnt(evaluation, name)]
        for position, (image, category) in enumerate(zip(evaluation.images, evaluation.categories, strict=True)):
            estimates = dict(zip(labels, table[position].tolist(), strict=True))
            about = {
                "who": name,
                **_imported_column(evaluation, name),
                "image": image,
                "category": category,
                "learnt_from": learnt[position],
            } | named
            rows.append({**about, **estimates})
    return rows


def _imported_column(evaluation: Evaluation, who: str) -> dict[str, str]:
    """Return the column that tells which maps were computed elsewhere, by their method; none where no maps were."""
    if not any("imported_maps" in about for about in evaluation.networks.values()):
        return {}
    return {"imported_maps": evaluation.networks.get(who, {}).get("imported_maps", "")}


def _learnt(evaluation: Evaluation, name: str) -> NDArray[np.int8]:
    """Return what is known of each image and a network, or all networks of a group."""
    return combine_statuses([evaluation.learnt[one] for one in evaluation.groups.get(name, (name,))])


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in plain values; NaN becomes null."""
    return _plain(
        {
            "settings": _settings(evaluation.spec),
            **protocol_json(evaluation.spec),
            "intervals": INTERVALS.format(
                expanded=EXPANDED_BELOW, least=MIN_IMAGES_FOR_INTERVAL, over=evaluation.spec.over
            ),
            "over": over_text(evaluation),
            "families_of_tests": families_text(evaluation.comparisons),
            "collection": evaluation.collection,
            "n_images": len(evaluation.images),
            "images": list(evaluation.images),
            "learnt_from": {
                name: {word: int((status == code).sum()) for code, word in LEARNT_WORDS.items()}
                for name, status in evaluation.learnt.items()
            },
            "left_out": [list(entry) for entry in evaluation.left_out],
            "networks": evaluation.networks,
            "means_over_seeds": evaluation.groups,
            "versions": {**code_versions(), "python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}",
            "notes": list(evaluation.notes),
            "numbers": [estimate_row(evaluation, estimate) for estimate in evaluation.estimates],
            "tests": [test_row(one, evaluation.spec.human_map) for one in evaluation.comparisons],
            "published": {
                "source": SOURCE,
                "note": SAYS,
                "split_half_rho": SPLIT_HALF_RHO,
                "networks": [asdict(one) for one in PUBLISHED],
            },
        }
    )


def _settings(spec: EvaluationSpec) -> dict[str, Any]:
    """Return the settings of an evaluation; the kind of human maps only where one was named."""
    return {name: value for name, value in settings(spec).items() if name != "human_map" or value is not None}


def _key_row(key: MetricKey) -> dict[str, str]:
    return {"quantity": key.metric, "layer": key.layer, "region": key.region, "cells": key.cells}


def _label(key: MetricKey) -> str:
    return " / ".join(part for part in key if part)


def _bounds(interval: ConfidenceInterval | None) -> dict[str, float | int | None]:
    """Mean, bounds and n; None for bounds of so few images that they are not known."""
    if interval is None:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = (bound if np.isfinite(bound) else None for bound in (interval.low, interval.high))
    return {"value": interval.mean, "low": low, "high": high, "n": interval.n}


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a table; what is None or NaN is an empty cell."""
    fields = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields, restval="")
        writer.writeheader()
        for row in _plain(rows):
            writer.writerow({name: "" if value is None else value for name, value in row.items()})


def _plain(value: Any) -> Any:
    """``value`` without NumPy's types, tuples or NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
