"""docs/where.md answers a new reader's questions: every answer is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest


def answers(repository: Path) -> list[tuple[str, str]]:
    """Return the answers with their rows."""
    text = (repository / "docs" / "where.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [(answer, row) for row in rows for answer in re.findall(r"\{py:obj\}`\w+ <([^>]+)>`", row)]


def defined_in(path: Path) -> set[str]:
    names = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_there_are_at_least_25_questions(repository):
    assert len(answers(repository)) >= 25


def test_every_answer_is_a_module_or_what_it_defines(repository):
    for answer, row in answers(repository):
        module, _, name = answer.rpartition(".")
        whole, part = (repository.joinpath(*one.split(".")) for one in (answer, module))
        if whole.with_suffix(".py").is_file() or (whole / "__init__.py").is_file():
            path = whole if whole.is_dir() else whole.with_suffix(".py")
        else:
            path = part / "__init__.py" if part.is_dir() else part.with_suffix(".py")
            assert path.is_file(), answer
            assert name in defined_in(path), answer
        shown = path.relative_to(repository / "gala_viz").as_posix() + "/" * path.is_dir()
        assert f"`{shown}`" in row, "the file stands beside the answer, for readers without the built pages"


@pytest.mark.parametrize("page", ["glossary.md", "where.md", "extend.md", "shipped.md"])
def test_a_page_that_the_readme_names_is_there(repository, page):
    assert (repository / "docs" / page).is_file()
    assert f"docs/{page}" in (repository / "README.md").read_text(encoding="utf-8")
