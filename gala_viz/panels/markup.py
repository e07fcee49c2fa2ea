"""Texts as HTML. Every name, id and message comes from files or networks; ``render_html`` takes them as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import numpy as np
from markdown_it import MarkdownIt
from markupsafe import Markup

from gala_viz.counts import counted
from gala_viz.engine.results.prediction import N_TOP, Prediction
from gala_viz.panels.html_templates import render_html
from gala_viz.schema import is_simulated_kind
from gala_viz.splits import HELD_OUT, LEARNT
from gala_viz.store.source import ImageInfo, NetworkInfo

SIDES = ("a", "b")
_MARKDOWN = MarkdownIt("js-default", {"html": False, "breaks": True}).disable("image")
"""HTML in a note is shown as text; pictures, which would be requested from other hosts, are not drawn."""


def loading_message(step: str, heading: str) -> str:
    """Return the page while its source is loading: ``heading`` and the present ``step``."""
    return render_html(
        '<div class="state" role="status"><h1>{{ heading }}</h1><p class="step">{{ step }}</p>'
        '<div class="pulse"></div></div>',
        heading=heading,
        step=step or "Starting…",
    )


def load_error(error: str, heading: str) -> str:
    """Return the page whose source could not be loaded, with the ``error``."""
    return render_html(
        '<div class="state" role="alert"><h1>{{ heading }}: the page could not start</h1><pre>{{ error }}</pre>'
        "<p>Correct what is named above, then reload this page. "
        "The names of networks and collections are set where the server is started: "
        "<code>gala-viz compare --collection … --networks A B</code>. Its log tells more.</p></div>",
        heading=heading,
        error=error,
    )


def empty_collection_message(title: str) -> str:
    """Return the page of a collection without images."""
    return render_html(
        '<div class="state"><h1>{{ title }} holds no photographs</h1>'
        "<p>PNG, JPEG, WebP and other common images are looked for, flat or in one folder per category. "
        "Upload photographs, or start the server with another <code>--collection</code>.</p></div>",
        title=title,
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
    return render_html('<div class="alert" role="alert">{{ text }}</div>', text=text) if text else ""


def image_heading(info: ImageInfo, game: str | None = None) -> str:
    """Return heading, id and properties of an image, and the link to a round on it where ``game`` is an address."""
    more = [text for text in (info.superclass, info.split and f"split: {info.split}") if text]
    more.append(training_use_text(info))
    if info.size_px:
        more.append(f"{info.size_px[1]} × {info.size_px[0]} px")
    if info.category is None:
        more.insert(0, "category unknown")
    return render_html(
        """<h1{% if category is none %} class="id"{% endif %} title="{{ title }}">{{ title }}</h1>
{%- if title != image %}<p class="muted id">{{ image }}</p>{% endif %}<p class="muted">{{ more }}
{%- if game %} <a href="{{ game }}?{{ query }}" target="gala_viz_game">Collect maps for this image</a>{% endif -%}
</p>""",
        category=info.category,
        title=info.heading,
        image=info.image,
        more=" · ".join(more),
        game=game,
        query=urlencode({"image": info.image}),
    )


def training_use_text(info: ImageInfo) -> str:
    """Return whether the networks shown learnt from the photograph, as far as their cards tell."""
    if info.learnt == LEARNT:
        return f"learnt from by {' and '.join(dict.fromkeys(info.learnt_by)) or 'a network shown'}"
    return "held out: not learnt from" if info.learnt == HELD_OUT else "not known to be learnt from"


def top_five_predictions(
    side: str,
    network: NetworkInfo,
    prediction: Prediction | None,
    target: int | None,
    *,
    named: bool = True,
    was: Sequence[str] = (),
    below: str = "",
    explained: int | None = -1,
    own: str = "",
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
    was : sequence of str
        For each category what its per cent were before the photograph was changed; empty: it was not.
    below : str
        HTML below them, made by ``render_html``.
    explained : int or None
        Index of the category that is explained by choice, -1 for none: each category is a button that explains it
        (``compare/map_display.js`` hears it). None: they are no buttons.
    own : str
        What the map below has of its own, for example its method, where the other one's is another; "": nothing.

    Returns
    -------
    str
        HTML.
    """
    verdict = {True: ("right", "✓ right"), False: ("wrong", "✗ wrong"), None: ("unknown", "no label")}[
        prediction.correct if prediction else None
    ]
    if prediction is not None and not prediction.indices:
        verdict = ("unknown", "answers not known")
    shown = (
        []
        if prediction is None
        else list(zip(prediction.categories, prediction.probabilities, prediction.indices, strict=True))
    )
    rows = [
        (category, f"{100 * share:.1f}", was[row] if was else "", index == target, index)
        for row, (category, share, index) in enumerate(shown[:N_TOP])
    ]
    return render_html(
        """<div class="network {{ side }}"><div class="name">
{%- if named %}<span title="{{ network.name }}">{{ network.title }}</span>{% endif %}
{%- if known %}<span class="verdict {{ verdict[0] }}">{{ verdict[1] }}</span>{% endif %}</div>
{%- if own %}<div class="own">{{ own }}</div>{% endif %}<div class="five">
{%- for category, percent, was, is_true, index in rows %}<div class="prediction{% if is_true %} true{% endif %}">
<span class="fill" style="width:{{ percent }}%"></span>
{%- if explained is none %}<span class="category" title="{{ category }}">{{ "✓ " if is_true }}{{ category }}</span>
{%- else %}<button type="button" class="category" data-explain="{{ index }}" title="{{ category }}: {{ hint }}"
aria-pressed="{{ (index == explained) | lower }}">{{ "✓ " if is_true }}{{ category }}</button>{% endif %}
<span class="share">{% if was %}<span class="was" title="for the untouched photograph: {{ was }} %">{{ was }} \
→</span> {% endif %}{{ percent }} %</span></div>{% endfor %}
{%- for _ in range(n_top - rows | length) %}<div class="prediction"><span class="category muted">–</span></div>
{%- endfor %}</div>{{ below }}</div>""",
        side=side,
        named=named,
        network=network,
        known=prediction is not None,
        verdict=verdict,
        rows=rows,
        explained=explained,
        hint="explain it, or no more",
        n_top=N_TOP,
        below=Markup(below),
        own=own,
    )


def muted_text(text: str) -> str:
    """Return a paragraph of less important text."""
    return render_html('<p class="muted">{{ text }}</p>', text=text)


def people_heading(title: str, kind: str, description: str) -> str:
    """Return the title of the human map's column: whose map it is, its ``kind`` and what these maps are."""
    return render_html(
        """<div class="column-title">{{ title }}</div>
{%- if text %}<p class="muted clamp" title="{{ text }}">{{ text }}</p>{% endif %}""",
        title=title,
        text=" · ".join(filter(None, [kind, description])),
    )


RELIABILITY_HINT = "how well the delta would come again with other samples of noise: 1 wholly, 0 not at all"
BEYOND_HINT = (
    "share of the pixels whose delta lies further from 0 than two of its standard errors; of noise alone, without any "
    "difference, so many would lie there as the second number says"
)


def delta_heading(title: str = "", reliability: str = "", beyond: str = "") -> str:
    """Return the title of the delta's column, how reliable the delta is, and how much of it is beyond its error."""
    return render_html(
        """<div class="column-title">{{ title }}</div>
{%- for fact, hint in facts if fact %}<p class="fact" title="{{ hint }}">{{ fact }}</p>{% endfor %}""",
        title="Delta: second minus first" if reliability or not title else title,
        facts=((reliability, RELIABILITY_HINT), (beyond, BEYOND_HINT)),
    )


def photograph_count(count: int) -> str:
    """Return ``count`` in words: "1 photograph", "7,200 photographs"."""
    return f"{count:,} photograph{'' if count == 1 else 's'}"


def number_text(value: float, digits: int = 3) -> str:
    """Return a number with its decimals; a dash where it is not known."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def score_table(titles: Sequence[str], groups: Mapping[str, Mapping[str, Sequence[float]]], note: str) -> str:
    """Return a table of one image's scores.

    Parameters
    ----------
    titles : sequence of str
        Of the networks, or of their maps: a row each in every group.
    groups : mapping of str to mapping of str to sequence of float
        What is scored -> name of a metric -> one value per network; a group called "" has no heading.
    note : str
        Below the table.

    Returns
    -------
    str
        HTML.
    """
    return render_html(
        """<table><tr><th>this photograph</th>{% for name in names %}<th>{{ name }}</th>{% endfor %}</tr>
{%- for group, rows in groups %}
{%- if group %}<tr><td class="muted" colspan="{{ names | length + 1 }}">{{ group }}</td></tr>{% endif %}
{%- for side, title, values in rows %}<tr><td class="{{ side }}"><span class="dot"></span>{{ title }}</td>
{%- for value in values %}<td>{{ value }}</td>{% endfor %}</tr>{% endfor %}
{%- endfor %}</table><p class="muted">{{ note }}</p>""",
        names=list(next(iter(groups.values()), {})),
        groups=[
            (
                group,
                [
                    (side, title, [number_text(float(values[k])) for values in columns.values()])
                    for k, (side, title) in enumerate(zip(SIDES, titles, strict=True))
                ],
            )
            for group, columns in groups.items()
        ],
        note=note,
    )


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
    means = ", ".join(
        f"{title} {number_text(float(ones.mean()))}" for title, ones in metric_values.items() if len(ones)
    )
    return render_html(
        """<p><b>{{ count }}</b> of {{ total }} {{ what }}{% if means %}. Means: {{ means }}{% endif %}. \
<span class="muted">Drag a box or a lasso to select, click a point for its values.</span></p>""",
        count=f"{count:,}",
        total=counted(total, "image"),
        what="selected" if is_selection else "drawn in colour",
        means=means,
    )


def compare_link(address: str, query: str) -> str:
    """Return the link to the comparison of the selected images; "" where ``query`` is empty."""
    return render_html(
        """{% if query %}<p><a href="{{ address }}?{{ query }}" target="gala_viz_compare">\
Compare these images one by one, or present them</a></p>{% endif %}""",
        address=address,
        query=query,
    )


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
    return render_html(
        """{% if category %}<h1>{{ category }}</h1>{% endif %}<p class="muted id">{{ image }}</p>
{%- if link %}<p><a href="{{ link }}" target="gala_viz_compare">Open in the comparison</a></p>{% endif %}<table>
{%- for title, value in rows %}<tr><td>{{ title }}</td><td>{{ value }}</td></tr>{% endfor %}</table>""",
        image=image,
        category=category,
        link=link,
        rows=[(title, number_text(value)) for title, value in values.items()],
    )


def people_label(kinds: Mapping[str, str]) -> str:
    """Return "people", or "simulated people" where the names of all ``kinds`` of human maps say so."""
    simulated = bool(kinds) and all(map(is_simulated_kind, kinds))
    return "simulated people" if simulated else "people"


def alignment_title(kinds: Mapping[str, str]) -> str:
    """Return the heading over scores against human maps of these ``kinds``."""
    return f"Closeness to {people_label(kinds)}"


def provenance(networks: Sequence[NetworkInfo], skipped: Sequence[tuple[str, str]], kinds: dict[str, str]) -> str:
    """Return what the networks are, what the human maps are, and which files could not be shown."""
    return render_html(
        """<details><summary>About these networks and this collection</summary>
{%- for side, network in networks %}<div class="network {{ side }}"><b>{{ network.title }}</b> \
<span class="muted">{{ network.name }}, {{ network.device }}</span><ul>
{%- for key, value in network.summary.items() %}<li>{{ key }}: {{ value }}</li>{% endfor %}</ul></div>{% endfor %}
{%- if kinds %}<b>Human maps</b><ul>
{%- for kind, text in kinds.items() %}<li>{{ kind }}: {{ text }}</li>{% endfor %}</ul>{% endif %}
{%- if skipped %}<b>{{ n_skipped }} could not be shown</b><ul>
{%- for path, reason in skipped[:200] %}<li>{{ path }}: {{ reason }}</li>{% endfor %}</ul>{% endif %}</details>""",
        networks=list(zip(SIDES, networks, strict=True)),
        kinds=kinds,
        skipped=list(skipped),
        n_skipped=counted(len(skipped), "file"),
    )
