"""``gala-viz experiment import``: responses of the toolbox model-vs-human as a table of this project's."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from gala_viz.commands.experiment.folder import RESPONSES_FOLDER, SPEC_FILE, save_responses


@dataclass(frozen=True, kw_only=True)
class Import:
    """Read CSV files of model-vs-human; write responses/NAME.csv and accuracy.csv, by condition and category.

    They are of an experiment of their own, so that FOLDER is another one than that of an experiment prepared here.
    """

    sources: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """CSV files with subj, session, trial, rt, object_response, category, condition, imagename."""
    folder: Path = Path("model-vs-human")
    """Folder to write to."""
    rt_unit: Literal["s", "ms"] = "s"
    """Unit of the files' reaction times; written are ms."""

    def run(self) -> None:
        """Write the tables, and print accuracy by condition."""
        import pandas as pd

        from gala_viz.experiment.model_vs_human import accuracy_table, read_model_vs_human

        if not self.sources:
            raise ValueError("name one or several CSV files of model-vs-human.")
        if (self.folder / SPEC_FILE).exists():
            raise FileExistsError(
                f"{self.folder} holds an experiment of its own, whose rules are not those of these responses; choose "
                "another --folder."
            )
        names = [path.stem for path in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("two of the files have one name; rename one of them.")
        tables = [read_model_vs_human(path, self.rt_unit) for path in self.sources]
        (self.folder / RESPONSES_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, table in zip(names, tables, strict=True):
            save_responses(self.folder, name, table)
        accuracy = pd.concat(
            [accuracy_table(table).assign(file=name) for name, table in zip(names, tables, strict=True)]
        )
        accuracy.to_csv(self.folder / "accuracy.csv", index=False)
        whole: Any = accuracy[accuracy["category"] == "all"]
        lines = [f"{'file':<20}{'observer':<24}{'condition':<12}{'accuracy':>9}{'+-':>8}{'rt':>9}{'n':>4}{'trials':>8}"]
        lines += [
            f"{row.file:<20}{row.observer:<24}{row.condition:<12}{row.accuracy:>9.3f}{row.accuracy_sem:>8.3f}"
            f"{'' if isnan(row.rt) else f'{row.rt:.0f} ms':>9}{row.n_participants:>4}{row.n_trials:>8}"
            for row in whole.itertuples()
        ]
        lines.append("Means over participants with their standard errors; no answer counts as wrong.")
        sys.stdout.write("\n".join([*lines, f"by category too: {self.folder / 'accuracy.csv'}", ""]))
