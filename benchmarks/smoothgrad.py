"""SmoothGrad against Captum as a user writes it: seconds, first partial maps, and memory as the samples grow.

    python benchmarks/smoothgrad.py [--networks A B] [--samples 50] [--repeats 7] [--threads 2] [--device cpu]
        [--memory-samples 5 20 50] [--busy 2] [--rows captum loop ours]

Times are medians over the repeats, which are interleaved, each on another photograph; ratios are to the first row. On a
CPU, memory is the growth of the largest resident size of a process of its own. Compare ratios, not seconds, on a
machine that does other work. ``--busy`` runs so many other processes beside it, each an endless product of matrices on
one thread, as a shared server or a laptop with a browser does; ``--threads 0`` chooses the threads as the commands do,
by the cores that are free.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PAIR = ("lite0-gala-vanilla", "lite0-gala-human")
CHUNK = 5
ONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BUSY = "import numpy as np; a = np.random.default_rng(0).random((700, 700))\nwhile True: a @ a"


def main() -> None:
    arguments = parsed()
    if arguments.memory_of:
        return print_peak(arguments)
    others = [subprocess.Popen([sys.executable, "-c", BUSY], env=os.environ | ONE) for _ in range(arguments.busy)]
    try:
        measure(arguments)
    finally:
        for other in others:
            other.kill()


def measure(arguments: argparse.Namespace) -> None:
    """Time all rows, and the memory of some."""
    import torch

    from gala_viz.cpu_threads import free_cores
    from gala_viz.networks.devices import choose_device, describe_device

    if arguments.busy:
        time.sleep(2)  # the others have begun
    torch.set_num_threads(arguments.threads or free_cores())
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"networks on {describe_device(choose_device(arguments.device), 'float32')}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, networks {' and '.join(arguments.networks)}")
    print(f"\n{arguments.samples} samples of one photograph, median of {arguments.repeats}\n")
    print(f"{'':<52}{'s':>8}{'ratio':>8}{'first maps, s':>16}")
    words = arguments.rows
    runs = {name: run for name, run in rows(arguments).items() if words is None or any(word in name for word in words)}
    for run in runs.values():
        run(0)
    taken = {name: [] for name in runs}
    for repeat in range(arguments.repeats):  # interleaved, so that what else the machine does meets all alike
        for name, run in runs.items():
            taken[name].append(run(repeat + 1))
    reference = statistics.median(seconds for seconds, _ in next(iter(taken.values())))
    for name, pairs in taken.items():
        seconds, first = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:<52}{seconds:>8.2f}{seconds / reference:>8.2f}{first:>16.2f}", flush=True)
    counts = arguments.memory_samples
    if words is not None:
        return
    if arguments.device != "cpu" or not counts:
        return
    print(f"\n{'growth of the largest resident size, MB':<52}" + "".join(f"{f'n = {n}':>10}" for n in counts))
    for how in ("captum", "captum-chunks", "ours"):
        peaks = [peak_of(how, n, arguments) for n in counts]
        print(f"{how:<52}" + "".join(f"{peak:>10.0f}" for peak in peaks), flush=True)


def parsed() -> argparse.Namespace:
    from gala_viz.networks.network_folders import UNMODIFIED_NETWORK, known_networks

    default = PAIR if set(PAIR) <= set(known_networks()) else (UNMODIFIED_NETWORK, UNMODIFIED_NETWORK)
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--networks", nargs=2, default=default, metavar=("A", "B"))
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--memory-samples", type=int, nargs="*", default=(5, 20, 50), metavar="N")
    parser.add_argument("--busy", type=int, default=0, help="other processes that compute without end")
    parser.add_argument("--rows", nargs="+", help="rows whose name holds one of these words; default: all")
    parser.add_argument("--memory-of", choices=("captum", "captum-chunks", "ours"), help=argparse.SUPPRESS)
    return parser.parse_args()


def rows(arguments: argparse.Namespace) -> dict[str, Callable[[int], tuple[float, float]]]:
    """Name -> a run on the photograph of a repeat, which gives its seconds and those until the first map."""
    from gala_viz import MapRequest, SmoothGradSpec, load_network, open_collection
    from gala_viz.live import LiveMaps
    from gala_viz.networks.fuse_batchnorm import fuse_batchnorm

    collection, n = open_collection("photos"), arguments.samples
    networks = [load_network(name, device=arguments.device) for name in arguments.networks]
    quick = fuse_batchnorm(networks[0])
    folder = Path(tempfile.mkdtemp(prefix="gala_viz_benchmark_"))
    source = LiveMaps(collection, networks, folder)

    def image(repeat: int) -> str:
        return collection.images[repeat % len(collection.images)]

    def both(repeat: int) -> tuple[float, float]:
        request = MapRequest(smoothgrad=SmoothGradSpec(n_samples=n, seed=repeat // len(collection.images)))
        return timed(source.maps(image(repeat), request, lambda: False))

    def seen_before(repeat: int) -> tuple[float, float]:
        request = MapRequest(smoothgrad=SmoothGradSpec(n_samples=n, seed=repeat // len(collection.images)))
        start = time.perf_counter()
        source.cached(image(repeat), request)
        return (time.perf_counter() - start,) * 2

    return {
        "Captum, one network, all samples in one batch": lambda k: timed(
            captum(networks[0], collection, image(k), n, n)
        ),
        f"Captum, one network, chunks of {CHUNK}": lambda k: timed(captum(networks[0], collection, image(k), n, CHUNK)),
        "a plain loop over the fused network": lambda k: timed(plain_loop(quick, collection, image(k), n)),
        "gala_viz, one network, batch norms as they are": lambda k: timed(ours(networks[0], collection, image(k), n)),
        "gala_viz, one network": lambda k: timed(ours(quick, collection, image(k), n)),
        "gala_viz, gv.smoothgrad of one image": lambda k: timed(one_image(networks[0], collection, image(k), n)),
        "gala_viz, both networks, predictions, delta, errors": both,
        "gala_viz, both networks, seen before": seen_before,
    }


def timed(steps) -> tuple[float, float]:
    start, first = time.perf_counter(), None
    for _ in steps:
        first = first or time.perf_counter() - start
    return time.perf_counter() - start, first


def captum(network, collection, image: str, n: int, batch: int):
    """NoiseTunnel around Saliency, on the module, as its documentation shows it."""
    import torch
    from captum.attr import NoiseTunnel, Saliency

    values = torch.from_numpy(network.preprocessing.to_input(collection.photo(image)))[None].to(network.device)
    sigma = 0.15 * float(values.max() - values.min())
    target = int(network.logits(values).argmax())
    yield (
        NoiseTunnel(Saliency(network.module))
        .attribute(
            values,
            nt_type="smoothgrad",
            nt_samples=n,
            nt_samples_batch_size=batch,
            stdevs=sigma,
            target=target,
            abs=False,
        )
        .cpu()
    )


def ours(network, collection, image: str, n: int):
    from gala_viz import SmoothGradSpec
    from gala_viz.attribution.packing import map_states
    from gala_viz.attribution.smoothgrad import SmoothGrad
    from gala_viz.engine.forward import forward
    from gala_viz.networks.devices import upload

    values = network.preprocessing.to_input(collection.photo(image))
    (result,) = forward(network, [upload(values, network.device)])
    target = int(result.logits.argmax())
    return map_states(SmoothGrad(network, SmoothGradSpec(n_samples=n)), values, image=image, target=target)


def plain_loop(network, collection, image: str, n: int):
    """Gradients at noisy copies in batches of CHUNK, and their mean: the least that anybody would write."""
    import torch

    values = torch.from_numpy(network.preprocessing.to_input(collection.photo(image)))[None].to(network.device)
    sigma = 0.15 * float(values.max() - values.min())
    target = int(network.logits(values).argmax())
    total = torch.zeros_like(values[0])
    for first in range(0, n, CHUNK):
        shape = (min(CHUNK, n - first), *values.shape[1:])
        batch = (values + sigma * torch.randn(shape, device=network.device)).requires_grad_()
        (gradient,) = torch.autograd.grad(network.logits(batch)[:, target].sum(), batch)
        total += gradient.sum(dim=0)
    yield (total / n).cpu()


def one_image(network, collection, image: str, n: int):
    """``gv.smoothgrad`` of one image, as a notebook calls it."""
    from gala_viz import SmoothGradSpec, smoothgrad

    yield smoothgrad(network, collection, SmoothGradSpec(n_samples=n), [image])


def peak_of(how: str, n: int, arguments: argparse.Namespace) -> float:
    command = [sys.executable, __file__, "--memory-of", how, "--samples", str(n), "--networks", *arguments.networks]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_peak(arguments: argparse.Namespace) -> None:
    """MB by which the largest resident size grows over a run, after a run of one sample."""
    from gala_viz import load_network, open_collection

    network, collection = load_network(arguments.networks[0], device="cpu"), open_collection("photos")
    run = {
        "captum": lambda n: captum(network, collection, collection.images[0], n, n),
        "captum-chunks": lambda n: captum(network, collection, collection.images[0], n, CHUNK),
        "ours": lambda n: ours(network, collection, collection.images[0], n),
    }[arguments.memory_of]
    for _ in run(1):
        pass
    before = peak_kib()
    for _ in run(arguments.samples):
        pass
    print((peak_kib() - before) / 1024)


def peak_kib() -> float:
    """Largest resident size of this program so far, in KiB; Linux's rusage would begin with that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(float(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
