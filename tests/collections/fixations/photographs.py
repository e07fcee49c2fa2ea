"""Folders of small photographs, and tables of fixations on them, made on the spot."""

import numpy as np

from tests.collections.pictures import encoded, gradient

NAMES = ("a.png", "b.png")
HEIGHT, WIDTH = 60, 80


def write_photographs(folder, names=NAMES, size=(HEIGHT, WIDTH)):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(gradient(*size), "JPEG" if path.suffix in (".jpg", ".jpeg") else "PNG"))
    return folder


def spread_points(n, seed=0, size=(HEIGHT, WIDTH)):
    """x and y of ``n`` positions, all over a frame."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(0, size[1], n), 2), np.round(rng.uniform(0, size[0], n), 2)


def rows_of(names=("a.png", "b.png"), people=("p1", "p2"), n=5, seed=0):
    """Rows (image, participant, x, y, duration), in the order in which fixations were made."""
    rows = []
    for number, (name, person) in enumerate((name, person) for name in names for person in people):
        x, y = spread_points(n, seed + number)
        rows += [(name, person, *point, 100 + 10 * k) for k, point in enumerate(zip(x, y, strict=True))]
    return rows


def table_text(rows, header=("image", "participant", "x", "y", "duration"), separator=","):
    return "\n".join(separator.join(map(str, row)) for row in (header, *rows)) + "\n"
