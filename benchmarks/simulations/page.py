"""The outcomes as text for a terminal, and as a page of the documentation."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from benchmarks.simulations.row import HIGH, LOW, Outcome

HEAD = """# Coverage

How often the intervals and tests that gala_viz prints are right, in made-up worlds whose truth is known. An interval of
95 % should hold the truth in 95 of 100 repeats, a test at 0.05 reject a true null in 5. **What is printed as 95 %
covers between 92 and 98 %, and a test rejects between 2 and 8 %, or a word stands beside it, here and where a user
meets it.**

Made by `python benchmarks/coverage.py --write docs/definitions/coverage.md`, which asks the functions that print the
numbers. `make test-long` runs a shorter form and fails where a line without a word leaves these bounds.

*Worlds.* Maps are smooth Gaussian fields of 14 x 14 cells: what is common, and a field of noise a person; or
multinomial clicks through a Gaussian. *Truth* is known from the world, or the mean of the estimate over all repeats. ±
is the Monte-Carlo standard error. *Power* is the share of rejections of a true difference, which the world tells.
n counts images unless the second column says what.
"""


def text_table(found: Sequence[Outcome]) -> str:
    """Return one line for each outcome."""
    lines = [f"{'row':<34}{'n':>5}{'repeats':>9}{'given':>7}{'%':>8}{'±':>6}{'power':>7}  beside"]
    for one in found:
        told = one.word or ("OUTSIDE" if one.is_outside() else "")
        lines.append(
            f"{one.row.key:<34}{one.n:>5}{one.repeats:>9}{one.given:>6.0f}%{_number(one.percent):>8}"
            f"{_number(one.error):>6}{_number(one.power, 0):>7}  {told[:60]}"
        )
    return "\n".join(lines)


def page(found: Sequence[Outcome], *, seed: int, minutes: float) -> str:
    """Return the page of the documentation."""
    bounds = f"{LOW:g} to {HIGH:g} %"
    given = [one for one in found if np.isfinite(one.percent)]
    beyond = [one for one in given if one.word or one.is_outside()]
    without = [one for one in beyond if not one.word]
    parts = [
        HEAD,
        f"{_about()}; seed {seed}; {minutes:.0f} minutes. Of {len(given)} lines {len(given) - len(beyond)} lie within "
        f"{bounds} (tests: 2 to 8 %), but for their Monte-Carlo error; beside {len(beyond) - len(without)} others "
        "stands a word" + (f"; **{len(without)} lack one**." if without else "."),
    ]
    titles = {
        "interval": ("Intervals", "covers, %"),
        "cells": ("Errors of maps", "cells within t errors, %"),
        "test": ("Tests", "rejects, %"),
        "at most": ("Families of tests", "false, % (at most 5 expected)"),
        "rate": ("What is told of noise", "told, %"),
    }
    for kind, (title, column) in titles.items():
        own = [one for one in found if one.row.kind == kind]
        if own:
            parts.append(f"## {title}\n\n" + _table(own, column))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(found: Sequence[Outcome], column: str) -> str:
    with_power = any(np.isfinite(one.power) for one in found)
    head = ["what is printed", "over", "world", "n", "repeats", column, *(["power, %"] if with_power else []), "beside"]
    lines = [head, ["---"] * len(head)]
    last = ""
    for one in found:
        row = one.row
        named = [row.what, row.over, row.world] if row.key != last else ["", "", ""]
        last = row.key
        lines.append(
            [
                *named,
                f"{one.n:,}",
                f"{one.repeats:,}",
                _result(one),
                *([_number(one.power, 0)] if with_power else []),
                _beside(one),
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _result(one: Outcome) -> str:
    return "none is given" if np.isnan(one.percent) else f"{one.percent:.1f} ± {one.error:.1f}"


def _beside(one: Outcome) -> str:
    part = f"given in {one.given:.0f} %." if 0 < one.given < 99.5 else ""
    missing = "**a word is missing**" if not one.word and one.is_outside() else ""
    return " ".join(text for text in (part, one.word, missing) if text)


def _number(value: float, places: int = 1) -> str:
    return "" if np.isnan(value) else f"{value:.{places}f}"


def _about() -> str:
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{day}, commit {commit}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
