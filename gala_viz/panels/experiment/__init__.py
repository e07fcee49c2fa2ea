"""The experiment's page."""
