"""Which values of a parameter are for the long tests."""

from typing import Any

import pytest


def slow(*values: Any) -> list:
    """Return values of ``pytest.mark.parametrize`` that only ``make test-long`` tries; a tuple is one set of values."""
    return [pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=pytest.mark.slow) for one in values]
