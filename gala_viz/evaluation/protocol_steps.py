"""One network under two protocols: the steps between them changed one by one, and what each does to the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import xarray as xr

from gala_viz.alignment import ConfidenceInterval
from gala_viz.cache import ArrayCache
from gala_viz.collections.collection import Collection
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.export import write_csv
from gala_viz.evaluation.protocol_headline import headline_numbers, mean_over_images
from gala_viz.evaluation.protocol_settings import REFUSED
from gala_viz.evaluation.protocols import NO_TEXTS, NOT_APPLICABLE, STEPS, Protocol
from gala_viz.evaluation.resolutions import interval_columns
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.evaluation.table import interval_text, markdown_table
from gala_viz.networks.network import Network

_OF_PIXELS = ("target", "reduction", "map smoothing", "cells")
"""Steps that mean nothing of attention norms: they change with the method where one of the two protocols has these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtocolStep:
    """The numbers of one network after one step from a protocol to another.

    Parameters
    ----------
    network : str
        Its name.
    step : str
        Title of the step; the first protocol's name and version before any.
    before : str
        What it was, in words; "" before any step.
    after : str
        What it is now.
    rho : ConfidenceInterval or None
        Mean over images with its interval over images; None where no image has one.
    rho_change : ConfidenceInterval or None
        Mean difference of the same images' rho from the step before.
    ceiling : ConfidenceInterval or None
        Mean split-half ceiling over images.
    headline : str
        Form of the headline number at this step, a key of ``gala_viz.evaluation.protocols.HEADLINES``.
    value : ConfidenceInterval or None
        The headline number; in per cent but for "corrected_rho".
    note : str
        Why there is no headline number, and what was not as asked.
    """

    network: str
    step: str
    before: str
    after: str
    rho: ConfidenceInterval | None
    rho_change: ConfidenceInterval | None
    ceiling: ConfidenceInterval | None
    headline: str
    value: ConfidenceInterval | None
    note: str = ""


def protocol_path(a: Protocol, b: Protocol) -> list[tuple[str, str, str, Protocol]]:
    """Return (title, before, after, protocol) for each step that differs, in the order of ``STEPS``.

    The last protocol has every step of ``b``. Where one of the two compares attention norms and the other maps of the
    input, whatever only the latter have changes together with the method.
    """
    path, now = [], a
    together = ("method", *_OF_PIXELS) if (a.method == "attention") != (b.method == "attention") else ("method",)
    for name in STEPS:
        if name in together[1:]:
            continue
        names = together if name == "method" else (name,)
        wanted = {one: getattr(b, one) for part in names for one in STEPS[part].names}
        if all(getattr(now, one) == value for one, value in wanted.items()):
            continue
        after = replace(now, name=f"{a.name} to {b.name}, {name}", **wanted)
        after = replace(after, sources=NO_TEXTS, unknown=NO_TEXTS, published=())
        before, then = (
            ", ".join(value for part in names if (value := one.value(part)) != NOT_APPLICABLE) for one in (now, after)
        )
        path.append((STEPS[name].title + ", with all that belongs to it" * (len(names) > 1), before, then, after))
        now = after
    return path


def protocol_steps(
    network: Network,
    collection: Collection,
    a: Protocol,
    b: Protocol,
    spec: EvaluationSpec | None = None,
    *,
    name: str | None = None,
    cache: ArrayCache | None = None,
    tell: Callable[[str], None] = lambda text: None,
    record: Callable[[Evaluation], object] = lambda evaluation: None,
) -> list[ProtocolStep]:
    """Measure one network under a protocol, and again after each step towards another, by ``evaluate``.

    Steps are changed one at a time, in the order of ``gala_viz.evaluation.protocols.STEPS``, and stay changed: what a
    step does depends on those before it, so that the way back may share the difference out otherwise.

    Parameters
    ----------
    network : Network
        The network.
    collection : Collection
        Photographs with human maps.
    a : Protocol
        Where the way begins.
    b : Protocol
        Where it ends.
    spec : EvaluationSpec, optional
        Images, seeds and resamples.
    name : str, optional
        What rows call the network; default: its own name.
    cache : ArrayCache, optional
        Blocks that it holds are not computed again.
    tell : callable
        Called with lines on the progress.
    record : callable
        Called with the evaluation of each step, to count looks at test images.

    Returns
    -------
    list of ProtocolStep
        The first protocol, then one for each step that differs.

    Raises
    ------
    ValueError
        A protocol compares attention norms and the network has none, or no image has a human map.
    """
    name = name or network.name
    check_layers({name: network}, a, b)
    base = replace(spec or EvaluationSpec(), n_partners=1, resolutions=())
    path = [(a.label, "", a.title, a), *protocol_path(a, b)]
    rows: list[ProtocolStep] = []
    previous: xr.DataArray | None = None
    for title, before, after, protocol in path:
        tell(f"{name}: {title}")
        asked = replace(protocol.spec([network], base), protocol=None)
        found = evaluate({name: network}, collection, asked, cache=cache)
        record(found)
        numbers = headline_numbers(found, name, protocol)
        rho, change = numbers.rho_of_images, None
        if previous is not None and rho is not None:
            change = mean_over_images(rho - previous, asked)
        rows.append(
            ProtocolStep(
                network=name,
                step=title,
                before=before,
                after=after,
                rho=numbers.rho,
                rho_change=change,
                ceiling=numbers.ceiling,
                headline=protocol.headline,
                value=numbers.value,
                note=" ".join(
                    [numbers.note] * bool(numbers.note) + [one for one in found.notes if one.startswith(REFUSED)]
                ),
            )
        )
        previous = rho
    if all(row.rho is None for row in rows):
        raise ValueError(f"{collection.name}: no image of the {base.split} split has a usable human map.")
    return rows


def check_layers(networks: Mapping[str, Network], *protocols: Protocol) -> None:
    """Raise ``ValueError`` where one of ``protocols`` compares attention norms and a network has none."""
    for protocol in protocols:
        for name, network in networks.items():
            if protocol.method == "attention" and not network.layers:
                raise ValueError(
                    f"{name} has no attention layers, which {protocol.label} compares; its source does not tell which "
                    "map stood for such networks. Name modules as layers (--layers), whose activity is then taken, or "
                    "leave the network out."
                )


def largest_change(rows: Sequence[ProtocolStep]) -> ProtocolStep | None:
    """Return the step of one network's rows that moved rho most, up or down; None where no step has a rho."""
    known = [row for row in rows if row.rho_change is not None]
    return max(known, key=lambda row: abs(row.rho_change.mean), default=None)  # pyright: ignore


def steps_csv_rows(rows: Sequence[ProtocolStep]) -> list[dict[str, object]]:
    """Return lines for a CSV file: texts, and each interval as value, low, high and n."""
    return [
        {
            "network": row.network,
            "step": row.step,
            "before": row.before,
            "after": row.after,
            **interval_columns("rho", row.rho),
            **interval_columns("rho_change", row.rho_change),
            **interval_columns("ceiling", row.ceiling),
            "headline": row.headline,
            **interval_columns("headline_value", row.value),
            "note": row.note,
        }
        for row in rows
    ]


def steps_markdown(rows: Sequence[ProtocolStep], a: Protocol, b: Protocol) -> str:
    """Return the rows of one or several networks as a page of Markdown."""
    lines = [
        f"# From {a.label} to {b.label}",
        "",
        "One step after the other is changed and stays changed, so that a step's share depends on those before it. "
        "Means over images with 95 % bootstrap intervals (over images, or over whole categories where these were asked "
        "for), for these people; changes are of the same images.",
    ]
    for name in dict.fromkeys(row.network for row in rows):
        own = [row for row in rows if row.network == name]
        table = [
            [
                row.step,
                f"{row.before} → {row.after}" if row.before else row.after,
                interval_text(row.rho),
                interval_text(row.rho_change),
                interval_text(row.ceiling),
                _headline_text(row),
                "" if row.rho is None else str(row.rho.n),
            ]
            for row in own
        ]
        header = ["step", "", "rho", "change of rho", "ceiling", "headline", "n"]
        lines += ["", f"## {name}", "", *markdown_table(header, table)]
        if (largest := largest_change(own)) is not None and largest.rho_change is not None:
            change = interval_text(largest.rho_change)
            lines += ["", f"Rho moved most by: {largest.step} ({largest.before} → {largest.after}), {change}."]
        lines += [f"\n{note}" for note in dict.fromkeys(row.note for row in own if row.note)]
    return "\n".join(lines) + "\n"


def _headline_text(row: ProtocolStep) -> str:
    if row.value is None:
        return interval_text(None)
    if row.headline == "corrected_rho":
        return interval_text(row.value)
    return f"{interval_text(row.value, 1)} %{' (squared)' if row.headline == 'explained_variance' else ''}"


def write_steps(rows: Sequence[ProtocolStep], a: Protocol, b: Protocol, stem: str | Path) -> tuple[Path, Path]:
    """Write rows as a page of Markdown and as a CSV file.

    Parameters
    ----------
    rows : sequence of ProtocolStep
        Of one or several networks.
    a : Protocol
        Where the way begins.
    b : Protocol
        Where it ends.
    stem : str or Path
        Path of both files without their endings.

    Returns
    -------
    tuple of Path
        The page and the table.
    """
    stem = Path(stem)
    page, table = stem.with_name(f"{stem.name}.md"), stem.with_name(f"{stem.name}.csv")
    page.write_text(steps_markdown(rows, a, b), encoding="utf-8")
    write_csv(table, steps_csv_rows(rows))
    return page, table
