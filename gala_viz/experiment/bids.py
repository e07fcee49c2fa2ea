"""Responses as files: one CSV table, and a BIDS dataset of behavioural tables with their side-cars.

Source: the Brain Imaging Data Structure 1.9, behavioural experiments without neural recordings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

import gala_viz
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.recruitment import ID_COLUMN_PREFIX
from gala_viz.experiment.responses import COLUMNS
from gala_viz.participant_texts import participant_texts

BIDS_TASK = "rapidcategorisation"
_UNITS = {
    "rt": "ms",
    "time_elapsed": "ms",
    "frame_duration": "ms",
    "percent_important": "%",
    "percent_all": "%",
    "percent_important_shown": "%",
}


def write_responses(responses: pd.DataFrame, path: Path) -> None:
    """Write the table ``responses`` of all participants to the CSV file ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    responses.to_csv(path, index=False)


def write_bids(responses: pd.DataFrame, spec: ExperimentSpec, folder: Path) -> int:
    """Write a BIDS dataset to ``folder``: one table a participant, a side-car for all; return how many participants.

    BIDS requires labels of letters and digits: participants are numbered in the order of the table, and
    participants.tsv holds the random id of each, and the ids that a recruiting service gave them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = [name for name in responses.columns if name.startswith(ID_COLUMN_PREFIX)]
    people = list(dict.fromkeys(responses["participant"]))
    width = max(2, len(str(len(people))))
    labels = {participant: f"sub-{number:0{width}d}" for number, participant in enumerate(people, start=1)}
    for participant, own in responses.groupby("participant", sort=False):
        path = folder / labels[participant] / "beh" / f"{labels[participant]}_task-{BIDS_TASK}_beh.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        _tsv(own.drop(columns=["observer", "participant", *ids]), path)
    first = responses.groupby("participant", sort=False).first()
    participants = pd.DataFrame(
        {
            "participant_id": [labels[one] for one in people],
            "record": people,
            "observer": first.loc[people, "observer"].to_list(),
            "set": first.loc[people, "set"].to_list(),
            **{name: first.loc[people, name].to_list() for name in ids},
        }
    )
    _tsv(participants, folder / "participants.tsv")
    described = {name: {"Description": "id in the address by which the participant came"} for name in ids}
    described |= {"record": {"Description": "random id in the records"}} | _described(participants)
    _json(folder / "participants.json", described)
    _json(folder / f"task-{BIDS_TASK}_beh.json", _sidecar(spec, responses.drop(columns=ids)))
    _json(
        folder / "dataset_description.json",
        {
            "Name": f"Rapid categorisation on {spec.title}",
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "gala_viz", "Version": gala_viz.__version__}],
        },
    )
    return len(people)


def _sidecar(spec: ExperimentSpec, responses: pd.DataFrame) -> dict[str, Any]:
    task = {
        "TaskName": BIDS_TASK,
        "TaskDescription": "Rapid categorisation of revealed images",
        "Instructions": instructions(spec.superclasses),
    }
    rules = {"Exclusions": exclusion_rules(spec), "ExperimentHash": spec.hash}
    return {**task, **rules, **_described(responses.drop(columns=["observer", "participant"]))}


def instructions(answers: Sequence[str]) -> str:
    """Return what the page tells a participant to do, in its own words; ``answers`` are the superclasses."""
    texts = participant_texts("experiment")
    task = texts["lead"].rpartition(". ")[2].format(answers=texts["or"].join(answers))
    return " ".join([task, *texts["instructions"]])


def exclusion_rules(spec: ExperimentSpec) -> dict[str, Any]:
    """Return every rule's setting; "not in the experiment's file" where the file lacks it."""
    return {
        one.name: "not in the experiment's file" if (value := getattr(spec.exclusions, one.name)) is None else value
        for one in fields(spec.exclusions)
    }


def _described(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    descriptions: dict[str, dict[str, Any]] = {}
    for column in table.columns:
        if column in COLUMNS:
            descriptions[column] = {"Description": COLUMNS[column]}
            unit = _UNITS.get(column) or ("ms" if "duration" in column else None)
            descriptions[column] |= {"Units": unit} if unit else {}
    return descriptions


def _tsv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
