"""How often clicks in a wrong and in the right frame are refused: ``python benchmarks/click_frames.py --osie DIR``.

Tables are drawn from OSIE's observers: their fixations as clicks, and strokes as in the ClickMe game, of 30 points at
most 7 px of 256 apart, from one fixation to the next. Each table has clicks of two observers on some images; the
photographs are all of one size, or of ImageNet's usual sizes, upright ones too. No measure of speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.human_maps.point_frames import FramePoints, check_frame
from gala_viz.collections.osie_files import ORIGINAL_PX, read_fixations

People = list[list[NDArray]]
"""Positions (click, 2) in shares of the sides, of each observer on each image."""
SIZES = {
    "800 x 600": ([(800, 600)], [1.0]),
    "mixed": (
        [(500, 375), (500, 333), (375, 500), (333, 500), (640, 480), (500, 500), (400, 300), (300, 400), (1024, 768)],
        [0.42, 0.16, 0.12, 0.07, 0.06, 0.05, 0.05, 0.04, 0.03],
    ),
    "341 x 256, 256 x 341": ([(341, 256), (256, 341)], [0.7, 0.3]),
    "256 x 256": ([(256, 256)], [1.0]),
}
"""(width, height) of photographs in pixels, and their shares."""
RIGHT = "the right one"
SAME = {("256 x 256", "256 x 256"), ("256 x 256", "x and y swapped")}
"""Photographs on which a frame is the right one, or gives the same range."""
Frame = Callable[[NDArray, NDArray], NDArray]
FRAMES: dict[str, Frame] = {
    RIGHT: lambda share, size: share * size,
    "0 to 1": lambda share, size: share,
    "256 x 256": lambda share, size: share * 256,
    "half the size": lambda share, size: share * size / 2,
    "twice the size": lambda share, size: share * size * 2,
    "x and y swapped": lambda share, size: (share * size)[:, ::-1],
}
STROKE_POINTS, STROKE_STEP = 30, 7 / 256


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--osie", type=Path, help="folder with fixations.csv.gz; default: made-up observers")
    parser.add_argument("--tables", type=int, default=400, help="of each kind")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 5, 20, 100, 500])
    parser.add_argument("--observers", type=int, default=2, help="on each image")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    fixations = made_up(rng) if arguments.osie is None else of_osie(arguments.osie)
    kinds = {
        "fixations": fixations,
        "fixations, 1 % astray": [[astray(one, rng) for one in image] for image in fixations],
        "strokes": [[stroke(one) for one in image] for image in fixations],
    }
    print(f"{arguments.tables} tables of each kind, {arguments.observers} observers an image; refused, %\n")
    print(f"| clicks | photographs | images | {' | '.join(FRAMES)} |")
    print("|---|---|---" + "|---" * len(FRAMES) + "|")
    worst = 0.0
    for name, people in kinds.items():
        for sizes in SIZES:
            for n_images in arguments.images:
                n_refused = dict.fromkeys(FRAMES, 0)
                for shares, image, size in tables(people, sizes, n_images, arguments, rng):
                    for frame, place in FRAMES.items():
                        x, y = place(shares, size[image]).T
                        clicks = FramePoints(x, y, image, size[:, 0], size[:, 1])
                        n_refused[frame] += check_frame(clicks).fault is not None
                rates = {frame: 100 * count / arguments.tables for frame, count in n_refused.items()}
                worst = max(worst, rates[RIGHT])
                cells = ["same" if (sizes, frame) in SAME else f"{rate:.3g}" for frame, rate in rates.items()]
                print(f"| {name} | {sizes} | {n_images} | {' | '.join(cells)} |")
    print(f"\nWrongly refused at most: {worst:.3g} %")


def tables(
    people: People, sizes: str, n_images: int, arguments: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
    """Yield the clicks of each table as shares (click, 2), their image (click,), and the images' (width, height)."""
    known, probabilities = SIZES[sizes]
    for _ in range(arguments.tables):
        shares, image = [], []
        for number, which in enumerate(rng.integers(len(people), size=n_images)):
            of_image = people[which]
            for observer in rng.permutation(len(of_image))[: arguments.observers]:
                shares.append(of_image[observer])
                image.append(np.full(len(of_image[observer]), number))
        sizes = np.array(known)[rng.choice(len(known), n_images, p=probabilities)]
        yield np.concatenate(shares), np.concatenate(image), sizes


def of_osie(folder: Path) -> People:
    """OSIE's fixations; the photographs' own frame is 800 x 600 px."""
    height, width = ORIGINAL_PX
    people = []
    for points in read_fixations(folder / "fixations.csv.gz").values():
        shares = np.stack([points.x_px / width, points.y_px / height], axis=1)
        people.append([shares[points.participant == one] for one in np.unique(points.participant)])
    return people


def made_up(rng: np.random.Generator) -> People:
    """Observers who look near the centre."""
    people = []
    for _ in range(50):
        looks = [rng.normal(rng.uniform(0.3, 0.7, 2), 0.18, (9, 2)) for _ in range(5)]
        people.append([one[((one >= 0) & (one < 1)).all(axis=1)] for one in looks])
    return [[one for one in image if len(one) > 1] for image in people]


def astray(fixations: NDArray, rng: np.random.Generator) -> NDArray:
    """Fixations of which one in a hundred lies anywhere in a field of twice the photograph's sides around it."""
    is_lost = rng.random(len(fixations)) < 0.01
    return np.where(is_lost[:, None], rng.uniform(-0.5, 1.5, fixations.shape), fixations)


def stroke(fixations: NDArray) -> NDArray:
    """Points of a brush that runs from the second fixation (the first is the screen's centre) to those after it."""
    path = fixations[min(1, len(fixations) - 1) :]
    points, goal = [path[0]], 1
    while len(points) < STROKE_POINTS and goal < len(path):
        way = path[goal] - points[-1]
        length = float(np.hypot(*way))
        points.append(path[goal] if length <= STROKE_STEP else points[-1] + way * (STROKE_STEP / length))
        goal += length <= STROKE_STEP
    return np.array(points)


if __name__ == "__main__":
    main()
