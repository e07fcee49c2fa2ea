"""Means over images or categories, errors, and the shares of a ceiling that are made of means."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import xarray as xr

from benchmarks.simulations.row import Row
from benchmarks.simulations.worlds import PEOPLE_OF_POOL, fields, labelled, pool, rhos
from gala_viz.alignment import CeilingSpec, bootstrap_intervals, ceiling_shares, fraction_explained, noise_ceiling
from gala_viz.alignment.bootstrap import wilson_interval
from gala_viz.alignment.ceiling import mean_share_product, spearman_brown
from gala_viz.engine.results.score_selection import select_scores
from gala_viz.evaluation.estimates import estimate_metrics
from gala_viz.evaluation.spec import EvaluationSpec

IMAGES_A_CATEGORY, N_CATEGORIES = 10, 12
SPLITS = 30
"""Splits of a ceiling that is computed thousands of times; the number has no bias."""


def of_columns(values: np.ndarray, clusters: list[str] | None, seed: int) -> np.ndarray:
    """Return mean and bounds of each column of ``values`` (image, repeat); a block has one seed of resamples."""
    found = bootstrap_intervals(values, clusters=clusters, seed=seed)
    return np.array([(one.mean, one.low, one.high) for one in found if one is not None])


def mean_of_rhos(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return of_columns(np.tanh(rng.normal(0.5, 0.35, (n, repeats))), None, int(rng.integers(2**31)))


@cache
def mean_rho() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float((np.tanh(0.5 + 0.35 * nodes) * weights).sum() / weights.sum())


def mean_of_skewed(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return of_columns(rng.exponential(1.0, (n, repeats)), None, int(rng.integers(2**31)))


def in_categories(rng: np.random.Generator, n: int, images: int, between: float, repeats: int) -> np.ndarray:
    """Values (image, repeat) of variance 1, of which ``between`` is that of ``n`` categories; images by category."""
    of_categories = np.sqrt(between) * rng.standard_normal((n, 1, repeats))
    own = np.sqrt(1 - between) * rng.standard_normal((n, images, repeats))
    return (of_categories + own).reshape(n * images, repeats)


def categories(n: int, images: int) -> list[str]:
    return [f"c{number:04d}" for number in range(n) for _ in range(images)]


def mean_over_categories(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    values = in_categories(rng, n, IMAGES_A_CATEGORY, 0.2, repeats)
    return of_columns(values, categories(n, IMAGES_A_CATEGORY), int(rng.integers(2**31)))


def mean_over_alike_images(between: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    values = in_categories(rng, N_CATEGORIES, n // N_CATEGORIES, between, repeats)
    return of_columns(values, None, int(rng.integers(2**31)))


def mean_of_these_categories(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    fixed = np.random.default_rng(0).standard_normal((N_CATEGORIES, 1, 1))
    fixed = np.sqrt(0.2) * (fixed - fixed.mean())
    values = fixed + np.sqrt(0.8) * rng.standard_normal((N_CATEGORIES, n // N_CATEGORIES, repeats))
    return of_columns(values.reshape(-1, repeats), None, int(rng.integers(2**31)))


@cache
def error_interval(n: int, n_wrong: int) -> tuple[float, float, float]:
    """What an evaluation gives for so many wrong first choices, in %."""
    right = np.ones(n)
    right[:n_wrong] = 0
    images = [f"i{number}" for number in range(n)]
    values = xr.Dataset({"correct": ("image", right)}, coords={"image": images, "category": ("image", [""] * n)})
    (found,) = (
        one for one in estimate_metrics("a network", values, EvaluationSpec()) if one.key.metric == "top1_error"
    )
    assert found.interval is not None
    return found.interval.mean, found.interval.low, found.interval.high


def top1_error(share: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return np.array([error_interval(n, int(wrong)) for wrong in rng.binomial(n, share, repeats)])


def wilson(share: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    proportions = rng.binomial(n, share, repeats) / n
    return np.array([(one, *wilson_interval(one, n)) for one in proportions])


def drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, len(pool().ceiling), n)


def ceiling_over_images(kind: str, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    values = pool(kind).ceiling[rng.integers(0, len(pool(kind).ceiling), (n, repeats))]
    return of_columns(values, None, int(rng.integers(2**31)))


def fraction(which: str, network: int, noise: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Fraction of the ceiling, its square, or the corrected rho of a network of the pool; NaN where it is refused."""
    world, found = pool("fields", noise), []
    for _ in range(repeats):
        images = xr.DataArray(drawn(n, rng), dims="image").values
        names = {"image": [f"i{number}" for number in range(n)]}
        rho, ceiling = (
            xr.DataArray(one[images], dims="image", coords=names) for one in (world.rho[network], world.ceiling)
        )
        seed = int(rng.integers(2**31))
        try:
            result = fraction_explained(rho, ceiling, share_product=mean_share_product([PEOPLE_OF_POOL]), seed=seed)
        except ValueError:
            found.append((np.nan,) * 3)
            continue
        one = getattr(result, which)
        found.append((np.nan,) * 3 if one is None else (one.mean, one.low, one.high))
    return np.array(found)


def true_fraction(which: str, network: int, noise: float, _: np.ndarray) -> float:
    world = pool("fields", noise)
    rho, ceiling = float(world.rho[network].mean()), float(world.ceiling.mean())
    if which == "corrected_rho":
        return rho / float(np.sqrt(spearman_brown(ceiling, mean_share_product([PEOPLE_OF_POOL]))))
    return (rho / ceiling) ** (2 if which == "explained_variance" else 1)


def fraction_with_people(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """The fraction where images and the same 5 people of all images are drawn anew, who differ in what they mark."""
    n_people, found = 5, []
    names = [str(person) for person in range(n_people)]
    for _ in range(repeats):
        common = fields(rng, n)
        style, noise = 0.7 * fields(rng, n_people), np.exp(0.4 * rng.standard_normal((n_people, 1, 1)))
        people = common[:, None] + style + noise * fields(rng, n, n_people)
        ceiling = noise_ceiling(
            ((f"i{at}", labelled(maps, names)) for at, maps in enumerate(people)),
            spec=CeilingSpec(n_splits=SPLITS, n_resamples=100),
        ).per_image.values
        rho = rhos(common + fields(rng, n), people.mean(axis=1))
        result = ceiling_shares([rho], ceiling, n_resamples=2000, seed=int(rng.integers(2**31)))
        one = result.shares[0] if result.shares else None
        found.append((np.nan,) * 5 if one is None else (one.mean, one.low, one.high, rho.mean(), ceiling.mean()))
    return np.array(found)


def ratio_of_means(simulated: np.ndarray) -> float:
    return float(np.nanmean(simulated[:, 3]) / np.nanmean(simulated[:, 4]))


def on_page(what: str, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """The difference of two networks, or the second's fraction of the ceiling, as pages show them."""
    world, found = pool(), []
    for _ in range(repeats):
        images = drawn(n, rng)
        scores = xr.Dataset(
            {"rho": (("network", "image"), world.rho[:2, images]), "ceiling": ("image", world.ceiling[images])}
        )
        selection = select_scores(scores, "rho", np.ones(n, dtype=bool))
        shown = selection.difference if what == "difference" else (selection.fractions or (None, None))[1]
        found.append((np.nan,) * 3 if shown is None or shown[1] is None else (shown[0], *shown[1]))
    return np.array(found)


def true_difference(_: np.ndarray) -> float:
    return float(pool().rho[1].mean() - pool().rho[0].mean())


def _share_row(key: str, what: str, which: str, network: int, noise: float, world: str, **settings: object) -> Row:
    return Row(
        key=key,
        what=what,
        over="images, for these people",
        world=world,
        simulate=partial(fraction, which, network, noise),
        truth=partial(true_fraction, which, network, noise),
        repeats=800,
        **settings,
    )


def _per_cent(share: float) -> str:
    return f"{100 * share:g} % wrong"


OWN_PEOPLE = "fields, 6 people of each image's own"
OTHER_CATEGORIES = (
    "Asked about other categories. Intervals and tests over images are of these categories; --over categories is for "
    "others. Similarity, Intervals."
)
SIX = "Six images: values of rho end at 1 and are skewed, so that about 92 % are held."
DISCRETE = "Few images, or few wrong: counts are discrete and end at 0, so that more is held than is said."
OTHER_PEOPLE = "Asked about other people. The interval is for these people. Similarity, Intervals."
ROWS: tuple[Row, ...] = (
    Row(
        key="mean-rho",
        what="mean rho, partial rho, rho of the centre, likeness on cards and pages",
        over="images",
        world="tanh of normal values, mean 0.44, sd 0.27",
        simulate=mean_of_rhos,
        truth=lambda _: mean_rho(),
        repeats=4000,
        block=500,
    ),
    Row(
        key="mean-skewed",
        what="mean of skewed values, such as shares of small regions",
        over="images",
        world="exponential values (skewness 2)",
        simulate=mean_of_skewed,
        truth=1.0,
        repeats=4000,
        block=500,
        words={6: "Six values of a skewed kind seldom show their long tail."},
    ),
    Row(
        key="mean-categories",
        what="mean with --over categories",
        over="categories (n counts them)",
        world="10 images a category, 20 % of the variance between categories",
        simulate=mean_over_categories,
        truth=0.0,
        repeats=4000,
        block=500,
    ),
    *(
        Row(
            key=f"mean-alike-{between:g}",
            what="mean over images where images of a category are alike",
            over="images, asked about other categories",
            world=f"12 random categories, {100 * between:g} % of the variance between them",
            simulate=partial(mean_over_alike_images, between),
            truth=0.0,
            sizes=(24, 120, 600),
            words=dict.fromkeys((120, 600), OTHER_CATEGORIES),
            repeats=2000,
            block=250,
        )
        for between in (0.05, 0.2)
    ),
    Row(
        key="mean-these-categories",
        what="the same, asked about these categories",
        over="images, of these categories",
        world="12 fixed categories, equally many images of each, 20 % of the variance between them",
        simulate=mean_of_these_categories,
        truth=0.0,
        sizes=(24, 120, 600),
        repeats=2000,
        block=250,
    ),
    *(
        Row(
            key=f"error-{share:g}",
            what="top-1 or top-5 error (bootstrap; Wilson at 0 and 100 %)",
            over="images",
            world=f"binomial, {_per_cent(share)}",
            simulate=partial(top1_error, share),
            truth=100 * share,
            repeats=20_000,
            block=5000,
            words=dict.fromkeys(few, DISCRETE),
        )
        for share, few in ((0.02, (6, 20, 100)), (0.1, (6, 20)), (0.3, (6,)))
    ),
    *(
        Row(
            key=f"wilson-{share:g}",
            what="accuracy in the trade-off figure (Wilson)",
            over="images",
            world=f"binomial, {_per_cent(share)}",
            simulate=partial(wilson, share),
            truth=share,
            sizes=(5, 20, 100),
            repeats=20_000,
            block=10_000,
            words=words,
        )
        for share, words in (
            (0.02, {5: "One of five is wrong in a tenth of the draws, and its interval begins above 2 %."}),
            (0.3, {}),
        )
    ),
    *(
        Row(
            key=f"ceiling-images-{kind}",
            what="noise ceiling, and its Spearman-Brown value (the same bounds)",
            over="images",
            world=world,
            simulate=partial(ceiling_over_images, kind),
            truth=lambda _, kind=kind: float(pool(kind).ceiling.mean()),
            repeats=4000,
            block=500,
        )
        for kind, world in (
            ("fields", OWN_PEOPLE),
            ("clicks", "12 multinomial clicks of each of 6 people of each image's own"),
        )
    ),
    _share_row("fraction", "fraction of the ceiling", "fraction", 0, 1.0, OWN_PEOPLE, words={6: SIX}),
    _share_row("fraction-squared", "the fraction squared", "explained_variance", 0, 1.0, OWN_PEOPLE),
    _share_row(
        "fraction-squared-0",
        "the fraction squared of a network of no likeness",
        "explained_variance",
        3,
        1.0,
        OWN_PEOPLE + ", true rho 0",
    ),
    _share_row("corrected-rho", "corrected rho", "corrected_rho", 0, 1.0, OWN_PEOPLE, words={6: SIX}),
    _share_row(
        "fraction-weak",
        "fraction of a weak ceiling, where it is given",
        "fraction",
        0,
        5.0,
        "the same, ceiling 0.10",
        words={
            6: "Given only where the ceiling's interval lies above 0: the ceiling is then too high by chance, and the "
            "fraction too low. Similarity, Where there is no share."
        },
    ),
    Row(
        key="fraction-people",
        what="fraction of the ceiling, asked about other people too",
        over="images, for these people",
        world="the same 5 people mark all images, drawn anew with them",
        simulate=fraction_with_people,
        truth=ratio_of_means,
        sizes=(6, 20, 100),
        repeats=240,
        block=20,
        words=dict.fromkeys((20, 100), OTHER_PEOPLE),
    ),
    Row(
        key="page-fraction",
        what="fraction of the ceiling on a page (2,000 resamples)",
        over="images, for these people",
        world=OWN_PEOPLE,
        simulate=partial(on_page, "fraction"),
        truth=lambda _: float(pool().rho[1].mean() / pool().ceiling.mean()),
        words={6: SIX},
    ),
    Row(
        key="page-difference",
        what="difference of two networks on a page (2,000 resamples)",
        over="images",
        world=OWN_PEOPLE,
        simulate=partial(on_page, "difference"),
        truth=true_difference,
        words={6: SIX},
    ),
)
