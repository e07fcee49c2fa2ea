"""An experiment as one frozen file: what is shown, to whom, for how long, and which responses count.

Source of the defaults: Linsley et al. 2019, figure 1B, and the rapid categorisation of Eberhardt, Cader & Serre 2016.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from gala_viz.experiment.revelation import FULL, RevelationSpec
from gala_viz.specs import fingerprint, read_settings, spec_from_settings, toml_values

FORMAT = 1
N_BLOCKS = 5
WINDOW_EVENTS = ("hidden", "blurred", "resized", "left_full_screen")
"""What a page notes of its window during a trial: tab hidden, focus lost, size changed, full screen left."""
DEFAULT_MAPS = {"clickme": "human", "saliency": "opencv:fine-grained"}
Level = float | str
"""Per cent of the important pixels, or ``FULL``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimingSpec:
    """A trial's course. The fixation is drawn from ``fixation_ms``; the image stays ``stimulus_ms``; a response counts
    until ``window_ms`` after it has gone; ``pause_ms`` follow. The page counts frames of the screen, not milliseconds.
    """

    fixation_ms: tuple[float, ...] = (1100.0, 1200.0, 1300.0, 1400.0, 1500.0)
    stimulus_ms: float = 400.0
    window_ms: float = 150.0
    pause_ms: float = 400.0

    def __post_init__(self) -> None:
        if not self.fixation_ms or min(self.fixation_ms) <= 0:
            raise ValueError(f"fixation_ms are times above 0; got {self.fixation_ms}.")
        if self.stimulus_ms <= 0 or self.window_ms < 0 or self.pause_ms < 0:
            told = f"{self.stimulus_ms}, {self.window_ms} and {self.pause_ms}"
            raise ValueError(f"stimulus_ms is above 0, window_ms and pause_ms are 0 or more; got {told}.")

    @property
    def deadline_ms(self) -> float:
        """After onset; later responses are too slow."""
        return self.stimulus_ms + self.window_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class ExclusionSpec:
    """What is left out of the analysis, fixed before anybody took part.

    Trials with a response sooner than ``min_rt_ms``; participants who did not finish, who answered in time in less than
    ``min_answered_fraction`` of the trials, who were right on full images in less than ``min_full_accuracy``, or whose
    screen dropped frames in more than ``max_dropped_fraction`` of the trials; trials with one of the marks in
    ``exclude_marked`` (of ``WINDOW_EVENTS``), or whose actual durations differ from those asked by more than
    ``max_stimulus_error_frames`` frames of the screen or ``max_fixation_error_ms``.

    None means that the experiment's file does not have the setting, since it was made before there was one: that rule
    leaves out nothing.
    """

    min_rt_ms: float = 20.0
    min_answered_fraction: float = 0.5
    min_full_accuracy: float = 0.6
    max_dropped_fraction: float = 0.1
    max_stimulus_error_frames: float | None = 1.5
    max_fixation_error_ms: float | None = 200.0
    exclude_marked: tuple[str, ...] | None = WINDOW_EVENTS

    def __post_init__(self) -> None:
        for name in ("min_answered_fraction", "min_full_accuracy", "max_dropped_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1; got {getattr(self, name)}.")
        for name in ("max_stimulus_error_frames", "max_fixation_error_ms"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
                raise ValueError(f"{name} is a number from 0 on; got {value!r}.")
        marks = self.exclude_marked
        if marks is not None and (isinstance(marks, str) or not set(marks) <= set(WINDOW_EVENTS)):
            raise ValueError(f"exclude_marked is a list of some of {', '.join(WINDOW_EVENTS)}; got {marks!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentSpec:
    """Everything that determines an experiment; ``hash`` names it, and stands beside every response.

    ``images`` are the ids of each of two superclasses, that is, of each answer. ``maps`` are names of map types ->
    where importance comes from (``importance.importance_source``); those in ``simulated`` are of simulated people. Each
    image is shown once to each participant, in one of the conditions (map type, level); there are as many rotating sets
    as conditions. ``opened_as`` is what opens the collection, whose pixels and maps ``collection`` names by
    fingerprint. The frame is ``side_px`` a side and shown at ``shown_px`` CSS pixels.
    """

    title: str
    opened_as: str
    collection: str
    images: dict[str, tuple[str, ...]]
    practice: dict[str, tuple[str, ...]]
    maps: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_MAPS))
    simulated: tuple[str, ...] = ()
    revelation: RevelationSpec = field(default_factory=RevelationSpec)
    timing: TimingSpec = field(default_factory=TimingSpec)
    exclusions: ExclusionSpec = field(default_factory=ExclusionSpec)
    keys: tuple[str, str] = ("s", "l")
    n_blocks: int = N_BLOCKS
    side_px: int = 256
    shown_px: int = 384
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.images) != 2 or list(self.practice) != list(self.images):
            raise ValueError(f"images and practice are of the same two superclasses; got {', '.join(self.images)}.")
        if not self.maps:
            raise ValueError("maps names at least one map type and where its importance comes from.")
        if len(self.superclass_of) != sum(len(some) for ids in (self.images, self.practice) for some in ids.values()):
            raise ValueError("an image occurs once, in the experiment or in practice.")
        if not all(self.images.values()):
            raise ValueError("each superclass has at least one image.")
        if len(set(self.keys)) != 2 or not all(len(key) == 1 and key.isprintable() for key in self.keys):
            raise ValueError(f"keys are two different letters; got {self.keys}.")
        if not 1 <= self.n_blocks <= self.n_images:
            raise ValueError(f"n_blocks is between 1 and the number of images; got {self.n_blocks}.")
        if not 32 <= self.side_px <= 1024 or not 32 <= self.shown_px <= 2048:
            raise ValueError(f"side_px lies in 32..1024, shown_px in 32..2048; got {self.side_px}, {self.shown_px}.")

    @property
    def superclasses(self) -> tuple[str, ...]:
        """The two answers."""
        return tuple(self.images)

    @property
    def superclass_of(self) -> dict[str, str]:
        """Image -> its superclass, practice included."""
        return {image: name for ids in (self.practice, self.images) for name, some in ids.items() for image in some}

    @property
    def map_titles(self) -> dict[str, str]:
        """Map type -> its name with its source, for legends."""
        made = {name: "simulated people" if name in self.simulated else source for name, source in self.maps.items()}
        return {name: f"{name} ({source})" for name, source in made.items()}

    @property
    def n_images(self) -> int:
        """Images of the experiment itself."""
        return sum(len(some) for some in self.images.values())

    @property
    def n_practice(self) -> int:
        """Images of practice."""
        return sum(len(some) for some in self.practice.values())

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels, the full image last."""
        return (*self.revelation.levels, FULL)

    @property
    def conditions(self) -> tuple[tuple[str, Level], ...]:
        """(map type, level), all of one map type after the other."""
        return tuple((name, level) for name in self.maps for level in self.levels)

    @property
    def hash(self) -> str:
        """16 hex digits over every setting that the specification has.

        A setting that is None is none of them, so that a file made before there was this setting keeps its hash.
        """
        return fingerprint(FORMAT, self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the specification has, as plain values; those that are None are left out."""
        return toml_values(asdict(self))

    def save(self, path: Path) -> None:
        """Write the file; reading it gives the same spec."""
        path.write_text(tomli_w.dumps({"format": FORMAT, **self.settings}), encoding="utf-8")


def read_experiment_spec(path: str | Path) -> ExperimentSpec:
    """The experiment in a file made by ``save``. Raises ``FileNotFoundError``, and ``ValueError`` for what is none.

    Settings of ``_ADDED`` that the file does not have are None, never today's default: the experiment goes on with the
    rules and under the hash that it was made with.
    """
    path = Path(path).expanduser()
    content = read_settings(path, "experiment", FORMAT, "gala-viz experiment prepare makes an experiment's file.")
    for part, names in _ADDED.items():
        if isinstance(content.setdefault(part, {}), dict):
            content[part] = {**dict.fromkeys(names), **content[part]}
    try:
        return spec_from_settings(ExperimentSpec, content, _PARTS)
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is no experiment: {error}") from None


_PARTS = {"revelation": RevelationSpec, "timing": TimingSpec, "exclusions": ExclusionSpec}
_ADDED = {"exclusions": ("max_stimulus_error_frames", "max_fixation_error_ms", "exclude_marked")}
"""Part -> settings that came after files of format 1 were first written. A new setting of an experiment stands here and
may be None."""
