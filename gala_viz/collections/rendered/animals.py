"""Six animals: one body that all share, and for each the parts that tell it from the other five.

Forward is x, up is y; the body is about 1.3 long and its feet stand on y = 0. Proportions vary alike for all six, so
that without its diagnostic parts no animal can be told from another.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.collections.rendered.shape import Shape, bent_rod, capsule, ellipsoid, mirror

Rng = np.random.Generator
SMOOTH_BLEND = 0.09


def body(rng: Rng) -> tuple[Shape, dict[str, float]]:
    """Draw the shared body; return it with the measures by which the diagnostic parts are placed."""
    girth, height = rng.uniform(0.9, 1.12), rng.uniform(0.92, 1.1)
    nod, stride = rng.uniform(-0.06, 0.08), rng.uniform(-0.13, 0.13)
    top = 0.95 * height
    head = np.array([0.92, top + 0.46 + nod, 0.0])
    shape: Shape = [
        ellipsoid("torso", (0.0, top, 0), (0.6, 0.31 * girth, 0.3 * girth), blend=SMOOTH_BLEND),
        ellipsoid("torso", (0.38, top + 0.04, 0), (0.28, 0.32 * girth, 0.29 * girth), blend=SMOOTH_BLEND),
        ellipsoid("torso", (-0.4, top + 0.01, 0), (0.28, 0.32 * girth, 0.3 * girth), blend=SMOOTH_BLEND),
        capsule("torso", (0.5, top + 0.12, 0), head - (0.06, 0.04, 0), 0.2 * girth, 0.15, blend=SMOOTH_BLEND),
        ellipsoid("head", head, (0.24, 0.18, 0.17), angles=(0, 0, -14), blend=SMOOTH_BLEND),
        capsule("head", head + (0.08, -0.03, 0), head + (0.27, -0.1, 0), 0.115, 0.085, blend=0.05),
        ellipsoid("head", head + (0.345, -0.085, 0), (0.035, 0.03, 0.05), surface="dark"),
    ]
    shape += mirror(
        [
            ellipsoid("head", head + (0.09, 0.07, 0.14), (0.036, 0.036, 0.03), surface="dark"),
            ellipsoid("head", head + (-0.12, 0.15, 0.11), (0.04, 0.09, 0.05), angles=(20, 0, 15), blend=0.03),
        ]
    )
    for way, side in ((1, 1), (-1, -1)):
        for x, swing in ((0.4, stride * way), (-0.42, -stride * way)):
            knee = (x + swing * 0.5, top * 0.5, side * 0.2)
            foot = (x + swing, 0.07, side * 0.2)
            shape += bent_rod("legs", [(x, top - 0.08, side * 0.17), knee, foot], [0.145, 0.095, 0.08], blend=0.06)
            shape.append(
                ellipsoid("legs", (x + swing + 0.03, 0.05, side * 0.2), (0.11, 0.06, 0.09), surface="hoof", blend=0.02)
            )
    tail = (-0.68, top + 0.1, 0)
    shape += bent_rod(
        "tail", [tail, (-0.82, top - 0.05, 0.02), (-0.84, top - 0.32, 0.05)], [0.05, 0.035, 0.03], blend=0.03
    )
    return shape, {"top": top, "girth": girth, "x": head[0], "y": head[1]}


def elephant(m: dict[str, float], rng: Rng) -> Shape:
    """Return a trunk, large ears and tusks."""
    x, y, curl = m["x"], m["y"], rng.uniform(0.0, 0.22)
    trunk = bent_rod(
        "trunk",
        [
            (x + 0.2, y - 0.06, 0),
            (x + 0.42, y - 0.26, 0),
            (x + 0.46, y - 0.58, 0),
            (x + 0.58 + curl, y - 0.78 + curl, 0),
        ],
        [0.13, 0.1, 0.075, 0.055],
        blend=0.05,
    )
    pair = mirror(
        [
            ellipsoid(
                "ears", (x - 0.18, y - 0.02, 0.3), (0.21, 0.31, 0.045), angles=(0, 38, 6), surface="skin2", blend=0.04
            ),
            *bent_rod(
                "tusks",
                [(x + 0.2, y - 0.14, 0.09), (x + 0.4, y - 0.3, 0.13), (x + 0.58, y - 0.26, 0.13)],
                [0.045, 0.035, 0.012],
                surface="bone",
            ),
        ]
    )
    return trunk + pair


def rhinoceros(m: dict[str, float], rng: Rng) -> Shape:
    """Return two horns on the nose, and armour on shoulder and rump."""
    x, y, tall = m["x"], m["y"], rng.uniform(0.9, 1.15)
    horns = [
        capsule(
            "horns", (x + 0.26, y - 0.02, 0), (x + 0.44, y + 0.4 * tall, 0), 0.1, 0.012, surface="bone", blend=0.02
        ),
        capsule(
            "horns", (x + 0.1, y + 0.12, 0), (x + 0.16, y + 0.34 * tall, 0), 0.075, 0.012, surface="bone", blend=0.02
        ),
    ]
    top, girth = m["top"], m["girth"]
    armour = [
        ellipsoid(
            "armour", (0.33, top + 0.03, 0), (0.2, 0.345 * girth, 0.335 * girth), angles=(0, 0, -8), surface="skin2"
        ),
        ellipsoid(
            "armour", (-0.4, top + 0.02, 0), (0.22, 0.345 * girth, 0.345 * girth), angles=(0, 0, 8), surface="skin2"
        ),
    ]
    return horns + armour


def stag(m: dict[str, float], rng: Rng) -> Shape:
    """Return antlers: on each side a beam with three tines."""
    x, y, wide = m["x"] - 0.06, m["y"] + 0.13, rng.uniform(0.85, 1.15)
    beam = [
        (x, y, 0.07),
        (x - 0.12, y + 0.28, 0.22 * wide),
        (x - 0.1, y + 0.55, 0.38 * wide),
        (x + 0.06, y + 0.74, 0.42 * wide),
    ]
    tines = [
        ((x - 0.04, y + 0.1, 0.11), (x + 0.22, y + 0.24, 0.16)),
        ((x - 0.12, y + 0.3, 0.23 * wide), (x + 0.14, y + 0.5, 0.27 * wide)),
        ((x - 0.11, y + 0.46, 0.33 * wide), (x - 0.32, y + 0.66, 0.42 * wide)),
    ]
    side = bent_rod("antlers", beam, [0.055, 0.05, 0.045, 0.022], surface="bone", blend=0.02)
    side += [capsule("antlers", start, end, 0.04, 0.018, surface="bone", blend=0.02) for start, end in tines]
    return mirror(side)


def camel(m: dict[str, float], rng: Rng) -> Shape:
    """Return two humps."""
    top, tall = m["top"] + 0.2 * m["girth"], rng.uniform(0.95, 1.2)
    return [
        ellipsoid(
            "humps",
            (x, top + 0.12 * tall, 0),
            (0.19, 0.3 * tall, 0.17),
            angles=(0, 0, lean),
            surface="skin2",
            blend=0.07,
        )
        for x, lean in ((0.26, -6), (-0.26, 5))
    ]


def lion(m: dict[str, float], rng: Rng) -> Shape:
    """Return a mane and the tuft of the tail."""
    x, y, wide = m["x"] - 0.13, m["y"] - 0.03, rng.uniform(0.92, 1.1)
    locks = []
    for angle in np.linspace(0, 2 * np.pi, 11, endpoint=False):
        away = np.array([-0.06, np.cos(angle), np.sin(angle)]) * 0.25 * wide
        locks.append(ellipsoid("mane", np.array([x, y, 0]) + away, (0.13, 0.15, 0.15), surface="hair", blend=0.04))
    chest = ellipsoid("mane", (x - 0.12, y - 0.24, 0), (0.22, 0.34 * wide, 0.28 * wide), surface="hair", blend=0.05)
    tuft = ellipsoid("tuft", (-0.84, m["top"] - 0.38, 0.05), (0.085, 0.14, 0.085), surface="hair", blend=0.02)
    return [*locks, chest, tuft]


def rabbit(m: dict[str, float], rng: Rng) -> Shape:
    """Return long ears and a round tail."""
    x, y, lean = m["x"] - 0.08, m["y"] + 0.1, rng.uniform(-0.22, 0.05)
    ear = [
        *bent_rod(
            "ears",
            [(x, y, 0.07), (x - 0.04 + lean * 0.4, y + 0.36, 0.13), (x - 0.06 + lean, y + 0.72, 0.17)],
            [0.065, 0.105, 0.045],
            blend=0.03,
        ),
        ellipsoid(
            "ears",
            (x + 0.03 + lean * 0.45, y + 0.38, 0.145),
            (0.05, 0.25, 0.05),
            angles=(-8, 0, -20 * lean),
            surface="skin2",
        ),
    ]
    tail = ellipsoid("round tail", (-0.74, m["top"] + 0.13, 0), (0.17, 0.17, 0.17), surface="fluff", blend=0.03)
    return [*mirror(ear), tail]


ANIMALS: dict[str, Callable[[dict[str, float], Rng], Shape]] = {
    "elephant": elephant,
    "rhinoceros": rhinoceros,
    "stag": stag,
    "camel": camel,
    "lion": lion,
    "rabbit": rabbit,
}
"""Category -> function that takes the body's measures and a generator and returns the diagnostic parts."""
