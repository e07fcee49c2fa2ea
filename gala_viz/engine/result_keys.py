"""Two parts of a result's key: the identity, by which it is found again, and the circumstances, recorded beside it.

Results of one identity may stand beside each other and are resumed: weights, behaviour on two fixed inputs,
preprocessing, precision and the version of the measurement are the same. They are equal to the last bit where the
circumstances are the same too; otherwise rounding may differ between them.
"""

from __future__ import annotations

import functools
import platform
from pathlib import Path

import numpy as np
import torch

from gala_viz.attribution.network_identity import precision_key, state_dict_sha256
from gala_viz.attribution.provenance import code_versions
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.cache import ArrayCache
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import OutputFingerprint, kept_name
from gala_viz.specs import MEASUREMENT_VERSION, fingerprint


def network_key(network: Network, behaviour: OutputFingerprint | None, cache: ArrayCache) -> str:
    """Return a name of what determines a network's numbers.

    Parameters
    ----------
    network : Network
        Its weights are those of now, not those of the file that they were read from.
    behaviour : OutputFingerprint or None
        Its output fingerprint of now; None of imported maps, which have none.
    cache : ArrayCache
        Knows behaviours met before; one that is no more than rounding away from such a one counts as that one.

    Returns
    -------
    str
        The same on every machine and device, for the same layers or others.
    """
    if behaviour is None:
        return fingerprint("imported maps", network.sha256, network.preprocessing.settings(), MEASUREMENT_VERSION)
    known = fingerprint(
        state_dict_sha256(network.module),
        [str(network.module), network.card.get("network", {})],
        network.preprocessing.settings(),
        precision_key(network),
        MEASUREMENT_VERSION,
    )
    key = f"behaviours {known}"
    before = str((cache.read(key) or {}).get("known", "{}"))
    name = kept_name(behaviour, before, lambda text: cache.write(key, {"known": np.array(text)}))
    return fingerprint(known, name)


def circumstances(network: Network) -> dict[str, str]:
    """Return what a result was computed with, beside its identity: device, threads, batches, machine, versions."""
    return {
        **network.device_attrs,
        "threads": str(torch.get_num_threads()),
        "batch_size": str(SmoothGrad(network).batch_size()),
        "machine": machine_description(),
        **code_versions(),
    }


@functools.cache
def machine_description() -> str:
    """Return the model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
