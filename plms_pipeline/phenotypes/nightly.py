"""Phenotypes of one night: criteria, factors and pattern, each with its reason, its basis and the inputs behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plms_pipeline.exposures.laboratory import LabValue
from plms_pipeline.exposures.questionnaires import CRITERIA
from plms_pipeline.exposures.status import NO, UNKNOWN, YES, Interval, Status, all_of, any_of, gt, le, lt, unknown
from plms_pipeline.phenotypes import criteria as rule
from plms_pipeline.phenotypes.elevated import Elevated, basis_of, elevated
from plms_pipeline.phenotypes.evidence import Evidence, threshold_status
from plms_pipeline.phenotypes.rls import leg_cramp_pattern, rls_for_exclusion, rls_irlssg, rls_level, rls_past_possible

# The RLS exclusion counts as collected when at least one of these inputs was collected.
_RLS_INPUTS = ("rls_criteria", "rls_screen", "rls_physician", "rls_probability", "cramp_questions")
# Evidence on restless legs that is less than the five criteria.
_NOT_SUFFICIENT = ("screen_positive", "screen_negative", "reported", "possible", "not_usable")


class _Columns(dict[str, Any]):
    """Columns of one row, written status by status."""

    def put(self, name: str, status: Status, *, with_basis: bool = True) -> None:
        self[name] = status.value
        self[f"{name}_reason"] = status.reason if status.value == UNKNOWN else None
        if with_basis:
            self[f"{name}_basis"] = status.basis if status.value != UNKNOWN else None

    def put_composite(self, name: str, composite: rule.Composite) -> None:
        self.put(name, composite.strict, with_basis=False)
        self.put(f"{name}_assessed", composite.assessed, with_basis=False)
        self[f"{name}_basis"] = composite.strict.basis if composite.strict.value == YES else None
        self[f"{name}_universe"] = list(composite.universe)
        self[f"{name}_not_collected"] = list(composite.not_collected)


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
    out = _Columns()
    answers = _indices(out, found, night_rows, facts, rules)
    basis = basis_of(rules["phenotype_rule_set"], rules["phenotype_index"])
    plms = answers[basis]
    out.put("plms_elevated", plms.by_interval, with_basis=False)
    out.put("plms_elevated_point", plms.by_point, with_basis=False)
    out["plms_elevated_basis"] = basis
    _history(out, found)
    disturbance = _disturbance(out, found, rules)
    medication, suppressor = _medicines(out, found, rules)
    iron = _iron(out, found, rules)
    renal = _kidney(out, found, rules)
    neuropathy = found.conditions["neuropathy"]
    for name in ("neuropathy", "radiculopathy", "narcolepsy", "rbd"):
        out.put(name, found.conditions[name])
    out["neuropathy_offset_d"] = neuropathy.offset_d
    pap = pap_this_night(facts, found)
    _breathing(out, found, pap, rules)

    def status(name: str) -> Status:
        return Status(out[name], out[f"{name}_reason"], out.get(f"{name}_basis"))

    strict = {
        "rls_for_exclusion": status("rls_for_exclusion"),
        "sdb_untreated": status("sdb_untreated"),
        "narcolepsy": found.conditions["narcolepsy"],
        "rbd": found.conditions["rbd"],
        "medication_factor": medication.strict,
        "iron_deficiency": iron,
        "renal_failure": renal.strict,
        "neuropathy": neuropathy,
    }
    assessed = {"medication_factor": medication.assessed, "renal_failure": renal.assessed}
    collected = {
        "rls_for_exclusion": bool(found.collected & set(_RLS_INPUTS)),
        "sdb_untreated": "ahi" in found.collected,
        "narcolepsy": "narcolepsy" in found.collected,
        "rbd": "rbd" in found.collected,
        "medication_factor": bool(medication.universe),
        "iron_deficiency": "ferritin" in found.collected,
        "renal_failure": bool(renal.universe),
        "neuropathy": "neuropathy" in found.collected,
    }
    _compatible(
        out,
        answers[rules["plmd_rule_set"]].by_interval,
        disturbance,
        (strict, assessed, {name for name, given in collected.items() if given}),
        rule.not_pap_night(pap),
        rules,
    )
    factors = {
        "medication": (medication.assessed, collected["medication_factor"]),
        "iron_deficiency": (iron, collected["iron_deficiency"]),
        "renal_failure": (renal.assessed, collected["renal_failure"]),
        "neuropathy": (neuropathy, collected["neuropathy"]),
        "sdb": (status(rules["sdb_factor"]), collected["sdb_untreated"]),
    }
    universe = {name: factors[name][0].value for name in rules["factors"] if factors[name][1]}
    _pattern(out, plms.by_interval.value, universe, suppressor, rules)
    out["secondary_factor_pattern_basis"] = basis
    out["pap_this_night"] = pap
    return dict(out)


def pap_this_night(facts: dict[str, Any], found: Evidence) -> str:
    """Positive airway pressure in this night, from the sheet or the cohort's own table; a yes of either wins."""
    said = {facts.get("pap_this_night"), found.demographics.get("pap_this_night")}
    return YES if YES in said else NO if NO in said else UNKNOWN


def _indices(
    out: _Columns, found: Evidence, night_rows: list[dict[str, Any]], facts: dict[str, Any], rules: dict[str, Any]
) -> dict[str, Elevated]:
    by_rule_set = {row["rule_set"]: row for row in night_rows}
    answers: dict[str, Elevated] = {}
    for rule_set, indices in rules["rule_sets_reported"].items():
        for index in indices:
            name = basis_of(rule_set, index)
            answers[name] = elevated(by_rule_set.get(rule_set), rule_set, index, facts, found.age, rules)
            out.put(f"plms_elevated_{name}", answers[name].by_interval, with_basis=False)
            out.put(f"plms_elevated_{name}_point", answers[name].by_point, with_basis=False)
            out[f"plms_elevated_{name}_basis"] = name
    return answers


def _history(out: _Columns, found: Evidence) -> None:
    """Restless legs and cramps, with the answers they rest on; nothing of the recording enters."""
    asked = found.answers
    irlssg = rls_irlssg(asked.criteria)
    single, told = asked.single_question.value, asked.physician_told.value
    scored = asked.ch_rlsq.value
    level = rls_level(asked.criteria, single, told, asked.rls_probability, asked.compound_told.value, scored)
    if irlssg.value == UNKNOWN and level in _NOT_SUFFICIENT:
        irlssg = unknown("basis_not_sufficient")
    out.put("rls_irlssg", irlssg)
    out["rls_level"] = level
    out.put("rls_for_exclusion", rls_for_exclusion(irlssg, asked.criteria, single, told, asked.rls_probability, scored))
    out["rls_severity_irls"] = asked.severity_irls
    out.put("rls_associated", irlssg, with_basis=False)
    for name in CRITERIA:
        out.put(name, asked.criteria[name])
    out.put("rls_single_question", asked.single_question, with_basis=False)
    out.put("rls_ch_rlsq_result", asked.ch_rlsq, with_basis=False)
    out.put("rls_physician_told", asked.physician_told, with_basis=False)
    out.put("rls_or_plms_told", asked.compound_told, with_basis=False)
    out["rls_probability"] = asked.rls_probability
    out["rls_past_possible"] = rls_past_possible(asked.rls_probability)
    out.put("leg_cramp_pattern", leg_cramp_pattern(asked.cramp_feel, asked.cramp_relief, asked.cramp_reason))
    out["cramp_feel"], out["cramp_relief"] = asked.cramp_feel, asked.cramp_relief


def _disturbance(out: _Columns, found: Evidence, rules: dict[str, Any]) -> rule.Composite:
    disturbance = rule.any_composite(
        {name: found.answers.disturbance[name] for name in rules["clinical_disturbance"]}, found.collected
    )
    out.put_composite("clinical_disturbance", disturbance)
    for name, status in found.answers.disturbance.items():
        out.put(name, status)
    return disturbance


def _medicines(out: _Columns, found: Evidence, rules: dict[str, Any]) -> tuple[rule.Composite, rule.Composite]:
    by_class = {entry["class_id"]: entry for entry in found.medication}

    def composite(names: list[str]) -> rule.Composite:
        collected = {
            name for name in names if name in found.collected or by_class[name]["parent_class_id"] in found.collected
        }
        statuses = {
            name: Status(by_class[name]["exposed"], by_class[name]["exposed_reason"], by_class[name]["basis"])
            for name in names
        }
        return rule.any_composite(statuses, collected)

    medication = composite(rules["medication_factor"])
    suppressor = composite(rules["suppressors"])
    out.put_composite("medication_factor", medication)
    days = [
        by_class[name]["last_use_offset_d"]
        for name in rules["medication_factor"]
        if by_class[name]["exposed"] == YES and by_class[name]["last_use_offset_d"] is not None
    ]
    out["medication_factor_offset_d"] = max(days) if days else None
    out.put_composite("medication_factor_broad", composite(rules["medication_factor_broad"]))
    out.put_composite("suppressor_exposed", suppressor)
    return medication, suppressor


def _measured(lab: LabValue, test: Callable[[Interval], str]) -> Status:
    """A threshold on the interval of a laboratory value."""
    if lab.interval is None:
        return unknown(lab.reason or "missing")
    answer = test(lab.interval)
    if answer == UNKNOWN:
        return unknown("censored" if "censored" in lab.flags else "interval_spans_threshold")
    return Status(answer, None, lab.analyte, lab.offset_d)


def _joined(value: str, parts: list[Status]) -> Status:
    """A connective of several statuses, with the reason of the first unknown one."""
    if value == UNKNOWN:
        return unknown(next(part.reason for part in parts if part.value == UNKNOWN) or "input_unknown")
    return Status(value, None, ",".join(part.basis for part in parts if part.value != UNKNOWN and part.basis) or None)


def _iron(out: _Columns, found: Evidence, rules: dict[str, Any]) -> Status:
    ferritin, crp, tsat = (found.laboratory[name] for name in ("ferritin", "crp", "tsat"))
    out.put("ferritin_lt50", found.ferritin_lt50)
    out.put("ferritin_lt50_crp", found.ferritin_lt50_crp)
    out.put("ferritin_lt15", _measured(ferritin, lambda x: lt(x, rules["ferritin_who_ug_l"])))
    inflamed = [
        _measured(ferritin, lambda x: lt(x, rules["ferritin_who_inflammation_ug_l"])),
        _measured(crp, lambda x: gt(x, rules["crp_threshold_mg_l"])),
    ]
    out.put("ferritin_lt70_inflammation", _joined(all_of(part.value for part in inflamed), inflamed))
    low = [
        _measured(ferritin, lambda x: le(x, rules["ferritin_rls_ug_l"])),
        _measured(tsat, lambda x: lt(x, rules["tsat_rls_percent"])),
    ]
    out.put("ferritin_le75_or_tsat_lt20", _joined(any_of(part.value for part in low), low))
    iron = found.ferritin_lt50_crp if rules["iron_deficiency_from"] == "ferritin_lt50_crp" else found.ferritin_lt50
    out.put("iron_deficiency", iron, with_basis=False)
    out["iron_deficiency_basis"] = rules["iron_deficiency_from"]
    out["iron_deficiency_offset_d"] = ferritin.offset_d if iron.value != UNKNOWN else None
    return iron


def _kidney(out: _Columns, found: Evidence, rules: dict[str, Any]) -> rule.Composite:
    kidney, dialysis = found.kidney, found.conditions["dialysis"]
    renal = rule.any_composite(
        {"dialysis": dialysis, "egfr_lt30": kidney.is_low, "ckd_stage": found.conditions["ckd_ge4"]},
        found.collected | ({"egfr_lt30"} if "creatinine" in found.collected else set()),
    )
    out.put_composite("renal_failure", renal)
    days = {
        "dialysis": dialysis.offset_d,
        "egfr_lt30": kidney.offset_d,
        "ckd_stage": found.conditions["ckd_ge4"].offset_d,
    }
    deciding = [days[name] for name in (renal.strict.basis or "egfr_lt30").split(",")]
    out["renal_failure_offset_d"] = deciding[0] if renal.strict.value != UNKNOWN else None
    confirmed = renal.strict
    if confirmed.value == YES and dialysis.value != YES and kidney.chronicity != "confirmed":
        confirmed = unknown("not_confirmed")
    out.put("renal_failure_confirmed", confirmed)
    out.put("egfr_lt30", kidney.is_low)
    for name, limit in rules["egfr_sensitivity"].items():
        if kidney.egfr is None:
            out.put(name, unknown(kidney.reason or "missing"))
            continue
        answer = lt(kidney.egfr, limit)
        why = kidney.reason or "interval_spans_threshold"
        out.put(name, unknown(why) if answer == UNKNOWN else Status(answer, None, kidney.equation))
    return renal


def _breathing(out: _Columns, found: Evidence, pap: str, rules: dict[str, Any]) -> None:
    for name, limit in (("sdb_15", rules["ahi_factor_per_h"]), ("sdb_5", rules["ahi_sensitivity_per_h"])):
        out.put(name, threshold_status(found.ahi, limit, found.ahi_reason, found.ahi_definition))
    untreated = Status(rule.sdb_untreated(found.ahi, pap, found.age, rules), None, found.ahi_definition)
    if untreated.value == UNKNOWN:
        why_open = "pap_unknown" if pap == UNKNOWN else "age_missing" if found.age is None else "age_uncertain"
        untreated = unknown(found.ahi_reason or why_open)
    elif pap == YES:
        untreated = Status(untreated.value, None, "pap_this_night")
    out.put("sdb_untreated", untreated)


def _compatible(
    out: _Columns,
    criterion: Status,
    disturbance: rule.Composite,
    exclusions: tuple[dict[str, Status], dict[str, Status], set[str]],
    not_pap: Status,
    rules: dict[str, Any],
) -> None:
    strict, assessed, collected = exclusions
    for list_name, suffix in ((rules["exclusion_list"], ""), ("icsd_only", "_icsd")):
        names = rules["exclusion_lists"][list_name]
        better = rule.any_composite({name: strict[name] for name in names}, collected, assessed)
        out.put_composite(f"better_explained{suffix}", better)
        for form, disturbed, explained in (
            ("", disturbance.strict, better.strict),
            ("_assessed", disturbance.assessed, better.assessed),
        ):
            status = rule.plmd_compatible(criterion, disturbed, explained, not_pap)
            out.put(f"plmd_compatible{suffix}{form}", status, with_basis=False)
    out["plmd_compatible_basis"] = rules["plmd_rule_set"]
    for end in ("universe", "not_collected"):
        out[f"plmd_compatible_{end}"] = [*out[f"clinical_disturbance_{end}"], *out[f"better_explained_{end}"]]


def _pattern(
    out: _Columns, plms_elevated: str, universe: dict[str, str], suppressor: rule.Composite, rules: dict[str, Any]
) -> None:
    for value, column in ((YES, "factors_present"), (NO, "factors_absent"), (UNKNOWN, "factors_unknown")):
        out[column] = [name for name, status in universe.items() if status == value]
    out["factors_not_collected"] = [name for name in rules["factors"] if name not in universe]
    out["attribution_universe"] = list(universe)
    pattern = rule.secondary_factor_pattern(plms_elevated, universe)
    is_open = plms_elevated == UNKNOWN
    reason = None
    if pattern == "undetermined":
        reason = "plms_elevated_unknown" if is_open else "factor_unknown" if universe else "not_collected"
    out["secondary_factor_pattern"], out["secondary_factor_pattern_reason"] = pattern, reason
    why = "plms_elevated_unknown" if is_open else "input_unknown"
    for name, taken in (("masked_possible", suppressor.strict), ("masked_possible_assessed", suppressor.assessed)):
        masked = rule.masked_possible(plms_elevated, taken.value)
        out.put(name, unknown(why) if masked == UNKNOWN else Status(masked), with_basis=False)
    out["masked_possible_basis"] = suppressor.strict.basis if out["masked_possible"] == YES else None
