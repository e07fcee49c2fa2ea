"""The experiment assembled: the folder's spec, its stimuli, the records, beside the page that shows them.

``apps/experiment.py`` serves ``page``, whose first session opens the experiment; ``gala-viz experiment run`` opens it
with ``prepare`` before it serves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.commands.background_loading import load_once, page_while_loading
from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, read_folder_spec

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.experiment.server import ExperimentServer
    from gala_viz.wire import Routes


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentOptions:
    """Which experiment runs, and where its responses are kept."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder, made by gala-viz experiment prepare."""
    records: str = "records.sqlite"
    """Where responses are kept: a file, or a URL such as postgresql://user@host/name."""
    simulated: bool = False
    """Mark all participants as simulated, to try the experiment by scripts before people come."""
    newcomers_per_hour: int = 60
    """New participants an hour from one network address."""

    def __post_init__(self) -> None:
        if self.newcomers_per_hour < 1:
            raise ValueError(f"--newcomers-per-hour is at least 1; got {self.newcomers_per_hour}.")


_experiments: dict[ExperimentOptions, ExperimentServer] = {}
"""Experiments that were opened before the first page was requested; each is used once."""


def page(options: ExperimentOptions) -> Viewable:
    """Build the page of one session; the first one opens the experiment on the server that serves it."""
    from gala_viz.panels.experiment.experiment_page import experiment_page

    loading = load_once(options, lambda: experiment_routes(_experiments.pop(options, None) or prepare(options)))
    return page_while_loading(loading, experiment_page(), "The experiment")


def check(options: ExperimentOptions, say: Callable[[str], None]) -> None:
    """Open the experiment of ``options`` as ``prepare`` does, for the first page."""
    _experiments[options] = prepare(options, say)


def experiment_routes(server: ExperimentServer, origins: frozenset[str] = frozenset()) -> Routes:
    """Return the addresses with which the page communicates."""
    from gala_viz.experiment.handlers import routes

    return lambda prefix: routes(server, prefix, origins)


def prepare(options: ExperimentOptions, say: Callable[[str], None] = lambda step: None) -> ExperimentServer:
    """Open and check the experiment of ``options``; ``say`` hears each step.

    Raises ``ValueError``, ``OSError`` or ``UnknownNameError`` with a sentence for what is not there, or not as the
    experiment was prepared with.
    """
    from gala_viz.experiment.server import ExperimentServer
    from gala_viz.experiment.stimuli import open_stimuli
    from gala_viz.records.database import Database
    from gala_viz.records.participants import software_versions
    from gala_viz.records.rate_limits import RateLimits

    say("Opening the experiment…")
    spec = read_folder_spec(options.folder)
    limits = RateLimits(participants_per_hour=options.newcomers_per_hour)
    stimuli = open_stimuli(spec)
    say("Making a first stimulus…")
    image = next(iter(spec.superclass_of))
    for map_type in spec.maps:
        stimuli.render(image, map_type, spec.levels[0])
    return ExperimentServer(
        stimuli, Database(options.records), software_versions(), limits, simulated=options.simulated
    )
