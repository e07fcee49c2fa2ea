"""Many photographs by many columns at once."""
