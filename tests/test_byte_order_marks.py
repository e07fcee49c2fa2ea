"""Text files that people write mean the same with the byte-order mark that some editors put before them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gala_viz as gv
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.collections.manifest import read_manifest
from gala_viz.commands.convert import Arguments as Convert
from gala_viz.networks.network_folders import read_card
from gala_viz.records.password import read_password
from gala_viz.training.epoch_log import COLUMNS, read_epochs
from gala_viz.training.recipe_file import read_recipe
from gala_viz.training.trade_off import read_values

MODELS = Path(__file__).parents[1] / "models"
MARKS = pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])


@MARKS
def test_names_of_categories(tmp_path, encoding):
    records = [
        ClickMeRecord(np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=np.float32), n, 3, f"{n}.JPEG") for n in (0, 1)
    ]
    write_tfrecords(tmp_path / "one.tfrecords", records)
    (tmp_path / "categories.txt").write_text("mushroom\nhouse\n", encoding=encoding)
    collection = gv.open_collection(tmp_path)
    assert [collection.category(image) for image in collection.images] == ["mushroom", "house"]
    options = Convert(kind="gala-tpu", checkpoint=tmp_path, out=tmp_path, categories=tmp_path / "categories.txt")
    assert options._names() == ["mushroom", "house"]


@MARKS
def test_settings(tmp_path, encoding):
    (tmp_path / "mine.toml").write_text('format = 1\nbase = "small-gala"\nname = "mine"\n', encoding=encoding)
    assert read_recipe(tmp_path / "mine.toml").recipe.name == "mine"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "collection.toml").write_text('[collection]\ntitle = "T"\nsource = "."\n', encoding=encoding)
    assert read_manifest(tmp_path).title == "T"
    card = MODELS / "rendered-gala" / "card.toml"
    (tmp_path / "card.toml").write_text(card.read_text(encoding="utf-8"), encoding=encoding)
    assert read_card(tmp_path) == read_card(card.parent)
    (tmp_path / "password").write_text("gala-viz 1\n", encoding=encoding)
    assert read_password(tmp_path / "password").matches("gala-viz 1", "here")


@MARKS
def test_tables_that_were_saved_anew(tmp_path, encoding):
    row = ",".join("1" for _ in COLUMNS)
    (tmp_path / "epochs.csv").write_text(f"{','.join(COLUMNS)}\n{row}\n", encoding=encoding)
    assert [one["epoch"] for one in read_epochs(tmp_path / "epochs.csv")] == ["1"]
    (tmp_path / "values.csv").write_text("collection,image,correct,rho\nc,i,1,0.5\n", encoding=encoding)
    assert read_values(tmp_path / "values.csv") == {("c", "i"): (1.0, 0.5)}
