"""What participants of the game and the experiment read: one file for each language, for pages, notes and exports."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def participant_texts(page: str, language: str = "en") -> dict[str, Any]:
    """Return all texts of a page.

    Parameters
    ----------
    page : {"game", "experiment"}
        The page's section of the language's file.
    language : str
        Name of a file ``gala_viz/participant_texts/LANGUAGE.toml``.

    Returns
    -------
    dict
        Name -> text, or list of sentences. ``{names}`` in a text are filled in with ``str.format``, on pages alike.

    Raises
    ------
    ValueError
        There is no such language, or no such page in it.
    """
    folder = files("gala_viz.participant_texts")
    languages = sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))
    if language not in languages:
        raise ValueError(
            f"Expected a language of {', '.join(languages)}, got {language!r}. Add {language}.toml to them."
        )
    texts = tomllib.loads(folder.joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    if page not in texts:
        raise ValueError(f"Expected one of the pages {', '.join(texts)}, got {page!r}.")
    return texts[page]


def privacy_note(page: str, collection: str) -> list[str]:
    """Return the privacy note of a page of consent: what the records hold of participants.

    Parameters
    ----------
    page : {"game", "experiment"}
        As for ``participant_texts``.
    collection : str
        Title of the images, as participants see it.

    Returns
    -------
    list of str
        Sentences.
    """
    return [sentence.format(collection=collection) for sentence in participant_texts(page)["privacy"]]
