"""Fixations from raw gaze samples, by dispersion: I-DT of Salvucci and Goldberg 2000."""

from __future__ import annotations

import numpy as np

MAX_DISPERSION_DEGREES = 1.0
MIN_DURATION_MS = 100.0


def dispersion_fixations(
    x_px: np.ndarray,
    y_px: np.ndarray,
    *,
    rate_hz: float,
    max_dispersion_px: float,
    min_duration_ms: float = MIN_DURATION_MS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find fixations: runs of samples that stay together for long enough.

    A run begins with the samples of ``min_duration_ms`` whose dispersion, (largest - smallest x) + (largest - smallest
    y), is at most ``max_dispersion_px``, and grows while it stays so. Blinks (negative or missing positions) end a run.

    Parameters
    ----------
    x_px : array
        Gaze positions (sample,) in pixels.
    y_px : array
        Gaze positions (sample,) in pixels.
    rate_hz : float
        Samples in a second.
    max_dispersion_px : float
        Largest dispersion of a fixation.
    min_duration_ms : float
        Shortest fixation.

    Returns
    -------
    x_px, y_px : array
        Medians of the samples of each fixation (fixation,), in order.
    duration_ms : array
        Number of its samples over ``rate_hz``.

    References
    ----------
    Salvucci and Goldberg 2000, Identifying fixations and saccades in eye-tracking protocols (ETRA).
    """
    window = max(2, int(np.ceil(min_duration_ms * rate_hz / 1000)))
    is_valid = (x_px >= 0) & (y_px >= 0)  # False for NaN
    xs, ys, valid = x_px.tolist(), y_px.tolist(), is_valid.tolist()
    runs, start, n = [], 0, len(xs)
    while start + window <= n:
        end = start + window
        blink = next((at for at in range(end - 1, start - 1, -1) if not valid[at]), None)
        if blink is not None:
            start = blink + 1
            continue
        left, right, top, bottom = min(xs[start:end]), max(xs[start:end]), min(ys[start:end]), max(ys[start:end])
        if right - left + bottom - top > max_dispersion_px:
            start += 1
            continue
        while end < n and valid[end]:
            left, right, top, bottom = min(left, xs[end]), max(right, xs[end]), min(top, ys[end]), max(bottom, ys[end])
            if right - left + bottom - top > max_dispersion_px:
                break
            end += 1
        runs.append((start, end))
        start = end
    spans = [slice(*run) for run in runs]
    x, y = (np.array([np.median(values[span]) for span in spans], dtype=np.float64) for values in (x_px, y_px))
    return x, y, np.array([(end - start) * 1000 / rate_hz for start, end in runs], dtype=np.float64)
