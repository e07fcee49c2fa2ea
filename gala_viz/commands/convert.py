"""``gala-viz convert``: weights of others, or maps in their place, as a network's folder with a card."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import nn

IMAGENET, IMAGENET_WITH_BACKGROUND = 1000, 1001
MAX_LISTED = 20
_OF_MAPS = ("collection", "covers", "sign", "method", "smoothing", "names", "variable")
_OF_WEIGHTS = (
    "categories", "squash", "short_px", "crop_px", "resize", "interpolation", "mean", "std", "half", "full",
)  # fmt: skip
_COVERS = {
    "photograph": "the whole photograph",
    "squashed": "the whole photograph, in other proportions",
    "crop": "the central 224 px of a short side of 256 px",
}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Convert weights into a folder that every command takes as a network.

    gala-tpu: a TensorFlow checkpoint of the authors' code (any width and depth, GALA at output or input, or none).
    torchvision: a ResNet's weights under torchvision's names, .safetensors or .pth, also in a training's checkpoint.
    keras: a whole model of plain layers, .h5 or .keras, or ViT weights of vit_keras; as the harmonized networks, with
    their preprocessing. Nothing in these files is run.
    maps: maps that other software computed, on the images of --collection, in the place of a network: a folder of one
    PNG, NPY or NPZ file an image, an NPY stack with --names, an NPZ file of a stack and names, NetCDF or Zarr of dims
    image, y, x. compare, explore and evaluate take them beside networks; answers to photographs stay unknown.
    """

    kind: Annotated[Literal["gala-tpu", "torchvision", "keras", "maps"], tyro.conf.Positional]
    """What CHECKPOINT is."""
    checkpoint: Annotated[Path, tyro.conf.Positional]
    """A file, a checkpoint's prefix, or a folder that holds one checkpoint; of maps the file or folder."""
    out: Annotated[Path, tyro.conf.Positional]
    """Folder of the network; its name becomes the network's."""
    title: str | None = None
    """What pages and tables call the network."""
    categories: Path | None = None
    """File with one category a line, in the order of the network's outputs; 1000 outputs are ImageNet's without it."""
    licence: str = "unknown: ask whose weights these are"
    """Licence of the weights, or of the maps."""
    collection: str | None = None
    """maps: name or folder of the collection whose images they are of."""
    covers: Literal["photograph", "squashed", "crop"] | None = None
    """maps: what they cover: the whole photograph in its proportions (the default), the whole photograph in others, or
    the central 224 px of a short side of 256 px."""
    sign: Literal["importance", "signed"] | None = None
    """maps: larger is more important throughout, or evidence for and against, whose size counts; needed where values
    are below 0."""
    method: str | None = None
    """maps: how they were made, for example "Grad-CAM, layer4"."""
    smoothing: str | None = None
    """maps: how they were smoothed, or none."""
    names: Path | None = None
    """maps: file with one image's name a line, or a JSON list, in the order of the stack."""
    variable: str | None = None
    """maps: variable of NetCDF or Zarr."""
    squash: Literal["tanh", "sigmoid"] | None = None
    """Squash of GALA, which a checkpoint does not tell; default: sigmoid, as in the authors' code."""
    short_px: int | None = None
    """The photograph's short side after resizing; default: 256, of keras the model's input."""
    crop_px: int | None = None
    """Side of the square cut from its middle; default: 224, of keras the model's input."""
    resize: Literal["short", "squash"] | None = None
    """Keep the photograph's aspect (short), or see all of it in other proportions (squash, the default of keras)."""
    interpolation: Literal["bilinear", "bilinear-no-antialias", "bicubic", "lanczos"] | None = None
    """How photographs are resized; default: bilinear, of keras as TensorFlow does."""
    mean: tuple[float, float, float] | None = None
    """Subtracted from red, green and blue, which reach from 0 to 255; default: ImageNet's means."""
    std: tuple[float, float, float] | None = None
    """What the difference is divided by."""
    half: bool = False
    """Write weights as float16, vectors as float32: half as large, logits differ by some thousandths."""
    full: bool = False
    """Write float32 weights: the default now; the word is kept for scripts of before."""

    def run(self) -> int:
        """Convert, write, and print what was written."""
        from gala_viz.networks.card import write_network
        from gala_viz.networks.network_folders import CARD, check_names_differ
        from gala_viz.networks.preprocessing import Preprocessing
        from gala_viz.specs import toml_values

        if self.half and self.full:
            raise ValueError("--full writes float32 weights, --half float16; leave one of them out.")
        if (self.out / CARD).exists():
            raise FileExistsError(f"{self.out} holds a network already; choose another folder, or remove it.")
        self._check_kind()
        if self.kind == "maps":
            return self._convert_maps()
        names = self._names()
        network, builder, arguments, source = _READERS[self.kind](self)
        notes = list(source.pop("notes", ()))
        n_outputs = arguments["n_categories"]
        if names is None and n_outputs == IMAGENET_WITH_BACKGROUND:
            _drop_background(network)
            n_outputs = arguments["n_categories"] = IMAGENET
            notes.append("output 0 of 1001, the background, is left out")
        if names is not None and len(names) != n_outputs:
            raise ValueError(f"{self.categories} names {len(names)} categories; the network has {n_outputs} outputs.")
        if names is not None:
            check_names_differ(self.categories, names)
        listed = names or [f"category {number}" for number in range(n_outputs)]
        of_file = source.pop("preprocessing", {})
        given = {
            name: getattr(self, name) for name in ("short_px", "crop_px", "resize", "interpolation", "mean", "std")
        }
        settings = Preprocessing.imagenet().settings() | of_file
        settings |= {name: value for name, value in given.items() if value is not None}
        card = {
            "network": {
                "name": self.out.resolve().name,
                "title": self.title or self.out.resolve().name,
                "builder": builder,
                "arguments": toml_values(arguments),
                "start": f"converted from {source['file']} (sha256 {source['sha256'][:16]})",
                "licence": self.licence,
            },
            "preprocessing": Preprocessing.from_settings(settings).settings(),
            "categories": {"source": "imagenet"} if names is None and n_outputs == IMAGENET else {"names": listed},
            "converted": {"kind": self.kind, "notes": notes, **source},
            "made": {"code": f"gala_viz {version('gala_viz')}"},
        }
        card = write_network(self.out, network, card, half=self.half)
        count = card["weights"]["parameters"]
        sys.stdout.write("".join(f"{note}\n" for note in notes))
        sys.stdout.write(f"{count:,} parameters, {n_outputs} outputs: written to {self.out}\n")
        return 0

    def _check_kind(self) -> None:
        """Raise ``ValueError`` for options of another kind."""
        wrong = _OF_WEIGHTS if self.kind == "maps" else _OF_MAPS
        given = [name for name in wrong if getattr(self, name)]
        if given:
            raise ValueError(f"--{given[0].replace('_', '-')} is not for {self.kind}; leave it out.")

    def _convert_maps(self) -> int:
        """Write maps that other software computed in the place of a network, and print what was left out."""
        from gala_viz.collections import open_collection
        from gala_viz.collections.human_maps.map_checks import MapFileError
        from gala_viz.collections.network_maps import match_maps, open_network_maps, stored_map
        from gala_viz.counts import counted
        from gala_viz.networks.imported_maps import MAPS_BUILDER, write_maps_network
        from gala_viz.networks.preprocessing import Preprocessing

        if self.collection is None:
            raise ValueError("--collection names the images that the maps are of.")
        collection = open_collection(self.collection)
        maps = open_network_maps(self.checkpoint.expanduser(), self.names, self.variable)
        places, left_out = match_maps(maps, collection.images)
        told = [*maps.skipped, *left_out]
        covers, grids, negative = self.covers or "photograph", [], []

        def usable() -> Iterator[tuple[str, np.ndarray]]:
            for image in filter(places.__contains__, collection.images):
                name = maps.names[places[image]]
                try:
                    values = maps.read(places[image])
                    one = stored_map(values, covers, self.sign, collection.size_px(image), (*grids, None)[0])
                except (MapFileError, OSError) as error:
                    told.append((name, str(error)))
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
                else:
                    negative.append(bool(values.min() < 0))
                    grids[:] = [one.shape]
                    yield image, one

        sign = {"importance": "larger is more important", "signed": "evidence for and against; its size counts"}
        frame = Preprocessing.imagenet()
        card = {
            "network": {
                "name": self.out.resolve().name,
                "title": self.title or f"{self.out.resolve().name} (imported maps)",
                "builder": MAPS_BUILDER,
                "start": f"maps computed elsewhere, {self.checkpoint.name}",
                "licence": self.licence,
            },
            "maps": {
                **({"method": self.method} if self.method else {}),
                "covers": _COVERS[covers],
                "sign": sign.get(self.sign or "", "not told; no value is below 0"),
                **({"smoothing": self.smoothing} if self.smoothing else {}),
                "file": self.checkpoint.name,
                "collection": collection.name,
            },
            "preprocessing": (frame if covers == "crop" else frame.uncut()).settings(),
            "made": {"code": f"gala_viz {version('gala_viz')}"},
        }
        written = write_maps_network(self.out, card, usable())
        for name, reason in told[:MAX_LISTED]:
            sys.stdout.write(f"passed over: {name}: {reason}\n")
        if len(told) > MAX_LISTED:
            sys.stdout.write(f"… and {len(told) - MAX_LISTED} more\n")
        if not written:
            n_maps = f"{len(maps.names):,} maps"
            raise ValueError(f"{self.checkpoint}: none of its {n_maps} can be used on an image of {collection.name}.")
        if self.sign == "importance" and any(negative):
            sys.stdout.write("below 0: the smallest value of each such map is subtracted\n")
        missing = len(collection.images) - written
        sys.stdout.write(
            f"{counted(written, 'map')} of {collection.name}, {counted(missing, 'image')} without one: written to "
            f"{self.out}\n"
        )
        return 0

    def _names(self) -> list[str] | None:
        if self.categories is None:
            return None
        lines = self.categories.expanduser().read_text(encoding="utf-8-sig").splitlines()
        return [line.strip() for line in lines if line.strip()]


ConvertedNetwork = tuple["nn.Module", str, dict[str, Any], dict[str, Any]]
"""A network, its builder, the builder's arguments, and what the card says of their origin."""


def _gala_tpu(options: Arguments) -> ConvertedNetwork:
    """Read a TensorFlow checkpoint of the authors' code."""
    from gala_viz.networks.converters.tensorflow_checkpoint import TensorFlowCheckpoint
    from gala_viz.networks.converters.tensorflow_gala import convert_checkpoint

    checkpoint = TensorFlowCheckpoint(options.checkpoint)
    converted = convert_checkpoint(checkpoint, squash=options.squash)
    notes = [f"not needed: {', '.join(converted.unused[:5])}"] if converted.unused else []
    if converted.arguments["attention"] == "gala":
        squash = converted.arguments["attention_options"]["squash"]
        notes.append(f"squash: {squash}{'' if options.squash else ', as in the authors’ code'}")
    files = sorted(checkpoint.prefix.parent.glob(f"{checkpoint.prefix.name}.data-*"))
    source = {"file": checkpoint.prefix.name, "sha256": _sha256(files), "notes": notes}
    return converted.network, "resnet", converted.arguments, source


def _torchvision(options: Arguments) -> ConvertedNetwork:
    """Read a ResNet's weights under torchvision's names."""
    from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet, infer_torchvision_arguments
    from gala_viz.networks.network_folders import WeightsError
    from gala_viz.networks.state_dict_files import load_weights, read_checkpoint

    checkpoint = read_checkpoint(options.checkpoint)
    state = checkpoint.state
    try:
        arguments = infer_torchvision_arguments({key: tuple(value.shape) for key, value in state.items()})
        network = TorchvisionResNet(**arguments)
        load_weights(options.checkpoint, state, network)
    except WeightsError:
        raise
    except (ValueError, RuntimeError) as error:
        message = " ".join(str(error).split())
        raise WeightsError(f"{options.checkpoint}: {message[:300]}") from None
    digest, notes = _sha256([options.checkpoint.expanduser()]), list(checkpoint.notes)
    source = {"file": options.checkpoint.name, "sha256": digest, "notes": notes}
    return network.eval(), "torchvision_resnet", arguments, source


def _keras(options: Arguments) -> ConvertedNetwork:
    """Read a whole Keras model, or weights of a ViT of vit_keras."""
    from gala_viz.networks.converters.keras_file import read_keras_model
    from gala_viz.networks.converters.keras_vit import is_vit_file, read_keras_vit

    path = options.checkpoint.expanduser()
    # As serre-lab/Harmonization makes inputs: resized to the input without a cut, / 255, ImageNet's mean and std.
    preprocessing: dict[str, Any] = {"resize": "squash", "interpolation": "bilinear-no-antialias"}
    if is_vit_file(path):
        network, arguments, notes = read_keras_vit(path)
        builder, side = "keras_vit", arguments["grid"][0] * arguments["patch_px"]  # type: ignore[index,operator]
        size: list[int] | int = side
    else:
        model = read_keras_model(path)
        network, arguments, notes, builder = model.network, model.arguments, model.notes, "keras_graph"
        size = model.input_px[0] if model.input_px[0] == model.input_px[1] else list(model.input_px)
        if arguments["scales_inputs"]:
            preprocessing |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    preprocessing |= {"short_px": size, "crop_px": size}
    notes = [*notes, f"photographs become {size} px without a cut, as Harmonization makes inputs"]
    source = {"file": path.name, "sha256": _sha256([path]), "notes": notes, "preprocessing": preprocessing}
    return network, builder, arguments, source


_READERS = {"gala-tpu": _gala_tpu, "torchvision": _torchvision, "keras": _keras}


def _drop_background(network: nn.Module) -> None:
    """Remove the first output of the network's last layer, in place."""
    from torch import nn

    name, head = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Linear)][-1]
    rest = nn.Linear(head.in_features, head.out_features - 1)
    rest.load_state_dict({"weight": head.weight[1:], "bias": head.bias[1:]})
    network.set_submodule(name, rest)


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
