"""Worlds with known truth, and every interval and test of gala_viz in them (``benchmarks/coverage.py``)."""
