"""Touched: widgets and what they remember; everything shown comes from a MapSource, nothing is computed here."""
