"""Collections of images with categories, splits and human maps: image folders, the photographs that ship, OSIE."""

from gala_viz.collections.collection import Collection
from gala_viz.collections.open import open_collection
from gala_viz.collections.photo_files import UPLOAD_LIMITS, ReadingLimits, UnreadableImageError, read_photo

__all__ = ["UPLOAD_LIMITS", "Collection", "ReadingLimits", "UnreadableImageError", "open_collection", "read_photo"]
