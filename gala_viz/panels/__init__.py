"""Pages: widgets and their state; everything shown comes from a MapSource, nothing is computed here."""
