"""Small recordings with chosen signals, written as EDF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from plms_pipeline.simulate.edf_writer import EdfFile, EdfSignal, write_edf


def write_recording(
    path: Path,
    signals: Mapping[str, np.ndarray],
    fs_hz: int,
    *,
    unit: str = "uV",
    range_uv: float = 3000.0,
    prefilter: str = "HP:0.5Hz LP:100Hz",
    missing_records: tuple[int, int] | None = None,
) -> Path:
    """One EDF (EDF+D with missing records) of one-second records; the samples of all labels share one rate."""
    kind = "EDF" if missing_records is None else "EDF+D"
    header = EdfFile(kind, "X X X X", "Startdate X X X X", "01.01.85", "22.30.00", 1.0)
    rows = [EdfSignal(label, "", prefilter, unit, fs_hz, range_uv, x) for label, x in signals.items()]
    write_edf(path, header, rows, missing_records=missing_records)
    return path
