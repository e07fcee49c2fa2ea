"""Photographs that a program has already: the same pixels as from files, and a sentence for what is none."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

import gala_viz as gv
from gala_viz.collections.images import to_photo
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.live import LiveMaps
from gala_viz.registry import UnknownNameError
from tests.attribution.tiny import tiny_network

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)


class Pairs(Dataset):
    """Images with labels, as torchvision's datasets give them."""

    def __init__(self, give):
        self.give = give

    def __len__(self):
        return len(PHOTOS)

    def __getitem__(self, at):
        return self.give(PHOTOS[at]), at % 2


class Stream(IterableDataset):
    def __iter__(self):
        return iter(PHOTOS)


def as_files(folder):
    paths = []
    for number, photo in enumerate(PHOTOS):
        paths.append(folder / f"p{number}.png")
        Image.fromarray(photo).save(paths[-1])
    return paths


def tensor(photo):
    return torch.from_numpy(photo).permute(2, 0, 1)


WAYS = {
    "one array": lambda folder: gv.Images(PHOTOS),
    "arrays": lambda folder: gv.Images(list(PHOTOS)),
    "one tensor": lambda folder: gv.Images(torch.stack([tensor(photo) for photo in PHOTOS])),
    "files": lambda folder: gv.Images(as_files(folder)),
    "names of files": lambda folder: gv.Images([str(path) for path in as_files(folder)]),
    "Pillow images": lambda folder: gv.Images([Image.fromarray(photo) for photo in PHOTOS]),
    "Dataset": lambda folder: gv.Images(Pairs(tensor)),
    "DataLoader": lambda folder: gv.Images(DataLoader(Pairs(tensor), batch_size=2, shuffle=True)),
    "fractions": lambda folder: gv.Images(Pairs(lambda photo: tensor(photo) / 255), value_range=(0, 1)),
}


@pytest.mark.parametrize("way", WAYS)
def test_pixels_are_the_same_however_they_come(way, tmp_path):
    photos = WAYS[way](tmp_path)
    assert len(photos) == 3
    for at, image in enumerate(photos.images):
        np.testing.assert_array_equal(photos.photo(image), PHOTOS[at])
        assert photos.size_px(image) == (20, 24)
        assert photos.thumbnail(image, 16)[:4] == b"RIFF"
        assert not photos.photo(image).flags.writeable
    assert len(PHOTOS[0]) == 20, "the photographs that were given stay writeable"
    with pytest.raises(UnknownNameError):
        photos.photo("nobody")


def test_maps_of_images_in_memory_are_those_of_the_files(tmp_path):
    network = tiny_network(0)
    spec = gv.SmoothGradSpec(n_samples=3)
    files = gv.Images(as_files(tmp_path))
    assert files.images == ("p0.png", "p1.png", "p2.png")
    arrays = gv.Images(PHOTOS, ids=files.images)
    np.testing.assert_array_equal(gv.smoothgrad(network, arrays, spec), gv.smoothgrad(network, files, spec))


def test_a_page_shows_images_in_memory():
    source = LiveMaps(gv.Images(PHOTOS, categories=["a", "b", "c"]), [tiny_network(0), tiny_network(1)])
    update = list(source.maps("0001", gv.MapRequest(smoothgrad=gv.SmoothGradSpec(n_samples=2)), lambda: False))[-1]
    assert update.done
    assert source.forward("0001").predictions[0].correct in (True, False)


def test_labels_of_a_dataset_have_the_names_that_are_given():
    named = gv.Images(Pairs(tensor), categories=["hare", "tram"])
    assert [named.category(image) for image in named.images] == ["hare", "tram", "hare"]
    assert gv.Images(Pairs(tensor)).category("0000") is None
    assert gv.Images(PHOTOS, categories=["x", "y", "z"]).category("0002") == "z"
    with pytest.raises(ValueError, match="label 1 has no name; there are 1 categories"):
        gv.Images(Pairs(tensor), categories=["hare"]).category("0001")


def test_the_same_pixels_have_one_fingerprint_and_others_another(tmp_path):
    one = gv.Images(PHOTOS)
    assert one.fingerprint == gv.Images(PHOTOS.copy()).fingerprint
    changed = PHOTOS.copy()
    changed[0, 0, 0] ^= 1
    assert one.fingerprint != gv.Images(changed).fingerprint
    assert gv.Images(Pairs(tensor)).fingerprint != gv.Images(Pairs(tensor)).fingerprint
    paths = as_files(tmp_path)
    before = gv.Images(paths).fingerprint
    assert gv.Images(paths).fingerprint == before
    Image.fromarray(changed[0]).resize((30, 30)).save(paths[0])
    assert gv.Images(paths).fingerprint != before


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (np.zeros((4, 4, 3)), "uint8"),
        (torch.zeros(3, 4, 4), "say what black and white are"),
        (np.zeros((3, 4, 4), np.uint8), "an array .y, x, 3. was expected; got shape .3, 4, 4."),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), "a tensor .3, y, x. was expected"),
        (np.zeros((0, 4, 3), np.uint8), "got shape"),
        (np.zeros(7, np.uint8), "got shape"),
    ],
)
def test_what_is_no_photograph_is_refused_in_words(item, told):
    with pytest.raises(UnreadableImageError, match=told):
        to_photo(item)


def test_normalised_pixels_are_refused():
    with pytest.raises(UnreadableImageError, match=r"values from 0 to 1 were expected; got -1 to"):
        to_photo(np.linspace(-1, 1, 48).reshape(4, 4, 3), (0, 1))
    with pytest.raises(UnreadableImageError):
        to_photo(np.full((4, 4, 3), np.nan), (0, 1))


def test_a_photograph_that_cannot_be_read_is_listed_and_the_others_are_there(tmp_path):
    paths = as_files(tmp_path)
    paths[1].write_bytes(b"nonsense")
    photos = gv.Images(paths)
    with pytest.raises(UnreadableImageError, match=r"images, p1\.png"):
        photos.photo("p1.png")
    assert dict(photos.skipped).keys() == {"p1.png"}
    assert photos.photo("p2.png").shape == (20, 24, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (([],), ValueError, "at least one image"),
        ((Stream(),), TypeError, "with a length"),
        ((PHOTOS, ["a", "b"]), ValueError, "3 ids were expected"),
        ((PHOTOS, ["a", "b", "a"]), ValueError, "unique"),
        ((PHOTOS, None, ["x"]), ValueError, "3 categories were expected"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, told):
    with pytest.raises(error, match=told):
        gv.Images(*arguments)


def test_a_subset_has_its_own_images_alone_and_behind_a_loader():
    part = Subset(Pairs(tensor), [2, 0])
    for given in (part, DataLoader(part, batch_size=2)):
        photos = gv.Images(given)
        assert len(photos.images) == 2
        np.testing.assert_array_equal(photos.photo("0000"), PHOTOS[2])
        np.testing.assert_array_equal(photos.photo("0001"), PHOTOS[0])


@pytest.mark.parametrize(
    "one",
    [PHOTOS[0], PHOTOS[0][..., :1], tensor(PHOTOS[0]), "cat.jpg", Image.fromarray(PHOTOS[0])],
    ids=["array", "grey array", "tensor", "name", "Pillow image"],
)
def test_one_image_is_not_taken_for_a_stack(one):
    with pytest.raises(TypeError, match="several images were expected; got one: put it in a list"):
        gv.Images(one)


def test_the_same_bytes_in_another_shape_are_other_pixels():
    flat = np.zeros((1, 20, 24, 3), np.uint8)
    assert gv.Images(flat).fingerprint != gv.Images(flat.reshape(1, 24, 20, 3)).fingerprint


def test_a_file_that_is_not_there_does_not_take_the_others_along(tmp_path):
    photos = gv.Images([*as_files(tmp_path), tmp_path / "lost.png"])
    assert photos.fingerprint
    assert photos.photo("p0.png").shape == (20, 24, 3)
