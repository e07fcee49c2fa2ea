"""Write Keras models with random weights and what they give: ``python keras_models.py FOLDER`` where Keras is there.

The files of 2022 are Keras 2, so tf_keras writes them where it is installed, and keras its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import numpy as np


def written(folder: Path, side: int = 64, n_categories: int = 7) -> list[Path]:
    """Write every model by every Keras that is installed, and its outputs beside it; return the models' files."""
    files = []
    for library in ("tf_keras", "keras"):
        if importlib.util.find_spec(library) is None:
            continue
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
            scale = 50.0 if name == "efficientnetB0" else 1.0
            outputs = np.asarray(model(images * scale, training=False))
            for ending in (".h5", ".keras"):
                path = folder / f"{library}_{name}{ending}"
                model.save(path)
                np.savez(path.with_name(f"{path.name}.npz"), images=images * scale, outputs=outputs)
                files.append(path)
    return files


if __name__ == "__main__":
    for one in written(Path(sys.argv[1])):
        sys.stdout.write(f"{one}\n")
