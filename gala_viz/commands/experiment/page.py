"""The experiment assembled: the folder's spec, its stimuli, the records, beside the page that shows them.

``apps/experiment.py`` and ``gala-viz experiment run`` both serve ``page``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.commands.experiment.folder import DEFAULT, spec_of
from gala_viz.commands.loaded_once import load_once

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.play.server import Addresses
    from gala_viz.play.trials.running import Running


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentOptions:
    """Which experiment runs, and where its responses are kept."""

    folder: Path = DEFAULT
    """The experiment's folder, made by gala-viz experiment prepare."""
    records: str = "records.sqlite"
    """Where responses are kept: a file, or a URL such as postgresql://user@host/name."""
    newcomers_per_hour: int = 60
    """New participants an hour from one network address."""


def page(options: ExperimentOptions) -> Viewable:
    """The page of one session; the first one opens the experiment on the server that serves it."""
    from gala_viz.panels.experiment import experiment_page

    load_once(options, lambda: addresses(running(options)))
    return experiment_page()


def addresses(experiment: Running, origins: frozenset[str] = frozenset()) -> Addresses:
    """What the page talks to."""
    from gala_viz.play.trials.handlers import routes

    return lambda prefix: routes(experiment, prefix, origins)


def running(options: ExperimentOptions) -> Running:
    """The experiment of these options. Raises a sentence for what is not there."""
    from gala_viz.behavior.database import Database
    from gala_viz.behavior.limits import Limits
    from gala_viz.experiment.stimuli import opened
    from gala_viz.play.server import versions
    from gala_viz.play.trials.running import Running

    limits = Limits(participants_per_hour=options.newcomers_per_hour)
    return Running(opened(spec_of(options.folder)), Database(options.records), versions(), limits)
