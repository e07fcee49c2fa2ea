"""Training: the co-training loss, data, recipes and the Lightning modules."""
