"""The collection at the left."""
