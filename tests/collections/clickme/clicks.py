"""Clicks of a text as the tests compare them."""

import numpy as np

from gala_viz.collections.clickme.click_notation import parse_points


def parse_clicks(text):
    """x and y, float32 (click,) each."""
    points, _ = parse_points(text)
    return points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
