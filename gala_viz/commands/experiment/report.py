"""Tables and figure 1B of an analysed experiment, written into its folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gala_viz.experiment.analysis import Analysis, analyse_responses
from gala_viz.experiment.exclusions import NOT_IN_FILE, PEOPLE, SIMULATED
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.plots.figures.categorisation_figure import categorisation_figure
from gala_viz.plots.figures.print_style import save_figure

FIGURE_NAME = "figure-1b"
TABLES = ("performance", "thresholds", "tests", "exclusions", "trials")


def write_report(folder: Path, spec: ExperimentSpec, responses: pd.DataFrame, seed: int) -> str:
    """Write the tables as CSV, figure 1B and its caption, and return the text to print.

    Parameters
    ----------
    folder : Path
        The experiment's folder.
    spec : ExperimentSpec
        The experiment.
    responses : DataFrame
        Responses of all observers, one row a trial.
    seed : int
        Seed of resamples and sign flips.

    Returns
    -------
    str
        Thresholds, exclusions and the files, as lines.
    """
    analysis = analyse_responses(responses, spec, seed=seed)
    for name in TABLES:
        getattr(analysis, name).to_csv(folder / f"{name}.csv", index=False)
    observers = sorted(set(analysis.performance["observer"]), key=lambda one: (_order(one), one))
    counts = analysis.performance.groupby("observer")["n_participants"].max()
    titles = {observer: _title(observer, int(counts[observer])) for observer in observers}
    figure = categorisation_figure(analysis.performance, analysis.thresholds, analysis.tests, titles, spec.map_titles)
    save_figure(figure, folder, FIGURE_NAME, _caption(spec, analysis, seed))
    return _report_text(analysis, titles, folder)


def _order(observer: str) -> int:
    return {PEOPLE: 0, SIMULATED: 1}.get(observer, 2)


def _title(observer: str, n: int) -> str:
    if observer == PEOPLE:
        return f"people, n = {n}"
    return f"simulated participants, n = {n}" if observer == SIMULATED else observer


def _caption(spec: ExperimentSpec, analysis: Analysis, seed: int) -> str:
    """Return the caption of figure 1B with all settings."""
    people = analysis.performance["observer"].isin((PEOPLE, SIMULATED))
    over = ["participants"] if people.any() else []
    over += [] if people.all() else ["rotating sets, which share no picture, for networks"]
    excluded = "; ".join(
        f"{row.observer}, {row.rule}: {row.excluded} of {row.of} {row.unit}"
        for row in analysis.exclusions.itertuples()
        if row.excluded
    )
    return " ".join(
        [
            f"{' or '.join(spec.superclasses).capitalize()}? Accuracy by the share of important pixels revealed, on "
            f"{spec.n_images} images of {spec.title} (experiment {spec.hash}).",
            f"Points: means and standard errors over {' and '.join(over)}.",
            "Curves: logistic psychometric functions; marks at the bottom: the level of 75 % correct and its 95 % "
            "bootstrap interval.",
            f"Stars: the first two map types differ (two-sided sign-flip test, 10,000 draws, false-discovery rate over "
            f"levels below 0.05); seed {seed}.",
            f"Left out by the rules of the spec: {excluded or 'nothing'}.",
            *_rule_lines(analysis),
        ]
    )


def _rule_lines(analysis: Analysis) -> list[str]:
    """Return sentences on the rules that applied, those that the experiment's file lacks, and what is not known."""
    table, sentences = analysis.exclusions, []
    if len(table):
        settings = [one for one in dict.fromkeys(table[table["applied"]]["setting"]) if one]
        sentences.append(f"Rules of the experiment's file: {'; '.join(settings)}.")
    for observer, own in table.groupby("observer", sort=False):
        absent = own[own["setting"] == NOT_IN_FILE]
        if len(absent):
            breaking = [f"{row.rule}: {row.breaking} of {row.of}" for row in absent.itertuples() if row.breaking]
            sentences.append(
                f"The experiment's file was made before these rules and does not have them, so that they left out "
                f"nothing of {observer}: {'; '.join(absent['rule'])}. "
                f"Trials that break them: {'; '.join(breaking) or 'none that is known'}."
            )
        unknown = own[(own["not_known"] > 0) & (own["unit"] == "trials")]
        if len(unknown):
            most = unknown["not_known"].max()
            sentences.append(
                f"Not known of up to {most} of {unknown['of'].iloc[0]} trials of {observer}, in which it was not "
                f"measured; these count: {'; '.join(unknown['rule'])}."
            )
    return sentences


def _report_text(analysis: Analysis, titles: dict[str, str], folder: Path) -> str:
    """Return thresholds, exclusions and the written files as lines to print."""
    lines = [f"{'observer':<34}{'map type':<12}{'75 % at':>9}  {'95 % interval':<18}{'n':>4}"]
    for row in analysis.thresholds.itertuples():
        level = f"{row.level:.1f} %" if row.level == row.level else "> 100 %"
        high = "> 100" if row.high > 100 else f"{row.high:.1f}"
        interval = f"{row.low:.1f} to {high}" if row.low == row.low and row.low <= 100 else "beyond 100"
        lines.append(f"{titles[row.observer]:<34}{row.map_type:<12}{level:>9}  {interval:<18}{row.n:>4}")
    for row in analysis.exclusions.itertuples():
        if row.excluded:
            lines.append(f"left out: {row.observer}, {row.rule}: {row.excluded} of {row.of} {row.unit}")
    lines += _rule_lines(analysis)
    return "\n".join(
        [*lines, f"written to {folder}: {', '.join(TABLES)} (.csv), {FIGURE_NAME} (.png, .svg, .pdf, .md)", ""]
    )
