"""Whole simulated nights from EDF to the release: movements, index, joins and phenotypes against the truth."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from plms_pipeline import cohort, simulate
from plms_pipeline.store import open_sql

pytestmark = pytest.mark.slow
N_NIGHTS, SEEDS = 24, (20261122, 7)


class Night(NamedTuple):
    folder: Path
    release: Path


@pytest.fixture(scope="module", params=SEEDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("clean")
    n_nights = N_NIGHTS if request.param == SEEDS[0] else 6
    made = simulate.write_cohort(folder / "sim", n_nights=n_nights, seed=request.param, only_clean=True)
    settings = cohort.load_cohort(made.cohort_yaml, {"store": str(folder / "store"), "n_workers": 2})
    summary = cohort.run(settings, executor="dask")
    assert summary.exit_code == 0, summary.message
    assert summary.n_analysed == n_nights
    assert summary.release is not None
    return Night(folder / "sim", summary.release)


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _true_movements(run: Night) -> dict[tuple[str, str], np.ndarray]:
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for night in _csv(run.folder / "truth" / "sim_nights.csv"):
        stem = f"sim_{int(night['number']) + 1:04d}"
        for row in _csv(run.folder / "truth" / f"{stem}_movements.csv"):
            found[night["recording_id"], row["leg"]].append((float(row["onset_s"]), float(row["offset_s"])))
    return {key: np.array(sorted(rows)) for key, rows in found.items()}


def _matched(true: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
    """Pairs with an intersection of at least half of the union, in order of time."""
    pairs, i, j = [], 0, 0
    while i < len(true) and j < len(found):
        inner = min(true[i, 1], found[j, 1]) - max(true[i, 0], found[j, 0])
        outer = max(true[i, 1], found[j, 1]) - min(true[i, 0], found[j, 0])
        if 2 * inner >= outer:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif true[i, 1] < found[j, 1]:
            i += 1
        else:
            j += 1
    return pairs


def test_movements_of_every_night_have_f1_of_099_and_small_errors(run: Night) -> None:
    with open_sql(run.release) as release:
        rows = release.query(
            "SELECT recording_id, leg, onset_s, offset_s FROM leg_movement WHERE is_kept ORDER BY ALL"
        ).rows
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for recording, leg, onset, offset in rows:
        found[recording, leg].append((onset, offset))
    hits: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    onset_errors, offset_errors = [], []
    for key, true in _true_movements(run).items():
        detected = np.array(found.get(key, [])).reshape(-1, 2)
        pairs = _matched(true, detected)
        hits[key[0]][0] += 2 * len(pairs)
        hits[key[0]][1] += len(true) + len(detected)
        onset_errors += [abs(detected[j, 0] - true[i, 0]) for i, j in pairs]
        offset_errors += [abs(detected[j, 1] - true[i, 1]) for i, j in pairs]
    f1 = {recording: hit / total for recording, (hit, total) in hits.items()}
    assert min(f1.values()) >= 0.99, f1
    for errors in (onset_errors, offset_errors):
        assert np.median(errors) <= 0.1
        assert np.percentile(errors, 95) <= 0.3


def test_every_night_has_at_least_150_movements(run: Night) -> None:
    assert min(int(night["n_movements"]) for night in _csv(run.folder / "truth" / "sim_nights.csv")) >= 150


def test_the_index_of_every_night_is_within_2_percent_or_half_a_movement_per_hour(run: Night) -> None:
    with open_sql(run.release) as release:
        rows = release.query(
            "SELECT recording_id, plmsi_per_h, evidence_class FROM night WHERE rule_set = 'wasm2016'"
        ).rows
    found = {row[0]: row for row in rows}
    for night in _csv(run.folder / "truth" / "sim_nights.csv"):
        true = float(night["plmsi_per_h"])
        _, index, evidence = found[night["recording_id"]]
        assert evidence == "full"
        assert abs(index - true) <= max(0.5, 0.02 * true), night["recording_id"]


def test_the_aasm_index_of_every_night_is_on_the_side_of_its_threshold_that_the_table_says(run: Night) -> None:
    table = _csv(run.folder / "truth" / "sim_phenotypes.csv")
    with open_sql(run.release) as release:
        analysis = _by_recording(release, "analysis")
    expected = {row["recording_id"]: row["expected"] for row in table if row["field"] == "plms_elevated_aasm3"}
    assert set(expected) == set(analysis)
    for recording, value in expected.items():
        row = analysis[recording]
        assert (row["plms_elevated"], row["phenotype_rule_set"]) == (value, "aasm3"), recording
        if row["age_years"] is not None:
            threshold = 15.0 if row["age_years"] >= 18 else 5.0
            assert abs(row["plmsi_aasm3_per_h"] - threshold) >= 2.0, recording


def test_joins_and_phenotypes_equal_the_hand_written_table_for_every_subject(run: Night) -> None:
    wrong = []
    with open_sql(run.release) as release:
        phenotype = _by_recording(release, "phenotype")
        analysis = _by_recording(release, "analysis")
        exposure = {
            (row[0], row[1]): row[2:]
            for row in release.query(
                "SELECT recording_id, class_id, exposed, exposed_reason FROM medication_exposure"
            ).rows
        }
        egfr = dict(
            release.query("SELECT recording_id, value FROM laboratory WHERE analyte = 'egfr'").rows  # type: ignore[arg-type]
        )
    rows = _csv(run.folder / "truth" / "sim_phenotypes.csv")
    assert {row["recording_id"] for row in rows} == set(phenotype)
    for row in rows:
        recording, (kind, _, name) = row["recording_id"], row["field"].partition(".")
        reason: Any = row["reason"] or None
        if kind == "medication_exposure":
            found = exposure[recording, name]
        elif kind == "factor":
            lists = {"yes": "factors_present", "no": "factors_absent", "unknown": "factors_unknown"}
            found = (next(value for value, column in lists.items() if name in phenotype[recording][column]), reason)
        elif kind == "egfr":
            value = egfr[recording]
            close = value is not None and row["expected"] != "unknown" and abs(value - float(row["expected"])) < 0.01
            found = (row["expected"] if close else "unknown" if value is None else str(value), reason)
        elif kind == "ckd_stage":
            found = (analysis[recording]["ckd_stage"] or "unknown", analysis[recording]["ckd_stage_reason"])
        elif f"{kind}_reason" in phenotype[recording] and kind != "secondary_factor_pattern":
            found = (phenotype[recording][kind], phenotype[recording][f"{kind}_reason"])
        else:
            found = (phenotype[recording][kind], reason)
        if found[0] != row["expected"] or (reason is not None and found[1] != reason):
            wrong.append((recording, row["field"], row["expected"], reason, found))
    assert not wrong


def _by_recording(release: Any, table: str) -> dict[str, dict[str, Any]]:
    result = release.query(f"SELECT * FROM {table}")
    at = result.columns.index("recording_id")
    return {row[at]: dict(zip(result.columns, row, strict=True)) for row in result.rows}
