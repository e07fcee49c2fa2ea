"""How well networks do on images that they never learned from: accuracy, and likeness to people per layer and map."""
