"""Single values of tables in the many ways in which they are written: read rightly, or refused, never guessed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.collections.clickme.table_values import (
    parse_bool,
    parse_number,
    parse_participant,
    parse_text,
    single_value,
)

TRUE = [True, 1, 1.0, np.True_, np.int64(1), "True", "true", " 1 ", "1.0", b"true"]
FALSE = [False, 0, 0.0, np.False_, np.uint8(0), "False", "false", "0", "0.0", b"0"]
UNKNOWN = [
    None,
    math.nan,
    np.float32("nan"),
    "",
    "nan",
    "None",
    "NULL",
    "<NA>",
    [],
    (),
    np.array([]),
    "[]",
    "array([])",
]
WRITTEN = ["[{}]", "({},)", "{{{}}}", "array([{}])", "np.array([{}])", "array([{}], dtype=bool)", "['{}']", "[[{}]]"]


def wrapped(value):
    nested = np.empty(1, dtype=object)
    nested[0] = [value]
    yield from (value, [value], (value,), [[value]], np.array([value]), np.array([[value]]), np.array(value), nested)


@pytest.mark.parametrize(("values", "expected"), [(TRUE, True), (FALSE, False)])
def test_a_truth_is_the_same_alone_and_in_a_list_or_an_array_of_one(values, expected):
    for value in values:
        for entry in wrapped(value):
            assert parse_bool(entry, "is_mobile") is expected, repr(entry)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("word", ["False", "0", "np.False_", "np.bool_(False)", "numpy.bool(False)", "false"])
def test_the_text_of_a_list_is_read_as_the_list(written, word):
    assert parse_bool(written.format(word), "is_mobile") is False
    assert (
        parse_bool(written.format(word.replace("False", "True").replace("false", "true").replace("0", "1")), "m")
        is True
    )


def test_what_is_empty_is_not_known_and_never_false():
    for entry in UNKNOWN:
        assert parse_bool(entry, "is_mobile") is None, repr(entry)
        assert parse_number(entry, "score") is None, repr(entry)
    for text in ("array([], dtype=bool)", "np.array([], dtype=float64)", "[nan]", "['']", "[None]"):
        assert parse_bool(text, "is_mobile") is None, text


def test_several_equal_values_are_one_and_different_ones_are_refused():
    assert parse_bool([False, False], "is_mobile") is False
    assert parse_bool("[True True]", "is_mobile") is True
    assert parse_number([0.5, 0.5], "score") == 0.5
    for entry in ([True, False], np.array([0, 1]), "[False, True]", "[0 1]", [None, True]):
        with pytest.raises(ValueError, match=r"one value was expected|is_mobile is true, false, 1 or 0"):
            parse_bool(entry, "is_mobile")
    with pytest.raises(ValueError, match="score is one number"):
        parse_number("[0.5, 0.7]", "score")


@pytest.mark.parametrize("entry", ["maybe", 2, -1, 0.5, "2", "truefalse", {"a": 1}, object(), b"\xff"])
def test_what_is_no_truth_is_refused(entry):
    with pytest.raises(ValueError, match=r"is_mobile is true, false, 1 or 0|UTF-8"):
        parse_bool(entry, "is_mobile")


def test_numbers_come_out_of_lists_too():
    for entry in wrapped(0.75):
        assert parse_number(entry, "score") == 0.75
    for text in ("0.75", "[0.75]", "array([0.75])", "np.float64(0.75)", "[np.float64(0.75)]"):
        assert parse_number(text, "score") == 0.75
    with pytest.raises(ValueError, match="score is a number; got 'high'"):
        parse_number("high", "score")


def test_a_participant_who_is_not_known_is_nobody():
    assert parse_participant(np.array(["ä1"])) == parse_participant("ä1".encode()) == "ä1"
    assert parse_participant(17) == "17"
    for entry in (None, math.nan, "", " ", "nan", "None", []):
        with pytest.raises(ValueError, match="there is no user_id"):
            parse_participant(entry)
    with pytest.raises(ValueError, match="UTF-8"):
        parse_participant(b"\xe4")


@given(st.recursive(st.booleans(), lambda inner: st.lists(inner, min_size=1, max_size=1), max_leaves=5))
def test_nesting_does_not_change_a_truth(entry):
    bare = entry
    while isinstance(bare, list):
        (bare,) = bare
    assert single_value(entry) is bare
    assert parse_bool(entry, "m") is parse_bool(repr(entry), "m") is bare
    assert (
        parse_bool(np.array(entry), "m")
        is parse_bool(repr(np.array(entry)), "m")
        is parse_bool(str(np.array(entry)), "m")
        is bare
    )


@given(st.text(max_size=30))
def test_any_text_is_a_truth_or_not_known_or_refused(text):
    try:
        found = parse_bool(text, "m")
    except ValueError:
        return
    assert found in (True, False, None)
    if found is not None:
        assert any(word in text.lower() for word in ("true", "false", "0", "1"))


@given(st.text(max_size=30))
def test_a_text_keeps_its_letters(text):
    assert parse_text(text) == parse_text([text]) == text.strip()
    if text.isprintable():
        assert parse_text(text.encode()) == text.strip()
