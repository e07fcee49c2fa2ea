"""One training from images to the folder of a network: what ``gala-viz train`` does, for Python."""

from __future__ import annotations

import logging
import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from gala_viz.collections import open_collection
from gala_viz.counts import counted
from gala_viz.cpu_threads import available_cores
from gala_viz.imagenet import CATEGORIES, category_names
from gala_viz.networks.architectures import complete_arguments
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import EPOCHS_FOLDER, check_free, check_writable
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network
from gala_viz.training.batches import TrainingDataModule, epoch_draws, validation_batches
from gala_viz.training.checkpoints import CHECKPOINT_MINUTES
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.dataset import MEMORY_BYTES, ProgressCallback, TrainingImages, check_any_map
from gala_viz.training.distillation import DistillationModule, initial_student
from gala_viz.training.fit import check_hardware, fit
from gala_viz.training.held_out import HeldOutImages
from gala_viz.training.optimisation import describe_schedule
from gala_viz.training.recipes import DistillationRecipe, Recipe, SupervisedRecipe
from gala_viz.training.run_lock import locked_run
from gala_viz.training.sources import PhotoCollection, TrainingSource, describe_sources, sources_of_split
from gala_viz.training.supervised import SupervisedModule, identity_of, initial_network, weights_of_start
from gala_viz.training.training_card import (
    VALIDATION_FILE,
    LearntImages,
    distillation_sections,
    hash_learnt_images,
    supervised_sections,
    write_trained_network,
)
from gala_viz.training.validation_metrics import validation_values

N_KEPT_EPOCHS = 10
"""About so many networks of single epochs are kept of a training, unless the caller says otherwise."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """On what a training runs; nothing here is part of the recipe.

    ``device`` is Lightning's accelerator ("auto", "cpu", "gpu"), ``devices`` the processes of one of ``num_nodes``
    machines. ``n_workers`` processes read images ahead in each of them; None: as many as suit. Images of a split that
    take more than ``memory_bytes`` are read anew in every epoch. See ``gala_viz.training.fit.fit`` for the others.
    """

    device: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: str = "32-true"
    compile_network: bool = False
    n_workers: int | None = None
    memory_bytes: int = MEMORY_BYTES


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """What one training learns: which images train and which validate, the network's ``categories`` and input.

    ``start`` is the network that it begins as, if there is one.
    """

    training: tuple[TrainingSource, ...]
    validation: tuple[TrainingSource, ...]
    categories: tuple[str, ...]
    preprocessing: Preprocessing
    start: Network | None = None


def train(
    recipe: Recipe,
    *,
    labels: PhotoCollection | str | Path | None = None,
    maps: PhotoCollection | str | Path | None = None,
    plain: Sequence[PhotoCollection | str | Path] = (),
    out: str | Path = "models",
    runs: str | Path = "runs",
    hardware: Hardware = Hardware(),
    licence: str | None = None,
    keep_duplicates: bool = False,
    keep_every: int | None = None,
    half: bool = False,
    resume: bool = True,
    replace_network: bool = True,
    quiet: bool = True,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    callbacks: Sequence[Callback] = (),
    tell: Tell = lambda line: None,
    progress: Callable[[str], ProgressCallback] = lambda task: lambda done, total: None,
) -> Path | None:
    """Train a network by a recipe, and write its folder.

    Parameters
    ----------
    recipe : Recipe
        All settings of the training.
    labels : PhotoCollection, str or Path, optional
        Photographs of which a category is known, or their name or folder; their own human maps, if they have any, are
        used too.
    maps : PhotoCollection, str or Path, optional
        Photographs with human maps; their categories, where they are known, are used too. It may be that of ``labels``.
    plain : sequence of PhotoCollection, str or Path
        Further photographs, which a recipe's teacher alone labels.
    out : str or Path
        The network's folder is ``out``/<recipe's name>; what is there is written over.
    runs : str or Path
        Checkpoints, logs and networks of single epochs are kept in ``runs``/<recipe's name>.
    hardware : Hardware
        On what it runs.
    licence : str, optional
        Licence of the weights, for the card.
    keep_duplicates : bool
        Train with photographs that are held out under another name; the card says so.
    keep_every : int, optional
        Keep the network of every so many epochs, as a folder in RUN/epochs; default: about ten of a training. 0: none.
    half : bool
        Write weights as float16, vectors as float32.
    resume : bool
        Go on from the checkpoint of an earlier run.
    replace_network : bool
        Write over a network of that name; else one that is there, or comes there meanwhile, is refused.
    quiet : bool
        Draw no progress bar.
    checkpoint_minutes : float
        See ``fit``.
    callbacks : sequence of Callback
        Further callbacks of Lightning.
    tell : callable
        Called with lines on images, settings and epochs.
    progress : callable
        Called with the name of a task; what it returns is called with how much is done, and of how much.

    Returns
    -------
    Path or None
        The network's folder; None in a process of a distributed run that does not write.

    Raises
    ------
    ValueError
        Collections are missing, an image cannot serve, or as ``fit``.
    """
    check_hardware(hardware.device, hardware.precision, hardware.devices)
    out, runs = Path(out).expanduser(), Path(runs).expanduser()
    recipe = replace(recipe, arguments=complete_arguments(recipe.builder, recipe.arguments))
    check_writable(out)
    if not replace_network:
        check_free(out / recipe.name)
    setup = set_up_training(
        recipe,
        labels=_opened(labels),
        maps=_opened(maps),
        plain=[one for one in map(_opened, plain) if one is not None],
        keep_duplicates=keep_duplicates,
        tell=tell,
    )
    module = training_module(recipe, setup, tell)
    training, validation = read_images(
        recipe,
        setup,
        compares_attention=bool(module.layers),
        memory_bytes=hardware.memory_bytes,
        tell=tell,
        progress=progress,
    )
    tell(describe_schedule(recipe))
    tell(_describe_steps(recipe, training))
    if recipe.ema:
        n_steps = len(training) // recipe.batch_size * recipe.epochs
        tell(f"the network is the average of its weights over about {1 / (1 - recipe.ema):,.0f} of {n_steps:,} steps")
    n_workers = hardware.n_workers
    if n_workers is None:
        n_workers = 0 if training.in_memory else max(1, available_cores() // max(1, hardware.devices))
    pictures = TrainingDataModule(training, validation, recipe, setup.preprocessing, n_workers=n_workers)  # type: ignore[arg-type]
    writer = _NetworkWriter(recipe, setup, pictures, licence, half)
    every = max(1, math.ceil(recipe.epochs / N_KEPT_EPOCHS)) if keep_every is None else keep_every
    kept = [_KeepEpochs(writer, runs / recipe.name, every)] if every else []
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)")  # Lightning's, to PyTorch
    with locked_run(runs / recipe.name):  # until the card is written: it tells of this run alone
        network = fit(
            module,
            pictures,
            runs / recipe.name,
            accelerator=hardware.device,
            devices=hardware.devices,
            num_nodes=hardware.num_nodes,
            precision=hardware.precision,
            compile_network=hardware.compile_network,
            resume=resume,
            quiet=quiet,
            checkpoint_minutes=checkpoint_minutes,
            callbacks=[*kept, *callbacks],
            tell=tell,
        )
        trainer = pictures.trainer
        if trainer is not None and not trainer.is_global_zero:
            return None
        if not replace_network:
            check_free(out / recipe.name)
        return writer.write(out / recipe.name, network, trainer)


def set_up_training(
    recipe: Recipe,
    *,
    labels: PhotoCollection | None = None,
    maps: PhotoCollection | None = None,
    plain: Sequence[PhotoCollection] = (),
    keep_duplicates: bool = False,
    tell: Tell = lambda line: None,
) -> TrainingSetup:
    """Return which images train and validate a recipe, and what the network learns of them; tell what is left out.

    Parameters
    ----------
    recipe : Recipe
        Says what is wanted of the images.
    labels, maps, plain, keep_duplicates, tell
        See ``train``.

    Returns
    -------
    TrainingSetup
        No photograph is read yet.

    Raises
    ------
    ValueError
        Collections are missing, or no image can serve.
    """
    watched = collections_by_role(labels, maps)
    everything = [*watched, *(("plain", collection) for collection in plain)]
    held_out = HeldOutImages(collection for _, collection in everything)
    if isinstance(recipe, DistillationRecipe):
        if labels is None or maps is None:
            raise ValueError(f"{recipe.name} needs both labels (--labels) and maps (--maps).")
        start = load_network(recipe.start, device="cpu")  # the training takes it to each process's own device
        preprocessing, categories = start.preprocessing, start.categories
    else:
        assert isinstance(recipe, SupervisedRecipe)
        if not watched:
            raise ValueError(f"{recipe.name} needs labels (--labels), maps (--maps) or both; got neither.")
        if plain:
            raise ValueError(f"{recipe.name} has no teacher, who would label plain photographs (--plain).")
        start = load_network(recipe.start, device="cpu") if recipe.start else None
        preprocessing = recipe.preprocessing
        categories, sentence = training_categories(recipe, [one for _, one in watched], held_out)
        tell(sentence)
        if len(categories) == 1:
            if not recipe.uses_maps:
                raise ValueError(
                    f"{recipe.name}: there is one category, {categories[0]!r}, and no human map takes part: every "
                    "answer is right, and nothing can be learnt. Photographs lie in a folder for each of two or more."
                )
            tell("ONE CATEGORY ALONE: every answer is right, and an accuracy of 1 says nothing; human maps alone train")
    options: dict[str, Any] = {
        "frame": preprocessing,
        "held_out": held_out,
        "categories": categories,
        "keep_duplicates": keep_duplicates,
    }
    training = sources_of_split(everything, "train", **options)
    validation = sources_of_split(watched, "validation", **options)
    incomplete = [source for source in validation if source.left_out or source.unknown]
    for line in describe_sources([*training, *incomplete]):
        tell(f"  {line}")
    for _, collection in everything:
        if empty := getattr(collection, "empty_folders", ()):
            listed = ", ".join(empty[:8]) + (", …" if len(empty) > 8 else "")
            tell(f"  {collection.name}: no photograph lies in {counted(len(empty), 'folder')}: {listed}")
        if skipped := getattr(collection, "skipped", ()):
            (name, why), noun_of = skipped[0], getattr(collection, "skipped_noun", lambda path: "file")
            nouns = Counter(noun_of(path) for path, _ in skipped)
            told = " and ".join(counted(count, noun) for noun, count in nouns.items())
            tell(f"  {collection.name}: {told} not used, the first: {name}: {why}")
    if isinstance(recipe, SupervisedRecipe) and tuple(categories) != category_names():
        learnt = {source.label(image) for source in training for image in source.images}
        if missing := [name for number, name in enumerate(categories) if number not in learnt]:
            tell(f"NO TRAINING IMAGE of {counted(len(missing), 'category', 'categories')}: {', '.join(missing[:8])}")
    return TrainingSetup(
        training=training,
        validation=validation,
        categories=tuple(categories),
        preprocessing=preprocessing,
        start=start,
    )


def read_images(
    recipe: Recipe,
    setup: TrainingSetup,
    *,
    compares_attention: bool = True,
    memory_bytes: int = MEMORY_BYTES,
    tell: Tell = lambda line: None,
    progress: Callable[[str], ProgressCallback] = lambda task: lambda done, total: None,
) -> tuple[TrainingImages, TrainingImages]:
    """Return the images that train and those that validate, in memory where they fit.

    Parameters
    ----------
    recipe : Recipe
        Says whether maps train, and how large a part of each photograph is needed.
    setup : TrainingSetup
        Which images.
    compares_attention : bool
        Whether attention is compared with maps in validation.
    memory_bytes : int
        Images of a split that take more stay in their files.
    tell, progress
        See ``train``.

    Returns
    -------
    training, validation : TrainingImages
        Ready for ``TrainingDataModule``.

    Raises
    ------
    ValueError
        Maps would train, and none can be used.
    """
    stored = recipe.stored_frame(setup.preprocessing)  # type: ignore[attr-defined]
    parts = (
        ("train", setup.training, stored, recipe.uses_maps, np.float16),
        ("validation", setup.validation, setup.preprocessing, compares_attention, np.float32),  # which is ranked
    )
    names = ", ".join(source.collection.name for source in setup.training)
    read = []
    for split, sources, frame, with_maps, map_dtype in parts:
        images = TrainingImages(sources, frame, with_maps=with_maps, map_dtype=map_dtype)
        if split == "train":
            check_maps_are_there(recipe, setup, tell)  # before anything is read
        if images.n_bytes <= memory_bytes:
            images.load(progress(f"reading {split} images"))
        else:
            tell(f"{split}: {images.n_bytes / 1e9:,.1f} GB stay in their files and are read in every epoch")
            images.check_maps(progress(f"checking maps of {split} images"))
        for source in sources if with_maps else ():
            if source.role == "maps" or images.has_maps_of(source):
                tell(f"{split}: {source.collection.name}: {images.describe_maps(source)}")
                if images.are_few_usable(source):
                    tell(f"{split}: FEWER THAN HALF of the human maps of {source.collection.name} can be used")
        if images.unreadable:
            listed = ", ".join(images.unreadable[:5])
            tell(f"{split}: {counted(len(images.unreadable), 'photograph')} cannot be read, left out: {listed}")
        read.append(images)
    if recipe.uses_maps:
        check_any_map(read[0], names)
    return read[0], read[1]


def check_maps_are_there(recipe: Recipe, setup: TrainingSetup, tell: Tell = lambda line: None) -> None:
    """Raise ``ValueError`` where maps would train and no training image has one; nothing is read.

    Where some have and do not train, ``tell`` says so.
    """
    images = TrainingImages(setup.training, setup.preprocessing)
    if recipe.uses_maps:
        check_any_map(images, ", ".join(source.collection.name for source in setup.training))
    elif images.has_map.any():
        tell("human maps have no part in this training: lambda is 0")


def _opened(collection: Any) -> Any:
    return open_collection(collection) if isinstance(collection, str | Path) else collection


def collections_by_role(
    labels: PhotoCollection | None, maps: PhotoCollection | None
) -> list[tuple[str, PhotoCollection]]:
    """Return (role, collection) of those that are given; one that is given as both has the role "labels" alone."""
    same = (
        labels is not None and maps is not None and (labels.name, labels.fingerprint) == (maps.name, maps.fingerprint)
    )
    found = [("maps", None if same else maps), ("labels", labels)]
    return [(role, collection) for role, collection in found if collection is not None]


def training_categories(
    recipe: SupervisedRecipe, collections: Sequence[PhotoCollection], held_out: HeldOutImages
) -> tuple[tuple[str, ...], str]:
    """Return the categories that a network learns, in their order, and a sentence on how they were chosen.

    Parameters
    ----------
    recipe : SupervisedRecipe
        Its ``categories`` say how.
    collections : sequence of PhotoCollection
        Whose training images are looked at.
    held_out : HeldOutImages
        Which images these are.

    Returns
    -------
    categories : tuple of str
        Names in the order of the logits.
    sentence : str
        For the person who trains.

    Raises
    ------
    ValueError
        No training image has a category, or two categories have one name.
    """
    if not isinstance(recipe.categories, str):
        return (
            recipe.categories,
            f"categories: the {len(recipe.categories)} that are listed ({_listed(recipe.categories)})",
        )
    if recipe.categories == "imagenet":
        return category_names(), "categories: ImageNet's 1,000"
    pairs: Counter[tuple[str, int | None]] = Counter()
    for collection in collections:
        for image in held_out.splits_of(collection).images_of("train"):
            if (name := collection.category(image)) is not None:
                pairs[name, collection.target(image)] += 1
    for collection in collections:
        own = getattr(collection, "categories", None)
        if recipe.categories == "auto" and own and {name for name, _ in pairs} <= set(own):
            return tuple(own), f"categories: the {len(own)} of {collection.name} ({_listed(own)})"
    if recipe.categories == "auto" and len({index for _, index in pairs} - {None}) == len(CATEGORIES):
        return category_names(), "categories: ImageNet's 1,000, each of which has training images"
    names = sorted({name for name, _ in pairs})
    indices: dict[str, set[int]] = {name: set() for name in names}
    for name, index in pairs:
        indices[name] |= set() if index is None else {index}
    if twice := next((name for name, found in indices.items() if len(found) > 1), None):
        raise ValueError(
            f"two categories are called {twice!r}; name their folders otherwise, or learn all of ImageNet's "
            "(--categories imagenet)."
        )
    if not names:
        told = ", ".join(collection.name for collection in collections)
        raise ValueError(f"{told}: no training image has a category; photographs lie in folders named by theirs.")
    return tuple(names), f"categories: {counted(len(names), 'one', 'of their own')} ({_listed(names)})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def training_module(recipe: Recipe, setup: TrainingSetup, tell: Tell = lambda line: None) -> CoTrainingModule:
    """Return the Lightning module of a recipe, with the network at its beginning.

    Parameters
    ----------
    recipe : Recipe
        Says how the network is built, and how it learns.
    setup : TrainingSetup
        Its categories, and the network that it begins as.
    tell : callable
        Called with a line on how much of the network comes from that.

    Returns
    -------
    CoTrainingModule
        A ``SupervisedModule`` or a ``DistillationModule``.

    Raises
    ------
    ValueError
        The network cannot be built, or does not give one logit for each category.
    """
    if isinstance(recipe, DistillationRecipe):
        assert setup.start is not None
        student = DistillationModule(initial_student(recipe, setup.start), recipe, setup.start)
        student.start_identity = identity_of(setup.start)
        return student
    assert isinstance(recipe, SupervisedRecipe)
    network = initial_network(recipe, len(setup.categories), setup.start, setup.categories)
    _check_logits(recipe, network, setup)
    module = SupervisedModule(network, recipe)
    if setup.start is not None:
        module.start_identity = identity_of(setup.start)
        weights = weights_of_start(setup.start, network, recipe.builder, len(setup.categories), setup.categories)
        sizes = {key: one.numel() for key, one in network.named_parameters()}
        share = sum(sizes.get(key, 0) for key in weights) / sum(sizes.values())
        tell(f"begins with the weights of {setup.start.name}: {share:.1%} of its own, the others at random")
    return module


@torch.no_grad()
def _check_logits(recipe: Recipe, network: nn.Module, setup: TrainingSetup) -> None:
    """Raise ``ValueError`` where a forward pass fails or gives other than one logit for each category."""
    shape = (1, 3, *setup.preprocessing.input_px)
    was_training = network.training
    try:
        logits = network.eval()(torch.zeros(shape))
    except Exception as error:  # it may be external code
        message = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{recipe.name}: a forward pass of {recipe.builder} on an image {shape} raised {type(error).__name__}: "
            f"{message}"
        ) from error
    finally:
        network.train(was_training)
    found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != (1, len(setup.categories)):
        raise ValueError(
            f"{recipe.name}: {recipe.builder} should give one logit for each of the {len(setup.categories)} "
            f"categories; its output is {found}."
        )


def _describe_steps(recipe: Recipe, training: TrainingImages) -> str:
    """Return how many steps an epoch has, and how many images are in none of them."""
    draws = epoch_draws(training, recipe)  # type: ignore[arg-type]
    n = sum(min(len(positions), most) for positions, most in draws) if draws else len(training)
    text = f"{counted(n // recipe.batch_size, 'step')} of {recipe.batch_size} images an epoch"
    if rest := n % recipe.batch_size:
        text += f"; {rest} of {n:,} images, others in each, are in none"
    return text


class _NetworkWriter:
    """Writes the networks of one training: that of the end, and those of single epochs."""

    def __init__(
        self, recipe: Recipe, setup: TrainingSetup, pictures: TrainingDataModule, licence: str | None, half: bool
    ) -> None:
        self.recipe, self.setup, self.pictures, self.licence, self.half = recipe, setup, pictures, licence, half

    @cached_property
    def learnt(self) -> LearntImages:
        """Hashes of the training images, made once."""
        return hash_learnt_images(self.setup.training, self.setup.start)

    def write(self, folder: Path, network: nn.Module, trainer: L.Trainer | None, epoch: int | None = None) -> Path:
        """Write ``network``, that of the end or of an ``epoch``, and return its folder.

        Validation metrics stand in the card of the end; those of epochs are in the table of epochs.
        """
        recipe, setup, training, validation = self.recipe, self.setup, self.pictures.training, self.pictures.validation
        beside: dict[str, bytes] = {}
        if isinstance(recipe, DistillationRecipe):
            assert setup.start is not None
            sections = distillation_sections(setup.start, training, validation, self.licence)
        else:
            assert isinstance(recipe, SupervisedRecipe)
            values = None
            if epoch is None:
                if trainer is not None:
                    network.to(trainer.strategy.root_device)
                batches = validation_batches(validation, recipe, setup.preprocessing, n_workers=self.pictures.n_workers)
                values = validation_values(network, batches)
                network.cpu()
                beside = {VALIDATION_FILE: values.table()}
            metrics = {} if values is None else values.summary()
            sections = supervised_sections(
                recipe, setup.categories, training, validation, metrics, self.licence, setup.start
            )
        if epoch is not None:
            sections.pop("selection", None)
            sections["network"] |= {"name": f"{recipe.name}@{epoch}", "title": f"{recipe.title}, epoch {epoch}"}
        return write_trained_network(
            folder.parent,
            network,
            recipe,
            setup.preprocessing,
            sections,
            trainer,
            setup.start,
            learnt=None if trainer is None else self.learnt,
            is_final=epoch is None,
            folder_name=folder.name,
            beside=beside,
            float16=self.half,
        )


class _KeepEpochs(Callback):
    """Keeps the network of every ``every`` epochs, and of the last, as a folder in ``run``/epochs.

    It takes the network as it is validated: with a moving average of the weights that is the average.
    """

    def __init__(self, writer: _NetworkWriter, run: Path, every: int) -> None:
        self._writer, self._run, self._every = writer, run, every

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write the network of this epoch, in the first process."""
        epoch = trainer.current_epoch + 1
        if not trainer.is_global_zero or (epoch % self._every and epoch != trainer.max_epochs):
            return
        folder = self._run / EPOCHS_FOLDER / f"{epoch:04d}"
        try:
            self._writer.write(folder, module.network, trainer, epoch)  # type: ignore[arg-type]
        except OSError as error:
            logging.getLogger(__name__).warning("epoch %d is not kept (%s); the training goes on.", epoch, error)
