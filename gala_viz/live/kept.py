"""What has been computed is kept: bounded memory shared by all sessions, and bounded files in the user's cache."""

from __future__ import annotations

import io
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.attribution.map_state import MapState
from gala_viz.collections.cache import BoundedCache, FileCache, cache_folder, read_npz
from gala_viz.networks.output_fingerprint import OutputFingerprint, kept_name

MEMORY = BoundedCache(384 * 2**20)
"""Maps, passages and inputs of all sessions of this process."""

FILE_BYTES = 2 * 2**30
"""The most that results take on disk."""


class Results:
    """Named arrays by key, in memory and on disk. A file that cannot be read counts as not there."""

    def __init__(self, folder: Path | None = None, *, memory: BoundedCache = MEMORY) -> None:
        self._memory = memory
        self._files = FileCache((folder or cache_folder()) / "maps", FILE_BYTES, ".npz")
        self._files.PRUNE_EVERY = 50  # results are megabytes, not the kilobytes of a thumbnail

    def recall(self, key: Hashable) -> Any | None:
        """An object kept in memory by ``remember``, or None."""
        return self._memory.get((str(self._files.folder), key))

    def remember(self, key: Hashable, value: Any, n_bytes: int) -> None:
        """Keep an object in memory as long as it is among the most recently used."""
        self._memory.put((str(self._files.folder), key), value, n_bytes)

    def read(self, key: str) -> dict[str, np.ndarray] | None:
        """Arrays saved under ``key``, from disk, or None. Nothing is unpickled."""
        content = self._files.get(key)
        if content is None:
            return None
        arrays = read_npz(io.BytesIO(content))
        return arrays if arrays is not None and str(arrays.pop("key", "")) == key else None

    def write(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Save arrays under ``key``; a folder that cannot be written is passed over."""
        content = io.BytesIO()
        np.savez(content, key=np.array(key), **arrays)
        self._files.put(key, content.getvalue())

    def behaviour_name(self, network: str, behaviour: OutputFingerprint) -> str:
        """The name under which results of ``network`` with this behaviour are kept: that of a behaviour met before, of
        which it is no more than rounding away, or a new one.
        """
        key = f"behaviours {network}"
        before = str((self.read(key) or {}).get("known", "{}"))
        return kept_name(behaviour, before, lambda text: self.write(key, {"known": np.array(text)}))


def packed(state: MapState) -> dict[str, np.ndarray]:
    """A finished state as arrays: the mean in float32, the groups' deviations from it in float16 of their largest."""
    arrays = {
        "mean": state.mean,
        "numbers": np.array([state.n, state.n_samples, state.target], np.int64),
        "sigma": np.array(state.sigma, np.float64),
        "note": np.array(state.note),
    }
    if state.group_sums is not None:
        counts = state.group_counts
        filled = counts > 0
        means = state.group_sums[filled] / counts[filled].astype(np.float32)[:, None, None, None]
        deviations = means - state.mean
        scale = np.abs(deviations).max(initial=0) or np.float32(1)
        arrays |= {"deviations": (deviations / scale).astype(np.float16), "scale": np.float32(scale)}
    return arrays


def unpacked(arrays: dict[str, np.ndarray]) -> MapState | None:
    """The state that ``packed`` wrote; None where an array is missing or has a wrong shape."""
    try:
        mean = arrays["mean"].astype(np.float32)
        n, n_samples, target = (int(value) for value in arrays["numbers"])
        state = MapState(
            mean=mean, n=n, n_samples=n_samples, target=target, sigma=float(arrays["sigma"]), note=str(arrays["note"])
        )
        if mean.ndim != 3:
            return None
        if "deviations" not in arrays:
            return state
        counts = state.group_counts
        means = arrays["deviations"].astype(np.float32) * arrays["scale"] + mean
        sums = np.zeros((len(counts), *mean.shape), np.float32)
        sums[counts > 0] = means * counts[counts > 0].astype(np.float32)[:, None, None, None]
        return replace(state, group_sums=sums)
    except (KeyError, ValueError, TypeError):
        return None


def n_bytes(*arrays: np.ndarray | None) -> int:
    """Bytes of arrays, and a little for what holds them."""
    return 1000 + sum(array.nbytes for array in arrays if array is not None)


def state_bytes(state: MapState) -> int:
    """Bytes that a state holds."""
    return n_bytes(state.mean, state.group_sums)
