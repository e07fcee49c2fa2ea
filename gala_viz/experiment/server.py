"""One experiment on one server: what all of its participants share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from statistics import fmean
from typing import Any, TypeVar

from gala_viz.experiment.design import PRACTICE, Trial
from gala_viz.experiment.messages import TrialResult
from gala_viz.experiment.recorded_responses import response_before_deadline
from gala_viz.experiment.sessions import Session, Sessions, check_same_person
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.participant_texts import privacy_note
from gala_viz.records.database import Database
from gala_viz.records.participants import Participants
from gala_viz.records.rate_limits import RateLimits, TokenBuckets

T = TypeVar("T")
CORRECT, INCORRECT, TOO_SLOW, TOO_EARLY = "right", "wrong", "too slow", "too early"
TYPICAL_TRIAL_MS = 2_600
"""About how long a trial lasts, for the page's estimate."""


class ExperimentServer:
    """The experiment of ``stimuli``, its responses in ``database``; methods belong to one asyncio loop.

    All participants of a ``simulated`` experiment are marked as simulated, and those of no other are.
    """

    def __init__(
        self,
        stimuli: Stimuli,
        database: Database,
        versions: Mapping[str, str],
        limits: RateLimits | None = None,
        *,
        simulated: bool = False,
    ) -> None:
        self.simulated = simulated
        self.stimuli, self.spec, self.database = stimuli, stimuli.spec, database
        self.versions, self.limits = dict(versions), limits or RateLimits()
        self.participants, self.sessions = Participants(database), Sessions(database, stimuli.spec)
        per_hour = self.limits.participants_per_hour
        self.newcomer_limit = TokenBuckets(per_hour / 3600, per_hour)
        self.request_limit = TokenBuckets(self.limits.messages_per_s, 4 * self.limits.messages_per_s)
        self._threads = ThreadPoolExecutor(4, "experiment")

    async def run_in_thread(self, function: Callable[..., T], *arguments, **named) -> T:
        """Run ``function`` in a thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments, **named))

    def close(self) -> None:
        """End the threads after their work; everything recorded is in the database."""
        self._threads.shutdown()

    def about_message(self) -> dict[str, Any]:
        """Return what the page shows before consent."""
        n_trials = self.spec.n_images + self.spec.n_practice
        return {
            "title": self.spec.title,
            "experiment": self.spec.hash,
            "answers": list(self.spec.superclasses),
            "n_trials": n_trials,
            "minutes": max(1, round(n_trials * TYPICAL_TRIAL_MS / 60_000)),
            "shown_px": self.spec.shown_px,
            "privacy": privacy_note("experiment", self.spec.title),
            "id_names": self.spec.recruitment.all_id_names,
        }

    def session_message(self, session: Session) -> dict[str, Any]:
        """Return what a page needs to run the trials of ``session``; it never learns what an image shows."""
        timing = self.spec.timing
        return {
            "experiment": self.spec.hash,
            "sitting": session.id,
            "next": session.next_trial,
            "keys": session.key_mapping,
            "n_blocks": self.spec.n_blocks,
            "shown_px": self.spec.shown_px,
            "stimulus_ms": timing.stimulus_ms,
            "window_ms": timing.window_ms,
            "pause_ms": timing.pause_ms,
            "trials": [
                {
                    "number": trial.number,
                    "block": trial.block,
                    "practice": trial.phase == PRACTICE,
                    "fixation_ms": trial.fixation_ms,
                }
                for trial in session.trials
            ],
        }

    def end_message(self, session: Session, address_ids: Mapping[str, str]) -> dict[str, Any]:
        """End ``session`` and return what is stored, with the completion link: nobody gets it before.

        Raises ``UnexpectedTrialError``, and ``OtherPersonError`` where ``address_ids`` are of another person.
        """
        check_same_person(session, address_ids)
        ended = asdict(self.sessions.end_session(session))
        return {"ended": ended, "completion": self.spec.recruitment.completion_url(session.address_ids)}

    def stimulus_png(self, trial: Trial) -> bytes:
        """Return the stimulus of ``trial`` as a PNG file."""
        return self.stimuli.render_png(trial.image, trial.map_type, trial.level)

    def store_result(self, session: Session, result: TrialResult) -> dict[str, Any]:
        """Store a result and return the feedback, alike when it comes again. Raises ``UnexpectedTrialError``."""
        self.sessions.store_result(session, result)
        trial = session.trials[result.number]
        answer: dict[str, Any] = {"feedback": self._feedback(session, trial, result)}
        last = result.number == len(session.trials) - 1
        if last or session.trials[result.number + 1].block != trial.block:
            answer["block"] = self.block_summary(session, trial.block)
        return answer

    def block_summary(self, session: Session, block: int) -> dict[str, Any]:
        """Summarise a block: number, accuracy and mean reaction time in ms of its answers in time.

        An answer before the stimulus' onset is left out.
        """
        known = [
            (answer == self.spec.superclass_of[trial.image], record.rt_ms)
            for trial, record in self.sessions.block_records(session, block)
            if (answer := response_before_deadline(session, record)) is not None and record.rt_ms >= 0
        ]
        if not known:
            return {"block": block, "n": 0, "accuracy": None, "rt_ms": None}
        rights, times = zip(*known, strict=True)
        return {"block": block, "n": len(known), "accuracy": fmean(rights), "rt_ms": fmean(times)}

    def _feedback(self, session: Session, trial: Trial, result: TrialResult) -> str:
        """Return the feedback: in practice right or wrong, afterwards only too slow or too early."""
        if result.rt_ms is not None and result.rt_ms < self.spec.exclusions.min_rt_ms:
            return TOO_EARLY
        answer = response_before_deadline(session, result)
        if answer is None:
            return TOO_SLOW
        if trial.phase != PRACTICE:
            return ""
        return CORRECT if answer == self.spec.superclass_of[trial.image] else INCORRECT
