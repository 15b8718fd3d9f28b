"""``plms detect`` on sensors other than EMG, on channels that are not what they say, and on nothing to score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import contracts
from plms_pipeline.simulate import emg_signal as sim
from plms_pipeline.simulate.emg_signal import movement_times
from plms_pipeline.simulate.piezo_signal import piezo_leg

from .conftest import DURATION_S, FS_HZ, LEFT, PIEZO_HZ, RIGHT, rows
from .recordings import write_recording


@pytest.fixture(scope="module")
def piezo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    legs = {}
    for side, label in enumerate(("Leg L", "Leg R")):
        onset, length = movement_times(DURATION_S, [side, 3])
        legs[label] = piezo_leg(DURATION_S, PIEZO_HZ, side, onset, length)[0]
    return write_recording(tmp_path_factory.mktemp("piezo") / "piezo.edf", legs, PIEZO_HZ, range_uv=100.0)


# --- piezo -----------------------------------------------------------------------------------------------------------


def piezo_options() -> tuple[str, ...]:
    return ("--sensor", "piezo", "--left", "Leg L", "--right", "Leg R")


def test_a_piezo_sensor_is_scored_in_its_own_columns_only(plms, piezo: Path, stages: Path, tmp_path: Path) -> None:
    done = plms("detect", piezo, *piezo_options(), "--stages", stages, "--out", tmp_path / "o", "--plot",
                "--rules", "wasm2016,aasm3,wasm2006,coleman")  # fmt: skip
    assert done.code == 0, done.err
    assert "PLMS index of a piezo sensor (no EMG index)" in done.err
    nights = rows(tmp_path / "o" / "night.csv")
    assert len(nights) == 4
    names = contracts.table("night").column_names
    for night in nights:
        assert night["index_family"] == "piezo"
        assert night["evidence_class"] == "none"
        plain = [name for name in names if f"{name}_reason" in night and not name.endswith("_piezo")]
        # How long somebody slept is no matter of the legs, and [0, r] is what is known without an index.
        counted = [name for name in plain if name.startswith(("plm", "n_", "lm", "clm", "imi")) and "_lo_" not in name
                   and "_hi_" not in name]  # fmt: skip
        assert len(counted) > 100
        assert {night[name] for name in counted} == {""}
        assert {night[f"{name}_reason"] for name in counted} <= {"sensor_not_emg", "not_in_rule_set"}
    wasm = next(night for night in nights if night["rule_set"] == "wasm2016")
    assert int(wasm["n_plms_piezo"]) >= 4
    assert float(wasm["plmsi_per_h_piezo"]) == pytest.approx(int(wasm["n_plms_piezo"]) / (DURATION_S / 3600))
    assert (
        float(wasm["plmsi_lo_per_h_piezo"]) <= float(wasm["plmsi_per_h_piezo"]) <= float(wasm["plmsi_hi_per_h_piezo"])
    )
    assert wasm["plmsi_per_h"] == wasm["n_lm"] == ""
    assert wasm["legs_used_piezo"] == "both" and wasm["legs_used"] == "none"
    movements = rows(tmp_path / "o" / "leg_movement.csv")
    assert {one["source"] for one in movements} == {"detector_piezo"}
    assert {(one["peak_uv"], one["resting_uv"], one["has_morphology"]) for one in movements} == {("", "", "")}
    assert all(float(one["peak_over_rest_piezo"]) >= 4.0 for one in movements)
    assert {one["index_family"] for one in rows(tmp_path / "o" / "scored_movement.csv")} == {"piezo"}
    for quality in rows(tmp_path / "o" / "signal_quality.csv"):
        assert quality["rest_p50_uv"] == "" and float(quality["rest_p50_piezo"]) > 0
    assert {epoch["rest_uv"] for epoch in rows(tmp_path / "o" / "signal_quality_epoch.csv")} == {""}


def test_every_null_column_of_the_piezo_family_has_a_reason(plms, piezo: Path, tmp_path: Path) -> None:
    assert plms("detect", piezo, *piezo_options(), "--out", tmp_path / "o").code == 0
    (night,) = rows(tmp_path / "o" / "night.csv")
    for name in contracts.table("night").column_names:
        if f"{name}_reason" in night:
            assert (night[name] == "") == (night[f"{name}_reason"] != ""), name
    assert night["plmsi_per_h_piezo_reason"] == "stages_not_scored"


def test_piezo_movements_fed_to_score_stay_piezo(plms, piezo: Path, stages: Path, tmp_path: Path) -> None:
    assert plms("detect", piezo, *piezo_options(), "--stages", stages, "--out", tmp_path / "d").code == 0
    table = tmp_path / "d" / "leg_movement.csv"
    done = plms("score", "--movements", table, "--stages", stages, "--legs", "both", "--out", tmp_path / "s")
    assert done.code == 0, done.err
    for name in ("night.csv", "scored_movement.csv"):
        assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "s" / name).read_bytes()
    mixed = table.read_text(encoding="utf-8").splitlines()
    mixed[1] = mixed[1].replace("detector_piezo", "detector")
    (tmp_path / "mixed.csv").write_text("\n".join(mixed) + "\n", encoding="utf-8")
    done = plms(
        "score", "--movements", tmp_path / "mixed.csv", "--stages", stages, "--legs", "both", "--out", tmp_path / "m"
    )
    assert done.code == 2 and "EMG and of a piezo sensor" in done.err


def test_emg_has_no_piezo_index_and_says_why(plms, emg_legs, stages: Path, tmp_path: Path) -> None:
    edf = write_recording(tmp_path / "emg.edf", dict(zip((LEFT, RIGHT), emg_legs, strict=True)), FS_HZ)
    assert plms("detect", edf, "--sensor", "emg", "--stages", stages, "--out", tmp_path / "o").code == 0
    (night,) = rows(tmp_path / "o" / "night.csv")
    assert night["index_family"] == "emg" and night["plmsi_per_h"] != ""
    for name in contracts.table("night").column_names:
        if name.endswith("_piezo") and f"{name}_reason" in night:
            assert night[name] == "" and night[f"{name}_reason"] == "sensor_not_piezo", name


def test_an_undeclared_sensor_is_not_scored(plms, piezo: Path, tmp_path: Path) -> None:
    done = plms("detect", piezo, "--out", tmp_path / "o")
    assert done.code == 2 and "--sensor" in done.err
    assert not (tmp_path / "o").exists()


# --- findings --------------------------------------------------------------------------------------------------------


def _detect(plms, edf: Path, stages: Path, out: Path, *options: object):
    done = plms("detect", edf, *(options or ("--sensor", "emg")), "--stages", stages, "--out", out)
    assert done.code == 0, done.err
    (night,) = rows(out / "night.csv")
    return done.err, night


def text_of(code: str) -> str:
    return contracts.codes("finding").get(code).label


SIGNAL_FINDINGS = ("legs_identical", "legs_share_signal", "sides_contradict_labels", "leg_is_ecg", "leg_ecg_level",
                   "leg_unit_too_large", "leg_unit_too_small", "leg_flat", "leg_railed", "leg_rest_above_limit",
                   "leg_band_too_narrow", "leg_segments_too_short")  # fmt: skip


def found_in(err: str) -> set[str]:
    return {code for code in SIGNAL_FINDINGS if text_of(code) in err}


def ecg_of(seed: int) -> np.ndarray:
    return sim.ecg_signal(DURATION_S, FS_HZ, seed)


def planted(name: str, left: np.ndarray, right: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    signals, options = {LEFT: left, RIGHT: right}, {}
    if name == "copy":
        signals[RIGHT] = left
    elif name == "reversed and amplified":
        signals[RIGHT] = -1.7 * left
    elif name == "shared electrode":
        signals[RIGHT] = 0.8 * left + 0.6 * right
    elif name == "ECG twice":
        signals = {LEFT: ecg_of(3), RIGHT: right, "ECG": ecg_of(3)}
    elif name == "lead on the chest":
        beats = sim.r_peak_times(DURATION_S, [3, 6])
        signals = {LEFT: left + sim.qrs_train(left.size, FS_HZ, beats, 400.0), RIGHT: right, "ECG": ecg_of(3)}
    elif name == "millivolt called microvolt":
        signals[LEFT] = left / 1000.0
        options = {"range_uv": 3.0}
        signals[RIGHT] = right / 1000.0
    elif name == "microvolt called millivolt":
        signals = {label: 1000.0 * x for label, x in signals.items()}
        options = {"range_uv": 3e6, "unit": "mV"}
    elif name == "flat":
        signals[RIGHT] = np.zeros(right.size)
    elif name == "railed":
        signals[RIGHT] = np.full(right.size, 5000.0)
    elif name == "loose electrode":
        noise = np.random.default_rng(1).standard_normal(right.size)
        signals[RIGHT] = 60.0 * noise
    elif name == "low-pass 20 Hz":
        options = {"prefilter": "HP:0.5Hz LP:20Hz"}
    return signals, options


PLANTED = {
    "clean": set(),
    "copy": {"legs_identical"},
    "reversed and amplified": {"legs_identical"},
    "shared electrode": {"legs_share_signal"},
    "ECG twice": {"leg_is_ecg"},
    "lead on the chest": {"leg_ecg_level"},
    "millivolt called microvolt": {"leg_unit_too_small", "leg_flat"},
    "microvolt called millivolt": {"leg_unit_too_large", "leg_rest_above_limit"},
    "flat": {"leg_flat"},
    "railed": {"leg_railed"},
    "loose electrode": {"leg_rest_above_limit"},
    "low-pass 20 Hz": {"leg_band_too_narrow"},
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(plms, emg_legs, stages: Path, tmp_path: Path, name: str) -> None:
    signals, options = planted(name, *emg_legs)
    edf = write_recording(tmp_path / "night.edf", signals, FS_HZ, **options)  # type: ignore[arg-type]
    err, night = _detect(plms, edf, stages, tmp_path / "o")
    assert found_in(err) == PLANTED[name], err
    quality = rows(tmp_path / "o" / "signal_quality.csv")
    for one in quality:
        assert (one["n_movements"] == "") == (float(one["scorable_min"]) < 0.05 * float(one["recorded_min"]))
    lost = {"flat": "one_leg", "railed": "one_leg", "loose electrode": "one_leg", "copy": "one_leg",
            "reversed and amplified": "one_leg", "millivolt called microvolt": "none", "low-pass 20 Hz": "none",
            "microvolt called millivolt": "none"}  # fmt: skip
    if name in lost:
        assert night["evidence_class"] == lost[name]
    if lost.get(name) == "none":
        for column in ("n_lm", "n_clm", "n_plms", "plmsi_per_h", "plmwi_per_h", "imi_plms_median_s"):
            assert night[column] == "" and night[f"{column}_reason"] == "leg_unscorable", column
        assert (night["plmsi_lo_per_h"], night["plmsi_hi_per_h"]) == ("0", "360")
    elif name in lost:
        assert night["legs_used"] == "left" and night["plmsi_lo_per_h"] == "0"


def test_movements_of_a_copy_are_rows_that_are_not_counted(plms, emg_legs, stages: Path, tmp_path: Path) -> None:
    left = emg_legs[0]
    copy = write_recording(tmp_path / "copy.edf", {LEFT: left, RIGHT: -left}, FS_HZ)
    alone = write_recording(tmp_path / "alone.edf", {LEFT: left}, FS_HZ)
    _, night = _detect(plms, copy, stages, tmp_path / "c")
    _, one = _detect(plms, alone, stages, tmp_path / "a")
    ids = ("recording_id", "subject_id")
    assert {k: v for k, v in night.items() if k not in ids} == {k: v for k, v in one.items() if k not in ids}
    right = [row for row in rows(tmp_path / "c" / "leg_movement.csv") if row["leg"] == "R"]
    assert right and {row["is_kept"] for row in right} == {"false"}
    assert "duplicate_channel" in {row["reject_reason"] for row in right}


def test_a_declared_side_against_the_label(plms, emg_legs, stages: Path, tmp_path: Path) -> None:
    edf = write_recording(tmp_path / "night.edf", dict(zip((LEFT, RIGHT), emg_legs, strict=True)), FS_HZ)
    err, _ = _detect(plms, edf, stages, tmp_path / "x", "--left", RIGHT, "--right", LEFT)
    assert found_in(err) == {"sides_contradict_labels"}
    err, _ = _detect(plms, edf, stages, tmp_path / "y", "--left", LEFT, "--right", RIGHT)
    assert found_in(err) == set()


# --- nothing to score is unknown, never zero -------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["flat", "railed", "short", "low-pass 3 Hz"])
def test_a_piezo_recording_that_cannot_be_scored_is_unknown(plms, stages: Path, tmp_path: Path, spoil: str) -> None:
    onset, length = movement_times(DURATION_S, [1, 3])
    x, _ = piezo_leg(DURATION_S, PIEZO_HZ, 1, onset, length)
    options: dict[str, object] = {}
    if spoil == "short":
        x = x[: 20 * PIEZO_HZ]
    elif spoil == "low-pass 3 Hz":
        options["prefilter"] = "HP:0.1Hz LP:3Hz"
    else:
        x = np.full(x.size, 0.0 if spoil == "flat" else 1e4)
    edf = write_recording(tmp_path / "p.edf", {"Leg": x}, PIEZO_HZ, range_uv=100.0, **options)  # type: ignore[arg-type]
    if spoil == "short":
        stages = tmp_path / "s.csv"
        stages.write_text("onset_s,duration_s,stage\n0,20,N2\n", encoding="utf-8")
    _, night = _detect(plms, edf, stages, tmp_path / "o", "--sensor", "piezo", "--combined", "Leg")
    for column in ("n_lm", "n_clm", "n_plms", "plmsi_per_h"):
        assert night[f"{column}_piezo"] == "" and night[f"{column}_piezo_reason"] == "leg_unscorable"
        assert night[column] == "" and night[f"{column}_reason"] == "sensor_not_emg"
    assert night["evidence_class_piezo"] == "none"


def test_an_emg_too_short_to_score_is_unknown(plms, emg_legs, tmp_path: Path) -> None:
    stages = tmp_path / "s.csv"
    stages.write_text("onset_s,duration_s,stage\n0,6,N2\n", encoding="utf-8")
    signals = {label: x[: 6 * FS_HZ] for label, x in zip((LEFT, RIGHT), emg_legs, strict=True)}
    edf = write_recording(tmp_path / "night.edf", signals, FS_HZ)
    err, night = _detect(plms, edf, stages, tmp_path / "o")
    assert found_in(err) == {"leg_segments_too_short"}
    assert night["n_lm"] == "" and night["n_lm_reason"] == "leg_unscorable"


def test_a_quiet_night_is_zero_and_not_unknown(plms, stages: Path, tmp_path: Path) -> None:
    none = sim.make_plan([], [], 1)
    quiet = [sim.leg_emg(DURATION_S, FS_HZ, [9, s], movements=none, disturbances_per_h=0.0)[0] for s in (1, 2)]
    edf = write_recording(tmp_path / "quiet.edf", dict(zip((LEFT, RIGHT), quiet, strict=True)), FS_HZ)
    err, night = _detect(plms, edf, stages, tmp_path / "o")
    assert found_in(err) == set()
    assert (night["n_plms"], night["plmsi_per_h"]) == ("0", "0")
