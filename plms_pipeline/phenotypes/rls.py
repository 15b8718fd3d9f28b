"""Restless legs syndrome and leg cramps from history alone.

No function here takes anything from a recording: restless legs syndrome is a clinical statement (IRLSSG consensus
criteria, Allen et al. 2014, Sleep Med 15:860), and a test reads the signatures.
"""

from __future__ import annotations

from collections.abc import Mapping

from plms_pipeline.exposures.questionnaires import CRITERIA
from plms_pipeline.exposures.status import NO, UNKNOWN, YES, Status, all_of, unknown

_LEVEL_OF_PROBABILITY = {
    "likely": "probable",
    "possible": "possible",
    "unlikely": "none",
    "unlikely_past": "none",
}


def rls_irlssg(criteria: Mapping[str, Status]) -> Status:
    """All five IRLSSG criteria: urge, rest, relief by movement, evening or night, not solely a mimic.

    Parameters
    ----------
    criteria
        Status of each of ``CRITERIA``.

    Returns
    -------
    Status
        Kleene AND; unknown carries the reason of the first unknown criterion.
    """
    value = all_of(criteria[name].value for name in CRITERIA)
    if value != UNKNOWN:
        return Status(value, None, "five_criteria")
    reason = next(criteria[name].reason for name in CRITERIA if criteria[name].value == UNKNOWN)
    return unknown(reason or "item_missing")


def rls_level(
    criteria: Mapping[str, Status],
    single_question: str,
    physician_told: str,
    rls_probability: str | None,
    compound_told: str,
    ch_rlsq: str = UNKNOWN,
) -> str:
    """What the evidence amounts to: a value of the code list ``rls_level``.

    The five criteria decide where they can; else the physician's report, the cohort's derived category, the scored
    result of the Cambridge-Hopkins questionnaire (Allen 2009: sensitivity 87.2 %, specificity 94.4 %, so a screen), the
    single question (Ferri 2007), and last a compound item, which is not usable.
    """
    first_four = all_of(criteria[name].value for name in CRITERIA[:4])
    if first_four == NO:
        return "none"
    if first_four == YES:
        return {YES: "definite", NO: "mimic", UNKNOWN: "probable"}[criteria[CRITERIA[4]].value]
    if physician_told == YES:
        return "reported"
    if rls_probability is not None:
        return _LEVEL_OF_PROBABILITY[rls_probability]
    for screen in (ch_rlsq, single_question):
        if screen != UNKNOWN:
            return "screen_positive" if screen == YES else "screen_negative"
    return "not_usable" if compound_told != UNKNOWN else "no_information"


def rls_for_exclusion(
    irlssg: Status,
    criteria: Mapping[str, Status],
    single_question: str,
    physician_told: str,
    rls_probability: str | None,
    ch_rlsq: str = UNKNOWN,
) -> Status:
    """Whether restless legs syndrome stands against other explanations.

    The criteria decide; where they are unknown, ``no`` if a physician or a screen says no and nothing says yes: another
    source, or the first four criteria together (probable). A contradiction excludes nothing.
    """
    if irlssg.value != UNKNOWN:
        return irlssg
    screen = {"likely": YES, "possible": YES, "unlikely": NO, "unlikely_past": NO}.get(rls_probability or "", UNKNOWN)
    is_probable = all_of(criteria[name].value for name in CRITERIA[:4]) == YES
    said = {single_question, ch_rlsq, physician_told, screen, YES if is_probable else UNKNOWN}
    if YES in said:
        return unknown("basis_not_sufficient")
    return Status(NO, None, "screen") if NO in said else irlssg


def rls_past_possible(rls_probability: str | None) -> str:
    """Whether the cohort's category names restless legs that are possibly past (STAGES: unlikely, possibly in past)."""
    return {"unlikely_past": YES, "unlikely": NO}.get(rls_probability or "", UNKNOWN)


def leg_cramp_pattern(feel: str | None, relief: str | None, reason: str | None = None) -> Status:
    """Pattern of nocturnal leg cramps from two answers.

    Parameters
    ----------
    feel
        ``urge``, ``painful_tightening``, ``other`` or None.
    relief
        ``any_movement``, ``stretch_only``, ``neither`` or None.
    reason
        Why the answers are missing, if they are.

    Returns
    -------
    Status
        yes for painful tightening relieved by stretching only; unknown for mixed answers.
    """
    if feel is None:
        return unknown(reason or "item_missing")
    if feel == "other":
        return Status(NO, None, "cramp_questions")
    if relief is None:
        return unknown(reason or "item_missing")
    if feel == "painful_tightening":
        return Status(YES, None, "cramp_questions") if relief == "stretch_only" else unknown("mixed_answer")
    return unknown("mixed_answer") if relief == "stretch_only" else Status(NO, None, "cramp_questions")
