"""Differences of networks as an evaluation gives them: intervals, sign flips, and families of tests."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from benchmarks.simulations.means import N_CATEGORIES, OTHER_CATEGORIES, categories, in_categories
from benchmarks.simulations.row import LEVEL, Row
from benchmarks.simulations.worlds import pool
from gala_viz.evaluation.comparisons import Comparison, compare_networks
from gala_viz.evaluation.spec import EvaluationSpec

SHIFT = 0.5
"""Difference of the alternative, in standard deviations of single images' differences."""


def compared(differences: np.ndarray, rng: np.random.Generator, clusters: list[str] | None = None) -> list[Comparison]:
    """Compare two networks that differ so (image, repeat); each repeat is a layer, so that all are compared at once."""
    n, repeats = differences.shape
    names = [f"layer{number}" for number in range(repeats)]
    coords = {
        "image": [f"i{number}" for number in range(n)],
        "layer": names,
        "category": ("image", clusters or [""] * n),
    }
    networks = {
        name: xr.Dataset({"rho_attention": (("image", "layer"), values)}, coords=coords)
        for name, values in (("a", np.zeros_like(differences)), ("b", differences))
    }
    spec = EvaluationSpec(over="categories" if clusters else "images", seed=int(rng.integers(2**31)))
    return compare_networks(networks, spec)


def intervals(found: list[Comparison], repeats: int) -> np.ndarray:
    if not found:
        return np.full((repeats, 3), np.nan)
    return np.array([(one.interval.mean, one.interval.low, one.interval.high) for one in found])


def p_values(found: list[Comparison], repeats: int) -> np.ndarray:
    if not found:
        return np.full((repeats, 1), np.nan)
    return np.array([[one.test.p] for one in found])


def values(kind: str, shift: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Differences (image, repeat) of mean ``shift`` standard deviations."""
    if kind == "normal":
        return rng.normal(shift, 1, (n, repeats))
    if kind == "skewed":
        return rng.exponential(1.0, (n, repeats)) - 1 + shift
    if kind == "rho":
        images = rng.integers(0, len(pool().ceiling), (n, repeats))
        return pool().rho[1][images] - pool().rho[0][images]
    # of errors: a fifth of the images are right for one network alone
    which = rng.random((n, repeats))
    sd = np.sqrt(0.2)
    return np.select([which < 0.1 - shift * sd / 2, which < 0.2], [-1.0, 1.0], 0.0)


def difference(kind: str, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return intervals(compared(values(kind, 0.0, n, rng, repeats), rng), repeats)


def difference_over_categories(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    own = in_categories(rng, n, 10, 0.2, repeats)
    return intervals(compared(own, rng, categories(n, 10)), repeats)


def flips(kind: str, shift: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return p_values(compared(values(kind, shift, n, rng, repeats), rng), repeats)


def flips_over_categories(shift: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    own = shift + in_categories(rng, n, 10, 0.2, repeats)
    return p_values(compared(own, rng, categories(n, 10)), repeats)


def flips_of_alike_images(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return p_values(compared(in_categories(rng, N_CATEGORIES, n // N_CATEGORIES, 0.05, repeats), rng), repeats)


def family(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Share of false ones among the differences of an evaluation whose adjusted p is at most 0.05 (0 where none is).

    Of four networks one differs from the others, in error and both likenesses: half of 18 tests have a true null.
    """
    found = []
    for _ in range(repeats):
        images = {"image": [f"i{at}" for at in range(n)], "category": ("image", [""] * n)}
        ease = rng.standard_normal(n)
        networks = {}
        for name in "abcd":
            better = 0.5 * (name == "d")
            rho = [np.tanh(0.4 + 0.2 * ease + 0.25 * (rng.standard_normal(n) + better)) for _ in range(2)]
            right = (ease + rng.standard_normal(n) + 2 * better > -0.5).astype(float)
            networks[name] = xr.Dataset(
                {"correct": ("image", right), "rho_attention": ("image", rho[0]), "rho_smoothgrad": ("image", rho[1])},
                coords=images,
            )
        tests = compare_networks(networks, EvaluationSpec(seed=int(rng.integers(2**31)), n_resamples=100))
        called = ["d" in (one.a, one.b) for one in tests if one.p_adjusted <= LEVEL]
        found.append([np.nan if not tests else 1 - np.mean(called) if called else 0.0])
    return np.array(found)


SYMMETRY = (
    "A test of symmetry: skewed differences of mean 0 are rejected more often. Similarity, Tests and corrections."
)
FEW_DIFFER = "Few images are right for one network alone; so few signs have few p, and fewer are rejected than is said."
FEW_CATEGORIES = "Five categories have no p below 0.0625; the smallest p stands beside each test (smallest_p)."
ROWS: tuple[Row, ...] = (
    Row(
        key="difference",
        what="difference of two networks in evaluate (tables, report, tests.csv, cards)",
        over="images",
        world="rho of two networks of the pool, whose errors are correlated",
        simulate=partial(difference, "rho"),
        truth=lambda _: float(pool().rho[1].mean() - pool().rho[0].mean()),
        repeats=2000,
        block=250,
    ),
    Row(
        key="difference-categories",
        what="difference of two networks with --over categories",
        over="categories (n counts them)",
        world="10 images a category, 20 % of the variance between categories",
        simulate=difference_over_categories,
        truth=0.0,
        repeats=2000,
        block=250,
    ),
    *(
        Row(
            key=f"flips-{kind}",
            what="paired test of two networks (sign flips)",
            over="images",
            world=world,
            kind="test",
            simulate=partial(flips, kind, 0.0),
            power=partial(flips, kind, SHIFT),
            repeats=4000,
            block=250,
            words=words,
        )
        for kind, world, words in (
            ("normal", "normal differences; power at 0.5 sd", {}),
            ("skewed", "exponential differences (skewness 2); power at 0.5 sd", {20: SYMMETRY}),
            (
                "binary",
                "errors: a fifth of the images are right for one network alone; power at 0.5 sd",
                dict.fromkeys((6, 20), FEW_DIFFER),
            ),
        )
    ),
    Row(
        key="flips-categories",
        what="paired test with --over categories (flips of whole categories)",
        over="categories (n counts them)",
        world="10 images a category, 20 % of the variance between categories; power at 0.5 sd of an image",
        kind="test",
        simulate=partial(flips_over_categories, 0.0),
        power=partial(flips_over_categories, SHIFT),
        words={5: FEW_CATEGORIES},
        repeats=2000,
        block=250,
    ),
    Row(
        key="flips-alike",
        what="paired test over images where images of a category are alike",
        over="images, asked about other categories",
        world="12 random categories, 5 % of the variance between them",
        kind="test",
        simulate=flips_of_alike_images,
        sizes=(24, 120, 600),
        words=dict.fromkeys((120, 600), OTHER_CATEGORIES),
        repeats=1000,
        block=250,
    ),
    Row(
        key="family",
        what="false ones among the tests of an evaluation with adjusted p of 0.05 or less",
        over="images; 18 tests of 4 networks, half of them with a true null",
        world="rho and errors of images that are easy or hard for all",
        kind="at most",
        simulate=family,
        sizes=(6, 20, 100),
        repeats=300,
        block=25,
    ),
)
