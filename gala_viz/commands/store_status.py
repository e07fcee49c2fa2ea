"""What the terminal shows of a store: progress with the time left, what is there, what is missing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

    from gala_viz.batch.job import BlockDone
    from gala_viz.store.spec import StoredNetwork
    from gala_viz.store.zarr_store import Store

MAX_LISTED = 10


class BlockProgress:
    """A line with images done, pace and time left; on a terminal kept up to date, else now and then."""

    INTERVAL_S = 30.0

    def __init__(self, total: int) -> None:
        self._total, self._done, self._unreadable, self._not_finite = total, 0, 0, 0
        self._begun = self._told_at = time.monotonic()

    def __call__(self, block: BlockDone) -> None:
        """Count a finished block."""
        self._done += block.n_images
        self._unreadable += len(block.unreadable)
        self._not_finite += len(block.not_finite)
        now = time.monotonic()
        live = sys.stderr.isatty()
        if not live and now - self._told_at < self.INTERVAL_S and self._done < self._total:
            return
        self._told_at = now
        pace = self._done / max(now - self._begun, 1e-9)
        seconds_left = (self._total - self._done) / pace
        unreadable = f", {self._unreadable} unreadable" if self._unreadable else ""
        unreadable += f", {self._not_finite} not finite" if self._not_finite else ""
        text = f"{self._done} of {self._total} images, {pace:.1f} a second, {_time(seconds_left)} left{unreadable}"
        sys.stderr.write(f"\r\x1b[K{text}" if live else f"{text}\n")
        sys.stderr.flush()

    def finish(self) -> None:
        """End the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\n")


def workers_text(client: Client) -> str:
    """Return which workers a run has, how much memory each may use, and where Dask's dashboard is."""
    info = client.scheduler_info(n_workers=-1)
    limits = [worker["memory_limit"] for worker in info["workers"].values()]
    bound = f", at most {format_bytes(max(limits))} each" if limits and max(limits) else ""
    return f"workers: {len(limits)} at {info['address']}{bound}; dashboard: {client.dashboard_link}"


def status_text(store: Store) -> str:
    """Return what a store holds and what is missing, as lines."""
    import numpy as np

    from gala_viz.collections.human_maps.map_checks import describe_usable_maps
    from gala_viz.counts import counted
    from gala_viz.specs import MEASUREMENT_VERSION
    from gala_viz.store.layout import MISSING, THERE
    from gala_viz.store.spec import ABOUT

    status = store.status()
    missing = store.missing_blocks()
    notes, not_finite = store.notes(), store.not_finite()
    spec = store.spec
    n_there = sum(store.images[row] not in not_finite for row in np.flatnonzero(status == THERE).tolist())
    methods = "; ".join(
        f"{name} ({', '.join(f'{key} {value}' for key, value in about.items() if key not in ABOUT)})"
        for name, about in spec.methods.items()
    )
    lines = [
        f"{store.path}: {spec.collection['title']}, {', '.join(network.name for network in spec.networks)}; {methods}",
        f"{n_there} of {spec.n_images} images are there, {int(np.sum(status == MISSING))} missing "
        f"in {len(missing)} of {spec.n_blocks} blocks, {len(notes)} unreadable"
        + (f", {len(not_finite)} not finite" if not_finite else ""),
    ]
    lines += [f"not finite: {why}" for why in list(not_finite.values())[:MAX_LISTED]]
    if len(not_finite) > MAX_LISTED:
        lines.append(f"… and {len(not_finite) - MAX_LISTED} more")
    unusable = store.unusable_maps()
    if unusable:
        marked = store.labels().has_human_map & (status == THERE)
        lines.append(f"human maps: {describe_usable_maps(int(marked.sum()) - len(unusable), unusable)}")
    if missing:
        lines.append(f"missing blocks: {_ranges(missing)}")
    precisions = dict.fromkeys(network.precision for network in spec.networks)
    threads = "" if spec.threads is None else f", with {counted(spec.threads, 'thread')} a process"
    lines.append(f"computed in {', '.join(precisions)}{threads}")
    if len(store.circumstances) > 1:
        lines.append(
            f"computed under {len(store.circumstances)} circumstances, between which maps differ by rounding: "
            f"{describe_circumstances(store.circumstances)}"
        )
    if not store.scored_with:
        lines.append("scores are half replaced: --rescore did not end; run it again")
    if store.scores_version != str(MEASUREMENT_VERSION):
        lines.append(
            f"scores are by the rules of measurement {store.scores_version}, now {MEASUREMENT_VERSION}; "
            "--rescore computes them anew from the maps"
        )
    unsure = [one.name for one in spec.networks if one.behaviour is None and _needs_behaviour(one)]
    if unsure:
        lines.append(
            f"made by an earlier version, without what {', '.join(unsure)} did with fixed inputs: it is shown and not "
            "extended"
        )
    lines += [f"unreadable: {image}: {why}" for image, why in list(notes.items())[:MAX_LISTED]]
    if len(notes) > MAX_LISTED:
        lines.append(f"… and {len(notes) - MAX_LISTED} more")
    return "\n".join([*lines, ""])


def describe_circumstances(circumstances: Sequence[Mapping[str, str]]) -> str:
    """Return in words where several circumstances differ."""
    names = [name for name in circumstances[0] if len({one.get(name) for one in circumstances}) > 1]
    return "; ".join(
        f"{name} {' and '.join(dict.fromkeys(one.get(name, '?') for one in circumstances))}" for name in names
    )


def _needs_behaviour(network: StoredNetwork) -> bool:
    """Return whether weights alone do not tell that the network is still the one whose maps are stored."""
    from gala_viz.networks.zoo import is_known_by_weights

    try:
        return not is_known_by_weights(network.opened_as or network.name)
    except ValueError:
        return False  # it is not here


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers as ranges, for example "0-3, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    texts = [f"{first}-{last}" if last > first else str(first) for first, last in parts[:MAX_LISTED]]
    return ", ".join(texts) + (", …" if len(parts) > MAX_LISTED else "")


def format_bytes(n_bytes: float) -> str:
    """Return a size in words, for example "16.5 MB"."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
