"""How a network answers to a photograph of which a part is hidden, beside its answer before, as HTML."""

from __future__ import annotations

from pathlib import Path

from gala_viz.engine.results.prediction import Prediction
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.markup import top_five_predictions
from gala_viz.store.source import NetworkInfo, PerturbedAnswer

CHANGED_STYLESHEET = (Path(__file__).parent / "changed_predictions.css").read_text(encoding="utf-8")


def changed_predictions(
    side: str,
    network: NetworkInfo,
    before: Prediction,
    answer: PerturbedAnswer | None,
    target: int | None,
    shown_percent: float,
    *,
    named: bool = True,
    explained: int | None = -1,
    own: str = "",
) -> str:
    """Return a network's five most probable categories for the changed photograph, with what they were before.

    Parameters
    ----------
    side : {"a", "b"}
        Which of the two networks, for its colour.
    network : NetworkInfo
        Its title and name are shown.
    before : Prediction
        For the untouched photograph.
    answer : PerturbedAnswer or None
        For the changed one; None where nothing is hidden.
    target : int or None
        Index of the true category, which is marked.
    shown_percent : float
        How much of the photograph is shown, in per cent.
    named : bool
        Whether the network's title stands above.
    explained : int or None
        As in ``top_five_predictions``.
    own : str
        As in ``top_five_predictions``.

    Returns
    -------
    str
        HTML, of the same height with and without an answer.
    """
    now = before if answer is None else answer.prediction
    below = render_html(
        """{% if answer %}<p class="changed">Changed: {{ "%.1f" | format(shown) }} % shown</p>
<p class="drop" title="Logit of {{ answer.category }}: {{ logits[0] }} before, {{ logits[1] }} now">logit of \
{{ answer.category }} {{ "rises" if answer.logit_drop < 0 else "falls" }} by \
<b>{{ "%.2f" | format(answer.logit_drop | abs) }}</b> <span class="steps">({{ logits[0] }} → {{ logits[1] }})</span></p>
{%- else %}<p class="changed none">Nothing is hidden yet.</p><p class="drop"></p>{% endif %}""",
        answer=answer,
        shown=shown_percent,
        logits=[] if answer is None else [_number(answer.logit_whole), _number(answer.logit)],
    )
    was = [] if answer is None else [_percent_before(before, index) for index in now.indices]
    about = {"named": named, "explained": explained, "own": own}
    return top_five_predictions(side, network, now, target, was=was, below=below, **about)


def _percent_before(before: Prediction, index: int) -> str:
    """Return what a category's probability was; of one that was not among the first five, what it was below."""
    if index in before.indices:
        return f"{100 * before.probabilities[before.indices.index(index)]:.1f}"
    return f"< {100 * before.probabilities[-1]:.1f}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
