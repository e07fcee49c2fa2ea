"""A MapSource made of arithmetic: synthetic photographs, smooth maps, slow iterators, a record of what was asked."""

from __future__ import annotations

import copy
import functools
import io
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import xarray as xr
from PIL import Image

from gala_viz.alignment import area_average
from gala_viz.collections.human_maps.uploaded_maps import photograph_of, read_uploaded_map
from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.engine.results.painted_scores import score_painted_map
from gala_viz.engine.results.perturbation import (
    REVEAL_PERCENTS,
    check_mask,
    label_reveal_curve,
    perturb_pixels,
    reveal_mask,
    reveal_order,
    shown_percent,
)
from gala_viz.engine.results.prediction import Prediction
from gala_viz.engine.results.scores import COMPARISON_GRID
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map
from gala_viz.specs import MapRequest, Targets
from gala_viz.store.source import (
    ForwardResults,
    ImageInfo,
    Labels,
    MapUpdate,
    NetworkChoice,
    NetworkInfo,
    PerturbedAnswer,
    PerturbedResults,
    PhotoCut,
    Progress,
    RevealUpdate,
    network_choice,
)

SIDE = 224
UNITS = {"occlusion": "logits"}
"""Of methods whose maps are in another unit than SmoothGrad's."""
CATEGORIES = tuple(
    ["tabby cat", "goldfish", "school bus", "espresso", "lighthouse", "acoustic guitar", "hot-air balloon", "otter"]
    + [f"category {i}" for i in range(8, 40)]
)
LAYERS = ("blocks.5", "blocks.6", "blocks.7", "blocks.8", "blocks.9", "blocks.10")


def blobs(seed: int, count: int, width: float, side: int = SIDE) -> np.ndarray:
    """A smooth non-negative map in [0, 1]: ``count`` Gaussians of about ``width`` px at seeded places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] * (SIDE / side)
    out = np.zeros((side, side))
    for cy, cx in rng.uniform(0.2 * SIDE, 0.8 * SIDE, (count, 2)):
        out += rng.uniform(0.4, 1) * np.exp(
            -((y - cy) ** 2 + (x - cx) ** 2) / (2 * (width * rng.uniform(0.7, 1.4)) ** 2)
        )
    return (out / out.max()).astype(np.float32)


@functools.lru_cache(256)
def photograph(seed: int) -> np.ndarray:
    """Sky, ground, an object with shading and film grain: uint8 (y, x, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    horizon = rng.uniform(0.45, 0.7)
    sky, ground = rng.uniform(0.45, 0.95, 3), rng.uniform(0.1, 0.5, 3)
    ramp = np.clip((y - horizon) * 18 + 0.5, 0, 1)[..., None]
    picture = (1 - ramp) * sky * (1.05 - 0.5 * (1 - y[..., None])) + ramp * ground * (0.6 + 0.7 * y[..., None])
    cy, cx, r = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.65), rng.uniform(0.16, 0.28)
    distance = np.hypot((y - cy) * 1.15, x - cx)
    body = np.clip((r - distance) * 40, 0, 1)[..., None]
    light = np.clip(1.1 - np.hypot(y - cy + r / 2, x - cx + r / 2) / (1.7 * r), 0.15, 1)[..., None]
    picture = (1 - body) * picture + body * rng.uniform(0.35, 1.0, 3) * light
    picture += rng.normal(0, 0.03, (SIDE, SIDE, 1)) + rng.normal(0, 0.02, (SIDE, SIDE, 3))
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


class FakeSource:
    """Answers at once or with ``delay_s`` per chunk; ``asked`` counts the questions by name and image."""

    def __init__(
        self, count: int = 24, delay_s: float = 0.0, human: bool = True, odd_names: bool = True, n_networks: int = 2
    ) -> None:
        self.name, self.title = "fake", "Synthetic photographs"
        self.delay_s = delay_s
        self.asked: Counter[str] = Counter()
        self.cancelled_jobs = 0
        self.all_networks = tuple(
            NetworkInfo(
                name=name,
                title=title,
                layers=LAYERS,
                categories=CATEGORIES,
                input_px=(SIDE, SIDE),
                device="CPU, float32",
                summary={"recipe": recipe, "data": "synthetic photographs"},
            )
            for name, title, recipe in (
                ("lite0-gala-vanilla", "Vanilla GALA", "labels only"),
                ("lite0-gala-human", "Human co-trained GALA", "labels and human maps"),
                *((f"other-{number}", f"Other {number}", "none") for number in range(2, n_networks)),
            )
        )
        self.networks = self.all_networks[:2]
        ids = [f"photo {i:05d}" for i in range(count)]
        if odd_names and count > 3:
            ids[2] = '<img src=x onerror="window.hacked=1">'
        self.images = tuple(ids)
        self.map_kinds = (
            {"fixations": "Fixations of 15 observers, 3 s of free viewing.", "mouse": "Mouse samples."} if human else {}
        )
        self.starting_image = None
        self.outlined = "diagnostic parts" if human else ""
        self.methods = {"smoothgrad": "SmoothGrad", "saliency": "Gradient"}
        self.request = self.request_version_1 = MapRequest()
        self.layers_of_grad_cam: tuple[str, ...] = ()
        """Layers of Grad-CAM, where ``methods`` name it."""
        self.skipped = (("broken/half.jpg", "the file ends early"),)
        self._seed = {image: i for i, image in enumerate(ids)}
        self._uploads: dict[str, np.ndarray] = {}
        self._filenames: dict[str, str] = {}
        self._maps: dict[str, tuple[str, str, np.ndarray]] = {}  # upload -> its photograph's id, file and map
        self._notes: dict[str, str] = {}
        self._done: dict[tuple[str, MapRequest], MapUpdate] = {}
        self._lock = threading.Lock()
        self.opened_as: tuple[str, ...] = ()
        self.origin = {"collection": "fake"}
        self.cannot_perturb = ""

    @property
    def uploads(self):
        return self._uploads

    @property
    def titles(self) -> dict[str, str]:
        return {network.name: network.title for network in self.all_networks}

    def choices(self, request: MapRequest) -> tuple[NetworkChoice, ...]:
        return tuple(
            network_choice(
                network.name, network.title, np.array([1, 0, np.nan]), np.array([0.4, 0.5]), opened_as or network.name
            )
            for network, opened_as in zip_longest(self.all_networks, self.opened_as, fillvalue="")
        )

    def pair(self, first: str, second: str) -> FakeSource:
        self.asked[f"pair {first} {second}"] += 1
        time.sleep(self.delay_s)
        known = {network.name: network for network in self.all_networks}
        for name in (first, second):
            if name not in known:
                raise UnknownNameError(f"there is no network {name!r}.")
        other = copy.copy(self)
        other.networks, other._done = (known[first], known[second]), {}
        return other

    def seed(self, image: str) -> int:
        return self._seed[image]

    def info(self, image: str) -> ImageInfo:
        if image in self._uploads:
            photograph, map_filename, _ = self._maps.get(image, (image, "", None))
            return ImageInfo(
                image=image,
                filename=self._filenames[image],
                has_human_map=bool(map_filename),
                map_filename=map_filename,
                photograph=photograph,
                note=self._notes.get(image, ""),
            )
        target = self.seed(image) % 8
        return ImageInfo(
            image=image,
            category=CATEGORIES[target],
            target=target,
            superclass="animal" if target in (0, 1, 7) else "thing",
            has_human_map=bool(self.map_kinds) and self.seed(image) % 5 != 4,
            size_px=(480, 640),
        )

    def labels(self) -> Labels:
        infos = [self.info(image) for image in self.images]
        return Labels(
            category=tuple(info.category or "" for info in infos),
            superclass=tuple(info.superclass or "" for info in infos),
            split=tuple(info.split or "" for info in infos),
            has_human_map=np.array([info.has_human_map for info in infos], dtype=bool),
        )

    def thumbnail(self, image: str) -> bytes:
        self.asked["thumbnail"] += 1
        buffer = io.BytesIO()
        Image.fromarray(self.view(image)).resize((96, 96)).save(buffer, "WEBP")
        return buffer.getvalue()

    def view(self, image: str) -> np.ndarray:
        return self._uploads[image] if image in self._uploads else photograph(self.seed(image))

    def outline(self, image: str) -> xr.DataArray | None:
        mask = np.zeros((SIDE, SIDE), np.float32)
        mask[60:120, 40 : 100 + self.seed(image) % 7] = 1
        return labelled_map(mask, name="outline")

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        self.asked[f"human {image}"] += 1
        if image in self._maps:
            _, name, values = self._maps[image]
            attrs = {"kind": "uploaded", "file": name, "n_participants": "unknown"}
            return labelled_map(values, name="human_map", extent_px=(SIDE, SIDE), attrs=attrs)
        if not self.map_kinds or not self.info(image).has_human_map:
            return None
        offset = 0 if participant is None else 7 * int(participant[1:])
        values = blobs(self.seed(image) + 1000 + offset, 3 if kind != "mouse" else 5, 20)
        values[:, :6] = np.nan
        return labelled_map(values, name="human_map")

    def _check(self, image: str, request: MapRequest) -> None:
        """Refuse what a real source refuses."""
        if request.participant is not None and request.participant not in self.participants(image, request.human_map):
            raise UnknownNameError(f"there is no participant {request.participant!r} of {image}.")
        if "label" in {request.of_network(number).target for number in range(2)} and self.info(image).target is None:
            raise ValueError(f"the true category of {image} is not known.")

    def photo_cut(self, image: str) -> PhotoCut:
        return PhotoCut((0.0, 0.0, float(SIDE), float(SIDE)), (SIDE, SIDE))

    def painted_results(self, image: str, points_px: np.ndarray, request: MapRequest) -> PaintedResults:
        self.asked[f"painted {image}"] += 1
        self._check(image, request)
        update, frame = self._done.get((image, request)), Preprocessing(short_px=SIDE, crop_px=SIDE)
        maps = [None, None] if update is None else list(update.maps.values)
        people = self.human_map(image, request.human_map, request.participant)
        on_grid = None if people is None else area_average(np.nan_to_num(people.values), COMPARISON_GRID)
        of_networks = [(one, frame) for one in maps]
        return score_painted_map(points_px, (SIDE, SIDE), frame, frame, of_networks, on_grid, COMPARISON_GRID)

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        if image in self._uploads:
            return ()
        return tuple(f"p{i}" for i in range(15)) if self.human_map(image, kind) is not None else ()

    def forward(self, image: str) -> ForwardResults:
        self.asked[f"forward {image}"] += 1
        seed = self.seed(image)
        target = self.info(image).target
        predictions, norms = [], []
        for k in range(2):
            first = target if (target is not None and (seed + k) % 4) else (seed + 3) % 8
            order = (first, *[i for i in range(8) if i != first][:4])
            share = np.array([0.61 + 0.1 * k, 0.17, 0.08, 0.04, 0.01])
            predictions.append(
                Prediction(
                    indices=order,
                    categories=tuple(CATEGORIES[i] for i in order),
                    probabilities=tuple(float(p) for p in share),
                    correct=None if target is None else first == target,
                )
            )
            norms.append(
                {
                    layer: labelled_map(
                        (2 + i) * blobs(seed + 50 * i + 7 * k, 3, 30, side=14),
                        name="attention_norm",
                        extent_px=(SIDE, SIDE),
                    )
                    for i, layer in enumerate(LAYERS)
                }
            )
        return ForwardResults(predictions=tuple(predictions), attention_norms=tuple(norms))

    def perturb(self, image: str, mask: np.ndarray, fill: str, target: Targets, cancelled) -> PerturbedResults | None:
        """The logit falls as the square of what is hidden, and the first two categories change places below half."""
        self.asked[f"perturb {image} {fill} {target}"] += 1
        time.sleep(self.delay_s)
        if cancelled():
            self.cancelled_jobs += 1
            return None
        kept = check_mask(mask, (SIDE, SIDE))
        share = shown_percent(kept) / 100
        answers = []
        for number, known in enumerate(self.forward(image).predictions):
            own = target[number] if isinstance(target, tuple) else target
            index = known.indices[0] if own == "own" else own if isinstance(own, int) else 1
            order = list(range(5)) if share >= 0.5 else [1, 0, 2, 3, 4]
            answers.append(
                PerturbedAnswer(
                    prediction=replace(
                        known,
                        indices=tuple(known.indices[k] for k in order),
                        categories=tuple(known.categories[k] for k in order),
                    ),
                    target=index,
                    category=CATEGORIES[index],
                    logit_whole=9.0 + number,
                    probability_whole=known.probabilities[0],
                    logit=9.0 + number - 5 * (1 - share) ** 2,
                    probability=known.probabilities[0] * share,
                )
            )
        view = perturb_pixels(self.view(image), np.full((SIDE, SIDE, 3), 127, np.uint8), kept)
        return PerturbedResults(view=view, shown_percent=100 * share, answers=tuple(answers))

    def reveal_curve(
        self, image: str, importance, fill: str, target: Targets, cancelled, *, percents=REVEAL_PERCENTS, erase=False
    ) -> Iterator[RevealUpdate]:
        self.asked[f"reveal {image} {fill} {target} {erase}"] += 1
        order = reveal_order(importance)
        values = np.full((2, len(percents), 2), np.nan)
        masks = [reveal_mask(order, (SIDE, SIDE), percent, erase=erase) for percent in percents]
        for point, mask in enumerate(masks):
            results = self.perturb(image, mask, fill, target, cancelled)
            if results is None:
                return
            values[:, point] = [(one.logit, one.probability) for one in results.answers]
            curve = label_reveal_curve(
                values.copy(),
                np.array([(one.logit_whole, one.probability_whole) for one in results.answers]),
                targets=[one.target for one in results.answers],
                percents=percents,
                erase=erase,
                shown=[shown_percent(one) for one in masks],
                leading={"network": [network.name for network in self.networks]},
                attrs={"fill": fill},
            )
            left = len(masks) - point - 1
            yield RevealUpdate(
                curve=curve, progress=Progress(done=point + 1, total=len(masks), seconds=0.1 * point, eta_s=0.1 * left)
            )

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        return self._done.get((image, request))

    def update(self, image: str, request: MapRequest, n: int) -> MapUpdate:
        """The maps after ``n`` samples: the truth plus noise that falls with the root of n."""
        seed, total = self.seed(image), request.smoothgrad.n_samples
        rng = np.random.default_rng(seed + n)
        truth = np.stack([blobs(seed + 2000, 6, 14), 0.6 * blobs(seed + 3000, 3, 20)]) * 0.03
        error = np.full_like(truth, 0.01 / np.sqrt(n))
        maps = np.abs(truth + error * rng.standard_normal(truth.shape)).astype(np.float32)
        parts = maps / np.percentile(maps, 99, axis=(1, 2), keepdims=True)
        delta = (parts[1] - parts[0]).astype(np.float32)
        names = {"network": [network.name for network in self.networks]}
        more = 0.3 * (request.human_map == "mouse") + 0.05 * (request.participant is not None)
        scores = xr.Dataset(
            {k: ("network", np.array([v + more, v + 0.15])) for k, v in (("rho", 0.41), ("dice", 0.3), ("iou", 0.2))},
            coords=names,
            attrs={"resolution_px": 56},
        )
        if request.smoothing_px:
            scores = scores.assign({f"{name}_drawn": scores[name] + 0.5 for name in ("rho", "dice", "iou")})
        if not self.info(image).has_human_map or request.reduction == "signed":
            scores = scores * np.nan
        in_logits = {"units": "logits per input unit"}
        both = [request.of_network(number) for number in range(2)]
        own_attrs = tuple({"method": one.method, "units": UNITS.get(one.method, in_logits["units"])} for one in both)
        if request.second is not None:
            in_logits = {"units": own_attrs[0]["units"]} if own_attrs[0]["units"] == own_attrs[1]["units"] else {}
            error = error * np.array([one.method == "smoothgrad" for one in both])[:, None, None]
        return MapUpdate(
            maps=labelled_map(maps, name="saliency", leading=names, attrs=in_logits),
            standard_error=labelled_map(
                error.astype(np.float32), name="standard_error", leading=names, attrs=in_logits
            ),
            delta=labelled_map(delta, name="delta", attrs={"units": "1"}),
            delta_error=labelled_map(np.full_like(delta, 0.02), name="delta_error", attrs={"units": "1"}),
            targets=tuple(
                prediction.indices[0]
                if one.target == "own"
                else one.target
                if request.second and one.target != "label"
                else 1
                for one, prediction in zip(both, self.forward(image).predictions, strict=True)
            ),
            sigma=(request.smoothgrad.noise_fraction * 1.99,) * 2,
            n=n,
            n_samples=total,
            seconds=0.1 * n,
            eta_s=0.1 * (total - n),
            done=n >= total,
            scores=scores,
            own_attrs=() if request.second is None else own_attrs,
        )

    def maps(self, image: str, request: MapRequest, cancelled, *, background=False) -> Iterator[MapUpdate]:
        self.asked[f"maps {image}"] += 1
        self._check(image, request)
        total = request.smoothgrad.n_samples
        for n in (*range(5, total, 5), total):
            if cancelled():
                self.cancelled_jobs += 1
                return
            time.sleep(self.delay_s)
            update = self.update(image, request, n)
            if update.done:
                self._done[image, request] = update
            yield update

    def cam_layers(self) -> tuple[str, ...]:
        self.asked["cam layers"] += 1
        return self.layers_of_grad_cam

    def scores(self, request: MapRequest) -> xr.Dataset:
        self.asked["scores"] += 1
        n = len(self.images)
        rng = np.random.default_rng(5)
        rho = np.clip(rng.normal([[0.42], [0.58]], 0.14, (2, n)), -0.2, 0.95)
        known = np.array([self.info(i).has_human_map for i in self.images])
        rho[:, ~known] = np.nan
        if request.method != "smoothgrad":  # other maps, other scores
            rho -= np.array([[0.0], [0.3]])
        if request.second is not None:
            rho[1] = rho[0] - 0.2
        ceiling = 0.4 if request.human_map == "mouse" else 0.7
        right = np.array([[(s + k) % 4 != 0 for s in range(n)] for k in range(2)], dtype=float)
        dims = ("network", "image")
        return xr.Dataset(
            {
                "correct": (dims, right),
                "rho": (dims, rho),
                "dice": (dims, rho * 0.7),
                "iou": (dims, rho * 0.5),
                "ceiling": ("image", np.where(known, ceiling, np.nan)),
                "delta_size": ("image", rng.uniform(0.1, 0.3, n)),
                "rho_attention": (("network", "layer", "image"), np.stack([rho] * len(LAYERS), axis=1)),
            },
            coords={"network": [k.name for k in self.networks], "layer": list(LAYERS), "image": list(self.images)},
            attrs={"ceiling_mean": 0.7, "ceiling_low": 0.66, "ceiling_high": 0.74, "resolution_px": 56},
        )

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled) -> Iterator[Progress]:
        self.asked["survey"] += 1
        for i in range(len(images)):
            if cancelled():
                return
            time.sleep(self.delay_s)
            yield Progress(done=i + 1, total=len(images), seconds=i * 0.1, eta_s=(len(images) - i - 1) * 0.1)

    def add_upload(self, filename: str, content: bytes, beside: Sequence[str] = ()) -> str:
        """A map at 224 x 224 px of a photograph ``beside``, by the rules of names and content of a real source."""
        self.asked["upload"] += 1
        names = {self._filenames[image]: self.info(image).photograph for image in beside}
        name, note = photograph_of(filename, content, list(names))
        if name is not None:
            values = np.asarray(read_uploaded_map(filename, content, (SIDE, SIDE)).values)
            coarse = Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            with self._lock:
                photograph = names[name]
                image = f"{photograph}-{len(self._maps) + 1}"
                self._maps[image] = (photograph, filename, np.asarray(coarse))
                self._uploads[image], self._filenames[image] = self._uploads[photograph], name
                self._seed[image] = self._seed[photograph]
            return image
        try:
            picture = Image.open(io.BytesIO(content)).convert("RGB").resize((SIDE, SIDE))
        except OSError:
            raise ValueError(f"{filename} could not be read as a photograph: PNG, JPEG or WebP is expected.") from None
        with self._lock:
            image = f"upload-{len(self._uploads) - len(self._maps) + 1}"
            self._uploads[image], self._filenames[image] = np.asarray(picture), filename
            self._seed[image] = 500 + len(self._uploads)
            self._notes[image] = note
        return image
