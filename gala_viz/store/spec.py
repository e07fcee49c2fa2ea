"""What a store of maps holds: settings that are fixed before anything is computed, and followed by every job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint

FORMAT = 2
"""Format 1 has no half-sample means, no checksums of pixels, and no number of threads."""
ABOUT = ("title", "units", "by_chance")
"""What the entry of a method has beside its settings."""
PRECISION = "precision"
"""The one of a store's circumstances that tells why networks compute in their precision; the precision is theirs."""
MEASUREMENT = "measurement_version"
"""The one of a store's ``versions`` that decides whether two results may stand beside each other."""
NOT_COMPARED = ("device", "summary", "title", "opened_as", "behaviour", "known_by_weights")
"""What may differ between two descriptions of one network."""

RESERVED = frozenset(
    {"human", "scores", "image", "status", "note", "pixels", "marked", "gathered", "category", "superclass", "split"}
)
"""What lies in a store beside its networks, and what none of them may be called."""

MAX_NAME_LETTERS = 240
"""File systems allow 255, and an array gets an ending while it is replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredNetwork:
    """A network whose maps are stored: what a page shows of it, and what its numbers depend on."""

    name: str
    title: str
    fingerprint: str
    weights_sha256: str
    preprocessing: dict[str, Any]
    input_px: tuple[int, int]
    layers: dict[str, tuple[int, int]]
    """Layer -> rows and columns of its grid."""
    categories: tuple[str, ...]
    device: str
    opened_as: str = ""
    """The name or folder that it was loaded by."""
    summary: dict[str, str] = field(default_factory=dict)
    behaviour: dict[str, Any] | None = None
    """Its output fingerprint (``gala_viz.networks.output_fingerprint``); None in stores made before it was stored."""
    known_by_weights: bool = False
    """Whether weights are enough to know it: its code is gala_viz's own."""

    @property
    def precision(self) -> str:
        """How it multiplied: the end of ``device``, for example "float32"."""
        return self.device.rpartition(", ")[2]

    @property
    def frame(self) -> Preprocessing:
        """Its preprocessing, by which photographs and human maps are cut."""
        return Preprocessing.from_settings(self.preprocessing)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSpec:
    """Everything that determines a store's numbers.

    ``methods`` are attribution methods with their settings and ``ABOUT``: title, unit, whether they are stochastic.
    Maps have ``cells`` x ``cells`` cells, None: those of each network's input. ``errors`` stores their standard errors
    and half-sample means too, where a method is stochastic. ``threads`` are those of every process that computes: they
    are chosen once, since sums differ in their last bits between numbers of threads.
    """

    collection: dict[str, str]
    """name, title, fingerprint, and what it was opened as."""
    images: str
    """Fingerprint of all image ids."""
    n_images: int
    networks: tuple[StoredNetwork, ...]
    methods: dict[str, dict[str, Any]]
    target: str | int = "own"
    reduction: str = "absolute"
    cells: int | None = None
    errors: bool = True
    comparison_cells: int = 56
    block_images: int = 32
    versions: dict[str, str] = field(default_factory=dict)
    threads: int | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name in ("block_images", "n_images", "comparison_cells"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; got {getattr(self, name)}.")
        names = [network.name for network in self.networks]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a store holds networks of different names, at least one; got {names}.")
        reserved = RESERVED & set(names)
        if reserved:
            raise ValueError(f"a network cannot be called {sorted(reserved)[0]!r} in a store.")
        for name in (*names, *self.layers):
            if len(quote(name)) > MAX_NAME_LETTERS:
                raise ValueError(
                    f"names of networks and layers become folders of a store, of {MAX_NAME_LETTERS} letters at most; "
                    f"{name[:40]!r}… has {len(quote(name))} once what folders do not allow is escaped."
                )

    @property
    def n_blocks(self) -> int:
        """How many blocks the images make."""
        return -(-self.n_images // self.block_images)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers of all networks, in order."""
        return tuple(dict.fromkeys(layer for network in self.networks for layer in network.layers))

    @property
    def has_one_cut(self) -> bool:
        """Whether all networks see the same part of a photograph."""
        settings = ("short_px", "crop_px", "resize", "rounding")
        return len({str([one.preprocessing.get(name) for name in settings]) for one in self.networks}) == 1

    def block(self, number: int) -> slice:
        """Return the positions of the images of block ``number``."""
        return slice(number * self.block_images, min((number + 1) * self.block_images, self.n_images))

    def grid(self, network: StoredNetwork) -> tuple[int, int]:
        """Return rows and columns of a network's stored maps."""
        return (self.cells, self.cells) if self.cells else network.input_px

    def settings(self) -> dict[str, Any]:
        """Return plain values, for attrs."""
        return asdict(self)

    @property
    def fingerprint(self) -> str:
        """Name of what determines the numbers: not of how the collection was opened, devices or output fingerprints."""
        return fingerprint(comparable(self.settings()))


def comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without what may differ between two runs of the same computation.

    Versions of packages, threads and devices are circumstances, which are recorded and not compared; the version of the
    measurement is. Output fingerprints may differ by rounding, and are compared by ``gala_viz.store.identity``.
    """
    plain = {**settings, "collection": dict(settings["collection"])}
    plain["versions"] = {MEASUREMENT: settings.get("versions", {}).get(MEASUREMENT, "1")}
    plain.pop("threads", None)
    for place in ("opened_as", "human_maps"):
        plain["collection"].pop(place, None)
    plain["networks"] = [comparable_network(network) for network in settings["networks"]]
    return plain


def comparable_network(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a ``StoredNetwork`` without ``NOT_COMPARED``."""
    return {key: value for key, value in network.items() if key not in NOT_COMPARED}


def differences(stored: Any, asked: Any, path: str = "") -> list[str]:
    """Return sentences on where two settings differ, each with its ``path``.

    For example "methods.smoothgrad.n_samples: 25 in the store, 50 asked for".
    """
    if isinstance(stored, Mapping) and isinstance(asked, Mapping):
        keys = dict.fromkeys((*stored, *asked))
        return [
            line
            for key in keys
            for line in differences(stored.get(key), asked.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(stored, list | tuple) and isinstance(asked, list | tuple):
        if len(stored) == len(asked):
            pairs = enumerate(zip(stored, asked, strict=True))
            return [line for number, (one, other) in pairs for line in differences(one, other, f"{path}[{number}]")]
        return [f"{path}: {len(stored)} in the store, {len(asked)} asked for"]
    if path == "images" and stored != asked:
        return ["images: others, or in another order, than those of the store"]
    return [] if stored == asked else [f"{path}: {stored!r} in the store, {asked!r} asked for"]
