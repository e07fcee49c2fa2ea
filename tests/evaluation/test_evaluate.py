"""Evaluations of tiny networks: every number against what it is by hand, and collections that lack things."""

import copy
import html
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr

from gala_viz.alignment import (
    MIN_IMAGES_FOR_INTERVAL,
    CeilingSpec,
    benjamini_hochberg,
    fraction_explained,
    noise_ceiling,
    paired_randomisation,
    spearman_brown,
)
from gala_viz.attribution.method import CPU_BATCH_SIZE
from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.engine.results.prediction import top_categories
from gala_viz.evaluation.comparison_texts import comparison_texts, describe_tests
from gala_viz.evaluation.estimates import estimate_metrics
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json, image_rows
from gala_viz.evaluation.forest import blocks, shared_blocks
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.markdown import markdown
from gala_viz.evaluation.metrics import MetricKey, title
from gala_viz.evaluation.network_results import (
    NetworkResults,
    best_categories,
    block_results,
    joined,
    network_results,
)
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.report_page import report_page
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.network import Network
from gala_viz.networks.training_data import TrainingData, hash_ids
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import HELD_OUT
from tests.evaluation.fakes import CATEGORIES, PEOPLE, PREPROCESSING, Bare, Shapes, network
from tests.training.tiny import tiny

PEOPLE_ARE = "simulated people"
SPEC = EvaluationSpec(
    smoothgrad=SmoothGradSpec(n_samples=2),
    cells=16,
    ceiling=CeilingSpec(n_splits=4, over_participants=True),
    n_resamples=300,
    n_partners=3,
    block_images=5,
)


@pytest.fixture(scope="module")
def shapes():
    return Shapes()


@pytest.fixture(scope="module")
def trio():
    return {"resnet": network("resnet", 1, gala=False), "gala": network("gala", 2), "clickme": network("clickme", 3)}


@pytest.fixture(scope="module")
def found(shapes, trio):
    return evaluate(trio, shapes, SPEC)


def number(evaluation, who, *key):
    (one,) = [one for one in evaluation.estimates if one.who == who and one.key == MetricKey(*key)]
    return one


def test_the_images_are_those_of_the_collections_own_split(found, shapes):
    assert found.images == tuple(image for image in shapes.images if image.startswith("test"))
    assert len(found.images) == 12


def test_the_top1_error_is_the_share_of_wrong_first_choices_in_per_cent(found, shapes, trio):
    with torch.no_grad():
        logits = trio["gala"].logits(trio["gala"].to_batch([shapes.photo(image) for image in found.images]))
    right = [
        CATEGORIES[row.argmax()] == shapes.category(image) for row, image in zip(logits, found.images, strict=True)
    ]
    one = number(found, "gala", "top1_error")
    assert one.interval.mean == pytest.approx(100 * (1 - np.mean(right)))
    assert 0 <= one.interval.low <= one.interval.mean <= one.interval.high <= 100


def many_categories(name, seed, n=9):
    """A random network of ``n`` categories, of which four are those of the shapes."""
    torch.manual_seed(seed)
    module = tiny()
    module.head = torch.nn.Linear(12, n)
    names = (*(f"other {number}" for number in range(n - 4)), *CATEGORIES)
    return Network(module, name=name, preprocessing=PREPROCESSING, categories=names, device="cpu")


def test_the_top5_error_is_the_share_of_labels_not_among_torchs_five_largest_logits(shapes):
    nine = many_categories("nine", 2)
    found = evaluate({"nine": nine}, shapes, replace(SPEC, split="all", smoothgrad=None))
    logits = torch.cat([nine.logits(nine.to_batch([shapes.photo(image)])) for image in found.images]).detach()
    labels = torch.tensor([nine.categories.index(shapes.category(image)) for image in found.images])
    for n_best, metric in ((1, "top1_error"), (5, "top5_error")):
        wrong = (logits.topk(n_best).indices != labels[:, None]).all(dim=1)
        assert 0 < wrong.sum() < len(wrong)
        one = number(found, "nine", metric)
        assert one.interval.mean == pytest.approx(100 * float(wrong.double().mean()))
        assert one.interval.low <= one.interval.mean <= one.interval.high
        assert one.interval.n == len(found.images) == 36
    assert not [one for one in found.comparisons if one.key.metric == "top5_error"]
    row = next(line for line in markdown(found).splitlines() if line.startswith("| top-5 error, % |"))
    assert f"{number(found, 'nine', 'top5_error').interval.mean:.1f} [" in row
    assert "top5_error" in image_rows(found)[0]


def test_of_equal_logits_the_first_comes_first():
    logits = np.zeros((2, 8), np.float32)
    logits[1, 6] = 1
    np.testing.assert_array_equal(best_categories(list(logits)), [[0, 1, 2, 3, 4], [6, 0, 1, 2, 3]])
    np.testing.assert_array_equal(best_categories(list(logits)), top_categories(logits)[0])
    assert best_categories(list(logits[:, :3])).shape == (2, 3)


@pytest.mark.parametrize("n", [4, 5])
def test_five_categories_or_fewer_have_no_top5_error_and_the_page_says_so(shapes, n):
    found = evaluate({"few": many_categories("few", 2, n)}, shapes, replace(SPEC, smoothgrad=None))
    assert "top5_error" not in {one.key.metric for one in found.estimates}
    assert number(found, "few", "top1_error").interval.n == 12
    assert "With 5 categories or fewer, so without a top-5 error: few." in found.notes


def test_without_labels_there_is_no_top5_error_and_the_page_says_so():
    found = evaluate({"nine": many_categories("nine", 2)}, Bare(), replace(SPEC, split="all"))
    assert found.estimates == []
    assert any("top-1 and top-5 errors are left out: nine" in note for note in found.notes)


def test_rho_of_the_attention_norm_is_scipys_at_the_layers_grid(found, shapes, trio):
    image = found.images[3]
    with torch.no_grad():
        _, attention = trio["gala"].attention(trio["gala"].to_batch([shapes.photo(image)]))
    norm = attention["layer1"][0].square().sum(dim=0).sqrt().numpy()
    human = PREPROCESSING.map_to_frame(shapes.human_map(image)).values.reshape(8, 4, 8, 4).mean(axis=(1, 3))
    expected = spearmanr(norm.ravel(), human.ravel()).statistic
    rho = found.image_metrics["gala"]["rho_attention"].sel(image=image)
    assert rho.sel(layer="layer1").item() == pytest.approx(expected, abs=1e-5)
    assert rho.sel(layer=MEAN_OF_LAYERS).item() == pytest.approx(expected, abs=1e-5)


def test_smoothgrad_explains_the_own_choice_or_the_label(shapes, trio):
    images = [image for image in shapes.images if image.startswith("test")][:3]
    for target in ("own", "label"):
        results = block_results(trio["resnet"], shapes, images, replace(SPEC, target=target))
        maps = smoothgrad(trio["resnet"], shapes, SPEC.smoothgrad, images, target).values
        coarse = maps.reshape(3, 16, 2, 16, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(results.smoothgrad, coarse, rtol=1e-4, atol=1e-9)


def test_the_fraction_is_of_the_ceiling_on_the_same_grid_and_its_square_is_named_apart(found, shapes):
    def maps(image):
        one = shapes.participant_maps(image)
        framed = [PREPROCESSING.map_to_frame(part.assign_attrs(one.attrs)).values for part in one]
        coarse = np.stack(framed).reshape(len(PEOPLE), 8, 4, 8, 4).mean(axis=(2, 4))
        return one[:, :8, :8].copy(data=coarse)

    ceiling = noise_ceiling({image: maps(image) for image in found.images}, spec=SPEC.ceiling)
    rho = found.image_metrics["gala"]["rho_attention"].sel(layer="layer1", drop=True)
    expected = fraction_explained(rho, ceiling, n_resamples=300)
    assert number(found, PEOPLE_ARE, "ceiling", "", "", "8 x 8").interval.mean == pytest.approx(ceiling.rho)
    fraction = number(found, "gala", "fraction_of_ceiling_attention", "layer1").interval
    assert fraction.mean == pytest.approx(100 * expected.fraction.mean, abs=1e-4)
    assert fraction.low == pytest.approx(100 * expected.fraction.low, abs=1e-3)
    squared = number(found, "gala", "explained_variance_attention", "layer1").interval
    assert squared.mean == pytest.approx(fraction.mean**2 / 100)


def test_the_corrected_rho_is_rho_over_the_root_of_the_reliability_of_all_participants_maps(found):
    for kind, layer in (("attention", "layer1"), ("attention", MEAN_OF_LAYERS), ("smoothgrad", "")):
        values = found.image_metrics["gala"]
        parts = [values[f"{name}_{kind}"] for name in ("rho", "ceiling")]
        rho, ceiling = ((one.sel(layer=layer) if layer else one).values for one in parts)
        one = number(found, "gala", f"corrected_rho_{kind}", layer)
        reliability = spearman_brown(ceiling.mean(), float(values["share_product"]))
        assert one.interval.mean == pytest.approx(rho.mean() / np.sqrt(reliability))
        assert one.interval.low < one.interval.mean < one.interval.high
        assert one.note == ""
        if layer == "layer1":  # of single layers the table to read has rho and the fraction
            continue
        row = next(line for line in markdown(found).splitlines() if line.startswith(f"| {title(one.key)} |"))
        assert f"{one.interval.mean:.3f} [{one.interval.low:.3f}, {one.interval.high:.3f}]" in row
    assert not [one for one in found.comparisons if one.key.metric.startswith("corrected")]


def test_without_a_sure_reliability_the_corrected_rho_is_empty_and_says_why(found, shapes):
    few = evaluate({"a": network("a", 5)}, shapes, replace(SPEC, n_images=4))
    one = number(few, "a", "corrected_rho_smoothgrad")
    assert one.interval is None
    assert one.note == "n = 4: the reliability's interval is not known below 6 images."
    values = found.image_metrics["gala"].copy()
    values["ceiling_smoothgrad"] = values["ceiling_smoothgrad"].copy(data=np.linspace(-0.5, 0.6, 12))
    unsure = next(one for one in estimate_metrics("gala", values, SPEC) if one.key.metric == "corrected_rho_smoothgrad")
    assert unsure.interval is None
    assert "is not surely above 0" in unsure.note
    alone = next(
        one
        for one in estimate_metrics("gala", values.drop_vars("ceiling_smoothgrad"), SPEC)
        if one.key.metric == "corrected_rho_smoothgrad"
    )
    assert (alone.interval, alone.note) == (None, "there is no ceiling.")
    for page in (markdown(few), html.unescape(report_page(few, evaluation_json(few)))):
        assert one.note in page, "the reason is read where the number is missing"


def test_the_ceiling_has_intervals_over_images_and_over_participants_and_is_corrected_apart(found):
    plain = number(found, PEOPLE_ARE, "ceiling", "", "", "16 x 16")
    whole = number(found, PEOPLE_ARE, "ceiling_spearman_brown", "", "", "16 x 16")
    assert (plain.interval.n, plain.participants.n) == (12, len(PEOPLE))
    share_product = float(found.image_metrics["gala"]["share_product"])
    assert 2 / 9 <= share_product <= 0.25
    assert whole.interval.mean == pytest.approx(spearman_brown(plain.interval.mean, share_product))
    assert whole.participants.high == pytest.approx(spearman_brown(plain.participants.high, share_product))


def test_floors_are_below_the_ceiling_and_tell_the_category(found):
    ceiling = number(found, PEOPLE_ARE, "ceiling", "", "", "16 x 16").interval.mean
    for category in ("same", "different"):
        assert number(found, PEOPLE_ARE, f"floor_{category}_category", "", "", "16 x 16").interval.mean < ceiling
        assert number(found, "gala", f"floor_{category}_smoothgrad").interval.n == 12


@pytest.mark.parametrize("variable", ["correct", "correct_top5"])
@pytest.mark.parametrize(("right", "low", "high"), [(1, 0.0, 16.1), (0, 83.9, 100.0)])
def test_no_error_at_all_is_not_told_as_certain(right, low, high, variable):
    values = xr.Dataset({variable: ("image", np.full(20, float(right)))}, coords={"image": range(20)})
    (one,) = estimate_metrics("gala", values, SPEC)
    assert (one.interval.low, one.interval.high) == (pytest.approx(low, abs=0.05), pytest.approx(high, abs=0.05))
    assert "Wilson" in one.note


def test_shares_of_mass_and_of_pixels_sum_to_one_hundred(found):
    regions = ("diagnostic", "body", "clutter", "background")
    of_maps = (("gala", "share_smoothgrad"), ("resnet", "share_smoothgrad"), (PEOPLE_ARE, "share_people"))
    for who, key in (*of_maps, ("frame", "region_pixels")):
        total = sum(number(found, who, key, "", region).interval.mean for region in regions)
        assert total == pytest.approx(100, abs=1e-3)
    total = sum(number(found, "clickme", "share_attention", "layer1", region).interval.mean for region in regions)
    assert total == pytest.approx(100, abs=1e-3)


def test_a_share_is_the_maps_sum_on_the_region(found, shapes, trio):
    image = found.images[0]
    saliency = smoothgrad(trio["gala"], shapes, SPEC.smoothgrad, [image]).values[0]
    mask = shapes.regions(image)["diagnostic"]
    framed = PREPROCESSING.map_to_frame(shapes.human_map(image).copy(data=mask.astype(np.float32))).values
    share = found.image_metrics["gala"]["share_smoothgrad"].sel(image=image, region="diagnostic").item()
    assert share == pytest.approx((saliency * framed).sum() / saliency.sum(), rel=1e-3)


def test_people_paint_the_diagnostic_region_more_than_its_size(found, shapes):
    image = found.images[0]
    mask = shapes.regions(image)["diagnostic"].astype(np.float32)
    framed = PREPROCESSING.map_to_frame(shapes.human_map(image).copy(data=mask)).values
    human = PREPROCESSING.map_to_frame(shapes.human_map(image)).values
    mean = number(found, PEOPLE_ARE, "share_people", "", "diagnostic").interval.mean
    assert mean > 2 * number(found, "frame", "region_pixels", "", "diagnostic").interval.mean
    shares = people_of(shapes, [image], PREPROCESSING, [(16, 16)], SPEC.ceiling).shares
    assert shares.sel(image=image, region="diagnostic").item() == pytest.approx((human * framed).sum() / human.sum())


def test_tests_are_paired_over_images_and_corrected_in_families(found):
    assert {(one.a, one.b) for one in found.comparisons} == {
        ("resnet", "gala"),
        ("resnet", "clickme"),
        ("gala", "clickme"),
    }
    main, detail = (tuple(c for c in found.comparisons if c.family == family) for family in ("main", "detail"))
    assert {one.key.metric for one in main} == {"top1_error", "rho_attention", "rho_smoothgrad"}
    assert {one.key.layer for one in main} == {"", MEAN_OF_LAYERS}
    assert any(one.key.region for one in detail)
    assert any(one.key == MetricKey("rho_attention", "layer1") for one in detail)
    assert len(main) + len(detail) == len(found.comparisons)
    for family in (main, detail):
        raw = np.array([one.test.p for one in family])
        np.testing.assert_allclose([one.p_adjusted for one in family], benjamini_hochberg(raw))
    (one,) = [
        c for c in found.comparisons if (c.a, c.b) == ("gala", "clickme") and c.key == MetricKey("rho_smoothgrad")
    ]
    values = [found.image_metrics[name]["rho_smoothgrad"] for name in ("gala", "clickme")]
    expected = paired_randomisation(*values)
    assert one.test.p == expected.p
    assert one.test.difference == pytest.approx(expected.difference)
    attention = [c for c in found.comparisons if c.key.metric == "rho_attention"]
    assert {(c.a, c.b) for c in attention} == {("gala", "clickme")}


def test_against_a_reference_only_its_pairs_are_tested(shapes, trio):
    spec = replace(SPEC, smoothgrad=None)
    found = evaluate(trio, shapes, spec, reference="gala")
    assert {(one.a, one.b) for one in found.comparisons} == {("gala", "resnet"), ("gala", "clickme")}
    with pytest.raises(ValueError, match="Did you mean 'gala'"):
        evaluate(trio, shapes, spec, reference="galla")


def test_identical_networks_do_not_differ(shapes):
    found = evaluate({"a": network("a", 5), "b": network("b", 5)}, shapes, SPEC)
    assert {one.test.p for one in found.comparisons} == {1.0}
    assert {one.test.difference for one in found.comparisons} == {0.0}


def test_the_mean_over_seeds_is_taken_image_by_image_and_tells_their_spread(shapes):
    seeds = {"gala 1": network("x", 1), "gala 2": network("y", 2)}
    found = evaluate(
        {**seeds, "resnet 1": network("z", 4, gala=False)},
        shapes,
        SPEC,
        groups={"gala": ("gala 1", "gala 2"), "resnet": ("resnet 1",)},
    )
    rhos = [found.image_metrics[name]["rho_smoothgrad"] for name in seeds]
    np.testing.assert_allclose(found.image_metrics["gala"]["rho_smoothgrad"], (rhos[0] + rhos[1]) / 2)
    one = number(found, "gala", "rho_smoothgrad")
    assert one.sd_over_seeds == pytest.approx(np.std([float(rho.mean()) for rho in rhos], ddof=1))
    assert number(found, "resnet", "rho_smoothgrad").sd_over_seeds is None
    assert {(one.a, one.b) for one in found.comparisons} == {("gala", "resnet")}


def test_trainings_are_tested_against_those_of_their_own_seed(shapes):
    trainings = {}
    for name, seed, gala in (("gala 1", 1, True), ("gala 2", 2, True), ("resnet 1", 1, False), ("resnet 2", 2, False)):
        trainings[name] = network(name, seed, gala=gala)
        trainings[name].card = {"recipe": {"seed": seed}}
    groups = {"gala": ("gala 1", "gala 2"), "resnet": ("resnet 1", "resnet 2")}
    found = evaluate(trainings, shapes, SPEC, groups=groups)
    seeds = [one for one in found.comparisons if one.family == "seeds"]
    assert {(one.a, one.b) for one in seeds} == {("gala 1", "resnet 1"), ("gala 2", "resnet 2")}
    assert {one.key.metric for one in seeds} == {"top1_error", "rho_smoothgrad"}
    shown = {one.what: one for one in comparison_texts(found)}["rho of SmoothGrad with the human map"]
    rhos = {name: float(found.image_metrics[name]["rho_smoothgrad"].mean()) for name in trainings}
    expected = " / ".join(f"{rhos[f'resnet {seed}'] - rhos[f'gala {seed}']:+.3f}" for seed in (1, 2))
    assert (shown.pair, shown.by_seed) == ("resnet minus gala", expected)
    assert f"{len(seeds)} of single trainings of one seed" in describe_tests(found)
    assert found.trainings == ["gala 1", "gala 2", "resnet 1", "resnet 2"]


def test_a_group_has_a_name_of_its_own(shapes, trio):
    with pytest.raises(ValueError, match="'gala' is also one of the networks"):
        evaluate(trio, shapes, SPEC, groups={"gala": ("gala", "clickme")})


def test_an_image_without_regions_has_none_in_company_either():
    def part(image, regions, shares):
        one = {"images": (image,), "choices": np.zeros((1, 1), int), "norms": {}, "smoothgrad": None}
        return NetworkResults(**one, regions=regions, shares={"pixels": np.array([shares])})

    whole = joined(
        [part("a", ("object", "sky"), [0.3, 0.7]), part("b", ("object",), [np.nan]), part("c", ("sky",), [1.0])]
    )
    np.testing.assert_array_equal(whole.shares["pixels"], [[0.3, 0.7], [np.nan, np.nan], [0.0, 1.0]])


def test_what_a_collection_lacks_is_left_out_and_told():
    found = evaluate({"gala": network("gala", 2)}, Bare(), replace(SPEC, split="all"))
    assert found.estimates == []
    assert found.comparisons == []
    assert len(found.notes) == 5


def test_images_without_a_map_have_no_rho_but_keep_their_label(trio):
    without = ("test-stag-00", "test-tram-02")
    found = evaluate({"gala": trio["gala"]}, Shapes(without_map=without), SPEC)
    assert number(found, "gala", "top1_error").interval.n == 12
    assert number(found, "gala", "rho_smoothgrad").interval.n == 10
    assert np.isnan(found.image_metrics["gala"]["rho_smoothgrad"].sel(image=list(without))).all()


def test_an_unreadable_photograph_is_left_out_by_name(trio):
    found = evaluate({"gala": trio["gala"]}, Shapes(unreadable=("test-hare-01",)), SPEC)
    assert [image for image, _ in found.left_out] == ["test-hare-01"]
    assert len(found.images) == 11


@pytest.mark.parametrize("n_images", [1, 5])
def test_few_images_give_numbers_without_bounds_and_no_test_and_say_why(shapes, n_images):
    nets = {"a": network("a", 5), "b": network("b", 6)}
    found = evaluate(nets, shapes, replace(SPEC, n_images=n_images))
    assert len(found.images) == n_images < MIN_IMAGES_FOR_INTERVAL
    known = [one for one in found.estimates if one.interval is not None]
    assert max(one.interval.n for one in known) == n_images
    assert all(np.isfinite(one.interval.mean) for one in known)
    assert all(np.isnan([one.interval.low, one.interval.high]).all() for one in known)
    assert all(one.participants is None for one in known)
    why = f"n = {n_images}, no interval below {MIN_IMAGES_FOR_INTERVAL} images."
    assert all(one.note.startswith(f"n = {one.interval.n}, no interval below") for one in known)
    assert found.comparisons == []
    (told,) = [note for note in found.notes if "are not tested" in note]
    assert told.startswith(
        f"Differences of fewer than 6 images are not tested: top-1 error, n = {n_images}; rho of the"
    )
    page = markdown(found)
    assert why in page
    assert told in page
    assert "nan" not in page
    for block in (*blocks(found, list(nets)), *shared_blocks(found)):
        assert block.people is None
        assert all((row.low, row.high) == (None, None) for row in block.rows)
        assert all(row.text == "–" if row.at is None else 0 <= row.at <= 100 for row in block.rows)
    html_page = html.unescape(report_page(found, evaluation_json(found)))
    assert why in html_page
    assert told in html_page
    assert 'class="bar"' not in html_page
    assert 'class="dot"' in html_page
    assert "nan" not in html_page.split("<details><summary>All settings")[0]


def test_six_images_have_intervals_and_tests(shapes):
    found = evaluate({"a": network("a", 5), "b": network("b", 6)}, shapes, replace(SPEC, n_images=6))
    one = number(found, "a", "rho_smoothgrad")
    assert one.interval.low < one.interval.mean < one.interval.high
    assert not one.note
    assert {one.test.n for one in found.comparisons} == {6}
    assert not [note for note in found.notes if "are not tested" in note]


def test_one_image_has_no_floor(shapes):
    found = evaluate({"a": network("a", 5)}, shapes, replace(SPEC, n_images=1))
    assert number(found, PEOPLE_ARE, "floor_different_category", "", "", "16 x 16").interval is None


def test_a_constant_map_has_no_rho_and_nothing_crashes(shapes):
    flat = network("flat", 5)
    for parameter in flat.module.parameters():
        parameter.zero_()
    found = evaluate({"flat": flat, "gala": network("gala", 2)}, shapes, SPEC)
    assert number(found, "flat", "rho_smoothgrad").interval is None
    assert (
        number(found, "flat", "fraction_of_ceiling_smoothgrad").note
        == "no image has both a network's rho and a ceiling."
    )
    assert not [one for one in found.comparisons if one.key.metric == "rho_smoothgrad"]


def test_few_images_are_drawn_alike_from_every_category(shapes, trio):
    found = evaluate({"gala": trio["gala"]}, shapes, replace(SPEC, n_images=4, smoothgrad=None))
    assert sorted(found.categories) == sorted(CATEGORIES)
    again = evaluate({"gala": trio["gala"]}, shapes, replace(SPEC, n_images=4, smoothgrad=None))
    assert found.images == again.images


def test_results_do_not_depend_on_the_cut_into_blocks(shapes, trio):
    images = [image for image in shapes.images if image.startswith("test")]
    whole = network_results(trio["clickme"], shapes, images, replace(SPEC, block_images=50))
    parts = network_results(trio["clickme"], shapes, images, SPEC)
    for name, array in whole.to_arrays().items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(parts.to_arrays()[name], array, rtol=1e-4, atol=1e-7)
        else:
            np.testing.assert_array_equal(parts.to_arrays()[name], array)


def test_every_image_passes_once_forward_and_once_for_smoothgrad(shapes, trio, monkeypatch):
    images = [image for image in shapes.images if image.startswith("test")][:4]
    passed = []
    forward = trio["gala"].module.forward
    monkeypatch.setattr("gala_viz.engine.measurement.fuse_batchnorm", lambda one: one)
    monkeypatch.setattr(trio["gala"].module, "forward", lambda batch: passed.append(len(batch)) or forward(batch))
    block_results(trio["gala"], shapes, images, replace(SPEC, smoothgrad=None))
    assert sum(passed) == 4
    passed.clear()
    block_results(trio["gala"], shapes, images, SPEC)
    samples = 4 * SPEC.smoothgrad.n_samples
    assert sum(passed) == 4 + -(-samples // CPU_BATCH_SIZE) * CPU_BATCH_SIZE


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"n_images": 0}, {"n_resamples": 5}, {"n_iterations": 10}, {"cells": 0}):
        with pytest.raises(ValueError, match="at least"):
            EvaluationSpec(**wrong)


def test_an_evaluation_says_how_many_of_its_images_were_learnt_from_and_of_whom_it_is_not_known(shapes, trio):
    def learnt_from(split, name):
        card = {"data": {"complete": True, "collections": [{"name": "shapes", "n_train": 1}]}}
        ids = hash_ids(image for image in shapes.images if image.startswith(split))
        return with_training_data(trio[name], TrainingData.from_card(card, {"id:shapes": np.sort(ids)}))

    networks = {"resnet": learnt_from("train", "resnet"), "gala": learnt_from("train", "gala")}
    found = evaluate(networks, shapes, replace(SPEC, smoothgrad=None))
    assert found.notes[0] == (
        "Of the 12 images reported, 0 were learnt from by any of these networks, as their cards say by the images' ids "
        "and bytes."
    )
    assert {int(code) for status in found.learnt.values() for code in status} == {HELD_OUT}

    said = []
    networks = {"gala": learnt_from("test-stag", "gala"), "clickme": trio["clickme"]}
    found = evaluate(networks, shapes, replace(SPEC, smoothgrad=None), tell=said.append)
    told = "NOT HELD OUT: Of the 12 images reported, 3 were learnt from by any of these networks"
    assert found.notes[0].startswith(told)
    assert found.notes[0].endswith("(gala 3). What else these learnt from is not known: clickme.")
    assert found.notes[0] in said
    assert found.notes[0] in markdown(found)
    renamed = copy.copy(shapes)
    renamed.name = "shapes-2"
    note = evaluate(networks, renamed, replace(SPEC, smoothgrad=None)).notes[0]
    assert "Whether these learnt from them is not known: gala (their cards are complete and name other coll" in note
    told = "than shapes-2; one that was saved anew would not be found)"
    assert note.endswith(f"{told}. What else these learnt from is not known: clickme.")
    rows = {(row["who"], row["image"]): row["learnt_from"] for row in image_rows(found)}
    assert [rows["gala", image] for image in ("test-stag-00", "test-hare-00")] == ["yes", "no"]
    assert rows["clickme", "test-stag-00"] == "unknown"


def test_images_in_no_split_are_left_out_and_counted(trio):
    class Partly(Shapes):
        def split(self, image):
            return None if image == "test-stag-00" else super().split(image)

    found = evaluate({"resnet": trio["resnet"]}, Partly(), replace(SPEC, smoothgrad=None))
    assert len(found.images) == 11
    assert "1 image is in no split of the collection and left out." in found.notes


def with_training_data(one, data):
    return Network(
        one.module,
        name=one.name,
        preprocessing=one.preprocessing,
        categories=one.categories,
        training_data=data,
        device="cpu",
    )
