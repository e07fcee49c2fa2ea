"""A block of a store holds what the notebook's functions give for the same images."""

import numpy as np
import pytest
import xarray as xr

from gala_viz.alignment import N_PARTNERS, PartnerImages, noise_ceiling, spearman, to_resolution
from gala_viz.batch.block import block_values
from gala_viz.batch.described import store_spec
from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.collections import open_collection
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.forward import attention_norms
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.human_maps import CEILING
from gala_viz.networks.zoo import load_network
from gala_viz.specs import SmoothGradSpec
from gala_viz.store.layout import arrays_of
from tests.batch import lab

SPEC = SmoothGradSpec(n_samples=4, seed=3)


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    photos, maps = lab.photographs(root, broken=(4,))
    networks = [load_network(folder, "cpu") for folder in lab.networks(root)]
    return open_collection(photos, human_maps=maps), networks


def spec_for(corner, methods=None, **options):
    collection, networks = corner
    methods = methods or {"smoothgrad": SPEC, "grad_cam": None}
    return store_spec(collection, collection.images, networks, methods, opened_as="here", **options)


@pytest.fixture(scope="module")
def block(corner):
    collection, networks = corner
    spec = spec_for(corner)
    values, faults = block_values(spec, collection, networks, collection.images)
    assert faults.not_finite == {}
    return spec, values, faults.unreadable


def readable(collection):
    return [image for image in collection.images if image != "hare/04.png"]


def test_a_block_has_every_array_of_the_store_in_its_shape(corner, block):
    spec, values, _ = block
    shapes = {one.path: one.shape(10) for one in arrays_of(spec) if one.path not in ("status", "note")}
    assert {path: array.shape for path, array in values.items()} == shapes
    assert "gala/attention_norm/group2.block1/norm" in values
    assert "gala/grad_cam/standard_error" not in values, "a method without chance has no error"


def test_an_unreadable_photograph_is_told_and_leaves_nothing(corner, block):
    collection, _ = corner
    _, values, unreadable = block
    assert list(unreadable) == ["hare/04.png"]
    row = collection.images.index("hare/04.png")
    assert np.isnan(values["plain/smoothgrad/map"][row]).all()
    assert values["plain/top_index"][row].tolist() == [-1] * 5
    assert np.isnan(values["scores/correct"][:, row]).all()


def test_maps_and_their_errors_are_those_of_a_notebook(corner, block):
    collection, networks = corner
    spec, values, _ = block
    rows = [collection.images.index(image) for image in readable(collection)]
    for network in networks:
        expected = smoothgrad(network, collection, SPEC, readable(collection), return_error=True)
        np.testing.assert_allclose(values[f"{network.name}/smoothgrad/map"][rows], expected["map"], rtol=1e-5)
        error = values[f"{network.name}/smoothgrad/standard_error"][rows]
        np.testing.assert_allclose(error, expected["standard_error"], rtol=1e-5)
        cam = attribution_maps(network, collection, "grad_cam", None, readable(collection))
        np.testing.assert_allclose(values[f"{network.name}/grad_cam/map"][rows], cam, rtol=1e-5)
        assert values[f"{network.name}/smoothgrad/explained"][rows].tolist() == expected["explained"].values.tolist()
    assert spec.methods["smoothgrad"] == {
        "n_samples": 4, "noise_fraction": 0.15, "seed": 3, "title": "SmoothGrad", "units": "logits per input unit",
        "by_chance": True,
    }  # fmt: skip


def test_norms_choices_and_scores_are_those_of_a_notebook(corner, block):
    collection, networks = corner
    _, values, _ = block
    images = readable(collection)
    rows = [collection.images.index(image) for image in images]
    gala = networks[1]
    norms = attention_norms(gala, collection, images)["group2.block1"]
    np.testing.assert_allclose(values["gala/attention_norm/group2.block1/norm"][rows], norms, rtol=1e-5)
    np.testing.assert_array_equal(values["gala/top_index"][rows, 0], norms["predicted"])
    np.testing.assert_allclose(values["gala/top_probability"][rows, 0], norms["probability"], rtol=1e-5)
    truth = [lab.CATEGORIES.index(collection.category(image)) for image in images]
    np.testing.assert_array_equal(values["scores/correct"][1, rows], norms["predicted"] == truth)
    for row, image in zip(rows[:3], images[:3], strict=True):
        human = gala.preprocessing.map_to_frame(collection.human_map(image))
        saliency = smoothgrad(gala, collection, SPEC, [image]).isel(image=0, drop=True)
        rho = spearman(to_resolution(saliency), to_resolution(human))
        assert values["scores/rho"][0, 1, row] == pytest.approx(float(rho), abs=1e-6)
        layer = spearman(norms.sel(image=image).values, to_resolution(human, norms.shape[1:]).values)
        assert values["scores/rho_attention"][1, 0, row] == pytest.approx(float(layer), abs=1e-6)
        np.testing.assert_allclose(values["human/map"][row], to_resolution(human), rtol=1e-6)
        size = np.abs(delta(values["plain/smoothgrad/map"][row], values["gala/smoothgrad/map"][row])).mean()
        assert values["scores/delta_size"][0, 0, 1, row] == pytest.approx(size, rel=1e-5)
    assert np.isnan(values["scores/rho_attention"][0]).all(), "the plain network has no layer"
    assert np.isnan(values["scores/rho"][:, :, 9]).all(), "nobody marked the last image"


def test_the_ceiling_is_the_split_half_one(corner, block):
    collection, networks = corner
    _, values, _ = block
    image = collection.images[1]
    maps = collection.participant_maps(image)
    framed = [networks[0].preprocessing.map_to_frame(one.assign_attrs(maps.attrs)) for one in maps]
    stacked = np.stack([to_resolution(one).values for one in framed])
    labelled = xr.DataArray(stacked, dims=("participant", "y", "x"), coords={"participant": ["a", "b", "c"]})
    assert values["scores/ceiling"][1] == pytest.approx(noise_ceiling({image: labelled}, spec=CEILING).rho, abs=1e-6)


def test_coarser_maps_are_area_averages_and_errors_can_be_left_out(corner, block):
    collection, networks = corner
    spec = spec_for(corner, {"smoothgrad": SPEC}, cells=8, errors=False)
    values, _ = block_values(spec, collection, networks, collection.images)
    assert "gala/smoothgrad/standard_error" not in values
    full = block[1]["gala/smoothgrad/map"]
    np.testing.assert_allclose(values["gala/smoothgrad/map"], full.reshape(10, 8, 4, 8, 4).mean(axis=(2, 4)), rtol=1e-5)
    np.testing.assert_allclose(values["scores/rho"][0], block[1]["scores/rho"][0], rtol=1e-5)


def test_true_categories_are_explained_where_they_are_known(corner):
    collection, networks = corner
    spec = spec_for(corner, {"saliency": None}, target="label")
    images = readable(collection)[2:6]
    values, _ = block_values(spec, collection, networks, images)
    truth = [lab.CATEGORIES.index(collection.category(image)) for image in images]
    assert set(truth) == {0, 1}
    assert values["gala/saliency/explained"].tolist() == truth


def test_a_block_is_the_same_whatever_was_computed_before(corner):
    collection, networks = corner
    spec = spec_for(corner, {"smoothgrad": SPEC})
    first, _ = block_values(spec, collection, networks, collection.images[2:6])
    block_values(spec, collection, networks, collection.images[:2])
    again, _ = block_values(spec, collection, networks, collection.images[2:6])
    for path, values in first.items():
        np.testing.assert_array_equal(values, again[path])


def test_floors_are_likeness_to_the_maps_of_other_images(corner, block):
    collection, networks = corner
    _, values, _ = block
    row = 5
    image = collection.images[row]
    marked = [one for one in collection.images if collection.has_human_map(one)]
    orders = PartnerImages(marked, [collection.category(one) for one in marked]).orders(
        image, collection.category(image)
    )
    drawn = {kind: list(order)[:N_PARTNERS] for kind, order in orders.items()}
    assert all(drawn.values())
    frame = networks[1].preprocessing
    own = to_resolution(smoothgrad(networks[1], collection, SPEC, [image])).values[0]
    for kind, others in drawn.items():
        rhos = [spearman(own, to_resolution(frame.map_to_frame(collection.human_map(one))).values) for one in others]
        assert values[f"scores/floor_{kind}"][0, 1, row] == pytest.approx(np.mean(rhos), abs=1e-6)
