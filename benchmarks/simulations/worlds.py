"""Made-up maps, people and clicks on 14 x 14 cells, whose truth is known.

Maps are smooth Gaussian fields: what is common, and a field of noise a person; or clicks through a Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from gala_viz.alignment import CeilingSpec, centre_map, image_ceilings
from gala_viz.alignment.ranks import rank_correlations
from gala_viz.schema import labelled_map

CELLS = 14
WIDTH = 1.5
"""Standard deviation of the Gaussian that smooths noise and clicks, in cells."""
CENTRE = (centre_map((CELLS, CELLS)) - centre_map((CELLS, CELLS)).mean()) / centre_map((CELLS, CELLS)).std()
PEOPLE_OF_POOL, N_POOL = 6, 2000


def _smoother(width: float) -> np.ndarray:
    """Return the matrix of a Gaussian around a ring of cells, with rows of sum 1."""
    steps = np.arange(CELLS)
    distance = np.minimum(np.abs(steps[:, None] - steps), CELLS - np.abs(steps[:, None] - steps))
    kernel = np.exp(-(distance**2) / (2 * width**2))
    return kernel / kernel.sum(axis=1, keepdims=True)


SMOOTHER = _smoother(WIDTH)
_SCALE = np.square(SMOOTHER).sum(axis=1)[0]


def fields(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Smooth Gaussian fields (..., y, x) of variance 1."""
    return SMOOTHER @ rng.standard_normal((*shape, CELLS, CELLS)) @ SMOOTHER.T / _SCALE


def clicks(rng: np.random.Generator, density: np.ndarray, n_people: int, n_clicks: int) -> np.ndarray:
    """Maps (image, person, y, x) of multinomial clicks through a Gaussian; ``density`` (image, y, x)."""
    p = density.reshape(len(density), -1)
    counts = rng.multinomial(n_clicks, (p / p.sum(axis=1, keepdims=True))[:, None], size=(len(density), n_people))
    return SMOOTHER @ counts.reshape(len(density), n_people, CELLS, CELLS).astype(float) @ SMOOTHER.T


def rhos(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """rho of maps (..., y, x) one by one, by the code that ceilings are computed with."""
    flat = (np.ascontiguousarray(one.reshape(-1, CELLS * CELLS), dtype=np.float64) for one in np.broadcast_arrays(a, b))
    return rank_correlations(*flat).reshape(np.broadcast_shapes(a.shape, b.shape)[:-2])


def labelled(maps: np.ndarray, people: list[str]) -> xr.DataArray:
    return labelled_map(maps, name="human_map", leading={"participant": people})


@dataclass(frozen=True)
class Pool:
    """Images from which worlds draw theirs, so that all means over them are known.

    ``ceiling`` (image,) is of six people of each image's own; ``rho`` (network, image) is that of a good network, of
    one a little better and correlated with it, of a poor one, and of one that knows nothing of the image.
    """

    ceiling: np.ndarray
    rho: np.ndarray


@cache
def pool(kind: str = "fields", noise: float = 1.0) -> Pool:
    """The images of a world of fields or of clicks; people's noise has ``noise`` standard deviations of the common."""
    rng = np.random.default_rng([7, kind == "clicks", int(1000 * noise)])
    common = fields(rng, N_POOL)
    if kind == "clicks":
        people = clicks(rng, np.exp(1.5 * common), PEOPLE_OF_POOL, 12)
    else:
        people = common[:, None] + noise * fields(rng, N_POOL, PEOPLE_OF_POOL)
    spec = CeilingSpec(n_splits=30)
    names = [str(one) for one in range(PEOPLE_OF_POOL)]
    found = image_ceilings(((str(at), labelled(maps, names)) for at, maps in enumerate(people)), spec).rho
    own, shared = fields(rng, 3, N_POOL), fields(rng, N_POOL)
    networks = np.stack(
        [
            common + 0.7 * shared + 0.5 * own[0],
            common + 0.7 * shared + 0.3 * own[1],
            0.4 * common + own[2],
            fields(rng, N_POOL),
        ]
    )
    human = people.mean(axis=1)
    return Pool(ceiling=np.array([found[str(at)] for at in range(N_POOL)]), rho=rhos(networks, human[None]))
