"""Tables ``signal_quality`` and ``signal_quality_epoch`` of ``plms detect``: what was planted, where it was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import contracts
from plms_pipeline.simulate import conditions
from plms_pipeline.simulate import emg_signal as sim

from .conftest import DURATION_S, FS_HZ, LEFT, RIGHT, rows
from .recordings import write_recording

BITS = {v["value"]: int(v["label"].split(":")[0]) for v in contracts.load_yaml("codes/epoch_flag.yaml")["values"]}
EPOCH_S = 30


def flagged(epochs: list[dict[str, str]], leg: str, name: str) -> set[int]:
    """Epochs of a leg that carry a flag."""
    return {int(e["epoch_index"]) for e in epochs if e["leg"] == leg and int(e["flags"]) & BITS[name]}


def legs_and_epochs(
    plms, folder: Path, signals: dict[str, np.ndarray], fs_hz: int = FS_HZ, **options: object
) -> tuple[dict[str, dict[str, str]], list[dict[str, str]]]:
    edf = write_recording(folder / "night.edf", signals, fs_hz, **options)  # type: ignore[arg-type]
    done = plms("detect", edf, "--sensor", "emg", "--out", folder / "o")
    assert done.code == 0, done.err
    legs = {row["leg"]: row for row in rows(folder / "o" / "signal_quality.csv")}
    return legs, rows(folder / "o" / "signal_quality_epoch.csv")


def test_a_clean_night_has_no_flag_but_movements(plms, emg_legs, tmp_path: Path) -> None:
    legs, epochs = legs_and_epochs(plms, tmp_path, dict(zip((LEFT, RIGHT), emg_legs, strict=True)))
    assert len(epochs) == 2 * DURATION_S // EPOCH_S
    for leg, figures in legs.items():
        assert flagged(epochs, leg, "movement")
        for name in BITS.keys() - {"movement", "tone_change"}:
            assert not flagged(epochs, leg, name), name
        assert float(figures["rest_p05_uv"]) <= float(figures["rest_p50_uv"]) <= float(figures["rest_p95_uv"])
        assert 0.8 < float(figures["rest_p50_uv"]) < 3.0
        for minutes in ("gap_min", "flat_min", "railed_min", "rest_above_limit_min", "unscorable_min", "crackle_min"):
            assert float(figures[minutes]) == 0.0, minutes
        assert float(figures["scorable_min"]) == pytest.approx(DURATION_S / 60)
    assert {epoch["rest_uv"] != "" for epoch in epochs} == {True}


def test_flat_railed_and_missing_stretches_stand_in_their_epochs(plms, emg_legs, tmp_path: Path) -> None:
    left, right = (x.copy() for x in emg_legs)
    left[120 * FS_HZ : 180 * FS_HZ] = 0.0
    right[300 * FS_HZ : 360 * FS_HZ] = 9000.0
    # Shorter than what is called railed: clipped, and scored.
    right[250 * FS_HZ : 250 * FS_HZ + 20] = 9000.0
    signals = {LEFT: left, RIGHT: right}
    legs, epochs = legs_and_epochs(plms, tmp_path, signals, missing_records=(480, 510))
    assert flagged(epochs, "L", "flat") >= {4, 5} and not flagged(epochs, "R", "flat")
    assert flagged(epochs, "R", "railed") >= {10, 11} and not flagged(epochs, "L", "railed")
    assert flagged(epochs, "R", "clipped") == {8} and not flagged(epochs, "L", "clipped")
    assert flagged(epochs, "L", "gap") == flagged(epochs, "R", "gap") == {16}
    assert float(legs["L"]["flat_min"]) == pytest.approx(1.0, abs=0.05)
    assert float(legs["R"]["railed_min"]) == pytest.approx(1.0, abs=0.05)
    assert float(legs["R"]["clipped_fraction"]) == pytest.approx(60.1 / (DURATION_S - 30), rel=0.01)
    assert {float(leg["gap_min"]) for leg in legs.values()} == {0.5}
    lost = {4, 5, 16}
    for epoch in epochs:
        if epoch["leg"] == "L":
            assert (epoch["rest_uv"] == "") == (int(epoch["epoch_index"]) in lost)


def test_mains_and_r_waves_are_sized_and_flagged(plms, tmp_path: Path) -> None:
    beats = sim.r_peak_times(DURATION_S, 8)
    left = sim.leg_emg(DURATION_S, FS_HZ, [8, 1], mains_uv=6.0)[0]
    right = sim.leg_emg(DURATION_S, FS_HZ, [8, 2], ecg_uv=30.0, r_peaks_s=beats)[0]
    ecg = sim.ecg_signal(DURATION_S, FS_HZ, 8, r_peaks_s=beats)
    legs, epochs = legs_and_epochs(plms, tmp_path, {LEFT: left, RIGHT: right, "ECG": ecg})
    assert float(legs["L"]["mains_hz"]) == 50.0 and legs["R"]["mains_hz"] == ""
    assert float(legs["L"]["mains_uv"]) == pytest.approx(6.0 / np.sqrt(2), rel=0.15)
    assert 10.0 < float(legs["R"]["ecg_uv"]) < 40.0
    n = DURATION_S // EPOCH_S
    assert len(flagged(epochs, "L", "mains")) >= 0.9 * n and not flagged(epochs, "R", "mains")
    assert len(flagged(epochs, "R", "ecg")) >= 0.9 * n and not flagged(epochs, "L", "ecg")


def test_crackle_is_counted_and_scored_all_the_same(plms, tmp_path: Path) -> None:
    made = conditions.recording("crackle", 5, duration_min=20)
    legs = {label: made.legs[side].samples_uv.astype(np.float64) for label, side in ((LEFT, "left"), (RIGHT, "right"))}
    figures, epochs = legs_and_epochs(plms, tmp_path, legs, round(made.fs_hz))
    for leg, one in figures.items():
        assert float(one["crackle_min"]) == pytest.approx(len(flagged(epochs, leg, "crackle")) * EPOCH_S / 60)
        assert float(one["scorable_min"]) == pytest.approx(20.0, abs=0.5)
