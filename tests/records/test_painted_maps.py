"""Painted maps in a real database, and the table of clicks as which they are exported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.collections.clickme.click_maps import ClickMaps
from gala_viz.collections.clickme.painted_map import painted_map
from gala_viz.records.notes import ReadOnlyError
from gala_viz.records.painted_maps import (
    MAX_MAPS_OF_IMAGE,
    MAX_POINTS,
    PaintedMap,
    PaintedMaps,
    clean_name,
    click_table,
)

SIZE = (300, 400)
POINTS = ((10.25, 20.5), (30.0, 40.0), (31.0, 44.0))


def painting(**changes):
    return PaintedMap(**{"image": "cat/1.png", "name": "Ada", "points_px": POINTS, "size_px": SIZE, **changes})


@pytest.fixture
def painted(database):
    return PaintedMaps(database, "photos")


def test_a_painted_map_comes_back_as_it_was_with_name_and_time(painted):
    kept = painted.save(painting())
    assert painted.of_image("cat/1.png") == painted.all() == [kept]
    assert (kept.name, kept.points_px, kept.size_px) == ("Ada", POINTS, SIZE)
    assert kept.painted_ms > 0


@pytest.mark.parametrize("name", ["O'Brien", "Anna (1)", "हिन्दी", "José", "李", "Zoë-Marie v. B."])
def test_names_of_people_are_kept_as_they_are(painted, name):
    assert painted.save(painting(name=clean_name(name))).name == name


def test_names_are_cleaned_of_what_nobody_sees():
    assert clean_name("  Jose\u0301   B ") == "José B"
    for wrong in ("=1+1", "@x", "a\nb", "<b>", "a\u202eb", "tr "):
        with pytest.raises(ValueError, match="a name of letters"):
            painting(name=wrong)


def test_another_person_or_collection_does_not_see_it(database, painted):
    painted.save(painting())
    assert PaintedMaps(database, "photos", "anna").all() == PaintedMaps(database, "rendered").all() == []


def test_two_maps_of_one_name_on_one_photograph_are_refused_and_the_first_one_stays(painted):
    first = painted.save(painting())
    with pytest.raises(ValueError, match="by “Ada” is kept on this photograph already"):
        painted.save(painting(points_px=((1.0, 1.0),) * 2))
    assert painted.all() == [first]
    painted.save(painting(name="Grace"))
    painted.delete("cat/1.png", "Ada")
    assert [one.name for one in painted.all()] == ["Grace"]


def test_the_same_map_sent_twice_is_stored_once_and_there_is_a_most_of_a_photograph(painted):
    assert painted.save(painting()) == painted.save(painting())
    for number in range(1, MAX_MAPS_OF_IMAGE):
        painted.save(painting(name=f"n{number}"))
    with pytest.raises(ValueError, match="at most 50 maps"):
        painted.save(painting(name="one more"))
    painted.save(painting(image="cat/2.png"))


def test_who_may_only_read_can_change_nothing(database, painted):
    kept = painted.save(painting())
    reader = PaintedMaps(database, "photos", read_only=True)
    for act in (lambda: reader.save(painting(name="Eve")), lambda: reader.delete("cat/1.png", "Ada")):
        with pytest.raises(ReadOnlyError):
            act()
    assert reader.all() == [kept]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "=1+1"}, "a name of letters"),
        ({"name": ""}, "a name of letters"),
        ({"name": "x" * 61}, "at most 60"),
        ({"points_px": ()}, "2 to 20,000 points; this one has 0"),
        ({"points_px": ((1.0, 1.0),) * (MAX_POINTS + 1)}, "this one has 20,001"),
        ({"points_px": ((float("nan"), 1.0),) * 2}, "finite"),
    ],
)
def test_what_no_painted_map_can_be_is_refused_with_the_reason(changes, said):
    with pytest.raises(ValueError, match=said):
        painting(**changes)


coordinate = st.integers(0, 29_999).map(lambda hundredths: hundredths / 100)


@settings(max_examples=10)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=60))
def test_the_table_of_clicks_opens_as_the_same_map_of_one_participant(tmp_path_factory, points):
    file = tmp_path_factory.mktemp("clicks") / "maps.csv"
    file.write_text(click_table([painting(points_px=tuple(points))]), encoding="utf-8")
    opened = ClickMaps(file, ["cat/1.png"], lambda image: SIZE)
    human_map = opened.read_map("cat/1.png", "ClickMe", SIZE)
    np.testing.assert_array_equal(human_map.values[0], painted_map(points, SIZE).values)
    assert list(human_map.participants) == ["Ada"]
