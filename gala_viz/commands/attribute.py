"""``gala-viz attribute``: maps of many images by several networks, into a store that pages open."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gala_viz.commands.store_status import MAX_LISTED, BlockProgress, format_bytes, status_text, workers_text
from gala_viz.counts import counted
from gala_viz.specs import OutputOption

if TYPE_CHECKING:
    from gala_viz.batch.job import Job
    from gala_viz.networks.network import Network
    from gala_viz.store.zarr_store import Store


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Compute maps, attention norms and scores of all images of a collection, block by block, into a store.

    A run that was stopped, however, goes on from its finished blocks with the same command, to the same bits. Without
    --scheduler the blocks are computed by processes of this machine; with it by the workers of any Dask cluster, which
    must see the store, the collection and the networks under the same paths.
    """

    store: Path
    """Folder of the store, for example maps.zarr."""
    collection: str | None = None
    """Name of a collection, or a folder."""
    networks: tuple[str, ...] = ()
    """Names or folders of networks, transformers:NAME, timm:NAME, or package.module:function."""
    human_maps: str | None = None
    """Human maps for a folder of photographs that has none of its own."""
    methods: tuple[str, ...] = ("smoothgrad",)
    """Attribution methods, for example smoothgrad grad_cam."""
    cam_layer: str = "last"
    """grad_cam: at which layer, a module's path in all networks; last: the last one with a map, in a ResNet the last
    block."""
    layers: tuple[str, ...] = ()
    """Paths of modules in all networks whose activity counts as a layer beside GALA's."""
    output: OutputOption = None
    split: Literal["train", "validation", "test", "all"] = "all"
    """Which images; the collection's own split, or by the images' ids where it has none."""
    samples: int = 25
    """SmoothGrad's n."""
    noise: float | None = None
    """SmoothGrad's noise as a share of an image's range; default: what suits all the networks, as their cards say."""
    seed: int = 0
    """Seed of the noise."""
    target: Literal["own", "label"] = "own"
    """Whose logit is explained: each network's first choice, or the true category."""
    cells: int | None = None
    """Store maps at so many cells a side, by area averages; default: as large as the networks' input."""
    errors: bool = True
    """Store the maps' standard errors too."""
    block: int = 32
    """Images in a block: what a worker computes and writes at a time."""
    workers: int | None = None
    """Processes on this machine, 0: this one alone; default: one for each core, or for each GPU."""
    threads: int | None = None
    """Threads of each process; default: OMP_NUM_THREADS, or as many as cores are free now, shared out to the processes.
    A store keeps to the number that it was begun with, so that its maps do not depend on where a run was stopped."""
    worker_memory: str | None = None
    """The most that one worker of this machine may hold, for example "4 GB"; default: an equal share of all."""
    scheduler: str | None = None
    """Address of a Dask scheduler, for example tcp://login-node:8786."""
    device: str | None = None
    """cpu, cuda, or what is there."""
    precision: Literal["float32", "tf32", "bfloat16", "auto"] = "float32"
    """How networks multiply; auto: the fastest that changes maps by less than their error at n = 50, measured once for
    each network on this machine, and one for all. A store keeps to what it was begun with."""
    status: bool = False
    """Tell what the store holds and what is missing; compute nothing. With --collection the photographs there are
    compared with those whose maps it holds."""
    rescore: bool = False
    """Compute the scores of the maps in the store anew, with the human maps of now; no network is needed."""

    def run(self) -> int:
        """Create or open the store, compute what is missing, and print what the store holds."""
        from gala_viz.store.zarr_store import Store

        if self.status:
            sys.stdout.write(status_text(Store(self.store)))
            return 0 if self.collection is None else self._compared_pixels(self.collection)
        if self.rescore:
            return self._rescored()
        if self.collection is None or not self.networks:
            raise ValueError("--collection and --networks say what is to be computed; --status tells of a store.")
        from gala_viz.store.lock import owned

        with owned(self.store):
            store, job = self._prepared()
            return self._computed(store, job)

    def _compared_pixels(self, collection_name: str) -> int:
        """Print which photographs of the collection are not those of the store, and return the exit status."""
        from gala_viz.collections import open_collection
        from gala_viz.store.moved import changed_pixels, is_moved
        from gala_viz.store.zarr_store import Store

        store, collection = Store(self.store), open_collection(collection_name)
        is_moved(store, collection)
        problems = changed_pixels(store, collection)
        for problem in problems[:MAX_LISTED]:
            _tell(problem)
        n_changed = counted(len(problems), "photograph differs", "photographs differ")
        sys.stdout.write(f"{collection.name}: {n_changed} from those of the store\n")
        return 2 if problems else 0

    def _rescored(self) -> int:
        """Compute the scores anew, and return the exit status."""
        from gala_viz.batch.rescore import rescore
        from gala_viz.collections import open_collection
        from gala_viz.progress import progress_bar
        from gala_viz.store.creation import finish
        from gala_viz.store.lock import owned
        from gala_viz.store.moved import is_moved
        from gala_viz.store.zarr_store import Store

        with owned(self.store):
            store = Store(self.store, writing=True)
            about = store.spec.collection
            human_maps = self.human_maps or about.get("human_maps")
            collection = open_collection(self.collection or about["opened_as"], human_maps=human_maps)
            is_moved(store, collection)
            with progress_bar(True, "scores") as tell:
                rescore(store, collection, tell)
            finish(store)
        sys.stdout.write(status_text(store))
        return 0

    def _prepared(self) -> tuple[Store, Job]:
        """Open collection and networks, create or open the store, and return it with the job that fills it."""
        from gala_viz.attribution.grad_cam import GradCamSpec
        from gala_viz.batch.described import store_circumstances, store_spec, with_stored_precision
        from gala_viz.batch.job import Job
        from gala_viz.collections import open_collection
        from gala_viz.live.descriptions import labels_of
        from gala_viz.networks.network import shared_noise_fraction
        from gala_viz.networks.network_folders import with_output
        from gala_viz.networks.zoo import load_network
        from gala_viz.specs import GRAD_CAM, LAST_LAYER, SmoothGradSpec
        from gala_viz.splits import splits_of
        from gala_viz.store.creation import create_store
        from gala_viz.store.layout import bytes_needed
        from gala_viz.store.zarr_store import fingerprint_at

        collection = open_collection(self.collection, human_maps=self.human_maps)
        splits = splits_of(collection)
        images = splits.images_of(self.split)
        _tell(f"{collection.name}: {splits.description}")
        names = with_output(self.networks, self.output)
        networks = with_stored_precision(
            self.store, [load_network(name, self.device, self.precision, layers=self.layers) for name in names]
        )
        for name, network in zip(names, networks, strict=True):
            if not self.store.exists():
                _check_lasting(name, network)
            if network.precision_note:
                _tell(f"{network.name}: {network.precision_note}")
        noise = shared_noise_fraction(networks) if self.noise is None else self.noise
        grad = SmoothGradSpec(n_samples=self.samples, noise_fraction=noise, seed=self.seed)
        methods: dict[str, Any] = {name: grad if name == "smoothgrad" else None for name in self.methods}
        cam_paths: dict[str, str] = {}
        if GRAD_CAM in methods:
            methods[GRAD_CAM] = GradCamSpec(layer=self.cam_layer)
            cam_paths = {network.name: _cam_path(network, self.cam_layer) for network in networks}
            _tell(f"Grad-CAM at {', '.join(f'{path} of {name}' for name, path in cam_paths.items())}")
        elif self.cam_layer != LAST_LAYER:
            raise ValueError(f"--cam-layer is of the method {GRAD_CAM}; name it in --methods, or leave the layer out.")
        spec = store_spec(
            collection,
            images,
            networks,
            methods,
            opened_as=str(_absolute(self.collection)),
            human_maps=None if self.human_maps is None else str(_absolute(self.human_maps)),
            networks_as=[str(_absolute(name)) for name in names],
            target=self.target,
            cells=self.cells,
            errors=self.errors,
            block_images=self.block,
            threads=self._n_threads(-(-len(images) // self.block)),
        )
        new = not self.store.exists()
        needed = bytes_needed(spec)
        if new:
            self.store.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.store.parent).free
            _tell(
                f"{counted(len(images), 'image')}: up to {format_bytes(needed)} before compression, "
                f"{format_bytes(free)} are free"
            )
            if needed > 3 * free:
                raise ValueError(
                    f"the maps would take up to {format_bytes(needed)}, {format_bytes(free)} are free; --cells 56 and "
                    "--no-errors take less."
                )
        learnt = {network.name: network.training_data.training_status(collection, images) for network in networks}
        store = create_store(self.store, spec, images, labels_of(collection, images), learnt, cam_paths)
        if self.threads not in (None, store.spec.threads):
            _tell(f"the store was begun with {store.spec.threads} threads a process, and goes on with them")
        store.add_circumstances(store_circumstances(networks, store.spec.threads))
        job = Job(
            store=str(self.store.expanduser().resolve()),
            fingerprint=fingerprint_at(store.path),
            collection=str(_absolute(self.collection)),
            human_maps=None if self.human_maps is None else str(_absolute(self.human_maps)),
            networks=tuple(str(_absolute(name)) for name in names),
            layers=self.layers,
            device=self.device,
            precisions=tuple(network.precision for network in networks),
        )
        return store, job

    def _computed(self, store: Store, job: Job) -> int:
        """Compute the missing blocks of the store, print what it holds, and return the exit status."""
        from gala_viz.batch.described import add_notes
        from gala_viz.batch.run import client_for, run_here, run_on
        from gala_viz.store.creation import finish

        blocks = store.missing_blocks()
        _tell(f"{store.spec.n_blocks - len(blocks)} of {store.spec.n_blocks} blocks are there")
        if blocks:
            progress = BlockProgress(sum(len(store.images[store.spec.block(number)]) for number in blocks))
            workers = self._n_workers(len(blocks))
            if workers == 0 and self.scheduler is None:
                outcome = run_here(job, blocks, progress)
            else:
                with client_for(self.scheduler, workers, store.spec.threads or 1, self.worker_memory) as client:
                    _tell(workers_text(client))
                    outcome = run_on(client, job, blocks, progress)
            progress.finish()
            notes = {note for one in outcome.written for note in one.notes}
            add_notes(store, notes)
            for note in sorted(notes):
                _tell(f"{note}: some maps differ from the others by rounding")
            if outcome.written:
                _tell(f"most memory of a worker: {format_bytes(max(one.peak_bytes for one in outcome.written))}")
            for number, why in sorted(outcome.failed.items())[:MAX_LISTED]:
                _tell(f"block {number}: {why}")
            if outcome.failed:
                _tell(f"{counted(len(outcome.failed), 'block is', 'blocks are')} missing; the same command tries again")
        finish(store)
        sys.stdout.write(status_text(store))
        return 2 if store.missing_blocks() or store.not_finite() else 0

    def _n_threads(self, n_blocks: int) -> int:
        """Return the number of threads of each process of a new store."""
        from gala_viz.cpu_threads import threads_to_share

        if self.threads is not None:
            if self.threads < 1:
                raise ValueError(f"threads is 1 or more; got {self.threads}.")
            return self.threads
        return 1 if self.scheduler is not None else max(1, threads_to_share() // max(1, self._n_workers(n_blocks)))

    def _n_workers(self, n_blocks: int) -> int:
        """Return the number of processes: ``workers``, or one for each GPU or core, at most one for each block."""
        if self.workers is not None:
            if self.workers < 0:
                raise ValueError(f"workers is 0 or more; got {self.workers}.")
            return self.workers
        import os

        import torch

        n_gpus = torch.cuda.device_count() if self.device in (None, "cuda") else 0
        return min(n_blocks, n_gpus or os.cpu_count() or 1)


def _cam_path(network: Network, layer: str) -> str:
    """Return the path of Grad-CAM's layer in a network; ``ValueError``, which names the network, where it has none."""
    import torch

    from gala_viz.attribution.grad_cam import cam_layer_path

    empty = torch.zeros(1, 3, *network.preprocessing.input_px, device=network.device)
    try:
        return cam_layer_path(network, empty, layer)
    except ValueError as error:
        raise ValueError(f"{network.name}: {error}") from error


def _check_lasting(name: str, network: Network) -> None:
    """Raise ``ValueError`` for a function that gives other weights at each call: every worker would have its own."""
    from gala_viz.attribution.network_identity import state_dict_sha256
    from gala_viz.networks.network_folders import is_external
    from gala_viz.networks.zoo import load_network

    if not is_external(name):
        return
    again = load_network(name, "cpu")
    if state_dict_sha256(again.module) != state_dict_sha256(network.module):
        raise ValueError(
            f"{name} has other weights at each call, so that no two processes would have the same network; load them "
            "from a file, or seed the generator (torch.manual_seed) in the function."
        )


def _absolute(name: str) -> str | Path:
    """Return a path that exists as an absolute one, which workers find from anywhere; any other name as it is."""
    path = Path(name).expanduser()
    return path.resolve() if path.exists() else name


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
