"""Inputs: only what a field offers can be entered, and who listens hears each change once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.panels.form import Field, Form, as_options

FIELDS = [
    Field(name="n", label="Samples", kind="slider", value=50, start=5, end=200, step=5),
    Field(name="share", label="Share", kind="slider", value=0.15, end=0.5, step=0.01, digits=2),
    Field(name="way", label="Way", kind="choice", value="a", options=as_options({"First": "a", "Second": "b"})),
    Field(name="place", label="Place", kind="pick", value=0, options=(("here", 0), ("there", 1))),
    Field(name="on", label="On", kind="switch", value=False),
    Field(name="seed", label="Seed", kind="number", value=0, end=2**31 - 1),
    Field(name="words", label="Words", kind="text", value=""),
]


@pytest.fixture
def heard():
    return []


@pytest.fixture
def fields(heard):
    return Form(FIELDS, lambda *change: heard.append(change))


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 100), ("share", 0.3), ("way", "b"), ("place", 1), ("on", True), ("seed", 7), ("words", "<b>otter</b>")],
)
def test_what_a_visitor_enters_counts_and_is_heard_once(fields, heard, name, value):
    for _ in range(2):
        fields._handle_msg({"name": name, "value": value})
    assert fields.values[name] == value
    assert heard == [(name, value)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 4),
        ("n", 201),
        ("n", float("nan")),
        ("n", True),
        ("n", "100"),
        ("share", 0.51),
        ("way", "c"),
        ("way", None),
        ("place", True),
        ("place", 7),
        ("on", 1),
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 1.5),
        ("seed", "1"),
        ("words", 3),
        ("words", ["a"]),
        ("nothing", 1),
        (None, None),
    ],
)
def test_forged_messages_change_nothing(fields, heard, name, value):
    before = dict(fields.values)
    fields._handle_msg({"name": name, "value": value})
    assert fields.values == before
    assert heard == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from([field.name for field in FIELDS]), json_values)
def test_whatever_comes_values_stay_within_their_fields(name, value):
    fields = Form(FIELDS, lambda *_: None)
    fields._handle_msg({"name": name, "value": value})
    for field in FIELDS:
        assert field.validate(fields.values[field.name]) == fields.values[field.name]


def test_changes_of_our_own_are_not_heard(fields, heard):
    fields.update_field("way", options=(("Third", "c"),), value="c", visible=False)
    assert fields.values["way"] == "c"
    assert not fields.states["way"]["visible"]
    assert heard == []
    fields.receive("way", "b")
    assert fields.values["way"] == "c", "an option that was taken away cannot be chosen"


def test_browsers_learn_which_of_their_messages_was_heard_even_if_it_was_dropped(fields):
    fields._handle_msg({"name": "n", "value": 100, "number": 1})
    fields._handle_msg({"name": "n", "value": 1000, "number": 2})
    assert fields.acknowledged == {"n": 2}
    assert fields.values["n"] == 100


def test_long_texts_are_cut(fields):
    fields.receive("words", "x" * 10_000)
    assert len(fields.values["words"]) == 500
