"""Everything known of one subject for one night: statuses of medication, laboratory, kidney, conditions and answers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from plms_pipeline.exposures.covariates import Row
from plms_pipeline.exposures.join import night_statuses
from plms_pipeline.exposures.kidney import Kidney
from plms_pipeline.exposures.laboratory import LabValue, ferritin_crp_status, ferritin_status
from plms_pipeline.exposures.mapping import SCORED_EVENTS
from plms_pipeline.exposures.questionnaires import Answers, current_rows, read_answers
from plms_pipeline.exposures.status import UNKNOWN, Interval, Status, age_interval, ge, point, unknown


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
    medication, laboratory, kidney, conditions = night_statuses(covariates, night, declaration, rules)
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
