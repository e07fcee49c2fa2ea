"""Texts as HTML. Every name, id and message comes from files or networks and is escaped here, and only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

import numpy as np
from markdown_it import MarkdownIt

from gala_viz.counts import counted
from gala_viz.engine.results.prediction import Prediction
from gala_viz.splits import HELD_OUT, LEARNT
from gala_viz.store.source import ImageInfo, NetworkInfo

SIDES = ("a", "b")
_MARKDOWN = MarkdownIt("js-default", {"html": False, "breaks": True}).disable("image")
"""HTML in a note is shown as text; pictures, which would be requested from other hosts, are not drawn."""


def loading_message(step: str, heading: str) -> str:
    """Return the page while its source is loading: ``heading`` and the present ``step``."""
    return (
        f'<div class="state" role="status"><h1>{escape(heading)}</h1>'
        f'<p class="step">{escape(step or "Starting…")}</p><div class="pulse"></div></div>'
    )


def load_error(error: str, heading: str) -> str:
    """Return the page whose source could not be loaded, with the ``error``."""
    return (
        f'<div class="state" role="alert"><h1>{escape(heading)}: the page could not start</h1>'
        f"<pre>{escape(error)}</pre>"
        "<p>Correct what is named above, then reload this page. "
        "The names of networks and collections are set where the server is started: "
        "<code>gala-viz compare --collection … --networks A B</code>. Its log tells more.</p></div>"
    )


def empty_collection_message(title: str) -> str:
    """Return the page of a collection without images."""
    return (
        f'<div class="state"><h1>{escape(title)} holds no photographs</h1>'
        "<p>PNG, JPEG, WebP and other common images are looked for, flat or in one folder per category. "
        "Upload a photograph, or start the server with another <code>--collection</code>.</p></div>"
    )


def presentation_ended_message() -> str:
    """Return the page of a link to a presentation that does not exist."""
    return (
        '<div class="state"><h1>This presentation is over</h1><p>Its presenter closed it, or the link is incomplete. '
        'Ask for a new link, or open <a href="?">the comparison</a> yourself.</p></div>'
    )


def note_html(text: str) -> str:
    """Return a note's Markdown as HTML that can neither run nor load anything; its links open in another window."""
    tokens = _MARKDOWN.parse(text)
    for token in (child for parent in tokens for child in parent.children or ()):
        if token.type == "link_open":
            token.attrs |= {"target": "_blank", "rel": "noopener noreferrer nofollow"}
    return _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})


def alert(text: str) -> str:
    """Return an alert with ``text``, or "" without one."""
    return f'<div class="alert" role="alert">{escape(text)}</div>' if text else ""


def image_heading(info: ImageInfo, game: str | None = None) -> str:
    """Return heading, id and properties of an image, and the link to a round on it where ``game`` is an address."""
    more = [text for text in (info.superclass, info.split and f"split: {info.split}") if text]
    more.append(training_use_text(info))
    if info.size_px:
        more.append(f"{info.size_px[1]} × {info.size_px[0]} px")
    image, title = escape(info.image), escape(info.heading)
    if info.category is None:
        more.insert(0, "category unknown")
        head = f'<h1 class="id" title="{title}">{title}</h1>'
    else:
        head = f'<h1 title="{title}">{title}</h1>'
    if info.heading != info.image:
        head += f'<p class="muted id">{image}</p>'
    link = f"{game}?{urlencode({'image': info.image})}" if game else ""
    collect = f' <a href="{escape(link)}" target="gala_viz_game">Collect maps for this image</a>' if link else ""
    return f'{head}<p class="muted">{escape(" · ".join(more))}{collect}</p>'


def training_use_text(info: ImageInfo) -> str:
    """Return whether the networks shown learnt from the photograph, as far as their cards tell."""
    if info.learnt == LEARNT:
        return f"learnt from by {' and '.join(dict.fromkeys(info.learnt_by)) or 'a network shown'}"
    return "held out: not learnt from" if info.learnt == HELD_OUT else "not known to be learnt from"


def top_five_predictions(
    side: str, network: NetworkInfo, prediction: Prediction | None, target: int | None, *, named: bool = True
) -> str:
    """Return a network's five most probable categories with bars; right or wrong as a sign and a word.

    Parameters
    ----------
    side : {"a", "b"}
        Which of the two networks, for its colour.
    network : NetworkInfo
        Its title and name are shown.
    prediction : Prediction or None
        None, before it is known, gives empty rows.
    target : int or None
        Index of the true category, which is marked.
    named : bool
        Whether the network's title stands above; not where it stands in a chooser there.

    Returns
    -------
    str
        HTML.
    """
    verdict = {True: ("right", "✓ right"), False: ("wrong", "✗ wrong"), None: ("unknown", "no label")}[
        prediction.correct if prediction else None
    ]
    rows = []
    for i in range(5):
        if prediction is None or i >= len(prediction.categories):
            rows.append('<div class="prediction"><span class="category muted">–</span></div>')
            continue
        share, category = prediction.probabilities[i], escape(prediction.categories[i])
        true = prediction.indices[i] == target
        rows.append(
            f'<div class="prediction{" true" if true else ""}">'
            f'<span class="fill" style="width:{100 * share:.1f}%"></span>'
            f'<span class="category" title="{category}">{"✓ " if true else ""}{category}</span>'
            f'<span class="share">{100 * share:.1f} %</span></div>'
        )
    chip = f'<span class="verdict {verdict[0]}">{verdict[1]}</span>' if prediction else ""
    name = f'<span title="{escape(network.name)}">{escape(network.title)}</span>' if named else ""
    five = f'<div class="five">{"".join(rows)}</div>'
    return f'<div class="network {side}"><div class="name">{name}{chip}</div>{five}</div>'


def muted_text(text: str) -> str:
    """Return a paragraph of less important text."""
    return f'<p class="muted">{escape(text)}</p>'


def people_heading(title: str, kind: str, description: str) -> str:
    """Return the title of the human map's column: whose map it is, its ``kind`` and what these maps are."""
    text = " · ".join(filter(None, [kind, description]))
    details = f'<p class="muted clamp" title="{escape(text)}">{escape(text)}</p>' if text else ""
    return f'<div class="column-title">{escape(title)}</div>{details}'


def delta_heading(title: str = "", reliability: str = "", beyond: str = "") -> str:
    """Return the title of the delta's column, how reliable the delta is, and how much of it is beyond its error."""
    shown = "Delta: second minus first" if reliability or not title else title
    facts = "".join(f'<p class="fact">{escape(fact)}</p>' for fact in (reliability, beyond) if fact)
    return f'<div class="column-title">{escape(shown)}</div>{facts}'


def photograph_count(count: int) -> str:
    """Return ``count`` in words: "1 photograph", "7,200 photographs"."""
    return f"{count:,} photograph{'' if count == 1 else 's'}"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def score_table(networks: Sequence[NetworkInfo], groups: Mapping[str, Mapping[str, Sequence[float]]], note: str) -> str:
    """Return a table of one image's scores.

    Parameters
    ----------
    networks : sequence of NetworkInfo
        A row each in every group.
    groups : mapping of str to mapping of str to sequence of float
        What is scored -> name of a metric -> one value per network; a group called "" has no heading.
    note : str
        Below the table.

    Returns
    -------
    str
        HTML.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in next(iter(groups.values()), {}))
    body = "".join(
        (f'<tr><td class="muted" colspan="{len(columns) + 1}">{escape(group)}</td></tr>' if group else "")
        + "".join(
            f'<tr><td class="{side}"><span class="dot"></span>{escape(network.title)}</td>'
            + "".join(f"<td>{_number(float(values[k]))}</td>" for values in columns.values())
            + "</tr>"
            for k, (side, network) in enumerate(zip(SIDES, networks, strict=True))
        )
        for group, columns in groups.items()
    )
    return f'<table><tr><td></td>{head}</tr>{body}</table><p class="muted">{escape(note)}</p>'


def selection_summary(count: int, total: int, is_selection: bool, metric_values: Mapping[str, np.ndarray]) -> str:
    """Return how many images are selected or highlighted, and the means of metrics over them.

    Parameters
    ----------
    count : int
        Images that are selected or highlighted.
    total : int
        All images.
    is_selection : bool
        Whether they are a selection by box or lasso.
    metric_values : mapping of str to ndarray, (image,)
        Title of a metric -> its values of the ``count`` images.

    Returns
    -------
    str
        HTML.
    """
    what = "selected" if is_selection else "drawn in colour"
    means = ", ".join(
        f"{escape(title)} {_number(float(ones.mean()))}" for title, ones in metric_values.items() if len(ones)
    )
    return (
        f"<p><b>{count:,}</b> of {counted(total, 'image')} {what}{'. Means: ' + means if means else ''}. "
        '<span class="muted">Drag a box or a lasso to select, click a point for its values.</span></p>'
    )


def compare_link(address: str, query: str) -> str:
    """Return the link to the comparison of the selected images; "" where ``query`` is empty."""
    link = escape(f"{address}?{query}")
    words = "Compare these images one by one, or present them"
    return f'<p><a href="{link}" target="gala_viz_compare">{words}</a></p>' if query else ""


def image_score_table(image: str | None, category: str, link: str, values: Mapping[str, float]) -> str:
    """Return a table of one image's metrics, and the link to its comparison.

    Parameters
    ----------
    image : str or None
        Id of the image; None gives a hint how to choose one.
    category : str
        Its category; "" where that is not known.
    link : str
        Address of its comparison; "" for no link.
    values : mapping of str to float
        Title of a metric -> its value.

    Returns
    -------
    str
        HTML.
    """
    if image is None:
        return '<p class="muted">Click a point or a picture to see its values here.</p>'
    rows = "".join(f"<tr><td>{escape(title)}</td><td>{_number(value)}</td></tr>" for title, value in values.items())
    go = f'<p><a href="{escape(link)}" target="gala_viz_compare">Open in the comparison</a></p>' if link else ""
    head = f"<h1>{escape(category)}</h1>" if category else ""
    return f'{head}<p class="muted id">{escape(image)}</p>{go}<table>{rows}</table>'


def people_label(kinds: Mapping[str, str]) -> str:
    """Return "people", or "simulated people" where the names of all ``kinds`` of human maps begin with "simulated"."""
    simulated = bool(kinds) and all(kind.startswith("simulated") for kind in kinds)
    return "simulated people" if simulated else "people"


def alignment_title(kinds: Mapping[str, str]) -> str:
    """Return the heading over scores against human maps of these ``kinds``."""
    return f"Closeness to {people_label(kinds)}"


def provenance(networks: Sequence[NetworkInfo], skipped: Sequence[tuple[str, str]], kinds: dict[str, str]) -> str:
    """Return what the networks are, what the human maps are, and which files could not be shown."""
    parts = []
    for side, network in zip(SIDES, networks, strict=True):
        lines = "".join(f"<li>{escape(key)}: {escape(str(value))}</li>" for key, value in network.summary.items())
        parts.append(
            f'<div class="network {side}"><b>{escape(network.title)}</b> '
            f'<span class="muted">{escape(network.name)}, {escape(network.device)}</span><ul>{lines}</ul></div>'
        )
    if kinds:
        parts.append(
            "<b>Human maps</b><ul>" + "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in kinds.items()) + "</ul>"
        )
    if skipped:
        shown = "".join(f"<li>{escape(path)}: {escape(reason)}</li>" for path, reason in skipped[:200])
        parts.append(f"<b>{counted(len(skipped), 'file')} could not be shown</b><ul>{shown}</ul>")
    return f"<details><summary>About these networks and this collection</summary>{''.join(parts)}</details>"
