"""What holds for every notebook as it is written."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from tests.notebooks.notebook_runs import FOLDER, NAMES

LONGEST_CELLS = 32


def test_there_is_one_notebook_for_each_stage():
    assert [name[:2] for name in NAMES] == [f"{number:02d}" for number in range(1, 9)]


@pytest.mark.parametrize("name", NAMES)
def test_no_output_is_kept_and_the_file_is_valid(name):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "widgets" not in notebook["metadata"]
    assert len(notebook["cells"]) <= LONGEST_CELLS


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_notebook_links_to_is_there(name):
    links = re.findall(r"\]\(([^)#]+)\)", (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert not [link for link in links if not link.startswith("http") and not (FOLDER / link).exists()]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_with_rendered_maps_says_that_they_are_simulated(name):
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "rendered" not in text or "simulated" in text
