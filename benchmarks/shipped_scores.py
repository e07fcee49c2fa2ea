"""Make the scores that come with the shipped networks: models/NETWORK/scores-COLLECTION.nc.

    python benchmarks/shipped_scores.py [--collections photos rendered] [--images 1200] [--samples 50] [--out models]

Every image of ``rendered`` and ``photos`` that no network of a pair learnt from is scored as a page would score it
(SmoothGrad with the settings of a page's start). A pair's second network also has the reliability of their deltas at
several smoothings, over the first twenty of these images: a page starts at the least smoothing at which its median is
enough. On two cores this takes about an hour; what a cache (GALA_VIZ_CACHE) has already is not computed again.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.attribution.provenance import code_versions
from gala_viz.collections import open_collection
from gala_viz.collections.collection import Collection
from gala_viz.live import LiveMaps
from gala_viz.live.shipped_scores import (
    N_RELIABILITY_IMAGES,
    OF_FORWARD,
    OF_MAPS,
    SMOOTHINGS_PX,
    about,
    write_scores,
)
from gala_viz.networks.zoo import load_network
from gala_viz.splits import LEARNT

MODELS = Path(__file__).resolve().parents[1] / "models"
PAIRS = {
    "photos": (("lite0-gala-vanilla", "lite0-gala-human"),),
    "rendered": (("rendered-gala", "rendered-gala-clickme"), ("rendered-resnet", "rendered-se")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--collections", nargs="+", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--images", type=int, help="the first so many; all where not given")
    parser.add_argument("--samples", type=int, help="SmoothGrad's n; that of a page's start where not given")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder of the networks' folders")
    arguments = parser.parse_args()
    for name in arguments.collections:
        collection = open_collection(name)
        for pair in PAIRS[name]:
            make(LiveMaps(collection, [load_network(one, "cpu") for one in pair]), collection, pair, arguments)


def make(source: LiveMaps, collection: Collection, pair: tuple[str, str], arguments: argparse.Namespace) -> None:
    """Score a pair and write the file of either network."""
    request = replace(source.request, smoothing_px=0.0)
    if arguments.samples is not None:
        request = replace(request, smoothgrad=replace(request.smoothgrad, n_samples=arguments.samples))
    images = tuple(
        image for image, status in zip(source.images, source.labels().learnt, strict=True) if status != LEARNT
    )[: arguments.images]
    start = last = time.monotonic()
    for progress in source.survey(request, images, lambda: False):
        if time.monotonic() - last > 30:
            last = time.monotonic()
            sys.stdout.write(f"{pair}: {progress.done} of {progress.total}\n")
    scores = source.scores(request).sel(image=list(images))
    few = images[:N_RELIABILITY_IMAGES]
    values = [
        [
            list(source.maps(image, replace(request, smoothing_px=px), lambda: False))[-1].delta_reliability
            for image in few
        ]
        for px in SMOOTHINGS_PX
    ]
    reliability = xr.DataArray(
        values, dims=("smoothing", "image"), coords={"smoothing": list(SMOOTHINGS_PX), "image": list(few)}
    )
    for row, name in enumerate(pair):
        (arguments.out / name).mkdir(parents=True, exist_ok=True)
        own = scores[[*OF_FORWARD, *OF_MAPS]].isel(network=row, drop=True)
        layers = list(source.networks[row].layers)
        own = own.sel(layer=layers) if layers else own.drop_dims("layer")
        path = write_scores(
            arguments.out / name,
            own,
            {pair[0]: reliability} if row else {},
            {pair[0]: scores["delta_size"].values} if row else {},
            about(source.identities[row].weights_sha256, source.precisions[row], collection, request)
            | {"network": name, **code_versions()},
        )
        sys.stdout.write(f"{path}: {len(images)} images, {path.stat().st_size} bytes\n")
    medians = {px: round(float(np.median(row)), 3) for px, row in zip(SMOOTHINGS_PX, values, strict=True)}
    sys.stdout.write(f"{pair}: {time.monotonic() - start:.0f} s; median reliability by smoothing {medians}\n")


if __name__ == "__main__":
    main()
