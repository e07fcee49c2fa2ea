"""Estimates whose parts hang together: baselines, the fraction above them, ceilings over participants."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.simulations.row import Row
from benchmarks.simulations.worlds import CENTRE, fields, labelled, rhos
from gala_viz.alignment import CeilingSpec, PartnerImages, fraction_above_baseline, noise_ceiling
from gala_viz.alignment.baseline import baseline_interval, mean_over_partners, pair_rhos, partner_positions


def centred(rng: np.random.Generator, n: int, alike: int = 1) -> tuple[np.ndarray, ...]:
    """Human maps with a centre bias that differs over images, a network's, and those of as many other people.

    Each ``alike`` images of a category have half of their bias in common.
    """
    own, of_category = rng.normal(0, 0.5, (n, 1, 1)), rng.normal(0, 0.5, (-(-n // alike), 1, 1))
    spread = own if alike == 1 else (own + np.repeat(of_category, alike, axis=0)[:n]) / np.sqrt(2)
    bias = np.maximum(0.8 + spread, 0) * CENTRE
    own_bias = np.maximum(rng.normal(0.8, 0.5, (n, 1, 1)), 0) * CENTRE
    common = fields(rng, n)
    human = common + bias
    return human, 0.5 * common + 0.8 * fields(rng, n) + own_bias, human + 0.7 * fields(rng, n)


def partners(n: int, rng: np.random.Generator, categories: list[str] | None = None) -> np.ndarray:
    """The partners that an evaluation draws: of other categories where there are some."""
    images = [f"i{number}" for number in range(n)]
    labels: list[str | None] = list(categories) if categories else [None] * n
    drawn = PartnerImages(images, labels, seed=int(rng.integers(2**31)))
    return partner_positions(drawn, images, labels, images)[1]


def pairs_of(maps: np.ndarray, human: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return (
        rhos(maps[:, None], human[positions]) if (positions >= 0).all() else pair_rhos(maps, human, positions[None])[0]
    )


def baseline(who: str, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        human, network, _ = centred(rng, n)
        positions = partners(n, rng)
        one = baseline_interval(pairs_of(human if who == "people" else network, human, positions), positions)
        found.append((one.mean, one.low, one.high) if one is not None else (np.nan,) * 3)
    return np.array(found)


def baseline_over_categories(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found, images = [], 5
    labels = [f"c{number}" for number in range(n) for _ in range(images)]
    for _ in range(repeats):
        human, *_ = centred(rng, n * images, images)
        positions = partners(n * images, rng, labels)
        one = baseline_interval(pairs_of(human, human, positions), positions, labels)
        found.append((one.mean, one.low, one.high) if one is not None else (np.nan,) * 3)
    return np.array(found)


def above_baseline(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        human, network, others = centred(rng, n)
        positions = partners(n, rng)
        pairs, people = pairs_of(network, human, positions), pairs_of(human, human, positions)
        rho, ceiling = rhos(network, human), rhos(human, others)
        one = fraction_above_baseline(rho, ceiling, pairs, people, positions).fraction
        whole = [rho.mean(), ceiling.mean(), *(mean_over_partners(some).mean() for some in (pairs, people))]
        found.append((*((one.mean, one.low, one.high) if one else (np.nan,) * 3), *whole))
    return np.array(found)


def ratio_above(simulated: np.ndarray) -> float:
    rho, ceiling, floor, people_floor = np.nanmean(simulated[:, 3:], axis=0)
    return float((rho - floor) / (ceiling - people_floor))


@cache
def design(n_people: int, an_image: int, n_images: int) -> tuple[np.ndarray, np.ndarray]:
    """What is common to all people in the fixed images, and which people see which: (image, person)."""
    rng = np.random.default_rng([n_people, an_image])
    shuffled = np.concatenate([rng.permutation(n_people) for _ in range(-(-n_images * an_image // n_people) + 1)])
    of_images = [
        np.unique(shuffled[start * an_image : (start + 1) * an_image]) for start in range(n_images)
    ]  # whom a new permutation would give twice is there once
    full = [rng.permutation(n_people)[:an_image] if len(one) < an_image else one for one in of_images]
    return fields(rng, n_images), np.array(full)


def ceiling_over_people(
    an_image: int, n_images: int, spread: float, n: int, rng: np.random.Generator, repeats: int
) -> np.ndarray:
    """People drawn anew for the same images; with ``spread`` they differ in noise and in what they always mark."""
    common, who = design(n, an_image, n_images)
    names, found = np.array([str(person) for person in range(n)]), []
    for _ in range(repeats):
        noise = np.exp(spread * rng.standard_normal((n, 1, 1)))
        style = spread * fields(rng, n)
        maps = common[:, None] + style[who] + noise[who] * fields(rng, n_images, an_image)
        spec = CeilingSpec(n_splits=50, n_resamples=100, over_participants=True, seed=int(rng.integers(2**31)))
        images = ((str(at), labelled(one, names[who[at]].tolist())) for at, one in enumerate(maps))
        ceiling = noise_ceiling(images, spec=spec)
        one = ceiling.participant_interval
        found.append((ceiling.rho, one.low, one.high) if one is not None else (ceiling.rho, np.nan, np.nan))
    return np.array(found)


BIASED = "fields with a centre bias that differs over images, 10 partners"
HARDLY = "Where people hardly differ the interval is wider than it need be. Similarity, Over participants."
PAIRS = (
    "Of images of two people the interval is wider than it need be, which a note says. Similarity, Over participants."
)
DEVIANT = (
    "Single people who mark much less clearly widen the interval where they are, and are missed where they are not."
)
PEOPLE_DESIGNS = (
    (5, 5, 20, "5 people mark all 20 images", "", ""),
    (15, 15, 10, "15 people mark all 10 images", HARDLY, DEVIANT),
    (60, 6, 30, "60 people, 6 an image, 30 images", HARDLY, ""),
    (100, 6, 60, "100 people, 6 an image, 60 images", "", ""),
    (30, 2, 30, "30 people, 2 an image, 30 images", PAIRS, PAIRS),
)
ROWS: tuple[Row, ...] = (
    *(
        Row(
            key=f"baseline-{who}",
            what=f"shuffled-image baseline of {'people among themselves' if who == 'people' else 'a network'}",
            over="images, as themselves and as partners",
            world=BIASED,
            simulate=partial(baseline, who),
            repeats=600,
            block=25,
        )
        for who in ("people", "network")
    ),
    Row(
        key="baseline-categories",
        what="shuffled-image baseline with --over categories",
        over="categories (n counts them)",
        world=f"{BIASED} of other categories; 5 images a category share half of its variance",
        simulate=baseline_over_categories,
        sizes=(5, 6, 20),
        repeats=400,
        block=25,
    ),
    Row(
        key="above-baseline",
        what="fraction of the ceiling above the baselines",
        over="images, as themselves and as partners",
        world=BIASED,
        simulate=above_baseline,
        truth=ratio_above,
        repeats=600,
        block=25,
    ),
    *(
        Row(
            key=f"ceiling-people-{n}-{an_image}-{'different' if spread else 'alike'}",
            what="noise ceiling, interval over participants",
            over="participants (n counts them), for these images",
            world=f"{text}; people {'differ in noise and in what they always mark' if spread else 'alike'}",
            simulate=partial(ceiling_over_people, an_image, n_images, spread),
            sizes=(n,),
            repeats=300,
            block=20,
            words={n: word} if word else {},
        )
        for n, an_image, n_images, text, *words in PEOPLE_DESIGNS
        for spread, word in zip((0.0, 0.5), words, strict=True)
    ),
)
