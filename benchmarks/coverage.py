"""How often intervals hold the truth and tests reject a true null: ``python benchmarks/coverage.py --processes 2``.

Every interval and test that gala_viz prints, in made-up worlds whose truth is known, by the functions that print them.
``--rows`` names some of them, ``--repeats`` is a share of the repeats of each, ``--write`` makes the page of the
documentation.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

HERE = Path(__file__).resolve().parent
# The repository instead of this folder, in which numba would find this script for the package that is called so.
sys.path[:] = [str(HERE.parent), *(one for one in sys.path if Path(one or ".").resolve() not in (HERE, HERE.parent))]

from benchmarks.simulations.page import page, text_table  # noqa: E402
from benchmarks.simulations.run import ALL_ROWS, run  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", nargs="+", help="parts of the rows' names; default: all")
    parser.add_argument("--repeats", type=float, default=1.0, help="share of each row's repeats")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="page of the documentation")
    arguments = parser.parse_args()
    rows = [row for row in ALL_ROWS if not arguments.rows or any(part in row.key for part in arguments.rows)]
    if not rows:
        parser.error(f"no row has such a name; there are {', '.join(row.key for row in ALL_ROWS)}")
    begun = time.perf_counter()
    found = run(rows, share=arguments.repeats, processes=arguments.processes, seed=arguments.seed)
    print(text_table(found))
    minutes = (time.perf_counter() - begun) / 60
    print(f"{len(found)} lines, seed {arguments.seed}, {minutes:.1f} minutes in {arguments.processes} processes")
    if arguments.write:
        arguments.write.write_text(page(found, seed=arguments.seed, minutes=minutes), encoding="utf-8")


if __name__ == "__main__":
    main()
