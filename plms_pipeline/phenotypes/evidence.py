"""Everything known of one subject for one night: statuses of medication, laboratory, kidney, conditions and answers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from plms_pipeline.exposures.conditions import condition_statuses
from plms_pipeline.exposures.covariates import Row, offset_d
from plms_pipeline.exposures.laboratory import (
    LabValue,
    ferritin_crp_status,
    ferritin_status,
    iron_between,
    lab_value,
    nearest_draw,
    read_draws,
)
from plms_pipeline.exposures.mapping import SCORED_EVENTS
from plms_pipeline.exposures.medication import medication_statuses
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.questionnaires import Answers, current_rows, read_answers
from plms_pipeline.exposures.renal import chronicity, egfr_interval, stage_of
from plms_pipeline.exposures.status import (
    NO,
    UNKNOWN,
    YES,
    Interval,
    Status,
    age_interval,
    ge,
    lt,
    point,
    unknown,
)


class Kidney(NamedTuple):
    """eGFR of the night, its stage and how long it is known to last."""

    egfr: Interval | None
    value: float | None
    stage: str | None
    equation: str | None
    offset_d: int | None
    reason: str | None
    stage_reason: str | None
    chronicity: str | None
    is_low: Status


class Evidence(NamedTuple):
    """All statuses of one subject for one night."""

    age_years: float | None
    age: Interval | None
    sex: str | None
    demographics: Row
    medication: list[dict[str, Any]]
    laboratory: dict[str, LabValue]
    ferritin_lt50: Status
    ferritin_lt50_crp: Status
    kidney: Kidney
    conditions: dict[str, Status]
    answers: Answers
    ahi: Interval | None
    ahi_definition: str | None
    ahi_reason: str | None
    collected: frozenset[str]


def _single(rows: list[Row]) -> Row:
    """One demographics row out of several: a value on which they differ is left out."""
    merged: Row = {}
    for key in sorted({key for row in rows for key in row}):
        values = [row[key] for row in rows if key in row]
        if all(value == values[0] for value in values):
            merged[key] = values[0]
    return merged


def _ferritin(
    covariates: dict[str, list[Row]],
    night: str | None,
    medication: list[dict[str, Any]],
    collected: frozenset[str],
    rules: dict[str, Any],
) -> tuple[LabValue, LabValue]:
    rows = covariates.get("laboratory", [])
    ferritin = lab_value(rows, "ferritin", night, "ferritin" in collected, rules)
    if ferritin.interval is not None and ferritin.offset_d is not None:
        table = medication_table()
        iron = next(entry for entry in medication if entry["class_id"] == "iron_therapy")
        starts = [
            offset_d(row, "use_start", night)
            for row in covariates.get("medication", [])
            if row.get("taken") != NO
            and "iron_therapy"
            in {
                hit.class_id
                for hit in table.match(row.get("medication"), row.get("atc_code"), row.get("class_id")).hits
            }
        ]
        reason = iron_between(ferritin.offset_d, iron, starts)
        if reason:
            ferritin = ferritin._replace(interval=None, value=None, reason=reason)
        elif iron["exposed"] == UNKNOWN:
            ferritin = ferritin._replace(flags=(*ferritin.flags, "iron_therapy_unknown"))
    crp_rule = rules["analytes"]["crp"]
    around = ferritin.offset_d
    reach = rules["crp_window_of_ferritin_d"]
    crp = nearest_draw(
        read_draws(rows, "crp", night, crp_rule),
        "crp",
        crp_rule["unit"],
        tuple(crp_rule["window_d"]) if around is None else (-reach, reach),
        around_d=around or 0,
        absent_reason="no_record" if "crp" in collected else "not_collected",
    )
    return ferritin, crp


def _kidney(
    creatinine: LabValue,
    rows: list[Row],
    night: str | None,
    age_years: float | None,
    age: Interval | None,
    demographics: Row,
    rules: dict[str, Any],
) -> Kidney:
    sex, height = demographics.get("sex"), demographics.get("height_cm")
    limit = rules["egfr_renal_failure"]
    rule = rules["analytes"]["creatinine"]
    low_days, n_draws = [], 0
    for draw in read_draws(rows, "creatinine", night, rule):
        if draw.interval is None or draw.offset_d is None or draw.offset_d > rule["window_d"][1]:
            continue
        n_draws += 1
        past, _, _ = egfr_interval(draw.interval, age, sex, height, rules)
        if past is not None and lt(past, limit) == YES:
            low_days.append(draw.offset_d)
    lasting = chronicity(low_days, n_draws, rules["chronicity_d"])
    if creatinine.interval is None:
        absent = creatinine.reason or "missing"
        return Kidney(None, None, None, None, None, absent, absent, lasting, unknown(absent))
    egfr, equation, reason = egfr_interval(creatinine.interval, age, sex, height, rules)
    if egfr is None:
        why = reason or "age_missing"
        return Kidney(None, None, None, None, creatinine.offset_d, why, why, lasting, unknown(why))
    value = None
    if creatinine.value is not None and sex is not None and age_years is not None:
        stored, _, _ = egfr_interval(point(creatinine.value), point(age_years), sex, height, rules)
        value = stored.lo if stored is not None else None
    stage = stage_of(egfr, rules)
    low = lt(egfr, limit)
    spans: str = "sex_missing" if sex is None and equation == "ckdepi2021_cr" else "interval_spans_threshold"
    if "censored" in creatinine.flags:
        spans = "censored"
    is_low = unknown(spans) if low == UNKNOWN else Status(low, None, equation, creatinine.offset_d)
    return Kidney(
        egfr,
        value,
        stage,
        equation,
        creatinine.offset_d,
        None if value is not None else spans,
        None if stage else spans,
        lasting,
        is_low,
    )


def _ahi(
    facts: dict[str, Any], declaration: dict[str, Any], demographics: Row
) -> tuple[Interval | None, str | None, str | None]:
    """AHI, its definition and why it is missing: from one definition per cohort, never a mix."""
    definition = declaration.get("ahi_definition", SCORED_EVENTS)
    if definition != SCORED_EVENTS:
        value, missing = demographics.get("ahi_per_h"), "ahi_missing"
    else:
        definition = facts.get("ahi_definition") or SCORED_EVENTS
        value, missing = facts.get("ahi_per_h"), "respiratory_not_scored"
        if facts.get("respiratory_state") != "scored":
            value = None
    if value is None or not math.isfinite(value) or value < 0:
        return None, definition, missing
    return point(float(value)), definition, None


def gather(
    covariates: dict[str, list[Row]],
    facts: dict[str, Any],
    declaration: dict[str, Any],
    rules: dict[str, Any],
) -> Evidence:
    """Turn the rows of a subject into statuses for one night.

    Parameters
    ----------
    covariates
        ``Covariates.for_subject`` ({} without clinical tables).
    facts
        Facts of the recording: ``recording_date``, ``ahi_per_h``, ``ahi_definition``, ``respiratory_state``.
    declaration
        ``Covariates.declaration`` ({} without clinical tables: nothing was collected).
    rules
        Clinical rules.
    """
    night = facts.get("recording_date")
    collected = frozenset(declaration.get("collected", ()))
    demographics = _single(covariates.get("demographics", []))
    age_years = demographics.get("age_years")
    age = age_interval(
        age_years,
        declaration.get("age_precision", "unknown"),
        top_code_years=rules["age_top_code_years"],
        top_code_hi_years=rules["age_top_code_hi_years"],
    )
    medication = medication_statuses(covariates, night, declaration, rules)
    rows = covariates.get("laboratory", [])
    laboratory = {
        analyte: lab_value(rows, analyte, night, analyte in collected, rules) for analyte in rules["analytes"]
    }
    laboratory["ferritin"], laboratory["crp"] = _ferritin(covariates, night, medication, collected, rules)
    kidney = _kidney(laboratory["creatinine"], rows, night, age_years, age, demographics, rules)
    conditions = condition_statuses(covariates, night, declaration, kidney.egfr, kidney.offset_d, rules)
    if conditions["dialysis"].value == YES:
        kidney = kidney._replace(
            egfr=None,
            value=None,
            stage="G5D",
            equation=None,
            reason="dialysis",
            stage_reason=None,
            is_low=unknown("dialysis"),
        )
    answers = current_rows(covariates.get("questionnaire", []), night, rules["questionnaire_window_d"])
    ferritin_lt50 = ferritin_status(laboratory["ferritin"], rules)
    ahi, ahi_definition, ahi_reason = _ahi(facts, declaration, demographics)
    return Evidence(
        age_years,
        age,
        demographics.get("sex"),
        demographics,
        medication,
        laboratory,
        ferritin_lt50,
        ferritin_crp_status(ferritin_lt50, laboratory["crp"], rules),
        kidney,
        conditions,
        read_answers(
            answers,
            set(collected),
            rules,
            "no_record" if not covariates.get("questionnaire") else "outside_window",
        ),
        ahi,
        ahi_definition,
        ahi_reason,
        collected,
    )


def threshold_status(x: Interval | None, at_least: float, reason: str | None, basis: str | None) -> Status:
    """Whether a measure is at or above a limit; without the measure unknown for its reason."""
    if x is None:
        return unknown(reason or "missing")
    answer = ge(x, at_least)
    return unknown("interval_spans_threshold") if answer == UNKNOWN else Status(answer, None, basis)
