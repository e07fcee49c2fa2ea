"""docs/machinery/reported_problems.md names tests that are there."""

from __future__ import annotations

import re


def test_every_test_that_the_page_of_reported_problems_names_is_there(repository):
    page = (repository / "docs" / "machinery" / "reported_problems.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 30
    for path, name in named:
        assert f"\ndef {name}(" in (repository / path).read_text(encoding="utf-8"), f"{path}::{name}"


def test_the_page_of_reported_problems_names_every_test_of_this_folder(repository):
    page = (repository / "docs" / "machinery" / "reported_problems.md").read_text(encoding="utf-8")
    for path in sorted((repository / "tests" / "reports").glob("test_*.py")):
        if path.name != "test_page.py":
            for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
                assert f"::{name}`" in page, name
