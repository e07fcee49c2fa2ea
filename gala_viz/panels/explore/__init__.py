"""All images as points."""
