"""Positions in another frame are refused with numbers and advice, and read once the frame is declared."""

import numpy as np
import pytest

from gala_viz.collections.fixations.fixation_maps import FixationMaps, FixationMapSpec
from gala_viz.collections.fixations.frame_checks import FramePoints, check_frame
from gala_viz.collections.human_maps.map_checks import MapFileError
from tests.collections.fixations.photographs import spread_points, table_text

PHOTO = (300, 400)
N = 300


def opened(tmp_path, x, y, **spec):
    rows = [("a", f"p{number % 3}", *point) for number, point in enumerate(zip(x, y, strict=True))]
    path = tmp_path / "f.csv"
    path.write_text(table_text(rows, ("image", "participant", "x", "y")))
    return FixationMaps(path, ["a.png"], lambda image: PHOTO, FixationMapSpec(**spec))


@pytest.fixture(scope="module")
def points():
    return spread_points(N, size=PHOTO)


WRONG = {
    "shares": (lambda x, y: (x / 400, y / 300), {"units": "fraction"}, "--units fraction"),
    "swapped": (lambda x, y: (y, x), {"swap_xy": True}, "--swap-xy"),
    "on a display": (lambda x, y: (x + 760, y + 390), {"offset_px": (760, 390)}, r"--offset X Y"),
    "enlarged on a display": (
        lambda x, y: (x * 3.6 + 240, y * 3.6),
        {"offset_px": (240, 0), "frame_px": (1080, 1440)},
        r"--frame HEIGHT WIDTH",
    ),
    "256 x 256": (lambda x, y: (x * 0.5, y * 0.5), {"frame_px": (150, 200)}, "span only"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_frame_is_refused_and_gives_the_right_map_once_declared(tmp_path, points, name):
    transform, spec, advice = WRONG[name]
    with pytest.raises(MapFileError, match=advice):
        opened(tmp_path, *transform(*points))
    right = opened(tmp_path, *points, sigma_px=12.0).read_map("a.png", "fixations", PHOTO)
    scale = (spec.get("frame_px") or PHOTO)[0] / PHOTO[0]
    declared = opened(tmp_path, *transform(*points), sigma_px=12.0 * scale, **spec)
    found = declared.read_map("a.png", "fixations", PHOTO)
    assert found.participants == right.participants
    np.testing.assert_allclose(
        np.corrcoef(found.values.ravel(), _like(right.values, found.values).ravel())[0, 1], 1, atol=2e-3
    )


def _like(values, other):
    """``values`` by nearest neighbours in the shape of ``other``: cells of the two frames differ in number."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(other.shape[1:], values.shape[1:], strict=True))
    return values[:, rows][:, :, columns]


def test_positions_outside_are_counted_and_told(tmp_path, points):
    x, y = points[0].copy(), points[1].copy()
    x[:6] = 500
    maps = opened(tmp_path, x, y)
    assert "on these, 6 of 300 lie outside of the photograph and do not count." in maps.kinds["fixations"]
    assert maps.read_map("a.png", "fixations", PHOTO).attrs["n_outside"] == 6


def test_a_share_outside_is_refused_with_its_number_unless_the_frame_is_declared(tmp_path, points):
    x = points[0] + 60
    with pytest.raises(MapFileError, match=r"20% of 300 fixations lie outside of their photographs \(x from 60 to 459"):
        opened(tmp_path, x, points[1])
    assert opened(tmp_path, x, points[1], offset_px=(0, 0)).kinds


def test_most_outside_is_refused_also_where_a_frame_was_declared(tmp_path, points):
    with pytest.raises(MapFileError, match=r"100% of 300"):
        opened(tmp_path, points[0] + 1000, points[1], offset_px=(0, 0))


def test_fixations_in_the_middle_of_few_are_not_refused():
    rng = np.random.default_rng(0)
    few = FramePoints(rng.normal(200, 20, 30), rng.normal(150, 20, 30), PHOTO)
    assert check_frame([few], is_declared=False) == (0, 30)
    many = FramePoints(rng.normal(200, 20, 300), rng.normal(150, 20, 300), PHOTO)
    with pytest.raises(MapFileError, match="smaller frame"):
        check_frame([many], is_declared=False)
    assert check_frame([many], is_declared=True) == (0, 300)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": "fraction", "frame_px": (3, 4)}, "have none"),
        ({"sigma_px": 3.0, "sigma_degrees": 1.0, "px_per_degree": 30.0}, "told twice"),
        ({"sigma_degrees": 1.0}, "belong together"),
        ({"sigma_px": 0.0}, "above 0"),
        ({"columns": {"z": "Z"}}, "roles"),
        ({"frame_px": (0, 4)}, "height and width"),
        ({"weight": "onset"}, "weight"),
        ({"encoding": "klingon"}, "encoding"),
        ({"offset_px": (float("nan"), 0.0)}, "finite"),
    ],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FixationMapSpec(**settings)
