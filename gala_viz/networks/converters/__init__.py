"""Weights of other programs, made into those of networks here."""
