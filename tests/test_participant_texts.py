"""What participants read stands in one file for each language, which pages, privacy notes and exports read."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import gala_viz
from gala_viz.experiment.bids import instructions
from gala_viz.participant_texts import participant_texts

PACKAGE = Path(gala_viz.__file__).parent
PYTHON = {"game": {"privacy"}, "experiment": {"privacy"}}
"""Read by the server and sent, not by the page."""


def scripts(page: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "panels" / page).glob("*.js")))


def names_read_by(page: str) -> set[str]:
    script = scripts(page)
    feedback = re.search(r"const FEEDBACK = (\{.*?\})", script)
    return set(re.findall(r"\btexts\.(\w+)", script)) | set(re.findall(r': "(\w+)"', feedback[1] if feedback else ""))


@pytest.mark.parametrize("page", ["game", "experiment"])
def test_a_page_reads_every_text_of_its_own_and_no_other(page):
    assert names_read_by(page) | PYTHON[page] == set(participant_texts(page))


@pytest.mark.parametrize("page", ["game", "experiment"])
def test_a_page_has_no_words_of_its_own(page):
    without_comments = re.sub(r"//[^\n]*|/\*.*?\*/", "", scripts(page), flags=re.DOTALL)
    quoted = re.findall(r"\"([^\"\n]*)\"|'([^'\n]*)'|>([^<{`\n]*)<", without_comments)
    sentences = [text for found in quoted for text in found if re.match(r"[A-Z][a-z’']+ [a-z]", text)]
    assert sentences == []


@pytest.mark.parametrize("page", ["game", "experiment"])
def test_what_is_filled_in_has_a_name(page):
    for text in participant_texts(page).values():
        for sentence in [text] if isinstance(text, str) else text:
            fields = [field for _, field, _, _ in Formatter().parse(sentence) if field is not None]
            assert all(field.isidentifier() for field in fields), sentence


def test_a_language_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"Expected a language of en, got 'xx'\. Add xx\.toml"):
        participant_texts("game", "xx")
    with pytest.raises(ValueError, match=r"Expected one of the pages game, experiment, got 'gallery'"):
        participant_texts("gallery")


def test_the_export_tells_the_instructions_that_the_page_shows():
    told = instructions(("animal", "vehicle"))
    texts = participant_texts("experiment")
    for sentence in texts["instructions"]:
        assert sentence in told
    assert "animal or vehicle?" in told
