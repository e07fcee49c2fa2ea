"""A network that recognises many players' canvases: whatever waits goes through it together."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future

import numpy as np
import torch
from numpy.typing import NDArray

from gala_viz.attribution.finite import NonFiniteError, non_finite_message
from gala_viz.engine.results.prediction import softmax
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.threads import SHUTDOWN_TIMEOUT_S, close_at_exit, start_thread

MAX_BATCH = 16


class Recogniser:
    """``network``'s probabilities for canvases, in one thread of its own; see ``recognise``.

    A canvas fills the network's whole frame: nothing that a player uncovers is cut off. Those that wait when the
    network is free go through it in one batch of at most ``max_batch``.
    """

    def __init__(self, network: Network, max_batch: int = MAX_BATCH) -> None:
        self.network = fuse_batchnorm(network)
        self.categories = network.categories
        self._preprocessing = network.preprocessing.uncut()
        self._max_batch = max_batch
        self._waiting: deque[tuple[NDArray, Future]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = start_thread(self._run, "recogniser")
        close_at_exit(self)

    def recognise(self, canvas: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        """Return a future of the probabilities (category,) of ``canvas`` (y, x, 3), or of ``NonFiniteError``."""
        future: Future = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the recogniser is closed.")
            self._waiting.append((canvas, future))
            self._changed.notify()
        return future

    def warm_up(self) -> None:
        """Run once, so that the first player does not wait for what a first run sets up.

        Raises ``NonFiniteError`` for a network that has no numbers even for a black picture.
        """
        self.recognise(np.zeros((*self.network.preprocessing.input_px, 3), np.uint8)).result()

    def close(self) -> None:
        """Stop; what still waits is cancelled."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(SHUTDOWN_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    for _, future in self._waiting:
                        future.cancel()
                    return
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]
            batch = [(canvas, future) for canvas, future in batch if future.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)

    def _answer(self, batch: list[tuple[NDArray, Future]]) -> None:
        try:
            inputs = np.stack([self._preprocessing.to_input(canvas) for canvas, _ in batch])
            with self.network.computing(), torch.no_grad():
                logits = self.network.logits(torch.from_numpy(inputs)).cpu().numpy()
            probabilities = softmax(logits)
        except Exception as error:  # the players who wait must hear of it, whatever it is
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), numbers, row in zip(batch, logits, probabilities, strict=True):
            if told := non_finite_message(numbers, "logits", self.network.name, "a canvas"):
                future.set_exception(NonFiniteError(told))
            else:
                future.set_result(row)


def rank_of(probabilities: NDArray, category: int) -> int:
    """Return the rank (1: first) of ``category``: one more than the categories that are more probable."""
    return int((probabilities > probabilities[category]).sum()) + 1


def top_indices(probabilities: NDArray, count: int) -> list[int]:
    """Return the ``count`` most probable categories, most probable first."""
    return np.argsort(-probabilities, kind="stable")[:count].tolist()
