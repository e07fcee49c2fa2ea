"""The one measurement: networks x images -> predictions, attention norms, maps with their errors, scores.

``results`` is what a measurement gives, without torch; all else here computes it. Pages, stores, tables and notebooks
ask the engine and measure nothing by themselves, so that the same settings give the same numbers everywhere.
"""
