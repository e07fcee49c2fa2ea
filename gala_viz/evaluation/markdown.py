"""An evaluation as a page of Markdown: networks side by side, what people reach, the tests, the paper's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.counts import counted
from gala_viz.evaluation.comparison_texts import HEADER, comparison_texts, describe_tests
from gala_viz.evaluation.estimates import Estimate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metadata import (
    FRACTIONS_TEXT,
    OTHER_INTERVALS_TEXT,
    chance_text,
    human_maps_title,
    other_trainings_text,
    seeds_text,
    smoothgrad_text,
)
from gala_viz.evaluation.metrics import METRICS, MetricKey, digits, is_told, title
from gala_viz.evaluation.protocol_texts import protocol_markdown
from gala_viz.evaluation.published import PUBLISHED, SAYS, SOURCE, SPLIT_HALF_RHO
from gala_viz.evaluation.table import NOTHING, interval_text, markdown_table


def markdown(evaluation: Evaluation) -> str:
    """Return the whole page. The CSV files hold all of it and more: every quantity and test of every single layer."""
    shared = [estimate for estimate in evaluation.estimates if estimate.who not in evaluation.image_metrics]
    sections = [
        f"# {evaluation.collection['title']}: {counted(len(evaluation.images), 'image')}\n\n{_about(evaluation)}",
        "## Networks\n\n" + "\n".join(_networks(evaluation, list(evaluation.groups or evaluation.networks))),
        protocol_markdown(evaluation),
        "## Human maps and regions\n\n" + "\n".join(_shared(shared)) if shared else "",
        "## Each seed\n\n" + "\n".join(_networks(evaluation, evaluation.trainings)) if evaluation.groups else "",
        f"## Differences\n\n{describe_tests(evaluation)}\n\n" + "\n".join(_tests(evaluation)),
        f"## Published\n\n{SAYS}\n\n" + "\n".join(_published()),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _about(evaluation: Evaluation) -> str:
    spec, maps = evaluation.spec, evaluation.collection["human_maps"]
    lines = [
        f"Means over images of the {spec.split} split, with 95 % bootstrap intervals over {spec.over} "
        f"({spec.n_resamples:,} resamples, seed {spec.seed}); {OTHER_INTERVALS_TEXT}",
        over_text(evaluation),
    ]
    if maps is not None:
        lines.append(
            f"{human_maps_title(spec)}{' (simulated, not of people)' if evaluation.simulated else ''}: {maps['made']}"
        )
        lines.append(FRACTIONS_TEXT)
    if spec.smoothgrad is not None:
        lines.append(smoothgrad_text(spec))
    if evaluation.groups:
        seeds = seeds_text(evaluation.groups, evaluation.networks)
        lines.append(
            f"Means over seeds are taken image by image (seeds of {seeds}). Brackets are over {spec.over}, for these "
            f"trainings; ± is the standard deviation over seeds. {other_trainings_text(evaluation.groups)}"
        )
    return "\n\n".join([*lines, *evaluation.notes])


def over_text(evaluation: Evaluation) -> str:
    """Return which chance the intervals and tests of an evaluation are about."""
    with_people = evaluation.collection["human_maps"] is not None
    return chance_text(evaluation.spec.over, evaluation.categories, with_people=with_people)


def _networks(evaluation: Evaluation, names: Sequence[str]) -> list[str]:
    found = {(estimate.who, estimate.key): estimate for estimate in evaluation.estimates}
    keys = [estimate.key for estimate in evaluation.estimates if estimate.who in names and _read(estimate.key)]
    order = list(METRICS)
    keys = sorted(dict.fromkeys(keys), key=lambda key: order.index(key.metric))
    notes: list[str] = []
    rows = []
    for key in keys:
        estimates = [found.get((name, key)) for name in names]
        known = [estimate for estimate in estimates if estimate is not None]
        if is_told(key) or any(interval_text(estimate.interval) != NOTHING for estimate in known):
            rows.append([title(key), *(_cell(estimate, len(evaluation.images), notes) for estimate in estimates)])
    footnotes = [f"{_mark(position)} {note}" for position, note in enumerate(notes, start=1)]
    return [*markdown_table(["", *names], rows), *(line for note in footnotes for line in ("", note))]


def _read(key: MetricKey) -> bool:
    """Single layers are read for their likeness to people; of the rest their mean is enough here."""
    return key.layer in ("", MEAN_OF_LAYERS) or key.metric in ("rho_attention", "fraction_of_ceiling_attention")


def _cell(estimate: Estimate | None, n_images: int, notes: list[str]) -> str:
    """Return an estimate with its n, if that is not the page's, and the mark of its note, which joins ``notes``."""
    if estimate is None:
        return NOTHING
    places = digits(estimate.key)
    text = interval_text(estimate.interval, places)
    if estimate.sd_over_seeds is not None:
        text += f" ± {estimate.sd_over_seeds:.{places}f}"
    if estimate.interval is not None and estimate.interval.n != n_images:
        text += f", n = {estimate.interval.n}"
    if not estimate.note:
        return text
    if estimate.note not in notes:
        notes.append(estimate.note)
    return f"{text} {_mark(notes.index(estimate.note) + 1)}"


def _mark(number: int) -> str:
    """Return the number of a footnote."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _shared(estimates: Sequence[Estimate]) -> list[str]:
    rows = []
    for estimate in estimates:
        places = digits(estimate.key)
        n = estimate.interval.n if estimate.interval else 0
        people = estimate.participants
        over_people = (
            NOTHING if people is None else f"[{people.low:.{places}f}, {people.high:.{places}f}], n = {people.n}"
        )
        text = f"{interval_text(estimate.interval, places)}, n = {n}"
        rows.append([estimate.who, title(estimate.key), text, over_people, estimate.note or NOTHING])
    return markdown_table(["", "", "over images", "over participants", ""], rows)


def _tests(evaluation: Evaluation) -> list[str]:
    rows = comparison_texts(evaluation)
    return markdown_table(HEADER, rows) if rows else []


def _published() -> list[str]:
    rows = [
        [
            one.network,
            f"{one.top1_error_clickme:.2f}",
            f"{one.human_variability_explained:.2f}" + (f" ({one.p})" if one.p else ""),
            NOTHING if one.top5_error_ilsvrc12 is None else f"{one.top5_error_ilsvrc12:.2f}",
        ]
        for one in PUBLISHED
    ]
    header = [
        "the paper's network",
        "top-1 error on ClickMe test images, %",
        "human variability explained, %",
        "top-5 error on ILSVRC12, %",
    ]
    return [
        *markdown_table(header, rows),
        "",
        f"Split-half rho of its participants: {SPLIT_HALF_RHO}. Source: {SOURCE}.",
    ]
