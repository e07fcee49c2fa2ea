"""A game small enough to play in milliseconds: coloured photographs, and a network that names colours."""

import numpy as np
import torch
from torch import nn

from gala_viz.collections.open import open_collection
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.server import GameServer
from gala_viz.live.recogniser import Recogniser
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.records.database import Database
from gala_viz.records.rate_limits import RateLimits
from tests.collections.pictures import encoded

COLOURS = {"cherry": (230, 20, 20), "leaf": (20, 230, 20), "sea": (20, 20, 230)}
GREY = (127, 127, 127)
QUICK = {"limit_ms": 1200.0, "top": 1, "catch_share": 0.0, "n_practice": 0}
FREE = RateLimits(messages_per_s=1e4, rounds_per_min=1e4, participants_per_hour=1e4, connections=1000)


class Colours(nn.Module):
    """Logits of three colours, how much of each is seen beyond grey; and of "nothing", which stands until enough is."""

    def forward(self, batch):
        seen = 400 * batch.clamp(0, 1).mean(dim=(2, 3))
        return torch.cat([seen, seen.new_full((len(seen), 1), 1.5)], dim=1)


def photographs(folder, count=9):
    """``count`` grey photographs with a coloured patch in the upper left quarter, by category."""
    for number in range(count):
        name = list(COLOURS)[number % 3]
        picture = np.full((64, 96, 3), GREY, np.uint8)
        picture[8:32, 24:48] = COLOURS[name]
        path = folder / name / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture))
    return open_collection(folder)


def network():
    preprocessing = Preprocessing(short_px=32, crop_px=32, mean=(127.0,) * 3, std=(128.0,) * 3)
    return Network(
        Colours(), name="colours", preprocessing=preprocessing, categories=(*COLOURS, "nothing"), device="cpu"
    )


def game(folder, records, count=9, limits=FREE, database=None, simulated=True, **spec):
    """A game on such photographs; ``database`` may be one that is open already."""
    collection = photographs(folder, count)
    settings = GameSpec(**{**QUICK, **spec})
    recogniser, kept = Recogniser(network()), database or Database(records)
    return GameServer(collection, recogniser, kept, settings, limits, seed=1, simulated=simulated)
