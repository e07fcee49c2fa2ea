"""Folders of photographs with labels in a file, as they are stored, cut to what maps cover, with masks of objects."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.folder_spec import crop_box
from gala_viz.collections.label_files import LabelFileError
from gala_viz.collections.manifest import ManifestError
from gala_viz.collections.photo_files import ReadingLimits, UnreadableImageError, photo_size_px, read_photo
from gala_viz.imagenet import CATEGORIES
from tests.collections.pictures import encoded, gradient, oriented

MAP = np.random.default_rng(0).random((56, 56)).astype(np.float32)
WNIDS = [wnid for wnid, _ in CATEGORIES]
KIT = np.random.default_rng(1).permutation(1000)
"""Index of the category that the development kit gives the number 1, 2, …; made up."""


@pytest.fixture
def flat(tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    for number in (1, 2, 50_000):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(encoded(gradient(20, 30), "JPEG"))
    return folder


def solution(path, rows):
    path.write_text("ImageId,PredictionString\n" + "".join(f"{name},{boxes}\n" for name, boxes in rows))
    return path


def ground_truth(folder, numbers=None):
    numbers = np.arange(50_000) % 1000 + 1 if numbers is None else numbers
    path = folder / "ILSVRC2012_validation_ground_truth.txt"
    path.write_text("\n".join(map(str, numbers)) + "\n")
    return path


def meta(path, indices=KIT, further=()):
    synsets = [{"ILSVRC2012_ID": n, "WNID": WNIDS[index]} for n, index in enumerate(indices, start=1)]
    savemat(
        path,
        {
            "synsets": np.array(
                [tuple(one.values()) for one in [*synsets, *further]], dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")]
            )
        },
    )


def test_a_solution_in_csv_labels_the_flat_validation_folder(flat, tmp_path):
    rows = [
        ("ILSVRC2012_val_00000001", "n01440764 1 2 3 4 n01440764 5 6 7 8"),
        ("ILSVRC2012_val_00050000", "n15075141 0 0 1 1"),
    ]
    collection = open_collection(flat, labels=solution(tmp_path / "LOC_val_solution.csv", rows))
    assert [collection.target(image) for image in collection.images] == [0, None, 999]
    assert collection.category(collection.images[0]) == "tench"
    assert dict(collection.skipped) == {"LOC_val_solution.csv": "1 of 3 images have no label in it."}
    assert collection.fingerprint != open_collection(flat).fingerprint


def test_the_numbers_of_the_development_kit_are_translated_by_its_own_table_and_never_taken_for_indices(flat, tmp_path):
    path = ground_truth(tmp_path)
    with pytest.raises(LabelFileError, match="not the order of their WordNet ids"):
        open_collection(flat, labels=path)
    group = {"ILSVRC2012_ID": 1001, "WNID": "n00001740"}
    meta(tmp_path / "meta.mat", further=[group])
    collection = open_collection(flat, labels=path)
    assert [collection.target(image) for image in collection.images] == [KIT[0], KIT[1], KIT[999]]
    (tmp_path / "meta.mat").unlink()
    lines = [f"{WNIDS[index]} {number} name" for number, index in enumerate(KIT, start=1)]
    (tmp_path / "map_clsloc.txt").write_text("\n".join(lines))
    again = open_collection(flat, labels=path)
    assert [again.target(image) for image in again.images] == [KIT[0], KIT[1], KIT[999]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: ground_truth(folder, [1, 2, 3]), "50,000 lines were expected"),
        (lambda folder: ground_truth(folder, [1001] * 50_000), "1 to 1000 was expected"),
        (lambda folder: meta(folder / "meta.mat", KIT[:999]), "each once"),
        (lambda folder: meta(folder / "meta.mat", np.zeros(1000, int)), "each once"),
        (lambda folder: (folder / "meta.mat").write_bytes(b"no table"), "meta.mat"),
    ],
)
def test_wrong_numbers_and_wrong_tables_are_refused(flat, tmp_path, spoil, message):
    path = ground_truth(tmp_path)
    meta(tmp_path / "meta.mat")
    spoil(tmp_path)
    with pytest.raises(LabelFileError, match=message):
        open_collection(flat, labels=path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("ILSVRC2012_val_00000001", "n01440764 1 2 3 4 n01443537 5 6 7 8")], "one WordNet id"),
        ([("ILSVRC2012_val_00000001", "n99999999 1 2 3 4")], "one WordNet id"),
        ([("a", "n01440764"), ("a", "n01443537")], "none of the images"),
        (
            [("ILSVRC2012_val_00000001", "n01440764"), ("ILSVRC2012_val_00000001", "n01443537")],
            "another label than before",
        ),
    ],
)
def test_rows_that_name_no_category_or_two_are_refused(flat, tmp_path, rows, message):
    with pytest.raises(LabelFileError, match=message):
        open_collection(flat, labels=solution(tmp_path / "LOC_val_solution.csv", rows))


def test_a_file_of_labels_that_the_folders_contradict_or_of_another_kind_is_refused(tmp_path):
    (tmp_path / "photos/n01443537").mkdir(parents=True)
    (tmp_path / "photos/n01443537/a.png").write_bytes(encoded(gradient()))
    with pytest.raises(LabelFileError, match="its folder says otherwise"):
        open_collection(tmp_path / "photos", labels=solution(tmp_path / "s.csv", [("a", "n01440764 1 2 3 4")]))
    (tmp_path / "labels.txt").write_text("a tench\n")
    with pytest.raises(LabelFileError, match=r"is neither LOC_val_solution\.csv"):
        open_collection(tmp_path / "photos", labels=tmp_path / "labels.txt")


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP"])
def test_photographs_are_read_as_they_are_stored_on_request(suffix):
    content = oriented(gradient(40, 60), 6, suffix)
    stored = ReadingLimits(exif="ignore")
    assert read_photo(content).shape == (40, 60, 3)
    assert read_photo(content, stored).shape == (60, 40, 3) == (*photo_size_px(content, stored), 3)
    assert np.abs(read_photo(content, stored) - np.rot90(read_photo(content)).astype(int)).max() <= 2


def test_a_turned_tiff_is_refused_as_stored_since_libraries_differ_in_what_that_is():
    content = oriented(gradient(40, 60), 6, "TIFF")
    with pytest.raises(UnreadableImageError, match="save it as PNG"):
        read_photo(content, ReadingLimits(exif="ignore"))


def test_an_import_tells_which_photographs_with_maps_are_turned_and_keeps_the_choice(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(oriented(gradient(40, 60), 6, "JPEG"))
    (tmp_path / "photos/b.jpg").write_bytes(encoded(gradient(60, 40), "JPEG"))
    (tmp_path / "clicks.csv").write_text(
        'image_path,clicks,user_id\na.jpg,"[(5, 50), (6, 51)]",anna\nb.jpg,"[(5, 50), (6, 51)]",anna\n'
    )
    common = [
        "import",
        "clicks",
        str(tmp_path / "clicks.csv"),
        "--photos",
        str(tmp_path / "photos"),
        "--units",
        "pixels",
    ]
    main([*common, "--into", str(tmp_path / "upright"), "--quiet"])
    told = capsys.readouterr().out
    assert "NOT SURE: 1 photograph with human maps (a.jpg)" in told
    assert "--exif ignore" in told
    main([*common, "--into", str(tmp_path / "stored"), "--exif", "ignore", "--quiet"])
    assert "--exif apply" in capsys.readouterr().out
    upright, stored = (open_collection(tmp_path / name) for name in ("upright", "stored"))
    assert upright.size_px("a.jpg") == (40, 60)
    assert stored.size_px("a.jpg") == stored.photo("a.jpg").shape[:2] == (60, 40)
    assert stored.human_map("a.jpg") is not None
    assert stored.fingerprint != upright.fingerprint


def test_maps_over_the_central_crop_are_of_that_part_of_the_photograph_alone(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    photo = np.random.default_rng(0).integers(0, 256, (256, 384, 3)).astype(np.uint8)
    (tmp_path / "photos/a.png").write_bytes(encoded(photo))
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps/a.npy", MAP)
    assert open_collection(tmp_path / "photos", human_maps=tmp_path / "maps").human_map("a.png") is None
    collection = open_collection(tmp_path / "photos", human_maps=tmp_path / "maps", covers="crop")
    assert crop_box((256, 384)) == (16, 80, 224)
    np.testing.assert_array_equal(collection.photo("a.png"), photo[16:240, 80:304])
    human_map = collection.human_map("a.png")
    np.testing.assert_array_equal(human_map, MAP)
    assert human_map.attrs["extent_px"] == [224.0, 224.0]
    assert collection.size_px("a.png") == (224, 224)
    assert collection.content_key("a.png") == open_collection(tmp_path / "photos").content_key("a.png")
    assert "only that part is shown" in collection.map_kinds["human"]
    assert collection.origin == {}  # a name and a folder do not tell it
    main(
        [
            "import",
            "maps",
            str(tmp_path / "maps"),
            "--photos",
            str(tmp_path / "photos"),
            "--covers",
            "crop",
            "--into",
            str(tmp_path / "mapped"),
            "--quiet",
        ]
    )
    np.testing.assert_array_equal(open_collection(tmp_path / "mapped").photo("a.png"), photo[16:240, 80:304])


def test_a_crop_of_positions_or_of_no_maps_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(gradient()))
    table = tmp_path / "clicks.csv"
    table.write_text('image_path,clicks,user_id\na.png,"[(5, 5), (6, 5)]",anna\n')
    with pytest.raises(ValueError, match="positions in the whole photograph"):
        open_collection(tmp_path, human_maps=table, covers="crop")
    with pytest.raises(ValueError, match="name these as human_maps"):
        open_collection(tmp_path, covers="crop")
    with pytest.raises(ValueError, match="no folder"):
        open_collection(tmp_path, human_maps=table, mask="imagenet-s")
    with pytest.raises(ValueError, match="covers is one of photograph, crop"):
        open_collection(tmp_path, human_maps=table, covers="middle")
    with pytest.raises(ValueError, match="belong to a folder of photographs"):
        open_collection("photos", exif="ignore")
    (tmp_path / "mapped").mkdir()
    (tmp_path / "mapped/collection.toml").write_text('[collection]\nsource = ".."\n[folder]\nlabels = 3\n')
    with pytest.raises(ManifestError, match="labels is the path of a file"):
        open_collection(tmp_path / "mapped")


def masks(tmp_path, labels, mode):
    (tmp_path / "photos").mkdir(exist_ok=True)
    (tmp_path / "masks").mkdir(exist_ok=True)
    for name, values in labels.items():
        (tmp_path / "photos" / f"{name}.png").write_bytes(encoded(gradient(*values.shape[:2])))
        Image.fromarray(values.astype(np.uint8)).convert(mode).save(tmp_path / "masks" / f"{name}.png")
    return {"human_maps": tmp_path / "masks"}


def regions(*values):
    """12 x 18 labels in vertical bands of equal width."""
    return np.repeat(np.repeat(np.array(values), 18 // len(values))[None], 12, axis=0)


def test_masks_of_imagenet_s_become_maps_of_the_object_without_what_is_ignored(tmp_path):
    ids = regions(0, 300, 1000)
    rgb = np.stack([ids % 256, ids // 256, 0 * ids], axis=-1)
    options = masks(tmp_path, {"a": rgb, "b": 0 * rgb, "c": rgb + np.array([0, 0, 7])}, "RGB")
    collection = open_collection(tmp_path / "photos", **options, mask="imagenet-s")
    np.testing.assert_array_equal(collection.human_map("a.png"), ids == 300)
    assert collection.human_map("a.png").attrs["n_ignored_cells"] == 72
    assert collection.human_map("b.png") is None
    assert collection.human_map("c.png") is None
    told = dict(collection.skipped)
    assert "none of it is an object" in told["masks/b.png"]
    assert "has no blue" in told["masks/c.png"]
    assert list(collection.map_kinds) == ["object mask"]
    plain = open_collection(tmp_path / "photos", **options)
    assert plain.human_map("a.png") is None  # never by itself


@pytest.mark.parametrize("background", [158, 40])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_of_part_imagenet_are_of_whole_objects_or_of_parts_by_their_background(tmp_path, background, mode):
    labels = regions(0, 39, background)
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    (tmp_path / "photos/a.png").write_bytes(encoded(gradient(12, 18)))
    picture = Image.fromarray(labels.astype(np.uint8))
    if mode == "P":
        picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    picture.save(tmp_path / "masks/a.png")
    collection = open_collection(tmp_path / "photos", human_maps=tmp_path / "masks", mask="part-imagenet")
    np.testing.assert_array_equal(collection.human_map("a.png"), labels != background)
    assert ("whole objects" if background == 158 else "parts") in collection.map_kinds["object mask"]


def test_masks_of_another_set_are_refused(tmp_path):
    options = masks(tmp_path, {"a": regions(0, 1, 255)}, "L")
    with pytest.raises(ValueError, match="here it is 255"):
        open_collection(tmp_path / "photos", **options, mask="part-imagenet")
    collection = open_collection(tmp_path / "photos", **options, mask="imagenet-s")
    assert collection.human_map("a.png") is None
    assert "PNG of the mode RGB" in dict(collection.skipped)["masks/a.png"]


def test_folders_of_splits_inside_another_folder_are_splits(tmp_path):
    for name in ("images/train/a.png", "images/val/b.png", "images/test/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded(gradient()))
    collection = open_collection(tmp_path)
    assert {image: collection.split(image) for image in collection.images} == {
        "images/test/c.png": "test",
        "images/train/a.png": "train",
        "images/val/b.png": "validation",
    }
    assert {collection.category(image) for image in collection.images} == {None}


def test_maps_and_plots_that_sets_keep_beside_photographs_are_no_photographs(tmp_path):
    for name in (
        "Stimuli/Action/001.jpg",
        "Stimuli/Action/Output/001_SaliencyMap.jpg",
        "ALLSTIMULI/i1.jpeg",
        "ALLFIXATIONMAPS/i1_fixMap.jpg",
        "ALLFIXATIONMAPS/i1_fixPts.jpg",
        "more/x_fixMap.jpg",
        "Art/Output/002.jpg",
    ):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(encoded(gradient(), "JPEG"))
    collection = open_collection(tmp_path / "set")
    assert collection.images == ("ALLSTIMULI/i1.jpeg", "Art/Output/002.jpg", "Stimuli/Action/001.jpg")
    told = dict(collection.skipped)
    assert told.keys() == {"Stimuli/Action/Output/", "ALLFIXATIONMAPS/", "more/"}
    assert told["ALLFIXATIONMAPS/"].startswith("2 of its pictures are maps or plots")
    with pytest.raises(ValueError, match=r"holds no photographs; .* maps or plots"):
        open_collection(tmp_path / "set/more")
