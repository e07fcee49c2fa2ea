"""Maps that other software computed, in the place of a network: imported, opened, compared, and what is not known."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from PIL import Image
from scipy.stats import spearmanr

from gala_viz.collections import open_collection
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.network_maps import open_network_maps, stored_map
from gala_viz.commands.convert import Arguments
from gala_viz.engine.results.prediction import Prediction
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import estimate_row, image_rows
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.live import LiveMaps
from gala_viz.networks.imported_maps import MissingMapError
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.zoo import load_network
from gala_viz.panels.markup import top_five_predictions
from gala_viz.panels.progress_view import standard_error_percent
from gala_viz.specs import MapRequest, SmoothGradSpec
from gala_viz.store.source import NetworkInfo
from tests.attribution.tiny import tiny_network

NAMES = ("a", "b", "c", "d")
SIDE = 224
CELLS = 56


def smooth_noise(*seed: int) -> np.ndarray:
    """A map of 224 x 224 px whose cells of 4 px are equal, so that its 56 x 56 area averages are these cells."""
    return np.kron(np.random.default_rng(seed).random((CELLS, CELLS)), np.ones((4, 4))).astype(np.float32)


def cells(values: np.ndarray) -> np.ndarray:
    return values.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean((1, 3)).ravel()


PEOPLE = {
    name: [smooth_noise(0, row, one) + smooth_noise(0, row, 9) for one in (1, 2)] for row, name in enumerate(NAMES)
}
MAPS = {name: smooth_noise(1, row) + PEOPLE[name][0] for row, name in enumerate(NAMES)}


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Four photographs of 224 x 224 px, with maps of two participants beside."""
    for folder in ("photos", "people"):
        (tmp_path / folder).mkdir()
    for row, name in enumerate(NAMES):
        pixels = np.random.default_rng(row).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
        np.savez(tmp_path / "people" / f"{name}.npz", maps=np.stack(PEOPLE[name]), participants=np.array(["p", "q"]))
    return tmp_path / "photos"


def stack(names=NAMES) -> np.ndarray:
    return np.stack([MAPS[name] for name in names])


def write_folder(path: Path) -> Path:
    path.mkdir()
    for name in NAMES:
        np.save(path / f"{name}.npy", MAPS[name])
    (path / "notes.txt").write_text("made by somebody")
    return path


def write_npy(path: Path) -> Path:
    np.save(path.with_suffix(".npy"), stack()[:, None])
    path.with_suffix(".txt").write_text("\n".join(f"{name}.png" for name in NAMES))
    return path.with_suffix(".npy")


def write_npz(path: Path) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), maps=stack(), names=np.array(NAMES))
    return path.with_suffix(".npz")


def labelled() -> xr.Dataset:
    array = xr.DataArray(stack(), dims=("image", "y", "x"), coords={"image": np.array(NAMES, dtype=object)})
    return xr.Dataset({"attribution": array, "other": ("image", np.zeros(4))})


def write_netcdf3(path: Path) -> Path:
    labelled().to_netcdf(path.with_suffix(".nc"), engine="scipy")
    return path.with_suffix(".nc")


def write_netcdf4(path: Path) -> Path:
    with h5py.File(path.with_suffix(".nc"), "w") as file:
        file["image"] = np.array(NAMES, dtype=h5py.string_dtype())
        for dim in ("y", "x"):
            file[dim] = np.arange(SIDE)
        file["attribution"] = stack()
        for number, dim in enumerate(("image", "y", "x")):
            file[dim].make_scale(dim)
            file["attribution"].dims[number].attach_scale(file[dim])
    return path.with_suffix(".nc")


def write_zarr(path: Path) -> Path:
    labelled().to_zarr(path.with_suffix(".zarr"), consolidated=False)
    return path.with_suffix(".zarr")


def imported(source: Path, photographs: Path, name: str = "lab", **options):
    out = photographs.parent / name
    Arguments(kind="maps", checkpoint=source, out=out, collection=str(photographs), **options).run()
    return load_network(out)


@pytest.mark.parametrize("write", [write_folder, write_npy, write_npz, write_netcdf3, write_netcdf4, write_zarr])
def test_maps_of_every_form_open_as_a_network_without_answers(write, photographs, capsys):
    network = imported(write(photographs.parent / "maps"), photographs, method="LRP", smoothing="none")
    for name in NAMES:
        np.testing.assert_allclose(network.maps.map(f"{name}.png"), MAPS[name], rtol=1e-6)
    told = capsys.readouterr().out
    assert "4 maps of photos, 0 images without one" in told
    assert network.categories == network.layers == ()
    assert "method: LRP" in network.maps.text()
    assert "sign: not told; no value is below 0" in network.maps.text()
    with pytest.raises(ValueError, match="answers to no photograph"):
        network.logits(network.to_batch([np.zeros((SIDE, SIDE, 3), np.uint8)]))
    if write is write_folder:
        assert "notes.txt" in told or "*.txt" in told


def test_what_cannot_be_used_is_passed_over_by_name_and_counted(photographs, capsys):
    bad = MAPS["b"].copy()
    bad[0, 0] = np.nan
    maps = np.stack([MAPS["a"], bad, np.ones_like(bad), MAPS["d"], MAPS["a"], MAPS["a"]])
    np.savez(photographs.parent / "maps.npz", maps=maps, names=np.array(["a", "b", "c", "d.png", "a.png", "e"]))
    network = imported(photographs.parent / "maps.npz", photographs)
    told = capsys.readouterr().out
    assert "passed over: b: a map's values are finite numbers; 1 of" in told
    assert "passed over: c: all of its values are 1" in told
    assert "passed over: a.png: comes second for a.png, after a." in told
    assert "passed over: e: fits no image" in told
    assert "2 maps of photos, 2 images without one" in told
    assert ("a.png" in network.maps, "b.png" in network.maps) == (True, False)
    with pytest.raises(MissingMapError, match=r"lab has no map of b\.png"):
        network.maps.map("b.png")


@pytest.mark.parametrize(
    ("maps", "names", "options", "told"),
    [
        (-stack(), NAMES, {}, "a: values below 0 are there"),
        (stack(), NAMES[:3], {}, "4 maps need as many names; got 3"),
        (stack().astype(object), NAMES, {}, "never unpickled"),
        (stack().astype(complex), NAMES, {}, "complex"),
        (stack()[:, :100], NAMES, {}, "none of its 4 maps can be used"),
        (stack()[:, :100], NAMES, {"covers": "crop"}, "none of its 4 maps can be used"),
        (stack(), ("e", "f", "g", "h"), {}, "none of its 4 maps can be used"),
        (stack(), NAMES, {"crop_px": 224}, "--crop-px is not for maps"),
    ],
)
def test_maps_that_would_be_misread_are_refused(maps, names, options, told, photographs):
    np.savez(photographs.parent / "maps.npz", maps=maps, names=np.array(names))
    with pytest.raises(ValueError, match=told):
        imported(photographs.parent / "maps.npz", photographs, **options)
    assert not (photographs.parent / "lab" / "card.toml").exists()


def test_signs_are_as_declared_and_a_crop_lies_in_the_centre(photographs):
    np.savez(photographs.parent / "maps.npz", maps=-stack()[:, :112, :112], names=np.array(NAMES))
    signed = imported(photographs.parent / "maps.npz", photographs, "signed", sign="signed", covers="crop")
    larger = imported(photographs.parent / "maps.npz", photographs, "larger", sign="importance", covers="squashed")
    np.testing.assert_allclose(signed.maps.map("a.png"), np.abs(MAPS["a"][:112, :112]))
    expected = MAPS["a"][:112, :112].max() - MAPS["a"][:112, :112]
    np.testing.assert_allclose(larger.maps.map("a.png"), expected, atol=1e-6)
    assert signed.preprocessing.frame(256, 256) == (16, 16, 240, 240)
    assert larger.preprocessing.frame(256, 300) == (0, 0, 300, 256)


def test_evidence_for_and_against_side_by_side_does_not_cancel():
    values = np.full((448, 448), 0.1)
    values[:224, :224] = np.where(np.indices((224, 224)).sum(axis=0) % 2, 1, -1)
    stored = stored_map(values, "squashed", "signed", (448, 448), None)
    assert stored.shape == (224, 224)
    np.testing.assert_allclose(stored[:112, :112], 1)
    np.testing.assert_allclose(stored[112:, 112:], 0.1, rtol=1e-6)
    with pytest.raises(MapFileError, match="all of its sizes are 1"):
        stored_map(np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0), "squashed", "signed", (8, 8), None)


@pytest.mark.parametrize("engine", ["scipy", "h5py"])
def test_packed_values_are_unpacked_and_missing_ones_refused(tmp_path, engine):
    packed = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    packed[1, 0, 0] = 255
    attrs = {"_FillValue": packed.dtype.type(255), "scale_factor": -0.5, "add_offset": 2.0}
    path = tmp_path / "maps.nc"
    if engine == "scipy":
        attrs["_FillValue"] = np.int16(255)
        variable = (("image", "y", "x"), packed.astype(np.int16), attrs)
        xr.Dataset({"map": variable}, {"image": ["a", "b"]}).to_netcdf(path, engine="scipy")
    else:
        with h5py.File(path, "w") as file:
            array = file.create_dataset("map", data=packed)
            file.create_dataset("image", data=["a", "b"], dtype=h5py.string_dtype())
            for axis, name in enumerate(("image", "y", "x")):
                array.dims[axis].label = name
            for name, value in attrs.items():
                array.attrs[name] = value
    maps = open_network_maps(path)
    np.testing.assert_allclose(maps.read(0), 2 - 0.5 * packed[0])
    assert np.isnan(maps.read(1)[0, 0])


def test_a_store_whose_chunk_is_a_link_out_of_it_is_refused(tmp_path):
    xr.Dataset({"map": (("image", "y", "x"), np.ones((1, 2, 2)))}, {"image": ["a"]}).to_zarr(tmp_path / "m.zarr")
    (tmp_path / "elsewhere").write_bytes(b"0" * 32)
    (tmp_path / "m.zarr" / "map" / "c" / "9").parent.mkdir(exist_ok=True)
    (tmp_path / "m.zarr" / "map" / "c" / "9").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MapFileError, match="leaves it and is not followed"):
        open_network_maps(tmp_path / "m.zarr")


def test_a_damaged_folder_is_refused(photographs):
    imported(write_npz(photographs.parent / "maps"), photographs)
    path = photographs.parent / "lab" / "maps.npy"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(WeightsError, match="damaged"):
        load_network(photographs.parent / "lab")


def test_rho_and_ceiling_of_imported_maps_are_those_by_hand(photographs):
    names = NAMES[:3]  # of d there is no map
    np.savez(photographs.parent / "maps.npz", maps=stack(names), names=np.array(names))
    lab = imported(photographs.parent / "maps.npz", photographs, method="LRP")
    tiny = tiny_network(0, short_px=224)
    collection = open_collection(photographs, human_maps=photographs.parent / "people")
    spec = EvaluationSpec(split="all", smoothgrad=SmoothGradSpec(n_samples=1), n_resamples=100)
    found = evaluate({"lab": lab}, collection, spec)
    values = found.image_metrics["lab"]
    for name in names:
        people = cells(np.mean(PEOPLE[name], 0))
        rho = spearmanr(cells(MAPS[name]), people).statistic
        ceiling = spearmanr(*map(cells, PEOPLE[name])).statistic
        assert float(values["rho_smoothgrad"].sel(image=f"{name}.png")) == pytest.approx(rho, abs=1e-6)
        assert float(values["ceiling_smoothgrad"].sel(image=f"{name}.png")) == pytest.approx(ceiling, abs=1e-6)
    assert np.isnan(values["rho_smoothgrad"].sel(image="d.png"))
    assert "correct" not in values
    mean = next(one for one in found.estimates if one.key.metric == "rho_smoothgrad" and one.who == "lab")
    assert mean.interval.n == 3
    told = " ".join(found.notes)
    assert "lab: 3 maps computed elsewhere (method: LRP; they cover: the whole photograph" in told
    assert "lab: 1 image has no map, of 4" in told
    assert "same everywhere" not in told
    both = evaluate({"tiny": tiny, "lab": lab}, collection, spec)
    assert both.image_metrics["tiny"]["rho_smoothgrad"].notnull().all()
    assert both.image_metrics["lab"]["rho_smoothgrad"].notnull().sum() == 3
    for rows in (image_rows(both), [estimate_row(both, one) for one in both.estimates]):
        told = {row["who"]: row["imported_maps"] for row in rows}
        assert (told["lab"], told["tiny"]) == ("LRP, imported", "")
    with pytest.raises(ValueError, match="computes maps in its own way"):
        evaluate({"lab": lab}, collection, EvaluationSpec(split="all", protocol="clickme-2025"))


def never() -> bool:
    return False


def test_a_page_shows_imported_maps_and_says_what_is_not_known(photographs, tmp_path):
    names = NAMES[:3]
    np.savez(photographs.parent / "maps.npz", maps=stack(names), names=np.array(names))
    np.savez(photographs.parent / "more.npz", maps=stack(names)[::-1], names=np.array(names))
    lab = imported(photographs.parent / "maps.npz", photographs, method="LRP")
    other = imported(photographs.parent / "more.npz", photographs, "other")
    collection = open_collection(photographs, human_maps=photographs.parent / "people")
    source = LiveMaps(collection, [tiny_network(0, short_px=224), lab, other], tmp_path / "cache")
    request = MapRequest(smoothgrad=SmoothGradSpec(n_samples=2))
    *_, update = source.maps("a.png", request, never)
    assert update.done
    assert update.targets[1] == -1
    assert [update.attrs_of(number)["method"] for number in range(2)] == ["smoothgrad", "LRP, imported"]
    assert update.attrs_of(1)["units"] == "unit not known"
    assert np.isnan(update.standard_error.values[1]).all()
    assert (
        "lab (imported maps): computed elsewhere (LRP), not as the settings say; its own error is not known"
        in update.note
    )
    sampled = update.maps.values[0], update.standard_error.values[0]
    share = 100 * np.linalg.norm(sampled[1]) / np.linalg.norm(sampled[0])
    assert standard_error_percent(update) == pytest.approx(share)
    prediction = source.forward("a.png").predictions[1]
    assert (prediction.categories, prediction.correct, prediction.text) == ((), None, "answer not known")
    assert "answers to no photograph" in source.cannot_perturb
    with pytest.raises(ValueError, match="answers to no photograph"):
        source.perturb("a.png", np.ones((16, 16)), "mean", "own", never)
    with pytest.raises(ValueError, match=r"unit of the maps of lab .* is not known"):
        list(source.maps("a.png", MapRequest(normalise="none"), never))
    with pytest.raises(MissingMapError, match="no map of d"):
        list(source.maps("d.png", request, never))

    pair = source.pair("lab", "other")
    *_, update = pair.maps("a.png", request, never)
    assert update.standard_error is None
    expected = [spearmanr(cells(MAPS[name]), cells(np.mean(PEOPLE["a"], 0))).statistic for name in ("a", "c")]
    np.testing.assert_allclose(update.scores["rho"], expected, atol=1e-6)
    assert float(update.scores["ceiling"]) == pytest.approx(spearmanr(*map(cells, PEOPLE["a"])).statistic, abs=1e-6)
    *_, progress = pair.survey(request, source.images, never)
    assert progress.done == 4
    assert np.isfinite(pair.scores(request)["rho"].values).sum() == 6
    assert np.isnan(pair.scores(request)["correct"].values).all()
    assert "d.png" in dict(pair.skipped)


def test_answers_that_are_not_known_are_shown_as_such():
    info = NetworkInfo(name="lab", title="lab", layers=(), categories=(), input_px=(8, 8), device="computed elsewhere")
    unknown = Prediction(indices=(), categories=(), probabilities=(), correct=None)
    shown = top_five_predictions("a", info, unknown, None)
    assert "answers not known" in shown
    assert "%" not in shown.replace("width:", "")


def test_maps_that_are_too_large_are_refused_before_they_are_read_and_links_are_not_followed(photographs):
    path = photographs.parent / "maps.nc"
    with h5py.File(photographs.parent / "elsewhere.h5", "w") as file:
        file["secret"] = stack()
    for form in ("huge", "linked"):
        with h5py.File(path, "w") as file:
            file["image"] = np.array(NAMES, dtype=h5py.string_dtype())
            for dim in ("y", "x"):
                file[dim] = np.arange(3)
            for dim in ("image", "y", "x"):
                file[dim].make_scale(dim)
            if form == "huge":
                array = file.create_dataset("attribution", (4, 500_000, 500_000), "f4", chunks=(1, 64, 64))
                for number, dim in enumerate(("image", "y", "x")):
                    array.dims[number].attach_scale(file[dim])
            else:
                file["attribution"] = h5py.ExternalLink("elsewhere.h5", "secret")
        told = "each side of a map has 2 to" if form == "huge" else "one variable of dims image, y, x was expected"
        with pytest.raises(ValueError, match=told):
            imported(path, photographs)
