"""Widgets for notebooks: the comparison, all images, and attention layers, in a cell beside the code."""
