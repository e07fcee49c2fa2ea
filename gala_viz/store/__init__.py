"""Where maps come from: the protocol that every page asks, however its answers are made or kept."""
