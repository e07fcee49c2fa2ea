"""What ``import gala_viz as gv`` offers is documented in NumPy's style, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

import gala_viz as gv

NAMES = sorted(set(gv.__all__) - {"__version__"})


@pytest.mark.parametrize("name", NAMES)
def test_a_name_tells_its_parameters_and_has_an_example(name):
    value = getattr(gv, name)
    text = inspect.getdoc(value) or ""
    assert re.match(r"[A-Z].*\.\n", text), "one line first, as a sentence"
    assert "\nExamples\n--------\n>>> " in text
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    told = {
        word
        for line in re.findall(r"^(\S[^\n]*)$", section[1], re.MULTILINE)
        for word in re.findall(r"\w+", line.split(" : ")[0])
    }
    wanted = {one.name for one in inspect.signature(value).parameters.values()}
    inherited = set(inspect.signature(gv.FigureSpec).parameters) if "common" in told else set()
    assert wanted - inherited <= told
    if inspect.isfunction(value) and inspect.signature(value).return_annotation not in (None, "None"):
        assert "\nReturns\n-------\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name):
    value = getattr(gv, name)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(value) or "", {}, f"gala_viz.{name}", None, 0)
    lines: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=lines.append)
    assert test.examples
    assert not lines, "".join(lines)
