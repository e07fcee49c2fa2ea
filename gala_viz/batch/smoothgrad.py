"""SmoothGrad of a collection, as Python calls it: in this process, in several, or into a store that can be resumed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.attribution.targets import target_index
from gala_viz.batch.described import add_notes, store_circumstances, store_spec, with_stored_precision
from gala_viz.batch.job import BlockDone, Given, Job, close, run_block
from gala_viz.batch.run import FATAL, Outcome, RunStopped, client_for, run_on
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.cpu_threads import threads_to_share
from gala_viz.engine.attribution_maps import ImageMaps, attribution_maps, labelled_maps, map_attrs, plain_target
from gala_viz.engine.forward import check_opened, image_ids
from gala_viz.engine.results.half_samples import POOLING_PX, half_sample_error
from gala_viz.engine.results.reduction import smooth
from gala_viz.imagenet import label_index
from gala_viz.live.descriptions import labels_of
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.specs import MapRequest, Reduction, SmoothGradSpec, Target
from gala_viz.store.creation import check_same, create_store, finish
from gala_viz.store.layout import segment
from gala_viz.store.lock import owned
from gala_viz.store.moved import changed_pixels
from gala_viz.store.zarr_store import Store, StoreError

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
        Processes that compute; 0: this one. Network and collection are sent to them. A script needs the line ``if
        __name__ == "__main__":`` above what it does, since each process imports it.
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
        The target is not known, a map has NaN or infinite values (``NonFiniteError``), a photograph cannot be read
        (``UnreadableImageError``), or a store was made for something else or other pixels (``StoreError``).
    RunStopped
        Nothing more can be written; an ``OSError``.
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
    check_opened(network, collection)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise ValueError(f"workers is 0 (this process) or more; got {workers!r}.")
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
    ids, target = image_ids(collection, images), plain_target(target)
    unique = list(dict.fromkeys(ids))
    if isinstance(target, Mapping):
        raise ValueError(
            "with workers or a store there is one target for all images: 'own', 'label' or a category index; got one "
            "for each."
        )
    request = MapRequest(
        smoothgrad=SmoothGrad.validate_spec(spec), target=target, reduction=reduction, smoothing_px=smoothing_px
    )
    _check_arguments(network, collection, unique, request, store, workers, return_groups)
    with tempfile.TemporaryDirectory() if store is None else nullcontext() as temporary:
        path = Path(temporary, "maps.zarr") if temporary else Path(str(store)).expanduser().resolve()
        (network,) = with_stored_precision(path, [network])
        kept = _computed(path, network, collection, unique, request, workers, progress)
        if only_finite and (not_finite := kept.not_finite()):
            raise NonFiniteError(next(iter(not_finite.values())))
        by_image = {image: _read(kept, network, image, request, return_error, return_halves) for image in unique}
        attrs = map_attrs(network, collection, "smoothgrad", request.smoothgrad, target, reduction, smoothing_px)
        attrs |= _circumstances(kept)
    labelled = labelled_maps([by_image[image] for image in ids], attrs)
    return labelled if return_error or return_halves else labelled["map"]


def _check_arguments(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    request: MapRequest,
    store: str | Path | None,
    workers: int,
    return_groups: bool,
) -> None:
    """Raise an error for what a store or other processes cannot have, before anything is computed."""
    if return_groups:
        raise ValueError(
            "maps without each group of samples are not stored; leave return_groups, workers or store out."
        )
    for image in images if request.target == "label" else images[:1]:
        label = label_index(network.categories, collection.category(image), collection.target(image))
        target_index(request.target, np.zeros(len(network.categories)), label, image=image)
    if store is not None and not str(store).strip():
        raise ValueError("store names a folder, for example 'maps.zarr'; got an empty text.")
    if store is not None and not collection.is_lasting:
        raise ValueError(
            f"{collection.name} is a Dataset, which may give other images the next time: a store would not be found "
            "again. Give gala_viz.Images its files or arrays, or leave store out."
        )
    if workers:
        from distributed.protocol.pickle import dumps

        _check_script()
        try:
            dumps(Given(collection, (network,)))
        except Exception as error:  # of whatever kind: the module and the Dataset are external code
            message = " ".join(str(error).split())[:200].rstrip(".")
            raise TypeError(
                f"{network.name} and {collection.name} cannot be sent to other processes ({message}); leave workers "
                "out."
            ) from error


def _check_script() -> None:
    """Raise ``RuntimeError`` in a script that each worker would run again from its first line."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None or hasattr(sys, "ps1") or not script.endswith(".py"):
        return
    try:
        text = Path(script).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if "__main__" not in text:
        raise RuntimeError(
            f"each worker would run {Path(script).name} again from its first line. Put what it does into a function, "
            'and call that below the line: if __name__ == "__main__":'
        )


def _computed(
    path: Path,
    network: Network,
    collection: Collection,
    images: Sequence[str],
    request: MapRequest,
    workers: int,
    progress: ProgressCallback | bool | None,
) -> Store:
    """Return the store of a call with all of its blocks; what an earlier call computed in it stays."""
    settings = store_spec(
        collection,
        images,
        [network],
        {"smoothgrad": request.smoothgrad},
        opened_as=collection.origin.get("collection", collection.name),
        human_maps=collection.origin.get("human_maps"),
        target=request.target,
        reduction=request.reduction,
        block_images=BLOCK_IMAGES,
        threads=max(1, threads_to_share() // workers) if workers else torch.get_num_threads(),
    )
    if (path / "zarr.json").is_file():
        kept = Store(path)
        check_same(kept, settings)
        if changed := changed_pixels(kept, collection):
            raise StoreError(changed[0])
        if not _blocks_to_do(kept):  # nothing is written: the folder may be one that cannot be
            return kept
    with owned(path):
        learnt = {network.name: network.training_data.training_status(collection, images)}
        kept = create_store(path, settings, images, labels_of(collection, images), learnt)
        kept.add_circumstances(store_circumstances([network], kept.spec.threads))
        _compute(kept, network, collection, workers, progress)
        finish(kept)
    return kept


def _blocks_to_do(store: Store) -> list[int]:
    """Return the numbers of blocks that are missing, or lack a photograph that could not be read."""
    unreadable = {store.position(image) // store.spec.block_images for image in store.notes()}
    return sorted({*store.missing_blocks(), *unreadable})


def _compute(
    store: Store,
    network: Network,
    collection: Collection,
    workers: int,
    progress: ProgressCallback | bool | None,
) -> None:
    """Compute what is missing; the first photograph that cannot be read ends it."""
    blocks = _blocks_to_do(store)
    job = Job(
        store=str(store.path),
        fingerprint=store.spec.fingerprint,
        collection="",
        human_maps=None,
        networks=(network.name,),
    )
    given = Given(collection, (network,))
    done, total = (
        [store.spec.n_images - sum(len(store.images[store.spec.block(number)]) for number in blocks)],
        store.spec.n_images,
    )
    with progress_bar(progress, f"SmoothGrad, {network.name}") as tell:

        def note(block: BlockDone) -> None:
            add_notes(store, block.notes)
            if block.unreadable:
                raise UnreadableImageError(next(iter(block.unreadable.values())))
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
            except OSError as error:
                if error.errno in FATAL:
                    raise RunStopped(
                        error.errno, f"{error.strerror}: finished blocks are kept; make room, and make the call again"
                    ) from error
                raise
            finally:
                close()
                torch.set_num_threads(threads)
    if outcome.failed:
        number, why = next(iter(sorted(outcome.failed.items())))
        raise RuntimeError(
            f"{len(outcome.failed)} of {len(blocks)} blocks of images failed; block {number}: {why}. Where the call "
            "names a store, finished blocks are kept, and the same call tries the others again."
        )


def _circumstances(store: Store) -> dict[str, str]:
    """Return attrs of what the maps were computed with, each way once where there were several."""
    ways = store.circumstances
    hidden = {"threads", "machine"} | ({"batch_size"} if len({way.get("batch_size") for way in ways}) == 1 else set())
    names = dict.fromkeys(name for way in ways for name in way if name not in hidden)
    return {name: " / ".join(dict.fromkeys(way[name] for way in ways if name in way)) for name in names}


def _read(
    store: Store, network: Network, image: str, request: MapRequest, return_error: bool, return_halves: bool
) -> ImageMaps:
    """Read the maps of one image from a finished store, as ``image_maps`` gives them; NaN where they are not finite."""
    at, smoothing_px = f"{segment(network.name)}/smoothgrad", request.smoothing_px
    explained, sigma = (store.read(f"{at}/{name}", image).item() for name in ("explained", "sigma"))
    if explained < 0:  # the logits are not finite
        if not isinstance(request.target, int):
            raise NonFiniteError(store.not_finite()[image])
        explained = request.target
    arrays = {"map": smooth(store.read(f"{at}/map", image), smoothing_px)}
    halves = smooth(store.read(f"{at}/half_map", image), smoothing_px) if return_halves or smoothing_px else None
    if return_error and halves is not None and smoothing_px > 0:
        arrays["standard_error"] = half_sample_error(halves, POOLING_PX + smoothing_px)
    elif return_error:
        arrays["standard_error"] = store.read(f"{at}/standard_error", image)
    if return_halves and halves is not None:
        arrays["half_map"] = halves
    return ImageMaps(image, int(explained), request.smoothgrad.n_samples, float(sigma), arrays)
