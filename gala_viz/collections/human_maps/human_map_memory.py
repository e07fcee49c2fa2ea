"""Memory that the human maps of all collections share."""

from __future__ import annotations

from gala_viz.cache import BoundedCache

HUMAN_MAPS = BoundedCache(96 * 2**20)
"""Human maps as they were read from files, or made of clicks, fixations or paint."""
