"""What tables, pages and files say of the protocol of an evaluation, and of further resolutions."""

from __future__ import annotations

from typing import Any

from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.protocol_headline import headline_numbers
from gala_viz.evaluation.protocols import HEADLINES, STEPS, Protocol, protocol_of
from gala_viz.evaluation.resolutions import resolution_table, rho_at_resolutions
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.evaluation.table import NOTHING, interval_text, markdown_table

RESOLUTIONS_TEXT = (
    "The same maps at other numbers of cells, people's maps and ceilings brought to them alike; intervals are those of "
    "the table."
)
STEPS_HEADER = ("step", "setting", "source", "not known, or other here")
INTERVALS_TEXT = "Intervals are the table's, for these people."
CONSTANTS_TEXT = "Published constants stand here to be compared; no number is computed from them."


def protocol_rows(protocol: Protocol) -> list[tuple[str, str, str, str]]:
    """Return (step, what it is, source, what is not known or differs) for each step."""
    return [
        (step.title, protocol.value(name), protocol.sources.get(name, ""), protocol.unknown.get(name, ""))
        for name, step in STEPS.items()
    ]


def headline_rows(evaluation: Evaluation, protocol: Protocol) -> list[tuple[str, str, str, str, str]]:
    """Return (network, rho, ceiling, headline number, note), each number with its interval over images and n."""
    rows = []
    for name in evaluation.groups or evaluation.networks:
        found = headline_numbers(evaluation, name, protocol)
        percent = protocol.headline != "corrected_rho"
        texts = [
            NOTHING if one is None else f"{interval_text(one, digits)}{unit}, n = {one.n}"
            for one, digits, unit in (
                (found.rho, 3, ""),
                (found.ceiling, 3, ""),
                (found.value, 1 if percent else 3, " %" if percent else ""),
            )
        ]
        rows.append((name, *texts, found.note))
    return rows


def constant_texts(protocol: Protocol) -> list[str]:
    """Return a sentence for each published constant."""
    return [f"{one.what}: {one.value} ({one.source})." for one in protocol.published]


def protocol_markdown(evaluation: Evaluation) -> str:
    """Return the sections on protocol and resolutions; "" where neither was asked for."""
    parts = []
    protocol = protocol_of(evaluation.spec)
    if protocol is not None:
        lines = [f"## Protocol: {protocol.label}", "", f"{protocol.title}. {INTERVALS_TEXT}", ""]
        header = ["", "rho", "ceiling", HEADLINES[protocol.headline], ""]
        lines += markdown_table(
            header, [[*row[:-1], row[-1] or NOTHING] for row in headline_rows(evaluation, protocol)]
        )
        lines += ["", *(f"Published: {text}" for text in constant_texts(protocol)), CONSTANTS_TEXT, ""]
        lines += markdown_table(
            list(STEPS_HEADER),
            [[one or NOTHING for one in row] for row in protocol_rows(protocol)],
        )
        parts.append("\n".join(lines))
    elif evaluation.spec.protocol is not None:
        parts.append(f"## Protocol: {evaluation.spec.protocol}")
    rows = rho_at_resolutions(evaluation)
    if rows:
        parts.append("\n".join(["## Resolutions", "", RESOLUTIONS_TEXT, "", *markdown_table(*resolution_table(rows))]))
    return "\n\n".join(parts)


def protocol_page(evaluation: Evaluation) -> dict[str, Any]:
    """Return what the HTML report takes: "protocol" (None without one) and "resolutions" (None without any)."""
    protocol, rows = protocol_of(evaluation.spec), rho_at_resolutions(evaluation)
    told = None
    if protocol is not None:
        told = {
            "label": protocol.label,
            "title": f"{protocol.title}. {INTERVALS_TEXT}",
            "headline": HEADLINES[protocol.headline],
            "steps_header": STEPS_HEADER,
            "numbers": headline_rows(evaluation, protocol),
            "published": constant_texts(protocol),
            "says": CONSTANTS_TEXT,
            "steps": protocol_rows(protocol),
        }
    table = None
    if rows:
        header, lines = resolution_table(rows)
        table = {"says": RESOLUTIONS_TEXT, "header": header, "rows": lines}
    return {"protocol": told, "resolutions": table}


def protocol_columns(spec: EvaluationSpec) -> dict[str, str]:
    """Return the column of table.csv that names the protocol; none without one."""
    return {} if spec.protocol is None else {"protocol": spec.protocol}


def protocol_json(spec: EvaluationSpec) -> dict[str, Any]:
    """Return the entry of results.json: name, version, every step with its source, constants; none without one."""
    protocol = protocol_of(spec)
    if protocol is None:
        return protocol_columns(spec)
    steps = {
        step: {"value": value, "source": source, "unknown": unknown}
        for step, value, source, unknown in protocol_rows(protocol)
    }
    constants = [{"value": one.value, "what": one.what, "source": one.source} for one in protocol.published]
    return {
        "protocol": {
            "name": protocol.name,
            "version": protocol.version,
            "title": protocol.title,
            "steps": steps,
            "headline": protocol.headline,
            "published": constants,
            "published_note": CONSTANTS_TEXT,
        }
    }
