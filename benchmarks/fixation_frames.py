"""How often fixations in right and wrong frames are refused: ``python benchmarks/fixation_frames.py --osie FOLDER``.

Draws tables of some images and observers of OSIE, puts their positions into wrong frames, and asks the rule of
``gala_viz.collections.human_maps.point_frames``. Without ``--osie`` the positions are made up.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gala_viz.collections.fixations.fixation_maps import MIN_SPAN
from gala_viz.collections.human_maps.point_frames import FramePoints, check_frame
from gala_viz.collections.osie_files import ORIGINAL_PX, read_fixations

HEIGHT, WIDTH = ORIGINAL_PX
Positions = tuple[np.ndarray, np.ndarray]
FRAMES: dict[str, Callable[[np.ndarray, np.ndarray], Positions]] = {
    "right": lambda x, y: (x, y),
    "x and y swapped": lambda x, y: (y, x),
    "shares of the sides": lambda x, y: (x / WIDTH, y / HEIGHT),
    "256 x 256": lambda x, y: (x * 256 / WIDTH, y * 256 / HEIGHT),
    "half as large": lambda x, y: (x / 2, y / 2),
    "twice as large": lambda x, y: (x * 2, y * 2),
    "in the middle of 1024 x 768": lambda x, y: (x + 112, y + 84),
    "in the middle of 1280 x 1024": lambda x, y: (x + 240, y + 212),
    "in the middle of 1920 x 1080": lambda x, y: (x + 560, y + 240),
    "all over 1024 x 768": lambda x, y: (x * 1024 / WIDTH, y * 768 / HEIGHT),
    "all over 1920 x 1080": lambda x, y: (x * 1920 / WIDTH, y * 1080 / HEIGHT),
    "origin in the middle": lambda x, y: (x - WIDTH / 2, y - HEIGHT / 2),
    "y upwards": lambda x, y: (x, HEIGHT - y),
}
"""Frame -> positions in it of positions in pixels of 800 x 600 photographs."""
SIZES = ((1, 1), (1, 15), (5, 5), (20, 15), (200, 15))
"""(images, observers) of a table."""


def made_up(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return 60 images of 15 observers with 9 fixations each, about as spread as OSIE's."""
    people = np.repeat(np.arange(15), 9)
    sides = np.array([[WIDTH], [HEIGHT]])
    centres = rng.normal(0, 0.1, (60, 2, 1)) * sides
    points = [rng.normal(0, 0.2, (2, len(people))) * sides + centre for centre in centres]
    return [(people, *np.clip(one + sides / 2, 0, sides - 1)) for one in points]


def astray(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Positions:
    """Positions of which one in a hundred lies anywhere in a field of twice the photograph's sides around it."""
    is_lost = rng.random(len(x)) < 0.01
    low, high = rng.uniform(-0.5, 1.5, (2, len(x)))
    return np.where(is_lost, low * WIDTH, x), np.where(is_lost, high * HEIGHT, y)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--osie", type=Path, help="folder with fixations.csv.gz")
    parser.add_argument("--repeats", type=int, default=1000, help="tables drawn for each cell")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    frames = {**FRAMES, "right, 1 % astray": lambda x, y: astray(x, y, rng)}
    if arguments.osie:
        stored = read_fixations(arguments.osie / "fixations.csv.gz")
        images = [(one.participant, one.x_px, one.y_px) for one in stored.values()]
    else:
        images = made_up(rng)
    print(f"refused of {arguments.repeats} tables of {'OSIE' if arguments.osie else 'made-up fixations'}, by size")
    print("| positions are | " + " | ".join(f"{n} x {people}" for n, people in SIZES) + " |")
    for name, transform in frames.items():
        refused = []
        for n_images, n_people in SIZES:
            n = 0
            for _ in range(arguments.repeats):
                chosen = rng.choice(len(images), min(n_images, len(images)), replace=False)
                observers = rng.choice(np.unique(images[0][0]), n_people, replace=False)
                tables = []
                for place, number in enumerate(chosen):
                    people, x, y = images[number]
                    own = np.isin(people, observers)
                    tables.append((*transform(x[own], y[own]), np.full(own.sum(), place)))
                x, y, image = map(np.concatenate, zip(*tables, strict=True))
                frame = FramePoints(x, y, image, np.full(len(chosen), WIDTH), np.full(len(chosen), HEIGHT))
                n += check_frame(frame, min_span=MIN_SPAN).fault is not None
            refused.append(f"{n / arguments.repeats:.1%}")
        print(f"| {name} | " + " | ".join(refused) + " |", flush=True)


if __name__ == "__main__":
    main()
