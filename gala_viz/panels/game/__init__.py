"""The game's pages."""
