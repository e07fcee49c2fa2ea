"""Single values of tables in the many ways in which they are written: read rightly, or refused, never guessed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.collections.clickme.plain_values import number_of, participant_of, text_of, the_value, truth_of

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
            assert truth_of(entry, "is_mobile") is expected, repr(entry)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("word", ["False", "0", "np.False_", "np.bool_(False)", "numpy.bool(False)", "false"])
def test_the_text_of_a_list_is_read_as_the_list(written, word):
    assert truth_of(written.format(word), "is_mobile") is False
    assert (
        truth_of(written.format(word.replace("False", "True").replace("false", "true").replace("0", "1")), "m") is True
    )


def test_what_is_empty_is_not_known_and_never_false():
    for entry in UNKNOWN:
        assert truth_of(entry, "is_mobile") is None, repr(entry)
        assert number_of(entry, "score") is None, repr(entry)
    for text in ("array([], dtype=bool)", "np.array([], dtype=float64)", "[nan]", "['']", "[None]"):
        assert truth_of(text, "is_mobile") is None, text


def test_several_equal_values_are_one_and_different_ones_are_refused():
    assert truth_of([False, False], "is_mobile") is False
    assert truth_of("[True True]", "is_mobile") is True
    assert number_of([0.5, 0.5], "score") == 0.5
    for entry in ([True, False], np.array([0, 1]), "[False, True]", "[0 1]", [None, True]):
        with pytest.raises(ValueError, match=r"one value was expected|is_mobile is true, false, 1 or 0"):
            truth_of(entry, "is_mobile")
    with pytest.raises(ValueError, match="score is one number"):
        number_of("[0.5, 0.7]", "score")


@pytest.mark.parametrize("entry", ["maybe", 2, -1, 0.5, "2", "truefalse", {"a": 1}, object(), b"\xff"])
def test_what_is_no_truth_is_refused(entry):
    with pytest.raises(ValueError, match=r"is_mobile is true, false, 1 or 0|UTF-8"):
        truth_of(entry, "is_mobile")


def test_numbers_come_out_of_lists_too():
    for entry in wrapped(0.75):
        assert number_of(entry, "score") == 0.75
    for text in ("0.75", "[0.75]", "array([0.75])", "np.float64(0.75)", "[np.float64(0.75)]"):
        assert number_of(text, "score") == 0.75
    with pytest.raises(ValueError, match="score is a number; got 'high'"):
        number_of("high", "score")


def test_a_participant_who_is_not_known_is_nobody():
    assert participant_of(np.array(["ä1"])) == participant_of("ä1".encode()) == "ä1"
    assert participant_of(17) == "17"
    for entry in (None, math.nan, "", " ", "nan", "None", []):
        with pytest.raises(ValueError, match="there is no user_id"):
            participant_of(entry)
    with pytest.raises(ValueError, match="UTF-8"):
        participant_of(b"\xe4")


@given(st.recursive(st.booleans(), lambda inner: st.lists(inner, min_size=1, max_size=1), max_leaves=5))
def test_nesting_does_not_change_a_truth(entry):
    bare = entry
    while isinstance(bare, list):
        (bare,) = bare
    assert the_value(entry) is bare
    assert truth_of(entry, "m") is truth_of(repr(entry), "m") is bare
    assert (
        truth_of(np.array(entry), "m")
        is truth_of(repr(np.array(entry)), "m")
        is truth_of(str(np.array(entry)), "m")
        is bare
    )


@given(st.text(max_size=30))
def test_any_text_is_a_truth_or_not_known_or_refused(text):
    try:
        found = truth_of(text, "m")
    except ValueError:
        return
    assert found in (True, False, None)
    if found is not None:
        assert any(word in text.lower() for word in ("true", "false", "0", "1"))


@given(st.text(max_size=30))
def test_a_text_keeps_its_letters(text):
    assert text_of(text) == text_of([text]) == text.strip()
    if text.isprintable():
        assert text_of(text.encode()) == text.strip()
