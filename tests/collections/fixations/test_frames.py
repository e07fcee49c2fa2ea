"""Positions in another frame are refused with numbers and advice, and read once the frame is declared."""

import numpy as np
import pytest

from gala_viz.collections.fixations.fixation_maps import MIN_SPAN, FixationMaps, FixationMapSpec
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.point_frames import FramePoints, check_frame
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
    assert (
        "Outside of their photographs, and not counted, are 6 of 300 fixations on 1 image." in maps.kinds["fixations"]
    )
    assert maps.read_map("a.png", "fixations", PHOTO).attrs["n_outside"] == 6


def test_a_share_outside_is_refused_with_its_number_unless_the_frame_is_declared(tmp_path, points):
    x = points[0] + 60
    with pytest.raises(
        MapFileError, match=r"20% of the fixations lie outside .*\(60 of 300 on 1 image.* x is 60.12 to 458.88"
    ):
        opened(tmp_path, x, points[1])
    assert opened(tmp_path, x, points[1], offset_px=(0, 0)).kinds


def test_most_outside_is_refused_also_where_a_frame_was_declared(tmp_path, points):
    with pytest.raises(MapFileError, match=r"100% of the fixations"):
        opened(tmp_path, points[0] + 1000, points[1], offset_px=(0, 0))


def in_the_middle(n):
    rng, zeros = np.random.default_rng(0), np.zeros(n, int)
    return FramePoints(rng.normal(200, 20, n), rng.normal(150, 20, n), zeros, np.array([400.0]), np.array([300.0]))


@pytest.mark.parametrize(
    ("n", "options", "fault"),
    [
        (30, {"min_span": MIN_SPAN}, None),
        (300, {"min_span": MIN_SPAN}, "narrow"),
        (300, {"min_span": MIN_SPAN, "declared": "size"}, None),
        (300, {}, None),  # clicks: rounds on one image are strokes on one object
    ],
)
def test_many_fixations_in_the_middle_are_refused_and_few_or_clicks_are_not(n, options, fault):
    assert check_frame(in_the_middle(n), **options).fault == fault


def test_fixations_without_a_position_are_outside_and_speak_of_no_frame(tmp_path, points):
    x, y = points[0].copy(), points[1].copy()
    x[:6] = np.nan
    frame = FramePoints(x, y, np.zeros(N, int), np.array([400.0]), np.array([300.0]))
    check = check_frame(frame, min_span=MIN_SPAN)
    assert (check.n_outside, check.fault) == (6, None)


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
