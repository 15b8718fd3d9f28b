"""The real sample files as a cohort: none has a leg channel; the honest outcome of each, and nobody lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from plms_pipeline import cohort
from plms_pipeline.store import open_sql

# file: outcome, reason, findings that must be among those noticed
EXPECTED = {
    "derived/header_only.edf": ("failed_input", "no_data_records", set()),
    "derived/ndr_minus1.edf": ("excluded", "no_leg_channel", {"record_count_unknown"}),
    "derived/short_header.edf": ("failed_input", "short_header", set()),
    "derived/trailing_garbage.edf": ("excluded", "no_leg_channel", {"trailing_bytes"}),
    "derived/trunc_at_record.edf": ("excluded", "no_leg_channel", {"truncated"}),
    "derived/trunc_midrecord.edf": ("excluded", "no_leg_channel", {"truncated"}),
    "edfReader/bdfPlusC.bdf": ("excluded", "no_leg_channel", set()),
    "edfReader/edfAnnonC.edf": ("excluded", "no_leg_channel", set()),
    "edfReader/edfPlusC.edf": ("excluded", "no_leg_channel", set()),
    "edfReader/edfPlusD.edf": ("excluded", "no_leg_channel", {"gap"}),
    "edfio/SC4001EC-Hypnogram.edf": ("failed_input", "annotations_only", set()),
    "edfio/mne_test.edf": ("excluded", "no_leg_channel", set()),
    "edfio/short_psg.bdf": ("excluded", "no_leg_channel", set()),
    "edfio/short_psg.edf": ("excluded", "no_leg_channel", {"stages_beyond_recording"}),
    "edfio/test_subsecond.bdf": ("excluded", "no_leg_channel", set()),
    "edfio/test_subsecond.edf": ("excluded", "no_leg_channel", set()),
    "pyedflib/test_generator.bdf": ("excluded", "no_leg_channel", set()),
    "pyedflib/test_generator.edf": ("excluded", "no_leg_channel", set()),
    "pyedflib/test_generator_datarec_generator_0_5.bdf": ("excluded", "no_leg_channel", set()),
    "pyedflib/test_generator_datarec_generator_2.bdf": ("excluded", "no_leg_channel", set()),
    "pyedflib/test_legacy.edf": ("excluded", "no_leg_channel", {"annotations_in_plain_file"}),
    "pyedflib/test_utf8.edf": ("excluded", "no_leg_channel", set()),
    "edfio/not_there.edf": ("failed_input", "file_missing", set()),
}


def _write_cohort(folder: Path, edf: Path) -> Path:
    with (folder / "sheet.csv").open("w", encoding="utf-8", newline="") as handle:
        sheet = csv.writer(handle)
        sheet.writerow(["subject_id", "edf", "annotations"])
        for at, name in enumerate(EXPECTED):
            hypnogram = edf / "edfio/SC4001EC-Hypnogram.edf" if name == "edfio/short_psg.edf" else ""
            sheet.writerow([f"s{at:02d}", edf / name, hypnogram])
    path = folder / "cohort.yaml"
    path.write_text("cohort: samples\nsheet: sheet.csv\nmax_failed_fraction: 1.0\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def summary(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> cohort.RunSummary:
    folder = tmp_path_factory.mktemp("samples")
    return cohort.run(cohort.load_cohort(_write_cohort(folder, shared_data / "edf")), executor="inline")


def test_every_file_has_its_honest_outcome(summary: cohort.RunSummary) -> None:
    assert summary.exit_code == 0, summary.message
    assert summary.release is not None
    with open_sql(summary.release) as release:
        rows = release.query("SELECT subject_id, outcome, reason, findings FROM ledger ORDER BY 1").rows
    assert len(rows) == len(EXPECTED)
    for (name, (outcome, reason, findings)), row in zip(EXPECTED.items(), rows, strict=True):
        assert (row[1], row[2]) == (outcome, reason), name
        assert findings <= set(row[3]), name


def test_in_is_analysed_and_excluded_and_failed(summary: cohort.RunSummary) -> None:
    failed = summary.n_failed_input + summary.n_failed_system
    assert summary.n_in == len(EXPECTED) == summary.n_analysed + summary.n_excluded + failed
    assert summary.n_failed_input == sum(outcome == "failed_input" for outcome, _, _ in EXPECTED.values())


def test_the_hypnogram_of_the_night_is_cut_to_the_fragment(summary: cohort.RunSummary) -> None:
    assert summary.release is not None
    with open_sql(summary.release) as release:
        rows = release.query(
            "SELECT stage, sum(s.duration_s) FROM sleep_stage s JOIN recording USING (recording_id) "
            "WHERE contains(findings, 'stages_beyond_recording') GROUP BY 1"
        ).rows
    # Sleep-EDF SC4001: wake throughout the first five minutes.
    assert rows == [("W", 300.0)]


def test_what_is_not_known_of_them_is_unknown_and_not_no(summary: cohort.RunSummary) -> None:
    assert summary.release is not None
    with open_sql(summary.release) as release:
        found = release.query("SELECT DISTINCT plms_elevated, plmd_compatible, rls_irlssg FROM phenotype").rows
        indices = release.query("SELECT count(plmsi_per_h), count(*) FROM night").rows
    assert found == [("unknown", "unknown", "unknown")]
    assert indices[0][0] == 0
