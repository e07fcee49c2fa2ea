"""Human maps from files: found by image id, believed only after checks, never unpickled."""

import os
import pickle
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from gala_viz.collections import open_collection
from gala_viz.collections.human_maps.image_names import ImageNames, match_names
from gala_viz.collections.human_maps.map_files import MapFileError, read_map_file
from gala_viz.registry import UnknownNameError
from tests.collections.pictures import encoded, gradient

MAP = np.random.default_rng(0).random((12, 16)).astype(np.float32)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


@pytest.fixture
def folders(tmp_path):
    photos, maps = tmp_path / "photos", tmp_path / "maps"
    for path in ("a.jpg", "b.png", "cats/c.png", "cats/d.png"):
        (photos / path).parent.mkdir(parents=True, exist_ok=True)
        (photos / path).write_bytes(encoded(gradient(12, 16)))
    (maps / "cats").mkdir(parents=True)
    return photos, maps


def test_maps_are_found_by_image_id_in_three_formats(folders):
    photos, maps = folders
    np.save(maps / "a.npy", MAP)
    np.savez(maps / "cats" / "c.png.npz", anything=MAP)
    levels = np.linspace(0, 255, 12 * 16).reshape(12, 16).astype(np.uint8)
    Image.fromarray(levels).save(maps / "d.png")  # the file name alone, which is unique
    collection = open_collection(photos, human_maps=maps)
    assert [collection.has_human_map(image) for image in collection.images] == [True, False, True, True]
    np.testing.assert_array_equal(collection.human_map("a.jpg"), MAP)
    np.testing.assert_array_equal(collection.human_map("cats/c.png", "human"), MAP)
    np.testing.assert_allclose(collection.human_map("cats/d.png"), levels / np.float32(255))
    assert collection.human_map("b.png") is None
    assert collection.participants("a.jpg") == ()
    assert collection.participant_maps("a.jpg") is None
    assert collection.skipped == ()


def test_a_map_of_fewer_cells_covers_the_whole_photograph(folders):
    photos, maps = folders
    np.save(maps / "a.npy", np.arange(12).reshape(3, 4))
    found = open_collection(photos, human_maps=maps).human_map("a.jpg")
    assert found.attrs["extent_px"] == [12.0, 16.0]
    np.testing.assert_allclose(found["x"], [2, 6, 10, 14])
    assert found.dtype == np.float32


def test_sixteen_bit_png_maps_keep_their_levels(folders):
    photos, maps = folders
    levels = np.linspace(0, 65535, 12 * 16).reshape(12, 16).astype(np.uint16)
    Image.fromarray(levels).save(maps / "a.png")
    found = open_collection(photos, human_maps=maps).human_map("a.jpg")
    np.testing.assert_allclose(found, levels / np.float32(65535))
    assert len(np.unique(found)) == 12 * 16


def test_maps_of_several_participants_are_averaged_and_kept_apart(folders):
    photos, maps = folders
    stack = np.random.default_rng(1).random((3, 12, 16)).astype(np.float32)
    np.savez(maps / "a.npz", maps=stack, participants=np.array(["p1", "p2", "p7"]))
    collection = open_collection(photos, human_maps=maps)
    assert collection.participants("a.jpg") == ("p1", "p2", "p7")
    np.testing.assert_array_equal(collection.participant_maps("a.jpg"), stack)
    np.testing.assert_allclose(collection.human_map("a.jpg"), stack.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(collection.human_map("a.jpg", participant="p7"), stack[2])
    with pytest.raises(UnknownNameError, match="p7"):
        collection.human_map("a.jpg", participant="p8")
    with pytest.raises(UnknownNameError, match="kind of human map"):
        collection.human_map("a.jpg", kind="clicks")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.where(MAP > 0.9, np.nan, MAP), "finite"),
        (np.where(MAP > 0.9, np.inf, MAP), "finite"),
        (np.full((12, 16), 1e300), r"all of its values are 1e\+300"),
        (MAP - 0.5, "at least 0"),
        (-MAP, "at least 0"),
        (np.zeros((12, 16)), "all of its values are 0: nobody marked anything"),
        (np.full((12, 16), 0.25), r"all of its values are 0\.25: it tells no place from another"),
        (MAP[0], r"array \(y, x\)"),
        (np.stack([MAP, MAP]), r"array \(y, x\)"),
        (MAP.T, "proportions"),
        (np.ones((1, 1)), "each side"),
        (MAP.astype(complex), "real numbers"),
        (np.full((12, 16), "a"), "real numbers"),
    ],
)
def test_a_map_that_is_none_is_refused_listed_and_stops_nothing(folders, values, reason):
    photos, maps = folders
    np.save(maps / "a.npy", values)
    np.save(maps / "b.npy", MAP)
    collection = open_collection(photos, human_maps=maps)
    assert collection.human_map("a.jpg") is None
    assert not collection.has_human_map("a.jpg")
    ((path, told),) = collection.skipped
    assert path == "maps/a.npy"
    with pytest.raises(MapFileError, match=reason):
        raise MapFileError(told)
    assert collection.human_map("b.png") is not None


BLOB = np.exp(-((np.mgrid[:12, :16] - np.array([4, 9])[:, None, None]) ** 2).sum(axis=0) / 20)


@pytest.mark.parametrize("scale", [1e-320, 1e-44, 1e-38, 1.0, 1e37, 1e300], ids=str)
def test_a_map_keeps_its_levels_whatever_its_scale(folders, scale):
    photos, maps = folders
    stored = BLOB * scale
    np.save(maps / "a.npy", stored)
    np.savez(maps / "b.npz", maps=np.stack([stored, stored.max() - stored]), participants=np.array(["p", "q"]))
    collection = open_collection(photos, human_maps=maps)
    found = collection.human_map("a.jpg").values
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert len(np.unique(found)) == len(np.unique(stored))
    np.testing.assert_allclose(found / float(found.max()), stored / stored.max(), rtol=1e-6)
    people = collection.participant_maps("b.png").values
    np.testing.assert_allclose(people.sum(axis=0), people.max(), rtol=1e-6)
    assert np.isfinite(collection.human_map("b.png")).all()


def test_a_map_whose_differences_float32_cannot_hold_is_refused_with_the_true_reason(folders):
    photos, maps = folders
    np.save(maps / "a.npy", 1e8 + BLOB)
    np.savez(maps / "b.npz", maps=np.stack([BLOB, 1e-60 * BLOB]), participants=np.array(["p", "q"]))
    np.save(maps / "c.npy", 1e8 + 8 * (BLOB > 0.5))
    np.save(maps / "d.npy", 100 + BLOB)
    collection = open_collection(photos, human_maps=maps)
    assert [collection.human_map(image) is None for image in collection.images] == [True, True, False, False]
    told = dict(collection.skipped)
    assert re.search(r"100000000\S* to 100000001, differ by too little .* of \d+ levels 1 would be", told["maps/a.npy"])
    assert "differ by too little of their size for float32" in told["maps/b.npz"]


def test_pickled_objects_are_never_loaded(folders):
    photos, maps = folders
    np.save(maps / "a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    np.savez(maps / "b.npz", np.array([[Trap()]], dtype=object), allow_pickle=True)
    (maps / "cats" / "c.npy").write_bytes(pickle.dumps(Trap()))
    np.savez(maps / "cats" / "d.npz", maps=MAP[None], participants=np.array([Trap()], dtype=object))
    collection = open_collection(photos, human_maps=maps)
    assert all(collection.human_map(image) is None for image in collection.images)
    assert len(collection.skipped) == 4


def test_a_header_that_claims_a_huge_array_is_refused_before_it_is_read(tmp_path):
    for shape in ((10**6, 10**6), (5000, 10)):
        with open(tmp_path / "a.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with pytest.raises(MapFileError, match="each side"):
            read_map_file(tmp_path / "a.npy")
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.write(tmp_path / "a.npy", "a.npy")
        with pytest.raises(MapFileError, match=r"each side|at most 1024 MB"):
            read_map_file(tmp_path / "a.npz")


def test_colour_pictures_are_no_maps(folders):
    photos, maps = folders
    (maps / "a.png").write_bytes(encoded(gradient(12, 16)))
    collection = open_collection(photos, human_maps=maps)
    assert collection.human_map("a.jpg") is None
    assert "grey PNG" in collection.skipped[0][1]


def test_participants_must_fit_their_maps(tmp_path):
    for ids in (["1", "1"], ["1"], []):
        np.savez(tmp_path / "a.npz", maps=np.stack([MAP, MAP]), participants=np.array(ids, dtype=str))
        with pytest.raises(MapFileError, match="different participants"):
            read_map_file(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", one=MAP, two=MAP)
    with pytest.raises(MapFileError, match="one array"):
        read_map_file(tmp_path / "a.npz")


def test_maps_that_fit_no_image_or_several_are_listed(folders):
    photos, maps = folders
    (photos / "a.png").write_bytes(encoded(gradient(12, 16)))
    for name in ("a.npy", "zebra.npy", "b.npy"):
        np.save(maps / name, MAP)
    np.savez(maps / "b.npz", MAP)
    collection = open_collection(photos, human_maps=maps)
    reasons = dict(collection.skipped)
    assert reasons.keys() == {"maps/a.npy", "maps/zebra.npy", "maps/b.npz"}
    assert "a.jpg and a.png" in reasons["maps/a.npy"]
    assert "no image" in reasons["maps/zebra.npy"]
    assert "second" in reasons["maps/b.npz"]


def test_a_file_name_alone_is_enough_only_where_one_image_has_it():
    known = ImageNames(("x/a.jpg", "y/a.jpg", "y/b.jpg"))
    found, left_out = match_names([("a.npy", "a"), ("b.npy", "b"), ("x/a.npy", "x/a")], known)
    assert found == {"y/b.jpg": "b.npy", "x/a.jpg": "x/a.npy"}
    assert [path for path, _ in left_out] == ["a.npy"]


def test_a_map_overwritten_in_place_is_noticed_in_a_folder_of_any_size(folders, monkeypatch):
    monkeypatch.setattr("gala_viz.collections.file_index.MAX_CHECKED_FILES", 1)
    photos, maps = folders
    np.save(maps / "a.npy", MAP)
    np.save(maps / "b.npy", MAP)
    for folder in (maps, maps / "cats"):
        os.utime(folder, (1e9, 1e9))  # old enough for the index to be believed
    before = [open_collection(photos, human_maps=maps).fingerprint for _ in range(2)]
    assert before[0] == before[1]
    with (maps / "a.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\0")
    assert open_collection(photos, human_maps=maps).fingerprint != before[0]


def test_a_map_is_checked_anew_against_a_photograph_replaced_in_place(folders):
    photos, maps = folders
    np.save(maps / "a.npy", MAP)
    collection = open_collection(photos, human_maps=maps)
    assert collection.human_map("a.jpg") is not None
    (photos / "a.jpg").write_bytes(encoded(gradient(30, 16)))
    assert collection.human_map("a.jpg") is None
    assert "do not fit 30 x 16 px" in dict(collection.skipped)["maps/a.npy"]


def test_of_many_maps_that_fit_no_image_some_are_named_and_the_rest_counted():
    found, left_out = match_names([(f"{k}.npy", str(k)) for k in range(250)], ImageNames(("a.jpg",)))
    assert found == {}
    assert len(left_out) == 101
    assert left_out[-1][1].startswith("150 more")


def test_maps_inside_the_photographs_folder_are_not_shown_as_photographs(folders):
    photos, _ = folders
    (photos / "marks").mkdir()
    Image.fromarray((MAP * 255).astype(np.uint8)).save(photos / "marks" / "a.png")
    collection = open_collection(photos, human_maps=photos / "marks")
    assert collection.images == ("a.jpg", "b.png", "cats/c.png", "cats/d.png")
    assert collection.has_human_map("a.jpg")
    with pytest.raises(ValueError, match="another folder"):
        open_collection(photos, human_maps=photos)
    with pytest.raises(FileNotFoundError, match=r"human_maps is a folder .*nowhere is not there"):
        open_collection(photos, human_maps=photos / "nowhere")


@settings(max_examples=150)
@given(st.data())
def test_damaged_map_files_are_refused_and_never_crash(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("maps") / f"a.{data.draw(st.sampled_from(['npy', 'npz', 'png']))}"
    if path.suffix == ".npy":
        np.save(path, MAP)
    elif path.suffix == ".npz":
        np.savez_compressed(path, maps=MAP[None], participants=np.array(["1"]))
    else:
        Image.fromarray((MAP * 255).astype(np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read_map_file(path, (12, 16))
    except MapFileError:
        return
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert (found.values >= 0).all()


def mask(labels, ignore, shape=(48, 64)):
    """A label mask: stripes of labels, separated by a thin border of ``ignore``."""
    values = np.repeat(np.resize(labels, shape[1] // 8), 8)[None].repeat(shape[0], axis=0)
    values[:, ::8] = ignore
    return values


@pytest.mark.parametrize(
    ("values", "suffix", "told"),
    [
        (mask([0, 1], 255).astype(np.uint8), "png", "the values 0, 1 and 255"),
        (mask([0, 7, 15], 255).astype(np.uint8), "png", "the values 0, 7, 15 and 255"),
        (mask([3, 19], 255).astype(np.uint8), "npy", "the values 3, 19 and 255"),
        (mask([0, 412], 1000).astype(np.uint16), "png", "the values 0, 412 and 1000"),
        (mask([0, 412, 900], 1000), "npz", "the values 0, 412, 900 and 1000"),
        (mask([0, 1, 2], 255).astype(np.float32), "npy", "the values 0, 1, 2 and 255"),
        (mask(range(12), 255, (48, 128)), "npy", "the values 0, 1, 2, 3, … and 255"),
        (mask([0, 15], 255).astype(np.uint8), "png", "the values 0, 15 and 255"),  # a 17th of 255
    ],
)
def test_a_label_mask_is_no_importance(tmp_path, values, suffix, told):
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        Image.fromarray(values).save(path)
    else:
        (np.save if suffix == "npy" else np.savez)(path, values)
    with pytest.raises(MapFileError, match=f"it holds {told}: the labels of a mask, of which .* means 'ignore'"):
        read_map_file(path)


def test_a_palette_picture_is_told_as_what_it_is(tmp_path):
    picture = Image.fromarray(mask([0, 15], 255).astype(np.uint8))
    picture.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    picture.save(tmp_path / "a.png")
    with pytest.raises(MapFileError, match="a palette PNG, as label masks are kept, and holds the values 0, 15"):
        read_map_file(tmp_path / "a.png")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 13, 15, 31, 32])
@pytest.mark.parametrize("top", [255, 65535])
def test_a_mean_of_a_few_binary_maps_is_importance(tmp_path, n, top):
    steps = np.resize(np.arange(n + 1), 64)[None].repeat(48, axis=0)
    values = np.round(steps * top / n).astype(np.uint8 if top == 255 else np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_map_file(tmp_path / "a.png").values, steps / n, atol=0.51 / top)


def test_a_grey_picture_of_four_bits_is_importance(tmp_path):
    y, x = np.mgrid[:48, :64]
    values = 17 * np.round(15 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 90)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_map_file(tmp_path / "a.png").values, values / 255, rtol=1e-6)


@pytest.mark.parametrize("ignored", range(4))
def test_a_folder_of_masks_is_refused_though_some_have_no_ignore_label(folders, ignored):
    photos, maps = folders
    for number, name in enumerate(("a", "b", "cats/c", "cats/d")):
        values = mask([0, 7, 12 + number], 255 if number == ignored else 0).astype(np.uint8)
        Image.fromarray(values).save(maps / f"{name}.png")
    with pytest.raises(MapFileError, match=r"maps/.*\.png: it holds the values .*take it out"):
        open_collection(photos, human_maps=maps)


def test_a_smooth_map_whose_largest_value_is_255_is_importance(tmp_path):
    y, x = np.mgrid[:48, :64]
    values = np.round(255 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 90)).astype(np.uint8)
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(read_map_file(tmp_path / "a.npy").values, values)
    np.save(tmp_path / "b.npy", values[::4, ::4])
    np.testing.assert_array_equal(read_map_file(tmp_path / "b.npy").values, values[::4, ::4])


def test_participants_of_a_file_are_those_who_marked_something_and_no_cumulative_bins(tmp_path):
    people = np.random.default_rng(3).random((4, 12, 16)).astype(np.float32)
    people[1] = 0
    np.savez(tmp_path / "a.npz", maps=people, participants=np.array(["p1", "p2", "p3", "p4"]))
    found = read_map_file(tmp_path / "a.npz")
    assert (found.participants, found.n_left_out) == (("p1", "p3", "p4"), 1)
    np.testing.assert_array_equal(found.values, people[[0, 2, 3]])
    np.savez(tmp_path / "b.npz", maps=np.cumsum(people, axis=0), participants=np.array(["1", "2", "3", "4"]))
    with pytest.raises(MapFileError, match="4 maps of which each contains the one before"):
        read_map_file(tmp_path / "b.npz")
    with pytest.raises(MapFileError, match="nobody marked anything"):
        read_map_file(saved(tmp_path, np.zeros((3, 12, 16))))


def saved(folder, people):
    np.savez(folder / "c.npz", maps=people, participants=np.array([str(number) for number in range(len(people))]))
    return folder / "c.npz"


def test_maps_of_nobody_make_no_cumulative_bins(tmp_path):
    nobody, one = np.zeros((12, 16)), np.eye(12, 16)
    both = one + np.eye(12, 16, 1)
    assert read_map_file(saved(tmp_path, np.stack([nobody, nobody, one]))).participants == ("2",)
    assert read_map_file(saved(tmp_path, np.stack([nobody, one, both]))).participants == ("1", "2")
    with pytest.raises(MapFileError, match="3 maps of which each contains the one before"):
        read_map_file(saved(tmp_path, np.stack([nobody, one, both, both + np.eye(12, 16, 2)])))


@settings(max_examples=100)
@given(
    st.sampled_from([np.uint8, np.uint16, np.float32]).flatmap(
        lambda dtype: arrays(
            dtype,
            st.tuples(st.integers(2, 24), st.integers(2, 24)),
            elements=st.sampled_from([0, 1, 2, 20, 85, 128, 255]).map(dtype),
        )
    )
)
def test_a_map_that_is_read_differs_somewhere_and_is_no_mask_with_an_ignore_label(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("maps")
    np.save(folder / "a.npy", values)
    found = set(np.unique(values).tolist())
    few = values.size >= 16 * len(found)
    try:
        read = read_map_file(folder / "a.npy").values
    except MapFileError:
        assert len(found) == 1 or (255 in found and few and found & {1, 2, 20, 85, 128})
        return
    np.testing.assert_array_equal(read, values)
    assert len(found) > 1
    assert not (few and 255 in found and found & {1, 2, 20}), "labels below 21 are no steps of a mean"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_grey_picture_in_colours_is_a_map_and_others_are_refused(tmp_path, mode):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_map_file(tmp_path / "a.png").values, read_map_file(tmp_path / "grey.png").values)
    picture = np.asarray(Image.fromarray(grey).convert(mode)).copy()
    picture[3, 4, -1] = 7
    Image.fromarray(picture, mode).save(tmp_path / "b.png")
    why = "its red, green and blue differ" if mode == "RGB" else "parts of it are transparent"
    with pytest.raises(MapFileError, match=f"this one has the mode {mode}, and {why}"):
        read_map_file(tmp_path / "b.png")
