"""Clicks as labs write them: every form is read rightly or refused with what was expected, never as something else."""

import csv

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.collections.clickme.catch_score import catch_shares
from gala_viz.collections.clickme.click_csv import read_click_csv
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.clickme.click_notation import parse_coordinates
from gala_viz.collections.human_maps.image_names import match_table
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.point_frames import FramePoints, check_frame
from tests.collections.clickme.clicks import parse_clicks
from tests.collections.pictures import encoded, gradient

TWO = [(12, 30), (14.5, 37)]
FORMS = {
    "tuples in a list": "[(12, 30), (14.5, 37)]",
    "tuples alone": "(12,30),(14.5,37)",
    "an array of PostgreSQL": '{"(12,30)","(14.5,37)"}',
    "an array of PostgreSQL with spaces": '{"(12, 30)", "(14.5, 37)"}',
    "a doubled array of PostgreSQL": "{{12,30},{14.5,37}}",
    "JSON lists": "[[12, 30], [14.5, 37]]",
    "JSON objects": '[{"x": 12, "y": 30}, {"x": 14.5, "y": 37}]',
    "JSON objects, y first": '[{"y": 30, "x": 12}, {"y": 37, "x": 14.5}]',
    "objects with more": '[{"x": 12, "y": 30, "t": 5}, {"x": 14.5, "y": 37, "t": 9}]',
    "a dict of Python": "[{'x': 12, 'y': 30}, {'x': 14.5, 'y': 37}]",
    "an object of lists": '{"x": [12, 14.5], "y": [30, 37]}',
    "an array of NumPy": "array([[12. , 30. ], [14.5, 37. ]])",
    "an array of NumPy with its type": "np.array([[12, 30], [14.5, 37]], dtype=float32)",
    "a printed array": "[[12.  30. ]\n [14.5 37. ]]",
    "numbers of NumPy": "[(np.float64(12.0), np.float64(30.0)), (np.float64(14.5), np.float64(37.0))]",
    "triples with a time": "[(12, 30, 100), (14.5, 37, 250)]",
    "exponents": "[(1.2e1, 3e1), (1.45e+1, 37)]",
    "numbers in quotes": '[["12", "30"], ["14.5", "37"]]',
}
REFUSED = {
    "a flat list": "[12, 30, 14.5, 37]",
    "x beside y": "[[12, 14.5, 3, 5], [30, 37, 4, 6]]",
    "cut off": "[(12, 30), (14.5, 3",
    "an ellipsis": "[[12. 30.] ... [14.5 37.]]",
    "two and three": "[(12, 30), (14.5, 37, 9)]",
    "falling times": "[(12, 30, 250), (14.5, 37, 100)]",
    "not a number": "[(12, nan), (14.5, 37)]",
    "null": "[[12, null], [14.5, 37]]",
    "an object without y": '[{"x": 12}, {"x": 14.5}]',
    "lists of two lengths": '{"x": [12, 14.5], "y": [30]}',
    "nothing": "",
    "an empty list": "[]",
    "words": "twelve, thirty",
    "code": "__import__('os').system('true')",
    "far away": "[(12, 1e9), (14.5, 37)]",
    "four numbers each": "[(1, 2, 3, 4), (5, 6, 7, 8)]",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_clicks_are_read_in_every_form_that_tells_x_from_y(text):
    x, y = parse_clicks(text)
    assert list(zip(x.tolist(), y.tolist(), strict=True)) == TWO


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_clicks_in_any_other_form_are_refused_with_what_was_expected(text):
    with pytest.raises(ValueError, match=r"click|x|round") as caught:
        parse_clicks(text)
    assert len(str(caught.value).split()) > 4


def test_the_x_of_a_round_is_a_list_and_no_table():
    assert parse_coordinates("array([12. , 14.5], dtype=float32)").tolist() == [12, 14.5]
    for text in ("[[1, 2], [3, 4]]", "[1, 2", "12", "[1, x]"):
        with pytest.raises(ValueError, match="numbers like"):
            parse_coordinates(text)


def table(path, rows, columns=("image_path", "clicks", "user_id")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def test_when_every_row_fails_the_reasons_are_told_each_once_with_its_rows(tmp_path):
    rows = [("a.png", "[12, 30, 14, 37]", f"p{number}") for number in range(7)] + [("a.png", "[(1, 2)]", "")]
    rounds, refused = read_click_csv(table(tmp_path / "clicks.csv", rows))
    assert len(rounds) == 0
    assert [(where, reason.partition("; got")[0].split(",")[0]) for where, reason in refused] == [
        ("lines 2, 3, 4 and 4 more", "clicks are written like '[(12"),
        ("line 9", "there is no user_id."),
    ]


def test_a_collection_on_which_no_row_is_a_round_says_why_and_never_0_of_0(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(gradient(60, 80)))
    path = table(tmp_path / "clicks.csv", [("a.png", "[12, 30, 14, 37]", "p1")])
    with pytest.raises(MapFileError, match="flat list of numbers does not tell x from y") as caught:
        open_collection(tmp_path / "photos", human_maps=path)
    assert "0 of 0" not in str(caught.value)


@pytest.mark.parametrize(
    ("scores", "shares", "n_wrong"),
    [
        ([100, 95, 87.5], [1, 0.95, 0.875], 0),
        ([0, 50, 100], [0, 0.5, 1], 0),
        ([1, 0.95, 0.5], [1, 0.95, 0.5], 0),
        ([1, 95, 100], [1, 95, 100], 2),  # 1 may be 1 % or all
        ([19, 20, 18], [19, 20, 18], 3),  # counts of trials
        ([101, 95], [101, 95], 2),
        ([-1, 0.5], [-1, 0.5], 1),
    ],
)
def test_percentages_are_told_from_shares_by_the_whole_column_or_not_at_all(scores, shares, n_wrong):
    found, is_wrong, note = catch_shares(np.array(scores, float))
    assert found.tolist() == pytest.approx(shares)
    assert is_wrong.sum() == n_wrong
    assert ("percentages" in note) == (shares != scores)


def test_file_names_alone_tell_images_only_where_they_are_unique():
    images = ["flat/ILSVRC_1.JPEG", "flat/ILSVRC_2.JPEG", "flat/twice.JPEG"]
    names = ["val/ILSVRC_1.JPEG", "val/other.JPEG", "a/twice.JPEG", "b/twice.JPEG"]
    match = match_table([(name,) for name in names], images, "rounds")
    assert match.image_by_number == {0: "flat/ILSVRC_1.JPEG"}
    assert "file name alone" in match.note
    assert "3 of 4 are not in the collection" in match.left_out[-1][1]
    other = match_table([("n01440764/a.JPEG",)], ["n01443537/a.JPEG"], "rounds")
    assert other.image_by_number == {}, "two WordNet ids are two categories"


def test_umlauts_in_either_unicode_form_name_the_same_image():
    match = match_table([("tu\u0308r/a.png",)], ["t\u00fcr/a.png"], "rounds")
    assert match.image_by_number == {0: "t\u00fcr/a.png"}


def clicks_of(rng, n_images, sizes, place):
    width, height = np.array([sizes[number % len(sizes)] for number in range(n_images)], float).T
    image = np.repeat(np.arange(n_images), 40)
    shares = np.clip(rng.normal(0.5, 0.2, (len(image), 2)), 0.001, 0.999)
    x, y = place(shares, np.stack([width[image], height[image]], 1)).T
    return FramePoints(x_px=x, y_px=y, image=image, width_px=width, height_px=height)


MIXED = [(500, 375), (375, 500), (640, 480)]
FRAMES = {
    "none": (lambda share, size: share * size, None),
    "fraction": (lambda share, size: share, "fraction"),
    "of 256": (lambda share, size: share * 256, "narrow"),
    "swapped": (lambda share, size: (share * size)[:, ::-1], "swapped"),
    "twice": (lambda share, size: 2 * share * size, "outside"),
}


@pytest.mark.parametrize(("place", "fault"), FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("seed", range(3))
def test_clicks_in_another_frame_are_found_on_photographs_of_mixed_orientations(place, fault, seed):
    check = check_frame(clicks_of(np.random.default_rng(seed), 100, MIXED, place))
    assert check.fault == fault
    assert bool(check.reason) == (fault is not None)
    if fault is not None:
        assert any(character.isdigit() for character in check.reason), "in numbers"


def test_a_declared_frame_is_believed_and_clicks_outside_are_counted(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(gradient(60, 80)))
    inside = ", ".join(["(0.25, 0.5)"] * 2 + ["(0.5, 0.75)"] * 8)
    fractions = f"[{inside}, (0.5, 1.5)]"
    path = table(
        tmp_path / "clicks.csv", [("a.png", fractions, "p1"), ("a.png", fractions.replace("0.25", "0.3"), "p2")]
    )
    with pytest.raises(MapFileError, match="--units fraction"):
        open_collection(tmp_path / "photos", human_maps=path)
    opened = open_collection(
        tmp_path / "photos", human_maps=path, clicks=ClickMapSpec(units="fraction", smoothing="none")
    )
    human_map = opened.participant_maps("a.png")
    assert human_map.sel(participant="p1").values[30, 20] == 2
    assert human_map.attrs["n_outside"] == 2
    assert human_map.attrs["n_clicks"] == 22
    assert "not counted, are 2 of 22 clicks on 1 image" in opened.map_kinds["ClickMe"]
