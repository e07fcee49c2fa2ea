"""Rapid categorisation: thresholds, d', accuracy and tests of people and of networks."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.simulations.row import LEVEL, Row
from gala_viz.alignment.jackknife import interval_of_error
from gala_viz.experiment.analysis import analyse_responses
from gala_viz.experiment.design import TEST, n_sets, set_conditions
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.performance import d_prime_of_counts, mean_and_sem, pooled_d_prime
from gala_viz.experiment.psychometric import estimate_threshold, psychometric_function
from gala_viz.experiment.responses import format_level
from gala_viz.experiment.revelation import FULL, LEVELS, RevelationSpec
from gala_viz.experiment.simulated_observers import SimulatedObserverSpec, true_threshold

ALL_LEVELS = np.array([*LEVELS, np.inf])
TRIALS = 10
"""Trials of a participant in each condition: 240 images, 24 conditions."""
NETWORK_THRESHOLD = 40.0
MAPS = ("clickme", "saliency")


def threshold_of_people(spread: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    observer = SimulatedObserverSpec(location_sd=spread)
    found = []
    for _ in range(repeats):
        location = np.log10(observer.locations["clickme"]) + rng.normal(0, spread, (n, 1))
        p = psychometric_function(ALL_LEVELS, location, np.array(observer.slope), np.array(observer.lapse_rate))
        correct = rng.binomial(TRIALS, p)
        one = estimate_threshold(correct, np.full_like(correct, TRIALS), ALL_LEVELS, seed=int(rng.integers(2**31)))
        found.append((one.level, one.low, one.high))
    return np.array(found)


def threshold_of_network(spread: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Each image has a threshold of its own; below it the network answers with the first superclass."""
    found, superclass = [], np.repeat([0, 1], n // 2)
    for _ in range(repeats):
        own = np.log10(NETWORK_THRESHOLD) + rng.normal(0, spread, (n, 1))
        correct = (np.log10(ALL_LEVELS) >= own) | (superclass[:, None] == 0)
        one = estimate_threshold(
            correct, np.ones(correct.shape), ALL_LEVELS, strata=superclass.astype(str), seed=int(rng.integers(2**31))
        )
        found.append((one.level, one.low, one.high))
    return np.array(found)


def answers(n: int, rng: np.random.Generator, d: float, spread: float) -> np.ndarray:
    """Hits, images of a superclass, false alarms, others (participant, 4) of people without bias."""
    own = rng.normal(d, spread, n)
    half = TRIALS // 2
    hits, alarms = rng.binomial(half, norm.cdf(own / 2)), rng.binomial(half, norm.cdf(-own / 2))
    return np.stack([hits, np.full(n, half), alarms, np.full(n, half)], axis=1).astype(float)


def pooled(d: float, spread: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        value, error = pooled_d_prime(answers(n, rng, d, spread))
        found.append((value, *interval_of_error(value, error, n)))
    return np.array(found)


@cache
def pooled_truth(d: float, spread: float) -> float:
    """d' of the rates of all such people together."""
    own = d + spread * norm.ppf((np.arange(2001) + 0.5) / 2001)
    return float(norm.ppf(norm.cdf(own / 2).mean()) - norm.ppf(norm.cdf(-own / 2).mean()))


def mean_d_prime(d: float, spread: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        value, error = mean_and_sem(d_prime_of_counts(answers(n, rng, d, spread)))
        found.append((value, *interval_of_error(value, error, n)))
    return np.array(found)


def accuracy(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        own = np.clip(rng.normal(0.8, 0.1, n), 0, 1)
        value, error = mean_and_sem(rng.binomial(TRIALS, own) / TRIALS)
        found.append((value, *interval_of_error(value, error, n)))
    return np.array(found)


def experiment(n_images: int) -> ExperimentSpec:
    """An experiment of eight conditions."""
    images = {name: tuple(f"{name}{at}" for at in range(n_images // 2)) for name in ("animal", "vehicle")}
    return ExperimentSpec(
        title="made up",
        opened_as="",
        collection="",
        images=images,
        practice=dict.fromkeys(images, ()),
        maps=dict.fromkeys(MAPS, "human"),
        revelation=RevelationSpec(levels=(4.0, 15.8, 63.1)),
        n_blocks=1,
    )


@cache
def design(n_images: int) -> pd.DataFrame:
    """One row a trial of every set."""
    spec = experiment(n_images)
    rows = [
        (number, at, image, spec.superclass_of[image], map_type, format_level(level))
        for number in range(n_sets(spec))
        for at, (image, (map_type, level)) in enumerate(set_conditions(spec, number).items())
    ]
    return pd.DataFrame(rows, columns=["set", "trial_index", "stimulus", "superclass", "map_type", "level"])


def responses(trials: pd.DataFrame, correct: np.ndarray, participants: np.ndarray, rt: float) -> pd.DataFrame:
    other = trials["superclass"].map({"animal": "vehicle", "vehicle": "animal"})
    said = np.where(correct, trials["superclass"], other)
    return trials.assign(
        observer="made up",
        participant=participants,
        trial_type=TEST,
        block=1,
        response=said,
        correct=correct.astype(float),
        rt=rt,
    )


def tested(table: pd.DataFrame, n_images: int, question: str, rng: np.random.Generator) -> pd.DataFrame:
    tests = analyse_responses(table, experiment(n_images), n_resamples=2, seed=int(rng.integers(2**31))).tests
    return tests[tests["question"] == question]


N_IMAGES = 48


def of_people(
    question: str, column: str, effect: float, by_image: float, n: int, rng: np.random.Generator, repeats: int
) -> np.ndarray:
    """p (repeat, level) of people who differ, in images that are easy or hard, some of them by one map type alone.

    ``effect`` is the first map type's advantage in logits, ``by_image`` the standard deviation of what an image has of
    it, drawn anew with the people; for "above chance" all guess but for ``effect``.
    """
    found = []
    trials = pd.concat([design(N_IMAGES)[design(N_IMAGES)["set"] == number % 8] for number in range(n)])
    participant = np.repeat(np.arange(n), len(trials) // n)
    image = trials["stimulus"].astype("category").cat.codes.to_numpy()
    first = trials["map_type"].to_numpy() == MAPS[0]
    steps = trials["level"].map({"4": 0.0, "15.8": 1.0, "63.1": 2.0, FULL: 3.0}).to_numpy()
    for _ in range(repeats):
        if "chance" in question:
            p = np.full(len(trials), 0.5 + effect)
        else:
            ease, able = rng.normal(0, 0.7, N_IMAGES), rng.normal(0, 0.5, n)
            prefers, in_image = rng.normal(0, 0.4, n), rng.normal(0, by_image, N_IMAGES)
            logit = steps - 1 + ease[image] + able[participant]
            logit += first * (effect + prefers[participant] + in_image[image])
            p = 0.5 + 0.48 / (1 + np.exp(-logit))
        correct = rng.random(len(trials)) < p
        table = responses(trials, correct, np.char.mod("p%03d", participant), 400.0)
        p_values = tested(table, N_IMAGES, question, rng)[column].to_numpy(float)
        found.append(np.pad(p_values, (0, 4 - len(p_values)), constant_values=np.nan))
    return np.array(found)


def of_network(question: str, effect: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """p (repeat, level) of a network: an image's answers hang together over levels and map types.

    For "above chance" the network prefers one answer, whatever it sees but for ``effect``.
    """
    found, trials = [], design(n)
    image = trials["stimulus"].astype("category").cat.codes.to_numpy()
    of_map = (trials["map_type"].to_numpy() == MAPS[1]).astype(int)
    level = trials["level"].map({"4": 4.0, "15.8": 15.8, "63.1": 63.1, FULL: np.inf}).to_numpy()
    is_animal = trials["superclass"].to_numpy() == "animal"
    names = np.char.mod("set %02d", trials["set"].to_numpy())
    for _ in range(repeats):
        if "chance" in question:
            # one draw an image: what it says hangs together over levels, but for some noise
            pull = 0.7 * rng.standard_normal(n)[image] + 0.7 * rng.standard_normal(len(trials))
            says_animal = pull + effect * np.where(is_animal, 1, -1) > -0.5
            correct = says_animal == is_animal
        else:
            own = 1.2 + 0.4 * rng.standard_normal((n, 1)) + 0.3 * rng.standard_normal((n, 2)) + [0, effect]
            correct = (np.log10(level) >= own[image, of_map]) | ~is_animal
        table = responses(trials, correct, names, np.nan)
        p_values = tested(table, n, question, rng)["p"].to_numpy(float)
        found.append(np.pad(p_values, (0, 4 - len(p_values)), constant_values=np.nan))
    return np.array(found)


def family(n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Whether any level of a question whose nulls are all true is called significant."""
    found = []
    trials = pd.concat([design(N_IMAGES)[design(N_IMAGES)["set"] == number % 8] for number in range(n)])
    names = np.char.mod("p%03d", np.repeat(np.arange(n), len(trials) // n))
    for _ in range(repeats):
        table = responses(trials, rng.random(len(trials)) < 0.7, names, 400.0)
        adjusted = tested(table, N_IMAGES, BETWEEN, rng)["p_adjusted"]
        found.append([float((adjusted <= LEVEL).any())])
    return np.array(found)


DRAWN = (
    "Rates of ten trials are drawn to the middle. The largest possible mean (d_prime_largest) and d' of pooled rates "
    "stand beside it."
)
FIVE = "Five participants have no p below 0.0625; the smallest p stands beside each test (smallest_p)."
FEW_DIFFER = "Few differ: so few signs have few p, and fewer are rejected than is said. The smallest p stands beside."
MANY = {5: 120, 16: 120, 20: 120, 96: 120, 100: 60, 240: 120}
BETWEEN, ABOVE = "clickme above saliency", "clickme above chance"
PEOPLE = "people who differ in skill and in preference for a map type; 48 images, easy or hard"
ROWS: tuple[Row, ...] = (
    *(
        Row(
            key=f"threshold-people-{spread:g}",
            what="threshold of people, 75 % correct",
            over="participants (n counts them), for these images",
            world=f"psychometric functions, slope 5, lapse 0.03, thresholds with sd {spread:g} log10",
            simulate=partial(threshold_of_people, spread),
            truth=lambda _, spread=spread: true_threshold(SimulatedObserverSpec(location_sd=spread), "clickme"),
            sizes=(5, 20, 100),
            repeats=240,
            block=10,
        )
        for spread in (0.15, 0.4)
    ),
    *(
        Row(
            key=f"threshold-network-{spread:g}",
            what="threshold of a network, 75 % correct",
            over="images within superclass (n counts all)",
            world=f"an own threshold for each image, sd {spread:g} log10; below it one fixed answer",
            simulate=partial(threshold_of_network, spread),
            truth=NETWORK_THRESHOLD,
            sizes=(20, 100, 240),
            repeats=240,
            block=10,
        )
        for spread in (0.4,)
    ),
    *(
        Row(
            key=f"d-pooled-{d:g}",
            what="d' of pooled rates ± t jackknife errors",
            over="participants (n counts them)",
            world=f"5 + 5 trials each, d' {d:g} with sd 0.5, no bias",
            simulate=partial(pooled, d, 0.5),
            truth=lambda _, d=d: pooled_truth(d, 0.5),
            sizes=(5, 20, 100),
            repeats=2000,
            block=500,
        )
        for d in (1.0, 2.0, 3.0)
    ),
    *(
        Row(
            key=f"d-mean-{d:g}",
            what="mean over participants of d' ± t standard errors",
            over="participants (n counts them)",
            world=f"5 + 5 trials each, d' {d:g} with sd 0.5, no bias",
            simulate=partial(mean_d_prime, d, 0.5),
            truth=d,
            sizes=(5, 20, 100),
            repeats=2000,
            block=500,
            words=dict.fromkeys(few, DRAWN),
        )
        for d, few in ((1.0, (100,)), (3.0, (5, 20, 100)))
    ),
    Row(
        key="accuracy",
        what="accuracy ± t standard errors",
        over="participants (n counts them)",
        world="10 trials each, accuracies 0.8 with sd 0.1",
        simulate=accuracy,
        sizes=(5, 20, 100),
        repeats=2000,
        block=500,
    ),
    Row(
        key="people-map-types",
        what="one map type above another, people",
        over="participants (n counts them), for these images",
        world=f"{PEOPLE}; power at 0.8 logits",
        kind="test",
        simulate=partial(of_people, BETWEEN, "p", 0.0, 0.0),
        power=partial(of_people, BETWEEN, "p", 0.8, 0.0),
        sizes=(5, 20, 100),
        words={5: FIVE},
        repeats=MANY,
        block=10,
    ),
    Row(
        key="people-map-types-images",
        what="the same, asked about other images too",
        over="participants (n counts them), for these images",
        world="the same, and images that one map type serves better, sd 1 logit, drawn anew",
        kind="test",
        simulate=partial(of_people, BETWEEN, "p", 0.0, 1.0),
        sizes=(20, 100),
        repeats=MANY,
        block=10,
    ),
    Row(
        key="people-map-types-by-image",
        what="the same by image (p_by_image)",
        over="48 images, for these people (n counts them)",
        world="the same",
        kind="test",
        simulate=partial(of_people, BETWEEN, "p_by_image", 0.0, 1.0),
        power=partial(of_people, BETWEEN, "p_by_image", 0.8, 1.0),
        sizes=(20, 100),
        repeats=MANY,
        block=10,
    ),
    Row(
        key="people-above-chance",
        what="above chance, people",
        over="participants (n counts them), for these images",
        world="people who guess; power at 60 % right",
        kind="test",
        simulate=partial(of_people, ABOVE, "p", 0.0, 0.0),
        power=partial(of_people, ABOVE, "p", 0.1, 0.0),
        sizes=(5, 20, 100),
        words={5: FIVE, 20: FEW_DIFFER},
        repeats=MANY,
        block=10,
    ),
    Row(
        key="network-map-types",
        what="one map type above another, networks",
        over="images",
        world="an own threshold for each image and map type, which hang together; power at 0.3 log10",
        kind="test",
        simulate=partial(of_network, BETWEEN, 0.0),
        power=partial(of_network, BETWEEN, 0.3),
        sizes=(16, 96, 240),
        words=dict.fromkeys((16, 96), FEW_DIFFER),
        repeats=MANY,
        block=10,
    ),
    Row(
        key="network-above-chance",
        what="above chance, networks",
        over="pairs of images (n counts images)",
        world="a network that prefers one answer and tells nothing apart; power at 0.3 sd",
        kind="test",
        simulate=partial(of_network, ABOVE, 0.0),
        power=partial(of_network, ABOVE, 0.3),
        sizes=(16, 96, 240),
        words=dict.fromkeys((16, 96), FEW_DIFFER),
        repeats=MANY,
        block=10,
    ),
    Row(
        key="experiment-family",
        what="any level of one question with adjusted p of 0.05 or less, all nulls true",
        over="participants (n counts them), for these images",
        world="people of 70 % right by both map types at four levels",
        kind="at most",
        simulate=family,
        sizes=(20,),
        repeats=MANY,
        block=10,
    ),
)
