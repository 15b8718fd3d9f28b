"""One recording as different files: how far do the movements move? Through the EDF reader, as `plms detect` reads.

Identical digital samples (unit, record length, labels, polarity): every boundary within one sample. Other steps of the
converter: the same number of movements, 99 % of boundaries within 0.05 s.

Run from the checkout: ``PYTHONPATH=. python -m benchmarks.detector.variants``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.detector.cases import case
from benchmarks.detector.detectors import detector_settings
from plms_pipeline import emg, ingest
from plms_pipeline.simulate.conditions import Recording
from plms_pipeline.simulate.edf_writer import EdfFile, EdfSignal, write_edf

HEADER = EdfFile("EDF", "X X X X", "Startdate 01-JAN-1985 simulated X plms_simulator", "01.01.85", "22.00.00", 1.0)
CLOSE_S = 0.05


class Variant(NamedTuple):
    """How a recording is written: ``bits`` None = as digitised, else rounded to that many bits over the same range."""

    unit: str = "uV"
    record_s: float = 1.0
    labels: tuple[str, str] = ("LAT", "RAT")
    polarity: int = 1
    bits: int | None = None
    range_times: float = 1.0


SAME_SAMPLES: Mapping[str, Variant] = {
    "mV": Variant(unit="mV"),
    "V": Variant(unit="V"),
    "30-s records": Variant(record_s=30.0),
    "other labels": Variant(labels=("Leg L", "Leg R")),
    "inverted": Variant(polarity=-1),
}
OTHER_STEPS: Mapping[str, Variant] = {
    "three times the range": Variant(range_times=3.2),
    "14 bits": Variant(bits=14),
    "12 bits": Variant(bits=12),
}


def movements_of(recording: Recording, variant: Variant, folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Onsets and offsets (int64, µs) per leg, of the file in this form."""
    path = folder / "variant.edf"
    range_uv = recording.channel.range_uv
    signals = []
    for label, leg in zip(variant.labels, recording.legs.values(), strict=True):
        samples = leg.samples_uv.astype(np.float64) * variant.polarity
        if variant.bits is not None:
            step = 2.0 * range_uv / 2**variant.bits
            samples = (np.floor(samples / step) + 0.5) * step
        signals.append(
            EdfSignal(
                label, "AgAgCl electrode", "HP:0.1Hz", variant.unit, round(recording.fs_hz),
                range_uv * variant.range_times, samples,
            )
        )  # fmt: skip
    if recording.ecg_uv is not None:
        ecg = recording.ecg_uv.astype(np.float64)
        signals.append(EdfSignal("ECG", "", "", "uV", round(recording.ecg_fs_hz), 3000.0, ecg))
    write_edf(path, HEADER._replace(record_s=variant.record_s), signals)
    opened = ingest.open_recording(path, dtype=np.float32)
    heart = opened.ecg
    beats = heart and emg.r_peaks_us(
        [(p.start_us, p.samples) for p in heart.segments], heart.fs_hz, detector_settings()
    )
    found = []
    for channel in opened.legs:
        result = emg.detect_leg(
            [(part.start_us, part.samples) for part in channel.segments],
            channel.fs_hz,
            detector_settings(),
            rail_low_uv=channel.rail_low_uv,
            rail_high_uv=channel.rail_high_uv,
            lowpass_hz=channel.lowpass_hz,
            beats_us=beats,
        )
        found.append((result.onset_us[result.is_kept], result.offset_us[result.is_kept]))
    return found


def main() -> None:
    """Detect, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conditions", default="clean,noise_1_5,mixture_1")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    n_bad = 0
    with tempfile.TemporaryDirectory(prefix="plms_variants_") as folder:
        for condition in given.conditions.split(","):
            for seed in range(1, given.seeds + 1):
                recording = case(condition, seed)
                plain = movements_of(recording, Variant(), Path(folder))
                for name, variant in {**SAME_SAMPLES, **OTHER_STEPS}.items():
                    other = movements_of(recording, variant, Path(folder))
                    limit_s = 1.0 / recording.fs_hz if name in SAME_SAMPLES else CLOSE_S
                    share = 1.0 if name in SAME_SAMPLES else 0.99
                    text, is_good = compared(plain, other, limit_s, share)
                    n_bad += not is_good
                    print(f"{condition:12s} seed {seed}  {name:22s} {text}  {'good' if is_good else 'NOT GOOD'}")
    print(f"{n_bad} outside the limits")


def compared(
    plain: list[tuple[np.ndarray, np.ndarray]], other: list[tuple[np.ndarray, np.ndarray]], limit_s: float, share: float
) -> tuple[str, bool]:
    """Numbers of movements and the share of boundaries within the limit, as text and verdict."""
    n = [sum(onset.size for onset, _ in legs) for legs in (plain, other)]
    if any(a[0].size != b[0].size for a, b in zip(plain, other, strict=True)):
        return f"{n[0]} and {n[1]} movements", False
    moved = np.concatenate([np.abs(np.stack(b) - np.stack(a)).ravel() for a, b in zip(plain, other, strict=True)]) / 1e6
    within = float(np.mean(moved <= limit_s + 2e-6)) if moved.size else 1.0
    largest = float(moved.max(initial=0.0))
    return f"{n[0]} movements, {100 * within:.1f} % within {limit_s:.4f} s, largest {largest:.4f} s", within >= share


if __name__ == "__main__":
    main()
