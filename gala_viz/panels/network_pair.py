"""Which two of a source's networks a page shows: choosers, and the pair that a link names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import param

from gala_viz.panels.form import Field, Form
from gala_viz.store.source import MapSource, NetworkChoice

PLACES = ("first", "second")
"""Names of the two networks in links; the delta is the second minus the first."""


class NetworkPair(param.Parameterized):
    """Names of the two networks that a page shows."""

    first = param.String(default="")
    second = param.String(default="")


class PairChooser:
    """Two searchable lists of all networks of a source, ``forms`` by place; hidden where it has no more than two.

    Parameters
    ----------
    source : MapSource
        Its pair is shown.
    on_choose : callable
        Called as ``on_choose(first, second)`` when the visitor chooses another pair; None: there is no choice.
    """

    def __init__(self, source: MapSource, on_choose: Callable[[str, str], None] | None) -> None:
        self.on_choose = on_choose
        names = [network.name for network in source.networks]
        self.pair = NetworkPair(first=names[0], second=names[1])
        options = choice_options([NetworkChoice(name=name, title=title) for name, title in source.titles.items()])
        self.is_needed = len(options) > 2 and on_choose is not None
        self.forms = {
            place: Form(
                [Field(name=place, label=f"{place.title()} network", kind="pick", value=name, options=options)],
                self._enter,
                visible=self.is_needed,
            )
            for place, name in zip(PLACES, names, strict=True)
        }

    def show_scores(
        self, choices: Sequence[NetworkChoice], second_choices: Sequence[NetworkChoice] | None = None
    ) -> None:
        """Tell the accuracy and alignment of every network, as ``MapSource.choices`` returns them.

        ``second_choices`` are those of the second place, where its maps are made otherwise.
        """
        if self.is_needed:
            of_places = (choices, choices if second_choices is None else second_choices)
            for (place, form), ones in zip(self.forms.items(), of_places, strict=True):
                form.update_field(place, options=choice_options(ones))

    def reset(self) -> None:
        """Show the present pair again, where another one was chosen and cannot be shown."""
        for place, form in self.forms.items():
            form.show_values({place: getattr(self.pair, place)})

    def choose(self, place: str, name: str) -> None:
        """Ask for the pair with another network in one place."""
        chosen = {one: getattr(self.pair, one) for one in PLACES} | {place: name}
        if self.on_choose is not None:
            self.on_choose(chosen["first"], chosen["second"])

    def _enter(self, name: str, value: Any) -> None:
        self.choose(name, str(value))
        self.reset()  # a title is that of the maps below it, until the other network's are there


def choice_options(choices: Sequence[NetworkChoice]) -> tuple[tuple[str, str], ...]:
    """Return (label, name) of networks: the title, the name where titles are alike, and scores where they are known."""
    counts = Counter(choice.title for choice in choices)
    return tuple((_label(choice, counts[choice.title] > 1), choice.name) for choice in choices)


def _label(choice: NetworkChoice, named: bool) -> str:
    """Return a network's label; rho is said to be of the maps, since an attention norm may stand in their place."""
    scores = []
    if choice.accuracy is not None:
        scores.append((f"{100 * choice.accuracy:.0f} % right", choice.n_labelled))
    if choice.rho is not None:
        scores.append((f"maps' rho {choice.rho:.2f}", choice.n_mapped))
    if len({n for _, n in scores}) == 1:  # choosers are narrow: a common number stands once
        scores = [("; ".join(text for text, _ in scores), scores[0][1])]
    known = "; ".join(f"{text}, n = {n:,}" for text, n in scores)
    title = f"{choice.title}, {choice.name}" if named else choice.title
    return f"{title} ({known})" if known else title


def linked_pair(values: Mapping[str, str], names: Sequence[str], default: Sequence[str]) -> tuple[str, str]:
    """Return the pair of networks that a link names.

    Parameters
    ----------
    values : mapping of str to str
        Names and values of the link.
    names : sequence of str
        Names of all networks of the source.
    default : sequence of two str
        The pair of links that name none; also that of links that name one which the source does not have, which is
        said when the rest of the link is read.

    Returns
    -------
    tuple of two str
        Names of the first and the second network.
    """
    wanted = [values.get(place) or own for place, own in zip(PLACES, default, strict=True)]
    first, second = wanted if set(wanted) <= set(names) else default
    return first, second


def with_pair(pairs: Iterable[tuple[str, str]], first: str, second: str) -> list[tuple[str, str]]:
    """Return the names and values of a link with another pair of networks."""
    return [*((name, value) for name, value in pairs if name not in PLACES), ("first", first), ("second", second)]


def origin_of_pair(origin: Mapping[str, Any], source: MapSource) -> dict[str, Any]:
    """Return the fields of a ``FigureSpec`` that open the source of a pair again.

    Parameters
    ----------
    origin : mapping of str to object
        Fields that open the source of all networks; ``networks`` are the names by which a command loads them, in the
        order of the source's, or None.
    source : MapSource
        The source of the pair.

    Returns
    -------
    dict of str to object
        The same fields, ``networks`` those of the pair.
    """
    names = list(source.titles)
    pair = [network.name for network in source.networks]
    loaded_as = origin.get("networks")
    if origin.get("store") is not None:  # which names its networks itself
        return {**origin, "networks": None if loaded_as is None and pair == names[:2] else tuple(pair)}
    distinct = tuple(dict.fromkeys(loaded_as or ()))
    if len(distinct) != len(names):
        return dict(origin)
    return {**origin, "networks": tuple(distinct[names.index(name)] for name in pair)}
