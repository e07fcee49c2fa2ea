"""Six vehicles: one lorry that all share, and for each the parts that tell it from the other five.

Forward is x, up is y; the lorry is about 2.1 long on wheels that stand on y = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.collections.rendered.shape import Shape, bent_rod, box, capsule, cylinder, ellipsoid, mirror

Rng = np.random.Generator


def body(rng: Rng) -> tuple[Shape, dict[str, float]]:
    """Draw the shared lorry; return it with the measures by which the diagnostic parts are placed."""
    high, wide, wheel = rng.uniform(0.92, 1.1), rng.uniform(0.92, 1.08), rng.uniform(0.22, 0.26)
    deck, cab = 0.62 * high, 0.3 * high
    half = 0.42 * wide
    shape: Shape = [
        box("chassis", (-0.05, deck - 0.12, 0), (1.0, 0.1, half), rounding=0.04),
        box("chassis", (0.98, deck - 0.2, 0), (0.07, 0.1, half * 0.98), surface="metal"),
        box("cab", (0.66, deck + cab - 0.03, 0), (0.3, cab, half), rounding=0.09),
        box("cab", (0.93, deck + cab + 0.09, 0), (0.045, 0.13, half * 0.82), surface="glass", rounding=0.02),
        box("cab", (0.97, deck - 0.02, 0), (0.02, 0.07, half * 0.6), surface="metal", rounding=0.015),
    ]
    shape += mirror(
        [
            box("cab", (0.68, deck + cab + 0.09, half - 0.01), (0.17, 0.12, 0.03), surface="glass", rounding=0.02),
            ellipsoid("cab", (0.985, deck - 0.05, half * 0.78), (0.04, 0.06, 0.06), surface="lamp"),
        ]
    )
    for x in (0.6, -0.28, -0.74):
        for side in (1, -1):
            at = (x, wheel, side * (half - 0.05))
            shape.append(cylinder("wheels", at, wheel, 0.1, surface="rubber"))
            shape.append(cylinder("wheels", (x, wheel, side * (half + 0.03)), wheel * 0.52, 0.035, surface="metal"))
    return shape, {"deck": deck, "roof": deck + 2 * cab - 0.03, "half": half}


def fire_engine(m: dict[str, float], rng: Rng) -> Shape:
    """Return a ladder over the roof."""
    low, rise = m["roof"] + 0.06, rng.uniform(0.12, 0.5)
    start, end = np.array([-1.0, low, 0.0]), np.array([1.12, low + rise, 0.0])
    shape = mirror([capsule("ladder", start + (0, 0, 0.17), end + (0, 0, 0.17), 0.042, surface="metal")])
    for share in np.linspace(0.04, 0.96, 9):
        at = start + share * (end - start)
        shape.append(capsule("ladder", at - (0, 0, 0.17), at + (0, 0, 0.17), 0.032, surface="metal"))
    base = m["deck"] + 0.0
    shape.append(box("ladder", (-0.55, (base + low) / 2, 0), (0.1, (low - base) / 2, 0.12), surface="accent"))
    return shape


def crane(m: dict[str, float], rng: Rng) -> Shape:
    """Return a boom with a hook on its cable."""
    deck, tall = m["deck"], rng.uniform(0.95, 1.2)
    tip = np.array([0.85, deck + 1.3 * tall, 0.0])
    hook = tip - (0, 0.62, 0)
    return [
        cylinder("boom", (-0.42, deck + 0.1, 0), 0.3, 0.12, angles=(90, 0, 0), surface="accent"),
        box("boom", (-0.42, deck + 0.3, 0), (0.2, 0.16, 0.2), surface="accent"),
        capsule("boom", (-0.5, deck + 0.36, 0), tip, 0.095, 0.055, surface="accent"),
        capsule("hook", tip, hook, 0.02, surface="dark"),
        *bent_rod(
            "hook",
            [hook, hook + (0.1, -0.1, 0), hook + (0, -0.2, 0), hook + (-0.1, -0.12, 0)],
            [0.05, 0.045, 0.045, 0.03],
            surface="dark",
        ),
    ]


def dump_truck(m: dict[str, float], rng: Rng) -> Shape:
    """Return a tipped bed and its load."""
    deck, tip = m["deck"], rng.uniform(14, 32)
    angle = np.deg2rad(tip)
    hinge = np.array([-1.0, deck + 0.04, 0.0])

    def on(along: float, above: float, across: float) -> np.ndarray:
        return hinge + (
            along * np.cos(angle) - above * np.sin(angle),
            along * np.sin(angle) + above * np.cos(angle),
            across,
        )

    turned, half = (0, 0, tip), m["half"]
    return [
        box("bed", on(0.62, 0.02, 0), (0.66, 0.05, half), angles=turned, surface="accent"),
        box("bed", on(1.24, 0.24, 0), (0.05, 0.25, half), angles=turned, surface="accent"),
        *(
            box("bed", on(0.62, 0.22, side * half), (0.66, 0.23, 0.04), angles=turned, surface="accent")
            for side in (1, -1)
        ),
        ellipsoid("load", on(0.66, 0.24, 0), (0.52, 0.23, half * 0.8), angles=turned, surface="soil"),
        capsule("bed", (0.05, deck, 0), on(0.95, 0.0, 0), 0.05, surface="metal"),
    ]


def mixer(m: dict[str, float], rng: Rng) -> Shape:
    """Return a tilted drum with bands and a chute."""
    deck, tilt = m["deck"], rng.uniform(10, 20)
    low, high = np.array([0.08, deck + 0.4, 0.0]), np.array([-0.82, deck + 0.4 + 0.9 * np.tan(np.deg2rad(tilt)), 0.0])
    middle = low + 0.36 * (high - low)
    shape = [
        capsule("drum", low, middle, 0.3, 0.43, surface="accent", blend=0.05),
        capsule("drum", middle, high, 0.43, 0.2, surface="accent", blend=0.05),
    ]
    for share, radius in ((0.12, 0.375), (0.4, 0.445), (0.68, 0.33)):
        at = low + share * (high - low)
        shape.append(cylinder("drum", at, radius, 0.045, angles=(0, 90, -tilt), surface="metal"))
    shape.append(capsule("chute", high + (-0.12, -0.1, 0), (-1.2, deck - 0.02, 0), 0.09, 0.06, surface="metal"))
    return shape


def tanker(m: dict[str, float], rng: Rng) -> Shape:
    """Return a long lying tank with hatches."""
    y, radius = m["deck"] + 0.38, rng.uniform(0.36, 0.4)
    shape = [capsule("tank", (-0.72, y, 0), (0.04, y, 0), radius, surface="metal")]
    shape += [
        cylinder("tank", (x, y, 0), radius + 0.02, 0.035, angles=(0, 90, 0), surface="accent")
        for x in (-0.66, -0.34, -0.02)
    ]
    shape += [
        cylinder("hatches", (x, y + radius, 0), 0.1, 0.06, angles=(90, 0, 0), surface="accent") for x in (-0.58, -0.1)
    ]
    return shape


def snow_plough(m: dict[str, float], rng: Rng) -> Shape:
    """Return a wide blade in front and a beacon."""
    turn, wide = rng.uniform(-14, 14), rng.uniform(0.62, 0.72)
    shape = [
        box("blade", (1.32, y, 0), (0.045, 0.115, wide), angles=(0, turn, lean), surface="accent")
        for y, lean in ((0.16, 24), (0.36, 0), (0.56, -26))
    ]
    shape += mirror([capsule("blade", (0.95, 0.38, 0.25), (1.3, 0.34, 0.25), 0.05, surface="dark")])
    shape.append(box("blade", (1.27, 0.36, 0), (0.03, 0.28, 0.04), angles=(0, turn, 0), surface="dark"))
    shape.append(ellipsoid("beacon", (0.62, m["roof"] + 0.07, 0), (0.12, 0.12, 0.12), surface="beacon"))
    return shape


VEHICLES: dict[str, Callable[[dict[str, float], Rng], Shape]] = {
    "fire engine": fire_engine,
    "crane": crane,
    "dump truck": dump_truck,
    "mixer": mixer,
    "tanker": tanker,
    "snow plough": snow_plough,
}
"""Category -> function that takes the lorry's measures and a generator and returns the diagnostic parts."""
