"""Run the benchmark: ``PYTHONPATH=. python -m benchmarks.detector`` (see README.md in this folder)."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import process_time

from benchmarks.detector import luna, report, table
from benchmarks.detector.cases import case
from benchmarks.detector.detectors import DETECTORS
from benchmarks.detector.judging import judge
from plms_pipeline.simulate import chosen_conditions


def main() -> None:
    """Detect, judge, write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conditions", default="targets", help="names or groups, commas between; targets or all")
    parser.add_argument("--seeds", type=int, default=4, help="recordings per condition")
    parser.add_argument("--first-seed", type=int, default=1, help="the seeds are first, first + 1, ...")
    parser.add_argument("--luna-seeds", type=int, default=1, help="Luna is slow: only the first so many seeds")
    parser.add_argument("--ours-only", action="store_true", help="no rivals")
    parser.add_argument("--detectors", help=f"commas between: {', '.join(DETECTORS)}, luna")
    parser.add_argument("--out", type=Path, help="folder for results.csv, results.md and results.png")
    parser.add_argument("--reuse", type=Path, help="results.csv with other detectors on the same recordings")
    parser.add_argument("--failures", type=int, default=0, help="print this many missed and extra movements per case")
    given = parser.parse_args()
    conditions = chosen_conditions(given.conditions)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    names = ["ours"] if given.ours_only else [*DETECTORS, "luna"]
    if given.detectors:
        names = given.detectors.split(",")
    rows = []
    for condition in conditions:
        for seed in seeds:
            recording = case(condition, seed)
            found = {}
            for name in (n for n in names if n != "luna"):
                start = process_time()
                found[name] = DETECTORS[name](recording), process_time() - start
            if "luna" in names and seed - given.first_seed < given.luna_seeds:
                found |= luna.luna(recording)
            for name, (movements, cpu_s) in found.items():
                rows.append(report.row(recording, name, judge(recording, movements), cpu_s))
                if given.failures and name == "ours":
                    report.print_failures(recording, movements, given.failures)
        report.print_condition(rows, condition)
    if given.reuse:
        rows = report.with_earlier(rows, report.read(given.reuse))
    report.print_summary(rows)
    if given.out:
        report.write(rows, given.out)
        table.write(rows, given.out)


if __name__ == "__main__":
    main()
