"""Registries: entries by name, with near misses in the error for an unknown name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class UnknownNameError(KeyError):
    """A name that a registry does not hold; the message offers near misses and every known name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, Entry], Generic[Entry]):
    """A mapping from names to entries of one kind.

    Parameters
    ----------
    kind : str
        What the entries are, for example "method"; errors name it.
    entries : mapping of str to object, optional
        Entries to begin with.

    Raises
    ------
    UnknownNameError
        On reading a name that is not registered; it is a ``KeyError``.
    """

    def __init__(self, kind: str, entries: Mapping[str, Entry] | None = None) -> None:
        self._kind = kind
        self._entries: dict[str, Entry] = dict(entries or {})

    def add(self, name: str, entry: Entry) -> Entry:
        """Register an entry.

        Parameters
        ----------
        name : str
            A name that is not registered yet.
        entry : object
            What the name stands for.

        Returns
        -------
        object
            ``entry`` itself.

        Raises
        ------
        ValueError
            The name is registered already.
        """
        if name in self._entries:
            raise ValueError(f"a {self._kind} called {name!r} exists already; choose another name.")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(unknown_name(self._kind, name, self._entries)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def position_of(kind: str, name: str, known: Sequence[str]) -> int:
    """Return the position of ``name`` among ``known``.

    Raises ``UnknownNameError`` for a name that is not there; the message names the ``kind`` and the nearest known name.
    """
    if name not in known:
        raise UnknownNameError(unknown_name(kind, name, list(known)))
    return list(known).index(name)


def unknown_name(kind: str, name: object, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """Return a sentence on an unknown ``name``, with the nearest of the ``known`` names and up to 20 of them.

    ``kind`` is what the names stand for, for example "method".
    """
    names = sorted(known)
    close = get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"no {kind} called {name!r}.{hint} Known: {listed or 'none'}."
