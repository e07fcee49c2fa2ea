"""Figures of three networks: each number is the one of its pair, and names are checked."""

import numpy as np
import pytest

from gala_viz.live import LiveMaps
from gala_viz.plots.figures.comparison_figure import column_names
from gala_viz.plots.figures.specs import (
    ComparisonSpec,
    LayersSpec,
    ScatterSpec,
    TableSpec,
    draw_figure,
    read_figure_spec,
)
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

NAMES = ("tiny0", "tiny1", "tiny2")
REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=4, noise_fraction=0.2))
COMMON = {"networks": NAMES, "request": REQUEST}


@pytest.fixture(scope="module")
def source():
    networks = [tiny_network(seed, gala=seed != 1) for seed in range(3)]
    return LiveMaps(TinyCollection(), networks)


def finished(source, image="one"):
    *_, update = source.maps(image, REQUEST, lambda: False)
    return update


def test_column_names_of_two_networks_are_those_of_files_of_before():
    assert column_names() == ("image", "people", "first", "second", "delta", "first_norm", "second_norm")
    assert column_names(3) == (
        *("image", "people", "first", "second", "third", "delta", "third_delta"),
        *("first_norm", "second_norm", "third_norm"),
    )


def test_a_comparison_has_every_network_and_the_deltas_that_are_named(source):
    spec = ComparisonSpec(images=("one", "two"), **COMMON)
    drawn = draw_figure(source, spec)
    assert drawn.maps["network"].values.tolist() == list(NAMES)
    assert not [name for name in drawn.maps if name.startswith("delta")]
    assert drawn.table["network"].tolist() == [*NAMES, *NAMES]
    for name in NAMES[1:]:
        update = finished(source.pair(NAMES[0], name))
        for row, network in enumerate((NAMES[0], name)):
            found = drawn.maps["saliency"].sel(image="one", network=network)
            np.testing.assert_array_equal(found, update.maps.values[row].astype(np.float32))
            table = drawn.table[(drawn.table["image"] == "one") & (drawn.table["network"] == network)]
            assert table["rho"].item() == pytest.approx(float(update.scores["rho"].values[row]))
    columns = ("image", "first", "third", "third_delta", "third_norm")
    named = draw_figure(source, ComparisonSpec(images=("one",), columns=columns, **COMMON))
    expected = finished(source.pair("tiny0", "tiny2")).delta.values
    np.testing.assert_array_equal(named.maps["delta_tiny2"].sel(image="one"), expected.astype(np.float32))
    assert "tiny0, tiny1 and tiny2" in named.caption
    assert "all SmoothGrad columns" in named.caption


def test_layers_have_a_row_for_each_network(source):
    drawn = draw_figure(source, LayersSpec(images=("one",), **COMMON))
    assert drawn.table["network"].tolist() == list(NAMES)
    assert np.isnan(drawn.table["mean"]).tolist() == [False, True, False], "the second has no layers"
    alone = source.pair("tiny1", "tiny2").forward("one").attention_norms[1]["block0"].values
    np.testing.assert_array_equal(drawn.maps["attention_norm_tiny2_block0"].sel(image="one"), alone)


def test_a_table_has_the_means_of_each_network_and_no_difference(source):
    drawn = draw_figure(source, TableSpec(rows=("rho", "ceiling", "attention:block0"), **COMMON))
    two = draw_figure(source.pair("tiny0", "tiny2"), TableSpec(rows=("rho",), request=REQUEST))
    rho = drawn.table[drawn.table["quantity"] == "rho"].set_index("who")
    assert list(rho.index) == list(NAMES)
    for name in ("tiny0", "tiny2"):
        expected = two.table[two.table["who"] == name].iloc[0]
        assert rho.loc[name, ["mean", "low", "high", "n"]].tolist() == pytest.approx(
            expected[["mean", "low", "high", "n"]].tolist(), nan_ok=True
        )
        assert np.isnan(rho.loc[name, ["low", "high"]].tolist()).all(), "of three images there is no interval"
    assert "difference" in set(two.table["who"])
    assert "difference" not in set(drawn.table["who"])
    assert "minus" not in drawn.caption
    attention = drawn.table[drawn.table["quantity"] == "attention:block0"]
    assert set(attention["who"]) == {"tiny0", "tiny2"}


def test_a_scatter_has_the_measures_of_every_network(source):
    spec = ScatterSpec(x="rho:third", y="gain:third", **COMMON)
    drawn = draw_figure(source, spec).table
    scores = source.pair("tiny0", "tiny2").scores(REQUEST)["rho"].values
    np.testing.assert_allclose(drawn.iloc[:, 2], scores[1], rtol=1e-6)
    np.testing.assert_allclose(drawn.iloc[:, 3], scores[1] - scores[0], rtol=1e-5, atol=1e-7)


def test_names_and_numbers_of_networks_are_checked(source, tmp_path):
    with pytest.raises(ValueError, match="networks are 2 to 8 names, each once; got 1"):
        TableSpec(networks=("a",))
    with pytest.raises(ValueError, match="each once"):
        TableSpec(networks=("a", "b", "a"))
    with pytest.raises(UnknownNameError, match="third_norm"):
        ComparisonSpec(images=("one",), networks=("a", "b"), columns=("third_norm_",))
    with pytest.raises(UnknownNameError, match="typo"):
        draw_figure(source, TableSpec(networks=("tiny2", "tiny0", "typo"), request=REQUEST))
    with pytest.raises(UnknownNameError, match="tiny9"):
        draw_figure(source, TableSpec(networks=("tiny0", "tiny1", "tiny2", "tiny9"), request=REQUEST))
    path = tmp_path / "figure.json"
    ComparisonSpec(images=("one",), columns=("third", "third_delta"), **COMMON).save(path)
    assert read_figure_spec(path).networks == NAMES


def test_networks_are_known_by_their_names_and_by_how_they_were_opened_and_by_nothing_else():
    networks = [tiny_network(seed) for seed in range(3)]
    for network, folder in zip(networks, ("./a", "./b", "./c"), strict=True):
        network.opened_as = folder
    source = LiveMaps(TinyCollection(), networks)
    mixed = LayersSpec(images=("one",), networks=("./c", "tiny0", "./b"), request=REQUEST)
    assert draw_figure(source, mixed).table["network"].tolist() == ["tiny2", "tiny0", "tiny1"]
    pair = LayersSpec(images=("one",), networks=("./c", "tiny0"), request=REQUEST)
    assert draw_figure(source, pair).table["network"].tolist() == ["tiny2", "tiny0"]
    for names in (("x", "y", "z"), ("x", "y"), ("tiny0", "y")):
        with pytest.raises(UnknownNameError, match="no network of tiny called"):
            draw_figure(source, LayersSpec(images=("one",), networks=names, request=REQUEST))
    with pytest.raises(ValueError, match="each network stands once"):
        draw_figure(source, LayersSpec(images=("one",), networks=("./a", "tiny0", "./b"), request=REQUEST))


@pytest.mark.slow
def test_networks_that_cut_photographs_differently_have_no_common_scores():
    networks = [tiny_network(seed, short_px=px) for seed, px in enumerate((16, 20, 24))]
    source = LiveMaps(TinyCollection(), networks)
    with pytest.raises(ValueError, match="gala-viz evaluate, scores them over the part that all see"):
        draw_figure(source, TableSpec(rows=("rho",), **COMMON))
    drawn = draw_figure(source, ComparisonSpec(images=("one",), **COMMON))
    assert drawn.table["network"].tolist() == list(NAMES)
    assert "rho" not in drawn.table
    assert "each two of them are scored over another part" in drawn.caption
