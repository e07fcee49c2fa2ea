"""An evaluation as a page of Markdown: networks side by side, what people reach, the tests, the paper's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.evaluation.evaluate import Evaluation
from gala_viz.evaluation.facts import seeds_told
from gala_viz.evaluation.numbers import Number
from gala_viz.evaluation.pairs import family
from gala_viz.evaluation.published import PUBLISHED, SAYS, SOURCE, SPLIT_HALF_RHO
from gala_viz.evaluation.quantities import QUANTITIES, Key
from gala_viz.evaluation.table import NOTHING, interval_text, lines_of, p_text
from gala_viz.evaluation.values import MEAN_OF_LAYERS


def markdown(evaluation: Evaluation) -> str:
    """The whole page. The CSV files hold all of it and more: every quantity and test of every single layer."""
    shared = [number for number in evaluation.numbers if number.who not in evaluation.values]
    sections = [
        f"# {evaluation.collection['title']}: {len(evaluation.images)} images\n\n{_about(evaluation)}",
        "## Networks\n\n" + "\n".join(_networks(evaluation, list(evaluation.groups or evaluation.networks))),
        "## Human maps and regions\n\n" + "\n".join(_shared(shared)) if shared else "",
        "## Each seed\n\n" + "\n".join(_networks(evaluation, list(evaluation.networks))) if evaluation.groups else "",
        f"## Differences\n\n{family(evaluation.comparisons)}{_chance(evaluation)}\n\n" + "\n".join(_tests(evaluation)),
        f"## Published\n\n{SAYS}\n\n" + "\n".join(_published()),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _about(evaluation: Evaluation) -> str:
    spec, maps = evaluation.spec, evaluation.collection["human_maps"]
    lines = [
        f"Means over images of the {spec.split} split, with 95 % bootstrap intervals over images "
        f"({spec.n_resamples:,} resamples, seed {spec.seed}).",
    ]
    if maps is not None:
        lines.append(f"Human maps{' (simulated, not of people)' if maps['simulated'] else ''}: {maps['made']}")
    if spec.smoothgrad is not None:
        grad = spec.smoothgrad
        whose = "the network's own first choice" if spec.target == "own" else "the true category"
        lines.append(
            f"SmoothGrad: n = {grad.n_samples}, noise {grad.noise_fraction} of the range, seed {grad.seed}, of "
            f"{whose}; compared at {spec.cells} x {spec.cells} cells. Attention norms are compared at their own grids."
        )
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
    rows = [[_title(key), *(_cell(found.get((name, key))) for name in names)] for key in keys]
    return lines_of(["", *names], [row for row in rows if set(row[1:]) != {NOTHING}])


def _read(key: Key) -> bool:
    """Single layers are read for their likeness to people; of the rest their mean is enough here."""
    return key.layer in ("", MEAN_OF_LAYERS) or key.quantity in ("rho_attention", "fraction_of_ceiling_attention")


def _cell(number: Number | None) -> str:
    if number is None:
        return NOTHING
    digits = _digits(number.key)
    text = interval_text(number.interval, digits)
    return text if number.sd_over_seeds is None else f"{text} ± {number.sd_over_seeds:.{digits}f}"


def _shared(numbers: Sequence[Number]) -> list[str]:
    rows = []
    for number in numbers:
        digits = _digits(number.key)
        n = number.interval.n if number.interval else 0
        people = number.participants
        over_people = (
            NOTHING if people is None else f"[{people.low:.{digits}f}, {people.high:.{digits}f}], n = {people.n}"
        )
        text = f"{interval_text(number.interval, digits)}, n = {n}"
        rows.append([number.who, _title(number.key), text, over_people, number.note or NOTHING])
    return lines_of(["", "", "over images", "over participants", ""], rows)


def _chance(evaluation: Evaluation) -> str:
    if not evaluation.groups:
        return ""
    return " Networks are means over seeds; the tests ask about other images, these seeds being taken as they are."


def _tests(evaluation: Evaluation) -> list[str]:
    shown = [one for one in evaluation.comparisons if one.key.layer in ("", MEAN_OF_LAYERS)]
    rows = [
        [
            f"{one.b} minus {one.a}",
            _title(one.key),
            f"{one.test.difference:+.{_digits(one.key)}f}",
            p_text(one.test.p),
            p_text(one.p_adjusted),
            str(one.test.n),
        ]
        for one in shown
    ]
    return lines_of(["", "", "difference", "p", "p adjusted", "n"], rows) if rows else []


def _published() -> list[str]:
    rows = [
        [
            one.network,
            f"{one.top1_error_clickme:.2f}",
            f"{one.human_variability_explained:.2f}" + (f" ({one.p})" if one.p else ""),
            NOTHING if one.top1_error_ilsvrc12 is None else f"{one.top1_error_ilsvrc12:.2f}",
        ]
        for one in PUBLISHED
    ]
    header = [
        "the paper's network",
        "top-1 error on ClickMe test images, %",
        "human variability explained, %",
        "error on ILSVRC12, %",
    ]
    return [*lines_of(header, rows), "", f"Split-half rho of its participants: {SPLIT_HALF_RHO}. Source: {SOURCE}."]


def _title(key: Key) -> str:
    quantity = QUANTITIES[key.quantity]
    where = ", ".join(part for part in (key.layer, key.region, key.cells) if part)
    unit = "" if quantity.unit == "1" else f", {quantity.unit}"
    return f"{quantity.title}{f' ({where})' if where else ''}{unit}"


def _digits(key: Key) -> int:
    return 3 if QUANTITIES[key.quantity].unit == "1" else 1
