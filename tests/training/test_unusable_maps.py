"""A training by maps says how many it can use, and does not begin with none: else it would be one without maps."""

import numpy as np
import pytest

from gala_viz.cli import main
from gala_viz.collections.open import COLLECTIONS
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map
from gala_viz.training.dataset import TrainingImages, check_any_map, load_dataset
from gala_viz.training.recipes import RECIPES
from gala_viz.training.sources import sources_of_split
from gala_viz.training.training_card import distillation_sections, supervised_sections
from tests.training.tiny import PREPROCESSING, Blobs, Lamps, maps_of, tiny_start, tiny_supervised_recipe

WHY = {
    "zero": (lambda values: 0 * values, "all of its values are 0: nobody marked anything"),
    "constant": (lambda values: 0 * values + 3, "all of its values are 3"),
    "infinite": (lambda values: np.where(values == values.max(), np.inf, values), "finite numbers; 1 of"),
    "NaN": (lambda values: np.where(values == values.max(), np.nan, values), "finite numbers; 1 of"),
    "negative": (lambda values: values - values.max(), "a map's values are at least 0"),
    "shifted": (lambda values: values - 0.5, "a map's values are at least 0"),
}
RECIPE = tiny_supervised_recipe(name="lamps-spoilt")


class SpoiltLamps(Lamps):
    """Lamps of which the maps of ``share`` of the images are spoilt."""

    def __init__(self, how, share=1.0, **options):
        super().__init__(**options)
        self.how, self.share = how, share
        self.fingerprint = f"spoilt-{how}-{share}"

    def human_map(self, image):
        found = super().human_map(image)
        spoilt = int(image.split("-")[1]) < self.share * 48
        return found.copy(data=WHY[self.how][0](found.values).astype(np.float32)) if spoilt else found


class SpoiltBlobs(Blobs):
    def __init__(self, how, n_spoilt):
        super().__init__()
        self.how, self.n_spoilt = how, n_spoilt

    def human_map(self, image):
        found = super().human_map(image)
        spoilt = int(image[4:]) < self.n_spoilt
        return found.copy(data=WHY[self.how][0](found.values).astype(np.float32)) if spoilt else found


@pytest.mark.parametrize("how", WHY)
def test_held_images_tell_which_maps_cannot_be_used_and_why(how, tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path))
    lamps = SpoiltLamps(how, share=0.25)
    for _ in ("read", "recalled from the cache folder"):
        held = load_dataset(lamps, "train", RECIPE.preprocessing)
        assert held.has_map.sum() == 36
        assert np.isfinite(maps_of(held)).all()
        assert {held.images[place] for place in held.unusable} == {f"train-{number:03d}" for number in range(12)}
        assert held.describe_maps().startswith("36 of 48 maps usable (left out ")
        assert WHY[how][1] in held.describe_maps()
        check_any_map(held, "lamps")
    with pytest.raises(ValueError, match=r"lamps: the training compares attention with human maps, but 0 of 48 maps"):
        check_any_map(load_dataset(SpoiltLamps(how), "train", RECIPE.preprocessing), "lamps")
    without = load_dataset(Lamps(with_maps=False), "train", RECIPE.preprocessing)
    assert without.unusable == {}
    with pytest.raises(ValueError, match="but there is none"):
        check_any_map(without, "lamps")


def test_kept_maps_that_cannot_be_read_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path))
    first = load_dataset(Lamps(), "train", RECIPE.preprocessing)
    (kept,) = (tmp_path / "training").glob("*.npz")
    whole = kept.read_bytes()
    torn = bytearray(whole)
    for place in range(len(whole) // 3, len(whole) // 2, 7):
        torn[place] ^= 255
    for content in (whole[:-40], bytes(torn), b"", b"no archive"):
        kept.write_bytes(content)
        again = load_dataset(Lamps(), "train", RECIPE.preprocessing)
        np.testing.assert_array_equal(maps_of(again), maps_of(first))
    maps, nothing = maps_of(first), {"positions": np.empty(0, np.int64), "reasons": np.empty(0, str)}
    wrong = {"positions": np.array([99]), "reasons": np.array(["of no image"])}
    for arrays in ({"marks": maps}, {"marks": maps[:, 1:], **nothing}, {"marks": maps, **wrong}):
        with kept.open("wb") as file:
            np.savez(file, **arrays)
        again = load_dataset(Lamps(), "train", RECIPE.preprocessing)
        assert again.unusable == {}
        np.testing.assert_array_equal(maps_of(again), maps)


def test_maps_are_not_kept_where_one_could_not_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path))

    class Remote(Lamps):
        away = True

        def human_map(self, image):
            return None if self.map_unread(image) else super().human_map(image)

        def map_unread(self, image):
            return self.away and image == "train-003"

    lamps = Remote()
    assert list(load_dataset(lamps, "train", RECIPE.preprocessing).unusable) == [3]
    lamps.away = False
    for _ in ("read", "recalled"):
        assert load_dataset(lamps, "train", RECIPE.preprocessing).has_map.all()


def test_a_map_of_which_nothing_lies_in_the_frame_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path))

    class Corner(Lamps):
        fingerprint = "corner"

        def human_map(self, image):
            values = np.zeros((36, 36), np.float32)
            values[0, 0] = 1
            return labelled_map(values, name="human_map")

    held = load_dataset(Corner(), "train", Preprocessing(short_px=36, crop_px=24))
    assert not held.has_map.any()
    assert set(held.unusable.values()) == {"nothing of it lies in the network's frame."}


@pytest.mark.parametrize("how", WHY)
def test_sources_leave_out_maps_that_cannot_be_used_and_the_card_counts_them(how):
    whole = sources_of_split([("maps", Blobs())], "train")[0]
    n_spoilt = int(whole.images[3][4:]) + 1
    collection = SpoiltBlobs(how, n_spoilt)
    (found,) = sources_of_split([("maps", collection)], "train")
    assert found.images == whole.images[4:]
    assert tuple(found.unusable) == whole.images[:4]
    images = TrainingImages([found], PREPROCESSING)
    data = distillation_sections(tiny_start(), images, images)["data"]["collections"][0]
    assert data["n_train"] == len(whole.images) - 4
    assert data["maps_train"].startswith(f"{len(whole.images) - 4} of {len(whole.images)} maps usable (left out")
    assert sources_of_split([("plain", collection)], "train")[0].images == whole.images, "a photograph needs no map"
    with pytest.raises(
        ValueError, match=rf"no image of the train split can serve for 'maps'\. 0 of {len(whole.images)}"
    ):
        sources_of_split([("maps", SpoiltBlobs(how, 99))], "train")


def trained(tmp_path, monkeypatch, collection, *options):
    monkeypatch.setitem(COLLECTIONS._entries, "lamps", lambda: collection)
    monkeypatch.setitem(RECIPES._entries, RECIPE.name, RECIPE)
    where = ["--out", str(tmp_path / "models"), "--runs", str(tmp_path / "runs"), "--quiet", "--epochs", "1"]
    return main(["train", RECIPE.name, *where, *options])


def test_the_command_refuses_a_training_by_maps_without_a_usable_map(tmp_path, monkeypatch, capsys):
    assert trained(tmp_path, monkeypatch, SpoiltLamps("zero")) == 2
    said = capsys.readouterr()
    assert (
        "train: lamps: 0 of 48 maps usable (left out 48: all of its values are 0: nobody marked anything)" in said.out
    )
    assert "Mend the maps, or train without them (--attention-weight 0)" in said.err
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "runs").exists()
    assert trained(tmp_path, monkeypatch, SpoiltLamps("zero"), "--attention-weight", "0") == 0


def test_the_command_and_the_card_say_how_many_maps_are_used(tmp_path, monkeypatch, capsys):
    assert trained(tmp_path, monkeypatch, SpoiltLamps("infinite", share=0.25)) == 0
    said = capsys.readouterr().out
    assert "train: lamps: 36 of 48 maps usable (left out 12: " in said
    assert "validation: lamps: 4 of 16 maps usable (left out 12: " in said
    card = read_card(tmp_path / "models" / RECIPE.name)
    assert card["data"]["collections"][0]["maps_train"].startswith("36 of 48 maps usable")
    assert card["data"]["collections"][0]["maps_validation"].startswith("4 of 16 maps usable")
    assert card["selection"]["n_with_maps"] == 4
    assert card["weights"]["stored_as"] == "float32"


def test_weights_are_halved_on_request_alone(tmp_path, monkeypatch):
    assert trained(tmp_path, monkeypatch, Lamps(), "--half") == 0
    assert read_card(tmp_path / "models" / RECIPE.name)["weights"]["stored_as"] == "float16, vectors float32"


def test_a_card_of_a_training_without_maps_counts_none():
    held = load_dataset(Lamps(with_maps=False), "train", RECIPE.preprocessing)
    recipe = tiny_supervised_recipe(attention_weight=0.0)
    sections = supervised_sections(recipe, Lamps.categories, held, held, {})
    assert not [key for key in sections["data"]["collections"][0] if key.startswith("maps")]
