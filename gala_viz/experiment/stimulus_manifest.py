"""All stimuli of an experiment as a table: what each shows, and the hash of its pixels."""

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
    """One row a stimulus: stimulus (the image's id), superclass, map_type, level, percent_important, percent_all.

    ``sha256`` is of the picture's RGB bytes, row by row: two machines that agree on it show the same pixels.
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
                }
            )
        progress(done + 1, len(images))
    return pd.DataFrame(rows)
