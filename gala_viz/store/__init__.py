"""Where maps come from: the protocol that every page calls, and stores of maps on disk."""
