"""Fixations of eye trackers, as labs and public sets hold them, made into human maps."""
