"""Files of gala_viz that SmoothGrad of a collection crosses: ``python benchmarks/files_crossed.py [--network NAME]``.

No measure of speed: it counts, by ``sys.setprofile``, the files of the package in which a function runs between the
call of ``gv.smoothgrad`` and its result, once everything is imported and opened. Files of the network's own layers are
told apart, since a network of others has none.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gala_viz as gv

ROOT = Path(gv.__file__).parent
LAYERS = ("networks/gala.py", "networks/insert.py", "networks/activation_hooks.py", "networks/resnet.py")
"""Where layers of networks live."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--network", default="lite0-gala-human")
    parser.add_argument("--collection", default="photos")
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--samples", type=int, default=5)
    arguments = parser.parse_args()
    network, collection = gv.load_network(arguments.network), gv.open_collection(arguments.collection)
    images = collection.images[: arguments.images]
    spec = gv.SmoothGradSpec(n_samples=arguments.samples, noise_fraction=0.15)
    gv.smoothgrad(network, collection, spec, images=images)  # imports, and what is done once for a network
    calls = calls_by_file(lambda: gv.smoothgrad(network, collection, spec, images=images))
    for file, count in sorted(calls.items()):
        print(f"{count:7,} calls  {file}")
    of_layers = [file for file in calls if file in LAYERS]
    print(f"{len(calls) - len(of_layers)} files, and {len(of_layers)} of the network's layers")


def calls_by_file(run: Callable[[], Any]) -> Counter[str]:
    """Return how often functions of each file of the package are called while ``run()`` runs, in any new thread too."""
    calls: Counter[str] = Counter()

    def count(frame: Any, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            calls[path.relative_to(ROOT).as_posix()] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
