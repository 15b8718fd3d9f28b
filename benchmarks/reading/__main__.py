"""CPU time, cold time and peak memory of reading two legs of a night, and the ratios to peers in the same run.

Run from the checkout: ``python -m benchmarks.reading [--repeats 7] [--folder DIR] [--only warm|cold|memory]``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.reading.files import MEMORY, NIGHTS, Night, write_night
from benchmarks.reading.readers import WARM, ours, ours_with_digest, sequential
from plms_pipeline import ingest

N_COLD = 3
MB = 1e6


def path_of(folder: Path, night: Night) -> Path:
    """The file of a night, written if it is not there."""
    path = folder / (night.name.replace(",", "").replace(" ", "_") + (".bdf" if night.bdf else ".edf"))
    if not path.exists():
        write_night(path, night)
        os.sync()
    return path


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print Markdown."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def warm(folder: Path, repeats: int) -> None:
    """CPU time of one process, the file in memory; readers take turns, the median counts."""
    rows = []
    for night in NIGHTS:
        path = path_of(folder, night)
        sequential(path)
        expected = ours(path)
        spent: dict[str, list[float]] = {name: [] for name in WARM}
        for turn in range(repeats):
            for name, read in WARM.items():
                if turn >= 2 and min(spent[name]) > 1.0:
                    continue
                start = time.process_time()
                legs = read(path)
                spent[name].append(time.process_time() - start)
                for leg, other in zip(legs, expected, strict=False):
                    np.testing.assert_allclose(leg, other, rtol=0, atol=1e-3)
                del legs
        ms = {name: statistics.median(times) * 1000 for name, times in spent.items()}
        print(f"{night.name}: {path.stat().st_size / MB:.0f} MB, {', '.join(f'{n} {v:.0f} ms' for n, v in ms.items())}")
        ratios = [f"{ms['ours'] / ms[name]:.2f}" for name in ("edfio lazy", "numpy memmap", "sequential read")]
        rows.append(
            [night.name, f"{ms['ours']:.0f}", *ratios, f"{ms['pyedflib'] / ms['ours']:.1f}",
             f"{ms['ours, float32'] / ms['ours']:.2f}", f"{ms['ours with digest'] / ms['edfio lazy']:.2f}"]
        )  # fmt: skip
    print()
    table(
        ["warm", "ours, ms CPU", "/ edfio lazy", "/ numpy memmap", "/ sequential read", "pyedflib / ours",
         "float32 / float64", "with digest / edfio lazy"],
        rows,
    )  # fmt: skip


def forget(paths: Sequence[Path]) -> None:
    """Drop the files from the system's memory."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def one_after_another(paths: Sequence[Path], read: Callable[[Path], object], ahead: bool) -> float:
    """Seconds for all files, none of them in memory; with `ahead` the next is announced before one is read.

    Waiting for a processor that others hold is taken off: on a shared machine it is the largest part.
    """
    forget(paths)
    waited = waited_for_processor_s()
    start = time.perf_counter()
    for k, path in enumerate(paths):
        if ahead and k + 1 < len(paths):
            ingest.read_ahead(paths[k + 1])
        read(path)
    return time.perf_counter() - start - (waited_for_processor_s() - waited)


def waited_for_processor_s() -> float:
    """Seconds this thread was ready to run and did not."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def cold(folder: Path, repeats: int) -> None:
    """Wall time of a few files in a row, the best of the repeats."""
    rows = []
    for night in NIGHTS[:4]:
        first = path_of(folder, night)
        paths = [first, *(first.with_stem(f"{first.stem}_{k}") for k in range(1, N_COLD))]
        for path in paths[1:]:
            write_night(path, night, seed=len(path.stem))
        os.sync()
        ways = {
            "sequential": (sequential, False),
            "ours": (ours, False),
            "ahead": (ours, True),
            "digest": (ours_with_digest, True),
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(repeats):
            for name, (read, ahead) in ways.items():
                spent[name].append(one_after_another(paths, read, ahead))
        for path in paths[1:]:
            path.unlink()
        plain = min(spent["sequential"])
        ratios = [f"{min(spent[name]) / plain:.2f}" for name in ("ours", "ahead", "digest")]
        rows.append([night.name, f"{plain / N_COLD * 1000:.0f}", *ratios])
    table(
        ["cold, wall", "sequential read, ms a file", "ours / sequential", "with read-ahead of the next file",
         "with read-ahead and digest"],
        rows,
    )  # fmt: skip


CHILD = """
import sys
from pathlib import Path
from benchmarks.reading.readers import ours
ours(Path(sys.argv[2]))
def status(name):
    return next(int(line.split()[1]) * 1024 for line in open('/proc/self/status') if line.startswith(name))
open('/proc/self/clear_refs', 'w').write('5')
before = status('VmRSS')
legs = ours(Path(sys.argv[1]))
print(status('VmHWM') - before, sum(leg.nbytes for leg in legs))
"""


def memory(folder: Path) -> None:
    """Peak of resident memory, mapped pages included, above what the process held before."""
    tiny = folder / "tiny.edf"
    write_night(tiny, Night("tiny", 16, (), record_s=30))
    rows = []
    for night in MEMORY:
        path = path_of(folder, night)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), str(tiny)], capture_output=True, text=True, check=True
        )
        peak, output = (int(word) for word in done.stdout.split())
        over = (peak - output) / MB
        allowed = 0.1 * output / MB + 4
        rows.append([night.name, f"{output / MB:.1f}", f"{peak / MB:.1f}", f"{over:.1f}", f"{allowed:.1f}"])
    table(["memory", "output arrays, MB", "peak, MB", "peak − output, MB", "allowed, MB"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="keep the files here (2 GB); default: a temporary folder")
    parser.add_argument("--only", choices=["warm", "cold", "memory"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if chosen.only in (None, "warm"):
            warm(folder, chosen.repeats)
        if chosen.only in (None, "cold"):
            cold(folder, chosen.repeats)
        if chosen.only in (None, "memory"):
            memory(folder)


if __name__ == "__main__":
    main()
