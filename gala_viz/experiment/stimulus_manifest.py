"""Stimulus manifest: all stimuli of an experiment as a table, with the hash of their pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pandas as pd

from gala_viz.experiment.responses import format_level
from gala_viz.experiment.stimuli import Stimuli


def stimulus_manifest(
    stimuli: Stimuli, progress: Callable[[int, int], None] = lambda done, total: None
) -> pd.DataFrame:
    """Render all ``stimuli`` and return one row for each, with the hash of its pixels.

    The columns are stimulus (the image's id), superclass, map_type, level, percent_important, percent_all, sha256 and
    percent_important_shown; shares are as ``stimuli.RevealedPercent`` has them. ``sha256`` is of the picture's RGB
    bytes, row by row: two machines that agree on it show the same pixels.
    ``progress`` is called with the number of images that are done, and of all.
    """
    spec, rows = stimuli.spec, []
    images = list(spec.superclass_of)
    for done, image in enumerate(images):
        for map_type, level in spec.conditions:
            share = stimuli.revealed_percent(image, map_type, level)
            pixels = np.ascontiguousarray(stimuli.render(image, map_type, level))
            rows.append(
                {
                    "stimulus": image,
                    "superclass": spec.superclass_of[image],
                    "map_type": map_type,
                    "level": format_level(level),
                    "percent_important": round(share.important, 4),
                    "percent_all": round(share.all_pixels, 4),
                    "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
                    "percent_important_shown": round(share.important_shown, 4),
                }
            )
        progress(done + 1, len(images))
    return pd.DataFrame(rows)
