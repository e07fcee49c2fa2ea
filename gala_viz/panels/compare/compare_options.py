"""Options of the comparison page, read without loading anything heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gala_viz.specs import OutputOption

DEFAULT_NETWORKS = ("lite0-gala-vanilla", "lite0-gala-human")
DEFAULT_COLLECTION, PHOTOGRAPH_COLLECTION = "rendered", "photos"
"""Both ship with gala_viz; the first has human maps (simulated) and diagnostic parts, so that it fills every panel."""
COLLECTION_NETWORKS = {"rendered": ("rendered-gala", "rendered-gala-clickme")}
"""Collection -> its networks, where only networks of its own know its categories; others know photographs."""


def default_collection(networks: Sequence[Any] | None = None, *photograph_options: Any) -> str:
    """Return the collection where none is named: the one that ships with gala_viz and suits the other options.

    With ``networks`` it suits these: rendered where the names of all begin with "rendered-", else photos. Without them
    it is photos where one of ``photograph_options`` is set, which concern photographs, else rendered.
    """
    if networks is not None:
        own = all(str(getattr(one, "name", one)).startswith(f"{DEFAULT_COLLECTION}-") for one in networks)
        return DEFAULT_COLLECTION if own else PHOTOGRAPH_COLLECTION
    return PHOTOGRAPH_COLLECTION if any(photograph_options) else DEFAULT_COLLECTION


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOptions:
    """Which collection networks are compared on."""

    collection: str | None = None
    """A known name (photos, rendered), a folder of images, or a file of TFRecords. Left out: rendered, or photos where
    other networks, human maps or a game are named."""
    human_maps: str | None = None
    """A folder of human maps (PNG, NPY, NPZ) named by image, a table of clicks (CSV, NPZ), or an HDF5 file of maps."""
    networks: tuple[str, ...] | None = None
    """Names or folders of two or more networks, transformers:NAME, timm:NAME, or package.module:function; the delta is
    red where the second relies more. The page begins with the first two and offers all; others are loaded when they
    are first chosen. Left out: those that know the collection's categories, rendered-gala and rendered-gala-clickme,
    or lite0-gala-vanilla and lite0-gala-human."""
    store: str | None = None
    """A store of maps that gala-viz attribute made; what is in it needs no network. Collection and networks are its own
    unless they are named."""
    records: str | None = None
    """The database of a game on this collection, a file or a URL: its maps are shown while they are collected."""
    game: str | None = None
    """Address of that game, for example http://localhost:5007/game; each photograph then links to a round on it."""
    notes: str | None = None
    """The database of bookmarks, notes and saved views, a file or a URL; left out: that of --records, else a file of
    this account; none: nothing can be noted."""
    shared_notes: bool = False
    """Let everybody who opens the page change the notes, bookmarks and saved views. Without it they are read-only where
    others reach the server, by network or through a proxy, and there is no login."""
    layers: tuple[str, ...] = ()
    """Paths of modules in all networks whose activity is shown beside GALA layers, for example layer3."""
    output: OutputOption = None
    device: str | None = None
    """cpu, cuda, cuda:1 or mps; left out: CUDA where it is there, else the CPU."""
    precision: str | None = None
    """float32, tf32 (of NVIDIA GPUs), bfloat16, or auto: the fastest that changes maps by less than their error at
    n = 50, of each network; left out: float32."""

    def __post_init__(self) -> None:
        if self.networks is not None and len(self.networks) < 2:
            raise ValueError(f"at least two networks are compared; got {', '.join(self.networks) or 'none'}.")
        if self.game is not None and not self.game.startswith(("http://", "https://")):
            raise ValueError(f"--game is an address that begins with http:// or https://; got {self.game!r}.")

    @property
    def collection_name(self) -> str:
        """Collection that is named, or the one of those that ship which suits the other options."""
        return self.collection or default_collection(self.networks, self.human_maps, self.records, self.game)

    @property
    def network_names(self) -> tuple[str, ...]:
        """The networks that are named, or those that suit the collection."""
        return self.networks or COLLECTION_NETWORKS.get(self.collection_name, DEFAULT_NETWORKS)
