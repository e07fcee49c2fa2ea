"""What a page may say: anything else is told apart before it does anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.game.messages import (
    HelloMessage,
    InvalidMessageError,
    LeaderboardMessage,
    NextRoundMessage,
    NicknameMessage,
    PaintMessage,
    SkipMessage,
    parse_message,
)

GOOD = [
    (
        {"type": "hello", "pointer": "pen", "mobile": True, "screen_px": [390, 844]},
        HelloMessage("pen", True, (390, 844)),
    ),
    ({"type": "name", "nickname": "<b>"}, NicknameMessage("<b>")),
    ({"type": "next"}, NextRoundMessage(None)),
    ({"type": "next", "image": "tench/a.jpg"}, NextRoundMessage("tench/a.jpg")),
    ({"type": "paint", "round": "r", "points": [[1, 2.5, 3]]}, PaintMessage("r", ((1.0, 2.5, 3.0),))),
    ({"type": "skip", "round": "r", "reason": "other"}, SkipMessage("r", "other")),
    ({"type": "leaders", "span": "week"}, LeaderboardMessage("week")),
]


@pytest.mark.parametrize(("told", "meant"), GOOD)
def test_what_the_page_says_is_understood(told, meant):
    assert parse_message(json.dumps(told)) == meant


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 5000,
        '{"type": 3}',
        '{"type": "score", "score": 100}',
        '{"type": "hello", "pointer": "eye", "mobile": false, "screen_px": [1, 2]}',
        '{"type": "hello", "pointer": "pen", "mobile": false, "screen_px": [1e300, 2]}',
        '{"type": "paint", "round": "r", "points": []}',
        '{"type": "paint", "round": "r", "points": [[1, 2]]}',
        '{"type": "paint", "round": "r", "points": [[1, 2, true]]}',
        '{"type": "paint", "round": "r", "points": [[1, 2, NaN]]}',
        '{"type": "paint", "round": "r", "points": [[1, 2, 1e999]]}',
        '{"type": "paint", "round": "r", "points": [[1, 2, ' + "9" * 400 + "]]}",
        '{"type": "paint", "round": ["r"], "points": [[1, 2, 3]]}',
        json.dumps({"type": "paint", "round": "r", "points": [[1, 2, 3]] * 161}),
        '{"type": "skip", "round": "r", "reason": "because"}',
        '{"type": "leaders", "span": "ever"}',
        json.dumps({"type": "name", "nickname": "n" * 201}),
        "x" * 20_000,
        b"\xff\xfe{}",
    ],
)
def test_anything_else_is_refused(content):
    with pytest.raises(InvalidMessageError):
        parse_message(content)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "round", "points", "image"]), inner)
)))  # fmt: skip
def test_no_json_whatever_breaks_the_reader(told):
    try:
        found = parse_message(json.dumps(told))
    except InvalidMessageError:
        return
    assert isinstance(
        found, HelloMessage | NicknameMessage | NextRoundMessage | PaintMessage | SkipMessage | LeaderboardMessage
    )


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_reader(content):
    with pytest.raises(InvalidMessageError):
        parse_message(content)
