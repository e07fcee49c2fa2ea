"""The gallery: the collection at the left of a page."""
