"""The folder of one experiment: its file, the list of its stimuli, the responses to them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.counts import counted

if TYPE_CHECKING:
    import pandas as pd

    from gala_viz.experiment.experiment_spec import ExperimentSpec
    from gala_viz.records.database import Database

SPEC_FILE, MANIFEST_FILE, RESPONSES_FOLDER = "experiment.toml", "stimuli.csv", "responses"
DEFAULT_FOLDER = Path("experiment")


def read_folder_spec(folder: Path) -> ExperimentSpec:
    """Read the spec of the experiment in ``folder``. Raises ``FileNotFoundError`` where there is none."""
    from gala_viz.experiment.experiment_spec import read_experiment_spec

    return read_experiment_spec(folder / SPEC_FILE)


def save_responses(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write ``table`` as ``name``.csv among the responses, and say so."""
    path = folder / RESPONSES_FOLDER / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False)
    sys.stdout.write(f"{counted(len(table), 'response')} written to {path}\n")


@contextlib.contextmanager
def open_records(location: str) -> Iterator[Database]:
    """Open a database that exists.

    Raises ``FileNotFoundError`` for a file that is not there.
    """
    from gala_viz.records.database import open_database

    if "://" not in location and not Path(location).expanduser().is_file():
        raise FileNotFoundError(f"--records names the database of an experiment; {location} is not there.")
    with open_database(location) as database:
        yield database
