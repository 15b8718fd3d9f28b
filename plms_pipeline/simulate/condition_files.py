"""Recordings of the detector benchmark as files: EDF, the true movements, stages, and a list of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline.simulate.conditions import Recording, recording
from plms_pipeline.simulate.edf_writer import EdfFile, EdfSignal, write_edf
from plms_pipeline.simulate.night_files import word
from plms_pipeline.simulate.personas import write_csv

_LABELS = {"left": "LAT", "right": "RAT", "combined": "LEG"}
_ECG_RANGE_UV = 3000.0
_EPOCH_S = 30
_HEADER = EdfFile("EDF", "X X X X", "Startdate 01-JAN-1985 simulated X plms_simulator", "01.01.85", "22.00.00", 1.0)


class BenchmarkFiles(NamedTuple):
    """Where a benchmark was written: the list of recordings, their number, bytes of EDF."""

    list_csv: Path
    n_recordings: int
    n_bytes: int


def write_recording(folder: Path, made: Recording) -> tuple[str, int]:
    """Write one recording: ``<stem>.edf``, ``<stem>_movements.csv``, ``<stem>_unusable.csv``, ``<stem>_stages.csv``.

    Movements carry ``is_movement`` (a leg movement by the rule) and ``is_doubtful`` (found or not, both are right);
    rows with neither are twitches that a detector must leave out.

    Returns
    -------
    stem : str
    n_bytes : int
        Size of the EDF.
    """
    stem = f"{made.condition}_{made.seed:04d}"
    channel = made.channel
    prefilter = "HP:0.1Hz" + (f" LP:{made.lowpass_hz:g}Hz" if made.lowpass_hz else "")

    def signal(label: str, fs_hz: float, samples: np.ndarray, unit: str, range_uv: float, filters: str) -> EdfSignal:
        return EdfSignal(label, "AgAgCl electrode", filters, unit, round(fs_hz), range_uv, samples.astype(np.float64))

    signals = [
        signal(_LABELS[name], made.fs_hz, leg.samples_uv, channel.unit, channel.range_uv, prefilter)
        for name, leg in made.legs.items()
    ]
    if made.ecg_uv is not None:
        signals.append(signal("ECG", made.ecg_fs_hz, made.ecg_uv, "uV", _ECG_RANGE_UV, "HP:0.3Hz LP:70Hz"))
    record_s = float(channel.record_s)
    missing = tuple(round(edge / 1e6 / record_s) for edge in made.gaps[0]) if made.gaps else None
    header = _HEADER._replace(record_s=record_s, kind="EDF+D" if missing else "EDF")
    n_bytes = write_edf(
        folder / f"{stem}.edf", header, signals, missing_records=(missing[0], missing[1]) if missing else None
    )
    _write_truth(folder, stem, made)
    return stem, n_bytes


def _write_truth(folder: Path, stem: str, made: Recording) -> None:
    rows, spans = [], []
    for name, leg in made.legs.items():
        e = leg.events
        letter = {"left": "L", "right": "R", "combined": "C"}[name]
        rows += [
            (
                letter, f"{e.onset_us[k] / 1e6:.6f}", f"{e.offset_us[k] / 1e6:.6f}", f"{e.peak_uv[k]:.2f}",
                f"{e.resting_uv[k]:.3f}", word(e.is_movement[k]), word(e.is_doubtful[k]),
            )
            for k in range(e.onset_us.size)
        ]  # fmt: skip
        spans += [(letter, f"{a / 1e6:.6f}", f"{b / 1e6:.6f}", reason) for a, b, reason in leg.unusable]
    columns = ("leg", "onset_s", "offset_s", "excess_uv", "resting_uv", "is_movement", "is_doubtful")
    write_csv(folder / f"{stem}_movements.csv", columns, sorted(rows, key=lambda row: (float(row[1]), row[0])))
    write_csv(folder / f"{stem}_unusable.csv", ("leg", "onset_s", "offset_s", "reason"), spans)
    runs, at = [], 0
    for stage, run in itertools.groupby(made.stages):
        n = len(list(run))
        runs.append((at * _EPOCH_S, n * _EPOCH_S, stage))
        at += n
    write_csv(folder / f"{stem}_stages.csv", ("onset_s", "duration_s", "stage"), runs)


def write_benchmark(
    folder: Path,
    conditions: Sequence[str],
    seeds: Sequence[int],
    *,
    duration_min: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BenchmarkFiles:
    """Write recordings of conditions and seeds, and ``recordings.csv`` that lists them.

    Parameters
    ----------
    folder : Path
        Made when absent.
    conditions : sequence of str
        Names of `condition_names`.
    seeds : sequence of int
        Every condition with every seed.
    duration_min : float, optional
        Length in place of the drawn one.
    progress : callable, optional
        Called with (done, total) after every recording.

    Returns
    -------
    BenchmarkFiles

    Raises
    ------
    InputError
        If there is no such condition.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, n_bytes = [], 0
    total = len(conditions) * len(seeds)
    for condition, seed in itertools.product(conditions, seeds):
        made = recording(condition, seed, duration_min=duration_min)
        stem, size = write_recording(folder, made)
        n_bytes += size
        n_sure = sum(int((leg.events.is_movement & ~leg.events.is_doubtful).sum()) for leg in made.legs.values())
        rows.append(
            (f"{stem}.edf", condition, made.group, seed, f"{made.fs_hz:g}", f"{made.duration_s:g}", "+".join(made.legs),
             made.channel.unit, n_sure)
        )  # fmt: skip
        if progress is not None:
            progress(len(rows), total)
    columns = ("file", "condition", "group", "seed", "fs_hz", "duration_s", "legs", "unit", "n_sure_movements")
    write_csv(folder / "recordings.csv", columns, rows)
    return BenchmarkFiles(folder / "recordings.csv", total, n_bytes)
