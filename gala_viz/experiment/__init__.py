"""Rapid categorisation of images uncovered by importance: which part suffices people and networks."""
