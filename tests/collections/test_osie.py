"""OSIE in both layouts, made on the spot with known points; and the shared copy where it is there."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from gala_viz.alignment import noise_ceiling, spearman, to_resolution
from gala_viz.collections import open_collection
from gala_viz.collections.osie import OSIECollection
from gala_viz.collections.osie_files import OSIEFileError, fixations_from_csv
from gala_viz.registry import UnknownNameError
from gala_viz.splits import hash_split
from tests.collections.pictures import encoded, gradient

IMAGES = ("1001", "1002", "1003")


def known_points(seed=0):
    """Image -> rows (participant, x, y, duration), in pixels counted from 1, some of them outside."""
    generator = np.random.default_rng(seed)
    points = {}
    for image in IMAGES[:2]:
        rows = [
            (participant, *np.round(generator.uniform((1, 1), (800, 600)), 1), int(generator.integers(80, 400)))
            for participant in range(1, 6)
            for _ in range(4)
        ]
        points[image] = [*rows, (3, 1000.0, 20.0, 100), (3, 20.0, -4.0, 100)]
    return points


def known_samples(seed=1):
    """Image -> rows (worker, row, column) of mouse samples, counted from 1."""
    generator = np.random.default_rng(seed)
    workers = np.repeat([7, 40, 301], [30, 10, 20])
    return {
        image: np.column_stack([workers, generator.integers(1, 601, 60), generator.integers(1, 801, 60)])
        for image in IMAGES[1:]
    }


def cells(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def write_stimuli(folder, size):
    folder.mkdir(parents=True)
    for image in IMAGES:
        (folder / f"{image}.jpg").write_bytes(encoded(gradient(*size), "JPEG"))


def write_compact(folder, packed=True):
    write_stimuli(folder / "stimuli", (300, 400))
    lines = ["image,participant,order,x_px,y_px,duration_ms"]
    for image, rows in known_points().items():
        lines += [f"{image},{participant},1,{x},{y},{ms}" for participant, x, y, ms in rows]
    text = ("\n".join(lines) + "\n").encode()
    (folder / ("fixations.csv.gz" if packed else "fixations.csv")).write_bytes(gzip.compress(text) if packed else text)
    samples = np.concatenate([np.column_stack([np.full(60, int(i)), rows]) for i, rows in known_samples().items()])
    names = ("image", "participant", "row_px", "column_px")
    np.savez(folder / "mouse_amt.npz", **{name: samples[:, k].astype(np.int16) for k, name in enumerate(names)})
    return folder


def write_public(folder):
    data = folder / "data"
    write_stimuli(data / "stimuli", (600, 800))
    entries = []
    for image, rows in known_points().items():
        subjects = []
        for participant in range(1, 6):
            mine = np.array([row[1:] for row in rows if row[0] == participant], dtype=float)
            subjects.append({"fix_x": mine[:, 0], "fix_y": mine[:, 1], "fix_duration": mine[:, 2]})
        entries.append({"img": f"{image}.jpg", "subjects": cells(subjects)})
    (data / "eye").mkdir()
    savemat(data / "eye" / "fixations.mat", {"fixations": cells(entries)})
    (data / "mouse_amt").mkdir()
    for image, rows in known_samples().items():
        samples = {"subj": rows[:, 0].astype(float), "coord": rows[:, 1:].astype(float), "order": np.arange(60.0)}
        savemat(data / "mouse_amt" / f"{image}.mat", {"fixations": samples})
    return folder


@pytest.fixture(params=["compact", "plain table", "public", "public data folder"])
def osie(request, tmp_path):
    if request.param.startswith("public"):
        folder = write_public(tmp_path / "osie")
        return open_collection(folder / "data" if request.param.endswith("folder") else folder)
    return open_collection(write_compact(tmp_path / "osie", packed=request.param == "compact"))


def test_a_folder_in_osies_layout_opens_with_its_three_kinds_of_maps(osie):
    assert isinstance(osie, OSIECollection)
    assert osie.images == IMAGES
    assert list(osie.map_kinds) == ["fixations", "durations", "mouse"]
    assert "5 observers" in osie.map_kinds["fixations"]
    assert [osie.has_human_map(image) for image in IMAGES] == [True, True, False]
    assert osie.human_map("1003") is None
    assert osie.human_map("1003", "mouse") is not None
    assert osie.participants("1001") == ("1", "2", "3", "4", "5")
    assert osie.participants("1002", "mouse") == ("7", "40", "301")
    assert osie.skipped == ()


def test_an_image_of_osie_is_in_the_split_that_its_id_gives(osie):
    assert [osie.split(image) for image in IMAGES] == [hash_split(image) for image in IMAGES]


def map_by_formula(points, weights=None):
    """Sum of Gaussians of 24 px at the points (pixels counted from 1), at the centres of 150 x 200 cells."""
    y, x = (np.arange(150) + 0.5) * 4, (np.arange(200) + 0.5) * 4
    total = np.zeros((150, 200))
    for k, (px, py) in enumerate(points):
        if 0.5 <= px < 800.5 and 0.5 <= py < 600.5:
            bump = np.exp(-((y[:, None] - (py - 0.5)) ** 2 + (x - (px - 0.5)) ** 2) / (2 * 24**2))
            total += bump * (1 if weights is None else weights[k])
    return total * 16 / (2 * np.pi * 24**2)


@pytest.mark.parametrize("kind", ["fixations", "durations"])
def test_each_observers_map_is_a_sum_of_gaussians_at_the_fixations(osie, kind):
    maps = osie.participant_maps("1001", kind)
    assert maps.dims == ("participant", "y", "x")
    assert maps.attrs["extent_px"] == [float(side) for side in osie.size_px("1001")]
    assert maps.attrs["n_outside"] == 2
    for participant in ("1", "3"):
        rows = [row for row in known_points()["1001"] if row[0] == int(participant)]
        weights = [row[3] for row in rows] if kind == "durations" else None
        expected = map_by_formula([row[1:3] for row in rows], weights)
        found = osie.human_map("1001", kind, participant).values
        np.testing.assert_array_equal(found, maps.sel(participant=participant))
        np.testing.assert_allclose(found, expected, atol=expected.max() * 0.06)  # points are counted in cells of 4 px


def test_each_workers_mouse_map_is_a_share_with_rows_and_columns_the_right_way_round(osie):
    maps = osie.participant_maps("1002", "mouse")
    rows = known_samples()["1002"]
    for worker in ("7", "301"):
        mine = rows[rows[:, 0] == int(worker)]
        expected = map_by_formula(mine[:, [2, 1]]) / len(mine)
        np.testing.assert_allclose(maps.sel(participant=worker), expected, atol=expected.max() * 0.06)
    assert (maps.sum(("y", "x")) <= 1.0001).all()


def test_the_images_map_is_the_mean_over_its_participants(osie):
    for kind in osie.map_kinds:
        maps = osie.participant_maps("1002", kind)
        found = osie.human_map("1002", kind)
        np.testing.assert_allclose(found, maps.mean("participant"), atol=float(found.max()) * 1e-5)


def test_both_layouts_of_the_same_points_give_the_same_maps(tmp_path):
    public, compact = OSIECollection(write_public(tmp_path / "p")), OSIECollection(write_compact(tmp_path / "c"))
    for kind in public.map_kinds:
        np.testing.assert_allclose(public.human_map("1002", kind), compact.human_map("1002", kind), rtol=1e-5)


def test_the_width_of_the_gaussian_is_part_of_map_and_fingerprint(tmp_path):
    folder = write_compact(tmp_path / "osie")
    narrow, wide = OSIECollection(folder, sigma_px=12), OSIECollection(folder)
    assert narrow.fingerprint != wide.fingerprint
    assert narrow.human_map("1001").attrs["sigma_px"] == 12
    assert float(narrow.human_map("1001").max()) > float(wide.human_map("1001").max())


def test_mouse_samples_that_are_changed_in_place_change_the_fingerprint(tmp_path):
    folder = write_public(tmp_path / "osie")
    before = OSIECollection(folder).fingerprint
    assert OSIECollection(folder).fingerprint == before
    path = folder / "data" / "mouse_amt" / "1002.mat"
    content, listed = bytearray(path.read_bytes()), path.parent.stat().st_mtime_ns
    content[-5] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    assert path.parent.stat().st_mtime_ns == listed
    assert OSIECollection(folder).fingerprint != before


def test_unknown_kinds_participants_and_images_are_answered(osie):
    with pytest.raises(UnknownNameError, match="Did you mean 'fixations'"):
        osie.human_map("1001", "fixation")
    with pytest.raises(UnknownNameError, match="participant"):
        osie.human_map("1001", participant="99")
    with pytest.raises(UnknownNameError, match="1001"):
        osie.participants("10001")


def test_a_damaged_file_of_points_is_listed_and_the_rest_stays(tmp_path):
    compact = write_compact(tmp_path / "c")
    (compact / "fixations.csv.gz").write_bytes(b"no gzip")
    collection = open_collection(compact)
    assert list(collection.map_kinds) == ["mouse"]
    assert collection.skipped[0][0] == "fixations.csv.gz"
    (compact / "mouse_amt.npz").write_bytes(b"no zip")
    collection = open_collection(compact)
    assert collection.map_kinds == {}
    assert collection.human_map("1001") is None
    assert collection.photo("1001").shape == (300, 400, 3)

    public = write_public(tmp_path / "p")
    (public / "data" / "mouse_amt" / "1002.mat").write_bytes(b"no MATLAB file")
    collection = open_collection(public)
    assert collection.human_map("1002", "mouse") is None
    assert collection.human_map("1003", "mouse") is not None
    assert collection.skipped[0][0] == "mouse_amt/1002.mat"
    (public / "data" / "eye" / "fixations.mat").write_bytes(b"\0" * 200)
    assert list(open_collection(public).map_kinds) == ["mouse"]


def test_a_mat_file_of_another_shape_is_told(tmp_path):
    public = write_public(tmp_path / "p")
    path = public / "data" / "eye" / "fixations.mat"
    subject = {"fix_x": np.ones(3), "fix_y": np.ones(2), "fix_duration": np.ones(3)}
    for content, reason in [
        ({"other": 1}, "no variable 'fixations'"),
        ({"fixations": np.ones((2, 2))}, "img and subjects"),
        ({"fixations": cells([{"img": "1001.jpg", "subjects": cells([subject, subject])}])}, "differ in number"),
    ]:
        savemat(path, content)
        assert reason in dict(open_collection(public).skipped)["fixations.mat"]


def test_one_image_with_one_observer_and_one_fixation_is_read(tmp_path):
    public = write_public(tmp_path / "p")
    entry = {"img": "1001.jpg", "subjects": cells([{"fix_x": 402.5, "fix_y": 302.5, "fix_duration": 200.0}])}
    savemat(public / "data" / "eye" / "fixations.mat", {"fixations": cells([entry])})
    found = open_collection(public).human_map("1001")
    np.testing.assert_allclose(found, map_by_formula([(402.5, 302.5)]), atol=float(found.max()) * 1e-3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column image"),
        ("image,participant,x_px\n", "no column y_px, duration_ms"),
        ("image,participant,x_px,y_px,duration_ms\n1001,1,a,2,3\n", "line 2"),
        ("image,participant,x_px,y_px,duration_ms\n1001,1,1,2,3\n1001,1,nan,2,3\n", "line 3"),
        ("image,participant,x_px,y_px,duration_ms\n1001,1,1,2\n", "line 2"),
        pytest.param(
            "image,participant,x_px,y_px,duration_ms\n1001,1,1,2,3\n" + "9" * 200_000, "line 3", id="a huge field"
        ),
        ("image,participant,x_px,y_px,duration_ms\n1001,1,1,2,-3\n", "line 2"),
    ],
)
def test_a_row_that_is_no_fixation_is_told_with_its_line(text, reason):
    with pytest.raises(OSIEFileError, match=reason):
        fixations_from_csv(text)


number = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 15), number, number, st.integers(0, 5000)), min_size=1))
def test_a_table_of_fixations_is_read_back_row_by_row(rows):
    lines = ["\ufeffimage,order,participant,x_px,y_px,duration_ms"[1:]]
    lines += [f"{image},1,{participant},{x},{y},{ms}" for image, participant, x, y, ms in rows]
    found = fixations_from_csv("\n".join(lines))
    for image, points in found.items():
        mine = [row for row in rows if str(row[0]) == image]
        np.testing.assert_array_equal(points.participant, [row[1] for row in mine])
        np.testing.assert_allclose(points.x_px + 0.5, [row[2] for row in mine])
        np.testing.assert_allclose(points.duration_ms, [row[4] for row in mine])
    assert sum(len(points.x_px) for points in found.values()) == len(rows)


@settings(max_examples=200)
@given(st.text(max_size=80), st.text(st.sampled_from("0123456789.,-\n\"' eEna"), max_size=80))
def test_any_text_is_a_table_or_refused(head, rows):
    for text in (head, "image,participant,x_px,y_px,duration_ms\n" + rows):
        try:
            found = fixations_from_csv(text)
        except OSIEFileError:
            continue
        assert all(np.isfinite(points.x_px).all() for points in found.values())


@pytest.mark.shared
def test_the_shared_copy_has_15_observers_who_agree_more_than_chance(shared_data):
    collection = open_collection(shared_data / "osie")
    assert len(collection) == 500
    images = collection.images[::100]
    assert {len(collection.participants(image)) for image in images} == {15}
    maps = {image: to_resolution(collection.participant_maps(image)) for image in images}
    ceiling = noise_ceiling(maps, n_splits=10)
    assert 0.7 < ceiling.rho < 0.95
    pairs = [
        float(spearman(to_resolution(collection.human_map(image)), to_resolution(collection.human_map(image, "mouse"))))
        for image in images
    ]
    assert 0.4 < np.mean(pairs) < 1
    assert collection.skipped == ()
