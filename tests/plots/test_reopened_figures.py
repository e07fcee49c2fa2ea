"""The file of a figure that a program drew: whatever a command can open draws the same figure again."""

from __future__ import annotations

import warnings

import pytest

import gala_viz as gv
from gala_viz.attribution.methods import METHODS
from gala_viz.cli import main
from gala_viz.live import LiveMaps
from gala_viz.plots.figures.comparison_figure import colour_scales_text, column_names
from gala_viz.plots.figures.specs import ComparisonSpec, LayersSpec, draw_figure, read_figure_spec, write_figure
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection
from tests.batch import lab

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=2, noise_fraction=0.2))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Photographs, human maps and networks in folders."""
    monkeypatch.chdir(tmp_path)
    photos, maps = lab.photographs(tmp_path, count=3)
    return str(photos), str(maps), [str(folder) for folder in lab.networks(tmp_path)]


@pytest.mark.slow
def test_a_figure_of_a_program_is_drawn_again_by_the_command_to_the_same_bytes(made, tmp_path):
    photos, maps, folders = made
    source = gv.open_source(photos, folders[::-1], human_maps=maps, device="cpu")
    spec = ComparisonSpec(images=source.images[:1], width="single", request=REQUEST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = write_figure(source, spec, tmp_path / "first", "f")
    kept = read_figure_spec(tmp_path / "first" / "f.json")
    assert (kept.collection, kept.human_maps, kept.networks) == (photos, maps, tuple(folders[::-1]))
    main(["figure", str(tmp_path / "first" / "f.json"), "--out", str(tmp_path / "again"), "--device", "cpu"])
    for path in written:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_networks_that_are_named_are_written_as_a_command_opens_them(made, tmp_path):
    photos, _, folders = made
    networks = [gv.load_network(folder, device="cpu") for folder in folders]
    source = gv.open_source(gv.open_collection(photos), networks)
    names = tuple(network.name for network in networks)
    write_figure(source, LayersSpec(images=source.images[:1], networks=names), tmp_path / "out", "f")
    kept = read_figure_spec(tmp_path / "out" / "f.json")
    assert (kept.collection, kept.networks) == (photos, tuple(folders))


def test_what_only_a_program_has_is_told(tmp_path):
    networks = [tiny_network(seed) for seed in range(2)]
    source = LiveMaps(TinyCollection(), networks, tmp_path / "cache")
    spec = ComparisonSpec(images=("one",), columns=("image", "first"), request=REQUEST)
    with pytest.warns(UserWarning, match="how the network 'tiny0' and the network 'tiny1' and the images of 'tiny'"):
        write_figure(source, spec, tmp_path / "out", "f")
    assert read_figure_spec(tmp_path / "out" / "f.json").networks == ("tiny0", "tiny1")


def test_a_caption_speaks_of_what_is_drawn_and_of_nothing_else(tmp_path):
    source = LiveMaps(TinyCollection(), [tiny_network(seed) for seed in range(2)], tmp_path / "cache")

    def caption(*columns):
        return draw_figure(source, ComparisonSpec(images=("one",), columns=columns, request=REQUEST)).caption

    maps = caption("image", "first", "second")
    assert "each SmoothGrad map is divided by" in maps
    for word in ("Attention norm", "human map", "delta's scale", "blue"):
        assert word not in maps
    assert "delta's scale" in caption("first", "delta")
    people = caption("image", "people")
    assert "n = 2" not in people
    assert "human map is divided" in people
    assert "Colour scales" not in caption("image")
    everything = colour_scales_text(column_names())
    assert everything.startswith(
        "Colour scales: each human map is divided by its largest value, and each SmoothGrad map by"
    )
    assert "Attention norms are drawn as they are, on one scale for all networks and rows, from 0" in everything


@pytest.mark.parametrize("method", METHODS)
def test_a_caption_and_the_rows_of_scores_name_the_method_that_is_drawn_and_no_other(tmp_path, method):
    networks = [tiny_network(seed, gala=seed == 0) for seed in range(2)]
    source = LiveMaps(TinyCollection(), networks, tmp_path / "cache")
    request = MapRequest(method=method, smoothgrad=SmoothGradSpec(n_samples=4))
    drawn = draw_figure(source, ComparisonSpec(images=("one",), request=request))
    title = METHODS[method].title
    assert f"and each {title} map by" in drawn.caption
    assert f"for both {title} columns" in drawn.caption
    assert f"rho, Dice and IoU are of unsmoothed {title} maps, not of attention norms" in drawn.caption
    assert ("SmoothGrad" in drawn.caption) == (method == "smoothgrad")
    assert ("stands its reliability" in drawn.caption) == METHODS[method].stochastic, "others have no samples"
    assert set(drawn.table["method"]) == {method}
    layers = drawn.table["cam_layer"].tolist()
    *_, update = source.maps("one", request, lambda: False)
    paths = str(update.maps.attrs.get("layer_path", "")).split(" and ")
    assert layers == (paths * 2)[:2]
    assert all(layers) == (method == "grad_cam")


def test_an_image_that_the_chosen_participant_did_not_mark_is_scored_with_the_map_of_all(tmp_path):
    source = LiveMaps(OneParticipantLess(), [tiny_network(seed) for seed in range(2)], tmp_path / "cache")

    def table(participant):
        request = MapRequest(smoothgrad=REQUEST.smoothgrad, participant=participant)
        return draw_figure(source, ComparisonSpec(images=("one", "two"), request=request)).table.set_index("image")

    of_one, of_all = table("p1"), table(None)
    assert of_one["participant"].tolist() == ["p1", "p1", "all", "all"]
    assert of_one.loc["two", "rho"].tolist() == of_all.loc["two", "rho"].tolist()
    assert of_one.loc["one", "rho"].tolist() != of_all.loc["one", "rho"].tolist()


class OneParticipantLess(TinyCollection):
    """The first participant did not mark the second image."""

    def participants(self, image, kind=None):
        everybody = super().participants(image, kind)
        return everybody[1:] if image == "two" else everybody

    def human_map(self, image, kind=None, participant=None):
        if participant is not None and participant not in self.participants(image, kind):
            raise UnknownNameError(f"no participant of {image!r} called {participant!r}")
        return super().human_map(image, kind, participant)


def test_columns_of_a_third_network_say_what_they_need():
    with pytest.raises(KeyError, match="Columns of a third network need `networks`"):
        ComparisonSpec(images=("one",), columns=("third_delta",))
