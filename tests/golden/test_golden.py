"""The product gives what it gave: every part of the reference, and the comparison itself."""

import copy
import json

import pytest

from tests.golden.behaviour import (
    BEFORE,
    FOLDER,
    MAP_TOLERANCE,
    PARTS,
    computed,
    differences,
    first_photographs,
    kept,
    photographs,
    text_of_part,
)

MOST_BYTES = 3_000_000
LONG = ("photographs", "rendered", "evaluation", "experiment", "store", "figure")
"""Parts that measure several networks on many images take a minute or more."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", [pytest.param(one, marks=[pytest.mark.slow] if one in LONG else []) for one in PARTS])
def test_what_the_product_gives_is_what_it_gave(part):
    found = differences(kept(part), computed(part))
    assert not found, "\n".join([*found[:20], "Intended: list it in CHANGED.md, then `make golden`."])


@pytest.mark.timeout(900)
def test_the_first_photographs_give_what_they_gave():
    expected = first_photographs(kept("photographs"), 2)
    found = differences(expected, json.loads(text_of_part(photographs(2))))
    assert not found, "\n".join([*found[:20], "Intended: list it in CHANGED.md, then `make golden`."])


def test_the_reference_is_small():
    files = [one for one in (*FOLDER.iterdir(), *BEFORE.rglob("*")) if one.is_file()]
    assert sum(one.stat().st_size for one in files) < MOST_BYTES


CONTENT = {
    "n": 3,
    "name": "a",
    "rho": 0.5,
    "p": 0.0002,
    "probability": 2.31e-05,
    "zero": 0.0,
    "none": None,
    "map": ["0.1 0.2", "0.3 1"],
    "rows": [1.0, float("nan")],
}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("n", 4, "3 before, 4 now"),
        ("n", 3.0, "3 before, 3.0 now"),
        ("name", "b", "'a' before, 'b' now"),
        ("rho", 0.502, "0.5 before, 0.502 now"),
        ("p", 0.0, "0.0002 before, 0.0 now"),
        ("probability", 2.4e-05, "2.31e-05 before, 2.4e-05 now"),
        ("zero", 1e-05, "0.0 before, 1e-05 now"),
        ("none", 0, "None before, 0 now"),
        ("map", ["0.1 0.2", "0.3 0.98"], "2.00% of its largest value away"),
        ("map", ["0.1 0.2", "0.3 nan"], "other cells are missing"),
        ("rows", [1.0], "2 entries before, 1 now"),
        ("rows", [1.0, 2.0], "nan before, 2.0 now"),
    ],
)
def test_a_difference_is_found_and_told(name, value, told):
    (found,) = differences(CONTENT, {**copy.deepcopy(CONTENT), name: value})
    assert told in found


def test_a_name_that_came_or_went_is_told():
    before, now = {"a": {"b": 1}}, {"a": {"c": 1}}
    assert differences(before, now) == ["/a: 'c' is new", "/a: 'b' is gone"]


def test_numbers_within_the_tolerance_are_the_same():
    now = {
        **CONTENT,
        "rho": 0.5004,
        "p": 0.0003,
        "probability": 2.311e-05,
        "zero": 1e-08,
        "map": [f"{0.1 + 0.9 * MAP_TOLERANCE:.4g} 0.2", "0.3 1"],
    }
    assert differences(CONTENT, now) == []
