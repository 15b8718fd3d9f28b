"""CPU time and memory of a night (8 h, two legs, 256 Hz), and the ratio to vectorised plain scipy in the same run.

Run from the checkout: ``PYTHONPATH=. python -m benchmarks.detector.speed [--luna]``.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time, thread_time

import numpy as np

from benchmarks.detector import detectors, luna
from plms_pipeline import emg, simulate
from plms_pipeline.simulate.conditions import Recording

HOURS, FS_HZ = 8.0, 256.0


def night(condition: str, hours: float = HOURS) -> Recording:
    """A recording at 256 Hz of so many hours; its noise-free arrays are dropped."""
    seed = 900
    made = simulate.recording(condition, seed, duration_min=1.0)
    while made.fs_hz != FS_HZ:
        seed += 1
        made = simulate.recording(condition, seed, duration_min=1.0)
    made = simulate.recording(condition, seed, duration_min=60.0 * hours)
    empty = np.zeros(0)
    legs = {name: leg._replace(rest_uv=empty, excess_uv=empty) for name, leg in made.legs.items()}
    return made._replace(legs=legs)


def cpu_s(work: Callable[[Recording], object], recording: Recording, repeats: int) -> float:
    """Median CPU seconds of this process after one run that is not counted."""
    work(recording)
    taken = []
    for _ in range(repeats):
        start = process_time()
        work(recording)
        taken.append(process_time() - start)
    return statistics.median(taken)


def peak_above_input_mb(condition: str) -> float:
    """Most memory above imports, compiled kernels and the float32 input of a fresh process that detects one night."""
    code = (
        "import sys; from benchmarks.detector import speed; "
        f"print(speed.measure_peak_mb({condition!r}), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stderr.strip().splitlines()[-1])


def resident_mb() -> float:
    """Memory this process holds now, megabytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def measure_peak_mb(condition: str) -> float:
    """Peak of resident memory during detection minus what was held just before, megabytes (polled every ms)."""
    detectors.ours(night(condition, hours=0.5))
    recording = night(condition)
    before, peak, done = resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    detectors.ours(recording)
    done.set()
    watcher.join()
    return peak[0] - before


def wall_of_two_threads(recording: Recording) -> tuple[float, float]:
    """Wall seconds of two detections one after the other, and in two threads: near half where the GIL is free."""
    start = perf_counter()
    detectors.ours(recording)
    detectors.ours(recording)
    one_by_one = perf_counter() - start
    threads = [threading.Thread(target=detectors.ours, args=(recording,)) for _ in range(2)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return one_by_one, perf_counter() - start


def main() -> None:
    """Time, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--condition", default="mixture_1", help="what the night holds; ECG channel included")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--luna", action="store_true", help="Luna too (minutes)")
    given = parser.parse_args()
    emg.warm()
    start = thread_time()
    recording = night(given.condition)
    print(f"simulated in {thread_time() - start:.1f} s of CPU: {given.condition}, 8 h, 2 legs, 256 Hz")
    reference = cpu_s(detectors.plain_scipy, recording, given.repeats)
    ours = cpu_s(detectors.ours, recording, given.repeats)
    print(f"plain scipy (no mains, no ECG, fixed rest): {reference:.2f} s of CPU")
    print(f"ours, all parts: {ours:.2f} s, ratio {ours / reference:.2f} (target: at most 0.5)")
    for hours in (2.0, 4.0):
        part = cpu_s(detectors.ours, night(given.condition, hours), given.repeats)
        print(f"  {hours:g} h: {part:.2f} s, {part / hours * HOURS / ours:.2f} of the cost per hour of 8 h")
    one_by_one, together = wall_of_two_threads(recording)
    print(f"two nights: {one_by_one:.2f} s of wall time one by one, {together:.2f} s in two threads")
    print(f"peak memory above imports and input: {peak_above_input_mb(given.condition):.0f} MB (target: at most 100)")
    if given.luna:
        for name, (_, taken) in luna.luna(recording).items():
            print(f"{name}: {taken:.1f} s with reading the file, {taken / ours:.0f} times ours")


if __name__ == "__main__":
    main()
