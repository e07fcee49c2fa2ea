"""LiveMaps over tiny networks: the protocol's promises, caches, errors, uploads, surveys."""

from __future__ import annotations

import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from gala_viz.alignment import COMPARISON_CELLS, spearman, to_resolution
from gala_viz.attribution.grad_cam import GradCamSpec
from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.cache import BoundedCache, read_npz
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.results import delta as deltas
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.live.descriptions import summary
from gala_viz.live.network_pool import LazyNetwork
from gala_viz.live.run_survey import run_survey
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=12, noise_fraction=0.2, seed=3))


def never():
    return False


def live(networks=None, collection=None, **options):
    found = LiveMaps(
        collection or TinyCollection(),
        networks or (tiny_network(0), tiny_network(1)),
        scheduler=ComputeScheduler(0),
        **options,
    )
    found._cache._memory = BoundedCache(64 * 2**20)
    return found


def last(source, image="one", request=REQUEST, cancelled=never):
    return list(source.maps(image, request, cancelled))[-1]


def counted(source):
    """A list that grows by the batch's size with every pass of the source's first network."""
    passes, network = [], source._pair[0].computing_network
    logits = network.logits

    def counting(batch):
        passes.append(batch.shape[0])
        return logits(batch)

    network.logits = counting
    return passes


def test_maps_are_those_of_the_public_function():
    source, networks = live(), (tiny_network(0), tiny_network(1))
    update = last(source)
    for index, network in enumerate(networks):
        direct = smoothgrad(network, TinyCollection(), REQUEST.smoothgrad, images=["one"])
        np.testing.assert_allclose(update.maps[index], direct[0], rtol=1e-5, atol=1e-7)
        assert update.targets[index] == int(direct.explained[0])
        assert update.sigma[index] == pytest.approx(float(direct.sigma[0]))
    np.testing.assert_allclose(
        update.delta, deltas.delta(update.maps.values[0], update.maps.values[1]), rtol=1e-5, atol=1e-6
    )


def test_both_networks_appear_after_the_first_batch_and_sharpen():
    updates = list(live().maps("one", REQUEST, never))
    assert [update.n for update in updates] == [5, 10, 12]
    assert [update.done for update in updates] == [False, False, True]
    assert all(np.abs(update.maps.values).max(axis=(1, 2)).min() > 0 for update in updates)
    errors = [float(update.standard_error.mean()) for update in updates]
    assert errors[0] > errors[-1] > 0
    assert np.isfinite(updates[-1].delta_error).all()
    assert updates[0].eta_s > 0
    assert updates[-1].eta_s == 0


def test_labels_and_frames_are_those_of_the_schema():
    update = last(live())
    assert update.maps.dims == ("network", "y", "x")
    assert list(update.maps.network.values) == ["tiny0", "tiny1"]
    assert update.maps.attrs["extent_px"] == [16.0, 16.0]
    assert update.delta.dims == ("y", "x")
    assert update.delta.attrs["normalise"] == "percentile"
    assert update.maps.attrs["units"] == "logits per input unit"


def test_a_second_look_computes_nothing():
    source = live()
    passes = counted(source)
    first = last(source)
    count = len(passes)
    assert source.cached("one", REQUEST) is first
    assert last(source) is first
    assert len(passes) == count


def test_another_process_finds_the_maps_on_disk(cache_folder):
    first = last(live())
    source = live()
    passes = counted(source)
    again = source.cached("one", REQUEST)
    assert passes == []
    np.testing.assert_array_equal(again.maps, first.maps)
    np.testing.assert_allclose(again.standard_error, first.standard_error, rtol=0.02, atol=1e-3 * first.maps.max())
    np.testing.assert_array_equal(again.delta, first.delta)
    assert again.done
    assert again.n == 12


def test_what_a_former_rule_said_of_a_kept_map_is_asked_anew(cache_folder):
    first = last(live())
    for file in cache_folder.rglob("*.npz"):
        arrays = read_npz(file)
        if arrays.pop("note_rule", None) is not None:
            np.savez(file, **{**arrays, "note": np.array("the signed map is about zero within its error (5 %)")})
    source = live()
    passes = counted(source)
    again = source.cached("one", REQUEST)
    assert passes == []
    assert "(5 %)" not in again.note
    assert again.note == first.note


def test_nothing_is_cached_before_it_was_computed():
    assert live().cached("one", REQUEST) is None


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda _: b"nonsense", lambda _: b""])
def test_a_damaged_cache_file_is_computed_again(cache_folder, damage):
    first = last(live())
    files = list(cache_folder.rglob("*.npz"))
    assert files
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    source = live()
    assert source.cached("one", REQUEST) is None
    np.testing.assert_array_equal(last(source).maps, first.maps)


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert last(live(folder=blocked)).done


@pytest.mark.parametrize(
    "change", [{"reduction": "signed"}, {"smoothing_px": 2.0}, {"normalise": "sum"}, {"normalise": "none"}]
)
def test_other_reductions_smoothing_and_scales_compute_no_gradient(change):
    source = live()
    passes = counted(source)
    last(source)
    count = len(passes)
    fields = {name: getattr(REQUEST, name) for name in REQUEST.__dataclass_fields__}
    changed = source.cached("one", MapRequest(**{**fields, **change}))
    assert len(passes) == count
    assert changed.done
    fresh = last(live(), request=MapRequest(**{**fields, **change}))
    np.testing.assert_allclose(changed.maps, fresh.maps, rtol=1e-5, atol=1e-6)


def test_cancelling_keeps_what_is_there_and_the_next_run_goes_on():
    source = live()
    passes = counted(source)
    updates = []
    for update in source.maps("one", REQUEST, lambda: len(updates) >= 2):
        updates.append(update)
    assert updates[-1].n == 10
    assert source.cached("one", REQUEST) is None
    before = len(passes)
    finished = last(source)
    assert len(passes) - before == 1
    np.testing.assert_array_equal(finished.maps, last(live()).maps)


def test_more_samples_go_on_from_fewer():
    source = live()
    passes = counted(source)
    last(source)
    before = len(passes)
    more = MapRequest(smoothgrad=SmoothGradSpec(n_samples=20, noise_fraction=0.2, seed=3))
    update = last(source, request=more)
    assert len(passes) - before == 2, "eight more samples are two batches"
    assert update.n == 20
    np.testing.assert_allclose(update.maps, last(live(), request=more).maps, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "occlusion", "guided_backprop", "input_x_gradient"])
def test_methods_without_chance_have_no_error(method):
    update = last(live(), request=MapRequest(method=method))
    assert update.done
    assert update.standard_error is None
    assert update.delta_error is None
    assert np.isfinite(update.maps).all()


def test_grad_cam_is_computed_at_the_layer_of_the_request_and_says_so():
    source = live()
    layers = source.cam_layers()
    assert layers[0] == "last"
    usual = last(source, request=MapRequest(method="grad_cam"))
    assert usual.maps.attrs["layer_path"] in layers
    other = next(layer for layer in layers[1:] if layer != usual.maps.attrs["layer_path"])
    request = MapRequest(method="grad_cam", cam_layer=other)
    assert source.cached("one", request) is None, "another layer is another map"
    assert np.isnan(source.scores(request)["rho"]).all(), "with scores of its own"
    update = last(source, request=request)
    assert (update.maps.attrs["layer_path"], update.maps.attrs["layer"]) == (other, other)
    for index in range(2):
        direct = attribution_maps(tiny_network(index), TinyCollection(), "grad_cam", GradCamSpec(layer=other), ["one"])
        np.testing.assert_allclose(update.maps[index], direct[0], rtol=1e-5, atol=1e-7)
    assert not np.allclose(update.maps, usual.maps)
    assert np.isfinite(source.scores(request)["rho"]).any()


def test_a_layer_of_other_methods_changes_nothing():
    source = live()
    passes = counted(source)
    first = last(source)
    count = len(passes)
    assert source.cached("one", replace(REQUEST, cam_layer="layer9")) is first
    assert last(source, request=replace(REQUEST, cam_layer="layer9")) is first
    assert len(passes) == count


@pytest.mark.parametrize("target", ["own", "label"])
def test_a_layer_that_a_network_does_not_have_is_told_before_anything_is_computed(target):
    source = live()
    passes = counted(source)
    request = MapRequest(method="grad_cam", cam_layer="layer9", target=target)
    with pytest.raises(ValueError, match=r"tiny0: .*no module called 'layer9'"):
        last(source, request=request)
    with pytest.raises(ValueError, match="no module called 'layer9'"):
        list(source.survey(request, source.images, never))
    assert passes == []


def test_an_unknown_method_gets_an_answer():
    with pytest.raises(UnknownNameError, match="Did you mean 'smoothgrad'"):
        last(live(), request=MapRequest(method="smooth_grad"))


@pytest.mark.slow
def test_the_error_of_the_delta_is_its_scatter_over_seeds():
    network_pair = (tiny_network(0), tiny_network(1))
    updates = [
        last(live(network_pair), request=MapRequest(smoothgrad=SmoothGradSpec(n_samples=10, seed=seed)))
        for seed in range(16)
    ]
    scatter = np.std([update.delta for update in updates], axis=0, ddof=1)
    estimated = np.sqrt(np.mean([update.delta_error.values**2 for update in updates], axis=0))
    assert np.median(estimated / scatter) == pytest.approx(1, abs=0.25)


def test_the_networks_share_their_noise_and_errors_of_equal_networks_cancel():
    network = tiny_network(0)
    source = live((network, network))
    update = last(source)
    assert not update.delta.values.any()
    np.testing.assert_allclose(update.delta_error, 0, atol=1e-6)


def test_targets_own_label_and_index():
    source = live()
    assert last(source, "two", MapRequest(smoothgrad=REQUEST.smoothgrad, target="label")).targets == (1, 1)
    assert last(source, "two", MapRequest(smoothgrad=REQUEST.smoothgrad, target=4)).targets == (4, 4)
    own = tuple(prediction.indices[0] for prediction in source.forward("two").predictions)
    assert last(source, "two").targets == own
    with pytest.raises(ValueError, match="true category of 'four' is not known"):
        last(source, "four", MapRequest(target="label"))


def test_a_passage_tells_predictions_and_attention_in_the_frame():
    source = live()
    forward_results = source.forward("one")
    for prediction, norms in zip(forward_results.predictions, forward_results.attention_norms, strict=True):
        assert list(prediction.probabilities) == sorted(prediction.probabilities, reverse=True)
        assert sum(prediction.probabilities) == pytest.approx(1)
        assert prediction.correct == (prediction.categories[0] == "a")
        assert norms["block0"].shape == (16, 16)
        assert norms["block0"].attrs["extent_px"] == [16.0, 16.0]
    assert source.forward("four").predictions[0].correct is None
    assert source.forward("one") is forward_results


def test_scores_of_an_image_are_those_of_its_map_and_the_human_map():
    source = live()
    update = last(source, "two")
    human = to_resolution(source.human_map("two"), COMPARISON_CELLS)
    for index in range(2):
        own = to_resolution(update.maps[index], COMPARISON_CELLS)
        assert float(update.scores.rho[index]) == pytest.approx(float(spearman(own.values, human.values)))
    assert 0 < float(update.scores.ceiling) < 1
    np.testing.assert_allclose(update.scores.fraction, update.scores.rho / update.scores.ceiling)
    assert np.isnan(last(source, "four").scores.rho).all()


class TwoKinds(TinyCollection):
    """Beside marks there are gaze maps, of the first two photographs."""

    map_kinds = {**TinyCollection.map_kinds, "gaze": "where four people looked"}  # noqa: RUF012

    def participant_maps(self, image, kind=None):
        maps = super().participant_maps(image)
        if kind != "gaze" or maps is None:
            return maps
        return maps.copy(data=maps.values[..., ::-1, ::-1]) if image != "three" else None


@pytest.mark.parametrize(("kind", "participant"), [("gaze", None), ("gaze", "p2"), (None, "p3"), ("marks", None)])
def test_scores_are_with_the_human_map_that_the_request_names(kind, participant):
    source = live(collection=TwoKinds())
    last(source, "two")  # scores with the first kind are there already
    update = last(source, "two", replace(REQUEST, human_map=kind, participant=participant))
    human = to_resolution(source.human_map("two", kind, participant), COMPARISON_CELLS)
    for index in range(2):
        own = to_resolution(update.maps[index], COMPARISON_CELLS)
        assert float(update.scores.rho[index]) == pytest.approx(float(spearman(own.values, human.values)))
        for layer, norm in source.forward("two").attention_norms[index].items():
            human_map = to_resolution(source.human_map("two", kind, participant), norm.shape)
            expected = float(spearman(norm.values, human_map.values))
            assert float(update.scores.rho_attention.sel(layer=layer)[index]) == pytest.approx(expected)
    assert bool(np.isnan(update.scores.ceiling)) is (participant is not None)


def test_scores_of_all_images_are_of_one_kind_of_human_map_and_of_all_participants():
    source = live(collection=TwoKinds())
    gaze, one = replace(REQUEST, human_map="gaze"), replace(REQUEST, human_map="gaze", participant="p2")
    for image in source.images:
        last(source, image, one)
    assert np.isnan(source.scores(one).rho).all(), "one participant is no collection's score"
    list(source.survey(gaze, source.images, never))
    assert np.isfinite(source.scores(gaze).rho).all(axis=0).values.tolist() == [True, True, False, False]
    assert np.isnan(source.scores(REQUEST).rho).all(), "nothing was scored with marks"
    np.testing.assert_array_equal(
        source.scores(gaze).rho[:, 1], last(source, "two", gaze).scores.rho.astype(np.float32)
    )
    list(source.survey(REQUEST, source.images, never))
    assert not np.array_equal(source.scores(REQUEST).rho, source.scores(gaze).rho, equal_nan=True)
    np.testing.assert_array_equal(source.scores(REQUEST).rho, source.scores(replace(REQUEST, human_map="marks")).rho)


def test_the_map_as_drawn_has_scores_of_its_own_and_a_signed_sum_has_none():
    source = live()
    smoothed = last(source, "two", replace(REQUEST, smoothing_px=2.0))
    human = to_resolution(source.human_map("two"), COMPARISON_CELLS)
    for index in range(2):
        drawn = to_resolution(smoothed.maps[index], COMPARISON_CELLS)
        assert float(smoothed.scores.rho_drawn[index]) == pytest.approx(float(spearman(drawn.values, human.values)))
    plain = last(source, "two")
    np.testing.assert_array_equal(smoothed.scores.rho, plain.scores.rho)
    assert "rho_drawn" not in plain.scores
    signed = last(source, "two", replace(REQUEST, reduction="signed"))
    assert np.isnan(signed.scores.rho).all()
    assert np.isnan(source.scores(replace(REQUEST, reduction="signed")).rho).all()


def test_the_second_network_is_brought_into_the_frame_of_the_first():
    narrow, wide = tiny_network(0, short_px=20), tiny_network(0)
    narrow.name = "narrow"
    update = last(live((narrow, wide)), request=MapRequest(method="grad_cam"))
    assert np.isfinite(update.maps).all()
    seen = last(live((wide, narrow)), request=MapRequest(method="grad_cam"))
    assert np.isfinite(seen.maps[0]).all()
    hidden = np.isnan(seen.maps[1].values)
    assert hidden[0].all(), "the second network does not see the rim"
    assert not hidden[4:-4, 4:-4].any()
    assert np.isnan(seen.delta.values[0]).all()
    assert np.isfinite(seen.delta.values[8]).any()


def test_an_image_that_was_looked_at_is_scored_in_every_column():
    source = live()
    last(source, "one")
    scores = source.scores(REQUEST).sel(image="one")
    assert [
        name for name in ("correct", "rho", "rho_attention", "ceiling") if not np.isfinite(scores[name]).all()
    ] == []
    assert np.isnan(source.scores(REQUEST).correct.sel(image="two")).all()


def test_the_time_to_go_is_told_once_several_images_were_computed():
    steps = list(run_survey("abcdef", lambda image: image != "a", never))
    assert [step.eta_s is None for step in steps] == [True, True, True, False, False, False]


def test_a_survey_fills_the_scores_of_all_images_and_lasts():
    source = live()
    before = source.scores(REQUEST)
    assert before.sizes["image"] == 4
    assert np.isnan(before.rho).all()
    steps = list(source.survey(REQUEST, source.images, never))
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert steps[-1].total == 4
    scores = source.scores(REQUEST)
    of_maps = {"rho", "dice", "iou", "floor_same", "floor_different", "delta_size"}
    assert set(scores.data_vars) == {"correct", "rho_attention", "ceiling", *of_maps}
    assert scores.rho.dims == ("network", "image")
    assert scores.rho_attention.dims == ("network", "layer", "image")
    assert np.isfinite(scores.rho.sel(image=["one", "two", "three"])).all()
    assert np.isnan(scores.rho.sel(image="four")).all()
    assert np.isfinite(scores.delta_size).all()
    assert 0 < scores.attrs["ceiling_mean"] <= 1
    assert np.isnan([scores.attrs["ceiling_low"], scores.attrs["ceiling_high"]]).all(), "of three images"
    assert scores.attrs["resolution_px"] == COMPARISON_CELLS
    np.testing.assert_allclose(scores.rho.sel(image="two"), last(source, "two").scores.rho, rtol=1e-5)

    again = live()
    passes = counted(again)
    xr.testing.assert_equal(again.scores(REQUEST), scores)
    assert len(list(again.survey(REQUEST, again.images, never))) == 4
    assert passes == [], "the second opening is instant"


def test_the_floor_of_a_map_is_its_rho_with_the_human_maps_of_other_images():
    source = live()
    maps = last(source, "one").maps
    scores = source.scores(REQUEST).sel(image="one")
    found = {}
    for kind in ("same", "different"):
        alike = {other: source.info(other).category == source.info("one").category for other in source.images}
        others = [
            source.human_map(other)
            for other in source.images
            if other != "one" and alike[other] == (kind == "same") and source.human_map(other) is not None
        ]
        found[kind] = len(others)
        for index in range(2):
            own = to_resolution(maps.isel(network=index)).values
            rhos = [float(spearman(own, to_resolution(other).values)) for other in others]
            expected = np.mean(rhos) if rhos else np.nan
            np.testing.assert_allclose(scores[f"floor_{kind}"][index], expected, rtol=1e-5)
    assert found["different"], "the collection has no image of another category with a map"


def test_a_survey_without_a_request_runs_one_pass_an_image():
    source = live()
    passes = counted(source)
    list(source.survey(None, source.images, never))
    assert passes == [1, 1, 1, 1]
    scores = source.scores(REQUEST)
    assert np.isfinite(scores.correct.sel(image="one")).all()
    assert np.isnan(scores.rho).all()


def test_a_survey_stops_when_cancelled_and_keeps_what_it_has():
    source, steps = live(), []
    for step in source.survey(None, source.images, lambda: len(steps) >= 2):
        steps.append(step)
    assert len(steps) == 2
    assert int(np.isfinite(live().scores(REQUEST).correct[0]).sum()) == 2


def test_a_survey_by_label_passes_over_images_without_one():
    request = MapRequest(smoothgrad=SmoothGradSpec(n_samples=2), target="label")
    source = live()
    assert len(list(source.survey(request, source.images, never))) == 4
    assert np.isfinite(source.scores(request).delta_size.sel(image="three"))


def picture(form="PNG", size=(30, 26)):
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(
        content, form
    )
    return content.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_upload_is_looked_at_like_any_image(form):
    source = live()
    image = source.add_upload("my photo.png", picture(form))
    assert image.startswith("upload-")
    assert image not in source.images
    assert source.view(image).shape == (16, 16, 3)
    assert source.info(image).category is None
    assert source.info(image).heading == "my photo.png"
    assert source.info(image).size_px == (26, 30)
    assert source.human_map(image) is None
    assert source.thumbnail(image)[:4] == b"RIFF"
    assert source.forward(image).predictions[0].correct is None
    assert last(source, image).done
    assert np.isnan(last(source, image).scores.rho).all()
    again = source.add_upload("C:\\mine\\again\n.png", picture(form))
    assert source.info(again).filename == "again .png"
    assert source.info(image).filename == "my photo.png", "what a link shows, no other visitor changes"
    assert source.add_upload("again .png", picture(form)) == again


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"GIF89a nonsense", "PNG, JPEG, WEBP"),
        (b"\x00" * 20_000_001, "20 MB"),
        (picture()[:200], "damaged"),
    ],
    ids=["empty", "no picture", "too large", "cut short"],
)
def test_what_is_no_photograph_is_refused_in_plain_words(content, words):
    with pytest.raises(ValueError, match=words) as refusal:
        live().add_upload("../<b>x</b>\n.png", content)
    assert "\n" not in str(refusal.value)
    assert ".." not in str(refusal.value)


def test_uploads_are_bounded_and_an_old_one_is_told():
    source = live()
    source._uploads._most = 2
    names = [source.add_upload("x", picture(size=(20 + step, 20))) for step in range(3)]
    with pytest.raises(UnknownNameError, match="upload it again"):
        source._uploads.photo(names[0])
    assert source.view(names[2]).shape == (16, 16, 3)
    assert [name in source.uploads for name in names] == [False, True, True]


def test_at_least_two_networks_are_expected():
    with pytest.raises(ValueError, match="at least two networks are compared; got 1"):
        live((tiny_network(0),))


def test_networks_that_differ_in_weights_alone_share_no_results():
    first, second = tiny_network(0), tiny_network(1)
    first.sha256 = second.sha256 = ""
    source = live((first, second))
    assert source._pair[0].key != source._pair[1].key
    assert last(source).delta.values.any()


def test_two_different_networks_of_one_name_are_refused():
    first, second = tiny_network(0), tiny_network(1)
    second.name = first.name
    with pytest.raises(ValueError, match="two networks are called 'tiny0'; give one of them another name"):
        live((first, second))


def test_any_pair_of_many_networks_has_the_maps_of_its_own(cache_folder):
    networks = [tiny_network(seed) for seed in range(4)]
    source = live(networks)
    assert [one.name for one in source.networks] == ["tiny0", "tiny1"]
    update = last(source)
    other = source.pair("tiny3", "tiny1")
    passes = counted(other)
    swapped = last(other)
    assert passes, "the network that was not shown yet had to run"
    np.testing.assert_array_equal(swapped.maps.values[1], update.maps.values[1])
    alone = last(live((networks[3], networks[1])))
    np.testing.assert_array_equal(swapped.delta, alone.delta)
    np.testing.assert_allclose(swapped.delta_error, alone.delta_error, atol=0.02 * float(alone.delta_error.max()))
    assert last(source) is update, "the source of before goes on with its own pair"
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny2'"):
        source.pair("tiny0", "tiny22")


def test_a_network_scored_in_one_pair_is_scored_in_all():
    source = live([tiny_network(seed) for seed in range(3)])
    list(source.survey(REQUEST, source.images, never))
    other = source.pair("tiny2", "tiny1")
    before = other.scores(REQUEST)
    np.testing.assert_array_equal(before.rho[1], source.scores(REQUEST).rho[1])
    assert np.isnan(before.rho[0]).all()
    assert np.isnan(before.delta_size).all()
    list(other.survey(REQUEST, source.images, never))
    assert np.isfinite(other.scores(REQUEST).delta_size).all()
    choices = other.choices(REQUEST)
    assert [one.name for one in choices] == ["tiny0", "tiny1", "tiny2"]
    assert choices[2].n_mapped == 3
    np.testing.assert_allclose(choices[2].rho, other.scores(REQUEST).rho[0].mean(), rtol=1e-6)
    assert 0 <= choices[0].accuracy <= 1


def test_a_pair_that_cuts_photographs_differently_is_scored_apart_and_its_choices_tell_so():
    source = live([tiny_network(0), tiny_network(1, short_px=40)])
    assert "100 % of what" in source.scores(REQUEST).attrs["note"]
    list(source.survey(REQUEST, source.images, never))
    known = np.isfinite(source.scores(REQUEST)["rho"]).sum("image").values
    assert (known > 0).all()
    for choice, count in zip(source.choices(REQUEST), known, strict=True):
        assert choice.n_mapped == count
    assert np.isfinite(source.scores(REQUEST)["delta_size"]).all()


def test_smoothing_and_normalisation_leave_a_network_scored():
    source = live()
    list(source.survey(REQUEST, source.images, never))
    smoother = replace(REQUEST, smoothing_px=2.0, normalise="sum")
    xr.testing.assert_equal(source.scores(smoother).rho, source.scores(REQUEST).rho)
    assert np.isnan(source.scores(smoother).delta_size).all(), "it is of maps that are normalised in another way"


def test_the_size_of_the_delta_is_of_the_unsmoothed_maps_whatever_is_drawn():
    plain, smoothed = live(), live()
    smoother = replace(REQUEST, smoothing_px=2.0)
    list(smoothed.survey(smoother, smoothed.images, never))
    expected = []
    for image in plain.images:
        *_, update = plain.maps(image, REQUEST, never)
        expected.append(float(np.abs(update.delta).mean()))
    np.testing.assert_allclose(smoothed.scores(smoother).delta_size, expected, rtol=1e-5)
    xr.testing.assert_equal(smoothed.scores(REQUEST).delta_size, smoothed.scores(smoother).delta_size)


def test_networks_are_loaded_when_first_shown_and_let_go_beyond_the_budget():
    loads = []

    def lazy(seed):
        def load():
            loads.append(seed)
            return tiny_network(seed)

        return LazyNetwork(name=f"tiny{seed}", title=f"Tiny {seed}", load=load)

    source = live([lazy(seed) for seed in range(4)], network_bytes=1)
    assert loads == [0, 1]
    assert [one.title for one in source.choices(REQUEST)] == ["tiny0", "tiny1", "Tiny 2", "Tiny 3"]
    other = source.pair("tiny2", "tiny3")
    assert loads == [0, 1, 2, 3]
    source.pair("tiny1", "tiny0")
    assert loads == [0, 1, 2, 3], "a page still shows both"
    del source, other
    gc.collect()
    again = live([lazy(seed) for seed in range(4)], network_bytes=2**30)
    loads.clear()
    again.pair("tiny2", "tiny3")
    again.pair("tiny0", "tiny2")
    assert loads == [2, 3], "within the budget nothing is loaded twice"


def test_while_one_network_is_loaded_others_are_shown_and_no_network_is_loaded_twice():
    begun, go_on, loads = threading.Event(), threading.Event(), []

    def load():
        loads.append(2)
        begun.set()
        assert go_on.wait(20)
        return tiny_network(2)

    source = live([tiny_network(0), tiny_network(1), LazyNetwork(name="tiny2", title="Tiny 2", load=load)])
    with ThreadPoolExecutor(2) as pool:
        pairs = [pool.submit(source.pair, "tiny0", "tiny2") for _ in range(2)]
        assert begun.wait(20)
        assert [one.title for one in source.choices(REQUEST)] == ["tiny0", "tiny1", "Tiny 2"]
        assert source.pair("tiny1", "tiny0").networks[0].name == "tiny1"
        assert not any(pair.done() for pair in pairs)
        go_on.set()
        assert {pair.result().networks[1].name for pair in pairs} == {"tiny2"}
    assert loads == [2]


@pytest.mark.slow
def test_a_finished_delta_tells_how_reliable_it_is():
    few, many = (
        last(live(), request=MapRequest(smoothgrad=SmoothGradSpec(n_samples=n, noise_fraction=0.3))) for n in (4, 200)
    )
    assert few.delta_reliability < many.delta_reliability <= 1
    assert many.delta_reliability > 0.9
    assert np.isnan(last(live(), request=MapRequest(method="saliency")).delta_reliability)


def test_descriptions_come_from_the_card():
    network = tiny_network(0)
    network.card = {
        "network": {"name": "tiny0", "licence": "MIT"},
        "data": {"osie": {"role": "maps", "n_train": 3}},
        "metrics": {"accuracy": 0.812345, "rho": [0.5, 0.25]},
    }
    info = live((network, tiny_network(1))).networks[0]
    assert info.summary == {
        "network: licence": "MIT",
        "data: osie, role": "maps",
        "data: osie, n_train": "3",
        "metrics: accuracy": "0.8123",
        "metrics: rho": "0.5, 0.25",
    }
    assert info.input_px == (16, 16)
    assert info.layers == ("block0",)


@pytest.mark.parametrize(("weight", "told"), [(0.0, False), (1.0, True)])
def test_a_card_names_the_maps_that_its_training_looked_at(weight, told):
    found = summary({"recipe": {"attention_weight": weight, "maps": "simulated ClickMe maps"}})
    assert ("recipe: maps" in found) is told


@pytest.mark.parametrize(
    ("learnt", "held_out", "told"),
    [
        (0, 0, "125 not known to be learnt from"),
        (0, 125, "125 held out"),
        (5, 100, "5 learnt from, 100 held out, 20 not known to be learnt from"),
    ],
)
def test_what_a_network_learnt_from_of_the_measured_images_is_told_in_words(learnt, held_out, told):
    images = {"name": "osie", "role": "maps", "n": 125, "n_learnt_from": learnt, "n_held_out": held_out}
    found = summary({"metrics": {"images": [images]}})
    assert found == {
        "metrics: osie maps, role": "maps", "metrics: osie maps, n": "125", "metrics: osie maps, training": told
    }  # fmt: skip


def test_known_parts_are_outlined_in_the_frame_and_unknown_ones_are_not():
    class Known(TinyCollection):
        outlined = "diagnostic parts"

        def regions(self, image):
            mask = np.zeros((20, 24), bool)
            mask[:10, 12:] = True
            return {"diagnostic": mask}

    source = live(collection=Known())
    mask = source.outline("one")
    assert source.outlined == "diagnostic parts"
    assert mask.shape == source.view("one").shape[:2]
    assert float(mask[0, -1]) == 1
    assert float(mask[-1, 0]) == 0
    assert live().outlined == ""
    assert live().outline("one") is None
