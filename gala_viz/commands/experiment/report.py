"""Tables and figure 1B of an analysed experiment, written into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL
from gala_viz.experiment.analysis import Analysis, analyse_responses
from gala_viz.experiment.design import n_sets
from gala_viz.experiment.exclusions import NOT_IN_FILE, PEOPLE, SIMULATED
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.performance import IMAGES, PARTICIPANTS, ROTATING_SETS, sort_levels
from gala_viz.experiment.revelation import FULL
from gala_viz.plots.figures.categorisation_figure import ALPHA, categorisation_figure
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
    sets = _sets_text(spec, responses, analysis)
    save_figure(figure, folder, FIGURE_NAME, " ".join([_caption(spec, analysis, seed), *sets]))
    return _report_text(analysis, titles, sets, folder)


def _order(observer: str) -> int:
    return {PEOPLE: 0, SIMULATED: 1}.get(observer, 2)


def _title(observer: str, n: int) -> str:
    if observer == PEOPLE:
        return f"people, n = {n}"
    return f"simulated participants, n = {n}" if observer == SIMULATED else observer


def _caption(spec: ExperimentSpec, analysis: Analysis, seed: int) -> str:
    """Return the caption of figure 1B with all settings."""
    table = analysis.performance
    over = [one for one in (PARTICIPANTS, ROTATING_SETS) if (table["over"] == one).any()]
    if ROTATING_SETS in over:
        over[-1] = "rotating sets, which share no picture at a level, for networks"
    excluded = "; ".join(
        f"{row.observer}, {row.rule}: {row.excluded} of {row.of} {row.unit}"
        for row in analysis.exclusions.itertuples()
        if row.excluded
    )
    return " ".join(
        [
            f"{' or '.join(spec.superclasses).capitalize()}? Accuracy by the number of pixels revealed, in per cent of "
            f"the number of important ones, on {spec.n_images} images of {spec.title} (experiment {spec.hash}).",
            *_shown_lines(table),
            f"Points: means and standard errors over {' and '.join(over)}.",
            "Curves: logistic psychometric functions, fitted to all levels with the full image; marks at the bottom: "
            f"the level of 75 % correct and its 95 % bootstrap interval over {_resampled_text(analysis.thresholds)}.",
            *_test_lines(analysis.tests, list(spec.maps), seed),
            f"Left out by the rules of the spec: {excluded or 'nothing'}.",
            *_rule_lines(analysis),
        ]
    )


def _shown_lines(table: pd.DataFrame) -> list[str]:
    """Return a sentence on how many of the important pixels themselves the largest level shows, where it is known."""
    levels = [one for one in sort_levels(table["level"]) if one != FULL]
    own = table[table["level"] == levels[-1]] if levels else table[:0]
    shown = pd.Series(own.groupby("map_type", sort=False)["percent_important_shown"].max()).dropna()
    if not len(shown):
        return []
    told = ", ".join(f"{percent:.0f} % by {map_type}" for map_type, percent in shown.items())
    return [f"At {levels[-1]} % are shown, of the important pixels themselves: {told}."]


def _resampled_text(thresholds: pd.DataFrame) -> str:
    """Return what the intervals of thresholds are over."""
    words = {PARTICIPANTS: "participants", IMAGES: "images within superclass for networks"}
    return " and ".join(text for name, text in words.items() if (thresholds["over"] == name).any())


def _test_lines(tests: pd.DataFrame, maps: Sequence[str], seed: int) -> list[str]:
    """Return sentences on the tests that the stars show, and on observers of too few units for any."""
    own, lines = tests[tests["question"] == f"{maps[0]} above {maps[1]}"] if len(maps) > 1 else tests[:0], []
    flips = [
        f"over {over} {'all 2^n sign flips' if exact else '10,000 random sign flips'} where n = {_range(some['n'])}"
        for (over, exact), some in own.groupby(["over", "exact"], sort=False)
    ]
    if flips:
        lines.append(
            f"Stars: {maps[0]} and {maps[1]} differ (two-sided, {'; '.join(flips)}; false-discovery rate over levels "
            f"below {ALPHA:g}; seed {seed})."
        )
    if (own["over"] == PARTICIPANTS).any():
        lines.append("Tests over participants are for these images; p_by_image in tests.csv is over images.")
    few = tests[tests["n"] < MIN_IMAGES_FOR_INTERVAL]
    for (observer, over), some in few.groupby(["observer", "over"], sort=False):
        lines.append(
            f"{observer}: with fewer than {MIN_IMAGES_FOR_INTERVAL} {over} no test can reach {ALPHA:g}; of n = "
            f"{_range(some['n'])} the smallest p that can be had is {_range(some['smallest_p'])}."
        )
    return lines


def _range(values: pd.Series) -> str:
    """Return "least to most", or the one value."""
    low, high = (f"{value:.3g}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _sets_text(spec: ExperimentSpec, responses: pd.DataFrame, analysis: Analysis) -> list[str]:
    """Return how many participants that count each rotating set has; nobody replaces whom the rules leave out."""
    lines, keys = [], ["observer", "participant"]
    if "set" not in responses:
        return lines
    counting = analysis.trials[analysis.trials["left_out_by"] == ""][keys].drop_duplicates()
    of_set = responses.groupby(keys)["set"].first()
    for observer in (PEOPLE, SIMULATED):
        own = counting[counting["observer"] == observer]
        if len(own):
            sets = of_set.loc[list(own.itertuples(index=False, name=None))].astype(int)
            counts = sets.value_counts().reindex(range(n_sets(spec)), fill_value=0)
            who = "people" if observer == PEOPLE else "simulated participants"
            lines.append(
                f"Of {who} that count each of the {n_sets(spec)} sets has {_range(counts)}; whom a rule leaves out is "
                f"not replaced."
            )
    return lines


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


def _report_text(analysis: Analysis, titles: dict[str, str], sets: list[str], folder: Path) -> str:
    """Return thresholds, exclusions and the written files as lines to print."""
    heads = f"{'75 % at':>9}  {'95 % interval':<16}{'of these shown':>15}  {'95 % interval':<16}"
    lines = [f"{'observer':<34}{'map type':<12}{heads}{'n':>4} over"]
    fits = analysis.thresholds.to_dict("records")
    for fit in fits:
        level = _threshold_text(fit["level"], fit["low"], fit["high"], 100.0)
        shown = _threshold_text(fit["level_shown"], fit["low_shown"], fit["high_shown"], fit["largest_shown"])
        lines.append(
            f"{titles[fit['observer']]:<34}{fit['map_type']:<12}{level[0]:>9}  {level[1]:<16}"
            f"{shown[0]:>15}  {shown[1]:<16}{fit['n']:>4} {fit['over']}"
        )
    lines += [
        f"at a bound of the fit: {fit['observer']}, {fit['map_type']}: {fit['at_bound']}"
        for fit in fits
        if fit["at_bound"]
    ]
    lines += _test_lines(analysis.tests, [], 0)
    for row in analysis.exclusions.itertuples():
        if row.excluded:
            lines.append(f"left out: {row.observer}, {row.rule}: {row.excluded} of {row.of} {row.unit}")
    lines += [*sets, *_rule_lines(analysis)]
    return "\n".join(
        [*lines, f"written to {folder}: {', '.join(TABLES)} (.csv), {FIGURE_NAME} (.png, .svg, .pdf, .md)", ""]
    )


def _threshold_text(level: float, low: float, high: float, largest: float) -> tuple[str, str]:
    """Return a threshold and its interval as texts; ``largest`` is the level beyond which it is not reached."""
    if np.isnan(largest):
        return "not known", ""
    value = f"> {largest:.0f} %" if np.isnan(level) else f"{level:.1f} %"
    if np.isnan(low):
        return value, "none"
    beyond = f"> {largest:.0f}"
    return (
        value,
        f"beyond {largest:.0f}" if low > largest else f"{low:.1f} to {beyond if high > largest else f'{high:.1f}'}",
    )
