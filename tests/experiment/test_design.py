"""The spec as a frozen file, rotating sets, the order of trials."""

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.experiment.design import PRACTICE, TEST, imbalance, n_sets, set_conditions, trial_sequence
from gala_viz.experiment.experiment_spec import ExclusionSpec, ExperimentSpec, TimingSpec, read_experiment_spec
from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment


def test_a_spec_read_back_is_the_same_and_has_the_same_hash(spec, tmp_path):
    spec.save(tmp_path / "experiment.toml")
    again = read_experiment_spec(tmp_path / "experiment.toml")
    assert again == spec
    assert again.hash == spec.hash


def test_every_setting_changes_the_hash(spec):
    others = [
        replace(spec, seed=1),
        replace(spec, timing=TimingSpec(stimulus_ms=50)),
        replace(spec, exclusions=ExclusionSpec(min_rt_ms=100)),
        replace(spec, keys=("a", "l")),
        replace(spec, maps={"clickme": "human"}),
    ]
    assert len({spec.hash, *(one.hash for one in others)}) == 6


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a = ", "no experiment"),
        ("format = 7", "format 1"),
        ("format = 1", "no experiment"),
        ("format = 1\nnew = 2\nrevelation = {speed = 3}\n[timing]\n[exclusions]\n", "unknown settings: new"),
    ],
)
def test_other_files_are_refused_with_a_sentence(tmp_path, content, sentence):
    (tmp_path / "e.toml").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_experiment_spec(tmp_path / "e.toml")


@given(content=st.text(max_size=200))
def test_any_text_is_refused_as_a_spec(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("spec") / "e.toml"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ValueError, match="is no experiment"):
        read_experiment_spec(path)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"keys": ("s", "s")}, "two different letters"),
        ({"n_blocks": 0}, "n_blocks"),
        ({"maps": {}}, "at least one map type"),
        ({"images": {"animal": ("a",)}}, "two superclasses"),
        ({"images": {"animal": ("a",), "vehicle": ("a",)}}, "occurs once"),
        ({"side_px": 8}, "side_px"),
    ],
)
def test_what_cannot_be_an_experiment_is_refused(spec, changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        ExperimentSpec(**{name: getattr(spec, name) for name in asdict(spec)} | changed)


def test_over_all_sets_each_image_is_seen_in_each_condition_once(spec):
    assert n_sets(spec) == 24
    seen = Counter((image, where) for number in range(24) for image, where in set_conditions(spec, number).items())
    assert set(seen.values()) == {1}
    assert len(seen) == spec.n_images * 24


def test_with_enough_images_a_set_has_every_condition_alike_often_in_both_superclasses(spec):
    images = {name: tuple(f"{name}{at}" for at in range(48)) for name in ("animal", "vehicle")}
    large = replace(spec, images=images, practice={"animal": (), "vehicle": ()})
    for number in (0, 7, 23):
        where = set_conditions(large, number)
        counts = Counter((image[0], condition) for image, condition in where.items())
        assert set(counts.values()) == {2}


def test_a_participant_sees_each_image_once_practice_first(spec):
    planned = trial_sequence(spec, 3, seed=5)
    assert [one.number for one in planned] == list(range(36))
    assert [one.phase for one in planned] == [PRACTICE] * 4 + [TEST] * 32
    assert len({one.image for one in planned}) == 36
    assert [one.block for one in planned[4:]] == sorted(one.block for one in planned[4:])
    assert Counter(one.block for one in planned[4:]) == {1: 7, 2: 7, 3: 6, 4: 6, 5: 6}
    assert {one.fixation_ms for one in planned} <= set(spec.timing.fixation_ms)
    assert planned == trial_sequence(spec, 3, seed=5) != trial_sequence(spec, 3, seed=6)


def test_images_are_drawn_by_rule_and_those_of_practice_are_others(collection, folders, wanted, spec):
    assert prepare_experiment(collection, str(folders[0]), wanted) == spec
    assert {name: len(some) for name, some in spec.images.items()} == {"animal": 16, "vehicle": 16}
    assert not set(sum(spec.images.values(), ())) & set(sum(spec.practice.values(), ()))


def test_too_few_images_or_superclasses_are_told(collection, folders):
    with pytest.raises(ValueError, match=r"27 images of animal were asked for.* 24 of 24"):
        prepare_experiment(
            collection, "x", PreparationSpec(n_images=48, n_practice=6, split="all", maps={"clickme": "human"})
        )
    with pytest.raises(ValueError, match="known are animal, vehicle, asked for animal, plant"):
        prepare_experiment(collection, "x", PreparationSpec(n_images=4, superclasses=("animal", "plant"), split="all"))
    with pytest.raises(ValueError, match="even"):
        PreparationSpec(n_images=5)


@pytest.mark.parametrize(
    ("each", "maps", "words"),
    [
        (120, 2, ""),
        (120, 3, "of 120 images of animal a set has 3 or 4 in a condition"),
        (50, 2, "of 50 images of vehicle a set has 2 or 3 in a condition"),
    ],
)
def test_images_that_are_no_multiple_of_the_conditions_are_told_with_their_counts(spec, each, maps, words):
    images = {name: tuple(f"{name}{at}" for at in range(each)) for name in spec.images}
    uneven = replace(
        spec, images=images, practice=dict.fromkeys(images, ()), maps={f"map {at}": "human" for at in range(maps)}
    )
    told = imbalance(uneven)
    assert words in told
    assert bool(told) == bool(words)
    counts = Counter((condition, uneven.superclass_of[image]) for image, condition in set_conditions(uneven, 0).items())
    least, most = min(counts.values()), max(counts.values())
    assert (least == most) == (not told)
    assert not told or f"has {least} or {most} in a condition" in told
