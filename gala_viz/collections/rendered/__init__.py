"""``rendered``: a collection that ships as code: three-dimensional objects with known diagnostic parts."""
