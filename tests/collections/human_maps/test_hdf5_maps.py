"""Maps in the lab's HDF5 layout: named like images, never followed into other files."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gala_viz.collections import open_collection
from gala_viz.collections.human_maps.map_files import MapFileError
from tests.collections.pictures import encoded, gradient

MAP = np.random.default_rng(0).random((12, 16)).astype(np.float32)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("n1/a.png", "n1/b.png", "n2/a.png", "n2/c.png", "n2/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(gradient(12, 16)))
    return folder


def write_maps(path, maps, counts=None):
    with h5py.File(path, "w") as file:
        group = file.create_group("clickmaps")
        for name, values in maps.items():
            group.create_group(name).create_dataset("clickmap", data=values)
        for name, count in (counts or {}).items():
            file[f"click_counts/{name}"] = count
    return path


def test_maps_are_found_by_name(photos, tmp_path):
    people = np.stack([MAP, 2 * MAP])
    path = write_maps(tmp_path / "maps.h5", {"n1_a.png": MAP, "n2_a": people, "c.png": MAP, "zebra.png": MAP})
    collection = open_collection(photos, human_maps=path)
    np.testing.assert_array_equal(collection.human_map("n1/a.png"), MAP)
    np.testing.assert_array_equal(collection.human_map("n2/a.png"), people.mean(axis=0))
    assert collection.participants("n2/a.png") == ("0", "1")
    assert collection.has_human_map("n2/c.png")
    assert not collection.has_human_map("n1/b.png")
    assert dict(collection.skipped)["maps.h5, zebra.png"].startswith("fits no image")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((12, 16), np.nan), "192 of 192 are not"),
        (np.zeros((1, 12, 16)), "nobody marked anything"),
        (-MAP, "at least 0"),
        (MAP[:, :4], "do not fit 12 x 16 px"),
        (np.ones(5), "an array \\(y, x\\) of numbers"),
        (np.array([[b"x"]]), "an array \\(y, x\\) of numbers"),
    ],
)
def test_maps_that_cannot_be_are_listed(photos, tmp_path, values, told):
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", {"n1_a.png": values}))
    assert collection.human_map("n1/a.png") is None
    reason = dict(collection.skipped)["maps.h5, n1_a.png"]
    assert told.replace("\\", "") in reason
    assert not collection.has_human_map("n1/a.png")


def test_a_file_of_label_masks_is_refused_though_some_have_no_ignore_label(photos, tmp_path):
    labels = np.repeat([[0, 3, 7, 0]], 12, axis=0).repeat(4, axis=1)
    ignoring = np.where(np.arange(16) % 4, labels, 255)
    path = write_maps(tmp_path / "maps.h5", {"n1_a.png": labels, "n1_b.png": ignoring})
    with pytest.raises(MapFileError, match=r"maps\.h5, n1_b\.png: it holds the values 0, 3, 7 and 255"):
        open_collection(photos, human_maps=path)


def test_links_and_values_in_other_files_are_not_followed(photos, tmp_path):
    write_maps(tmp_path / "other.h5", {"n1_a.png": MAP})
    MAP.tofile(tmp_path / "raw")
    path = write_maps(tmp_path / "maps.h5", {"n1_b.png": MAP})
    with h5py.File(path, "a") as file:
        file["clickmaps/n1_a.png"] = h5py.ExternalLink("other.h5", "clickmaps/n1_a.png")
        file["clickmaps"].create_group("n2_a.png").create_dataset(
            "clickmap", MAP.shape, MAP.dtype, external=[(str(tmp_path / "raw"), 0, MAP.nbytes)]
        )
        layout = h5py.VirtualLayout(MAP.shape, MAP.dtype)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "clickmaps/n1_a.png/clickmap", MAP.shape)
        file["clickmaps"].create_group("n2_c.png").create_virtual_dataset("clickmap", layout)
        file["clickmaps"].create_group("n2_d.png")
    collection = open_collection(photos, human_maps=path)
    for image in ("n1/a.png", "n2/a.png", "n2/c.png", "n2/d.png"):
        assert collection.human_map(image) is None
    told = dict(collection.skipped)
    assert "no group" in told["maps.h5, n1_a.png"]
    assert "in another file" in told["maps.h5, n2_a.png"]
    assert "in another file" in told["maps.h5, n2_c.png"]
    assert "has no 'clickmap'" in told["maps.h5, n2_d.png"]
    assert collection.human_map("n1/b.png") is not None


def test_other_files_are_refused(photos, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(MapFileError, match="is no HDF5 file"):
        open_collection(photos, human_maps=tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = MAP
    with pytest.raises(MapFileError, match="no group 'clickmaps'; it has images"):
        open_collection(photos, human_maps=tmp_path / "other.h5")
    with pytest.raises(MapFileError, match=r"none of its 1 maps, for example 'zebra\.png' is named like an image"):
        open_collection(photos, human_maps=write_maps(tmp_path / "zebra.h5", {"zebra.png": MAP}))
    path = write_maps(tmp_path / "cut.h5", {"n1_a.png": MAP})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(MapFileError, match="damaged"):
        open_collection(photos, human_maps=path)


def test_a_map_of_all_participants_is_a_mean_of_the_number_that_is_told(photos, tmp_path):
    maps = {"n1_a.png": MAP[None], "n1_b.png": MAP, "n2_a.png": MAP[None], "n2_c.png": MAP[None]}
    counts = {"n1_a.png": 37, "n1_b.png": np.array([12]), "n2_c.png": -1}
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", maps, counts))
    told = {image: collection.human_map(image).attrs["n_participants"] for image in collection.images[:-1]}
    assert told == {"n1/a.png": 37, "n1/b.png": 12, "n2/a.png": "unknown", "n2/c.png": "unknown"}
    for image in told:
        assert collection.human_map(image).dims == ("y", "x")
        np.testing.assert_array_equal(collection.human_map(image), MAP)
        assert collection.participants(image) == (), "one participant is not what (1, y, x) means"
        assert collection.participant_maps(image) is None, "without participants there is no noise ceiling"
    (sentence,) = collection.map_kinds.values()
    assert "means over participants, their number told by click_counts for 3 of 4 images, else unknown" in sentence
    without = open_collection(photos, human_maps=write_maps(tmp_path / "more.h5", maps))
    assert "means over participants, number unknown" in next(iter(without.map_kinds.values()))
    apart = write_maps(tmp_path / "apart.h5", {"n1_a.png": np.stack([MAP, MAP[::-1]])}, {"n1_a.png": 2})
    assert open_collection(photos, human_maps=apart).participants("n1/a.png") == ("0", "1")


def cumulative(n=10, seed=0, shares=False):
    """Bins of one map's clicks, each with all clicks of the one before; ``shares``: divided by their sums."""
    chance = np.random.default_rng(seed)
    bins = np.zeros((n, 12, 16), np.float32)
    for number in range(40):
        bins[number % n :, chance.integers(12), chance.integers(16)] += 1
    return bins / bins.sum(axis=(1, 2), keepdims=True) if shares else bins


@pytest.mark.parametrize("shares", [False, True])
def test_cumulative_bins_are_no_participants(photos, tmp_path, shares):
    path = write_maps(tmp_path / "maps.h5", {"n1_a.png": cumulative(shares=shares), "n1_b.png": cumulative(10, 1)})
    with pytest.raises(MapFileError, match=r"maps\.h5, n1_a\.png: its first axis has 10 maps .*: cumulative bins"):
        open_collection(photos, human_maps=path)


def test_an_axis_that_the_file_calls_bins_or_counts_otherwise_is_none_of_participants(photos, tmp_path):
    people = np.random.default_rng(5).random((3, 12, 16))
    path = write_maps(tmp_path / "bins.h5", {"n1_a.png": people})
    with h5py.File(path, "a") as file:
        file.create_group("bin_clickmaps")
    with pytest.raises(MapFileError, match="the file has 'bin_clickmaps'"):
        open_collection(photos, human_maps=path)
    with pytest.raises(MapFileError, match="has 3 maps and click_counts tells 37 participants"):
        open_collection(photos, human_maps=write_maps(tmp_path / "more.h5", {"n1_a.png": people}, {"n1_a.png": 37}))
    found = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", {"n1_a.png": people}))
    assert found.participants("n1/a.png") == ("0", "1", "2")


def test_participants_who_marked_nothing_do_not_count(photos, tmp_path):
    people = np.stack([MAP, np.zeros_like(MAP), MAP[::-1], np.full_like(MAP, 3)])
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", {"n1_a.png": people}))
    assert collection.participants("n1/a.png") == ("0", "2")
    found = collection.human_map("n1/a.png")
    np.testing.assert_allclose(found, (MAP + MAP[::-1]) / 2, rtol=1e-6)
    assert (found.attrs["n_participants"], found.attrs["n_left_out"]) == (2, 2)


def test_a_file_is_refused_only_where_its_images_agree_that_it_has_no_participants(photos, tmp_path):
    people, nobody = np.stack([MAP, MAP[::-1], MAP[:, ::-1]]), np.zeros_like(MAP)
    nested = cumulative(3)
    maps = {"n1_a.png": nested, "n1_b.png": people, "n2_a.png": np.stack([nobody, nested[0], nested[2]])}
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", maps))
    assert collection.participants("n2/a.png") == ("1", "2")
    assert collection.participants("n1/b.png") == ("0", "1", "2")
    assert collection.human_map("n1/a.png") is None
    assert "cumulative bins" in dict(collection.skipped)["maps.h5, n1_a.png"]
    maps["n1_b.png"] = cumulative(4, seed=2)
    with pytest.raises(MapFileError, match=r"n1_a\.png: its first axis has 3 maps .*: cumulative bins"):
        open_collection(photos, human_maps=write_maps(tmp_path / "bins.h5", maps))
    alone = {"n1_a.png": nested, "n1_b.png": MAP}
    assert open_collection(photos, human_maps=write_maps(tmp_path / "mixed.h5", alone)).has_human_map("n1/b.png")
    counted = write_maps(tmp_path / "counted.h5", {"n1_a.png": np.stack([nobody, *people])}, {"n1_a.png": 3})
    assert open_collection(photos, human_maps=counted).participants("n1/a.png") == ("1", "2", "3")


@settings(max_examples=60)
@given(
    st.sampled_from([np.float32, np.uint8, np.int16]).flatmap(
        lambda dtype: arrays(
            dtype, st.tuples(st.integers(1, 11), st.just(6), st.just(8)), elements=st.integers(0, 100).map(dtype)
        )
    ),
    st.none() | st.integers(-2, 20) | st.floats(allow_nan=True, allow_infinity=True),
)
def test_whatever_the_first_axis_holds_n_is_never_more_than_is_told(tmp_path_factory, values, count):
    folder = tmp_path_factory.mktemp("h5")
    (folder / "photos").mkdir()
    (folder / "photos" / "a.png").write_bytes(encoded(gradient(6, 8)))
    path = write_maps(folder / "maps.h5", {"a.png": values}, {} if count is None else {"a.png": count})
    try:
        collection = open_collection(folder / "photos", human_maps=path)
    except MapFileError:
        assert len(values) > 1
        return
    found = collection.human_map("a.png")
    if found is None:
        return
    told = found.attrs["n_participants"]
    assert np.isfinite(found).all()
    assert found.values.min() < found.values.max()
    if len(values) == 1:
        known = count is not None and np.isfinite(count) and count >= 1 and count == int(count)
        assert told == (int(count) if known else "unknown")
        assert collection.participants("a.png") == ()
    else:
        assert told == len(collection.participants("a.png")) <= len(values)
        apart = values[values.min(axis=(1, 2)) < values.max(axis=(1, 2))]
        assert len(apart) <= 2 or not (np.diff(apart.astype(float), axis=0) >= 0).all()


def test_a_map_is_checked_anew_against_a_photograph_replaced_in_place(photos, tmp_path):
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", {"n1_a.png": MAP}))
    assert collection.human_map("n1/a.png") is not None
    (photos / "n1" / "a.png").write_bytes(encoded(gradient(30, 16)))
    assert collection.human_map("n1/a.png") is None
    assert "do not fit 30 x 16 px" in dict(collection.skipped)["maps.h5, n1_a.png"]


def test_a_folder_of_batches_is_one_source_of_maps_and_bad_ones_are_told(photos, tmp_path):
    folder = tmp_path / "batches"
    folder.mkdir()
    write_maps(folder / "maps_batch001.h5", {"n1_a.png": MAP[None], "n1_b.png": MAP}, {"n1_a.png": 9})
    write_maps(folder / "maps_batch002.h5", {"n2_c.png": 2 * MAP, "n1_b.png": 3 * MAP})
    write_maps(folder / "maps_batch003.h5", {"zebra.png": MAP})
    (folder / "maps_batch004.h5").write_bytes(b"no HDF5")
    (folder / "maps_batch005.h5").symlink_to(write_maps(tmp_path / "elsewhere.h5", {"n2_d.png": MAP}))
    collection = open_collection(photos, human_maps=folder)
    assert [image for image in collection.images if collection.has_human_map(image)] == [
        "n1/a.png",
        "n1/b.png",
        "n2/c.png",
    ]
    assert collection.human_map("n1/a.png").attrs["n_participants"] == 9
    np.testing.assert_array_equal(collection.human_map("n1/b.png"), MAP)
    np.testing.assert_array_equal(collection.human_map("n2/c.png"), 2 * MAP)
    told = dict(collection.skipped)
    assert "comes second for n1/b.png" in told["maps_batch002.h5, n1_b.png"]
    assert "none of its 1 maps" in told["maps_batch003.h5"]
    assert "no HDF5 file" in told["maps_batch004.h5"]
    assert "leaves the maps' folder" in told["maps_batch005.h5"]
    assert "1 more file of the folder" in collection.map_kinds["ClickMe"]
    for name in ("001", "002"):
        (folder / f"maps_batch{name}.h5").unlink()
    with pytest.raises(MapFileError, match="none of its 3 HDF5 files can be used"):
        open_collection(photos, human_maps=folder)
