"""Figures of every kind: their files, the same again from the JSON, text as text, and the numbers that they state."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gala_viz.alignment import bootstrap_interval, fraction_explained, spearman
from gala_viz.engine.results.score_selection import select_scores
from gala_viz.plots.figures.scatter_figure import MAX_VECTOR_POINTS, ScatterGroup, scatter_figure
from gala_viz.plots.figures.specs import (
    KINDS,
    LayersSpec,
    PeopleSpec,
    ScatterSpec,
    TableSpec,
    draw_figure,
    read_figure_spec,
    write_figure,
)
from gala_viz.plots.figures.specs.image_scores import n_resamples_for
from gala_viz.plots.figures.table_figure import latex_text
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import LAYERS, FakeSource

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=5, seed=3))
IMAGES = ("photo 00000", "photo 00003", "photo 00007")
SPECS = {
    "people": PeopleSpec(images=IMAGES, width="single", per_row=2, dpi=60),
    "layers": LayersSpec(images=IMAGES[:2], width="middle", layers=LAYERS[:3], dpi=60),
    "scatter": ScatterSpec(images=IMAGES, request=REQUEST, dpi=60),
    "table": TableSpec(request=REQUEST, rows=("accuracy", "rho", "fraction", "ceiling"), dpi=60),
}
DATA = {"people": ["nc", "csv"], "layers": ["nc", "csv"], "scatter": ["csv"], "table": ["csv", "tex"]}
RASTERS = {"people": 3 + 1, "layers": 2 * (1 + 2 * 3) + 3, "scatter": 0, "table": 0}
"""Photographs, maps and colour bars of each of ``SPECS``."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every kind written once."""
    folder = tmp_path_factory.mktemp("figures")
    for kind, spec in SPECS.items():
        write_figure(FakeSource(), spec, folder, kind)
    return folder


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_comes_as_pictures_caption_data_and_its_own_file(folder, kind):
    endings = {path.suffix[1:] for path in folder.glob(f"{kind}.*")}
    assert endings == {"png", "svg", "pdf", "md", "json", *DATA[kind]}
    spec, networks = SPECS[kind], tuple(network.name for network in FakeSource().networks)
    collection = spec.collection or FakeSource().origin["collection"]
    assert read_figure_spec(folder / f"{kind}.json") == replace(spec, collection=collection, networks=networks)


@pytest.mark.parametrize("kind", SPECS)
def test_drawn_again_from_its_file_it_is_the_same_bytes(folder, tmp_path, kind):
    for path in write_figure(FakeSource(), read_figure_spec(folder / f"{kind}.json"), tmp_path, kind):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


@pytest.mark.parametrize("kind", SPECS)
def test_text_stays_text_and_every_raster_is_embedded_once(folder, kind):
    svg, pdf = (folder / f"{kind}.svg").read_text(), (folder / f"{kind}.pdf").read_bytes()
    assert svg.count("<image") == svg.count("data:image/png") == RASTERS[kind]
    assert pdf.count(b"/Subtype /Image") - pdf.count(b"/SMask") == RASTERS[kind]
    assert b"/Subtype /Type3" not in pdf
    assert b"/FontFile2" in pdf, "type is embedded as type"
    expected = {
        "people": {"animals", "things", "otter"},
        "layers": {*LAYERS[:3], "attention norm"},
        "scatter": {"Spearman's rho: Vanilla GALA"},
        "table": {"top-1 accuracy, %", "people"},
    }
    assert expected[kind] <= set(texts(svg))


def test_all_kinds_are_tried_here_or_beside():
    assert set(KINDS) == {*SPECS, "comparison", "grid"}


def test_animals_are_blue_wherever_they_stand_and_captions_tell_each_maps_scale(folder):
    svg = (folder / "people.svg").read_text()
    assert svg.count("stroke: #2f6fb5") == 2 * 4, "two animals"
    assert svg.count("stroke: #c8442f") == 1 * 4, "one thing"
    table, caption = pd.read_csv(folder / "people.csv"), (folder / "people.md").read_text()
    for row in table.itertuples():
        assert f"{row.image} {row.opaque_from:.3g}" in caption
    with xr.open_dataset(folder / "people.nc", engine="scipy") as maps:
        np.testing.assert_allclose(maps["human_map"][1].values, FakeSource().human_map(IMAGES[1]).values)
    assert "Participants an image: 15." in caption


def test_a_photograph_that_nobody_marked_cannot_be_seen_through_a_map():
    with pytest.raises(ValueError, match="photo 00004 has no human map"):
        draw_figure(FakeSource(), PeopleSpec(images=("photo 00004",)))
    with pytest.raises(UnknownNameError, match="Did you mean 'mouse'"):
        draw_figure(FakeSource(), PeopleSpec(images=IMAGES, map_kind="mose"))


def test_each_layer_has_one_scale_which_caption_and_table_state(folder):
    table, caption = pd.read_csv(folder / "layers.csv"), (folder / "layers.md").read_text()
    source = FakeSource()
    norms = [one for image in IMAGES[:2] for one in source.forward(image).attention_norms]
    for layer in LAYERS[:3]:
        end = np.percentile(np.concatenate([np.ravel(one[layer]) for one in norms]), 99.5)
        assert f"{layer} 0 to {end:.3g}" in caption
        np.testing.assert_allclose(table.loc[table["layer"] == layer, "scale_end"], end, rtol=1e-6)
    figure = draw_figure(source, SPECS["layers"]).figure
    maps = [axes.images[0] for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (14, 14)]
    assert len(maps) == 12
    assert len({one.get_clim() for one in maps}) == 3


def test_only_attention_is_called_unitless(tmp_path):
    source = FakeSource()
    activity = "conv (activity)"
    source.networks = tuple(replace(one, layers=(*one.layers, activity)) for one in source.networks)
    forward = FakeSource().forward

    def with_activity(image):
        found = forward(image)
        norms = tuple({**one, activity: one[LAYERS[0]].assign_attrs(units="activity")} for one in found.attention_norms)
        return replace(found, attention_norms=norms)

    source.forward = with_activity
    told = {
        (LAYERS[0],): "a layer's attention, unitless, at",
        (activity,): "a layer's activity, in its own unit, at",
        (LAYERS[0], activity): "a layer's attention, unitless, or activity, in its own unit, at",
    }
    for layers, words in told.items():
        result = draw_figure(source, LayersSpec(images=IMAGES[:1], layers=layers))
        assert words in result.caption
        units = {one.attrs["layer"]: one.attrs["units"] for one in result.maps.data_vars.values()}
        assert units == {layer: "activity" if layer == activity else "1" for layer in layers}


def test_layers_of_one_network_and_unknown_ones(folder):
    one = draw_figure(FakeSource(), LayersSpec(images=IMAGES[:1], shown="second", layers=LAYERS[:1]))
    assert set(one.table["network"]) == {"lite0-gala-human"}
    with pytest.raises(UnknownNameError, match=r"Did you mean 'blocks\.10'"):
        draw_figure(FakeSource(), LayersSpec(images=IMAGES[:1], layers=("blocks.100",)))


def test_a_scatter_states_what_its_own_table_gives(folder):
    table, caption = pd.read_csv(folder / "scatter.csv"), (folder / "scatter.md").read_text()
    x, y = "Spearman's rho: Vanilla GALA", "Spearman's rho: Human co-trained GALA"
    known = table.dropna(subset=[x, y])
    assert (len(table), len(known), table["chosen"].sum()) == (24, 20, 3)
    assert "n = 20 of 24 images; 4 have no human map." in caption
    for part, name in ((known, "All images"), (known[known["chosen"]], "Chosen images")):
        interval = bootstrap_interval(part[y].to_numpy(), n_resamples=2000)
        assert f"{name}, n = {len(part)}" in caption
        bounds = f" [{interval.low:.3f}, {interval.high:.3f}]" if len(part) > 5 else ";"
        assert f"mean {y} {interval.mean:.3f}{bounds}" in caption
        rho = float(spearman(part[x].to_numpy()[None], part[y].to_numpy()[None]))
        assert f"over images, {rho:.3f}" in caption
    assert "0.700 [0.700, 0.700]" in caption, "the ceiling"
    assert "seed 3" in caption


def test_measures_are_called_by_title_or_by_short_name():
    by_name = draw_figure(FakeSource(), ScatterSpec(x="gain", y="attention:blocks.10:second"))
    titles = {"x": "gain of Human co-trained GALA (rho)", "y": "attention rho, blocks.10: Human co-trained GALA"}
    by_title = draw_figure(FakeSource(), ScatterSpec(**titles))
    assert by_name.caption == by_title.caption
    assert "noise ceiling" not in by_name.caption, "it belongs beside rho of maps alone"
    with pytest.raises(UnknownNameError, match="Did you mean 'dice:first'"):
        draw_figure(FakeSource(), ScatterSpec(x="dice:frist"))
    with pytest.raises(ValueError, match="two different measures"):
        draw_figure(FakeSource(human=False), ScatterSpec())


def test_chosen_images_alone_are_drawn_where_the_rest_is_not_wanted():
    drawn = draw_figure(FakeSource(), ScatterSpec(images=IMAGES, rest=False))
    assert list(drawn.table["image"]) == list(IMAGES)
    assert drawn.figure.legends[0].get_texts()[-1].get_text().startswith("chosen images: n = 3, means")
    assert "All images" not in drawn.caption


def test_what_is_missing_is_scored_where_that_is_wanted_and_told_where_not():
    source, heard = FakeSource(), []
    draw_figure(source, SPECS["scatter"], progress=lambda done, total: heard.append((done, total)))
    assert (source.asked["survey"], heard[-1]) == (1, (24, 24))
    nothing = source.scores(REQUEST).where(False)
    source.scores = lambda request: nothing
    drawn = draw_figure(source, SPECS["scatter"], survey=False)
    assert source.asked["survey"] == 1
    assert "n = 0 of 24 images; 4 have no human map and 20 have no score." in drawn.caption
    assert "0" in draw_figure(source, SPECS["table"], survey=False).caption


def test_many_points_become_one_picture_and_intervals_stay_quick(tmp_path):
    values = np.random.default_rng(0).random(MAX_VECTOR_POINTS + 1)
    group = ScatterGroup(title="all images", x=values, y=values, means=(None, None), rho=1.0)
    path = tmp_path / "many.svg"
    scatter_figure([group], ("x", "y")).savefig(path)
    assert path.read_text().count("<image") == 1
    assert n_resamples_for(20) == 10_000
    assert n_resamples_for(500_000) == 200


def test_a_table_has_the_same_numbers_in_all_its_forms_and_they_are_those_of_alignment(folder):
    scores = FakeSource().scores(REQUEST)
    rho = bootstrap_interval(scores["rho"][1])
    fraction = fraction_explained(scores["rho"][1], scores["ceiling"]).fraction
    table = pd.read_csv(folder / "table.csv").set_index(["quantity", "who"])
    for name, expected in (("rho", rho), ("fraction", fraction)):
        row = table.loc[(name, "lite0-gala-human")]
        np.testing.assert_allclose(
            row[["mean", "low", "high"]].astype(float), [expected.mean, expected.low, expected.high]
        )
        printed = f"{expected.mean:.3f} [{expected.low:.3f}, {expected.high:.3f}]"
        for ending in ("md", "tex", "svg"):
            assert printed in (folder / f"table.{ending}").read_text()
    difference = bootstrap_interval(scores["rho"][1] - scores["rho"][0])
    np.testing.assert_allclose(table.loc[("rho", "difference"), "mean"], difference.mean)
    assert table.loc[("accuracy", "lite0-gala-human"), "mean"] == 100 * float(scores["correct"][1].mean())
    assert table.loc[("ceiling", "people"), "n"] == 20


def test_a_share_of_the_ceiling_of_few_images_has_no_bounds_in_a_table():
    drawn = draw_figure(FakeSource(), TableSpec(images=IMAGES, rows=("fraction",)))
    scores = FakeSource().scores(REQUEST).sel(image=list(IMAGES))
    share = drawn.table[drawn.table["quantity"] == "fraction"]
    np.testing.assert_allclose(share["mean"].iloc[0], float(scores["rho"][0].mean() / scores["ceiling"].mean()))
    assert share[["low", "high"]].isna().all(axis=None)
    assert "nan" not in drawn.caption


def test_means_of_few_images_have_no_bounds_in_a_table_nor_a_scatter(tmp_path):
    drawn = draw_figure(FakeSource(), TableSpec(images=IMAGES, rows=("accuracy", "rho", "dice", "ceiling")))
    assert set(drawn.table["n"]) == {3}
    assert drawn.table[["low", "high"]].isna().all(axis=None)
    assert drawn.table["mean"].notna().all()
    assert "nan" not in drawn.caption
    assert "none below 6 images" in drawn.caption
    five = tuple(FakeSource().images[number] for number in (0, 1, 3, 5, 6))
    scatter = draw_figure(FakeSource(), ScatterSpec(images=five, rest=False))
    assert "n = 5" in scatter.caption
    assert "[" not in scatter.caption.partition("Chosen images, n = 5")[2].partition("Brackets")[0]
    assert "nan" not in scatter.caption
    assert "95 % interval" not in scatter.figure.legends[0].get_texts()[0].get_text()
    scatter.write(ScatterSpec(images=five, rest=False), tmp_path, "five")
    six = draw_figure(FakeSource(), TableSpec(images=(*five, FakeSource().images[7]), rows=("rho",)))
    assert six.table[["low", "high"]].notna().all(axis=None)


def test_a_scatter_gives_the_ceiling_with_the_interval_of_the_page():
    source = FakeSource(count=60)
    scores, rng = source.scores(REQUEST), np.random.default_rng(8)
    scores["ceiling"] = scores["ceiling"] + rng.normal(0, 0.1, 60)
    source.scores = lambda request: scores
    selection = select_scores(scores, "rho", np.ones(60, bool))
    low, high = selection.ceiling_interval
    assert f"{selection.ceiling:.3f} [{low:.3f}, {high:.3f}]" in draw_figure(source, ScatterSpec()).caption


def test_a_table_of_chosen_images_is_over_those_alone():
    rows = ("rho", f"attention:{LAYERS[2]}")
    drawn = draw_figure(FakeSource(), TableSpec(images=IMAGES, rows=rows))
    expected = FakeSource().scores(REQUEST)["rho"].sel(image=list(IMAGES))[0]
    first = drawn.table[drawn.table["who"] == "lite0-gala-vanilla"]
    np.testing.assert_allclose(first["mean"], float(expected.mean()))
    assert set(first["n"]) == {3}
    with pytest.raises(UnknownNameError, match="layer of the networks"):
        draw_figure(FakeSource(), TableSpec(rows=("attention:layer9",)))


def test_a_table_of_a_collection_without_people_tells_accuracy_alone():
    source = FakeSource(human=False)
    drawn = draw_figure(source, TableSpec())
    assert set(drawn.table["quantity"]) == {"accuracy"}
    assert "no human maps" in drawn.caption


def test_people_who_are_simulated_are_called_so():
    source = FakeSource()
    human_map = source.human_map
    source.human_map = lambda *asked: human_map(*asked).assign_attrs(simulated=True)
    for spec in (SPECS["people"], SPECS["scatter"], SPECS["table"]):
        assert "The human maps are simulated, not of people" in draw_figure(source, spec).caption
    assert "| simulated people |" in draw_figure(source, SPECS["table"]).caption
    labels = [text.get_text() for text in draw_figure(source, SPECS["scatter"]).figure.legends[0].get_texts()]
    assert labels[0].startswith("simulated people: noise ceiling")


def test_latex_takes_every_sign_as_it_is():
    assert latex_text(r"a_b & 5 % of {x} \y -0.3, split-half") == (
        r"a\_b \& 5 \% of \{x\} \textbackslash{}y $-$0.3, split-half"
    )
