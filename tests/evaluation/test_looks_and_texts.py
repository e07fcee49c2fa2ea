"""What stands beside the numbers: which chance is meant, how often the test images were looked at, and p as it is."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from gala_viz.alignment import paired_randomisation
from gala_viz.evaluation.comparisons import _flips_text
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import write_evaluation
from gala_viz.evaluation.forest import _ends
from gala_viz.evaluation.looks import FILE, record_look
from gala_viz.evaluation.markdown import markdown
from gala_viz.evaluation.metadata import chance_notes, chance_text, other_trainings_text
from gala_viz.evaluation.table import p_text
from tests.evaluation.test_evaluate import SPEC, network, shapes  # noqa: F401

TEST = replace(SPEC, split="all", smoothgrad=None)


@pytest.fixture(scope="module")
def evaluated(shapes):  # noqa: F811
    networks = {"a": network("a", 5), "b": network("b", 6)}
    return evaluate(networks, shapes, TEST)


def looks(folder):
    with (folder / FILE).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_other_evaluation_of_test_images_is_a_look_and_the_same_again_is_none(evaluated, tmp_path):
    assert record_look(evaluated, tmp_path).startswith("Look number 1 at the test images")
    assert record_look(evaluated, tmp_path).startswith("Look number 1 at the test images"), "nothing new was asked"
    other = replace(evaluated, spec=replace(evaluated.spec, seed=1))
    assert "Look number 2" in record_look(other, tmp_path)
    assert [one["look"] for one in looks(tmp_path)] == ["1", "2"]
    smoothed = replace(evaluated, collection={**evaluated.collection, "fingerprint": "with other human maps"})
    assert "Look number 3" in record_look(smoothed, tmp_path), "the test images are the same"
    elsewhere = replace(evaluated, collection={**evaluated.collection, "name": "other"})
    assert "Look number 1" in record_look(elsewhere, tmp_path)
    chosen = replace(evaluated, spec=replace(evaluated.spec, split="validation"))
    assert record_look(chosen, tmp_path) == ""
    assert len(looks(tmp_path)) == 4


def test_a_file_of_looks_that_cannot_be_read_is_told_and_kept(evaluated, tmp_path):
    (tmp_path / FILE).write_text("something, else\n1,2\n", encoding="utf-8")
    told = record_look(evaluated, tmp_path)
    assert told.startswith("How often the test images were looked at before is not known")
    assert (tmp_path / FILE).read_text(encoding="utf-8") == "something, else\n1,2\n"
    (tmp_path / FILE).write_text("", encoding="utf-8")
    assert "Look number 1" in record_look(evaluated, tmp_path), "an empty file holds nothing"
    text = (tmp_path / FILE).read_text(encoding="utf-8").rstrip()
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    other = replace(evaluated, spec=replace(evaluated.spec, seed=1))
    assert "Look number 2" in record_look(other, tmp_path), "an editor took the last line's end away"
    assert len(looks(tmp_path)) == 2
    assert "cannot be used" in record_look(evaluated, tmp_path / FILE), "a file is no folder"


def test_what_is_written_tells_the_look_the_chance_and_an_interval_for_each_difference(evaluated, tmp_path):
    write_evaluation(evaluated, tmp_path)
    for name in ("table.md", "report.html", "results.json"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "Look number 1 at the test images" in page
        assert "other images of these" in page
        assert "for these people" in page
    with (tmp_path / "tests.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        low, middle, high = (float(row[name]) for name in ("low", "b_minus_a", "high"))
        assert low <= middle <= high
        assert float(row["p"]) >= float(row["smallest_p"]) * (1 - 1e-9)
    one = next(one for one in evaluated.comparisons if one.key.metric == "rho_attention" and "mean" in one.key.layer)
    text = f"{one.test.difference:+.3f} [{one.interval.low:+.3f}, {one.interval.high:+.3f}]"
    assert text in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_over_categories_needs_each_images_category_and_says_what_it_is_over(shapes, evaluated):  # noqa: F811
    images = len(evaluated.images)
    found = evaluate({"a": network("a", 5), "b": network("b", 6)}, shapes, replace(TEST, over="categories"))
    n = len(set(found.categories))
    assert n < 6 <= images
    rho = [one for one in found.estimates if one.who == "a" and one.key.metric == "rho_attention"]
    assert rho
    for one in rho:
        assert np.isnan([one.interval.low, one.interval.high]).all()
        assert one.note == f"{n} categories, no interval below 6."
    assert f"about other categories than these {n}" in markdown(found)
    plain = {(one.who, one.key): one.interval.mean for one in evaluated.estimates if one.interval is not None}
    for one in found.estimates:
        if one.interval is not None:
            assert one.interval.mean == pytest.approx(plain[one.who, one.key])
    with pytest.raises(ValueError, match="over is 'images' or 'categories'"):
        replace(TEST, over="people")


@pytest.mark.parametrize(
    ("p", "is_bound", "text"),
    [
        (1 / 10_001, True, "p ≤ 0.0001"),
        (0.000118, False, "p = 0.00012"),
        (0.000134, False, "p = 0.00014"),
        (0.0078125, False, "p = 0.0079"),
        (0.0123, False, "p = 0.0123"),
        (1.0, False, "p = 1.0000"),
    ],
)
def test_p_is_never_printed_below_what_it_is(p, is_bound, text):
    assert p_text(p, is_bound=is_bound) == text
    assert float(text.split()[-1]) >= p * (1 - 1e-4)


def test_only_a_p_that_no_drawn_flip_reached_is_a_bound():
    assert paired_randomisation(np.zeros(60), 9 + np.arange(60.0)).is_bound
    assert not paired_randomisation(np.zeros(8), 9 + np.arange(8.0)).is_bound, "all flips were made: p is exact"
    assert not paired_randomisation(np.zeros(60), np.tile([1.0, -1.0], 30)).is_bound


def test_which_sign_flips_were_made_is_told_for_tests_of_each_size():
    few = paired_randomisation(np.zeros(8), np.arange(8.0))
    many = paired_randomisation(np.zeros(60), np.arange(60.0), seed=3)
    assert _flips_text([few, many, few], "images") == (
        "all 256 sign flips of 8 images, so that no p is below 0.0078; 10000 sign flips of more images, seed 3"
    )
    assert _flips_text([many], "images") == "10000 sign flips, seed 3"


def test_the_chance_of_intervals_and_tests_is_named():
    assert chance_text("images", [None, None], with_people=False) == (
        "Intervals and tests ask about other images like these."
    )
    few = chance_text("images", ["a", "a", "b"], with_people=True)
    assert few.startswith("Intervals and tests ask about other images of these 2 categories, for these people; where")
    assert "--over categories" in few
    assert "2.5 times ± for 3 seeds" in other_trainings_text({"a": ("1", "2", "3"), "b": ("4", "5", "6")})
    assert "nothing is known" in other_trainings_text({"a": ("1",)})


def test_the_ends_of_a_scale_are_printed_as_they_are():
    low, high = _ends([0.113, 0.131])
    assert (f"{low:g}", f"{high:g}") == ("0", "0.15")


@pytest.mark.parametrize(
    ("right", "n", "count", "is_told"),
    [
        (10, 100, 10, True),  # chance
        (0, 100, 10, True),
        (30, 100, 10, False),
        (55, 100, 2, True),
        (70, 100, 2, False),
        (0, 3, 2, False),  # three images tell nothing
        (0, 0, 10, False),
    ],
)
def test_networks_that_recognise_no_more_than_by_chance_are_told_where_images_suffice(right, n, count, is_told):
    correct = xr.Dataset({"correct": ("image", [1.0] * right + [0.0] * (n - right))})
    notes = chance_notes({"net": count}, {"net": correct})
    assert len(notes) == is_told
    if is_told:
        assert f"net recognises {right} of {n} images, no more than by chance" in notes[0]
