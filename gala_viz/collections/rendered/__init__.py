"""``rendered``: a collection that ships as a recipe: three-dimensional objects with known diagnostic parts."""
