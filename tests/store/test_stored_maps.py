"""A store shows what the networks themselves would: the same predictions, maps, deltas and scores."""

import gc
import io
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
import zarr

from gala_viz.attribution.grad_cam import cam_layer_path
from gala_viz.batch.described import store_spec
from gala_viz.batch.job import Job
from gala_viz.batch.run import run_here
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.engine.results.scores import FLOORS, METRICS
from gala_viz.live import LiveMaps
from gala_viz.networks.zoo import load_network
from gala_viz.panels.compare.main_row_content import main_row_content
from gala_viz.plots.figures.specs import ComparisonSpec, draw_figure
from gala_viz.specs import MapRequest, SecondMap, SmoothGradSpec
from gala_viz.store.creation import create_store
from gala_viz.store.stored_maps import StoredMaps
from gala_viz.store.zarr_store import Store, StoreError
from tests.batch import lab
from tests.collections.pictures import encoded, gradient

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=6, seed=2))


def never():
    return False


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    photos, maps = lab.photographs(root, count=6, broken=(2,))
    folders = lab.networks(root)
    networks = [load_network(folder, "cpu") for folder in folders]
    collection = open_collection(photos, human_maps=maps)
    spec = store_spec(
        collection, collection.images, networks, {"smoothgrad": REQUEST.smoothgrad, "saliency": None}, block_images=4,
        opened_as=str(photos), human_maps=str(maps), networks_as=[str(folder) for folder in folders],
    )  # fmt: skip
    create_store(root / "maps.zarr", spec, collection.images)
    job = Job(
        store=str(root / "maps.zarr"), fingerprint=spec.fingerprint, collection=str(photos),
        human_maps=str(maps), device="cpu", networks=tuple(map(str, folders)),
    )  # fmt: skip
    assert run_here(job, [0]).failed == {}
    return root / "maps.zarr", collection, networks


@pytest.fixture
def live(corner, tmp_path):
    _, collection, networks = corner
    return LiveMaps(collection, networks, tmp_path / "cache")


@pytest.fixture
def stored(corner):
    path, collection, _ = corner
    return StoredMaps(Store(path), collection)


def test_it_begins_with_what_is_stored(stored):
    assert stored.request == replace(REQUEST, smoothing_px=2.0), "drawn with some smoothing, scored without"
    assert stored.methods == {"smoothgrad": "SmoothGrad", "saliency": "Gradient"}
    assert [network.title for network in stored.networks] == ["Plain", "Gala"]
    assert stored.networks[0].device.startswith("stored, computed on CPU")
    assert dict(stored.skipped).keys() == {"hare/02.png"}


def test_predictions_and_attention_are_those_of_the_networks(stored, live, corner):
    image = corner[1].images[2]
    one, other = stored.forward(image), live.forward(image)
    for first, second in zip(one.predictions, other.predictions, strict=True):
        assert (first.indices, first.categories, first.correct) == (second.indices, second.categories, second.correct)
        np.testing.assert_allclose(first.probabilities, second.probabilities, rtol=1e-5)
    assert one.attention_norms[0] == {}
    for layer, norm in other.attention_norms[1].items():
        np.testing.assert_allclose(one.attention_norms[1][layer], norm, rtol=1e-5)
        np.testing.assert_array_equal(one.attention_norms[1][layer].y, norm.y)
    assert stored.info(image) == replace(live.info(image), size_px=None)
    np.testing.assert_array_equal(stored.view(image), live.view(image))
    np.testing.assert_array_equal(stored.human_map(image), live.human_map(image))
    assert stored.participants(image) == ("a", "b", "c")
    assert stored.outline(image) is None
    assert stored.thumbnail(image)[:4] == b"RIFF"


@pytest.mark.parametrize("change", [{}, {"method": "saliency"}, {"normalise": "sum"}, {"smoothing_px": 2.0}])
def test_maps_deltas_and_scores_are_those_of_the_networks(stored, live, corner, change):
    image, request = corner[1].images[2], replace(REQUEST, **change)
    (update,) = stored.maps(image, request, never)
    *_, expected = live.maps(image, request, never)
    np.testing.assert_allclose(update.maps, expected.maps, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(update.delta, expected.delta, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(update.delta.x, expected.delta.x)
    assert update.targets == expected.targets
    assert (update.n, update.n_samples, update.done) == (expected.n, expected.n_samples, True)
    np.testing.assert_allclose(update.sigma, expected.sigma, rtol=1e-5)
    if not change:
        np.testing.assert_allclose(update.standard_error, expected.standard_error, rtol=1e-3, atol=1e-6)
    if "smoothing_px" not in change:
        for name in ("rho", "dice", "iou", "fraction", "correct", "ceiling"):
            np.testing.assert_allclose(update.scores[name], expected.scores[name], atol=1e-4)


def test_scores_with_one_participants_map_and_of_the_map_as_drawn_are_those_of_the_networks(stored, live, corner):
    image = corner[1].images[2]
    for change in ({"participant": "b"}, {"smoothing_px": 2.0}, {"participant": "b", "smoothing_px": 1.0}):
        request = replace(REQUEST, **change)
        update, (*_, expected) = stored.cached(image, request), live.maps(image, request, never)
        assert set(expected.scores) - {"floor_same", "floor_different"} <= set(update.scores)
        for name in ("rho", "rho_drawn", "dice", "ceiling", "rho_attention"):
            if name in expected.scores:
                np.testing.assert_allclose(
                    update.scores[name].reindex_like(expected.scores[name]), expected.scores[name], atol=1e-4
                )


def test_scores_of_all_images_are_with_the_first_kind_alone(stored):
    (first,) = stored.map_kinds
    assert np.isfinite(stored.scores(replace(REQUEST, human_map=first)).rho).any()


@pytest.fixture(scope="module")
def signed_store(tmp_path_factory):
    """A store of signed sums in which somebody, as version 0.1 did, kept scores."""
    root = tmp_path_factory.mktemp("signed")
    photos, maps = lab.photographs(root, count=3)
    folders = lab.networks(root)
    collection = open_collection(photos, human_maps=maps)
    spec = store_spec(
        collection, collection.images, [load_network(folder, "cpu") for folder in folders],
        {"smoothgrad": REQUEST.smoothgrad}, reduction="signed", opened_as=str(photos), human_maps=str(maps),
        networks_as=[str(folder) for folder in folders],
    )  # fmt: skip
    create_store(root / "maps.zarr", spec, collection.images)
    job = Job(
        store=str(root / "maps.zarr"), fingerprint=spec.fingerprint, collection=str(photos),
        human_maps=str(maps), device="cpu", networks=tuple(map(str, folders)),
    )  # fmt: skip
    assert run_here(job, [0]).failed == {}
    return root / "maps.zarr", collection


def test_a_signed_sum_orders_no_places_so_a_store_of_them_gives_no_rho(signed_store, monkeypatch):
    path, collection = signed_store
    request = replace(REQUEST, reduction="signed")
    names = [*METRICS, *FLOORS]
    for name in names:
        assert np.isnan(Store(path).column(f"scores/{name}")).all(), "none is written either"
    kept, read = Store.column, Store.read
    monkeypatch.setattr(
        Store, "column", lambda self, name: np.nan_to_num(kept(self, name)) if name[7:] in names else kept(self, name)
    )
    monkeypatch.setattr(
        Store, "read", lambda self, name, image: np.nan_to_num(read(self, name, image)) if name[7:] in names
        else read(self, name, image)
    )  # fmt: skip
    source = StoredMaps(Store(path), collection)
    assert source.request.reduction == "signed"
    scores, image = source.scores(request), source.cached(collection.images[0], request).scores
    for name in names:
        assert np.isnan(scores[name]).all(), name
    for name in METRICS:
        assert np.isnan(image[name]).all(), name
    assert np.isnan(image["fraction"]).all()
    assert all(choice.rho is None and choice.n_mapped == 0 for choice in source.choices(request))
    for there in (scores["rho_attention"].sel(network="gala"), scores["ceiling"], scores["delta_size"]):
        assert np.isfinite(there).any(), "what does not depend on the sum stays"
    assert np.isfinite(kept(Store(path), "scores/ceiling")).any()


@pytest.mark.parametrize("normalise", ["percentile", "sum", "none"])
def test_a_stored_delta_tells_what_a_computed_one_tells(stored, live, corner, normalise):
    image, request = corner[1].images[2], replace(REQUEST, normalise=normalise)
    update = stored.cached(image, request)
    *_, expected = live.maps(image, request, never)
    assert update.delta.attrs.items() >= expected.delta.attrs.items()
    degrees_of_freedom = (
        expected.delta_error.attrs.pop("degrees_of_freedom"),
        update.delta_error.attrs["degrees_of_freedom"],
    )
    assert degrees_of_freedom == (min(10, REQUEST.smoothgrad.n_samples) - 1, np.inf), "by jackknife, and pooled"
    assert update.delta_error.attrs.items() >= expected.delta_error.attrs.items()
    assert update.maps.attrs.items() >= expected.maps.attrs.items()


def test_smoothed_maps_have_errors_and_deltas_a_reliability(stored, live, corner):
    image = corner[1].images[2]
    smoothed = replace(REQUEST, smoothing_px=2.0)
    update = stored.cached(image, smoothed)
    *_, expected = live.maps(image, smoothed, never)
    assert update.delta_reliability == pytest.approx(expected.delta_reliability, abs=1e-3)
    for found, computed in (
        (update.standard_error, expected.standard_error),
        (update.delta_error, expected.delta_error),
    ):
        assert float(found.mean()) == pytest.approx(float(computed.mean()), rel=0.5), "two halves against ten groups"
    assert stored.cached(image, REQUEST).delta_reliability == pytest.approx(
        list(live.maps(image, REQUEST, never))[-1].delta_reliability, abs=1e-3
    )


def test_any_pair_of_a_stores_networks_can_be_shown(stored):
    swapped = stored.pair("gala", "plain")
    assert [network.name for network in swapped.networks] == ["gala", "plain"]
    choices = swapped.choices(REQUEST)
    assert [choice.name for choice in choices] == ["plain", "gala"]
    assert choices[0].n_mapped == 3
    np.testing.assert_allclose(choices[1].rho, float(stored.scores(REQUEST).rho[1].mean()), rtol=1e-6)
    with pytest.raises(StoreError, match="holds plain, gala; a page compares two of them"):
        stored.pair("plain", "other")


def test_scores_of_all_images_are_there_at_once(stored, live, corner):
    images = corner[1].images
    for _ in live.survey(REQUEST, images[:4], never):
        pass
    one, other = stored.scores(REQUEST), live.scores(REQUEST)
    assert one.sizes == other.sizes
    for name in ("correct", "rho", "dice", "iou", "rho_attention", "ceiling", "delta_size"):
        np.testing.assert_allclose(one[name][..., :4], other[name][..., :4], atol=1e-4, err_msg=name)
    assert one.attrs["ceiling_mean"] == pytest.approx(other.attrs["ceiling_mean"], abs=1e-4)
    (progress,) = stored.survey(REQUEST, images, never)
    assert (progress.done, progress.total) == (6, 6)
    other_n = replace(REQUEST, smoothgrad=SmoothGradSpec(n_samples=7))
    assert np.isnan(stored.scores(other_n)["rho"]).all()
    assert np.isfinite(stored.scores(other_n)["correct"][:, 0]).all()


def test_what_is_not_stored_is_told_or_asked_of_the_networks(corner, live):
    path, collection, _ = corner
    asked = []

    def make(names):
        asked.append(names)
        return live

    alone, backed = StoredMaps(Store(path), collection), StoredMaps(Store(path), collection, live=make)
    more = replace(REQUEST, smoothgrad=SmoothGradSpec(n_samples=7, seed=2))
    missing = collection.images[5]
    assert alone.cached(collection.images[2], more) is None
    for question in (
        lambda source: list(source.maps(collection.images[2], more, never)),
        lambda source: source.forward(missing),
        lambda source: source.add_upload("a.png", encoded(gradient())),
    ):
        with pytest.raises(ValueError, match=r"holds SmoothGrad, n_samples 6.* What you ask for is not in it"):
            question(alone)
        assert question(backed)
    assert asked == [("plain", "gala")], "the networks are made ready once"
    assert backed.cached(collection.images[2], more) is not None
    upload = backed.add_upload("b.png", encoded(gradient(50, 40)))
    assert backed.view(upload).shape == (32, 32, 3)
    assert backed.info(upload).category is None
    assert backed.human_map(upload) is None
    content = io.BytesIO()
    np.save(content, np.arange(20, dtype=np.float32).reshape(5, 4))
    mapped = backed.add_upload("b.npy", content.getvalue(), [upload])
    assert backed.info(mapped).map_filename == "b.npy"
    np.testing.assert_array_equal(backed.human_map(mapped), live.human_map(mapped))
    (update,) = [one for one in backed.maps(mapped, more, never) if one.done]
    assert np.isfinite(update.scores["rho"]).all()

    def broken(names):
        raise ValueError("the weights are gone")

    with pytest.raises(ValueError, match="The networks cannot be loaded for more: the weights are gone"):
        StoredMaps(Store(path), collection, live=broken).forward(missing)


def test_another_collection_or_another_pair_is_refused(corner, tmp_path):
    path, collection, _ = corner
    other, _ = lab.photographs(tmp_path, count=2)
    with pytest.raises(StoreError, match="is not, or no longer, the collection"):
        StoredMaps(Store(path), open_collection(other))
    with pytest.raises(StoreError, match=r"holds plain, gala; a page compares two of them, \('plain', 'other'\)"):
        StoredMaps(Store(path), collection, ("plain", "other"))
    swapped = StoredMaps(Store(path), collection, ("gala", "plain"))
    assert [network.name for network in swapped.networks] == ["gala", "plain"]
    image = collection.images[2]
    first, second = StoredMaps(Store(path), collection).cached(image, REQUEST), swapped.cached(image, REQUEST)
    np.testing.assert_allclose(first.delta, -second.delta, atol=1e-6)


def test_a_page_of_a_store_loads_no_network(corner):
    path, *_ = corner
    program = f"""
import sys
from gala_viz.commands.compare_app import load_source
from gala_viz.panels.compare.compare_options import CompareOptions
source = load_source(CompareOptions(store={str(path)!r}), lambda step: None)
image = source.images[2]
source.forward(image), source.cached(image, source.request), source.scores(source.request), source.view(image)
print("torch" in sys.modules, "captum" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_scores_that_were_computed_beside_the_store_are_told(corner, live):
    path, collection, _ = corner
    backed = StoredMaps(Store(path), collection, live=lambda names: live)
    more = replace(REQUEST, smoothgrad=SmoothGradSpec(n_samples=5, seed=9))
    image = collection.images[2]
    list(backed.survey(more, (image,), never))
    scores, stored = backed.scores(more), backed.scores(REQUEST)
    assert np.isfinite(scores["rho"].sel(image=image)).all()
    assert np.isfinite(scores["delta_size"].sel(image=image))
    assert np.isnan(scores["rho"].sel(image=[other for other in scores.image.values if other != image])).all()
    np.testing.assert_array_equal(scores["correct"], stored["correct"])


def test_networks_of_a_pair_that_no_page_shows_are_not_held(corner, live):
    path, collection, _ = corner
    made = []

    class Counted(LiveMaps):
        def pair(self, first, second):
            made.append(weakref.ref(source := super().pair(first, second)))
            return source

    live.__class__ = Counted
    store = StoredMaps(Store(path), collection, live=lambda names: live)
    swapped = store.pair("gala", "plain")
    missing = collection.images[5]
    swapped.forward(missing)
    store.forward(missing)
    live.pair = None  # nothing is made twice while it is shown
    swapped.forward(missing)
    del swapped
    gc.collect()
    assert [one() is None for one in made] == [True, False]


@pytest.fixture(scope="module", params=["last", "group2.block1"])
def grad_cam(request, tmp_path_factory):
    """A store with Grad-CAM at a layer, made by the command; its layer, path, collection and networks."""
    root = tmp_path_factory.mktemp("grad-cam")
    photos, maps = lab.photographs(root, count=3)
    folders = lab.networks(root)
    asked = ["attribute", "--store", str(root / "maps.zarr"), "--collection", str(photos), "--human-maps", str(maps)]
    asked += ["--networks", *map(str, folders), "--methods", "smoothgrad", "grad_cam", "--samples", "2"]
    asked += ["--cam-layer", request.param, "--workers", "0", "--device", "cpu"]
    assert main(asked) == 0
    networks = [load_network(folder, "cpu") for folder in folders]
    return request.param, root / "maps.zarr", open_collection(photos, human_maps=maps), networks


def test_a_store_shows_the_grad_cam_of_its_layer_alone(grad_cam, tmp_path):
    layer, path, collection, networks = grad_cam
    stored, image = StoredMaps(Store(path), collection), collection.images[0]
    assert stored.cam_layers() == (layer,)
    request = replace(stored.request, method="grad_cam")
    assert request.cam_layer == layer, "a page begins with what there is"
    update = stored.cached(image, request)
    *_, expected = LiveMaps(collection, networks, tmp_path / "cache").maps(image, request, never)
    np.testing.assert_allclose(update.maps, expected.maps, rtol=1e-4, atol=1e-6)
    assert np.isfinite(stored.scores(request)["rho"]).any()
    other = replace(request, cam_layer="group1")
    assert stored.cached(image, other) is None
    assert np.isnan(stored.scores(other)["rho"]).all(), "scores of one layer are not told of another"
    with pytest.raises(ValueError, match=rf"maps.zarr holds SmoothGrad, .*; Grad-CAM, layer {layer}, of"):
        list(stored.maps(image, other, never))


def test_two_methods_side_by_side_are_refused_by_a_store_alone_and_computed_beside_it(stored, live, corner):
    image = stored.images[0]
    request = replace(stored.request, second=SecondMap(method="saliency"))
    assert stored.cached(image, request) is None
    assert np.isnan(stored.scores(request)["rho"]).all()
    assert [one.rho for one in stored.choices(request)] == [one.rho for one in stored.choices(stored.request)]
    with pytest.raises(ValueError, match="do not stand in it side by side: choose one method, target and layer"):
        list(stored.maps(image, request, never))


def test_page_figure_and_caption_from_a_store_name_the_layer_of_grad_cam(grad_cam, tmp_path):
    layer, path, collection, networks = grad_cam
    at = cam_layer_path(networks[0], torch.zeros(1, 3, 32, 32), layer)
    stored, image = StoredMaps(Store(path), collection), collection.images[0]
    assert Store(path).tree()["gala/grad_cam"]["map"].attrs["layer_path"] == at, "in the store's own arrays too"
    request = replace(stored.request, method="grad_cam")
    update = stored.cached(image, request)
    assert update.maps.attrs["layer_path"] == at
    content = main_row_content(stored.networks, stored.forward(image), update, None, methods=stored.methods)
    assert content.units["a"] == "logits times activity"
    assert [content.captions[side].split(" for ")[0] for side in "ab"] == [f"Grad-CAM at {at}"] * 2
    assert "layer_path" not in stored.cached(image, stored.request).maps.attrs, "SmoothGrad has no layer"
    live = LiveMaps(collection, networks, tmp_path / "cache")
    spec = ComparisonSpec(images=(image,), columns=("first", "delta"), dpi=60, request=request)
    for source in (stored, live):
        result = draw_figure(source, spec)
        assert f"Grad-CAM at {at}: of each network's own first choice" in result.caption
        assert result.maps.attrs["layer_path"] == at
        assert any(axes.get_title().replace("\n", " ").startswith(f"Grad-CAM at {at}") for axes in result.figure.axes)


def test_a_store_of_before_does_not_tell_its_layer_and_is_found_as_it_is(grad_cam, tmp_path):
    layer, path, collection, _ = grad_cam
    shutil.copytree(path, tmp_path / "old.zarr")
    for network in ("plain", "gala"):
        del zarr.open_group(tmp_path / "old.zarr", mode="r+", use_consolidated=False)[f"{network}/grad_cam/map"].attrs[
            "layer_path"
        ]
    store = Store(tmp_path / "old.zarr")
    paths = {"plain": "relu", "gala": "relu"}
    assert create_store(store.path, store.spec, store.images, cam_paths=paths).layer_path("gala", "grad_cam") == ""
    stored = StoredMaps(store, collection)
    update = stored.cached(collection.images[0], replace(stored.request, method="grad_cam"))
    assert "layer_path" not in update.maps.attrs
    assert update.maps.attrs["layer"] == layer


def test_a_store_whose_layer_has_another_meaning_now_is_not_extended(grad_cam):
    _, path, _, _ = grad_cam
    store = Store(path)
    with pytest.raises(StoreError, match=r"Grad-CAM of gala is at .*, and would now be at group1"):
        create_store(path, store.spec, store.images, cam_paths={"gala": "group1"})


def test_the_command_tells_of_a_layer_that_a_network_does_not_have(grad_cam, tmp_path, capsys):
    _, path, *_ = grad_cam
    networks = [str(path.parent / name) for name in ("plain", "gala")]
    asked = ["attribute", "--store", str(tmp_path / "new.zarr"), "--collection", str(path.parent / "photos")]
    asked += ["--networks", *networks, "--workers", "0", "--device", "cpu", "--cam-layer"]
    assert main([*asked, "group2.block1.attention", "--methods", "grad_cam"]) == 2
    assert "plain: no module called 'group2.block1.attention'" in capsys.readouterr().err
    assert main([*asked, "group2"]) == 2
    assert "--cam-layer is of the method grad_cam" in capsys.readouterr().err
    assert not (tmp_path / "new.zarr").exists()


def test_a_store_alone_has_no_networks_that_could_answer_to_a_changed_photograph(stored, live, corner):
    path, collection, _ = corner
    image, mask = collection.images[3], np.zeros(stored.networks[0].input_px)
    mask[20:, :40] = 1
    for ask in (
        lambda source: source.perturb(image, mask, "grey", "own", never),
        lambda source: list(source.reveal_curve(image, mask, "grey", "own", never)),
    ):
        with pytest.raises(ValueError, match=r"maps.zarr holds maps and no networks.*Open the page with the networks"):
            ask(stored)
    beside = StoredMaps(Store(path), collection, live=lambda names: live)
    for one, other in zip(
        beside.perturb(image, mask, "phase", "own", never).answers,
        live.perturb(image, mask, "phase", "own", never).answers,
        strict=True,
    ):
        assert one == other
    (update,) = beside.reveal_curve(image, mask, "grey", "own", never, percents=[5])
    assert update.done


def test_a_painted_map_has_the_scores_that_the_networks_themselves_give_it(stored, live):
    image = stored.images[0]
    points = np.random.default_rng(2).uniform(5, min(stored.photo_cut(image).size_px) - 5, (60, 2))
    for _ in live.maps(image, stored.request, never):
        pass
    expected, results = (
        live.painted_results(image, points, stored.request),
        stored.painted_results(image, points, stored.request),
    )
    assert stored.photo_cut(image) == live.photo_cut(image)
    np.testing.assert_array_equal(results.human_map.values, expected.human_map.values)
    np.testing.assert_allclose(results.rhos, expected.rhos, atol=2e-3)
    assert results.rho_people == pytest.approx(expected.rho_people, abs=1e-12)
    assert np.isfinite([*results.rhos, results.rho_people]).all()
