"""Lines around regions of maps."""

import numpy as np

from gala_viz.plots.contours import mask_outlines
from gala_viz.schema import labelled_map


def test_the_edges_of_a_mask_run_around_it_and_close_at_the_border():
    mask = np.zeros((20, 30), np.float32)
    mask[5:10, 8:16] = 1
    xs, ys = mask_outlines(labelled_map(mask, name="mask"))
    assert len(xs) == 1
    assert (xs[0].min(), xs[0].max(), ys[0].min(), ys[0].max()) == (8, 16, 5, 10)
    np.testing.assert_array_equal((xs[0][0], ys[0][0]), (xs[0][-1], ys[0][-1]))
    mask[:, 25:] = 1
    xs, ys = mask_outlines(labelled_map(mask, name="mask"))
    assert max(x.max() for x in xs) == 30
    assert all(x[0] == x[-1] and y[0] == y[-1] for x, y in zip(xs, ys, strict=True))
    assert mask_outlines(labelled_map(np.zeros((4, 4), np.float32), name="mask")) == ([], [])
