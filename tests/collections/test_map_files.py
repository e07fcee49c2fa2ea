"""Human maps from files: found by image id, believed only after checks, never unpickled."""

import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gala_viz.collections import open_collection
from gala_viz.collections.map_files import MapFileError, read_map_file
from gala_viz.collections.map_names import ImageNames, matched
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
    np.save(maps / "a.npy", np.ones((3, 4)))
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
        (np.full((12, 16), 1e300), "finite"),
        (MAP - 0.5, "at least 0"),
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
        with pytest.raises(MapFileError, match="each side"):
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
    found, left_out = matched([("a.npy", "a"), ("b.npy", "b"), ("x/a.npy", "x/a")], known)
    assert found == {"y/b.jpg": "b.npy", "x/a.jpg": "x/a.npy"}
    assert [path for path, _ in left_out] == ["a.npy"]


def test_of_many_maps_that_fit_no_image_some_are_named_and_the_rest_counted():
    found, left_out = matched([(f"{k}.npy", str(k)) for k in range(250)], ImageNames(("a.jpg",)))
    assert found == {}
    assert len(left_out) == 101
    assert left_out[-1][1].startswith("150 more")


def test_maps_inside_the_photographs_folder_are_not_shown_as_photographs(folders):
    photos, _ = folders
    (photos / "marks").mkdir()
    Image.fromarray(np.full((12, 16), 9, np.uint8)).save(photos / "marks" / "a.png")
    collection = open_collection(photos, human_maps=photos / "marks")
    assert collection.images == ("a.jpg", "b.png", "cats/c.png", "cats/d.png")
    assert collection.has_human_map("a.jpg")
    with pytest.raises(ValueError, match="another folder"):
        open_collection(photos, human_maps=photos)
    with pytest.raises(FileNotFoundError, match=r"human_maps is a folder .*nowhere is not there"):
        open_collection(photos, human_maps=photos / "nowhere")


@settings(max_examples=150, deadline=None)
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
