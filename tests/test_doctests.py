"""The examples of what ``import gala_viz as gv`` offers run; ``tests.docstrings`` compares their parameters."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

import gala_viz as gv

NAMES = sorted(set(gv.__all__) - {"__version__"})


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_an_example_and_says_what_it_returns(name):
    value = getattr(gv, name)
    text = inspect.getdoc(value) or ""
    assert re.match(r"[A-Z].*\.\n", text), "one line first, as a sentence"
    assert "\nExamples\n--------\n>>> " in text
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
