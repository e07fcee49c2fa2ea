"""An experiment as one frozen file: what is shown, to whom, for how long, and which responses count.

Source of the defaults: Linsley et al. 2019, figure 1B, and the rapid categorisation of Eberhardt, Cader & Serre 2016.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from gala_viz.experiment.recruitment import RecruitmentSpec
from gala_viz.experiment.revelation import FULL, RevelationSpec
from gala_viz.specs import check_finite, fingerprint, read_settings, spec_from_settings, toml_values

FORMAT = 1
N_BLOCKS = 5
WINDOW_EVENTS = ("hidden", "blurred", "resized", "left_full_screen")
"""Window events that a page records during a trial: tab hidden, focus lost, size changed, full screen left."""
DEFAULT_MAPS = {"clickme": "human", "saliency": "opencv:fine-grained"}
Level = float | str
"""Pixels revealed, in per cent of the number of important ones, or ``FULL``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimingSpec:
    """Timing of a trial, which the page counts in frames of the screen, not in milliseconds.

    Parameters
    ----------
    fixation_ms : tuple of float
        Durations of which each trial's fixation is drawn.
    stimulus_ms : float
        Duration of the image.
    window_ms : float
        Time after the image's offset within which a response still counts.
    pause_ms : float
        Pause after the trial.
    """

    fixation_ms: tuple[float, ...] = (1100.0, 1200.0, 1300.0, 1400.0, 1500.0)
    stimulus_ms: float = 400.0
    window_ms: float = 150.0
    pause_ms: float = 400.0

    def __post_init__(self) -> None:
        check_finite(self)
        if not self.fixation_ms or min(self.fixation_ms) <= 0:
            raise ValueError(f"fixation_ms are times above 0; got {self.fixation_ms}.")
        if self.stimulus_ms <= 0 or self.window_ms < 0 or self.pause_ms < 0:
            values = f"{self.stimulus_ms}, {self.window_ms} and {self.pause_ms}"
            raise ValueError(f"stimulus_ms is above 0, window_ms and pause_ms are 0 or more; got {values}.")

    @property
    def deadline_ms(self) -> float:
        """Time after the stimulus' onset until which a response counts."""
        return self.stimulus_ms + self.window_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class ExclusionSpec:
    """Exclusion rules of the analysis, fixed before anybody takes part.

    Participants who do not finish, and trials that are left in the middle or have no answer in time, are always left
    out. None means that the experiment's file does not have the setting, since it was made before there was one: that
    rule leaves out nothing.

    Parameters
    ----------
    min_rt_ms : float
        Shortest reaction time of a trial that counts.
    min_answered_fraction : float
        Smallest share of the trials that a participant answered in time; a key sooner than ``min_rt_ms`` is no answer.
    min_full_accuracy : float
        Smallest accuracy of a participant on full images.
    max_dropped_fraction : float
        Largest share of a participant's trials in which the screen dropped frames of the stimulus.
    max_stimulus_error_frames : float, optional
        Largest difference of the stimulus' actual duration from the planned one, in frames of the screen.
    max_fixation_error_ms : float, optional
        Largest difference of the fixation's actual duration from the planned one.
    exclude_marked : tuple of str, optional
        Those of ``WINDOW_EVENTS`` that leave out a trial.
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
        events = self.exclude_marked
        if events is not None and (isinstance(events, str) or not set(events) <= set(WINDOW_EVENTS)):
            raise ValueError(f"exclude_marked is a list of some of {', '.join(WINDOW_EVENTS)}; got {events!r}.")
        check_finite(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentSpec:
    """Everything that determines an experiment; ``hash`` names it, and its sessions in the database refer to it.

    Each image is shown once to each participant, in one of the conditions (map type, level); there are as many rotating
    sets as conditions.

    Parameters
    ----------
    title : str
        Title for pages and exports.
    opened_as : str
        Text by which ``open_collection`` opens the collection.
    collection : str
        Fingerprint of the collection's pixels and maps.
    images : dict of str to tuple of str
        Superclass -> ids of its images; the two superclasses are the two answers.
    practice : dict of str to tuple of str
        Superclass -> ids of its images of practice.
    maps : dict of str to str
        Map type -> source of importance (``importance.importance_source``).
    simulated : tuple of str
        Map types whose maps are of simulated people.
    revelation : RevelationSpec
        How images are revealed.
    timing : TimingSpec
        Timing of a trial.
    exclusions : ExclusionSpec
        Exclusion rules.
    keys : tuple of str
        Keys of the two answers, which are swapped for half of the participants.
    n_blocks : int
        Blocks of the experiment, without practice.
    side_px : int
        Side of the stimuli.
    shown_px : int
        Side at which stimuli are shown, in CSS pixels.
    seed : int
        With a participant's seed it determines the order of trials.
    recruitment : RecruitmentSpec
        Where participants come from and go back to. It is no part of the hash: it may be written into the file while
        the experiment runs.

    References
    ----------
    Linsley et al. 2019, figure 1B; Eberhardt, Cader and Serre 2016.
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
    recruitment: RecruitmentSpec = field(default_factory=RecruitmentSpec)

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
        origin = {name: "simulated people" if name in self.simulated else source for name, source in self.maps.items()}
        return {name: f"{name} ({source})" for name, source in origin.items()}

    @property
    def n_images(self) -> int:
        """Number of images of the experiment itself, without practice."""
        return sum(len(some) for some in self.images.values())

    @property
    def n_practice(self) -> int:
        """Number of images of practice."""
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
        """16 hex digits over every setting that is not None, except ``recruitment``.

        A file that was made before there was a setting thus keeps its hash.
        """
        return fingerprint(FORMAT, {name: value for name, value in self.settings.items() if name != "recruitment"})

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that is not None, as plain values; without ``recruitment`` where it is the default."""
        values = toml_values(asdict(self))
        if self.recruitment == RecruitmentSpec():  # a file of before it is written as it was
            del values["recruitment"]
        return values

    def save(self, path: Path) -> None:
        """Write the spec to the TOML file ``path``; ``read_experiment_spec`` returns the same spec."""
        path.write_text(tomli_w.dumps({"format": FORMAT, **self.settings}), encoding="utf-8")


def read_experiment_spec(path: str | Path) -> ExperimentSpec:
    """Read the experiment in a file that ``save`` wrote.

    Settings of ``_ADDED`` that the file does not have are None, never the present default: the experiment goes on with
    the rules and under the hash that it was made with. Raises ``FileNotFoundError``, and ``ValueError`` for a file that
    is no experiment.
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


_PARTS = {
    "revelation": RevelationSpec,
    "timing": TimingSpec,
    "exclusions": ExclusionSpec,
    "recruitment": RecruitmentSpec,
}
_ADDED = {
    "exclusions": ("max_stimulus_error_frames", "max_fixation_error_ms", "exclude_marked"),
    "revelation": ("order",),
}
"""Part -> settings that files of format 1 may lack. A new setting of an experiment is added here, and may be None."""
