"""Attribution: SmoothGrad and other methods, attention norms, deltas of maps.

The modules that only handle maps (``delta``, ``reduce``) import no torch; a page may use them.
"""
