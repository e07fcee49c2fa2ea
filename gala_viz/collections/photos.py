"""``photos``: the 20 ImageNet photographs that the pip package foolbox carries. It has no human maps."""

from __future__ import annotations

import re
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from gala_viz.collections.collection import Collection
from gala_viz.imagenet import CATEGORIES
from gala_viz.specs import fingerprint

_FILE = re.compile(r"imagenet_\d{2}_(\d{1,3})\.jpg")


class PhotosCollection(Collection):
    """20 photographs, one ImageNet category each; an image's id is its file name without ".jpg"."""

    def __init__(self) -> None:
        self._folder = photos_folder()
        files = sorted(path.name for path in self._folder.iterdir())
        labels = {name.removesuffix(".jpg"): imagenet_label(name) for name in files}
        self._labels = {image: label for image, label in labels.items() if label is not None}
        if not self._labels:
            raise FileNotFoundError(
                f"no photographs imagenet_NN_LABEL.jpg in {self._folder}; reinstall with pip install --force-reinstall "
                "foolbox."
            )
        super().__init__(
            name="photos",
            title=f"{len(self._labels)} ImageNet photographs",
            images=list(self._labels),
            licence="foolbox is under the MIT licence; the photographs are ImageNet's, for research",
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files' names and sizes: a release of the package fixes their content."""
        return fingerprint("photos", [(image, self.path(image).stat().st_size) for image in self.images])

    def path(self, image: str) -> Path:
        """Return the path of the image's file inside the package."""
        self.check(image)
        return self._folder / f"{image}.jpg"

    def target(self, image: str) -> int:
        """Return the ImageNet index that ends the file's name."""
        self.check(image)
        return self._labels[image]

    def category(self, image: str) -> str:
        """Return ImageNet's name of the target."""
        return CATEGORIES[self.target(image)][1]


def photos_folder() -> Path:
    """Find the folder of the photographs without importing foolbox (which would load its attacks).

    Raises ``FileNotFoundError`` where foolbox is not installed.
    """
    spec = find_spec("foolbox")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        if (Path(folder) / "data").is_dir():
            return Path(folder) / "data"
    raise FileNotFoundError("the collection 'photos' needs the package foolbox: pip install foolbox.")


def imagenet_label(filename: str) -> int | None:
    """Return the ImageNet index 0..999 in a name imagenet_NN_LABEL.jpg; None for any other name."""
    match = _FILE.fullmatch(filename)
    label = int(match[1]) if match else None
    return label if label is not None and label < len(CATEGORIES) else None
