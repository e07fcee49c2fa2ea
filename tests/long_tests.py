"""The last result of ``make test-long`` as a page: ``python -m tests.long_tests JUNIT.xml PAGE.md``.

Tests tell figures by ``record_property``, for example ``record_property("RSS at visit 300, MB", 412)``.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

HEAD = """# Long tests

`make test-long` runs what takes too long for every change: soak, chaos and load tests, clean installs, notebooks that
train, this documentation. This page is its last result.
"""


def page(junit: Path, about: str) -> str:
    """The page of a result: a line for each test, with its outcome, seconds and figures."""
    cases = list(ElementTree.parse(junit).iter("testcase"))
    counts = Counter(outcome(case) for case in cases)
    seconds = sum(float(case.get("time", 0)) for case in cases)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no test ran"
    rows = [
        f"| {where(case)} | {outcome(case)} | {float(case.get('time', 0)):.0f} | {figures(case)} |" for case in cases
    ]
    table = ["| test | result | seconds | figures |", "|---|---|---|---|", *rows]
    return "\n".join([HEAD, f"{about}: {told}, {seconds / 60:.1f} minutes.", "", *table, ""])


def outcome(case: ElementTree.Element) -> str:
    """Passed, failed or skipped."""
    names = {child.tag for child in case}
    return "failed" if names & {"failure", "error"} else "skipped" if "skipped" in names else "passed"


def where(case: ElementTree.Element) -> str:
    """The test's folder and sentence."""
    name = (case.get("name") or "").removeprefix("test_").replace("_", " ").replace("|", "/")
    module = (case.get("classname") or "").removeprefix("tests.").rpartition(".")[0]
    return f"{module}: {name}" if module else name


def figures(case: ElementTree.Element) -> str:
    """What the test measured."""
    told = [f"{one.get('name')}: {one.get('value')}" for one in case.iter("property")]
    return "; ".join(told).replace("|", "/")


def about() -> str:
    """Date, commit and machine."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{day}, commit {found or 'unknown'}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1]), about()), encoding="utf-8")
