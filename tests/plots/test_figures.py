"""Printed figures: the files, what is text and what is a picture in them, and what is not known."""

import re
import threading

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image

from gala_viz.plots.colour_maps import DELTA_COLOURS, DIVERGING
from gala_viz.plots.figures.comparison_figure import ComparisonRow, comparison_figure
from gala_viz.plots.figures.people_figure import PhotographWithMap, apply_opacity, people_figure
from gala_viz.plots.figures.print_style import (
    finite_limits,
    finite_upper_limit,
    print_figure,
    round_positions,
    save_figure,
)
from gala_viz.plots.figures.regions_figure import RegionShare, regions_figure
from gala_viz.plots.figures.trade_off_figure import SweepPoint, trade_off_figure
from gala_viz.registry import UnknownNameError

SIDE = 16


def chance():
    return np.random.default_rng(0)


def view():
    return chance().integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def row(title="stag", **changes):
    values = chance().random((SIDE, SIDE))
    known = {"human_map": values, "first": values, "second": values, "delta": values - 0.5}
    known |= {"first_norm": values[:4, :4], "second_norm": values[:4, :4], **changes}
    return ComparisonRow(
        title=title,
        view=view(),
        human_map=known["human_map"],
        maps=[known["first"], known["second"]],
        deltas=[known["delta"]],
        norms=[known["first_norm"], known["second_norm"]],
    )


def written(tmp_path, figure, name="figure"):
    save_figure(figure, tmp_path, name, "What it shows.")
    return (tmp_path / f"{name}.svg").read_text()


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_figure_is_a_png_an_svg_a_pdf_and_a_caption_and_the_same_bytes_again(tmp_path):
    for folder in ("one", "two"):
        paths = save_figure(
            comparison_figure([row()], ("vanilla", "clickme"), "layer1"), tmp_path / folder, "f", "Caption."
        )
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf", ".md"]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
    assert paths[2].read_bytes().startswith(b"%PDF")
    assert Image.open(paths[0]).info["dpi"][0] == pytest.approx(300, abs=1)


def test_the_last_digits_of_a_layout_do_not_matter():
    places = []
    for away in (0, 3e-13):
        with print_figure(2, 3) as figure:
            upper, _ = figure.subfigures(2, 1)
            upper.bbox_relative.set_points(upper.bbox_relative.get_points() + away)
            axes = upper.subplots()
            axes.set_position([0.25 + away, 0.5 - away, 1 / 3 + away, 0.25])
        round_positions(figure)
        places.append((upper.bbox_relative.get_points().tolist(), axes.get_position().bounds))
    assert places[0] == places[1]


def test_text_stays_text_and_every_picture_is_embedded_once(tmp_path):
    svg = written(tmp_path, comparison_figure([row(), row("tram")], ("vanilla", "clickme"), "layer1", "simulated map"))
    assert {"image", "simulated map", "delta", "difference"} <= set(texts(svg))
    assert svg.count("<image") == 2 * 7 + 5
    assert svg.count("data:image/png") == svg.count("<image")


def drawn_colours(figure, values):
    """The colours of the lowest and the highest of ``values``, as a panel of ``figure`` draws them."""
    shown = [image for axes in figure.axes for image in axes.images]
    (image,) = [one for one in shown if np.array_equal(np.asarray(one.get_array()), values)]
    return [image.cmap(image.norm(end(values)))[:3] for end in (np.min, np.max)]


def test_the_delta_is_red_and_blue_as_in_the_paper_where_that_is_asked_for_and_the_bar_names_the_networks(tmp_path):
    one, titles = row(), ("vanilla", "clickme")
    usual = comparison_figure([one], titles, "layer1")
    paper = comparison_figure([one], titles, "layer1", delta_colours="paper")
    (blue, red), before = drawn_colours(paper, one.deltas[0]), drawn_colours(usual, one.deltas[0])
    assert (blue[2] > 0.95, red[0] > 0.95) == (True, True), "the first network is blue, the second red"
    assert max(*blue[:2], *red[1:]) < 0.1, "nothing but blue, nothing but red"
    assert before[0] != blue
    assert DELTA_COLOURS["default"] == DIVERGING
    label = " ".join(
        text for text in texts(written(tmp_path, paper)) if text.startswith(("blue", "red")) or "larger" in text
    )
    assert "blue: vanilla larger" in label
    assert "clickme larger" in label
    assert "difference" not in texts((tmp_path / "figure.svg").read_text())
    with pytest.raises(UnknownNameError, match="Did you mean 'paper'"):
        comparison_figure([one], titles, "layer1", delta_colours="papper")


def test_the_papers_colours_are_white_at_zero_and_mirror_each_other():
    colours = DELTA_COLOURS["paper"]
    assert len(colours) == 256
    assert (colours[0], colours[-1]) == ("#0000ff", "#ff0000")
    for low, high in zip(colours, reversed(colours), strict=True):
        assert low[1:3] + low[5:7] == high[5:7] + high[1:3]
    assert min(int(part, 16) for colour in colours[127:129] for part in (colour[1:3], colour[3:5], colour[5:7])) > 250


def test_what_is_not_known_is_told(tmp_path):
    empty = row(human_map=None, first_norm=None, second_norm=None)
    assert texts(written(tmp_path, comparison_figure([empty], ("a", "b"), "layer1"))).count("n/a") == 3
    assert texts(written(tmp_path, trade_off_figure([]), "trade")).count("n/a") == 1
    unknown = [SweepPoint(attention_weight=0, seed=0, accuracy=float("nan"), rho=0.1)]
    assert texts(written(tmp_path, trade_off_figure(unknown), "trade")).count("n/a") == 1


def test_maps_of_zeros_and_nan_are_drawn(tmp_path):
    zeros, gaps = np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), np.nan)
    rows = [row(first=zeros, delta=zeros, first_norm=zeros), row(second=gaps, delta=gaps, human_map=gaps)]
    written(tmp_path, comparison_figure(rows, ("a", "b"), "layer1"))


def test_the_photograph_is_as_opaque_as_the_map_is_dense():
    marks = np.zeros((SIDE, SIDE))
    marks[:2] = np.linspace(0, 1, 2 * SIDE).reshape(2, SIDE)
    seen = apply_opacity(view(), marks)
    full = np.percentile(marks, 99)
    np.testing.assert_array_equal(seen[..., :3], view())
    np.testing.assert_array_equal(seen[..., 3], np.rint(255 * np.minimum(marks / full, 1)))
    assert not apply_opacity(view(), np.zeros((SIDE, SIDE)))[..., 3].any()
    with pytest.raises(ValueError, match="photograph's size"):
        apply_opacity(view(), np.zeros((4, 4)))


def test_animals_are_outlined_blue_and_vehicles_red(tmp_path):
    seen = [
        PhotographWithMap(title=name, view=view(), human_map=chance().random((SIDE, SIDE))) for name in ("stag", "hare")
    ]
    svg = written(tmp_path, people_figure([("animals", seen), ("vehicles", seen[:1])], columns=2))
    assert svg.count("stroke: #2f6fb5") == 2 * 4
    assert svg.count("stroke: #c8442f") == 1 * 4
    assert svg.count("<image") == 3


def test_simulated_maps_are_called_so_in_the_picture(tmp_path):
    seen = [PhotographWithMap(title="stag", view=view(), human_map=chance().random((SIDE, SIDE)))]
    groups = [("animals", seen), ("vehicles", seen)]
    said = texts(written(tmp_path, people_figure(groups, simulated=True)))
    assert {"animals, simulated maps", "vehicles, simulated maps"} <= set(said)
    assert not any("simulated" in one for one in texts(written(tmp_path, people_figure(groups))))


def test_attention_norms_of_all_networks_are_drawn_as_they_are_on_one_scale_from_zero():
    flat, peaked = 1 + 0.01 * chance().random((4, 4)), np.eye(4) + 0.01
    figure = comparison_figure([row(first_norm=flat, second_norm=peaked)], ("vanilla", "clickme"), "layer1")
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    ends = {one.get_array().shape: [] for one in pictures}
    for one in pictures:
        ends[one.get_array().shape].append(one.get_clim())
    end = np.percentile(np.concatenate([flat.ravel(), peaked.ravel()]), 99.5)
    assert ends[4, 4] == [(0.0, pytest.approx(end))] * 2


def test_the_trade_off_names_every_lambda_and_marks_the_chosen_one(tmp_path):
    tried = [
        SweepPoint(attention_weight=weight, seed=seed, accuracy=0.9 - weight / 50 + seed / 100, rho=0.1 + weight / 10)
        for weight in (0.0, 2.0)
        for seed in (1, 2)
    ]
    figure = trade_off_figure(tried, selected_weight=2.0)
    means = figure.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(means, [[0.1, 91.5], [0.3, 87.5]])
    assert {"λ = 0", "λ = 2", "validation split, seeds 1, 2"} <= set(texts(written(tmp_path, figure)))


def test_names_in_a_trade_off_stand_where_no_other_point_is():
    figure = trade_off_figure(
        [
            SweepPoint(attention_weight=weight, seed=0, accuracy=accuracy, rho=rho)
            for weight, accuracy, rho in ((0.0, 0.7, 0.36), (0.3, 0.95, 0.617), (1.0, 0.952, 0.646), (3.0, 0.91, 0.644))
        ]
    )
    sides = {text.get_text(): text.get_ha() for text in figure.axes[0].texts}
    assert sides == {"λ = 0": "left", "λ = 0.3": "right", "λ = 1": "left", "λ = 3": "left"}


def test_a_trade_off_of_one_seed_shows_how_sure_its_accuracies_are(tmp_path):
    tried = [
        SweepPoint(attention_weight=weight, seed=0, accuracy=0.95, rho=0.1 + weight, n=600) for weight in (0.0, 0.5)
    ]
    figure = trade_off_figure(tried)
    low, high = (segment for segment in figure.axes[0].collections[-1].get_segments()[0])
    assert (low[1], high[1]) == (pytest.approx(93.0, abs=0.05), pytest.approx(96.5, abs=0.05))
    assert "validation split, n = 600, seed 0" in texts(written(tmp_path, figure))


def test_bars_stand_beside_the_regions_own_sizes(tmp_path):
    shares = {
        name: {"diagnostic": RegionShare(mean=mean, low=mean - 1, high=mean + 2)} for name, mean in (("a", 9), ("b", 5))
    }
    figure = regions_figure(
        {"SmoothGrad": shares, "attention norm": {"b": shares["b"]}}, {"diagnostic": 6.0, "rest": 94.0}
    )
    first, second = figure.axes
    assert [bar.get_height() for bar in first.patches] == [9, 5]
    assert [bar.get_height() for bar in second.patches] == [5]
    assert first.patches[1].get_facecolor() == second.patches[0].get_facecolor()
    assert {"a", "b", "share of the pixels", "diagnostic"} <= set(texts(written(tmp_path, figure)))


def test_people_stand_first_beside_the_bars_and_seeds_are_dots():
    seeds = {"a": {"diagnostic": RegionShare(mean=9, low=8, high=10, seeds=(7.0, 11.0))}}
    people = {"people": {"diagnostic": RegionShare(mean=30, low=29, high=31)}}
    (axes,) = regions_figure({"SmoothGrad": seeds}, {"diagnostic": 6.0}, people).axes
    assert [bar.get_height() for bar in axes.patches] == [30, 9]
    (dots,) = [one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)]
    np.testing.assert_allclose(dots[:, 1], [7, 11])


def test_the_end_of_a_scale_is_above_zero_whatever_is_drawn():
    assert finite_upper_limit(np.array([1.0, np.nan]), None, percentile=100) == 1.0
    assert finite_upper_limit() == finite_upper_limit(np.zeros(3)) == finite_upper_limit(np.array([np.nan])) == 1.0


def test_both_ends_of_a_scale_are_the_values_own_and_never_one():
    assert finite_limits(np.arange(201.0), None, np.array([np.nan])) == (1.0, 199.0)
    assert finite_limits(np.full((2, 2), 3.0)) == (2.5, 3.5)
    assert finite_limits(None) == (0.0, 1.0)


def test_drawing_changes_nothing_global():
    before = dict(matplotlib.rcParams)
    comparison_figure([row()], ("a", "b"), "layer1")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("second", ["drawn", "saved"])
def test_figures_of_two_threads_leave_matplotlibs_settings_as_they_were(tmp_path, monkeypatch, second):
    """The first is left while the second is under way, which would keep the settings that it found."""
    first_begun, second_begun, first_ended = threading.Event(), threading.Event(), threading.Event()
    figure, drawing = comparison_figure([row()], ("a", "b"), "layer1"), Figure.draw_without_rendering

    def draw_first():
        with print_figure(1):
            first_begun.set()
            second_begun.wait(0.5)
        first_ended.set()

    def wait_for_first():
        second_begun.set()
        assert first_ended.wait(10)

    def draw_without_rendering(self):
        wait_for_first()
        drawing(self)

    monkeypatch.setattr(Figure, "draw_without_rendering", draw_without_rendering)
    with matplotlib.rc_context():
        before = dict(matplotlib.rcParams)
        thread = threading.Thread(target=draw_first)
        thread.start()
        assert first_begun.wait(10)
        if second == "saved":
            save_figure(figure, tmp_path, "figure", "Caption.", ["svg"])
        else:
            with print_figure(1):
                wait_for_first()
        thread.join()
        assert dict(matplotlib.rcParams) == before
