"""A figure from its file: read strictly, asked of a source, written with its data, drawn again the same."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import gala_viz
from gala_viz.plots.figures.comparison_figure import colour_scales_text
from gala_viz.plots.figures.specs import WIDTHS_MM, ComparisonSpec, draw_figure, read_figure_spec, write_figure
from gala_viz.plots.figures.specs.layers_spec import LayersSpec
from gala_viz.plots.figures.specs.people_spec import PeopleSpec
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import SIDE, FakeSource

IMAGES = ("photo 00000", "photo 00004")
REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=5, seed=3))


def spec(**changes):
    return ComparisonSpec(**{"images": IMAGES, "request": REQUEST, "dpi": 100, **changes})


def written(tmp_path, asked, source=None):
    return write_figure(source or FakeSource(), asked, tmp_path)


def test_a_spec_read_back_is_the_same(tmp_path):
    asked = spec(
        collection="rendered", networks=("a", "b"), columns=("image", "delta"), layer="blocks.7", width="single"
    )
    asked.save(tmp_path / "f.json")
    assert read_figure_spec(tmp_path / "f.json") == asked


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[", "is no figure"),
        ("[1]", "format 1"),
        ('{"format": 2}', "format 1"),
        ('{"format": 1}', "1 to 60 ids"),
        ('{"format": 1, "images": ["a"], "colour": 3}', "unknown settings: colour"),
        ('{"format": 1, "images": ["a"], "columns": ["imag"]}', "Did you mean 'image'"),
        ('{"format": 1, "images": ["a"], "dpi": 9}', "from 50 to 1200"),
        ('{"format": 1, "images": ["a"], "width": "wide"}', "single, middle, double"),
        ('{"format": 1, "images": ["a", "a"]}', "each once"),
        ('{"format": 1, "images": "abc"}', "as texts"),
        ('{"format": 1, "images": [1, 2]}', "as texts"),
        ('{"format": 1, "kind": "skatter"}', "Did you mean 'scatter'"),
        ('{"format": 1, "kind": ["table"]}', "is no figure"),
        ('{"format": 1, "kind": "scatter", "columns": ["image"]}', "unknown settings: columns"),
        ('{"format": 1, "kind": "scatter", "x": 3}', "names a measure"),
        ('{"format": 1, "kind": "table", "rows": ["acuracy"]}', "Did you mean 'accuracy'"),
        ('{"format": 1, "kind": "layers", "images": ["a"], "shown": "third"}', "both, first, second"),
        ('{"format": 1, "kind": "people", "images": ["a"], "per_row": 0}', "from 1 to 12"),
        ('{"format": 1, "images": ["a"], "delta_colours": "papr"}', "Did you mean 'paper'"),
        ('{"format": 1, "images": ["a"], "delta_colours": ["paper"]}', "no set of delta colours called"),
        ('{"format": 1, "images": ["a"], "request": 4}', "is no figure"),
        ('{"format": 1, "images": ["a"], "request": {"smoothgrad": {"n_samples": 0}}}', "at least 1"),
    ],
)
def test_other_files_are_refused_with_a_sentence(tmp_path, content, sentence):
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_figure_spec(tmp_path / "f.json")


@given(content=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5))
def test_any_json_is_read_or_refused_as_a_figure(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("figure") / "f.json"
    for told in (content, {"format": 1, "images": content, "request": content}):
        path.write_text(json.dumps(told))
        with pytest.raises(ValueError, match="is no figure"):
            read_figure_spec(path)


def test_the_papers_colours_are_told_by_name_in_the_caption_and_stand_in_the_file(tmp_path):
    asked = spec(images=IMAGES[:1], columns=("first", "delta"), delta_colours="paper")
    written(tmp_path, asked)
    assert (
        "red where Human co-trained GALA relies more, blue where Vanilla GALA does"
        in (tmp_path / "figure.md").read_text()
    )
    assert read_figure_spec(tmp_path / "figure.json").delta_colours == "paper"
    three = ComparisonSpec(networks=("a", "b", "c"), images=IMAGES, delta_colours="paper")
    assert "red where the other network relies more, blue where A does" in colour_scales_text(
        ("first", "third_delta", "delta"), len(three.networks), ("A", "B", "C")
    )


def test_the_figure_comes_with_maps_scores_and_its_own_file(tmp_path):
    source = FakeSource()
    paths = written(tmp_path, spec(), source)
    assert [one.suffix for one in paths] == [".png", ".svg", ".pdf", ".md", ".nc", ".csv", ".json"]
    with xr.open_dataset(tmp_path / "figure.nc", engine="scipy") as maps:
        assert [str(one) for one in maps["image"].values] == list(IMAGES)
        update = source.update(IMAGES[1], REQUEST, 5)
        np.testing.assert_allclose(maps["saliency"].sel(image=IMAGES[1]).values, update.maps.values)
        np.testing.assert_allclose(maps["delta"].values[1], update.delta.values)
        assert np.isnan(maps["human_map"].values[1]).all(), "nobody marked this one"
        assert json.loads(maps.attrs["settings"])["request"]["smoothgrad"]["seed"] == 3
    scores = pd.read_csv(tmp_path / "figure.csv")
    assert len(scores) == 4
    assert scores["rho"].notna().sum() == 2
    assert set(scores["network"]) == {one.name for one in source.networks}


def test_rows_tell_which_maps_their_scores_and_their_delta_are_of(tmp_path):
    written(tmp_path, spec(request=replace(REQUEST, smoothing_px=2.0)))
    rows, caption = pd.read_csv(tmp_path / "figure.csv"), (tmp_path / "figure.md").read_text()
    assert (rows["scores_smoothing_px"] == 0).all()
    assert (rows["resolution_px"] == 56).all()
    second = rows["delta_reliability"].notna() | rows["delta_beyond_two_errors"].notna()
    assert rows.loc[second, "delta_smoothing_px"].tolist() == [2.0, 2.0]
    assert rows.loc[~second, "delta_smoothing_px"].isna().all()
    assert "rho, Dice and IoU are of unsmoothed SmoothGrad maps, not of attention norms, on 56 × 56 cells" in caption
    assert "the delta's columns are of the maps as they are drawn, with a smoothing of 2 px" in caption


COLUMNS_OF_BEFORE = (
    *("image", "category", "network", "explained", "prediction", "probability", "correct"),
    *("scores_smoothing_px", "resolution_px", "rho", "dice", "iou"),
    *("delta_smoothing_px", "delta_reliability", "delta_beyond_two_errors", "beyond_two_errors_by_chance"),
)
SETTINGS_COLUMNS = (
    *("scores_of", "human_map", "participant", "method", "cam_layer", "n_samples", "noise_fraction", "seed"),
    *("target", "reduction", "smoothing_px", "normalise"),
)


def settings_of_rows(folder):
    rows = pd.read_csv(folder / "figure.csv", keep_default_na=False)
    return rows.set_index(["image", "network"])[list(SETTINGS_COLUMNS)]


def test_each_row_of_scores_carries_all_settings_that_made_its_numbers_after_the_columns_of_before(tmp_path):
    request = replace(REQUEST, human_map="mouse", participant="p3", target=2, smoothing_px=1.5, reduction="maximum")
    written(tmp_path, spec(images=IMAGES[:1], layer="blocks.7", request=request))
    assert tuple(pd.read_csv(tmp_path / "figure.csv").columns) == (*COLUMNS_OF_BEFORE, *SETTINGS_COLUMNS)
    expected = {
        "scores_of": "saliency map",
        "human_map": "mouse",
        "participant": "p3",
        "method": "smoothgrad",
        "cam_layer": "",
        "n_samples": 5,
        "noise_fraction": 0.15,
        "seed": 3,
        "target": 2,
        "reduction": "maximum",
        "smoothing_px": 1.5,
        "normalise": "percentile",
    }
    rows = settings_of_rows(tmp_path)
    assert len(rows) == 2
    for row in rows.to_dict("records"):
        assert row == expected, "also where a layer's attention norm is drawn"


def test_rows_name_the_first_kind_of_human_maps_and_all_participants_where_none_is_chosen(tmp_path):
    written(tmp_path, spec(request=replace(REQUEST, method="saliency")))
    rows = settings_of_rows(tmp_path)
    marked, unmarked = rows.loc[IMAGES[0]], rows.loc[IMAGES[1]]
    assert set(marked["human_map"]) == {"fixations"}
    assert set(marked["participant"]) == {"all"}
    assert set(unmarked[["scores_of", "human_map", "participant"]].to_numpy().ravel()) == {""}, "nobody marked this one"
    assert set(rows["method"]) == {"saliency"}
    assert set(rows[["n_samples", "noise_fraction", "seed"]].to_numpy().ravel()) == {""}, "it has no chance"


@pytest.mark.parametrize(
    "asked",
    [spec(), PeopleSpec(images=IMAGES[:1]), LayersSpec(images=IMAGES)],
    ids=lambda one: one.kind,
)
def test_maps_in_files_have_units_names_and_the_pixels_that_they_cover(tmp_path, asked):
    written(tmp_path, asked)
    with xr.open_dataset(tmp_path / "figure.nc", engine="scipy") as maps:
        for name, one in maps.items():
            assert one.attrs["units"], name
            assert one.attrs["long_name"], name
            for dim in one.dims[-2:]:
                centres = maps[dim]
                assert (centres.attrs["units"], bool(centres.attrs["long_name"])) == ("px", True)
                size = len(centres)
                np.testing.assert_allclose(centres, (np.arange(size) + 0.5) * SIDE / size)
        if "saliency" in maps:
            assert maps["saliency"].attrs["units"] == maps["standard_error"].attrs["units"] == "logits per input unit"
            assert maps["delta"].attrs["units"] == maps["delta_standard_error"].attrs["units"] == "1"
        assert "settings" in maps.attrs


def test_drawn_again_from_its_file_it_is_the_same_bytes(tmp_path):
    first = written(tmp_path / "one", spec())
    again = written(tmp_path / "two", read_figure_spec(tmp_path / "one" / "figure.json"))
    for one, two in zip(first, again, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_a_file_without_a_kind_is_a_comparison_as_it_was(tmp_path):
    content = json.loads(spec().text())
    assert content.pop("kind") == "comparison"
    (tmp_path / "old.json").write_text(json.dumps(content))
    assert read_figure_spec(tmp_path / "old.json") == spec()


@pytest.mark.parametrize(("version", "told"), [("0.0.3", "written by version 0.0.3"), (None, "an earlier version")])
def test_a_file_of_another_version_is_drawn_and_the_difference_is_told(tmp_path, version, told):
    content = json.loads(spec().text())
    assert content["version"] == gala_viz.__version__
    content = {**content, "version": version} if version else {k: v for k, v in content.items() if k != "version"}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(content))
    heard = []
    assert read_figure_spec(path, tell=heard.append) == spec()
    assert len(heard) == 1
    assert told in heard[0]
    assert f"drawn by version {gala_viz.__version__}" in heard[0]
    with pytest.warns(UserWarning, match=told):
        read_figure_spec(path)


@pytest.mark.parametrize("width", WIDTHS_MM)
def test_the_figure_is_as_wide_as_a_journals_column_at_the_dots_asked_for(tmp_path, width):
    written(tmp_path, spec(width=width, dpi=150, columns=("image", "first", "delta")))
    assert Image.open(tmp_path / "figure.png").width == pytest.approx(WIDTHS_MM[width] / 25.4 * 150, abs=1)


def test_columns_stand_in_the_order_asked_for_each_kind_with_one_scale(tmp_path):
    written(tmp_path, spec(columns=("delta", "image", "second", "first")))
    svg = (tmp_path / "figure.svg").read_text()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert texts.index("delta") < texts.index("image")
    assert svg.count("<image") == 2 * 4 + 2
    assert "attention norm" not in texts


@pytest.mark.slow
def test_a_column_that_would_be_empty_is_left_out_unless_it_is_asked_for():
    def headings(asked):
        drawn = draw_figure(FakeSource(human=False), asked)
        return [axes.get_title() for axes in drawn.figure.axes if axes.get_title()]

    assert "people" not in headings(spec())
    assert headings(spec())[0] == "image"
    assert headings(spec(columns=("image", "people"))) == ["image", "people"]
    assert "people" in [axes.get_title() for axes in draw_figure(FakeSource(), spec()).figure.axes]


def test_the_caption_tells_every_setting(tmp_path):
    written(tmp_path, spec())
    caption = (tmp_path / "figure.md").read_text()
    for told in (
        "n = 5",
        "seed 3",
        "noise 0.15",
        "each network's own first choice",
        "blocks.10",
        "15 observers",
        *IMAGES,
    ):
        assert told in caption


@pytest.mark.slow
def test_what_the_page_says_of_single_images_maps_stands_in_the_caption(tmp_path):
    class Source(FakeSource):
        def update(self, image, request, n):
            note = "first: the signed map is about zero" if image == IMAGES[1] else ""
            return replace(super().update(image, request, n), note=note)

    written(tmp_path, spec(), Source())
    (caption,) = tmp_path.glob("*.md")
    told = caption.read_text(encoding="utf-8")
    assert f"Of {IMAGES[1]}: first: the signed map is about zero." in told
    assert f"Of {IMAGES[0]}" not in told


def test_unknown_images_and_layers_are_told():
    with pytest.raises(UnknownNameError, match="no image of fake called 'photo 0001'"):
        draw_figure(FakeSource(), spec(images=("photo 0001",)))
    with pytest.raises(UnknownNameError, match=r"blocks\.5"):
        draw_figure(FakeSource(), spec(layer="blocks.50"))


def test_maps_that_were_computed_are_not_computed_again():
    source = FakeSource()
    draw_figure(source, spec())
    draw_figure(source, spec())
    assert source.asked[f"maps {IMAGES[0]}"] == 1
