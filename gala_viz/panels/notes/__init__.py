"""Notes and bookmarks."""
