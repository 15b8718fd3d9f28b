"""Scoring of one night under any number of rule sets, from the same monolateral movements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring import movement_kernels as kernels
from plms_pipeline.scoring.candidates import (
    CANDIDATE,
    REASONS,
    SIDES,
    STAGE_UNKNOWN,
    WITHOUT_DURATION,
    Combined,
    arousal_spans,
    combine,
    respiratory_related,
)
from plms_pipeline.scoring.inputs import STAGE_NAMES, US_PER_S, NightInput, Times, checked, make_movements
from plms_pipeline.scoring.night_row import night_row
from plms_pipeline.scoring.passes import Pass, Scoring
from plms_pipeline.scoring.rules import RuleSet
from plms_pipeline.scoring.timeline import Frame, frame

PLM_REASONS = (None, "not_candidate", "series_too_short", "short_interval_ignored")
_REASONS_OF_PASS = (*PLM_REASONS, "respiratory_related")
# Names by code, looked up for whole columns at once.
_SIDE_NAMES = np.array(SIDES, dtype=object)
_STAGES = np.array(STAGE_NAMES, dtype=object)
_CANDIDATE_REASONS = np.array([None, *REASONS[1:]], dtype=object)
_IS_CANDIDATE = np.array(
    [code == CANDIDATE if code != STAGE_UNKNOWN else None for code in range(len(REASONS))], dtype=object
)


class Scored(NamedTuple):
    """One night under one rule set.

    Attributes
    ----------
    rule_set
        Its name.
    movements
        Columns of ``scored_movement`` without the four id columns; one entry per combined movement.
    night
        Columns of ``night`` without the four id columns.
    """

    rule_set: str
    movements: dict[str, list[Any]]
    night: dict[str, Any]


def _series(found: Combined, role: NDArray[np.int8], rules: RuleSet) -> Pass:
    inward = 0 if rules.imi_limits_are_inside else 1
    imi, series, reason = kernels.build_series(
        found.onset_us,
        role,
        found.segment,
        rules.imi_min_us + inward,
        rules.imi_max_us - inward,
        rules.short_imi == "ignore_later",
        rules.short_imi_may_start,
        rules.series_min_clm,
    )
    return Pass(imi, series, reason, role == kernels.CANDIDATE)


def _state_reason(what: str, state: str, *, given: bool) -> str | None:
    if given and state == "scored":
        return None
    return f"{what}_partial" if given and state == "partial" else f"{what}_not_scored"


def _score_one(night: NightInput, rules: RuleSet, at: Frame) -> Scoring:
    found = combine(night, rules, at)
    is_respiratory = respiratory_related(night, rules, found)
    respiratory_unknown = _state_reason("respiratory", night.respiratory_state, given=night.respiratory is not None)
    if rules.respiratory_rule == "none":
        respiratory_unknown = "not_in_rule_set"
    taken_out = is_respiratory & (found.role == kernels.CANDIDATE)
    if rules.nonclm_in_respiratory == "removed":
        taken_out |= is_respiratory & (found.role == kernels.INTERRUPTS)
    role_nr = np.where(taken_out, kernels.IGNORED, found.role).astype(np.int8)
    without_respiratory = _series(found, role_nr, rules)
    inclusive = without_respiratory if rules.respiratory_removed_first else _series(found, found.role, rules)
    unknown = None
    if (found.in_window & (found.reason == WITHOUT_DURATION)).any():
        unknown = "no_duration"
    elif rules.sleep_requirement != "none" and at.hypnogram is None:
        unknown = "stages_not_scored"
    unknown_nr = unknown or respiratory_unknown
    if rules.respiratory_rule == "none":
        unknown_nr = respiratory_unknown
    if rules.respiratory_removed_first:
        unknown = unknown_nr
    arousal_unknown = _state_reason("arousals", night.arousals_state, given=night.arousals is not None)
    is_arousal = np.zeros(found.onset_us.size, dtype=np.bool_)
    if rules.arousal_rule == "none":
        arousal_unknown = "not_in_rule_set"
    elif night.arousals is not None and night.arousals.onset_us.size:
        low, high = arousal_spans(night, rules)
        is_arousal = kernels.touches_any(found.onset_us, found.offset_us, low, high)
    return Scoring(
        found,
        inclusive,
        without_respiratory,
        is_respiratory,
        is_arousal,
        unknown,
        unknown_nr,
        respiratory_unknown,
        arousal_unknown,
    )


def _in_seconds(values: Times, known: NDArray[np.bool_]) -> list[float | None]:
    seconds = (values / US_PER_S).tolist()
    for i in np.flatnonzero(~known).tolist():
        seconds[i] = None
    return seconds


def _flags(values: NDArray[np.bool_], unknown: str | None) -> list[bool | None]:
    """True where seen; where not seen false, or null when it was not looked for everywhere."""
    if unknown is None:
        return values.tolist()
    return [True if value else None for value in values.tolist()]


def _plm_columns(
    done: Pass, found: Combined, is_respiratory: NDArray[np.bool_], unknown: str | None
) -> tuple[list[bool | None], list[str | None], list[int | None]]:
    """is_plm, why not, number of the series."""
    is_plm = done.series > 0
    reason = done.reason.copy()
    reason[~done.in_pass & (found.reason == CANDIDATE) & is_respiratory] = len(PLM_REASONS)
    numbers: list[int | None] = [series or None for series in done.series.tolist()]
    if unknown is None:
        return is_plm.tolist(), np.array(_REASONS_OF_PASS, dtype=object)[reason].tolist(), numbers
    is_open = (found.reason == CANDIDATE) | (found.reason == STAGE_UNKNOWN)
    reason[is_open] = len(PLM_REASONS) + 1
    texts = (*_REASONS_OF_PASS, unknown)
    return (
        [None if unclear else False for unclear in is_open.tolist()],
        np.array(texts, dtype=object)[reason].tolist(),
        [None] * is_plm.size,
    )


def _movement_columns(rules: RuleSet, at: Frame, done: Scoring) -> dict[str, list[Any]]:
    found = done.found
    n = found.onset_us.size
    is_plm, plm_reason, series = _plm_columns(done.inclusive, found, done.is_respiratory, done.unknown)
    is_plm_nr, plm_nr_reason, series_nr = _plm_columns(
        done.without_respiratory, found, done.is_respiratory, done.unknown_nr
    )
    everywhere = np.ones(n, dtype=np.bool_)
    staged = at.hypnogram is not None
    has_imi = done.inclusive.imi_us != kernels.NO_IMI
    has_imi_nr = done.without_respiratory.imi_us != kernels.NO_IMI
    return {
        "rule_set": [rules.name] * n,
        "movement_id": list(range(1, n + 1)),
        "onset_s": _in_seconds(found.onset_us, everywhere),
        "offset_s": _in_seconds(found.offset_us, found.has_duration),
        "side": _SIDE_NAMES[found.side].tolist(),
        "n_monolateral": [None] * n if at.legs_used == "combined" else found.n_monolateral.tolist(),
        "is_lm": found.is_lm.tolist(),
        "is_truncated": found.is_truncated.tolist(),
        "is_duration_assumed": found.is_duration_assumed.tolist(),
        "is_candidate": _IS_CANDIDATE[found.reason].tolist(),
        "candidate_reason": _CANDIDATE_REASONS[found.reason].tolist(),
        "imi_s": _in_seconds(done.inclusive.imi_us, has_imi & (done.unknown is None)),
        "imi_nr_s": _in_seconds(done.without_respiratory.imi_us, has_imi_nr & (done.unknown_nr is None)),
        "series_id": series,
        "series_nr_id": series_nr,
        "is_plm": is_plm,
        "plm_reason": plm_reason,
        "is_plm_nr": is_plm_nr,
        "plm_nr_reason": plm_nr_reason,
        "stage": _STAGES[found.stage].tolist() if staged else [None] * n,
        "is_in_sleep": found.in_sleep.tolist() if staged else [None] * n,
        "is_respiratory_related": _flags(done.is_respiratory, done.respiratory_unknown),
        "is_arousal_associated": _flags(done.is_arousal, done.arousal_unknown),
    }


def score(night: NightInput, rule_sets: Sequence[RuleSet]) -> list[Scored]:
    """Score one night under every rule set.

    Parameters
    ----------
    night
        Events of the night; rows in any order.
    rule_sets
        From `rules.rule_set_from_mapping`.

    Returns
    -------
    list of Scored
        In the order of ``rule_sets``.

    Raises
    ------
    InputError
        For input that cannot be scored (`inputs.checked`).
    """
    night = checked(night)
    at = frame(night)
    out = []
    memo: dict[Any, Any] = {}
    for rules in rule_sets:
        has_leg = night.movements is not None
        done = _score_one(night if has_leg else night._replace(movements=make_movements([], [], [])), rules, at)
        if not has_leg:
            done = done._replace(unknown=night.no_leg_reason, unknown_nr=night.no_leg_reason)
        out.append(Scored(rules.name, _movement_columns(rules, at, done), night_row(night, rules, at, done, memo)))
    return out
