"""Tables of clicks: parsed, filtered in a fixed order, matched to photographs, and never believed blindly."""

import csv
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import binom, binomtest

from gala_viz.alignment import noise_ceiling
from gala_viz.collections import open_collection
from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.collections.clickme.click_csv import read_click_csv
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.clickme.click_npz import read_click_npz
from gala_viz.collections.clickme.click_tables import READERS, read_rounds
from gala_viz.collections.clickme.participant_maps import mean_map, participant_maps
from gala_viz.collections.clickme.round_filters import RoundFilters, filter_rounds
from gala_viz.collections.clickme.round_reading import image_name
from gala_viz.collections.clickme.round_table import Round, load_round_table, round_table
from gala_viz.collections.clickme.smoothing import GAUSSIAN_SIGMA_PX, SMOOTHINGS, disc_twice
from gala_viz.collections.human_maps.map_files import MapFileError
from gala_viz.collections.human_maps.points import Points
from gala_viz.specs import settings as settings_of
from tests.collections.clickme.clicks import parse_clicks
from tests.collections.pictures import encoded, gradient

ALL = RoundFilters(first_round=False, min_clicks=1, min_catch_score=None, drop_mobile=False)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("train/n01440764/a.png", "train/n01440764/b.png", "train/n01443537/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(gradient(60, 80)))
    return folder


ROWS = [
    ("/data/n01440764/a.png", "[(10, 20), (11, 21), (70.5, 3)]", "p1"),
    ("/data/n01440764/a.png", "(12,22),(13,23)", "p2"),
    ("/data/n01443537/a.png", "[(40, 30), (41, 31)]", "p1"),
]


def write_csv(path, rows=ROWS, columns=("image_path", "clicks", "user_id")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_npz(path, packed=True, **changes):
    """The rounds of ``ROWS`` as pickled arrays."""
    clicks = [parse_clicks(text) for _, text, _ in ROWS]
    columns = {
        "file_pointer": [image for image, _, _ in ROWS],
        "clickmap_x": [x.tolist() for x, _ in clicks],
        "clickmap_y": [y for _, y in clicks],
        "user_id": [user for _, _, user in ROWS],
        "user_catch_trial": [1.0, 0.9, np.float64(1.0)],
        "is_mobile": [False, False, True],
        **changes,
    }
    arrays = {}
    for name, values in columns.items():
        if values is not None:
            arrays[name] = np.empty(len(values), dtype=object)
            arrays[name][:] = values
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


def counts_of(clicks, shape=(60, 80)):
    found = np.zeros(shape)
    for x, y in clicks:
        found[int(y), int(x)] += 1
    return found


def test_each_participant_has_one_map_and_their_mean_is_the_images(photos, tmp_path):
    collection = open_collection(
        photos, human_maps=write_csv(tmp_path / "clicks.csv"), clicks=ClickMapSpec(smoothing="none")
    )
    image = "train/n01440764/a.png"
    assert collection.participants(image) == ("p1", "p2")
    maps = collection.participant_maps(image)
    np.testing.assert_array_equal(maps.sel(participant="p1"), counts_of([(10, 20), (11, 21), (70, 3)]))
    np.testing.assert_array_equal(collection.human_map(image), maps.mean("participant"))
    np.testing.assert_array_equal(collection.human_map(image, participant="p2"), counts_of([(12, 22), (13, 23)]))
    assert collection.has_human_map("train/n01443537/a.png")
    assert not collection.has_human_map("train/n01440764/b.png")
    assert collection.human_map("train/n01440764/b.png") is None


def test_a_map_tells_how_it_was_made(photos, tmp_path):
    rows = [*ROWS, ("n01440764/a.png", "[(1, 1)]", "p3"), ("n01440764/a.png", "[(1, 1), (2, 2)]", "p2")]
    collection = open_collection(photos, human_maps=write_csv(tmp_path / "clicks.csv", rows))
    attrs = collection.human_map("train/n01440764/a.png").attrs
    assert (attrs["smoothing"], attrs["n_participants"], attrs["n_rounds"], attrs["n_outside"]) == ("discs", 2, 2, 0)
    dropped = json.loads(attrs["dropped_rounds"])
    assert dropped["fewer than 2 clicks"] == dropped["later rounds of a participant on an image"] == 1
    assert json.loads(attrs["filters"])["min_catch_score"] == 0.95
    (sentence,) = collection.map_kinds.values()
    assert "3 of 5 rounds kept" in sentence
    assert "2 participants" in sentence


def test_the_ceiling_of_clicks_can_be_computed(photos, tmp_path):
    collection = open_collection(photos, human_maps=write_csv(tmp_path / "clicks.csv"))
    image = "train/n01440764/a.png"
    ceiling = noise_ceiling({image: collection.participant_maps(image)})
    assert ceiling.n_participants == (2, 2)
    assert ceiling.rho > 0.2


@pytest.mark.parametrize("packed", [True, False])
def test_an_npz_of_pickled_arrays_gives_the_same_maps_as_the_csv(photos, tmp_path, packed):
    keep = ClickMapSpec(filters=ALL)
    of_npz = open_collection(photos, human_maps=write_npz(tmp_path / "clicks.npz", packed), clicks=keep)
    of_csv = open_collection(photos, human_maps=write_csv(tmp_path / "clicks.csv"), clicks=keep)
    for image in of_csv.images:
        assert of_npz.participants(image) == of_csv.participants(image)
        if of_csv.has_human_map(image):
            np.testing.assert_array_equal(of_npz.participant_maps(image), of_csv.participant_maps(image))


def test_catch_trials_and_mobile_devices_are_filtered_where_they_are_told(tmp_path):
    rounds, _ = read_click_npz(write_npz(tmp_path / "clicks.npz"))
    found = filter_rounds(round_table(rounds), RoundFilters())
    assert dict(found.dropped)["catch score below 0.95"] == 1
    assert dict(found.dropped)["mobile devices"] == 1
    assert len(found.rounds) == 1
    told, _ = read_click_csv(write_csv(tmp_path / "clicks.csv"))
    assert len(filter_rounds(round_table(told), RoundFilters()).rounds) == 3


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (self.trace, "w"))


def test_a_pickle_with_code_is_refused_before_anything_runs(tmp_path, photos):
    trace = tmp_path / "trace"
    path = write_npz(tmp_path / "clicks.npz", user_id=["p1", "p2", Trap(str(trace))])
    with pytest.raises(MapFileError, match=r"asks for (io|_io)\.open; only NumPy arrays .* Nothing was run"):
        open_collection(photos, human_maps=path)
    assert not trace.exists()
    with np.load(path, allow_pickle=True) as arrays:
        arrays["user_id"][2].close()
    assert trace.exists(), "the trap works when it is unpickled blindly"


@pytest.mark.parametrize(
    "code",
    [
        b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000\ntS'd'\ntR.",
        b"cnumpy\nndarray\n((I1000000\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        b"P0\n.",
    ],
)
def test_pickles_that_build_anything_else_are_refused(code, tmp_path):
    path = tmp_path / "clicks.npz"
    write_npz(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    head = members["user_id.npy"]
    members["user_id.npy"] = head[: head.index(b"\n") + 1] + code
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(MapFileError):
        read_click_npz(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "clicks.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("file_pointer", "clickmap_x", "clickmap_y", "user_id"):
            archive.writestr(f"{name}.npy", bytes(50_000_000))
    with pytest.raises(MapFileError, match="no table of clicks"):
        read_click_npz(path)


def test_rounds_that_are_none_are_listed_and_the_rest_is_read(tmp_path):
    path = write_npz(tmp_path / "clicks.npz", clickmap_x=[[1, 2, 3], [4.0, np.nan], [1, 2, 3]])
    rounds, refused = read_click_npz(path)
    assert [one.participant for one in rounds] == ["p1"]
    assert "1 of its clicks are NaN" in dict(refused)["round 1"]
    assert "this one has 3 and 2" in dict(refused)["round 2"]
    rows = [
        *ROWS,
        ("n1/a.png", "none", "p4"),
        ("n1/a.png", "(1, 2)", ""),
        ("", "(1, 2)", "p5"),
        ("n1/a.png", "(nan, 2)", "p"),
    ]
    rounds, refused = read_click_csv(write_csv(tmp_path / "clicks.csv", rows))
    assert len(rounds) == 3
    assert [name for name, _ in refused] == ["line 5", "line 6", "line 7", "line 8"]
    assert "clicks are written like" in refused[0][1]


def test_tables_that_are_none_are_refused_with_what_is_missing(tmp_path, photos):
    for columns, told in ((("image_path", "user_id"), "no column clicks"), ((), "the table is empty")):
        path = write_csv(tmp_path / "clicks.csv", [], columns)
        with pytest.raises(MapFileError, match=told):
            read_click_csv(path)
    np.savez(tmp_path / "other.npz", user_id=np.arange(3))
    with pytest.raises(MapFileError, match="no array file_pointer, clickmap_x, clickmap_y"):
        read_click_npz(tmp_path / "other.npz")
    with pytest.raises(MapFileError, match="lengths differ"):
        read_click_npz(write_npz(tmp_path / "clicks.npz", user_id=["p1"]))
    (tmp_path / "empty.csv").touch()
    with pytest.raises(MapFileError, match=r"is empty; clicks with image_path, clicks, user_id were expected\. Copy"):
        open_collection(photos, human_maps=tmp_path / "empty.csv")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"a table of clicks .*notes\.txt is none of these"):
        open_collection(photos, human_maps=tmp_path / "notes.txt")


def test_unknown_columns_are_told_and_run_survey(tmp_path):
    rows = [(*row, "7") for row in ROWS]
    path = write_csv(tmp_path / "clicks.csv", rows, ("image_path", "clicks", "user_id", "mood"))
    rounds, refused = read_click_csv(path)
    assert len(rounds) == 3
    assert refused == [("columns", "not known and passed over: 'mood'.")]


def test_swapped_coordinates_are_said_and_can_be_swapped_back(photos, tmp_path):
    right = [("n01440764/a.png", "[(75, 20), (70, 21), (66, 5)]", "p1")]
    swapped = [("n01440764/a.png", "[(20, 75), (21, 70), (5, 66)]", "p1")]
    path = write_csv(tmp_path / "swapped.csv", swapped)
    with pytest.raises(MapFileError, match=r"100% of the clicks lie outside .*0% would with x and y swapped"):
        open_collection(photos, human_maps=path)
    mended = open_collection(photos, human_maps=path, clicks=ClickMapSpec(swap_xy=True))
    expected = open_collection(photos, human_maps=write_csv(tmp_path / "right.csv", right))
    image = "train/n01440764/a.png"
    np.testing.assert_array_equal(mended.human_map(image), expected.human_map(image))


def test_clicks_of_another_frame_are_said_and_can_be_placed(photos, tmp_path):
    path = write_csv(tmp_path / "clicks.csv", [("n01440764/a.png", "[(160, 120), (200, 180), (240, 239)]", "p1")])
    with pytest.raises(MapFileError, match=r"another frame .*--frame"):
        open_collection(photos, human_maps=path)
    collection = open_collection(
        photos, human_maps=path, clicks=ClickMapSpec(frame_px=(240, 320), smoothing="none", filters=ALL)
    )
    found = collection.human_map("train/n01440764/a.png")
    assert found.attrs["extent_px"] == [60.0, 80.0]
    rows, columns = np.nonzero(found.values)
    np.testing.assert_allclose(found.x.values[columns] * 4, [160, 200, 240], atol=1)
    np.testing.assert_allclose(found.y.values[rows] * 4, [120, 180, 239], atol=1)


def test_clicks_are_counted_anew_on_a_photograph_replaced_in_place(photos, tmp_path):
    collection = open_collection(
        photos, human_maps=write_csv(tmp_path / "clicks.csv"), clicks=ClickMapSpec(smoothing="none")
    )
    image = "train/n01440764/a.png"
    assert collection.human_map(image).shape == (60, 80)
    (photos / image).write_bytes(encoded(gradient(90, 100)))
    assert collection.human_map(image).shape == (90, 100)


def test_points_outside_of_the_photograph_are_dropped_and_counted(photos, tmp_path):
    path = write_csv(tmp_path / "clicks.csv", [("n01440764/a.png", "[(10, 20), (11, 21), (-3, 5), (81, 2)]", "p1")])
    collection = open_collection(photos, human_maps=path, clicks=ClickMapSpec(smoothing="none"))
    found = collection.human_map("train/n01440764/a.png")
    assert (found.values.sum(), found.attrs["n_outside"]) == (2, 2)


def test_images_that_are_not_there_or_not_told_apart_are_listed(photos, tmp_path):
    rows = [*ROWS, ("n1/zebra.png", "(1, 2),(3, 4)", "p1"), ("a.png", "(1, 2),(3, 4)", "p1")]
    collection = open_collection(photos, human_maps=write_csv(tmp_path / "clicks.csv", rows))
    told = dict(collection.skipped)
    assert "1 of 4 are not in the collection" in told["clicks.csv, images"]
    assert "fits train/n01440764/a.png and train/n01443537/a.png" in told["clicks.csv, a.png"]
    with pytest.raises(MapFileError, match="no round is on an image of the collection"):
        open_collection(photos, human_maps=write_csv(tmp_path / "none.csv", [("x/zebra.png", "(1,2),(3,4)", "p")]))


def round_of(image, participant, n_clicks, catch=None, mobile=None, shift=0):
    x = np.arange(n_clicks, dtype=np.float32) + shift
    return Round(image, participant, x, x, catch, mobile)


def scored(participant, n_passed, n_trials):
    x = np.arange(5, dtype=np.float32)
    return Round("a", participant, x, x, n_passed / n_trials, None, n_trials)


def participants_left(rounds, **settings):
    left = filter_rounds(round_table(rounds), RoundFilters(**settings))
    return {left.rounds.participants[one] for one in left.rounds.participant}, left


def test_by_its_interval_a_catch_score_excludes_only_where_the_trials_are_enough_to_tell():
    rounds = [scored("none of 1", 0, 1), scored("none of 2", 0, 2), scored("4 of 5", 4, 5), scored("3 of 5", 3, 5)]
    rounds += [scored("18 of 20", 18, 20), scored("16 of 20", 16, 20), scored("95 of 100", 95, 100)]
    by_score, told = participants_left(rounds)
    assert by_score == {"95 of 100"}, "the rule of the published data: one missed of fewer than 20 excludes"
    assert all(text.endswith("dropped") for text in told.catch_scores)
    by_interval, told = participants_left(rounds, catch_rule="interval")
    assert by_interval == {"none of 1", "4 of 5", "18 of 20", "95 of 100"}
    assert dict(told.dropped)["catch score below 0.95, by its 95 % interval"] == 3
    assert (
        "participant 4 of 5: 4 of 5 passed, 95 % interval 0.284 to 0.995: kept: so few trials do not tell"
        in told.catch_scores
    )
    assert "participant 3 of 5: 3 of 5 passed, 95 % interval 0.147 to 0.947: dropped" in told.catch_scores
    enough, told = participants_left(rounds, min_catch_trials=20)
    assert enough == by_score | {"none of 1", "none of 2", "4 of 5", "3 of 5"}
    assert dict(told.dropped)["catch score below 0.95, of 20 trials or more"] == 2


@pytest.mark.parametrize("n_trials", [1, 2, 5, 10, 20, 60])
def test_of_those_who_would_pass_enough_at_most_one_in_forty_is_excluded_by_the_interval(n_trials):
    passed = np.arange(n_trials + 1)
    left, _ = participants_left([scored(str(one), int(one), n_trials) for one in passed], catch_rule="interval")
    excluded = [one for one in passed if str(one) not in left]
    assert binom.pmf(excluded, n_trials, 0.95).sum() <= 0.025
    assert n_trials < 2 or excluded, "and two that were missed of two exclude"


def test_intervals_of_catch_scores_are_those_of_clopper_and_pearson():
    for n_passed, n_trials in ((0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (19, 20)):
        expected = binomtest(n_passed, n_trials).proportion_ci(0.95, "exact")
        assert CatchScore(n_passed, n_trials).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("settings", [{"catch_rule": "interval"}, {"min_catch_trials": 5}])
def test_a_rule_that_needs_the_number_of_trials_refuses_a_table_without_it(settings):
    rounds = round_table([round_of("a", "p1", 5, catch=0.5)])
    with pytest.raises(ValueError, match=r"of how many catch trials a score is was expected.*catch_rule='score'"):
        filter_rounds(rounds, RoundFilters(**settings))
    unmet = round_table([round_of("a", "p1", 5)])
    assert len(filter_rounds(unmet, RoundFilters(**settings)).rounds) == 1, "without a catch trial there is no score"


@pytest.mark.parametrize("wrong", [{"catch_rule": "luck"}, {"min_catch_trials": 0}])
def test_catch_rules_that_do_not_exist_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RoundFilters(**wrong)


def test_the_rule_of_the_published_data_keeps_the_names_that_it_gave_to_collections():
    assert set(settings_of(RoundFilters())) == {
        "first_round",
        "min_clicks",
        "max_clicks",
        "min_catch_score",
        "drop_mobile",
        "min_participants",
    }
    assert settings_of(RoundFilters(catch_rule="interval"))["catch_rule"] == "interval"


def test_filters_apply_in_their_order_and_the_number_of_participants_is_checked_at_the_end():
    rounds = round_table(
        [
            round_of("a", "p1", 1),
            round_of("a", "p1", 5),
            round_of("a", "p2", 5, catch=0.5),
            round_of("b", "p1", 5),
            round_of("b", "p1", 5),
            round_of("b", "p2", 9, mobile=True),
            round_of("b", "p3", 9),
            round_of("c", "p3", 9, shift=1),
        ]
    )
    found = filter_rounds(rounds, RoundFilters(min_participants=2, max_clicks=7))
    assert found.dropped == (
        ("repeated rounds", 1),
        ("later rounds of a participant on an image", 1),
        ("fewer than 2 clicks", 1),
        ("catch score below 0.95", 1),
        ("mobile devices", 1),
        ("images with fewer than 2 participants", 1),
    )
    assert [found.rounds.images[code] for code in found.rounds.image] == ["b", "b"]
    assert found.rounds.n_clicks.tolist() == [5, 7]
    assert found.summary().startswith("2 of 8 rounds kept; dropped: repeated rounds: 1")
    assert len(filter_rounds(rounds, ALL).rounds) == 7


def test_a_filter_that_can_drop_nobody_is_told(tmp_path):
    table = round_table([round_of("a", "p1", 5), round_of("a", "p2", 5)])
    assert filter_rounds(table, RoundFilters()).summary() == (
        "2 of 2 rounds kept; dropped: none; NOT APPLIED: catch score below 0.95 (no round has a user_catch_trial), "
        "mobile devices (no round has an is_mobile)."
    )
    told = filter_rounds(table, RoundFilters(min_catch_score=None, drop_mobile=False)).summary()
    assert told == "2 of 2 rounds kept; dropped: none."
    known = round_table([round_of("a", "p1", 5, catch=1.0, mobile=False), round_of("a", "p2", 5)])
    assert "NOT APPLIED" not in filter_rounds(known, RoundFilters()).summary()
    rows = [(*row, "0.1") for row in ROWS]
    path = write_csv(tmp_path / "clicks.csv", rows, ("image_path", "clicks", "user_id", "catch_score"))
    assert ("catch_score", "if these are catch scores, call the column user_catch_trial: else nobody is dropped.") in (
        read_click_csv(path)[1]
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_clicks": 0}, "at least 1"),
        ({"max_clicks": 1}, "at least min_clicks"),
        ({"min_catch_score": 95}, "a share of catch trials"),
    ],
)
def test_filters_out_of_range_are_told(settings, told):
    with pytest.raises(ValueError, match=told):
        RoundFilters(**settings)
    with pytest.raises(ValueError, match="height and width"):
        ClickMapSpec(frame_px=(0, 3))


def test_rounds_are_remembered_until_the_table_changes(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "clicks.csv", [*ROWS, ("n1/a.png", "none", "p4")])
    first, refused = read_rounds(path)
    monkeypatch.setitem(READERS, ".csv", lambda *_: pytest.fail("read again"))
    again, refused_again = read_rounds(path)
    np.testing.assert_array_equal(again.x_px, first.x_px)
    assert (again.images, again.participants, refused_again) == (first.images, first.participants, refused)
    monkeypatch.undo()
    write_csv(path, ROWS[:1])
    assert len(read_rounds(path)[0]) == 1
    assert load_round_table(tmp_path / "nothing.npz") is None


@given(
    st.lists(st.tuples(st.floats(-1e5, 1e5, width=32), st.integers(-99999, 99999)), min_size=1, max_size=20),
    st.sampled_from(["[{}]", "{}"]),
    st.sampled_from([", ", ",", " , "]),
)
def test_clicks_written_in_either_way_come_back(points, brackets, comma):
    text = brackets.format(comma.join(f"({x!r},{y})" for x, y in points))
    x, y = parse_clicks(text)
    np.testing.assert_array_equal(x, np.array([p[0] for p in points], np.float32))
    np.testing.assert_array_equal(y, np.array([p[1] for p in points], np.float32))


@given(st.text(max_size=60))
def test_any_other_text_is_refused_or_is_clicks(text):
    try:
        x, y = parse_clicks(text)
    except ValueError:
        return
    assert len(x) == len(y) > 0


@given(st.text(max_size=40))
def test_an_image_name_never_leads_out_of_the_folder(path):
    try:
        name = image_name(path)
    except ValueError:
        return
    assert not name.startswith("/")
    assert ".." not in name.split("/")


def test_two_discs_are_two_averages_over_a_disc():
    counts = np.zeros((256, 256), np.float32)
    counts[128, 128] = 1
    smoothed = disc_twice(counts)
    assert smoothed.sum() == pytest.approx(1, rel=1e-5)
    x = np.arange(256) - 128
    assert np.sqrt((smoothed * x**2).sum()) == pytest.approx(7.1, abs=0.05), "as the published width says"
    assert smoothed[128, 128 + 21] == 0
    assert smoothed[128, 128 + 20] > 0


@pytest.mark.parametrize("name", ["discs", "gaussian", "none"])
def test_smoothing_is_linear_and_scales_with_the_map(name):
    chance = np.random.default_rng(0)
    maps = chance.poisson(0.01, (3, 64, 80)).astype(np.float64)
    np.testing.assert_allclose(SMOOTHINGS[name](maps).mean(axis=0), SMOOTHINGS[name](maps.mean(axis=0)), atol=1e-9)
    if name == "gaussian":
        sigma = GAUSSIAN_SIGMA_PX / 4
        expected = ndimage.gaussian_filter(maps[0], sigma, mode="constant", truncate=4.0)
        np.testing.assert_allclose(SMOOTHINGS[name](maps)[0], expected)


def test_clicks_may_be_lists_or_arrays(tmp_path):
    path = write_npz(tmp_path / "clicks.npz", clickmap_x=[[1, 2, 3], np.array([4, 5]), (6, 7)])
    rounds, refused = read_click_npz(path)
    assert len(rounds) == 3
    assert refused == []


@pytest.mark.parametrize(
    "entries",
    [
        [[False], [], [True]],
        [np.array([False]), np.array([], dtype=bool), np.array([True])],
        ["[False]", "[]", "[True]"],
        [np.False_, None, np.True_],
        [0.0, np.nan, 1.0],
    ],
)
def test_devices_in_lists_are_read_as_what_the_lists_hold(tmp_path, entries):
    rounds, refused = read_click_npz(write_npz(tmp_path / "clicks.npz", is_mobile=entries))
    assert [one.is_mobile for one in rounds] == [False, None, True]
    assert refused == []
    found = filter_rounds(round_table(rounds), RoundFilters(min_catch_score=None))
    assert dict(found.dropped)["mobile devices"] == 1, "a device that is not told is kept, as in any other column"


def test_devices_in_the_texts_of_a_csv_are_read_alike(tmp_path):
    rows = [(*row, mobile) for row, mobile in zip(ROWS, ("[False]", "[]", "[np.True_]"), strict=True)]
    rounds, refused = read_click_csv(
        write_csv(tmp_path / "a.csv", rows, ("image_path", "clicks", "user_id", "is_mobile"))
    )
    assert [one.is_mobile for one in rounds] == [False, None, True]
    assert refused == []


def test_a_device_that_is_told_twice_and_differently_is_refused_with_its_round(tmp_path):
    path = write_npz(tmp_path / "clicks.npz", is_mobile=[[False], [True, False], [True]])
    rounds, refused = read_click_npz(path)
    assert len(rounds) == 2
    assert dict(refused)["round 1"] == "one value was expected; got [True, False]."


def test_arrays_of_one_column_are_read_like_lists_of_one(tmp_path):
    clicks = [parse_clicks(text) for _, text, _ in ROWS]
    np.savez(
        tmp_path / "clicks.npz",
        file_pointer=np.array([image for image, _, _ in ROWS]),
        clickmap_x=np.array([x[:2] for x, _ in clicks]),
        clickmap_y=np.array([y[:2] for _, y in clicks]),
        user_id=np.array([[user] for _, _, user in ROWS]),
        user_catch_trial=np.array([[1.0], [0.5], [np.nan]]),
        is_mobile=np.array([[False], [False], [True]]),
    )
    rounds, refused = read_click_npz(tmp_path / "clicks.npz")
    assert refused == []
    assert [(one.participant, one.catch_score, one.is_mobile) for one in rounds] == [
        ("p1", 1.0, False), ("p2", 0.5, False), ("p1", None, True),
    ]  # fmt: skip
    np.testing.assert_array_equal(rounds[1].x_px, [12, 13])


def test_participants_who_are_not_known_are_not_one_person(tmp_path):
    rounds, refused = read_click_npz(write_npz(tmp_path / "clicks.npz", user_id=["p1", None, np.nan]))
    assert [one.participant for one in rounds] == ["p1"]
    assert refused == [("rounds 1, 2", "there is no user_id.")]


NAMES = ("Müller", "Möller")
TABLE = "image_path,clicks,user_id\n" + "".join(
    f'n01440764/a.png,"[({x}, 20), (11, 21)]",{name}\n' for x, name in zip((10, 30), NAMES, strict=True)
)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_utf_8_is_read_with_and_without_a_mark(tmp_path, mark):
    (tmp_path / "clicks.csv").write_bytes((mark + TABLE).encode())
    rounds, refused = read_click_csv(tmp_path / "clicks.csv")
    assert [one.participant for one in rounds] == list(NAMES)
    assert refused == []


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("latin-1", r"line 2 is not UTF-8 \(byte 0xfc\): .* for example latin-1 or cp1252; tell it with --encoding"),
        ("utf-16", r"the table begins like UTF-16; tell it with --encoding .* for example utf-16"),
        ("utf-16-le", "line 1 holds NUL characters when it is read as UTF-8: .* for example utf-16"),
        ("utf-16-be", "line 1 holds NUL characters"),
        ("utf-32", "the table begins like UTF-32"),
    ],
)
def test_two_participants_never_become_one_by_a_wrong_encoding(photos, tmp_path, encoding, told):
    path = tmp_path / "clicks.csv"
    path.write_bytes(TABLE.encode(encoding))
    with pytest.raises(MapFileError, match=told):
        open_collection(photos, human_maps=path)
    collection = open_collection(photos, human_maps=path, clicks=ClickMapSpec(encoding=encoding))
    assert collection.participants("train/n01440764/a.png") == tuple(sorted(NAMES))


def test_a_table_that_lost_its_letters_before_is_refused(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text(TABLE.encode("latin-1").decode("utf-8", "replace"), encoding="utf-8")
    with pytest.raises(MapFileError, match=r"line 2 holds the character U\+FFFD.* Export the table again in UTF-8"):
        read_click_csv(path)


def test_a_wrong_encoding_is_refused_where_it_can_be_known(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_bytes(TABLE.encode("utf-16"))
    with pytest.raises(MapFileError, match="holds NUL characters when it is read as latin-1"):
        read_click_csv(path, "latin-1")
    path.write_bytes(TABLE.encode("latin-1"))
    with pytest.raises(MapFileError, match=r"is not ascii \(byte 0xfc\)"):
        read_click_csv(path, "ascii")
    with pytest.raises(MapFileError, match="the table is not utf-16"):
        read_click_csv(path, "utf-16")
    with pytest.raises(ValueError, match=r"encoding is a name like utf-8, .*'klingon' is not known"):
        ClickMapSpec(encoding="klingon")
    with pytest.raises(MapFileError, match="an encoding belongs to a table in CSV"):
        read_rounds(write_npz(tmp_path / "clicks.npz"), "latin-1")


@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8), min_size=2, max_size=2)
)
def test_names_that_differ_stay_apart_in_every_encoding_that_is_read(names):
    first, second = (name.strip() for name in names)
    rows = [("n1/a.png", "[(1, 2), (3, 4)]", name) for name in (first, second)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clicks.csv"
        write_csv(path, rows)
        content = path.read_text(encoding="utf-8")
        for encoding in ("utf-8", "utf-16", "latin-1", "cp1252"):
            try:
                path.write_bytes(content.encode(encoding))
                rounds, _ = read_click_csv(path, encoding)
            except (UnicodeEncodeError, MapFileError):
                continue
            found = [one.participant for one in rounds]
            assert len(set(found)) == len({name for name in (first, second) if name in found})
            assert set(found) <= {first, second}


def test_copies_of_a_round_are_found_in_any_place_and_rounds_that_differ_in_one_click_or_order_stay():
    rng = np.random.default_rng(0)
    rounds = []
    for number in range(200):
        clicks = rng.integers(0, 2, (2, 3)).astype(np.float32)
        rounds.append(Round(f"i{number % 2}", f"p{number % 3}", clicks[0], clicks[1]))
    seen, copies = set(), 0
    for one in rounds:
        key = (one.image, one.participant, tuple(one.x_px), tuple(one.y_px))
        copies += key in seen
        seen.add(key)
    assert copies > 5
    assert dict(filter_rounds(round_table(rounds), ALL).dropped)["repeated rounds"] == copies


@pytest.mark.parametrize("smoothing", ["discs", "gaussian", "none"])
def test_the_mean_map_of_too_many_participants_is_the_mean_of_their_maps(smoothing):
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{number}" for number in range(70)], 5)
    points = Points(participant=names, x_px=rng.uniform(-5, 85, 350), y_px=rng.uniform(-5, 65, 350))
    one_by_one = participant_maps(points, (60, 80), smoothing)
    mean, n_participants, n_outside = mean_map(points, (60, 80), smoothing)
    assert (n_participants, n_outside) == (len(one_by_one.participants), one_by_one.n_outside)
    np.testing.assert_allclose(mean, one_by_one.maps.mean(axis=0), rtol=1e-5, atol=1e-8)


def test_maps_of_too_many_participants_are_a_mean_of_a_known_number_and_say_so(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("gala_viz.collections.clickme.participant_maps.MAX_VALUES", 60 * 80)
    collection = open_collection(photos, human_maps=write_csv(tmp_path / "clicks.csv"))
    both, one = "train/n01440764/a.png", "train/n01443537/a.png"
    assert collection.participants(both) == ()
    assert collection.human_map(both).attrs["n_participants"] == 2
    assert "there is no noise ceiling" in collection.human_map(both).attrs["mean_only"]
    assert collection.participants(one) == ("p1",)


def test_x_and_y_of_many_rounds_come_back_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("gala_viz.collections.clickme.click_npz._ENTRIES_AT_ONCE", 4)
    monkeypatch.setattr("gala_viz.collections.clickme.round_table._ROUNDS_AT_ONCE", 3)
    rng = np.random.default_rng(0)
    x = [rng.uniform(0, 80, size).tolist() for size in rng.integers(1, 5, 21)]
    x[6] = [1.0, np.nan]
    columns = {"file_pointer": ["a/b.png"] * 21, "user_id": [f"p{number}" for number in range(21)]}
    path = write_npz(
        tmp_path / "clicks.npz", clickmap_x=x, clickmap_y=x, is_mobile=None, user_catch_trial=None, **columns
    )
    rounds, refused = read_click_npz(path)
    assert [one.participant for one in rounds] == [f"p{number}" for number in range(21) if number != 6]
    for one in rounds.select(np.arange(20) % 2 == 0):
        np.testing.assert_allclose(one.x_px, x[int(one.participant[1:])], rtol=1e-6)
    assert refused == [("round 6", "1 of its clicks are NaN or infinite.")]
