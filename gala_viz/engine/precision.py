"""The precision "auto": the fastest whose change of a map is smaller than the map's own error at n = 50."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch

from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.network_identity import compute_output_fingerprint
from gala_viz.attribution.packing import map_states
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.cache import ArrayCache, cache_folder
from gala_viz.engine.result_keys import machine_description, network_key
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels
from gala_viz.networks.devices import describe_device
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import N_INPUTS, fixed_image
from gala_viz.specs import SmoothGradSpec, fingerprint

N_SAMPLES = 10
"""Samples of the maps that are compared."""
AT_SAMPLES = 50
"""A precision may change maps by no more than their error with so many samples, the default of pages."""
WORTHWHILE = 1.05
"""How many times as fast as float32 another precision must be to be chosen."""
REPEATS = 3

_known: WeakKeyDictionary[Network, Network] = WeakKeyDictionary()
_lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """A precision, and why it was chosen in a sentence without its end."""

    precision: str
    note: str


def with_known_precision(network: Network) -> Network:
    """Return a network in the precision that "auto" means for it here; any other network as it is.

    The choice is measured once for a network and a device, takes as long as some hundred samples, and is kept in the
    user's cache folder, so that the same network has the same precision the next day.

    Parameters
    ----------
    network : Network
        In any precision.

    Returns
    -------
    Network
        With the same module, and in ``precision_note`` the reason for the choice.
    """
    if network.precision != "auto":
        return network
    with _lock:
        known = _known.get(network)
        if known is None:
            choice = _kept_choice(network)
            known = _known[network] = network.with_precision(choice.precision, choice.note)
    return known


def with_common_precision(networks: Sequence[Network]) -> list[Network]:
    """Return networks that are compared, those in "auto" in one precision.

    Where "auto" means another one for some of the networks, it means float32 for all: a delta of maps in two precisions
    would hold what they do not share.

    Parameters
    ----------
    networks : sequence of Network
        In any precision.

    Returns
    -------
    list of Network
        Those of ``with_known_precision``, or in float32.
    """
    known = [with_known_precision(network) for network in networks]
    found = {one.precision for one, network in zip(known, networks, strict=True) if network.precision == "auto"}
    if len({one.precision for one in known}) == 1 or not found:
        return known
    return [
        network.with_precision(
            "float32", f"float32, as 'auto' means different precisions for networks compared; {one.precision_note}"
        )
        if network.precision == "auto"
        else one
        for one, network in zip(known, networks, strict=True)
    ]


def measure_precisions(network: Network) -> PrecisionChoice:
    """Measure which precision is the fastest that changes maps by less than their error.

    SmoothGrad of two fixed images is computed in every precision that the device has, with the same noise.

    Parameters
    ----------
    network : Network
        In any precision.

    Returns
    -------
    PrecisionChoice
        "float32" where nothing else is both quick and near enough.
    """
    others = ["tf32", "bfloat16"] if network.device.type == "cuda" else ["bfloat16"]
    reasons, methods = [], {"float32": _method(network, "float32")}
    inputs = [
        network.preprocessing.normalise(fixed_image(one, network.preprocessing.input_px)) for one in range(N_INPUTS)
    ]
    targets = [_first_choice(network, one) for one in inputs]
    exact = [_map(methods["float32"], *one) for one in zip(inputs, targets, strict=True)]
    changes: dict[str, float] = {}
    for precision in others:
        try:
            method = _method(network, precision)
            rough = [_map(method, *one) for one in zip(inputs, targets, strict=True)]
        except (RuntimeError, NotImplementedError, TypeError) as error:  # an operation that does not exist in it
            reasons.append(f"{precision} does not run ({' '.join(str(error).split())[:80]})")
            continue
        changes[precision], methods[precision] = max(map(_relative_change, exact, rough)), method
    seconds = _seconds(methods, inputs[0], targets[0])
    chosen = "float32"
    for precision, change in changes.items():
        speed = seconds["float32"] / seconds[precision]
        reasons.append(
            f"{precision} is {speed:.1f} x as fast as float32 and changes maps by {change:.2f} of their error at "
            f"n = {AT_SAMPLES}"
        )
        if change < 1 and speed >= WORTHWHILE and seconds[precision] < seconds[chosen]:
            chosen = precision
    return PrecisionChoice(chosen, f"{chosen} by 'auto': {'; '.join(reasons)}")


def _kept_choice(network: Network) -> PrecisionChoice:
    cache, exact = ArrayCache(cache_folder() / "precision"), network.with_precision("float32")
    key = "precision " + fingerprint(
        network_key(exact, compute_output_fingerprint(exact), cache),
        network.noise_fraction,
        [N_SAMPLES, AT_SAMPLES, WORTHWHILE],
        describe_device(network.device, network.precision),
        machine_description(),
        torch.__version__,
    )
    kept = cache.read(key)
    if kept is not None and {"precision", "note"} <= kept.keys():
        return PrecisionChoice(str(kept["precision"]), str(kept["note"]))
    choice = measure_precisions(network)
    cache.write(key, {"precision": np.array(choice.precision), "note": np.array(choice.note)})
    return choice


def _method(network: Network, precision: str) -> SmoothGrad:
    spec = SmoothGradSpec(n_samples=N_SAMPLES, noise_fraction=network.noise_fraction)
    return SmoothGrad(fuse_batchnorm(network.with_precision(precision)), spec)


def _first_choice(network: Network, values: np.ndarray) -> int:
    exact = network.with_precision("float32")
    with exact.computing(), torch.no_grad():
        return int(exact.logits(torch.from_numpy(values[None])).argmax())


def _map(method: SmoothGrad, values: np.ndarray, target: int) -> MapState:
    *_, state = map_states(method, values, image="fixed", target=target)
    return state


def _relative_change(exact: MapState, rough: MapState) -> float:
    """Return the rms change of a map as a share of its rms error with ``AT_SAMPLES`` samples; infinite if unknown."""
    error = monte_carlo_error(reduce_channels, exact)
    change = (reduce_channels(rough.mean) - reduce_channels(exact.mean)).astype(np.float64)  # float32 squares no 1e-23
    of_exact = 0.0 if error is None else float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
    size = of_exact * np.sqrt(N_SAMPLES / AT_SAMPLES)
    ratio = float(np.sqrt(np.mean(change**2))) / size if size > 0 else np.inf
    return ratio if np.isfinite(ratio) else np.inf


def _seconds(methods: Mapping[str, SmoothGrad], values: np.ndarray, target: int) -> dict[str, float]:
    """Return the median seconds of a map in each precision, measured in turn."""
    taken: dict[str, list[float]] = {precision: [] for precision in methods}
    for _ in range(REPEATS):
        for precision, method in methods.items():
            begun = time.perf_counter()
            _map(method, values, target)
            taken[precision].append(time.perf_counter() - begun)
    return {precision: statistics.median(one) for precision, one in taken.items()}
