"""Write Keras models with random weights and what they give: ``python keras_models.py FOLDER`` where Keras is there.

The files of 2022 are Keras 2: tf_keras writes them, and vit_keras 0.1, which builds by tf_keras; keras writes its own.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from pathlib import Path

import numpy as np


def written(folder: Path, side: int = 64, n_categories: int = 7) -> list[Path]:
    """Write every model by both Keras, and its outputs beside it; return the models' files."""
    files = []
    for library in ("tf_keras", "keras"):
        keras = importlib.import_module(library)
        keras.utils.set_random_seed(0)
        images = np.random.default_rng(0).normal(0, 1, (2, side, side, 3)).astype(np.float32)
        for name, build in {
            "resnet50v2": keras.applications.ResNet50V2,
            "vgg16": keras.applications.VGG16,
            "efficientnetB0": keras.applications.EfficientNetB0,
        }.items():
            end = "softmax" if name == "vgg16" else None  # logits tell more of a difference
            shape = (side, side, 3)
            model = build(weights=None, input_shape=shape, classes=n_categories, classifier_activation=end)
            rng = np.random.default_rng(1)
            for layer in model.layers:  # else every batch norm is the identity
                if type(layer).__name__ == "BatchNormalization":
                    layer.set_weights(
                        [rng.uniform(0.6, 1.4, one.shape).astype("float32") for one in layer.get_weights()]
                    )
            scale = {"efficientnetB0": 50.0, "vgg16": 200.0}.get(name, 1.0)  # else outputs are all but the same
            outputs = np.asarray(model(images * scale, training=False))
            for ending in (".h5", ".keras"):
                path = folder / f"{library}_{name}{ending}"
                model.save(path)
                np.savez(path.with_name(f"{path.name}.npz"), images=images * scale, outputs=outputs)
                files.append(path)
    return [*files, vit(folder)]


def vit(folder: Path) -> Path:
    """Write the weights of a whole ViT-B16 for 224 px as vit_keras 0.1 does, and its outputs; return the file."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    for name in ("tensorflow_addons", "pkg_resources"):  # for weights that it would download, and TensorFlow before 2.4
        sys.modules[name] = types.ModuleType(name)
    model = importlib.import_module("vit_keras.vit").vit_b16(
        image_size=224, classes=7, pretrained=False, pretrained_top=False
    )
    rng = np.random.default_rng(2)  # class token and biases would be 0, norms the identity
    model.set_weights([one + rng.normal(0, 0.02, one.shape).astype("float32") for one in model.get_weights()])
    images = rng.normal(0, 1, (2, 224, 224, 3)).astype("float32")
    path = folder / "vit_keras_b16.h5"
    model.save_weights(path)
    np.savez(f"{path}.npz", images=images, outputs=np.asarray(model(images, training=False)))
    return path


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for one in written(Path(sys.argv[1])):
        sys.stdout.write(f"{one}\n")
