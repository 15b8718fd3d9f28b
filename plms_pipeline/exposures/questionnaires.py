"""Questionnaires: RLS criteria and screens, three cramp questions, complaints and scales. No recording enters here."""

from __future__ import annotations

from typing import Any, NamedTuple

from plms_pipeline.exposures.covariates import Row, offset_d
from plms_pipeline.exposures.status import NO, UNKNOWN, YES, Status, ge, gt, point, unknown

CRITERIA = ("rls_urge", "rls_rest", "rls_relief", "rls_evening", "rls_not_mimic")
_URGE, _REST, _RELIEF, _EVENING, _NOT_MIMIC = CRITERIA


class Answers(NamedTuple):
    """Questionnaire answers of one subject and visit, with contradictions resolved to unknown."""

    criteria: dict[str, Status]
    single_question: Status
    ch_rlsq: Status
    physician_told: Status
    compound_told: Status
    rls_probability: str | None
    severity_irls: float | None
    cramp_feel: str | None
    cramp_relief: str | None
    cramp_reason: str | None
    disturbance: dict[str, Status]


def _merged(rows: list[Row], key: str) -> tuple[Any, bool]:
    """Value of one item over the rows, and whether rows contradict each other."""
    values = {row[key] for row in rows if key in row}
    return (values.pop(), False) if len(values) == 1 else (None, bool(values))


def _answer(rows: list[Row], key: str, is_collected: bool, absent: str = "no_record") -> Status:
    value, contradiction = _merged(rows, key)
    if contradiction:
        return unknown("conflicting_items")
    if value is not None:
        return Status(value, None, key)
    if not is_collected:
        return unknown("not_collected")
    return unknown("item_missing" if rows else absent)


def cramp_contribution(feel: str | None, relief: str | None, rows: list[Row]) -> dict[str, str]:
    """What the three cramp questions say about the RLS criteria (truth table of feel x relief)."""
    said: dict[str, str] = {}
    if feel == "painful_tightening":
        if relief == "stretch_only" and _merged(rows, "cramp_sole_symptom")[0] == YES:
            said[_NOT_MIMIC] = NO
        if relief == "any_movement":
            said[_RELIEF] = YES
    if feel == "urge":
        said[_URGE] = YES
        if relief == "any_movement":
            said[_RELIEF] = YES
            evening = _merged(rows, "cramp_evening")[0]
            if evening is not None:
                said[_EVENING] = evening
        if relief == "neither" and _merged(rows, "relief_past")[0] == NO:
            said[_RELIEF] = NO
    return said


def current_rows(rows: list[Row], night: str | None, window_d: float) -> list[Row]:
    """Rows whose day is within the window around the night, or not known (they belong to the visit)."""
    dated = [(row, offset_d(row, "collected", night)) for row in rows]
    return [row for row, day in dated if day is None or abs(day) <= window_d]


def read_answers(
    rows: list[Row], collected: set[str], rules: dict[str, Any], absent_reason: str = "no_record"
) -> Answers:
    """Resolve the questionnaire rows of one subject and visit.

    Parameters
    ----------
    rows
        Rows of table ``questionnaire`` that speak for the night.
    collected
        Atomic inputs the cohort declared.
    rules
        Clinical rules (cut-offs of the scales).
    absent_reason
        Why there is no row, when there is none.

    Returns
    -------
    Answers
        A criterion asked directly and a cramp answer that contradicts it leave that criterion unknown; a cramp answer
        (painful tightening relieved by stretching only) beside an urge to move leaves the cramp pattern unknown.
    """
    feel, feel_contradicts = _merged(rows, "cramp_feel")
    relief, relief_contradicts = _merged(rows, "cramp_relief")
    direct = {item: _answer(rows, item, "rls_criteria" in collected, absent_reason) for item in CRITERIA}
    cramp_reason = None
    is_cramp = feel == "painful_tightening" and relief == "stretch_only"
    if feel_contradicts or relief_contradicts or (is_cramp and direct[_URGE].value == YES):
        cramp_reason = "conflicting_items"
    elif feel is None:
        cramp_reason = (
            "not_collected" if "cramp_questions" not in collected else "item_missing" if rows else absent_reason
        )
    if cramp_reason == "conflicting_items":
        feel = relief = None
    criteria = dict(direct)
    for item, value in cramp_contribution(feel, relief, rows).items():
        if direct[item].value == UNKNOWN and direct[item].reason != "conflicting_items":
            criteria[item] = Status(value, None, "cramp_questions")
        elif direct[item].value != value:
            criteria[item] = unknown("conflicting_items")
    return Answers(
        criteria=criteria,
        single_question=_answer(rows, "rls_single_question", "rls_screen" in collected, absent_reason),
        ch_rlsq=_answer(rows, "rls_ch_rlsq_result", "rls_screen" in collected, absent_reason),
        physician_told=_answer(rows, "rls_physician_told", "rls_physician" in collected, absent_reason),
        compound_told=_answer(rows, "rls_or_plms_told", True),
        rls_probability=_merged(rows, "rls_probability")[0],
        severity_irls=_score(rows, "rls_severity_irls", rules)[0],
        cramp_feel=feel,
        cramp_relief=relief,
        cramp_reason=cramp_reason,
        disturbance=_disturbance(rows, collected, rules, absent_reason),
    )


def _score(rows: list[Row], key: str, rules: dict[str, Any]) -> tuple[float | None, bool]:
    """Value of a scale over the rows, and whether a value outside its range (a missing code, say) was set aside."""
    low, high = rules["questionnaire_ranges"][key]
    usable = [row for row in rows if key in row and low <= row[key] <= high]
    return _merged(usable, key)[0], any(key in row for row in rows if row not in usable)


def _scaled(
    rows: list[Row], complaint: str, scale: str, rules: dict[str, Any], limit: str, is_collected: bool, absent: str
) -> Status:
    """A complaint or a scale: yes if either says yes, no if those given say no."""
    asked = _answer(rows, complaint, is_collected, absent)
    value, is_implausible = _score(rows, scale, rules)
    if value is None:
        return unknown("implausible") if is_implausible and asked.value == UNKNOWN else asked
    says = gt(point(value), rules[limit]) if limit.endswith("_gt") else ge(point(value), rules[limit])
    if asked.value != YES and (says == YES or asked.value != NO):
        return Status(says, None, scale)
    return asked


def _disturbance(rows: list[Row], collected: set[str], rules: dict[str, Any], absent: str) -> dict[str, Status]:
    def scaled(name: str, complaint: str, scale: str, limit: str) -> Status:
        return _scaled(rows, complaint, scale, rules, limit, name in collected, absent)

    return {
        "insomnia": scaled("insomnia", "insomnia_complaint", "whiirs_score", "whiirs_insomnia_ge"),
        "unrefreshing": _answer(rows, "unrefreshing_sleep", "unrefreshing" in collected, absent),
        "sleepiness": scaled("sleepiness", "sleepiness_complaint", "ess_score", "ess_sleepy_gt"),
        "fatigue": scaled("fatigue", "fatigue_complaint", "fss_mean_score", "fss_fatigue_ge"),
        "clinician_disturbance": _answer(rows, "clinician_disturbance", "clinician_disturbance" in collected, absent),
    }
