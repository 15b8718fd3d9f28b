"""The row of table ``night``: counts, rates and descriptive indices of one night under one rule set."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from plms_pipeline.scoring import descriptors, evidence
from plms_pipeline.scoring import movement_kernels as kernels
from plms_pipeline.scoring.candidates import (
    OUTSIDE_WINDOW,
    SIDE_BILATERAL,
    SIDE_LEFT,
    SIDE_RIGHT,
    SIDES,
    WITHOUT_DURATION,
    arousal_spans,
)
from plms_pipeline.scoring.inputs import N1, N2, N3, REM, UNSCORED, US_PER_H, US_PER_S, NightInput, times
from plms_pipeline.scoring.passes import Pass, Scoring
from plms_pipeline.scoring.row import Context, Mask, Row, count
from plms_pipeline.scoring.rules import RuleSet
from plms_pipeline.scoring.timeline import Frame, SleepTimes, sleep_times

# Stands for the suffix of a pass until the columns get their names.
_SUFFIX = "@"


@lru_cache(maxsize=1024)
def _named(name: str, suffix: str) -> str:
    return name.replace(_SUFFIX, suffix)


STAGE_COLUMNS = (("n1", (N1,)), ("n2", (N2,)), ("n3", (N3,)), ("nrem", (N1, N2, N3)), ("rem", (REM,)))
SIDE_COLUMNS = (("left", SIDE_LEFT), ("right", SIDE_RIGHT), ("bilateral", SIDE_BILATERAL))


def _times(row: Row, c: Context) -> None:
    at, night = c.at, c.night
    row["rule_set"] = c.rules.name
    durations_known = not (c.done.found.in_window & (c.done.found.reason == WITHOUT_DURATION)).any()
    row["evidence_class"] = evidence.evidence_class(at, c.time, night.evidence, has_durations=durations_known)
    row["legs_used"] = at.legs_used
    row["window_basis"] = "recording" if night.window == (None, None) else night.window_basis
    row["window_onset_s"] = at.low_us / US_PER_S
    row["window_offset_s"] = at.high_us / US_PER_S
    row["window_h"] = (at.high_us - at.low_us) / US_PER_H
    row["window_scorable_h"] = c.window_scorable_us / US_PER_H
    row["n_gap_edges"] = c.time.edges
    hours: SleepTimes = c.once("sleep_times", lambda: sleep_times(night, at))
    none = c.unstaged or ("no_sleep" if not hours.tst_h else None)
    row.put("tib_h", hours.tib_h, None if hours.tib_h is not None else "lights_unknown")
    row.put("spt_h", hours.spt_h, none)
    row.put("tst_h", hours.tst_h, c.unstaged)
    row.put("waso_h", hours.waso_h, none)
    row.put("sleep_scorable_h", hours.sleep_scorable_h, c.unstaged)
    row.put("sleep_unscorable_h", c.time.unscorable_us / US_PER_H, c.unstaged)
    row.put("wake_scorable_h", at.wake_scorable.total_us / US_PER_H, c.unstaged)
    row["unstaged_h"] = hours.unstaged_h
    start = None if at.hypnogram is None else at.hypnogram.sleep_onset_us
    row.put("sleep_onset_s", None if start is None else start / US_PER_S, none)


def _stage_time_us(c: Context) -> dict[str, int]:
    """Scorable time of each stage."""
    scored = c.at.hypnogram
    if scored is None:
        return {name: 0 for name, _ in STAGE_COLUMNS}
    covered = c.at.gaps.covered_before
    spans = scored.offset_us - scored.onset_us - (covered(scored.offset_us) - covered(scored.onset_us))
    by_stage = np.bincount(scored.stage, weights=spans, minlength=UNSCORED + 1)
    return {name: int(sum(by_stage[stage] for stage in stages)) for name, stages in STAGE_COLUMNS}


def _movements(row: Row, c: Context) -> None:
    found, v = c.done.found, c.time.scorable_us
    row.put("n_lm", count(c.is_lm), c.no_leg)
    row.put("n_lms", count(c.is_lm & found.in_sleep), c.no_leg or c.unstaged)
    row.put("n_lm_unstaged", count(c.is_lm & c.onset_unstaged), c.no_leg or c.unstaged)
    row.put("n_outside_window", count((found.reason == OUTSIDE_WINDOW) & found.is_lm), c.no_leg)
    in_gap = found.in_window & c.at.gaps.holds(found.onset_us)
    row.put("n_in_unscorable_stretch", count(in_gap), c.no_leg)
    row.put("n_no_duration", count(found.in_window & ~found.has_duration), c.no_leg)
    row.put("n_clm", count(c.is_clm), c.no_candidates)
    clms = c.is_clm & found.in_sleep
    row.put("n_clms", count(clms), c.no_candidates or c.unstaged)
    no_respiratory = c.no_candidates or c.done.respiratory_unknown
    related = c.is_clm & c.done.is_respiratory
    row.put("n_clm_respiratory", count(related), no_respiratory)
    row.put("n_clms_respiratory", count(related & found.in_sleep), no_respiratory or c.unstaged)
    row.rate("lmi_per_h", count(c.is_lm), c.window_scorable_us, c.no_leg, "no_scorable_time")
    row.rate("clmi_per_h", count(c.is_clm), c.window_scorable_us, c.no_candidates, "no_scorable_time")
    row.rate("lmsi_per_h", count(c.is_lm & found.in_sleep), v, c.no_leg or c.unstaged, c.no_sleep)
    row.rate("clmsi_per_h", count(clms), v, c.no_candidates or c.unstaged, c.no_sleep)
    respiratory_in_sleep = count(related & found.in_sleep)
    row.rate("clmsi_respiratory_per_h", respiratory_in_sleep, v, no_respiratory or c.unstaged, c.no_sleep)


def _periodic(row: Row, c: Context, suffix: str, done: Pass, unknown: str | None, stage_us: dict[str, int]) -> None:
    """Counts and rates of PLM of one pass."""
    found, at, v = c.done.found, c.at, c.time.scorable_us
    is_plm = done.series > 0
    is_plms = is_plm & found.in_sleep
    is_plmw = is_plm & c.onset_in_wake & ~found.in_sleep
    unknown = c.no_leg or unknown
    in_state = unknown or c.unstaged
    row.put(f"n_plm{suffix}", count(is_plm), unknown)
    row.put(f"n_plms{suffix}", count(is_plms), in_state)
    no_wake = in_state or ("not_in_rule_set" if c.rules.sleep_requirement != "none" else None)
    row.put(f"n_plmw{suffix}", count(is_plmw), no_wake)
    row.put(f"n_plm_unstaged{suffix}", count(is_plm & c.onset_unstaged & ~found.in_sleep), in_state)
    row.rate(f"plmi{suffix}_per_h", count(is_plm), c.window_scorable_us, unknown, "no_scorable_time")
    row.rate(f"plmsi{suffix}_per_h", count(is_plms), v, in_state, c.no_sleep)
    no_lights = no_wake or ("lights_unknown" if None in c.night.window else None)
    row.rate(f"plmwi{suffix}_per_h", count(is_plmw), at.wake_scorable.total_us, no_lights, "no_time_in_state")
    wake_spt = plmw_spt = 0
    if at.hypnogram is not None and at.hypnogram.sleep.total_us:
        start, end = int(at.hypnogram.sleep.onset_us[0]), int(at.hypnogram.sleep.offset_us[-1])
        wake_spt = int(np.diff(at.wake_scorable.covered_before(times([start, end])))[0])
        plmw_spt = count(is_plmw & (found.onset_us >= start) & (found.onset_us < end))
    row.rate(f"plmwi_spt{suffix}_per_h", plmw_spt, wake_spt, no_wake, "no_time_in_state")
    by_stage = unknown or c.no_stages
    per_stage = np.bincount(found.stage[is_plms], minlength=UNSCORED + 1).tolist()
    for name, stages in STAGE_COLUMNS:
        n = sum(per_stage[stage] for stage in stages)
        row.put(f"n_plms_{name}{suffix}", n, by_stage)
        row.rate(f"plmsi_{name}{suffix}_per_h", n, stage_us[name], by_stage, "no_time_in_state")
    per_side = np.bincount(found.side[is_plms], minlength=len(SIDES)).tolist()
    for name, side in SIDE_COLUMNS:
        reason = in_state or _no_side(c, name)
        row.put(f"n_plms_{name}{suffix}", per_side[side], reason)
        row.rate(f"plmsi_{name}{suffix}_per_h", per_side[side], v, reason, c.no_sleep)


def _no_side(c: Context, name: str) -> str | None:
    used = c.at.legs_used
    if used == "combined":
        return "combined_channel"
    return None if used in ("both", "none", name) else "one_leg"


def _interval(row: Row, c: Context, suffix: str, done: Pass, unknown: str | None) -> None:
    """[lo, hi] of the PLMS index; candidates stand for PLMS when the point is unknown."""
    found = c.done.found
    is_plm = done.series > 0
    if suffix == "_nr" and c.rules.respiratory_rule == "none":
        # An index that the rule set does not have has no interval either, whatever else is unknown.
        unknown = "not_in_rule_set"
    unstaged = c.is_lm & c.onset_unstaged & ~found.in_sleep
    candidate = found.would_be_candidate & unstaged
    has_point = unknown is None
    if has_point:
        n = count(is_plm & found.in_sleep)
        m = count(candidate) if c.rules.sleep_requirement != "none" else count(is_plm & unstaged)
    else:
        n, m = count(c.is_clm & found.in_sleep), count(candidate)
    bounds_nothing = (
        c.at.legs_used in ("none", "combined") or c.at.is_one_leg or unknown in ("no_duration", "not_in_rule_set")
    )
    found_bounds = evidence.bounds(
        c.time, n, m, c.rules.imi_min_us, c.night.evidence, bounds_nothing=bounds_nothing, has_point=has_point
    )
    reason = "not_in_rule_set" if unknown == "not_in_rule_set" else None
    if reason is None and found_bounds.lo_per_h is None:
        reason = "no_sleep"
    row.put(f"plmsi{suffix}_lo_per_h", found_bounds.lo_per_h, reason)
    row.put(f"plmsi{suffix}_hi_per_h", found_bounds.hi_per_h, reason)


def _arousals(row: Row, c: Context, is_plms: Mask, is_plms_nr: Mask) -> None:
    done, night = c.done, c.night
    reason = c.no_leg or done.unknown or c.unstaged or done.arousal_unknown
    with_arousal = is_plms & done.is_arousal
    n_arousals = 0
    if reason is None and night.arousals is not None and night.arousals.onset_us.size:
        low, high = arousal_spans(night, c.rules)
        pair = c.rules.arousal_pair_us or 0
        n_arousals = int(
            kernels.count_arousals(done.found.onset_us, done.found.offset_us, with_arousal, low, high, pair)
        )
    row.put("n_plms_with_arousal", count(with_arousal), reason)
    row.put("n_arousal_with_plms", n_arousals, reason)
    row.rate("plms_arousal_index_per_h", count(with_arousal), c.time.scorable_us, reason, c.no_sleep)
    n_plms = count(is_plms)
    share_reason = reason or (None if n_plms else "no_plms")
    row.put("plms_arousal_fraction", count(with_arousal) / max(n_plms, 1), share_reason)
    nr = c.no_leg or done.unknown_nr or c.unstaged or done.arousal_unknown
    row.put("n_plms_with_arousal_nr", count(is_plms_nr & done.is_arousal), nr)
    row.rate("plms_arousal_index_nr_per_h", count(is_plms_nr & done.is_arousal), c.time.scorable_us, nr, c.no_sleep)


def _of_both_passes(row: Row, c: Context, write: Callable[[Row, str, Pass, str | None], None]) -> None:
    """Columns with and without respiratory-related candidates."""
    done = c.done
    if done.without_respiratory is not done.inclusive or done.unknown_nr != done.unknown:
        write(row, "", done.inclusive, done.unknown)
        write(row, "_nr", done.without_respiratory, done.unknown_nr)
        return
    # Rule sets that take the related movements out first have one pass only.
    part = Row()
    write(part, _SUFFIX, done.inclusive, done.unknown)
    for suffix in ("", "_nr"):
        row.update({_named(name, suffix): value for name, value in part.items()})


def night_row(night: NightInput, rules: RuleSet, at: Frame, done: Scoring, memo: dict[Any, Any]) -> dict[str, Any]:
    """Columns of ``night`` without the four id columns.

    Parameters
    ----------
    night, rules, at, done
        The checked night, the rule set, the shared time frame and the scored movements.
    memo
        Values of this night that do not depend on the rule set, filled as they are needed.

    Returns
    -------
    dict
        Column name → value; ``<column>_reason`` is null exactly when the column is not.
    """
    c = Context(night, rules, at, done, memo)
    row = Row()
    _times(row, c)
    stage_us = c.once("stage_us", lambda: _stage_time_us(c))
    for name, _ in STAGE_COLUMNS:
        row.put(f"{name}_scorable_h", stage_us[name] / US_PER_H, c.no_stages)
    _movements(row, c)
    is_plms = (done.inclusive.series > 0) & done.found.in_sleep
    is_plms_nr = (done.without_respiratory.series > 0) & done.found.in_sleep

    def indices(part: Row, suffix: str, one_pass: Pass, unknown: str | None) -> None:
        _periodic(part, c, suffix, one_pass, unknown, stage_us)
        _interval(part, c, suffix, one_pass, c.no_leg or unknown)

    def intervals(part: Row, suffix: str, one_pass: Pass, unknown: str | None) -> None:
        descriptors.series_columns(part, c, suffix, one_pass, c.no_leg or unknown)
        descriptors.interval_columns(part, c, suffix, one_pass, c.no_leg or unknown)

    _of_both_passes(row, c, indices)
    _arousals(row, c, is_plms, is_plms_nr)
    _of_both_passes(row, c, intervals)
    descriptors.duration_columns(row, c, is_plms)
    descriptors.time_course_columns(row, c, is_plms)
    descriptors.side_columns(row, c, is_plms)
    descriptors.awakening_columns(row, c, is_plms)
    return dict(row)
