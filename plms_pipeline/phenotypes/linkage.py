"""Link one recording with what is known of its subject: the clinical tables of one night."""

from __future__ import annotations

import math
from typing import Any

from plms_pipeline.exposures.laboratory import LabValue
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.rules import clinical_rules
from plms_pipeline.exposures.status import UNKNOWN, Interval
from plms_pipeline.phenotypes.elevated import basis_of
from plms_pipeline.phenotypes.evidence import Evidence, gather
from plms_pipeline.phenotypes.nightly import phenotype

Columns = dict[str, list[Any]]
ID_COLUMNS = ("recording_id", "cohort", "subject_id", "visit")
# What every rule set finds alike, and what the phenotype rule set found.
_SLEEP_COLUMNS = ("tst_h", "sleep_scorable_h")
_NIGHT_COLUMNS = (
    "n_plms",
    "plmsi_per_h",
    "plmsi_lo_per_h",
    "plmsi_hi_per_h",
    "plmsi_nr_per_h",
    "plmsi_nr_lo_per_h",
    "plmsi_nr_hi_per_h",
    "plms_arousal_index_per_h",
    "periodicity_index_ferri",
    # A piezo sensor: another quantity, never in the columns above.
    "sleep_scorable_h_piezo",
    "n_plms_piezo",
    "plmsi_per_h_piezo",
    "plmsi_lo_per_h_piezo",
    "plmsi_hi_per_h_piezo",
)
_SHORT_COLUMNS = (
    "plms_elevated",
    "plms_elevated_point",
    "plmd_compatible",
    "plmd_compatible_assessed",
    "clinical_disturbance",
    "clinical_disturbance_assessed",
    "rls_irlssg",
    "rls_for_exclusion",
    "leg_cramp_pattern",
    "medication_factor",
    "medication_factor_assessed",
    "medication_factor_broad",
    "suppressor_exposed",
    "iron_deficiency",
    "ferritin_lt50",
    "ferritin_lt50_crp",
    "renal_failure",
    "renal_failure_assessed",
    "renal_failure_confirmed",
    "neuropathy",
    "sdb_15",
    "sdb_5",
    "masked_possible",
    "masked_possible_assessed",
    "rls_level",
    "rls_severity_irls",
    "secondary_factor_pattern",
    "attribution_universe",
)
_WITH_REASON = (
    "plms_elevated",
    "plmd_compatible",
    "clinical_disturbance",
    "rls_irlssg",
    "medication_factor",
    "iron_deficiency",
    "renal_failure",
    "neuropathy",
    "sdb_15",
)
_ELEVATED_ENDS = ("", "_reason", "_point")
_DESIGN_COLUMNS = (
    "bmi_kg_m2",
    "height_cm",
    "race",
    "ethnicity",
    "site",
    "psu",
    "stratum",
    "weight",
    "family_id",
    "study_type",
    "night_number",
)
SUBFLAGS_IN_ANALYSIS = ("venlafaxine", "clonazepam")


def link_recording(
    ids: dict[str, str],
    covariates: dict[str, list[dict[str, Any]]],
    night_rows: list[dict[str, Any]],
    facts: dict[str, Any],
    declaration: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Columns]:
    """Clinical tables of one recording.

    Parameters
    ----------
    ids
        ``recording_id``, ``cohort``, ``subject_id``, ``visit``.
    covariates
        ``Covariates.for_subject`` ({} without clinical tables).
    night_rows
        Rows of table ``night`` of this recording ([] when it was not scored).
    facts
        ``recording_date``, ``pap_this_night``, ``outcome``, ``sensor``, ``layout``, ``respiratory_state``,
        ``stages_state``, ``arousals_state``, ``ahi_per_h``, ``ahi_definition``; absent ones are unknown.
    declaration
        ``Covariates.declaration`` ({} without clinical tables: nothing was collected).
    settings
        Clinical settings that differ from ``schemas/rules/clinical.yaml``, by name.

    Returns
    -------
    dict
        Tables ``medication_exposure``, ``laboratory``, ``condition``, ``phenotype``, ``analysis`` as columns. Every
        recording gets its rows, also one that failed: unknown, with the reason. No date is in any of them.

    Raises
    ------
    InputError
        For a setting that is not declared.
    """
    rules = clinical_rules(settings)
    found = gather(covariates, facts, declaration, rules)
    criteria = phenotype(found, night_rows, facts, rules)
    kidney = {"egfr": _egfr(found)}
    rows: dict[str, list[dict[str, Any]]] = {
        "medication_exposure": found.medication,
        "laboratory": [_laboratory(value) for value in (found.laboratory | kidney).values()],
        "condition": [
            {
                "condition": name,
                "status": status.value,
                "status_reason": status.reason if status.value == UNKNOWN else None,
                "basis": status.basis or "none",
                "offset_d": status.offset_d,
            }
            for name, status in found.conditions.items()
        ],
        "phenotype": [criteria],
        "analysis": [_analysis(found, criteria, night_rows, facts, rules)],
    }
    return {table: _columns(ids, table_rows) for table, table_rows in rows.items()}


def _columns(ids: dict[str, str], rows: list[dict[str, Any]]) -> Columns:
    columns: Columns = {name: [ids[name]] * len(rows) for name in ID_COLUMNS}
    for name in rows[0]:
        columns[name] = [row[name] for row in rows]
    return columns


def _egfr(found: Evidence) -> LabValue:
    kidney = found.kidney
    flags = tuple(flag for flag in found.laboratory["creatinine"].flags if flag != "high_value")
    return LabValue(
        "egfr",
        "mL/min/1.73m2",
        kidney.egfr,
        kidney.value,
        kidney.offset_d,
        kidney.reason,
        found.laboratory["creatinine"].n_draws,
        flags if kidney.egfr is not None else (),
    )


def _bounds(interval: Interval | None) -> tuple[float | None, float | None]:
    if interval is None:
        return None, None
    return interval.lo, interval.hi if math.isfinite(interval.hi) else None


def _laboratory(value: LabValue) -> dict[str, Any]:
    low, high = _bounds(value.interval)
    reason = value.reason
    if value.value is None and reason is None:
        reason = "censored" if "censored" in value.flags else "interval_spans_threshold"
    return {
        "analyte": value.analyte,
        "value": value.value,
        "value_reason": reason,
        "lo": low,
        "hi": high,
        "hi_open": value.interval is not None and value.interval.hi_open and high is not None,
        "unit": value.unit,
        "offset_d": value.offset_d,
        "n_draws": value.n_draws,
        "flags": list(value.flags),
        "value_source": value.value_source,
        "unit_source": value.unit_source,
        "assay": value.assay,
    }


def _null_reason(value: LabValue) -> str | None:
    return _laboratory(value)["value_reason"] if value.value is None else None


def _side_by_side(night: dict[str, Any], name: str, index: str, criteria: dict[str, Any]) -> dict[str, Any]:
    """Count, index with its interval, and answer of one index under its own name."""
    row = {f"n_plms_{name}": night.get(f"n_plms{index.removeprefix('plmsi')}")}
    row |= {f"plmsi_{name}{end}_per_h": night.get(f"{index}{end}_per_h") for end in ("", "_lo", "_hi")}
    return row | {f"plms_elevated_{name}{end}": criteria[f"plms_elevated_{name}{end}"] for end in _ELEVATED_ENDS}


def _analysis(
    found: Evidence,
    criteria: dict[str, Any],
    night_rows: list[dict[str, Any]],
    facts: dict[str, Any],
    rules: dict[str, Any],
) -> dict[str, Any]:
    by_rule_set = {row["rule_set"]: row for row in night_rows}
    night: dict[str, Any] = by_rule_set.get(rules["phenotype_rule_set"], {})
    any_night = night or (by_rule_set[min(by_rule_set)] if by_rule_set else {})
    top = rules["age_top_code_years"]
    age = None if found.age_years is None else math.floor(found.age_years)
    kidney, laboratory = found.kidney, found.laboratory
    exposed = {entry["class_id"]: entry["exposed"] for entry in found.medication}
    row: dict[str, Any] = {
        "is_index_night": False,
        "outcome": facts.get("outcome") or "failed_input",
        "index_family": any_night.get("index_family") or "none",
        "evidence_class": any_night.get("evidence_class") or "none",
        "evidence_class_piezo": any_night.get("evidence_class_piezo") or "none",
        "respiratory_state": facts.get("respiratory_state") or "not_scored",
        "stages_state": facts.get("stages_state") or "not_scored",
        "arousals_state": facts.get("arousals_state") or "not_scored",
        "sensor": facts.get("sensor") or "unknown",
        "layout": facts.get("layout") or "none",
        "phenotype_rule_set": rules["phenotype_rule_set"],
        "pap_this_night": criteria["pap_this_night"],
        "age_years": None if age is None else min(age, top),
        "age_top_coded": age is not None and age >= top,
        "sex": found.sex,
    }
    row |= {name: found.demographics.get(name) for name in _DESIGN_COLUMNS}
    row |= {name: any_night.get(name) for name in _SLEEP_COLUMNS}
    row |= {name: night.get(name) for name in _NIGHT_COLUMNS}
    # Rules that score sleep alone have no index in wake; it comes from the one that defines it.
    row["plmwi_per_h"] = by_rule_set.get(rules["wake_index_rule_set"], {}).get("plmwi_per_h")
    for rule_set, indices in rules["rule_sets_reported"].items():
        for index in indices:
            row |= _side_by_side(by_rule_set.get(rule_set, {}), basis_of(rule_set, index), index, criteria)
    row |= {name: criteria[name] for name in _SHORT_COLUMNS}
    row |= {f"{name}_reason": criteria[f"{name}_reason"] for name in _WITH_REASON}
    row |= {name: found.conditions[name].value for name in ("dialysis", "diabetes")}
    for class_id, (parent, _) in medication_table().classes().items():
        if parent is None or class_id in SUBFLAGS_IN_ANALYSIS:
            row[f"exp_{class_id}"] = exposed[class_id]
    return row | {
        "ferritin_ug_l": laboratory["ferritin"].value,
        "ferritin_offset_d": laboratory["ferritin"].offset_d,
        "ferritin_reason": _null_reason(laboratory["ferritin"]),
        "crp_mg_l": laboratory["crp"].value,
        "creatinine_mg_dl": laboratory["creatinine"].value,
        "egfr": kidney.value,
        "egfr_reason": kidney.reason,
        "egfr_equation": kidney.equation,
        "ckd_stage": kidney.stage,
        "ckd_stage_reason": kidney.stage_reason,
        "egfr_chronicity": kidney.chronicity,
        "haemoglobin_g_dl": laboratory["haemoglobin"].value,
        "ahi_per_h": None if found.ahi is None else found.ahi.lo,
        "ahi_definition": found.ahi_definition,
        "ahi_reason": found.ahi_reason,
    }
