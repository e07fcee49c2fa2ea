"""Run rows in several processes, block by block, each with its own seed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context

import numpy as np

from benchmarks.simulations import baselines, categorisation, comparisons, maps, means, noise_alone
from benchmarks.simulations.row import Block, Outcome, Row, outcome

ALL_ROWS: tuple[Row, ...] = tuple(
    row for module in (means, baselines, comparisons, categorisation, maps, noise_alone) for row in module.ROWS
)


def blocks_of(row: Row, share: float) -> Iterator[Block]:
    """Yield the blocks of a row, with so large a ``share`` of its repeats; power is of a quarter of them."""
    for n in row.sizes:
        repeats = row.repeats_at(n, share)
        for number, start in enumerate(range(0, repeats, row.block)):
            size = min(row.block, repeats - start)
            yield Block(key=row.key, n=n, number=number, repeats=size)
            if row.power is not None and (start == 0 or 4 * (start + row.block) <= repeats):
                yield Block(key=row.key, n=n, number=number, repeats=size, power=True)


def simulate(block: Block, seed: int) -> tuple[Block, np.ndarray, float]:
    """Simulate one block; return it with what came out and the processor's seconds."""
    begun = time.process_time()
    row = next(one for one in ALL_ROWS if one.key == block.key)
    function = row.power if block.power and row.power is not None else row.simulate
    return block, function(block.n, block.rng(seed), block.repeats), time.process_time() - begun


def run(rows: Sequence[Row], *, share: float = 1.0, processes: int = 1, seed: int = 0) -> list[Outcome]:
    """Return what came out of each row at each n, in order; progress goes to standard error."""
    blocks = [block for row in rows for block in blocks_of(row, share)]
    parts: dict[tuple[str, int, bool], dict[int, np.ndarray]] = {}
    seconds: dict[str, float] = {}
    for done, (block, simulated, taken) in enumerate(_simulated(blocks, processes, seed), start=1):
        parts.setdefault((block.key, block.n, block.power), {})[block.number] = simulated
        seconds[block.key] = seconds.get(block.key, 0.0) + taken
        print(
            f"\r{done} of {len(blocks)} blocks, {sum(seconds.values()):.0f} s of a processor ", end="", file=sys.stderr
        )
    print(file=sys.stderr)
    print(", ".join(f"{key} {taken:.0f} s" for key, taken in seconds.items()), file=sys.stderr)

    def together(row: Row, n: int, *, power: bool) -> np.ndarray | None:
        found = parts.get((row.key, n, power))
        return None if found is None else np.concatenate([found[number] for number in sorted(found)])

    found = []
    for row in rows:
        for n in row.sizes:
            simulated = together(row, n, power=False)
            assert simulated is not None, "each row has blocks at each n"
            found.append(outcome(row, n, simulated, together(row, n, power=True)))
    return found


def _simulated(blocks: Sequence[Block], processes: int, seed: int) -> Iterator[tuple[Block, np.ndarray, float]]:
    one = partial(simulate, seed=seed)
    if processes == 1:
        yield from map(one, blocks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        for job in as_completed([executor.submit(one, block) for block in blocks]):
            yield job.result()
