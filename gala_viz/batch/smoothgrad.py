"""SmoothGrad of a collection, as Python calls it: in this process, in several, or into a store that can be resumed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.attribution.targets import target_index
from gala_viz.batch.described import add_notes, store_circumstances, store_spec, with_stored_precision
from gala_viz.batch.job import BlockDone, Given, Job, close, run_block
from gala_viz.batch.run import Outcome, client_for, run_on
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.cpu_threads import free_cores
from gala_viz.engine.attribution_maps import ImageMaps, attribution_maps, labelled_maps, map_attrs
from gala_viz.engine.results.half_samples import POOLING_PX, half_sample_error
from gala_viz.engine.results.reduction import smooth
from gala_viz.imagenet import label_index
from gala_viz.live.descriptions import labels_of
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.specs import MapRequest, Reduction, SmoothGradSpec, Target
from gala_viz.store.creation import create_store, finish
from gala_viz.store.layout import segment
from gala_viz.store.lock import owned
from gala_viz.store.zarr_store import Store

BLOCK_IMAGES = 8
"""Images in a block: what an end of the process can cost, for each process."""


def smoothgrad(
    network: Network,
    collection: Collection,
    spec: SmoothGradSpec | None = None,
    images: Sequence[str] | None = None,
    target: Target | Mapping[str, int] = "own",
    *,
    reduction: Reduction = "absolute",
    smoothing_px: float = 0.0,
    return_error: bool = False,
    return_halves: bool = False,
    return_groups: bool = False,
    progress: ProgressCallback | bool | None = None,
    only_finite: bool = True,
    workers: int = 0,
    store: str | Path | None = None,
) -> xr.DataArray | xr.Dataset:
    """Return SmoothGrad maps of images of a collection.

    A map depends on the network, the photograph, the image's id and the settings only; two networks with inputs of one
    shape have the same noise.

    Parameters
    ----------
    network : Network
        Whose logits are explained.
    collection : Collection
        Where photographs are read; ``gala_viz.Images`` makes one of arrays, paths or a data set of PyTorch.
    spec : SmoothGradSpec, optional
        Samples, noise and seed.
    images : sequence of str, optional
        Ids; default: all of the collection.
    target : {"own", "label"}, int or mapping of str to int
        The network's first choice, the true category, a category index, or one for each image.
    reduction : {"absolute", "maximum", "signed"}
        How colour channels become one number, see ``gala_viz.engine.results.reduction.reduce_channels``.
    smoothing_px : float
        Standard deviation of a Gaussian in input pixels, after the reduction; 0: none.
    return_error : bool
        Also return the Monte-Carlo standard error, by jackknife over ten groups of samples; of smoothed maps from a
        store it is by the two halves of the samples.
    return_halves : bool
        Also return the maps of the even and of the odd samples.
    return_groups : bool
        Also return the maps without each of the ten groups of samples, from which ``gradient_delta`` has its error:
        ten times the memory. Stores do not have them.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` when images finish; True draws a bar.
    only_finite : bool
        Refuse maps with NaN or infinite values; without it they are there, from a store wholly NaN. A store refuses a
        network that gives none that is finite for a grey picture.
    workers : int
        Processes that compute; 0: this one. Network and collection are sent to them.
    store : str or Path, optional
        Folder where maps are kept, block by block. A call that was ended goes on from there when it is made again, to
        the same bits; ``gala_viz.open_store`` reads it. Default: maps are in memory only.

    Returns
    -------
    DataArray or Dataset
        (image, y, x), float32, logits per input unit, settings in ``attrs``; with ``return_error``, ``return_halves``
        or ``return_groups`` a Dataset of ``map`` and what else was wanted, see
        ``gala_viz.engine.attribution_maps.attribution_maps``.

    Raises
    ------
    ValueError
        The target is not known, a map has NaN or infinite values (``NonFiniteError``), or a store was made for
        something else (``StoreError``).
    RuntimeError
        With ``workers``, blocks of images failed; the message says why, and the same call tries them again. Without,
        the error of the first that failed is raised as it is.

    References
    ----------
    D. Smilkov et al. 2017.

    Examples
    --------
    >>> import gala_viz as gv
    >>> photos, network = gv.open_collection("photos"), gv.load_network("lite0-gala-human", device="cpu")
    >>> maps = gv.smoothgrad(network, photos, gv.SmoothGradSpec(n_samples=2), photos.images[:1])
    >>> maps.dims, maps.shape, int(maps.n[0])
    (('image', 'y', 'x'), (1, 224, 224), 2)
    """
    if workers < 0:
        raise ValueError(f"workers is 0 (this process) or more; got {workers}.")
    if not workers and store is None:
        return attribution_maps(
            network,
            collection,
            "smoothgrad",
            spec,
            images,
            target,
            reduction=reduction,
            smoothing_px=smoothing_px,
            return_error=return_error,
            return_halves=return_halves,
            return_groups=return_groups,
            progress=progress,
            only_finite=only_finite,
        )
    if return_groups:
        raise ValueError(
            "maps without each group of samples are not stored; leave return_groups, workers or store out."
        )
    if isinstance(target, Mapping):
        raise ValueError("a store has one target for all images: 'own', 'label' or a category index; got a mapping.")
    MapRequest(target=target, reduction=reduction, smoothing_px=smoothing_px)  # the same checks as anywhere
    ids = list(collection.images if images is None else images)
    if not ids:
        raise ValueError("at least one image was expected; got none.")
    for image in ids if target == "label" else ids[:1]:
        label = label_index(network.categories, collection.category(image), collection.target(image))
        target_index(target, np.zeros(len(network.categories)), label, image=image)
    if store is not None and not collection.is_lasting:
        raise ValueError(
            f"{collection.name} is a Dataset, which may give other images the next time: a store would not be found "
            "again. Give gala_viz.Images its files or arrays, or leave store out."
        )
    settings = SmoothGrad.validate_spec(spec)
    with tempfile.TemporaryDirectory() if store is None else nullcontext() as temporary:
        path = Path(temporary or str(store)).expanduser().resolve()
        path = path / "maps.zarr" if temporary else path
        with owned(path):
            (network,) = with_stored_precision(path, [network])
            opened = _store(path, network, collection, ids, settings, target, reduction, workers)
            _compute(opened, network, collection, workers, progress)
        _check(opened, ids, only_finite)
        results = _results(opened, network, ids, target, smoothing_px, return_error, return_halves)
        attrs = map_attrs(network, collection, "smoothgrad", settings, target, reduction, smoothing_px)
        attrs |= _circumstances(opened)
    labelled = labelled_maps(results, attrs)
    return labelled if return_error or return_halves else labelled["map"]


def _store(
    path: Path,
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: SmoothGradSpec,
    target: Any,
    reduction: Reduction,
    workers: int,
) -> Store:
    """Create the store of a call, or open the one that an earlier call made."""
    store_settings = store_spec(
        collection,
        images,
        [network],
        {"smoothgrad": spec},
        opened_as=collection.name,
        target=target,
        reduction=reduction,
        block_images=BLOCK_IMAGES,
        threads=max(1, free_cores() // workers) if workers else torch.get_num_threads(),
    )
    learnt = {network.name: network.training_data.training_status(collection, images)}
    path.parent.mkdir(parents=True, exist_ok=True)
    store = create_store(path, store_settings, images, labels_of(collection, images), learnt)
    store.add_circumstances(store_circumstances([network], store.spec.threads))
    return store


def _compute(
    store: Store,
    network: Network,
    collection: Collection,
    workers: int,
    progress: ProgressCallback | bool | None,
) -> None:
    """Compute the blocks that are missing; ``RuntimeError`` where some failed."""
    blocks = store.missing_blocks()
    job = Job(
        store=str(store.path),
        fingerprint=store.spec.fingerprint,
        collection="",
        human_maps=None,
        networks=(network.name,),
    )
    given = Given(collection, (network,))
    done, total = [store.spec.n_images - sum(_size(store, number) for number in blocks)], store.spec.n_images
    with progress_bar(progress, f"SmoothGrad, {network.name}") as tell:

        def note(block: BlockDone) -> None:
            add_notes(store, block.notes)
            done[0] += block.n_images
            tell(done[0], total)

        outcome, threads = Outcome(), torch.get_num_threads()
        if blocks and workers:
            with client_for(None, min(workers, len(blocks)), store.spec.threads or 1) as client:
                outcome = run_on(client, job, blocks, note, given)
        else:
            try:
                for number in blocks:
                    note(run_block(job, number, given))
            finally:
                close()
                torch.set_num_threads(threads)
    if outcome.failed:
        number, why = next(iter(sorted(outcome.failed.items())))
        raise RuntimeError(
            f"{len(outcome.failed)} of {len(blocks)} blocks of images failed; block {number}: {why}. Where the call "
            "names a store, finished blocks are kept, and the same call tries the others again."
        )
    finish(store)


def _size(store: Store, number: int) -> int:
    block = store.spec.block(number)
    return block.stop - block.start


def _check(store: Store, images: Sequence[str], only_finite: bool) -> None:
    """Raise the error that a call without a store would raise for an image that has no map."""
    not_finite = store.not_finite()
    if only_finite and not_finite:
        raise NonFiniteError(next(iter(not_finite.values())))
    notes = store.notes()
    for image in images:
        if not store.is_there(image) and image not in not_finite:
            raise UnreadableImageError(notes.get(image) or f"{image}: the photograph cannot be read.")


def _circumstances(store: Store) -> dict[str, str]:
    """Return attrs of what the maps were computed with, each way once where there were several."""
    ways = store.circumstances
    names = dict.fromkeys(name for way in ways for name in way if name not in ("threads", "machine"))
    return {name: " / ".join(dict.fromkeys(way[name] for way in ways if name in way)) for name in names}


def _results(
    store: Store,
    network: Network,
    images: Sequence[str],
    target: Target,
    smoothing_px: float,
    return_error: bool,
    return_halves: bool,
) -> list[ImageMaps]:
    """Read the maps of a finished store, as ``image_maps`` gives them; NaN for images that have none that is finite."""
    at, n_samples = f"{segment(network.name)}/smoothgrad", store.spec.methods["smoothgrad"]["n_samples"]
    not_finite = store.not_finite()

    def of(image: str) -> ImageMaps:
        explained, sigma = (store.read(f"{at}/{name}", image).item() for name in ("explained", "sigma"))
        if explained < 0:  # the logits are not finite
            if not isinstance(target, int):
                raise NonFiniteError(not_finite[image])
            explained = target
        arrays = {"map": smooth(store.read(f"{at}/map", image), smoothing_px)}
        halves = smooth(store.read(f"{at}/half_map", image), smoothing_px) if return_halves or smoothing_px else None
        if return_error:
            smoothed = halves is not None and smoothing_px > 0
            error = half_sample_error(halves, POOLING_PX + smoothing_px) if smoothed else None
            arrays["standard_error"] = store.read(f"{at}/standard_error", image) if error is None else error
        if return_halves and halves is not None:
            arrays["half_map"] = halves
        return ImageMaps(image, int(explained), n_samples, float(sigma), arrays)

    return [of(image) for image in images]
