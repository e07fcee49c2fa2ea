"""Assignment of sets and keys to new participants: those that the fewest have."""

from __future__ import annotations

import random
from collections import Counter

from sqlalchemy import Connection, select

from gala_viz.experiment.design import n_sets
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.records.tables import ExperimentSession, now_ms

DROPOUT_MS = 45 * 60_000
"""An unfinished session without a sign for this long is a dropout; its set goes to another participant."""


def assign_set(connection: Connection, spec: ExperimentSpec) -> tuple[int, bool]:
    """Return the set and whether its keys are swapped, of which the fewest sessions are finished or under way.

    Among equals chance decides, from the operating system's source of randomness.

    Parameters
    ----------
    connection : Connection
        Within the transaction that creates the session, so that two participants do not take the same place.
    spec : ExperimentSpec
        The experiment; its hash names the sessions that count.

    Returns
    -------
    tuple of (int, bool)
        Number of the set, and whether the keys are swapped.
    """
    counting = ExperimentSession.finished_ms.is_not(None) | (ExperimentSession.last_ms > now_ms() - DROPOUT_MS)
    wanted = select(ExperimentSession.set_number, ExperimentSession.swapped).where(
        ExperimentSession.experiment == spec.hash, counting
    )
    assigned = [(row.set_number, row.swapped) for row in connection.execute(wanted)]
    of_set, of_key = Counter(number for number, _ in assigned), Counter(swapped for _, swapped in assigned)
    of_pair = Counter(assigned)
    pairs = [(number, swapped) for number in range(n_sets(spec)) for swapped in (False, True)]
    random.SystemRandom().shuffle(pairs)
    return min(pairs, key=lambda pair: (of_set[pair[0]], of_pair[pair], of_key[pair[1]]))
