"""Literal nights of one person: the night row, the facts of the recording, what is known, and what must come out.

Written by hand from the rules (ICSD-3 thresholds, the interval rule, the evidence classes, the sensors); nothing here
is computed. The person is a man of exactly 40 years who sleeps badly, of whom everything is known and who has none of
the factors: whatever is elevated in him is compatible with PLMD. Each case changes what it names. An expectation is a
value, or ``("unknown", reason)`` — for numbers ``(None, reason)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Expected = dict[str, "str | float | tuple[str | None, str]"]

FERRITIN = {"analyte": "ferritin", "value": "120", "unit": "ug/L", "collected_offset_d": -10}
CREATININE = {"analyte": "creatinine", "value": "0.9", "unit": "mg/dL", "collected_offset_d": -10}
NO_DIALYSIS = {"condition": "dialysis", "status": "no", "recorded_offset_d": 0}
CKD_1 = {"condition": "ckd_ge4", "stage": 1, "recorded_offset_d": 0}
OTHERS = [
    {"condition": "neuropathy", "status": "no", "recorded_offset_d": 0},
    {"condition": "narcolepsy", "status": "no", "recorded_offset_d": 0},
    {"condition": "rbd", "status": "no", "recorded_offset_d": 0},
]
NO_RLS = {"rls_urge": "no", "rls_rest": "no", "rls_relief": "no", "rls_evening": "no"}
FOUR_CRITERIA = {"rls_urge": "yes", "rls_rest": "yes", "rls_relief": "yes", "rls_evening": "yes"}
PERSON: dict[str, list[dict[str, Any]]] = {
    "demographics": [{"age_years": 40.0, "sex": "male"}],
    "medication": [],
    "inventory": [{"complete": "yes", "collected_offset_d": 0}],
    "laboratory": [FERRITIN, CREATININE],
    "condition": [NO_DIALYSIS, CKD_1, *OTHERS],
    "questionnaire": [{**NO_RLS, "insomnia_complaint": "yes", "collected_offset_d": 0}],
}
DECLARATION: dict[str, Any] = {
    "age_precision": "exact",
    "ahi_definition": "scored_events",
    "inventory_default": "unknown",
    "collected": [
        "medication", "ferritin", "crp", "creatinine", "dialysis", "ckd_stage", "neuropathy", "ahi", "narcolepsy",
        "rbd", "rls_criteria", "rls_screen", "rls_physician", "insomnia",
    ],
}  # fmt: skip
FACTS: dict[str, Any] = {
    "recording_date": "2024-05-02", "pap_this_night": "no", "outcome": "analysed", "sensor": "emg",
    "layout": "bipolar", "stages_state": "scored", "arousals_state": "scored", "respiratory_state": "scored",
    "ahi_per_h": 2.0, "ahi_definition": "scored_events",
}  # fmt: skip


def night(
    point: float | None, low: float | None, high: float | None, hours: float | None = 7.0, evidence: str = "full"
) -> list[dict[str, Any]]:
    """The rows of both rule sets, which find the same here, with and without respiratory-related movements."""
    both = {
        f"plmsi{nr}{end}_per_h": value
        for nr in ("", "_nr")
        for end, value in (("", point), ("_lo", low), ("_hi", high))
    }
    return [
        {"rule_set": rule_set, "evidence_class": evidence, "sleep_scorable_h": hours, **both}
        for rule_set in ("wasm2016", "aasm3")
    ]


def differing(wasm2016: list[dict[str, Any]], aasm3: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The wasm2016 row of one night and the aasm3 row of the other."""
    return [wasm2016[0], aasm3[1]]


def breathing_unknown(point: float, candidates: float) -> list[dict[str, Any]]:
    """Without respiratory scoring: all movements of wasm2016 as they are, the others from 0 to all candidates."""
    inclusive, aasm3 = differing(night(point, point, point), night(None, 0.0, candidates))
    return [{**inclusive, "plmsi_nr_per_h": None, "plmsi_nr_lo_per_h": 0.0, "plmsi_nr_hi_per_h": candidates}, aasm3]


class NightCase(NamedTuple):
    """One literal night: what differs from the person above, and what must come out."""

    name: str
    rows: list[dict[str, Any]]
    expect: Expected
    facts: Mapping[str, Any] = MappingProxyType({})
    person: Mapping[str, list[dict[str, Any]]] = MappingProxyType({})
    declaration: Mapping[str, Any] = MappingProxyType({})


def aged(years: float) -> dict[str, list[dict[str, Any]]]:
    return {"demographics": [{"age_years": years, "sex": "male"}]}


HIGH = night(30.0, 30.0, 30.0)
LOW = night(4.0, 4.0, 4.0)
TEN = night(10.0, 10.0, 10.0)
EIGHT = night(8.0, 8.0, 8.0)
OPEN: Expected = {
    "plmd_compatible": ("unknown", "plms_elevated_unknown"),
    "secondary_factor_pattern": ("undetermined", "plms_elevated_unknown"),
    "masked_possible": "no",
}
YES: Expected = {"plms_elevated": "yes", "plmd_compatible": "yes", "secondary_factor_pattern": "none_of_assessed"}
NO: Expected = {"plms_elevated": "no", "plmd_compatible": "no", "secondary_factor_pattern": "not_applicable"}

CASES = (
    # ---- the interval and the threshold --------------------------------------------------------------------------
    NightCase("a plain elevated night", HIGH, YES),
    NightCase("15.0 is not above 15", night(15.0, 15.0, 15.0), {**NO, "plms_elevated_point": "no"}),
    NightCase("15.01 is above 15", night(15.01, 15.01, 15.01), {**YES, "plms_elevated_point": "yes"}),
    NightCase(
        "12 to 18 holds 15",
        night(17.0, 12.0, 18.0, evidence="partial"),
        {**OPEN, "plms_elevated": ("unknown", "interval_spans_threshold"), "plms_elevated_point": "yes"},
    ),
    NightCase("a whole interval above", night(20.0, 18.0, 24.0, evidence="partial"), YES),
    NightCase("a lower end at 15 may be 15 itself", night(17.0, 15.0, 18.0, evidence="partial"),
              {**OPEN, "plms_elevated": ("unknown", "interval_spans_threshold")}),
    NightCase("an upper end at 15 is not above it", night(13.0, 11.0, 15.0, evidence="partial"), NO),
    NightCase("a whole interval below", night(8.0, 4.0, 12.0, evidence="partial"), NO),
    # ---- legs, sensor, staging, sleep ----------------------------------------------------------------------------
    NightCase("one leg: the other may add movements or break every series", night(40.0, 0.0, 360.0, evidence="one_leg"),
              {**OPEN, "plms_elevated": ("unknown", "interval_spans_threshold"), "plms_elevated_point": "yes"},
              {"layout": "one_leg"}),
    NightCase("one channel of both legs has no bounds", night(3.0, 0.0, 360.0, evidence="combined"),
              {**OPEN, "plms_elevated": ("unknown", "interval_spans_threshold"), "plms_elevated_point": "no"},
              {"layout": "combined"}),
    NightCase("nobody staged the sleep", night(None, 0.0, 360.0, None, "none"),
              {**OPEN, "plms_elevated": ("unknown", "no_stages"), "plms_elevated_point": ("unknown", "no_stages")},
              {"stages_state": "not_scored"}),
    NightCase("not even a narrow interval helps without stages", night(None, 20.0, 30.0, None, "none"),
              {**OPEN, "plms_elevated": ("unknown", "no_stages")}, {"stages_state": "not_scored"}),
    NightCase("an hour and a half of scorable sleep", night(30.0, 30.0, 30.0, 1.5, "partial"),
              {**OPEN, "plms_elevated": ("unknown", "scorable_sleep_short"), "plms_elevated_point": "yes"}),
    NightCase("two hours are enough", night(30.0, 30.0, 30.0, 2.0, "partial"), YES),
    NightCase("no sleep at all", night(None, None, None, 0.0, "none"),
              {**OPEN, "plms_elevated": ("unknown", "no_index"), "plms_elevated_point": ("unknown", "no_index")}),
    NightCase("scorable sleep not known", night(30.0, 30.0, 30.0, None),
              {**OPEN, "plms_elevated": ("unknown", "no_index")}),
    NightCase("a piezo sensor measures no microvolts", HIGH,
              {**OPEN, "plms_elevated": ("unknown", "sensor_not_emg"),
               "plms_elevated_point": ("unknown", "sensor_not_emg")}, {"sensor": "piezo"}),
    NightCase("a sensor nobody declared", HIGH, {**OPEN, "plms_elevated": ("unknown", "sensor_not_emg")},
              {"sensor": "unknown"}),
    NightCase("a sensor declared to be taken for EMG", HIGH, YES, {"sensor": "assumed_emg"}),
    NightCase("no leg channel", [], {**OPEN, "plms_elevated": ("unknown", "no_leg")},
              {"outcome": "excluded", "layout": "none", "sensor": None}),
    NightCase("a recording that failed", [],
              {**OPEN, "plms_elevated": ("unknown", "not_analysed"), "rls_irlssg": "no", "ferritin_lt50": "no"},
              {"outcome": "failed_input", "layout": None, "sensor": None}),
    NightCase("a recording that failed, of a man with narcolepsy", [],
              {"plms_elevated": ("unknown", "not_analysed"), "plmd_compatible": "no"}, {"outcome": "failed_input"},
              {"condition": [NO_DIALYSIS, CKD_1, OTHERS[0], OTHERS[2], {"condition": "narcolepsy", "status": "yes"}]}),
    NightCase("analysed, but not under this rule set", [], {**OPEN, "plms_elevated": ("unknown", "not_scored")}),
    # ---- age -----------------------------------------------------------------------------------------------------
    NightCase("18, rounded, may be 17.5", TEN,
              {**OPEN, "plms_elevated": ("unknown", "age_uncertain"), "ckd_stage": (None, "age_uncertain"),
               "renal_failure": ("unknown", "age_uncertain"), "sdb_untreated": ("unknown", "age_uncertain")},
              {}, aged(18.0), {"age_precision": "rounded"}),
    NightCase("18, rounded, above both thresholds", HIGH, {"plms_elevated": "yes"}, {}, aged(18.0),
              {"age_precision": "rounded"}),
    NightCase("19, rounded, is at least 18.5", TEN, NO, {}, aged(19.0), {"age_precision": "rounded"}),
    NightCase("17 completed years are under 18", TEN, {"plms_elevated": "yes"}, {"ahi_per_h": 0.0}, aged(17.0),
              {"age_precision": "floor"}),
    NightCase("17.99 years", TEN, {"plms_elevated": "yes"}, {"ahi_per_h": 0.0}, aged(17.99)),
    NightCase("18.0 years", TEN, NO, {}, aged(18.0)),
    NightCase("a child of 9 with 5.0", night(5.0, 5.0, 5.0), {"plms_elevated": "no"}, {}, aged(9.0)),
    NightCase("a child of 9 with 5.1", night(5.1, 5.1, 5.1), {"plms_elevated": "yes"}, {}, aged(9.0)),
    NightCase("age missing, above both", night(18.0, 18.0, 18.0), {"plms_elevated": "yes"}, {},
              {"demographics": [{"sex": "male"}]}),
    NightCase("age missing, below both", night(2.0, 2.0, 2.0), NO, {}, {"demographics": [{"sex": "male"}]}),
    NightCase("age missing, between", TEN, {**OPEN, "plms_elevated": ("unknown", "age_missing")}, {},
              {"demographics": [{"sex": "male"}]}),
    # ---- breathing and pressure ----------------------------------------------------------------------------------
    NightCase("the cohort's own AHI is missing, the scored events do not stand in for it", HIGH,
              {"plms_elevated": "yes", "sdb_15": ("unknown", "ahi_missing"), "sdb_5": ("unknown", "ahi_missing"),
               "sdb_untreated": ("unknown", "ahi_missing"), "plmd_compatible": ("unknown", "exclusion_unknown"),
               "secondary_factor_pattern": ("undetermined", "factor_unknown")},
              {}, {}, {"ahi_definition": "nsrr_ahi_hp4u_aasm15"}),
    NightCase("the cohort's own AHI of 2 counts, not 40 by another definition", HIGH, {**YES, "sdb_15": "no"},
              {"ahi_per_h": 40.0}, {"demographics": [{"age_years": 40.0, "sex": "male", "ahi_per_h": 2.0}]},
              {"ahi_definition": "nsrr_ahi_hp4u_aasm15"}),
    NightCase("breathing not scored, 30 per hour with and perhaps none without it", breathing_unknown(30.0, 34.0),
              {**OPEN, "plms_elevated": ("unknown", "respiratory_not_scored"),
               "plms_elevated_point": ("unknown", "respiratory_not_scored"),
               "plms_elevated_aasm3": ("unknown", "respiratory_not_scored"),
               "plms_elevated_wasm2016": "yes", "plms_elevated_wasm2016_point": "yes",
               "plms_elevated_wasm2016_nr": ("unknown", "respiratory_not_scored"),
               "plms_elevated_basis": "aasm3", "plmd_compatible_basis": "aasm3", "evidence_class": "full",
               "sdb_15": ("unknown", "respiratory_not_scored")}, {"respiratory_state": "not_scored"}),
    NightCase("breathing scored in part is not enough", breathing_unknown(30.0, 34.0),
              {**OPEN, "plms_elevated": ("unknown", "respiratory_not_scored"), "plms_elevated_wasm2016": "yes"},
              {"respiratory_state": "partial"}),
    NightCase("breathing not scored, but all candidates together are 12 per hour", breathing_unknown(8.0, 12.0),
              {**NO, "plms_elevated_aasm3": "no", "plms_elevated_wasm2016": "no",
               "plms_elevated_point": ("unknown", "respiratory_not_scored")}, {"respiratory_state": "not_scored"}),
    NightCase("breathing not scored and no sleep: there is no index whatever the breathing",
              night(None, None, None, 0.0, "none"), {**OPEN, "plms_elevated": ("unknown", "no_index")},
              {"respiratory_state": "not_scored"}),
    # ---- two rule sets -------------------------------------------------------------------------------------------
    NightCase("elevated only with respiratory-related movements", differing(HIGH, LOW),
              {**NO, "plms_elevated_wasm2016": "yes", "plms_elevated_aasm3": "no", "plms_elevated_point": "no",
               "plms_elevated_wasm2016_point": "yes", "plms_elevated_aasm3_point": "no"}),
    NightCase("elevated by the AASM manual only", differing(LOW, HIGH),
              {**YES, "plms_elevated_wasm2016": "no", "plms_elevated_aasm3": "yes"}),
    NightCase("scored by wasm2016 alone: no other rule set answers for aasm3", HIGH[:1],
              {**OPEN, "plms_elevated": ("unknown", "not_scored"), "plms_elevated_point": ("unknown", "not_scored"),
               "plms_elevated_aasm3": ("unknown", "not_scored"), "plms_elevated_wasm2016": "yes",
               "plms_elevated_wasm2016_nr": "yes", "plms_elevated_basis": "aasm3", "plmd_compatible_basis": "aasm3",
               "plmsi_wasm2016_per_h": 30.0, "evidence_class": "full"}),
    NightCase("scored by aasm3 alone", HIGH[1:],
              {**YES, "plms_elevated_wasm2016": ("unknown", "not_scored"), "plmsi_aasm3_per_h": 30.0}),
    NightCase("AHI 15.0 is a factor", HIGH,
              {"sdb_15": "yes", "plmd_compatible": "no", "secondary_factor_pattern": "sdb"}, {"ahi_per_h": 15.0}),
    NightCase("AHI 14.99 is none, but an untreated apnoea", HIGH,
              {"sdb_15": "no", "sdb_5": "yes", "sdb_untreated": "yes", "plmd_compatible": "no",
               "secondary_factor_pattern": "none_of_assessed"}, {"ahi_per_h": 14.99}),
    NightCase("AHI 5.0 excludes", HIGH, {"sdb_5": "yes", "sdb_untreated": "yes", "plmd_compatible": "no"},
              {"ahi_per_h": 5.0}),
    NightCase("AHI 4.99 does not", HIGH, {**YES, "sdb_5": "no", "sdb_untreated": "no"}, {"ahi_per_h": 4.99}),
    NightCase("a child of 9 with an AHI of 3", EIGHT,
              {"plms_elevated": "yes", "sdb_15": "no", "sdb_untreated": "yes", "plmd_compatible": "no"},
              {"ahi_per_h": 3.0}, aged(9.0)),
    NightCase("a night under pressure is never yes", HIGH,
              {"plms_elevated": "yes", "sdb_untreated": "no", "plmd_compatible": ("unknown", "pap_night"),
               "secondary_factor_pattern": "none_of_assessed"}, {"pap_this_night": "yes"}),
    NightCase("a night under pressure with few movements stays no", LOW, NO, {"pap_this_night": "yes"}),
    NightCase("an AHI under pressure is no untreated apnoea, yet a factor", HIGH,
              {"sdb_untreated": "no", "sdb_15": "yes", "plmd_compatible": ("unknown", "pap_night")},
              {"pap_this_night": "yes", "ahi_per_h": 30.0}),
    NightCase("pressure not known, no apnoea", HIGH,
              {"sdb_untreated": "no", "plmd_compatible": ("unknown", "pap_unknown")}, {"pap_this_night": None}),
    NightCase("pressure not known, apnoea", HIGH,
              {"sdb_untreated": ("unknown", "pap_unknown"), "plmd_compatible": ("unknown", "exclusion_unknown")},
              {"pap_this_night": "unknown", "ahi_per_h": 30.0}),
    # ---- blood and kidneys ---------------------------------------------------------------------------------------
    NightCase("ferritin 50.0", HIGH, {**YES, "ferritin_lt50": "no"}, {},
              {"laboratory": [{**FERRITIN, "value": "50.0"}, CREATININE]}),
    NightCase("ferritin 49.9", HIGH,
              {"ferritin_lt50": "yes", "plmd_compatible": "no", "secondary_factor_pattern": "iron_deficiency"}, {},
              {"laboratory": [{**FERRITIN, "value": "49.9"}, CREATININE]}),
    NightCase("more than 2000 is a number for this purpose", HIGH, {**YES, "ferritin_lt50": "no"}, {},
              {"laboratory": [{**FERRITIN, "value": ">2000"}, CREATININE]}),
    NightCase("neither dialysis nor stage was collected, the eGFR says no to both", HIGH,
              {**YES, "renal_failure": "no", "dialysis": "no", "ckd_stage": "G1"}, {},
              {"condition": OTHERS},
              {"collected": [c for c in DECLARATION["collected"] if c not in ("dialysis", "ckd_stage")]}),
    NightCase("no creatinine: neither is known", HIGH,
              {"renal_failure": ("unknown", "not_collected"), "plmd_compatible": ("unknown", "exclusion_unknown"),
               "plmd_compatible_assessed": ("unknown", "exclusion_unknown")}, {},
              {"condition": OTHERS, "laboratory": [FERRITIN]},
              {"collected": [c for c in DECLARATION["collected"] if c not in ("dialysis", "ckd_stage")]}),
    NightCase("nothing of the kidneys was collected: compatible as far as assessed", HIGH,
              {"renal_failure": ("unknown", "not_collected"), "plmd_compatible": ("unknown", "exclusion_unknown"),
               "plmd_compatible_assessed": "yes", "secondary_factor_pattern": "none_of_assessed"}, {},
              {"condition": OTHERS, "laboratory": [FERRITIN]},
              {"collected": [c for c in DECLARATION["collected"] if c not in ("dialysis", "ckd_stage", "creatinine")]}),
    NightCase("a low eGFR never says dialysis", HIGH,
              {"renal_failure": "yes", "dialysis": "unknown", "ckd_stage": "G5", "plmd_compatible": "no",
               "renal_failure_confirmed": ("unknown", "not_confirmed")}, {},
              {"condition": OTHERS, "laboratory": [FERRITIN, {**CREATININE, "value": "6.0"}]}),
    NightCase("49 completed years: 29.87 at 50 and just above 30 at 49", HIGH,
              {"ckd_stage": (None, "interval_spans_threshold"),
               "renal_failure": ("unknown", "interval_spans_threshold"),
               "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"demographics": [{"age_years": 49.0, "sex": "female"}],
               "laboratory": [FERRITIN, {**CREATININE, "value": "2.0"}]}, {"age_precision": "floor"}),
    NightCase("a child of 9, 120 cm, 0.5 mg/dL: 99.12 by the bedside equation", EIGHT,
              {"renal_failure": "no", "ckd_stage": "G1", "egfr": 99.12, "plmd_compatible": "yes"},
              {"ahi_per_h": 0.0},
              {"demographics": [{"age_years": 9.0, "sex": "male", "height_cm": 120.0}],
               "laboratory": [FERRITIN, {**CREATININE, "value": "0.5"}]}),
    NightCase("a child of 5, 90 cm, 1.4 mg/dL: 26.55, below 30", EIGHT,
              {"renal_failure": "yes", "ckd_stage": "G4", "egfr": 26.55, "plmd_compatible": "no"}, {"ahi_per_h": 0.0},
              {"demographics": [{"age_years": 5.0, "sex": "female", "height_cm": 90.0}],
               "laboratory": [FERRITIN, {**CREATININE, "value": "1.4"}]}),
    NightCase("a height of 0 is no height", EIGHT, {"ckd_stage": (None, "height_missing")}, {},
              {"demographics": [{"age_years": 9.0, "sex": "male", "height_cm": 0.0}]}),
    # ---- history, records, medicines -----------------------------------------------------------------------------
    NightCase("four criteria and a physician's no exclude nothing", HIGH,
              {"rls_irlssg": ("unknown", "item_missing"), "rls_level": "probable",
               "rls_for_exclusion": ("unknown", "basis_not_sufficient"),
               "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"questionnaire": [{**FOUR_CRITERIA, "rls_physician_told": "no", "insomnia_complaint": "yes"}]}),
    NightCase("nobody asked about restless legs", HIGH,
              {"rls_irlssg": ("unknown", "item_missing"), "rls_level": "no_information",
               "rls_for_exclusion": ("unknown", "item_missing"), "plmd_compatible": ("unknown", "exclusion_unknown")},
              {}, {"questionnaire": [{"insomnia_complaint": "yes"}]}),
    NightCase("the blood was drawn, the value is lost", HIGH,
              {"ferritin_lt50": ("unknown", "missing"), "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"laboratory": [{"analyte": "ferritin", "unit": "ug/L", "collected_offset_d": -10}, CREATININE]}),
    NightCase("an unnamed bottle on the complete list", HIGH,
              {"medication_factor": ("unknown", "unmapped_medication"),
               "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"medication": [{"medication": "Moonroot drops", "collected_offset_d": 0}]}),
    NightCase("one of a group of antidepressants, not told which", HIGH,
              {"medication_factor": ("unknown", "mixed_group"),
               "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"medication": [{"class_id": "ssri", "taken": "mixed", "collected_offset_d": 0}]}),
    NightCase("a physician's no alone is enough to exclude", HIGH, {**YES, "rls_for_exclusion": "no"}, {},
              {"questionnaire": [{"rls_physician_told": "no", "insomnia_complaint": "yes"}]}),
    NightCase("nerves examined two years ago", HIGH,
              {"neuropathy": ("unknown", "outside_window"), "plmd_compatible": ("unknown", "exclusion_unknown")}, {},
              {"condition": [NO_DIALYSIS, CKD_1, *OTHERS[1:],
                             {"condition": "neuropathy", "status": "no", "recorded_offset_d": -730}]}),
    NightCase("few movements under clonazepam", LOW, {**NO, "masked_possible": "yes"}, {},
              {"medication": [{"medication": "clonazepam", "collected_offset_d": 0}]}),
    NightCase("few movements, medicines not known", LOW,
              {**NO, "masked_possible": ("unknown", "input_unknown"), "suppressor_exposed": ("unknown", "no_record"),
               "masked_possible_assessed": ("unknown", "input_unknown")},
              {}, {"inventory": []}),
    NightCase("index not known, under clonazepam", night(17.0, 12.0, 18.0),
              {"masked_possible": ("unknown", "plms_elevated_unknown")}, {},
              {"medication": [{"medication": "clonazepam", "collected_offset_d": 0}]}),
)  # fmt: skip
