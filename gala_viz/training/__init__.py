"""How it learned: the co-training loss, samples, recipes and the Lightning module."""
