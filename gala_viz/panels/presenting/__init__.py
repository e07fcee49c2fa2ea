"""Presenting to a room."""
