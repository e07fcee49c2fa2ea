"""Human maps of every format, apart from the photographs that they belong to."""

from gala_viz.deprecated_paths import deprecated_getattr

__getattr__ = deprecated_getattr(__name__)
