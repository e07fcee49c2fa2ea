"""JSON that others sent: one reader, which raises one error."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.json_input import InvalidJsonError, parse_json, text_problem

TEXTS = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    "content", ["[" * 100_000, b"[" * 100_000, '{"a":' * 100_000, "", "{", b"\xff\xfe", "9" * 5000]
)
def test_what_is_no_json_is_refused(content):
    with pytest.raises(InvalidJsonError, match=r"a message is JSON\."):
        parse_json(content, 10**6)


def test_what_is_too_long_is_not_looked_at():
    with pytest.raises(InvalidJsonError, match="at most 3 bytes"):
        parse_json("[1, 2]", 3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
    )
)
def test_texts_are_taken_that_have_utf8_and_no_zero_and_no_others(value):
    plain = json.dumps(value, ensure_ascii=False)
    try:
        fits = bool(plain.encode()) and "\\u0000" not in plain.replace("\\\\", "")
    except UnicodeEncodeError:
        fits = False
    assert (text_problem(value) == "") == fits
    if fits:
        assert parse_json(json.dumps(value), 10**6) == value
    else:
        with pytest.raises(InvalidJsonError, match="valid Unicode"):
            parse_json(json.dumps(value), 10**6)


@given(st.text() | st.binary())
def test_nothing_else_is_ever_raised(content):
    with contextlib.suppress(InvalidJsonError):
        parse_json(content, 1000)
