"""Networks on held-out images of any collection: recognition, likeness to people, and where their maps lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gala_viz.cache import ArrayCache
from gala_viz.collections.collection import Collection
from gala_viz.collections.image_sampling import readable_images, sample_images
from gala_viz.engine.precision import with_common_precision
from gala_viz.engine.results.human_maps import check_map_kind, images_with_maps
from gala_viz.evaluation.comparisons import compare_by_seed, compare_networks, few_images_note
from gala_viz.evaluation.estimates import (
    Estimate,
    add_spread_over_seeds,
    clusters_of,
    estimate_metrics,
    people_estimates,
    region_estimates,
)
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import comparison_grids, image_metrics, mean_over_seeds, region_pixels
from gala_viz.evaluation.metadata import (
    check_imported,
    collection_metadata,
    imported_metadata,
    imported_notes,
    limitation_notes,
    network_metadata,
    networks_by_seed,
    training_use_text,
)
from gala_viz.evaluation.network_results import NetworkResults, any_compared, network_results
from gala_viz.evaluation.people import People, people_of
from gala_viz.evaluation.progress import Progress
from gala_viz.evaluation.protocol_settings import settings_notes, smoothed_otherwise, with_cut
from gala_viz.evaluation.protocols import check_protocol
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.frames import Frame, common_frame, common_part_text
from gala_viz.networks.network import Network
from gala_viz.registry import unknown_name
from gala_viz.splits import ALL_IMAGES, Splits, splits_of
from gala_viz.training.held_out import HeldOutImages


def evaluate(
    networks: Mapping[str, Network],
    collection: Collection,
    spec: EvaluationSpec,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    reference: str | None = None,
    cache: ArrayCache | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Evaluate networks on held-out images of a collection.

    SmoothGrad is computed where something compares it (human maps, regions); where no image has such, the evaluation's
    own ``spec`` is without it. Networks that cut photographs differently are compared over the part that all of them
    see, as are people's maps and regions; a note says how much that is.

    Parameters
    ----------
    networks : mapping of str to Network
        By the names that tables give them.
    collection : Collection
        Where photographs, labels, human maps and regions are read.
    spec : EvaluationSpec
        Images, maps, intervals and tests.
    groups : mapping of str to sequence of str, optional
        Networks that differ in their seed only: each group also gets the mean over its networks, image by image, and
        groups are tested against each other; trainings are tested against those of the same seed.
    reference : str, optional
        The network that each other one is tested against; default: all pairs are tested.
    cache : ArrayCache, optional
        Blocks that it holds are not computed again.
    tell : callable
        Called with lines on the progress.

    Returns
    -------
    Evaluation
        Metrics of images, estimates with intervals, and tests.

    Raises
    ------
    ValueError
        Names do not fit together, the collection lacks the kind of human maps, there is no image, or the settings are
        called by a protocol and are not its own.
    """
    groups = {name: tuple(members) for name, members in (groups or {}).items()}
    networks = dict(zip(networks, with_common_precision(list(networks.values())), strict=True))
    check_imported(networks, spec)
    networks = {name: with_cut(network, spec.photograph) for name, network in networks.items()}
    _check_names(networks, groups, reference)
    check_map_kind(collection, spec.human_map)
    check_protocol(spec, list(networks.values()))
    splits = splits_of(collection)
    tell(f"{collection.name}: {splits.description}")
    images, left_out = _images(collection, _without_test(collection, splits, spec.split, tell), spec, tell)
    _check_over(collection, images, spec)
    unused = spec.smoothgrad is not None and not any_compared(collection, images, spec.human_map)
    if unused:
        spec = replace(spec, smoothgrad=None, resolutions=())
    learnt = {name: network.training_data.training_status(collection, images) for name, network in networks.items()}
    why = {name: network.training_data.why_unknown(collection.name) for name, network in networks.items()}
    tell(training_use_text(learnt, len(images), why))
    cache, preprocessings = cache or ArrayCache(), [network.preprocessing for network in networks.values()]
    frame, part = common_frame(preprocessings), common_part_text(list(networks), preprocessings)
    progress = Progress(len(images) * len(networks), tell)
    results: dict[str, NetworkResults] = {}
    for name, network in networks.items():
        progress.begin(name, len(images))
        results[name] = network_results(network, collection, images, spec, frame=frame, cache=cache, step=progress.step)
    shown = smoothed_otherwise(collection, spec.human_smoothing)
    people = _people(frame, results, shown, spec, cache, tell)
    values = {name: image_metrics(network, collection, results[name], people) for name, network in networks.items()}
    estimates = {name: estimate_metrics(name, one, spec) for name, one in values.items()}
    for name, members in groups.items():
        values[name] = mean_over_seeds([values[member] for member in members])
        single = [estimates[member] for member in members]
        estimates[name] = add_spread_over_seeds(estimate_metrics(name, values[name], spec), single)
    tested = {name: values[name] for name in (groups or networks)}
    few = few_images_note(tested, spec, reference)
    about = collection_metadata(shown, images, spec.human_map)
    who = "simulated people" if (about["human_maps"] or {}).get("simulated") else "people"
    return Evaluation(
        spec=spec,
        collection=about,
        images=images,
        categories=tuple(collection.category(image) for image in images),
        left_out=left_out,
        learnt=learnt,
        networks={
            name: network_metadata(network, {layer: norm.shape[1:] for layer, norm in results[name].norms.items()})
            | imported_metadata(network)
            for name, network in networks.items()
        },
        groups=groups,
        image_metrics=values,
        estimates=[number for one in estimates.values() for number in one]
        + _shared_estimates(
            next(iter(results.values())), people, spec, who, clusters_of(next(iter(values.values())), spec)
        ),
        comparisons=compare_networks(tested, spec, reference)
        + compare_by_seed(values, networks_by_seed(networks, groups), spec),
        notes=(
            training_use_text(learnt, len(images), why),
            *([f"SmoothGrad is not computed: {collection.name} has nothing here to compare it with."] * unused),
            *([f"{part[0].upper()}{part[1:]}."] if part else []),
            *([few] if few else []),
            *imported_notes(networks, images),
            *settings_notes(spec, about, networks),
            *limitation_notes(
                collection,
                networks,
                values,
                images,
                left_out,
                people,
                () if spec.split == ALL_IMAGES else splits.unassigned,
                spec.human_map,
            ),
        ),
    )


def _check_names(networks: Mapping[str, Network], groups: Mapping[str, Sequence[str]], reference: str | None) -> None:
    if not networks:
        raise ValueError("at least one network was expected; got none.")
    twice = next((name for name in groups if name in networks), None)
    if twice is not None:
        raise ValueError(f"a group needs a name of its own; {twice!r} is also one of the networks.")
    for members in groups.values():
        for member in members:
            if member not in networks:
                raise ValueError(unknown_name("network among those evaluated", member, list(networks)))
    tested = list(groups or networks)
    if reference is not None and reference not in tested:
        raise ValueError(unknown_name("reference among the networks compared", reference, tested))


def _check_over(collection: Collection, images: Sequence[str], spec: EvaluationSpec) -> None:
    """Raise ``ValueError`` where intervals are to be over categories and those of some images are not known."""
    unknown = [image for image in images if not collection.category(image)] if spec.over == "categories" else []
    if unknown:
        raise ValueError(
            f"intervals over categories need the category of each image; {collection.name} knows none of "
            f"{len(unknown):,} of {len(images):,}, the first {unknown[0]!r}. Take intervals over images."
        )


def _without_test(collection: Collection, splits: Splits, split: str, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Return the images of ``split``; of the validation split without those that are test images under another name."""
    images = splits.images_of(split)
    if split != "validation":
        return images
    images, conflicts, _ = HeldOutImages([collection]).separate(collection, images, split)
    if conflicts:
        tell(f"{collection.name}: {len(conflicts):,} of the validation split are left out, the first: {conflicts[0]}")
    return images


def _images(
    collection: Collection, images: tuple[str, ...], spec: EvaluationSpec, tell: Callable[[str], None]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return those of a split's ``images`` that are drawn and can be read, and why others are left out.

    A collection that makes its images makes all of them at once.
    """
    prepare = getattr(collection, "prepare", None)
    if spec.n_images is not None and spec.n_images < len(images):
        chosen = set(sample_images(collection, images, spec.n_images, seed=spec.seed, purpose="evaluation"))
        images = tuple(image for image in images if image in chosen)
    elif prepare is not None:
        tell(f"{collection.name}: making the images of the {spec.split} split where they are not there yet")
        prepare(("train", "validation", "test") if spec.split == "all" else (spec.split,))
    return readable_images(collection, images)


def _people(
    frame: Frame,
    results: Mapping[str, NetworkResults],
    collection: Collection,
    spec: EvaluationSpec,
    cache: ArrayCache,
    tell: Callable[[str], None],
) -> People | None:
    """People's maps in the networks' common frame, on every grid that is compared."""
    images = next(iter(results.values())).images
    progress = Progress(len(images), tell)
    progress.begin("people's maps and ceiling", len(images_with_maps(collection, images, spec.human_map)))
    return people_of(
        collection,
        images,
        frame,
        [grid for one in results.values() for grid in comparison_grids(one)],
        spec.ceiling,
        n_partners=spec.n_partners,
        seed=spec.seed,
        block_images=spec.block_images,
        cache=cache,
        step=progress.step,
        kind=spec.human_map,
        resizing=spec.resizing,
    )


def _shared_estimates(
    results: NetworkResults, people: People | None, spec: EvaluationSpec, who: str, clusters: Sequence[str] | None
) -> list[Estimate]:
    """Return what people reach, and the regions' sizes."""
    found = [] if people is None else people_estimates(people, spec, who)
    pixels = region_pixels(results)
    if pixels is None:
        return found
    return [*found, *region_estimates(pixels, spec, "frame", "region_pixels", clusters)]
