"""How often intervals hold the thresholds that simulated participants have: ``python benchmarks/recovery.py``.

Each simulation is a whole experiment of the published size (240 images, 24 conditions). Intervals of 95 % should hold
the truth in about 95 of 100; the standard error of 100 simulations is 2.2.
"""

from __future__ import annotations

import argparse
from statistics import median

from gala_viz.experiment.analysis import fit_thresholds
from gala_viz.experiment.exclusions import apply_exclusions
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.responses import check_responses
from gala_viz.experiment.simulated_observers import SimulatedObserverSpec, simulate_responses, true_threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--participants", type=int, nargs="+", default=[24, 48])
    arguments = parser.parse_args()
    images = {name: tuple(f"{name} {at}" for at in range(120)) for name in ("animal", "vehicle")}
    spec = ExperimentSpec(
        title="made up", opened_as="", collection="", images=images, practice=dict.fromkeys(images, ())
    )
    print(f"{'participants':>12}{'map type':>10}{'truth':>8}{'median':>8}{'within':>8}{'of':>5}")
    for count in arguments.participants:
        people = SimulatedObserverSpec()
        found: dict[str, list] = {name: [] for name in people.locations}
        for seed in range(arguments.simulations):
            trials, _ = apply_exclusions(check_responses(simulate_responses(spec, people, count, seed)), spec)
            for row in fit_thresholds(trials, n_resamples=1000, seed=seed).itertuples():
                found[row.map_type].append(row)
        for name, rows in found.items():
            truth = true_threshold(people, name)
            within = sum(row.low <= truth <= row.high for row in rows)
            middle = median(row.level if row.level == row.level else 1e9 for row in rows)
            print(f"{count:>12}{name:>10}{truth:>8.1f}{middle:>8.1f}{within:>8}{len(rows):>5}")


if __name__ == "__main__":
    main()
