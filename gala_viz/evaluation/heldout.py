"""Numbers of one network on held-out images, one value an image, so that networks can be compared pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
import xarray as xr

from gala_viz.alignment import COMPARISON_CELLS, CeilingSpec, NoiseCeiling, noise_ceiling, spearman, to_resolution
from gala_viz.attribution.attention import attention_norms
from gala_viz.attribution.labelled import smoothgrad
from gala_viz.collections.collection import Collection
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import SmoothGradSpec

Progress = Callable[[int, int], None]
BATCH = 32


@torch.inference_mode()
def first_choices(
    network: Network, collection: Collection, images: Sequence[str], *, progress: Progress | None = None
) -> xr.DataArray:
    """Index of the network's first choice (image,) on the centre crop."""
    chosen: list[int] = []
    for start in range(0, len(images), BATCH):
        batch = network.to_batch([collection.photo(image) for image in images[start : start + BATCH]])
        chosen += network.logits(batch).argmax(dim=1).tolist()
        if progress is not None:
            progress(len(chosen), len(images))
    return xr.DataArray(chosen, dims="image", coords={"image": list(images)}, name="first_choice")


def correct(choices: xr.DataArray, collection: Collection) -> xr.DataArray:
    """1 where the first choice is the true category, 0 where it is not (image,)."""
    truth = [collection.target(str(image)) for image in choices["image"].values]
    if None in truth:
        raise ValueError(f"{collection.name}: every image needs a true category; {truth.count(None)} have none.")
    return (choices == np.array(truth)).astype(float).rename("correct")


def human_maps(
    collection: Collection, images: Sequence[str], preprocessing: Preprocessing, cells: int | tuple[int, int]
) -> xr.DataArray:
    """Human maps (image, y, x) of the collection's default kind, in the network's frame at ``cells`` resolution."""
    return xr.concat(
        [to_resolution(preprocessing.map_to_frame(collection.human_map(image)), cells) for image in images],
        dim=xr.Variable("image", list(images)),
    )


def attention_alignment(network: Network, collection: Collection, images: Sequence[str]) -> xr.DataArray:
    """Spearman's rho between attention norm and human map (layer, image), each layer at its own grid."""
    norms = attention_norms(network, collection, images)
    human: dict[tuple[int, ...], xr.DataArray] = {}
    rows = []
    for norm in norms.values():
        grid = norm.shape[-2:]
        if grid not in human:
            human[grid] = human_maps(collection, images, network.preprocessing, grid)
        rows.append(spearman(norm, human[grid]))
    labels = xr.Variable("layer", list(norms))
    return xr.concat(rows, dim=labels, coords="minimal", compat="override").rename("rho_attention")


def smoothgrad_alignment(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: SmoothGradSpec,
    *,
    cells: int = COMPARISON_CELLS,
    progress: Progress | None = None,
) -> xr.DataArray:
    """Spearman's rho between SmoothGrad (own first choice, sum over colour) and human map (image,), at ``cells``."""
    maps = smoothgrad(network, collection, spec, images=images, progress=progress)
    human = human_maps(collection, images, network.preprocessing, cells)
    rho = spearman(to_resolution(maps, cells), human).rename("rho_smoothgrad")
    return rho.assign_attrs(cells=cells, n_samples=spec.n_samples, noise_fraction=spec.noise_fraction, seed=spec.seed)


def ceiling(
    collection: Collection,
    images: Sequence[str],
    preprocessing: Preprocessing,
    cells: int,
    spec: CeilingSpec | None = None,
) -> NoiseCeiling:
    """Split-half noise ceiling in the network's frame at ``cells`` resolution."""

    def participant_maps() -> Iterable[tuple[str, xr.DataArray]]:
        for image in images:
            people = collection.participants(image)
            maps = [collection.human_map(image, participant=person) for person in people]
            cut = [to_resolution(preprocessing.map_to_frame(one), cells) for one in maps if one is not None]
            yield image, xr.concat(cut, dim=xr.Variable("participant", list(people)))

    return noise_ceiling(participant_maps(), spec=spec or CeilingSpec())
