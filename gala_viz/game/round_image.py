"""The image of a round: a photograph's centre square, or for a catch trial two photographs side by side."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.collections.collection import Collection
from gala_viz.game.scoring import LEFT
from gala_viz.imagenet import label_index
from gala_viz.records.canvas import Box, centre_crop_box, crop_to_canvas

JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class RoundImage:
    """The canvas (y, x, 3) uint8, its category, the network's index of that, and the part of the photograph shown."""

    canvas: NDArray[np.uint8]
    category: str
    target: int
    box: Box

    def data_url(self) -> str:
        """Return the canvas as the data URL of a JPEG, which is sent within its round alone."""
        stream = io.BytesIO()
        Image.fromarray(self.canvas).save(stream, "JPEG", quality=JPEG_QUALITY)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def make_round_image(collection: Collection, image: str, categories: tuple[str, ...], side_px: int) -> RoundImage:
    """Make the image of a round from one photograph.

    Parameters
    ----------
    collection : Collection
        Where the photograph is.
    image : str
        Id of the photograph, whose category the network knows (``playable_images``).
    categories : tuple of str
        The network's categories, by index.
    side_px : int
        Side of the canvas in pixels.

    Returns
    -------
    RoundImage
        The photograph's centre square.

    Raises
    ------
    UnreadableImageError
        The photograph cannot be shown.
    UnknownNameError
        The collection does not hold the image.
    """
    photo = collection.photo(image)
    category, target = collection.category(image), collection.target(image)
    box = centre_crop_box(*photo.shape[:2])
    index = label_index(categories, category, target)
    return RoundImage(crop_to_canvas(photo, side_px, box), category or categories[index], index, box)


def catch_trial_image(
    collection: Collection, named_image: str, other_image: str, answer: str, categories: tuple[str, ...], side_px: int
) -> RoundImage:
    """Make the image of a catch trial: the middle halves of two photographs side by side.

    Parameters
    ----------
    collection : Collection
        Where the photographs are.
    named_image : str
        Id of the photograph whose category the player reads.
    other_image : str
        Id of the photograph beside it, of another category.
    answer : str
        ``LEFT`` or ``RIGHT``: where the named photograph lies.
    categories : tuple of str
        The network's categories, by index.
    side_px : int
        Side of the canvas in pixels.

    Returns
    -------
    RoundImage
        Category and target are those of the named photograph; the box is the canvas itself.

    Raises
    ------
    UnreadableImageError
        One of the photographs cannot be shown.
    """
    named = make_round_image(collection, named_image, categories, side_px)
    beside = make_round_image(collection, other_image, categories, side_px)
    quarter, half = side_px // 4, side_px // 2
    pair = [one.canvas[:, quarter : quarter + half] for one in (named, beside)]
    canvas = np.concatenate(pair if answer == LEFT else pair[::-1], axis=1)
    return RoundImage(canvas, named.category, named.target, (0.0, 0.0, float(side_px), float(side_px)))
