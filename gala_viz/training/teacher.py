"""The unmodified network's soft predictions, computed once before a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gala_viz.networks.network import Network
from gala_viz.specs import fingerprint
from gala_viz.training.samples import Source

Tell = Callable[[int, int], None]
TeacherLogits = dict[tuple[int, str], Tensor]
"""(number of the source, image id) -> logits (category,), as ``Samples`` asks for them."""


@torch.inference_mode()
def soft_predictions(
    teacher: Network, sources: Sequence[Source], *, batch_size: int = 32, tell: Tell | None = None
) -> TeacherLogits:
    """The teacher's logits on the centre crop and its mirror image, averaged, for every source's images.

    ``tell(done, total)`` hears of progress.
    """
    keys = [(number, image) for number, source in enumerate(sources) for image in source.images]
    found: TeacherLogits = {}
    for start in range(0, len(keys), batch_size):
        part = keys[start : start + batch_size]
        batch = teacher.to_batch([sources[number].collection.photo(image) for number, image in part])
        logits = (teacher.logits(batch) + teacher.logits(batch.flip(3))) / 2
        found.update(zip(part, logits.cpu(), strict=True))
        if tell is not None:
            tell(len(found), len(keys))
    return found


def remembered_predictions(
    teacher: Network, sources: Sequence[Source], folder: Path, *, tell: Tell | None = None
) -> TeacherLogits:
    """``soft_predictions``, kept in ``folder`` under the teacher's checksum and the collections' fingerprints."""
    keys = [(number, image) for number, source in enumerate(sources) for image in source.images]
    told = [(source.collection.fingerprint, source.images) for source in sources]
    path = folder / f"{fingerprint(teacher.sha256, teacher.preprocessing.settings(), told)}.safetensors"
    try:
        kept = load_file(path)["logits"]
        if len(kept) == len(keys):
            return dict(zip(keys, kept, strict=True))
    except (FileNotFoundError, KeyError, SafetensorError):
        pass
    found = soft_predictions(teacher, sources, tell=tell)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"logits": torch.stack([found[key] for key in keys])}, path)
    return found
