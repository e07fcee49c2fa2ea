"""The command ``gala-viz experiment`` and what it writes."""
