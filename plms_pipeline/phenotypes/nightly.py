"""Phenotypes of one night: criteria, factors and pattern with their reasons."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from plms_pipeline.exposures.status import NO, UNKNOWN, YES, Interval, Status, point, unknown
from plms_pipeline.phenotypes import criteria as rule
from plms_pipeline.phenotypes.evidence import Evidence, threshold_status
from plms_pipeline.phenotypes.rls import leg_cramp_pattern, rls_for_exclusion, rls_irlssg, rls_level

EMG_SENSORS = ("emg", "assumed_emg")
# Composites whose assessed form counts as collected when at least one of these inputs was collected.
_RLS_INPUTS = ("rls_criteria", "rls_screen", "rls_physician", "rls_probability", "cramp_questions")


class Elevated(NamedTuple):
    """Answer for one rule set and index: by the interval, and by the point value alone."""

    by_interval: Status
    by_point: Status


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def basis_of(rule_set: str, index: str) -> str:
    """Name of an index of a rule set, as in code list ``plms_basis``: ``plmsi_nr`` of wasm2016 is ``wasm2016_nr``."""
    return rule_set + index.removeprefix("plmsi")


def elevated(
    row: dict[str, Any] | None,
    rule_set: str,
    index: str,
    facts: dict[str, Any],
    age: Interval | None,
    rules: dict[str, Any],
) -> Elevated:
    """Whether the PLMS index of a night row is above the threshold of the age.

    Parameters
    ----------
    row
        Row of table ``night`` of one rule set, None when the recording has none.
    rule_set
        Its name.
    index
        ``plmsi`` or ``plmsi_nr``.
    facts
        Facts of the recording: ``outcome``, ``sensor``, ``layout``, ``stages_state``, ``respiratory_state``.
    age
        Age interval, None when missing.
    rules
        Clinical rules.
    """
    blocked = None
    if facts.get("layout") == "none":
        blocked = "no_leg"
    elif facts.get("sensor") is not None and facts["sensor"] not in EMG_SENSORS:
        blocked = "sensor_not_emg"
    elif facts.get("outcome") != "analysed":
        blocked = "not_analysed"
    elif facts.get("sensor") is None:
        blocked = "sensor_not_emg"
    elif row is None:
        blocked = "not_scored"
    if blocked or row is None:
        return Elevated(unknown(blocked or "not_scored"), unknown(blocked or "not_scored"))
    low, high = _finite(row.get(f"{index}_lo_per_h")), _finite(row.get(f"{index}_hi_per_h"))
    value = _finite(row.get(f"{index}_per_h"))
    limits = (rules["plms_adult_per_h"], rules["plms_child_per_h"], rules["adult_age_years"])
    needs_respiratory = basis_of(rule_set, index) in rules["needs_respiratory"]
    missing = "no_index"
    if facts.get("stages_state") == "not_scored":
        missing = "no_stages"
    elif needs_respiratory and facts.get("respiratory_state") != "scored" and low is not None:
        missing = "respiratory_not_scored"
    by_point = unknown(missing) if value is None else rule.index_elevated(point(value), age, *limits)
    scorable_h = _finite(row.get("sleep_scorable_h"))
    if low is None or high is None or scorable_h is None or missing == "no_stages":
        return Elevated(unknown(missing), by_point)
    if scorable_h < rules["min_scorable_sleep_h"]:
        return Elevated(unknown("scorable_sleep_short"), by_point)
    by_interval = rule.index_elevated(Interval(low, high), age, *limits)
    if by_interval.reason == "interval_spans_threshold" and value is None:
        by_interval = unknown(missing)
    return Elevated(by_interval, by_point)


def _named(status: Status, default: str) -> Status:
    return status if status.value != UNKNOWN or status.reason else unknown(default)


def _medication(found: Evidence, names: list[str]) -> rule.Composite:
    by_class = {
        entry["class_id"]: Status(entry["exposed"], entry["exposed_reason"], entry["basis"])
        for entry in found.medication
    }
    parents = {entry["class_id"]: entry["parent_class_id"] for entry in found.medication}
    collected = {name for name in names if name in found.collected or parents[name] in found.collected}
    return rule.any_composite({name: by_class[name] for name in names}, collected)


def phenotype(
    found: Evidence, night_rows: list[dict[str, Any]], facts: dict[str, Any], rules: dict[str, Any]
) -> dict[str, Any]:
    """All columns of table ``phenotype`` without ids.

    Parameters
    ----------
    found
        Statuses of the subject for this night.
    night_rows
        Rows of table ``night`` of this recording, one per rule set.
    facts
        Facts of the recording.
    rules
        Clinical rules.
    """
    out: dict[str, Any] = {}

    def put(name: str, status: Status) -> None:
        out[name] = status.value
        out[f"{name}_reason"] = status.reason if status.value == UNKNOWN else None

    def put_composite(name: str, composite: rule.Composite) -> None:
        put(name, composite.strict)
        put(f"{name}_assessed", composite.assessed)
        out[f"{name}_basis"] = composite.strict.basis if composite.strict.value == YES else None
        out[f"{name}_universe"] = list(composite.universe)
        out[f"{name}_not_collected"] = list(composite.not_collected)

    by_rule_set = {row["rule_set"]: row for row in night_rows}
    answers: dict[str, Elevated] = {}
    for rule_set, indices in rules["rule_sets_reported"].items():
        for index in indices:
            name = basis_of(rule_set, index)
            answers[name] = elevated(by_rule_set.get(rule_set), rule_set, index, facts, found.age, rules)
            put(f"plms_elevated_{name}", answers[name].by_interval)
            put(f"plms_elevated_{name}_point", answers[name].by_point)
            out[f"plms_elevated_{name}_basis"] = name
    basis = basis_of(rules["phenotype_rule_set"], rules["phenotype_index"])
    plms = answers[basis]
    put("plms_elevated", plms.by_interval)
    put("plms_elevated_point", plms.by_point)
    out["plms_elevated_basis"] = basis

    irlssg = rls_irlssg(found.answers.criteria)
    single, told = found.answers.single_question.value, found.answers.physician_told.value
    probability = found.answers.rls_probability
    level = rls_level(found.answers.criteria, single, told, probability, found.answers.compound_told.value)
    if irlssg.value == UNKNOWN and level in (
        "screen_positive",
        "screen_negative",
        "reported",
        "possible",
        "not_usable",
    ):
        irlssg = unknown("basis_not_sufficient")
    excluded = rls_for_exclusion(irlssg, found.answers.criteria, single, told, probability)
    put("rls_irlssg", irlssg)
    out["rls_irlssg_basis"] = irlssg.basis
    out["rls_level"] = level
    put("rls_for_exclusion", excluded)
    out["rls_severity_irls"] = found.answers.severity_irls
    put("rls_associated", irlssg)
    put(
        "leg_cramp_pattern",
        leg_cramp_pattern(found.answers.cramp_feel, found.answers.cramp_relief, found.answers.cramp_reason),
    )

    disturbance = rule.any_composite(
        {name: found.answers.disturbance[name] for name in rules["clinical_disturbance"]}, found.collected
    )
    put_composite("clinical_disturbance", disturbance)

    medication = _medication(found, rules["medication_factor"])
    put_composite("medication_factor", medication)
    put_composite("medication_factor_broad", _medication(found, rules["medication_factor_broad"]))
    suppressor = _medication(found, rules["suppressors"])
    put_composite("suppressor_exposed", suppressor)

    put("ferritin_lt50", found.ferritin_lt50)
    put("ferritin_lt50_crp", found.ferritin_lt50_crp)
    iron = found.ferritin_lt50_crp if rules["iron_deficiency_from"] == "ferritin_lt50_crp" else found.ferritin_lt50
    put("iron_deficiency", iron)
    out["iron_deficiency_basis"] = rules["iron_deficiency_from"]
    renal = rule.any_composite(
        {
            "dialysis": found.conditions["dialysis"],
            "egfr_lt30": found.kidney.is_low,
            "ckd_stage": found.conditions["ckd_ge4"],
        },
        found.collected | ({"egfr_lt30"} if "creatinine" in found.collected else set()),
    )
    put_composite("renal_failure", renal)
    confirmed = renal.strict
    if confirmed.value == YES and found.conditions["dialysis"].value != YES and found.kidney.chronicity != "confirmed":
        confirmed = unknown("not_confirmed")
    put("renal_failure_confirmed", confirmed)
    neuropathy = found.conditions["neuropathy"]
    put("neuropathy", neuropathy)

    pap = facts.get("pap_this_night") or UNKNOWN
    why = found.ahi_reason
    put("sdb_15", threshold_status(found.ahi, rules["ahi_factor_per_h"], why, found.ahi_definition))
    put("sdb_5", threshold_status(found.ahi, rules["ahi_sensitivity_per_h"], why, found.ahi_definition))
    sdb = Status(out[rules["sdb_factor"]], out[f"{rules['sdb_factor']}_reason"])
    untreated = Status(rule.sdb_untreated(found.ahi, pap, found.age, rules))
    if untreated.value == UNKNOWN:
        why_open = "pap_unknown" if pap == UNKNOWN else "age_missing" if found.age is None else "age_uncertain"
        untreated = unknown(found.ahi_reason or why_open)
    put("sdb_untreated", untreated)
    put("narcolepsy", found.conditions["narcolepsy"])
    put("rbd", found.conditions["rbd"])

    strict = {
        "rls_for_exclusion": excluded,
        "sdb_untreated": untreated,
        "narcolepsy": found.conditions["narcolepsy"],
        "rbd": found.conditions["rbd"],
        "medication_factor": medication.strict,
        "iron_deficiency": iron,
        "renal_failure": renal.strict,
        "neuropathy": neuropathy,
    }
    assessed = {"medication_factor": medication.assessed, "renal_failure": renal.assessed}
    is_collected = {
        "rls_for_exclusion": bool(found.collected & set(_RLS_INPUTS)),
        "sdb_untreated": "ahi" in found.collected,
        "narcolepsy": "narcolepsy" in found.collected,
        "rbd": "rbd" in found.collected,
        "medication_factor": bool(medication.universe),
        "iron_deficiency": "ferritin" in found.collected,
        "renal_failure": bool(renal.universe),
        "neuropathy": "neuropathy" in found.collected,
    }
    collected = {name for name, given in is_collected.items() if given}
    not_pap = rule.not_pap_night(pap)
    criterion = answers[rules["plmd_rule_set"]].by_interval
    for list_name, suffix in ((rules["exclusion_list"], ""), ("icsd_only", "_icsd")):
        names = rules["exclusion_lists"][list_name]
        better = rule.any_composite({name: strict[name] for name in names}, collected, assessed)
        put_composite(f"better_explained{suffix}", better)
        put(
            f"plmd_compatible{suffix}",
            rule.plmd_compatible(criterion, disturbance.strict, better.strict, not_pap),
        )
        put(
            f"plmd_compatible{suffix}_assessed",
            rule.plmd_compatible(criterion, disturbance.assessed, better.assessed, not_pap),
        )
    out["plmd_compatible_basis"] = rules["plmd_rule_set"]
    out["plmd_compatible_universe"] = [
        *out["clinical_disturbance_universe"],
        *out["better_explained_universe"],
    ]
    out["plmd_compatible_not_collected"] = [
        *out["clinical_disturbance_not_collected"],
        *out["better_explained_not_collected"],
    ]

    factors = {
        "medication": (medication.assessed, is_collected["medication_factor"]),
        "iron_deficiency": (iron, is_collected["iron_deficiency"]),
        "renal_failure": (renal.assessed, is_collected["renal_failure"]),
        "neuropathy": (neuropathy, is_collected["neuropathy"]),
        "sdb": (sdb, is_collected["sdb_untreated"]),
    }
    universe = {name: factors[name][0].value for name in rules["factors"] if factors[name][1]}
    for value, column in ((YES, "factors_present"), (NO, "factors_absent"), (UNKNOWN, "factors_unknown")):
        out[column] = [name for name, status in universe.items() if status == value]
    out["factors_not_collected"] = [name for name in rules["factors"] if name not in universe]
    out["attribution_universe"] = list(universe)
    pattern = rule.secondary_factor_pattern(plms.by_interval.value, universe)
    out["secondary_factor_pattern"] = pattern
    out["secondary_factor_pattern_reason"] = None
    if pattern == "undetermined":
        is_open = plms.by_interval.value == UNKNOWN
        out["secondary_factor_pattern_reason"] = (
            "plms_elevated_unknown" if is_open else "factor_unknown" if universe else "not_collected"
        )
    masked = rule.masked_possible(plms.by_interval.value, suppressor.strict.value)
    put(
        "masked_possible",
        _named(Status(masked), "plms_elevated_unknown" if plms.by_interval.value == UNKNOWN else "input_unknown"),
    )
    out["pap_this_night"] = pap
    return out
