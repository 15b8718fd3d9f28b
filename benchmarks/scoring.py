"""CPU time of scoring: simulated nights under all four rule sets, and the ratio to the plain second implementation.

Run from the checkout: ``PYTHONPATH=. python benchmarks/scoring.py [--nights 10000] [--sample 20]``.
"""

from __future__ import annotations

import argparse
import resource
from time import process_time
from typing import Any

import numpy as np

from plms_pipeline import _jit, scoring
from tests.rules.oracle import plain_scorer
from tests.rules.two_scorers import RULE_SETS, differences, loaded, night_input

S = 1_000_000
N_MOVEMENTS, HOURS, EPOCH_S = 300, 8, 30


def simulated_night(seed: int) -> dict[str, Any]:
    """Eight hours: 300 leg movements, most in trains on one or both legs, 960 epochs, respiratory events, arousals."""
    rng = np.random.default_rng(seed)
    end = HOURS * 3600 * S
    intervals = np.where(rng.random(N_MOVEMENTS) < 0.8, rng.lognormal(3.2, 0.35, N_MOVEMENTS), 0.3)
    pauses = np.where(rng.random(N_MOVEMENTS) < 0.04, rng.exponential(1500.0, N_MOVEMENTS), 0.0)
    onset = np.cumsum(intervals + pauses)
    onset = (onset / onset[-1] * 0.98 * end).astype(np.int64)
    offset = onset + (rng.lognormal(1.0, 0.4, N_MOVEMENTS) * S).astype(np.int64)
    leg = np.where(rng.random(N_MOVEMENTS) < 0.5, "L", "R")
    stages, at = [], 0
    while at < end:
        label = str(rng.choice(["N1", "N2", "N3", "R", "W"], p=[0.08, 0.5, 0.17, 0.15, 0.1]))
        for _ in range(int(rng.integers(1, 40))):
            if at < end:
                stages.append((at, EPOCH_S * S, label))
                at += EPOCH_S * S
    breaths = np.sort(rng.integers(0, end - 60 * S, 120)).tolist()
    wakings = np.sort(rng.integers(0, end - 20 * S, 150)).tolist()
    return {
        "legs": "both",
        "movements": [(str(a), int(b), int(c), True, False) for a, b, c in zip(leg, onset, offset, strict=True)],
        "stages": stages,
        "respiratory": [(b, b + 20 * S) for b in breaths],
        "arousals": [(a, a + 8 * S) for a in wakings],
        "gaps": [(2 * 3600 * S, 2 * 3600 * S + 90 * S, "L"), (5 * 3600 * S, 5 * 3600 * S + 30 * S, None)],
        "lights_off": 600 * S,
        "lights_on": end - 600 * S,
        "duration": end,
        "respiratory_partial": False,
        "arousals_partial": False,
    }


def peak_mb() -> float:
    """Most memory this process has held, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Score, time, compare a sample, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=20, help="nights that the plain implementation scores too")
    chosen = parser.parse_args()
    rule_sets = [scoring.rule_set_from_mapping(loaded(name)) for name in RULE_SETS]
    _jit.warm()
    scoring.score(night_input(simulated_night(0)), rule_sets)
    n_distinct = min(chosen.nights, 500)
    nights = [night_input(simulated_night(seed)) for seed in range(n_distinct)]
    together, alone, memory = 0.0, dict.fromkeys(RULE_SETS, 0.0), []
    for k in range(chosen.nights):
        night = nights[k % n_distinct]
        start = process_time()
        scoring.score(night, rule_sets)
        together += process_time() - start
        if k % max(1, chosen.nights // 10) == 0:
            memory.append(peak_mb())
    memory.append(peak_mb())
    n_alone = min(chosen.nights, 1000)
    for rules in rule_sets:
        start = process_time()
        for k in range(n_alone):
            scoring.score(nights[k % n_distinct], [rules])
        alone[rules.name] = (process_time() - start) / n_alone
    slow, n_different = 0.0, 0
    for seed in range(chosen.sample):
        night = simulated_night(seed)
        for fast in scoring.score(nights[seed], rule_sets):
            start = process_time()
            plain = plain_scorer.score(night, fast.rule_set)
            slow += process_time() - start
            n_different += bool(differences(night, fast.rule_set, fast, plain))
    per_rule_set = together / chosen.nights / len(RULE_SETS)
    plain_ms = slow / max(chosen.sample, 1) / len(RULE_SETS) * 1000
    print(f"{chosen.nights} nights of {N_MOVEMENTS} movements, {len(RULE_SETS)} rule sets in one pass, one core")
    print(
        f"{per_rule_set * 1000:.2f} ms per night and rule set, {per_rule_set * len(RULE_SETS) * 1000:.2f} ms per night"
    )
    for name, seconds in alone.items():
        print(f"  {name} alone: {seconds * 1000:.2f} ms per night")
    print(
        f"second implementation: {plain_ms:.0f} ms per night and rule set, ratio {plain_ms / per_rule_set / 1000:.0f}"
    )
    print(f"differences on {chosen.sample} nights: {n_different}")
    print(f"peak memory at each tenth: {', '.join(f'{value:.0f}' for value in memory)} MB")


if __name__ == "__main__":
    main()
