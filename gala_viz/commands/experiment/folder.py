"""The folder of one experiment: its file, the list of its stimuli, the responses to them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from gala_viz.experiment.experiment_spec import ExperimentSpec
    from gala_viz.records.database import Database

SPEC_FILE, MANIFEST_FILE, RESPONSES_FOLDER = "experiment.toml", "stimuli.csv", "responses"
DEFAULT_FOLDER = Path("experiment")


def read_folder_spec(folder: Path) -> ExperimentSpec:
    """The experiment in ``folder``. Raises a sentence where there is none."""
    from gala_viz.experiment.experiment_spec import read_experiment_spec

    return read_experiment_spec(folder / SPEC_FILE)


def save_responses(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write ``table`` as ``name``.csv among the responses, and say so."""
    path = folder / RESPONSES_FOLDER / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False)
    sys.stdout.write(f"{len(table):,} responses written to {path}\n")


@contextlib.contextmanager
def open_records(location: str) -> Iterator[Database]:
    """The database that is there already. Raises a sentence where it is not."""
    from gala_viz.records.database import Database

    if "://" not in location and not Path(location).expanduser().is_file():
        raise FileNotFoundError(f"--records names the database of an experiment; {location} is not there.")
    database = Database(location)
    try:
        yield database
    finally:
        database.close()
