"""The game as it is played: one server that owns clock, images, guesses and scores, for many players at once."""
