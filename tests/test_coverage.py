"""What is printed as 95 % holds the truth in 92 to 98 % of made-up worlds, or a word stands beside it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulations.page import page, text_table
from benchmarks.simulations.row import Block, Row, outcome
from benchmarks.simulations.run import ALL_ROWS, blocks_of, run, simulate

SHARE, ERRORS = 0.2, 3.0
"""Share of each row's repeats, and Monte-Carlo errors by which a row may lie beyond its bounds by chance."""
BY_KEY = {row.key: row for row in ALL_ROWS}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", sorted(BY_KEY))
def test_intervals_and_tests_are_right_as_often_as_they_say_or_a_word_stands_beside_them(key, record_property):
    for one in run([BY_KEY[key]], share=SHARE):
        record_property(f"n = {one.n}, %", f"{one.percent:.1f} ± {one.error:.1f}")
        assert one.word or not one.is_outside(ERRORS), (one.n, one.percent, one.error, one.bounds)


def row_of(**settings):
    about = {"key": "made up", "what": "a mean", "over": "images", "world": "numbers", "sizes": (5,), "repeats": 10}
    return Row(**{**about, "simulate": lambda n, rng, repeats: rng.random((repeats, 3)), **settings})


def test_an_interval_is_right_where_it_holds_the_truth_and_what_has_none_is_left_out():
    bounds = np.array([[0.5, 0.0, 1.0], [0.5, 0.6, 1.0], [0.5, np.nan, np.nan], [0.5, 0.5, np.inf]])
    found = outcome(row_of(truth=0.5), 5, bounds)
    assert (found.given, found.repeats) == (75, 4)
    assert found.percent == pytest.approx(200 / 3)
    assert outcome(row_of(), 5, bounds).percent == found.percent, "the mean of the estimates is 0.5"
    assert outcome(row_of(truth=lambda simulated: simulated[:, 2].max()), 5, bounds[:2]).percent == 100
    nothing = outcome(row_of(), 5, np.full((4, 3), np.nan))
    assert nothing.given == 0
    assert not nothing.is_outside()


def test_a_test_is_counted_over_repeats_and_bounds_are_those_of_its_kind():
    p = np.array([[0.05, 0.06], [0.01, 0.02], [np.nan, 0.5], [np.nan, np.nan]])
    found = outcome(row_of(kind="test"), 5, p, alternative=p[:2])
    assert found.percent == pytest.approx(50)
    assert found.power == pytest.approx(75)
    assert found.is_outside(errors=1)
    assert not found.is_outside(errors=2)
    for kind, share, is_outside in (
        ("test", 0.0, True), ("test", 0.05, False), ("at most", 0.0, False), ("at most", 0.2, True),
        ("rate", 1.0, False), ("rate", 0.9, True), ("cells", 1.0, True), ("cells", 0.95, False),
    ):  # fmt: skip
        values = np.where(np.arange(1000) < 1000 * share, 0.0, 1.0) if kind == "test" else np.full(1000, share)
        assert outcome(row_of(kind=kind), 5, values[:, None]).is_outside() == is_outside, (kind, share)


def test_every_block_has_chance_of_its_own_that_depends_on_nothing_else():
    row = BY_KEY["mean-rho"]
    blocks = list(blocks_of(replace(row, sizes=(6, 20), repeats=90, block=40), 1.0))
    assert [(one.n, one.repeats) for one in blocks] == [(6, 40), (6, 40), (6, 10), (20, 40), (20, 40), (20, 10)]
    drawn = {one: one.rng(0).random() for one in [*blocks, replace(blocks[0], power=True), replace(blocks[0], key="x")]}
    assert len(set(drawn.values())) == len(drawn)
    assert blocks[0].rng(1).random() != drawn[blocks[0]]
    again = [simulate(one, 0)[1] for one in reversed(blocks)]
    for one, simulated in zip(blocks, reversed(again), strict=True):
        np.testing.assert_array_equal(simulated, simulate(one, 0)[1])


def test_what_lies_outside_without_a_word_is_shown_as_such():
    good, bad = (outcome(row_of(truth=truth), 5, np.tile([0.5, 0.0, 1.0], (1000, 1))) for truth in (0.5, 2.0))
    table = page([good, bad], seed=0, minutes=1)
    assert table.count("**a word is missing**") == 2, "100 % are too many, and 0 % too few"
    assert "**2 lack one**" in table
    told = outcome(row_of(truth=2.0, words={5: "Few images."}), 5, np.tile([0.5, 0.0, 1.0], (1000, 1)))
    assert "Few images." in page([told], seed=0, minutes=1)
    assert "missing" not in page([told], seed=0, minutes=1)
    assert "OUTSIDE" in text_table([bad])
    assert "none is given" in page([outcome(row_of(), 5, np.full((4, 3), np.nan))], seed=0, minutes=1)


def test_rows_have_names_of_their_own_and_words_for_numbers_that_they_have():
    assert len(BY_KEY) == len(ALL_ROWS)
    for row in ALL_ROWS:
        assert set(row.words) <= set(row.sizes), row.key
        assert "|" not in " ".join([row.what, row.over, row.world, *row.words.values()]), row.key


def test_the_page_of_the_documentation_has_every_row_and_misses_no_word(repository):
    text = (repository / "docs" / "definitions" / "coverage.md").read_text(encoding="utf-8")
    for row in ALL_ROWS:
        assert f"| {row.what} | {row.over} | {row.world} |" in text, f"{row.key}: make the page anew"
    assert "a word is missing" not in text


def test_a_block_is_what_one_process_is_given():
    block = Block(key="catch-0.5", n=20, number=0, repeats=3)
    same, simulated, seconds = simulate(block, 0)
    assert same == block
    assert simulated.shape == (3, 3)
    assert seconds >= 0
