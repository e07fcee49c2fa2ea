"""An evaluation as a page of Markdown: networks side by side, what people reach, the tests, the paper's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.counts import counted
from gala_viz.evaluation.differences import HEADER, differences, families_told
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.facts import FRACTIONS_TOLD, OTHER_INTERVALS_TOLD, seeds_told, smoothgrad_told
from gala_viz.evaluation.numbers import Number
from gala_viz.evaluation.published import PUBLISHED, SAYS, SOURCE, SPLIT_HALF_RHO
from gala_viz.evaluation.quantities import QUANTITIES, Key, digits, title
from gala_viz.evaluation.table import NOTHING, interval_text, lines_of
from gala_viz.evaluation.values import MEAN_OF_LAYERS


def markdown(evaluation: Evaluation) -> str:
    """The whole page. The CSV files hold all of it and more: every quantity and test of every single layer."""
    shared = [number for number in evaluation.numbers if number.who not in evaluation.values]
    sections = [
        f"# {evaluation.collection['title']}: {counted(len(evaluation.images), 'image')}\n\n{_about(evaluation)}",
        "## Networks\n\n" + "\n".join(_networks(evaluation, list(evaluation.groups or evaluation.networks))),
        "## Human maps and regions\n\n" + "\n".join(_shared(shared)) if shared else "",
        "## Each seed\n\n" + "\n".join(_networks(evaluation, evaluation.trainings)) if evaluation.groups else "",
        f"## Differences\n\n{families_told(evaluation)}\n\n" + "\n".join(_tests(evaluation)),
        f"## Published\n\n{SAYS}\n\n" + "\n".join(_published()),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _about(evaluation: Evaluation) -> str:
    spec, maps = evaluation.spec, evaluation.collection["human_maps"]
    lines = [
        f"Means over images of the {spec.split} split, with 95 % bootstrap intervals over images "
        f"({spec.n_resamples:,} resamples, seed {spec.seed}); {OTHER_INTERVALS_TOLD}",
    ]
    if maps is not None:
        lines.append(f"Human maps{' (simulated, not of people)' if evaluation.simulated else ''}: {maps['made']}")
        lines.append(FRACTIONS_TOLD)
    if spec.smoothgrad is not None:
        lines.append(smoothgrad_told(spec))
    if evaluation.groups:
        seeds = seeds_told(evaluation.groups, evaluation.networks)
        lines.append(
            f"Means over seeds are taken image by image (seeds of {seeds}); ± is the seeds' standard deviation."
        )
    return "\n\n".join([*lines, *evaluation.notes])


def _networks(evaluation: Evaluation, names: Sequence[str]) -> list[str]:
    found = {(number.who, number.key): number for number in evaluation.numbers}
    keys = [number.key for number in evaluation.numbers if number.who in names and _read(number.key)]
    order = list(QUANTITIES)
    keys = sorted(dict.fromkeys(keys), key=lambda key: order.index(key.quantity))
    notes: list[str] = []
    rows = []
    for key in keys:
        numbers = [found.get((name, key)) for name in names]
        if any(interval_text(number.interval) != NOTHING for number in numbers if number is not None):
            rows.append([title(key), *(_cell(number, len(evaluation.images), notes) for number in numbers)])
    footnotes = [f"{_mark(position)} {note}" for position, note in enumerate(notes, start=1)]
    return [*lines_of(["", *names], rows), *(line for note in footnotes for line in ("", note))]


def _read(key: Key) -> bool:
    """Single layers are read for their likeness to people; of the rest their mean is enough here."""
    return key.layer in ("", MEAN_OF_LAYERS) or key.quantity in ("rho_attention", "fraction_of_ceiling_attention")


def _cell(number: Number | None, n_images: int, notes: list[str]) -> str:
    """A number with its n, where that is not the page's, and the mark of its note, which is added to ``notes``."""
    if number is None:
        return NOTHING
    places = digits(number.key)
    text = interval_text(number.interval, places)
    if number.sd_over_seeds is not None:
        text += f" ± {number.sd_over_seeds:.{places}f}"
    if number.interval is not None and number.interval.n != n_images:
        text += f", n = {number.interval.n}"
    if not number.note:
        return text
    if number.note not in notes:
        notes.append(number.note)
    return f"{text} {_mark(notes.index(number.note) + 1)}"


def _mark(number: int) -> str:
    """The number of a footnote."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _shared(numbers: Sequence[Number]) -> list[str]:
    rows = []
    for number in numbers:
        places = digits(number.key)
        n = number.interval.n if number.interval else 0
        people = number.participants
        over_people = (
            NOTHING if people is None else f"[{people.low:.{places}f}, {people.high:.{places}f}], n = {people.n}"
        )
        text = f"{interval_text(number.interval, places)}, n = {n}"
        rows.append([number.who, title(number.key), text, over_people, number.note or NOTHING])
    return lines_of(["", "", "over images", "over participants", ""], rows)


def _tests(evaluation: Evaluation) -> list[str]:
    rows = differences(evaluation)
    return lines_of(HEADER, rows) if rows else []


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
    return [*lines_of(header, rows), "", f"Split-half rho of its participants: {SPLIT_HALF_RHO}. Source: {SOURCE}."]
