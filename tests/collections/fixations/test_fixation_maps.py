"""Fixations as human maps: the same as the maps of their points; kinds, matching, the first fixation."""

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.collections.fixations.fixation_maps import FixationMaps, FixationMapSpec
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.points import PointMapSpec, Points, point_maps
from gala_viz.collections.osie import SIGMA_PX
from gala_viz.collections.osie_files import read_fixations as read_osie
from tests.collections.fixations.photographs import HEIGHT, NAMES, WIDTH, rows_of, table_text, write_photographs

PHOTO = (HEIGHT, WIDTH)


@pytest.fixture
def photographs(tmp_path):
    return write_photographs(tmp_path / "photographs")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "fixations.tsv"
    path.write_text(table_text(rows_of(n=8), separator="\t"))
    return path


def points_of(image, rows):
    own = [row for row in rows if row[0] == image]
    return Points(*(np.array([row[column] for row in own]) for column in (1, 2, 3, 4)))


@pytest.mark.parametrize("weight", ["count", "duration"])
def test_each_participant_has_the_smoothed_map_of_their_points(photographs, table, weight):
    collection = open_collection(photographs, human_maps=table, fixations=FixationMapSpec(sigma_px=4.0, weight=weight))
    for image in NAMES:
        right = point_maps(points_of(image, rows_of(n=8)), PHOTO, PointMapSpec(sigma_px=4.0, weight=weight))
        found = collection.participant_maps(image)
        assert tuple(found.participant.values) == right.participants == ("p1", "p2")
        np.testing.assert_array_equal(found, right.maps)
        np.testing.assert_allclose(collection.human_map(image), right.maps.mean(axis=0), rtol=1e-6)
    kind = collection.map_kind(None)
    assert kind == ("fixations" if weight == "count" else "durations")


def test_the_default_sigma_is_3_percent_of_the_longer_side_and_is_told(photographs, table):
    collection = open_collection(photographs, human_maps=table)
    assert collection.human_map("a.png").attrs["sigma_px"] == pytest.approx(0.03 * 80)
    assert "Gaussian of 3% of the longer side" in collection.map_kinds["fixations"]
    spec = FixationMapSpec(sigma_degrees=1.5, px_per_degree=4.0)
    collection = open_collection(photographs, human_maps=table, fixations=spec)
    assert collection.human_map("a.png").attrs["sigma_px"] == 6
    assert "1.5 degrees (6 px)" in collection.map_kinds["fixations"]


def test_positions_from_1_lie_half_a_pixel_to_the_left_and_up(photographs, table):
    collection = open_collection(photographs, human_maps=table, fixations=FixationMapSpec(one_based=True, sigma_px=4.0))
    points = points_of("a.png", rows_of(n=8))
    moved = Points(points.participant, points.x_px - 0.5, points.y_px - 0.5)
    right = point_maps(moved, PHOTO, PointMapSpec(sigma_px=4.0)).maps
    np.testing.assert_array_equal(collection.participant_maps("a.png"), right)


def test_the_first_fixation_of_each_participant_on_each_image_is_dropped_and_told(photographs, table):
    collection = open_collection(photographs, human_maps=table, fixations=FixationMapSpec(drop_first=True))
    assert collection.human_map("a.png").attrs["n_fixations"] == 14
    assert "The first of each participant on each image was dropped (4)." in collection.map_kinds["fixations"]


def test_a_clickme_smoothing_takes_the_place_of_the_gaussian(photographs, table):
    collection = open_collection(photographs, human_maps=table)
    other = collection.with_smoothing("discs")
    assert other.human_map("a.png").attrs["smoothing"] == "discs"
    assert other.fingerprint != collection.fingerprint
    assert "sigma_px" not in other.human_map("a.png").attrs


@pytest.mark.parametrize(
    ("named", "image"),
    [
        ("a.png", "a.png"),
        ("a", "a.png"),
        (r"C:\study\stimuli\a.png", "a.png"),
        ("stimuli/a.png", "a.png"),
        ("cat/1.png", "cat/1.png"),
        ("x/cat/1.png", "cat/1.png"),
        ("1", "cat/1.png"),
        ("dog/1.png", None),  # another folder's picture of the same name
        ("a.bmp.png", None),
    ],
)
def test_an_image_is_found_by_its_id_or_the_end_of_its_path(tmp_path, named, image):
    path = tmp_path / "f.csv"
    path.write_text(table_text([(named, "p1", 10, 10), ("b.png", "p1", 20, 20)], ("image", "participant", "x", "y")))
    maps = FixationMaps(path, ["a.png", "b.png", "cat/1.png"], lambda _: PHOTO)
    assert maps.source_name("b.png") == "f.csv, b.png"
    if image is None:
        assert "1 of 2 are not in the collection" in dict(maps.skipped)["f.csv, images"]
    else:
        assert maps.source_name(image)


def test_a_name_of_two_images_is_left_out_and_told(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(table_text([("1", "p1", 10, 10), ("b.png", "p1", 20, 20)], ("image", "participant", "x", "y")))
    maps = FixationMaps(path, ["cat/1.png", "dog/1.png", "b.png"], lambda _: PHOTO)
    assert ("f.csv, 1", "fits cat/1.png and dog/1.png; its fixations are left out.") in maps.skipped


def test_a_table_that_fits_no_image_names_both_sides(photographs, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(table_text(rows_of(("x.png",))))
    with pytest.raises(
        MapFileError, match=r"none of its 1 image, for example 'x.png', is one of the collection's 2, for example 'a"
    ):
        open_collection(photographs, human_maps=path)


def test_fixations_need_a_source_to_belong_to(photographs, table):
    with pytest.raises(ValueError, match="name it as human_maps"):
        open_collection(photographs, fixations=FixationMapSpec())


def test_osie_read_as_a_long_table_gives_osies_maps(shared_data, tmp_path):
    """The shared copy counts from 1; its columns are known by their names."""
    source = shared_data / "osie" / "fixations.csv.gz"
    points = read_osie(source)
    images = sorted(points)[:3]
    spec = FixationMapSpec(one_based=True, sigma_px=SIGMA_PX, frame_px=(600, 800))
    maps = FixationMaps(source, images, lambda _: (300, 400), spec)
    for image in images:
        right = point_maps(points[image], (600, 800), PointMapSpec(sigma_px=SIGMA_PX))
        np.testing.assert_array_equal(maps.read_map(image, "fixations", (300, 400)).values, right.maps)
    assert len(maps.kinds) == 2


def test_the_first_fixation_on_osie_lies_nearer_the_centre(shared_data):
    from gala_viz.collections.fixations.long_table import read_long_table

    table = read_long_table(shared_data / "osie" / "fixations.csv.gz")
    first = table.first_of_scanpaths()
    distance = np.hypot(table.x_px - 400.5, table.y_px - 300.5)
    assert (len(table), int(first.sum())) == (70_164, 7_500)
    assert distance[first].mean() == pytest.approx(122, abs=0.5)
    assert distance[~first].mean() == pytest.approx(197, abs=0.5)
