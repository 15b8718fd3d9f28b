"""Two archives in miniature, one WSC-shaped and one MrOS-shaped, from their own raw tables to a release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plms_pipeline import cohort
from plms_pipeline.cli import cli
from plms_pipeline.errors import InputError
from plms_pipeline.store import open_sql

from . import miniature

pytestmark = pytest.mark.slow

# Written by hand from the answers in miniature.py and the rules, never taken from a run. A pair is (value, reason).
WSC: dict[str, dict[str, Any]] = {
    # Movements every 25 s; sertraline; Epworth 14; creatinine 0.9 mg/dL in a man of 55.
    "mini_wsc_10001_v1": {
        "plms_elevated": "yes", "sleepiness": "yes", "clinical_disturbance": "yes", "ssri": "yes", "snri": "no",
        "medication_factor": "yes", "medication_factor_basis": "ssri", "renal_failure": "no", "dialysis": "no",
        "sdb_15": "no", "neuropathy": ("unknown", "not_collected"), "plmd_compatible": "no", "ckd_stage": "G1",
        "secondary_factor_pattern": "medication", "rls_irlssg": ("unknown", "not_collected"),
        "pap_this_night": "unknown", "is_index_night": True,
    },
    # AHI 22.5; whether CPAP was used is not known, so it is not known either whether it stood untreated.
    "mini_wsc_10002_v1": {
        "plms_elevated": "yes", "insomnia": "yes", "medication_factor": "no", "renal_failure": "no", "sdb_15": "yes",
        "sdb_untreated": ("unknown", "pap_unknown"), "plmd_compatible": ("unknown", "exclusion_unknown"),
        "secondary_factor_pattern": "sdb", "masked_possible": "no", "is_index_night": True,
    },
    # The same woman four years later, on CPAP: never compatible, never the index night.
    "mini_wsc_10002_v2": {
        "pap_this_night": "yes", "sdb_15": "no", "sdb_untreated": "no", "is_index_night": False,
        "plmd_compatible_assessed": ("unknown", "pap_night"), "secondary_factor_pattern": "none_of_assessed",
    },
    # A quiet night. "Prozac, Savella" may be an SNRI, the antiemetic column may be an antihistamine; no creatinine.
    "mini_wsc_10003_v1": {
        "plms_elevated": "no", "ssri": "no", "snri": ("unknown", "mixed_group"),
        "da_antiemetic": ("unknown", "mixed_group"), "antihist_sedating": ("unknown", "mixed_group"), "lithium": "no",
        "medication_factor": ("unknown", "mixed_group"),
        "renal_failure": ("unknown", "not_collected"), "egfr_lt30": ("unknown", "missing"), "plmd_compatible": "no",
        "secondary_factor_pattern": "not_applicable",
        "sex": None,
    },
    # Creatinine 3.5 mg/dL in a woman of 70: eGFR below 15 (CKD-EPI 2021). Narcolepsy by a mailed survey.
    "mini_wsc_10004_v1": {
        "renal_failure": "yes", "ckd_stage": "G5", "egfr_lt15": "yes", "narcolepsy": "yes", "plmd_compatible": "no",
        "ssri": ("unknown", "missing"), "sdb_15": ("unknown", "ahi_missing"), "renal_self_report": "yes",
        "secondary_factor_pattern": "undetermined",
    },
}  # fmt: skip
MROS: dict[str, dict[str, Any]] = {
    # Four criteria, mimics not asked: probable, which is not definite. The piezo sensor gives no EMG index.
    "mini_mros_AA0001_v1": {
        "plms_elevated": ("unknown", "sensor_not_emg"), "rls_level": "probable",
        "rls_irlssg": ("unknown", "item_missing"), "rls_severity_irls": 18.0, "tca": "yes",
        "mirtazapine": ("unknown", "mixed_group"),
        "medication_factor": "yes", "sdb_15": "no", "plmd_compatible": "no", "pap_this_night": "no",
        "renal_failure": ("unknown", "missing"), "narcolepsy": "no",
    },
    # Every letter is unknown; on dialysis; AHI 31 without CPAP.
    "mini_mros_AA0002_v1": {
        "rls_irlssg": "unknown", "rls_level": "no_information", "ssri": ("unknown", "missing"),
        "medication_factor": "unknown", "renal_failure": "yes", "renal_failure_basis": "dialysis", "dialysis": "yes",
        "sdb_untreated": "yes", "plmd_compatible": "no", "age_years": 90, "age_top_coded": True, "race": None,
    },
    # No urge to move: no RLS whatever the rest; Epworth 15; CPAP in this night.
    "mini_mros_AA0003_v1": {
        "rls_irlssg": "no", "rls_level": "none", "sleepiness": "yes", "ssri": "no", "venlafaxine": "no",
        "medication_factor": ("unknown", "not_collected"), "medication_factor_assessed": "no", "dialysis": "no",
        "plmd_compatible": ("unknown", "plms_elevated_unknown"), "pap_this_night": "yes", "is_index_night": False,
    },
}  # fmt: skip


def values_of(release: Any, recording: str) -> dict[str, Any]:
    """Phenotype, analysis, conditions and exposures of one recording by name, each with its reason beside it."""
    found: dict[str, Any] = {}
    for table in ("analysis", "phenotype"):
        result = release.query(f"SELECT * FROM {table} WHERE recording_id = '{recording}'")
        assert len(result.rows) == 1, recording
        found |= dict(zip(result.columns, result.rows[0], strict=True))
    for table, name, status, reason in (
        ("condition", "condition", "status", "status_reason"),
        ("medication_exposure", "class_id", "exposed", "exposed_reason"),
    ):
        for key, value, why in release.query(
            f"SELECT {name}, {status}, {reason} FROM {table} WHERE recording_id = '{recording}'"
        ).rows:
            if key not in found or key == "dialysis":
                found |= {key: value, f"{key}_reason": why}
    return found


@pytest.mark.parametrize(("name", "expected"), [("wsc", WSC), ("mros", MROS)])
def test_from_raw_tables_to_a_release(name: str, expected: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    settings = cohort.load_cohort(miniature.write_cohort(name, tmp_path), {"n_workers": 1})
    summary = cohort.run(settings, executor="inline")
    assert (summary.exit_code, summary.n_in, summary.n_analysed) == (0, len(expected), len(expected)), summary.message
    assert summary.release is not None
    wrong = []
    with open_sql(summary.release) as release:
        for recording, row in expected.items():
            found = values_of(release, recording)
            for field, value in row.items():
                given = (found[field], found[f"{field}_reason"]) if isinstance(value, tuple) else found[field]
                if given != value:
                    wrong.append((recording, field, value, given))
    assert not wrong
    told_by_plms_explain(tmp_path / "store", expected)


def told_by_plms_explain(store: Path, expected: dict[str, dict[str, Any]]) -> None:
    """Every person of the release is explained, one night or all of them; a name that is not in it is refused."""

    def explain(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["explain", "--store", str(store), *arguments])

    for recording, row in expected.items():
        text = explain(recording).stdout
        assert text.startswith("Simulated: this person does not exist.\n\nVisit ")
        value = row.get("plmd_compatible")
        if value is not None:
            value = value[0] if isinstance(value, tuple) else value
            assert f"Compatible with PLMD (criteria, not a diagnosis): {value.upper()}\n" in text
    subject = next(iter(expected)).split("_")[2]
    assert explain(subject, "--visit", "v1").stdout == explain(subject).stdout != ""
    assert isinstance(explain("nobody").exception, InputError)
    assert isinstance(explain("x' OR '1'='1").exception, InputError)
