"""Maps computed when a page asks: a MapSource over one collection and a pair of networks."""

from gala_viz.live.live_maps import LiveMaps

__all__ = ["LiveMaps"]
