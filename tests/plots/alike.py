"""Whether a figure looks as it did: drawn small, softened, compared with a stored picture within tolerances.

Every picture is softened before it is compared, so that edges of letters, which each font rasteriser draws in its own
way, count little, while panels, colours and bars count as they are.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import gaussian_filter

from gala_viz.plots.figures.print_style import STYLE

REFERENCES = Path(__file__).parent / "references"
RENEW = "GALA_VIZ_RENEW_REFERENCES"
"""Set in the environment, it has the tests write the pictures anew; look at them before they are committed."""
DPI, FINER = 60, 4
"""Figures are drawn at ``FINER`` times these dots per inch, where hinting moves letters less, and averaged."""
SOFTENED_PX = 1.0
STEP = 24.0
"""Levels of 255 by which a softened pixel may differ."""
MOST_MEAN, MOST_SHARE = 3.0, 0.004
"""Other ways to draw letters reach 2.1 and 0.0011; the least that a missing colour bar makes is a share of 0.0096."""


def laid_out(figure: Figure) -> Figure:
    """The figure with its layout made and fixed, so that parts of it can be moved."""
    with matplotlib.rc_context(STYLE):
        figure.set_dpi(DPI * FINER)
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def pixels(figure: Figure) -> np.ndarray:
    """The figure (y, x, 3) uint8 at ``DPI``."""
    with matplotlib.rc_context(STYLE):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        fine = np.asarray(canvas.buffer_rgba())[..., :3].astype(float)
    height, width = (size // FINER for size in fine.shape[:2])
    cells = fine[: height * FINER, : width * FINER].reshape(height, FINER, width, FINER, 3)
    return np.rint(cells.mean(axis=(1, 3))).astype(np.uint8)


def differences(one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """Mean absolute difference in levels of 255, and the share of pixels that differ by more than ``STEP``."""
    if one.shape != two.shape:
        return 255.0, 1.0
    softened = [gaussian_filter(picture.astype(float), (SOFTENED_PX, SOFTENED_PX, 0)) for picture in (one, two)]
    apart = np.abs(softened[0] - softened[1]).max(axis=-1)
    return float(apart.mean()), float((apart > STEP).mean())


def alike(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether both differences are within tolerances."""
    mean, share = differences(one, two)
    return mean <= MOST_MEAN and share <= MOST_SHARE


def reference(name: str) -> np.ndarray:
    """The stored picture."""
    return np.asarray(Image.open(REFERENCES / f"{name}.png").convert("RGB"))


def renew(name: str, picture: np.ndarray) -> None:
    """Store a picture."""
    Image.fromarray(picture).save(REFERENCES / f"{name}.png", optimize=True)
