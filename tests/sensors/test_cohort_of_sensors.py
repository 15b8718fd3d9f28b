"""``plms run`` on a sheet with EMG, piezo, undeclared and spoilt legs: tables, reasons, gate and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from plms_pipeline import cohort, contracts
from plms_pipeline.simulate.emg_signal import movement_times
from plms_pipeline.simulate.piezo_signal import piezo_leg

from .conftest import DURATION_S, FS_HZ, LEFT, PIEZO_HZ, RIGHT
from .recordings import write_recording

# Recording → what the sheet declares, legs that are scored, evidence in EMG columns, findings of the signal.
EXPECTED: dict[str, tuple[str, str, set[str]]] = {
    "emg": ("emg", "both", set()),
    "piezo": ("piezo", "none", set()),
    "copy": ("emg", "left", {"legs_identical"}),
    "one_flat": ("emg", "left", {"leg_flat"}),
    "both_flat": ("emg", "none", {"leg_flat"}),
    "both_railed": ("emg", "none", {"leg_railed"}),
    "loud": ("emg", "none", {"leg_rest_above_limit"}),
    "narrow": ("emg", "none", {"leg_band_too_narrow"}),
    "piezo_flat": ("piezo", "none", {"leg_flat"}),
}


def _piezo(seed: int) -> np.ndarray:
    onset, length = movement_times(DURATION_S, [seed, 3])
    return piezo_leg(DURATION_S, PIEZO_HZ, seed, onset, length)[0]


@pytest.fixture(scope="module")
def release(emg_legs: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensors")
    left, right = emg_legs
    size = left.size
    noise = 60.0 * np.random.default_rng(1).standard_normal((2, size))
    legs = {
        "emg": (left, right),
        "copy": (left, -1.5 * left),
        "one_flat": (left, np.zeros(size)),
        "both_flat": (np.zeros(size), np.zeros(size)),
        "both_railed": (np.full(size, 9e3), np.full(size, -9e3)),
        "loud": (noise[0], noise[1]),
        "narrow": (left, right),
        "undeclared": (left, right),
    }
    for name, pair in legs.items():
        options = {"prefilter": "HP:0.5Hz LP:20Hz"} if name == "narrow" else {}
        write_recording(folder / f"{name}.edf", dict(zip((LEFT, RIGHT), pair, strict=True)), FS_HZ, **options)
    piezo = {"piezo": (_piezo(1), _piezo(2)), "piezo_flat": (np.zeros(DURATION_S * PIEZO_HZ),) * 2}
    for name, pair in piezo.items():
        write_recording(folder / f"{name}.edf", dict(zip((LEFT, RIGHT), pair, strict=True)), PIEZO_HZ, range_uv=100.0)
    (folder / "stages.csv").write_text(f"onset_s,duration_s,stage\n0,{DURATION_S},N2\n", encoding="utf-8")
    lines = ["recording_id,subject_id,edf,annotations,sensor,stages_state"]
    sensors = {name: sensor for name, (sensor, _, _) in EXPECTED.items()} | {"undeclared": ""}
    lines += [f"{name},{name},{name}.edf,stages.csv,{sensor},scored" for name, sensor in sorted(sensors.items())]
    (folder / "sheet.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "cohort.yaml").write_text(
        "cohort: sensors\nsheet: sheet.csv\nmax_failed_fraction: 1.0\nclinical: {phenotype_rule_set: wasm2016}\n",
        encoding="utf-8",
    )
    settings = cohort.load_cohort(folder / "cohort.yaml", {"store": str(folder / "store")}, environ={})
    summary = cohort.run(settings, executor="inline")
    assert summary.release is not None, summary.message
    return summary.release


def read(release: Path, table: str) -> list[dict[str, Any]]:
    single = release / f"{table}.parquet"
    return pq.read_table(single if single.is_file() else release / table).to_pylist()


def by_id(release: Path, table: str, **where: object) -> dict[str, dict[str, Any]]:
    return {
        row["recording_id"]: row
        for row in read(release, table)
        if all(row[name] == value for name, value in where.items())
    }


def test_every_recording_but_the_undeclared_one_is_analysed(release: Path) -> None:
    ledger = {row["recording_id"]: (row["outcome"], row["reason"]) for row in read(release, "ledger")}
    assert ledger == dict.fromkeys(EXPECTED, ("analysed", None)) | {"undeclared": ("excluded", "sensor_unknown")}


def test_findings_and_legs_are_those_of_the_signal(release: Path) -> None:
    recordings = by_id(release, "recording")
    planted = {code for _, _, codes in EXPECTED.values() for code in codes}
    assert {name: planted & set(recordings[name]["findings"]) for name in EXPECTED} == {
        name: codes for name, (_, _, codes) in EXPECTED.items()
    }
    nights = by_id(release, "night", rule_set="wasm2016")
    assert {name: nights[name]["legs_used"] for name in EXPECTED} == {
        name: used for name, (_, used, _) in EXPECTED.items()
    }


def test_what_cannot_be_scored_is_null_with_its_reason(release: Path) -> None:
    nights = by_id(release, "night", rule_set="wasm2016")
    for name, (sensor, used, _) in EXPECTED.items():
        night = nights[name]
        assert (night["plmsi_per_h"] is None) == (used == "none"), name
        if used == "none":
            reason = "sensor_not_emg" if sensor == "piezo" else "leg_unscorable"
            for column in ("n_lm", "n_clm", "n_plm", "n_plms", "plmsi_per_h", "clmi_per_h"):
                assert (night[column], night[f"{column}_reason"]) == (None, reason), (name, column)
            assert (night["plmsi_lo_per_h"], night["plmsi_hi_per_h"]) == (0.0, 360.0)
    assert nights["piezo"]["plmsi_per_h_piezo"] > 0
    assert nights["piezo_flat"]["plmsi_per_h_piezo_reason"] == "leg_unscorable"
    for row in read(release, "night"):
        for column in contracts.table("night").column_names:
            if f"{column}_reason" in row:
                assert (row[column] is None) == (row[f"{column}_reason"] is not None), (row["recording_id"], column)


def test_phenotypes_of_a_piezo_night_are_unknown_and_its_index_stands_apart(release: Path) -> None:
    phenotype, analysis = (by_id(release, table)["piezo"] for table in ("phenotype", "analysis"))
    assert (phenotype["plms_elevated"], phenotype["plms_elevated_reason"]) == ("unknown", "sensor_not_emg")
    assert analysis["index_family"] == "piezo"
    assert analysis["plmsi_per_h"] is None and analysis["n_plms"] is None
    night = by_id(release, "night", rule_set=analysis["phenotype_rule_set"])["piezo"]
    for column in ("n_plms_piezo", "plmsi_per_h_piezo", "plmsi_lo_per_h_piezo", "sleep_scorable_h_piezo"):
        assert analysis[column] == night[column] is not None, column
    assert by_id(release, "analysis")["emg"]["plmsi_per_h_piezo"] is None


def test_the_gate_reads_both_families(release: Path) -> None:
    results = {row["check_id"]: row for row in read(release, "quality_result")}
    assert results["sensor_is_emg"]["status"] == results["piezo_index_is_of_piezo"]["status"] == "passed"
    assert {row["status"] for row in read(release, "quality_result") if row["severity"] == "error"} <= {
        "passed", "not_applicable"
    }  # fmt: skip


def test_movements_name_their_detector(release: Path) -> None:
    sources = {}
    for row in read(release, "leg_movement"):
        sources.setdefault(row["recording_id"], set()).add(row["source"])
    assert sources["piezo"] == {"detector_piezo"} and sources["emg"] == {"detector"}
    families = {row["recording_id"]: row["index_family"] for row in read(release, "scored_movement")}
    assert families["piezo"] == "piezo" and families["emg"] == "emg"


def test_the_report_shows_each_family_by_itself(release: Path) -> None:
    (report,) = (release / "reports").glob("quality*.html")
    page = report.read_text(encoding="utf-8")
    table = page[page.index("What the legs were measured with") :]
    table = table[: table.index("</table>")]
    assert "columns that end in _piezo" in table and "surface EMG in microvolts" in table
