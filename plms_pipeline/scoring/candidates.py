"""From monolateral movements to combined ones, and which of them are candidates (steps 1 to 6 of the order of work)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring import movement_kernels as kernels
from plms_pipeline.scoring.inputs import (
    LEFT,
    NO_DURATION,
    RIGHT,
    UNSCORED,
    Movements,
    NightInput,
    Times,
    pick_movements,
)
from plms_pipeline.scoring.rules import RuleSet
from plms_pipeline.scoring.timeline import Frame

SIDES = ("left", "right", "bilateral", "combined")
SIDE_LEFT, SIDE_RIGHT, SIDE_BILATERAL, SIDE_COMBINED = range(4)
_NO_LIMIT = int(np.iinfo(np.int64).max)
_SIDE_OF_BITS = np.array([-1, SIDE_LEFT, SIDE_RIGHT, SIDE_BILATERAL, SIDE_COMBINED], dtype=np.int8)

REASONS = (
    "",
    "outside_window",
    "in_unscorable_stretch",
    "in_one_leg_stretch",
    "no_duration",
    "too_long",
    "contains_too_long",
    "too_many_monolateral",
    "bilateral_too_long",
    "stage_unknown",
    "not_in_sleep",
)
(
    CANDIDATE,
    OUTSIDE_WINDOW,
    IN_UNSCORABLE_STRETCH,
    IN_ONE_LEG_STRETCH,
    WITHOUT_DURATION,
    TOO_LONG,
    CONTAINS_TOO_LONG,
    TOO_MANY_MONOLATERAL,
    BILATERAL_TOO_LONG,
    STAGE_UNKNOWN,
    NOT_IN_SLEEP,
) = range(len(REASONS))


class Combined(NamedTuple):
    """Combined movements of one rule set, sorted by onset; one entry per row of ``scored_movement``.

    ``offset_us`` of a mark without duration equals its onset. ``is_lm`` is false for a movement that this rule set
    does not call a leg movement (open point A23). ``would_be_candidate``: a candidate but for the sleep requirement.
    """

    onset_us: Times
    offset_us: Times
    has_duration: NDArray[np.bool_]
    is_duration_assumed: NDArray[np.bool_]
    is_truncated: NDArray[np.bool_]
    side: NDArray[np.int8]
    n_monolateral: NDArray[np.int32]
    is_lm: NDArray[np.bool_]
    in_window: NDArray[np.bool_]
    is_countable: NDArray[np.bool_]
    reason: NDArray[np.int8]
    would_be_candidate: NDArray[np.bool_]
    role: NDArray[np.int8]
    stage: NDArray[np.int8]
    in_sleep: NDArray[np.bool_]
    segment: Times


def _used(night: NightInput, rules: RuleSet, at: Frame) -> Movements:
    found = night.movements
    assert found is not None
    kept = np.ones(found.leg.size, dtype=np.bool_)
    if rules.requires_morphology:
        kept &= found.has_morphology
    if night.legs == "both" and at.legs_used in ("left", "right"):
        kept &= found.leg == (LEFT if at.legs_used == "left" else RIGHT)
    return found if kept.all() else pick_movements(found, kept)


def _above(limit_us: int | None, rules: RuleSet) -> int:
    """Durations above this are beyond the limit (open point A4: the limit itself still is a candidate)."""
    if limit_us is None:
        return _NO_LIMIT
    return limit_us if rules.duration_limit_is_candidate else limit_us - 1


def combine(night: NightInput, rules: RuleSet, at: Frame) -> Combined:
    """Join, drop, flag and combine the movements of a checked night.

    Parameters
    ----------
    night
        Checked (`inputs.checked`), with movements.
    rules
        The rule set.
    at
        Window, gaps and scorable time of this night.

    Returns
    -------
    Combined
        Every combined movement, also those outside the window or in gaps.
    """
    found = _used(night, rules, at)
    assumed = rules.assumed_duration_us
    open_ended = found.offset_us == NO_DURATION
    offset = found.offset_us if assumed is None else np.where(open_ended, found.onset_us + assumed, found.offset_us)
    joined = ~open_ended if assumed is None else np.ones(open_ended.size, dtype=np.bool_)
    leg, on, off, truncated = kernels.join_same_leg(
        found.leg[joined],
        found.onset_us[joined],
        offset[joined],
        found.is_truncated[joined],
        rules.same_leg_join_gap_us + rules.same_leg_join_limit,
    )
    duration = off - on
    long_enough = duration >= rules.lm_min_us
    is_combined_channel = at.legs_used == "combined"
    limit = rules.clm_combined_channel_max_us if is_combined_channel else rules.lm_max_us
    no_lm = long_enough & (duration > _above(limit, rules)) & (rules.too_long == "dropped")
    single = long_enough & ~no_lm
    leg1, on1, off1, truncated1 = leg[single], on[single], off[single], truncated[single]
    if at.legs_used != "both":
        group = np.arange(leg1.size, dtype=np.int64)
    elif rules.combine_legs == "gap":
        group = kernels.group_by_gap(on1, off1, rules.combine_limit_us + rules.combine_at_limit)
    else:
        group = kernels.group_by_onset(leg1, on1, rules.combine_limit_us + rules.combine_at_limit)
    g_on, g_off, count, longest, bits, g_truncated = kernels.summarise_groups(group, leg1, on1, off1, truncated1)
    side = _SIDE_OF_BITS[bits]
    reason = _duration_reasons(side, count, g_off - g_on, longest, rules)
    dropped = (reason != CANDIDATE) & (rules.too_long == "dropped")
    bare = open_ended & ~joined
    if no_lm.any() or bare.any():
        g_on = np.concatenate((g_on, on[no_lm], found.onset_us[bare]))
        g_off = np.concatenate((g_off, off[no_lm], found.onset_us[bare]))
        g_truncated = np.concatenate((g_truncated, truncated[no_lm], found.is_truncated[bare]))
        alone = np.concatenate((leg[no_lm], found.leg[bare]))
        side = np.concatenate((side, _SIDE_OF_BITS[np.left_shift(1, alone.astype(np.int64))]))
        count = np.concatenate((count, np.ones(alone.size, np.int32)))
        too_long = np.full(np.count_nonzero(no_lm), TOO_LONG, np.int8)
        no_duration = np.full(np.count_nonzero(bare), WITHOUT_DURATION, np.int8)
        reason = np.concatenate((reason, too_long, no_duration))
        dropped = np.concatenate((dropped, too_long > 0, no_duration < 0))
        order = np.lexsort((side, g_off, g_on))
        g_on, g_off, g_truncated, side, count, reason, dropped = (
            column[order] for column in (g_on, g_off, g_truncated, side, count, reason, dropped)
        )
    is_assumed = np.zeros(g_on.size, dtype=np.bool_)
    if assumed is not None and open_ended.any():
        is_assumed = kernels.touches_any(g_on, g_off, found.onset_us[open_ended], found.onset_us[open_ended])
    return _placed(rules, at, g_on, g_off, g_truncated, side, count, reason, dropped, is_assumed)


def _duration_reasons(
    side: NDArray[np.int8], count: NDArray[np.int32], duration: Times, longest: Times, rules: RuleSet
) -> NDArray[np.int8]:
    """Why a combined movement is no candidate by its duration or its parts."""
    bilateral = side == SIDE_BILATERAL
    single = duration > _above(rules.clm_monolateral_max_us, rules)
    if (side == SIDE_COMBINED).any():
        single = np.where(side == SIDE_COMBINED, duration > _above(rules.clm_combined_channel_max_us, rules), single)
    most = rules.clm_bilateral_max_monolateral
    reason = np.zeros(side.size, dtype=np.int8)
    reason[bilateral & (duration > _above(rules.clm_bilateral_max_us, rules))] = BILATERAL_TOO_LONG
    if most is not None:
        reason[bilateral & (count > most)] = TOO_MANY_MONOLATERAL
    reason[bilateral & (longest > _above(rules.clm_monolateral_max_us, rules))] = CONTAINS_TOO_LONG
    reason[~bilateral & single] = TOO_LONG
    return reason


def _placed(
    rules: RuleSet,
    at: Frame,
    onset: Times,
    offset: Times,
    truncated: NDArray[np.bool_],
    side: NDArray[np.int8],
    count: NDArray[np.int32],
    reason: NDArray[np.int8],
    dropped: NDArray[np.bool_],
    is_assumed: NDArray[np.bool_],
) -> Combined:
    """Place the combined movements in window, gaps and sleep."""
    has_duration = reason != WITHOUT_DURATION
    in_window = (onset >= at.low_us) & (onset < at.high_us)
    in_gap = at.gaps.holds(onset)
    edges = at.edges_us
    next_edge = edges.searchsorted(onset, side="left")
    open_at_edge = edges[np.minimum(next_edge, edges.size - 1)] <= offset
    open_at_edge &= next_edge < edges.size
    would_be = (reason == CANDIDATE) & in_window & ~in_gap
    reason = reason.copy()
    reason[in_gap] = IN_ONE_LEG_STRETCH
    reason[in_gap & at.all_legs_gap.holds(onset)] = IN_UNSCORABLE_STRETCH
    reason[~in_window] = OUTSIDE_WINDOW
    stage = np.full(onset.size, UNSCORED, dtype=np.int8)
    in_sleep = np.zeros(onset.size, dtype=np.bool_)
    if at.whole_hypnogram is not None:
        stage = at.whole_hypnogram.stage_at(onset if rules.epoch_border == "new" else onset - 1)
        if rules.sleep_requirement == "any_part":
            covered = at.whole_hypnogram.sleep.covered_before
            in_sleep = covered(offset) > covered(onset)
        else:
            in_sleep = at.whole_hypnogram.sleep.holds(onset if rules.epoch_border == "new" else onset - 1)
        if rules.sleep_requirement != "none":
            reason[would_be & ~in_sleep] = NOT_IN_SLEEP
    elif rules.sleep_requirement != "none":
        reason[would_be] = STAGE_UNKNOWN
    is_countable = in_window & ~in_gap & ~dropped
    role = np.where(reason == CANDIDATE, kernels.CANDIDATE, kernels.IGNORED).astype(np.int8)
    interrupts = is_countable & (reason >= WITHOUT_DURATION) & (reason <= BILATERAL_TOO_LONG)
    role[interrupts] = kernels.INTERRUPTS
    return Combined(
        onset,
        offset,
        has_duration,
        is_assumed,
        truncated | open_at_edge,
        side,
        count,
        ~dropped,
        in_window,
        is_countable,
        reason,
        would_be,
        role,
        stage,
        in_sleep,
        at.gaps.onset_us.searchsorted(onset, side="right"),
    )


def respiratory_related(night: NightInput, rules: RuleSet, found: Combined) -> NDArray[np.bool_]:
    """Whether each combined movement lies in the window of a respiratory event.

    WASM/IRLSSG 2016: overlap with [end - 2.0 s, end + 10.25 s] of the END of the event, both ends inside (A7);
    AASM: from before the start to after the end; WASM 2006: around the end.
    """
    events = night.respiratory
    if events is None or rules.respiratory_rule == "none" or not events.onset_us.size:
        return np.zeros(found.onset_us.size, dtype=np.bool_)
    assert rules.respiratory_before_us is not None and rules.respiratory_after_us is not None
    kept = np.ones(events.onset_us.size, dtype=np.bool_) if rules.respiratory_includes_rera else ~events.is_rera
    anchor = events.offset_us if rules.respiratory_rule == "event_end" else events.onset_us
    # Open limits on whole microseconds: one microsecond further in.
    inward = 0 if rules.respiratory_limits_are_inside else 1
    low = anchor[kept] - rules.respiratory_before_us + inward
    high = events.offset_us[kept] + rules.respiratory_after_us - inward
    order = np.argsort(low, kind="stable")
    return kernels.touches_any(found.onset_us, found.offset_us, low[order], high[order])


def arousal_spans(night: NightInput, rules: RuleSet) -> tuple[Times, Times]:
    """Closed spans that a movement must meet to be associated with each arousal, sorted by their begin.

    Overlap, or a gap below the limit in either order; the limit itself is outside (A6).
    """
    assert night.arousals is not None and rules.arousal_gap_us is not None
    reach = rules.arousal_gap_us - (0 if rules.arousal_at_limit else 1)
    low, high = night.arousals.onset_us - reach, night.arousals.offset_us + reach
    order = np.lexsort((high, low))
    return low[order], high[order]
