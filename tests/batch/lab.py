"""A lab's corner on disk: photographs with people's maps, and two small networks, found by processes of any start."""

import numpy as np

from gala_viz.networks.card import write_network
from gala_viz.networks.resnet import resnet
from tests.collections.pictures import encoded

CATEGORIES = ("hare", "tram")
SMALL = {"n_categories": 2, "blocks": [1, 1], "base_filters": 4, "strides": [1, 2], "attention_groups": [2]}


def photographs(root, count=10, broken=()):
    """``count`` photographs of two categories, with maps of three participants on all but the last."""
    chance = np.random.default_rng(0)
    (root / "maps").mkdir(parents=True)
    for number in range(count):
        name = f"{CATEGORIES[number % 2]}/{number:02d}.png"
        path = root / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = encoded(chance.integers(0, 256, (40, 40, 3)).astype(np.uint8))
        path.write_bytes(content[:60] if number in broken else content)
        if number < count - 1:
            people = chance.random((3, 40, 40)).astype(np.float32)
            np.savez(root / "maps" / f"{number:02d}.npz", maps=people, participants=["a", "b", "c"])
    return root / "photos", root / "maps"


def networks(root, names=("plain", "gala")):
    """Folders of small ResNets with random weights, the second with GALA."""
    import torch

    for number, name in enumerate(names):
        torch.manual_seed(number)
        arguments = {**SMALL, "attention": "gala" if name == "gala" else "none"}
        module = resnet(**{key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()})
        card = {
            "network": {"name": name, "title": name.title(), "builder": "resnet", "arguments": arguments},
            "preprocessing": {"short_px": 32, "crop_px": 32, "mean": [127.0] * 3, "std": [64.0] * 3},
            "categories": {"names": list(CATEGORIES)},
        }
        write_network(root / name, module.eval(), card)
    return [root / name for name in names]
