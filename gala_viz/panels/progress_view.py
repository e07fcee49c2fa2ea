"""Progress of the maps, or of a pass over the whole collection: a bar, a text and a Cancel button."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.panels.progress_bar import ProgressBar
from gala_viz.store.source import MapUpdate, Progress


def format_duration(seconds: float | None) -> str:
    """Return a duration as text: "0.4 s", "12 s", "3 min 5 s", "2 h 4 min"; "" where it is not known."""
    if seconds is None or not np.isfinite(seconds):
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def standard_error_percent(map_update: MapUpdate) -> float | None:
    """Return the Monte-Carlo error of both maps in per cent of their size: L2 norm of errors over L2 norm of maps.

    A map without an error, which is computed without samples or was imported, does not count. Returns None where the
    error is not known, or where the maps are zero.
    """
    if map_update.standard_error is None:
        return None
    maps, errors = (np.asarray(one, dtype=np.float64) for one in (map_update.maps, map_update.standard_error))
    sampled = np.nan_to_num(errors, nan=0).any(axis=(1, 2)) | np.isnan(errors).all(axis=(1, 2))
    known = sampled & np.isfinite(errors).any(axis=(1, 2))  # the error of imported maps never is
    rows = known if known.any() else sampled if sampled.any() else ~sampled
    size = float(np.sqrt(np.nansum(np.square(maps[rows]))))
    error = float(np.sqrt(np.nansum(np.square(errors[rows]))))
    return 100 * error / size if size > 0 else None


def map_progress_text(map_update: MapUpdate) -> str:
    """Return a line on the progress of maps: n, standard error, time, note."""
    parts = [f"n = {map_update.n} of {map_update.n_samples}"]
    error = standard_error_percent(map_update)
    if error is not None:
        parts.append(f"standard error {error:.1f} % of the maps")
    if map_update.done:
        parts.append(f"done in {format_duration(map_update.seconds)}")
    elif map_update.eta_s is not None:
        parts.append(f"{format_duration(map_update.eta_s)} to go")
    if map_update.note:
        parts.append(map_update.note)
    return " · ".join(parts)


class ProgressView:
    """One line: bar, text, Cancel. Where nothing is running the button starts ``action``, if that has a name."""

    def __init__(
        self, on_cancel: Callable[[], None], action: str = "", on_start: Callable[[], None] = lambda: None
    ) -> None:
        self._acts = {"cancel": on_cancel, "start": on_start}
        self.bar = ProgressBar(start_label=action, on_message=self._press, sizing_mode="stretch_width", margin=0)

    def _press(self, message: dict) -> None:
        press = message.get("press")
        act = self._acts.get(press) if isinstance(press, str) else None
        if act is not None:
            act()

    def show_text(self, text: str, fraction: float, busy: bool) -> None:
        """Show ``text`` (plain) and ``fraction`` in [0, 1]; ``busy`` enables Cancel."""
        self.bar.param.update(text=text, fraction=min(max(fraction, 0.0), 1.0), busy=busy)

    def show_map_progress(self, map_update: MapUpdate, prefix: str = "") -> None:
        """Show the progress of maps, with ``prefix`` where others are in view."""
        self.show_text(
            prefix + map_progress_text(map_update), map_update.n / max(map_update.n_samples, 1), not map_update.done
        )

    def show_cancelled(self, update: MapUpdate | None) -> None:
        """Show how far the maps were when they were cancelled; None: there were none."""
        text = f"Cancelled at n = {update.n} of {update.n_samples}; what is there stays." if update else "Cancelled."
        self.show_text(text, update.n / update.n_samples if update else 0, busy=False)

    def show_progress(self, progress: Progress) -> None:
        """Show the progress of a pass over many images."""
        rest = (
            f" · {format_duration(progress.eta_s)} to go" if progress.eta_s and progress.done < progress.total else ""
        )
        share = progress.done / max(progress.total, 1)
        self.show_text(
            f"{progress.done:,} of {progress.total:,} photographs{rest}", share, progress.done < progress.total
        )
