"""Recruitment: ids that a recruiting service puts into the page's address, and the link back to the service."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

PROLIFIC_ID_NAMES = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
"""Names in an address that every experiment reads."""
CHANGING_ID_NAME = "SESSION_ID"
"""Changes when the same person comes again; every other id says who it is, or for which study."""
MAX_ID_LENGTH, MAX_ID_NAMES = 200, 8
ID_COLUMN_PREFIX = "id_"
"""Begin of the names of ids' columns in exported tables, so that none takes the name of another column."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class InvalidIdError(ValueError):
    """An id in an address that cannot be stored; the message is for the participant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecruitmentSpec:
    """Where participants come from and go back to.

    Parameters
    ----------
    id_names : tuple of str
        Names of ids in the page's address, besides ``PROLIFIC_ID_NAMES``.
    completion_link : str, optional
        Address (http or https) that is shown when everything is stored. ``{NAME}`` stands for the id of that name,
        URL-encoded.
    """

    id_names: tuple[str, ...] = ()
    completion_link: str | None = None

    def __post_init__(self) -> None:
        names = self.id_names
        if not isinstance(names, tuple) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in names):
            raise ValueError(f"id_names are a list of names of letters, digits and _; got {names!r}.")
        if len(self.all_id_names) > MAX_ID_NAMES:
            raise ValueError(
                f"id_names are at most {MAX_ID_NAMES}, {', '.join(PROLIFIC_ID_NAMES)} included; got {', '.join(names)}."
            )
        if self.completion_link is not None:
            _check_link(self.completion_link, self.all_id_names)

    @property
    def all_id_names(self) -> tuple[str, ...]:
        """Names of all ids that are read from the page's address."""
        return tuple(dict.fromkeys((*PROLIFIC_ID_NAMES, *self.id_names)))

    def completion_url(self, ids: Mapping[str, str] | None) -> str | None:
        """Return the completion link with ``ids`` in it, None where there is none; an id that is not known is empty."""
        known = ids or {}
        if self.completion_link is None:
            return None
        return _PLACEHOLDER.sub(lambda found: quote(known.get(found[1], ""), safe=""), self.completion_link)


def parse_address_ids(message: Any, names: Collection[str]) -> dict[str, str]:
    """Return the ids in ``message``, those of an address, by name; an empty id is none.

    Raises ``InvalidIdError`` for what is not among ``names`` or no text of at most ``MAX_ID_LENGTH`` printable letters.
    """
    ids = message.get("ids") if isinstance(message, Mapping) else None
    if ids is None:
        return {}
    if not isinstance(ids, dict) or not set(ids) <= set(names):
        raise InvalidIdError(f"the ids of an address are some of {', '.join(names)}.")
    for name, value in ids.items():
        if not isinstance(value, str) or len(value) > MAX_ID_LENGTH or not value.isprintable():
            raise InvalidIdError(
                f"{name} in this page's address is not a text of at most {MAX_ID_LENGTH} printable letters; open the "
                "link of your invitation again."
            )
    return {name: value for name, value in ids.items() if value}


def _check_link(link: Any, names: Collection[str]) -> None:
    """Raise ``ValueError`` unless ``link`` is an address whose placeholders are ``names``, behind the host's name."""
    try:
        parts = urlsplit(link) if isinstance(link, str) and link.isascii() and link.isprintable() else None
    except ValueError:  # for example brackets that do not close
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or " " in link:
        raise ValueError(f"completion_link is an address that begins with https:// or http://; got {link!r}.")
    unknown = sorted(set(_PLACEHOLDER.findall(link)) - set(names))
    rest = _PLACEHOLDER.sub("", link)
    if unknown or "{" in rest or "}" in rest or "{" in parts.netloc:
        raise ValueError(
            f"placeholders of completion_link are {', '.join(f'{{{name}}}' for name in names)}, behind the host's "
            f"name; got {link!r}. Other names are added to id_names."
        )
