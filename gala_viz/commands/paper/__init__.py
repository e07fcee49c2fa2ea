"""``gala-viz paper``: finding or training the networks, evaluating them, drawing the figures, and saying how."""
