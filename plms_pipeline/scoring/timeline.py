"""Time of a night: spans as sorted disjoint half-open intervals, the hypnogram, scorable and unscorable time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring import time_kernels
from plms_pipeline.scoring.inputs import (
    BOTH_LEGS,
    LEFT,
    RIGHT,
    SLEEP,
    UNSCORED,
    US_PER_H,
    WAKE,
    NightInput,
    Spans,
    Stages,
    Times,
    pick_stages,
    times,
)


class Intervals(NamedTuple):
    """Sorted disjoint half-open intervals and the time they cover before each of them."""

    onset_us: Times
    offset_us: Times
    before_us: Times  # int64[n + 1]

    @property
    def total_us(self) -> int:
        """Time covered by all of them."""
        return int(self.before_us[-1])

    def covered_before(self, at_us: Times) -> Times:
        """Time covered before each of the given moments."""
        return time_kernels.covered_before(self.onset_us, self.offset_us, self.before_us, at_us)

    def holds(self, at_us: Times) -> NDArray[np.bool_]:
        """Whether each moment lies inside one of them."""
        return time_kernels.holds(self.onset_us, self.offset_us, at_us)


def intervals(onset_us: Times, offset_us: Times) -> Intervals:
    """`Intervals` of sorted disjoint spans; empty ones and touching borders are merged away."""
    return Intervals(*time_kernels.join_touching(onset_us, offset_us))


def _cut(values: Times, low_us: int, high_us: int) -> Times:
    return np.minimum(np.maximum(values, low_us), high_us)


def merged(onset_us: Times, offset_us: Times, low_us: int, high_us: int) -> Intervals:
    """Union of any spans, cut to [low, high)."""
    on, off = _cut(onset_us, low_us, high_us), _cut(offset_us, low_us, high_us)
    order = np.argsort(on, kind="stable")
    return intervals(on[order], off[order])


def shared_us(spans: Intervals, others: Intervals) -> int:
    """Time that is in both."""
    if not spans.onset_us.size or not others.onset_us.size:
        return 0
    return int((others.covered_before(spans.offset_us) - others.covered_before(spans.onset_us)).sum())


def without(spans: Intervals, taken: Intervals) -> Intervals:
    """The part of ``spans`` that no interval of ``taken`` covers."""
    if not taken.onset_us.size or not spans.onset_us.size:
        return spans
    return intervals(*time_kernels.remaining(spans.onset_us, spans.offset_us, taken.onset_us, taken.offset_us))


class Hypnogram(NamedTuple):
    """Staging inside the analysis window.

    Attributes
    ----------
    onset_us, offset_us, stage
        Scored spans in order, cut to the window, without unscored ones.
    sleep, wake, staged
        Sleep of any stage, wake, both together.
    """

    onset_us: Times
    offset_us: Times
    stage: NDArray[np.int8]
    sleep: Intervals
    wake: Intervals
    staged: Intervals

    @property
    def sleep_onset_us(self) -> int | None:
        """Begin of the first sleep."""
        return int(self.sleep.onset_us[0]) if self.sleep.total_us else None

    @property
    def sleep_end_us(self) -> int | None:
        """End of the last sleep."""
        return int(self.sleep.offset_us[-1]) if self.sleep.total_us else None

    def stage_at(self, at_us: Times) -> NDArray[np.int8]:
        """Stage at each moment; a moment on a border belongs to the new epoch, one without a stage is U."""
        return time_kernels.values_at(self.onset_us, self.offset_us, self.stage, at_us, UNSCORED)

    def first_run_of_sleep(self, least_us: int) -> int | None:
        """Begin of the first uninterrupted sleep of at least ``least_us``."""
        long_enough = np.flatnonzero(self.sleep.offset_us - self.sleep.onset_us >= least_us)
        return int(self.sleep.onset_us[long_enough[0]]) if long_enough.size else None


def hypnogram(stages: Stages, low_us: int, high_us: int, *, sleep_wake_only: bool = False) -> Hypnogram:
    """The staging of [low, high); ``stages`` sorted and without overlap.

    With ``sleep_wake_only`` every sleep stage becomes S: the source told sleep from wake and no more.
    """
    on, off = _cut(stages.onset_us, low_us, high_us), _cut(stages.offset_us, low_us, high_us)
    kept = (off > on) & (stages.stage != UNSCORED)
    on, off, stage = on[kept], off[kept], stages.stage[kept]
    if sleep_wake_only:
        stage = np.where(stage == WAKE, WAKE, SLEEP).astype(np.int8)
    awake = stage == WAKE
    return Hypnogram(
        on,
        off,
        stage,
        intervals(on[~awake], off[~awake]),
        intervals(on[awake], off[awake]),
        intervals(on, off),
    )


def gaps_of(gaps: Spans, legs: Sequence[int], low_us: int, high_us: int) -> Intervals:
    """Time in [low, high) in which any of the given legs, or the whole recording, is not scorable."""
    concerned = gaps.leg == BOTH_LEGS
    for leg in legs:
        concerned |= gaps.leg == leg
    return merged(gaps.onset_us[concerned], gaps.offset_us[concerned], low_us, high_us)


class Frame(NamedTuple):
    """What every rule set of a night shares: window, legs that are scored, gaps and scorable time.

    Attributes
    ----------
    low_us, high_us
        The analysis window.
    legs_used
        both, left, right, combined or none, after a leg that is unscorable for most of the sleep was left out.
    is_one_leg
        The evidence is that of one leg.
    gaps
        Time in which not all of the used legs are scorable.
    all_legs_gap
        Time in which none of them is.
    edges_us
        Edges of the record, of the window and of the gaps inside and outside the window, sorted.
    hypnogram, whole_hypnogram
        Staging of the window and of the whole recording; None when nothing was staged.
    sleep_scorable, wake_scorable
        Sleep and wake without gaps.
    """

    low_us: int
    high_us: int
    legs_used: str
    is_one_leg: bool
    gaps: Intervals
    all_legs_gap: Intervals
    edges_us: Times
    hypnogram: Hypnogram | None
    whole_hypnogram: Hypnogram | None
    sleep_scorable: Intervals
    wake_scorable: Intervals
    unstaged: Intervals


_LEGS = {"both": (LEFT, RIGHT), "left": (LEFT,), "right": (RIGHT,), "combined": (LEFT, RIGHT, 2), "none": ()}


def frame(night: NightInput) -> Frame:
    """Window, gaps and scorable time of a checked night."""
    off, on = night.window
    low = 0 if off is None else min(max(off, 0), night.duration_us)
    high = night.duration_us if on is None else max(low, min(on, night.duration_us))
    scored = whole = None
    if night.stages is not None and night.stages_state != "not_scored":
        sleep_wake_only = night.stages_state == "sleep_wake_only"
        whole = hypnogram(night.stages, 0, night.duration_us, sleep_wake_only=sleep_wake_only)
        scored = hypnogram(night.stages, low, high, sleep_wake_only=sleep_wake_only)
    window = intervals(times([low]), times([high]))
    legs_used, is_one_leg = night.legs, night.legs in ("left", "right")
    per_leg = [gaps_of(night.gaps, (leg,), low, high) for leg in (LEFT, RIGHT)] if night.legs == "both" else []
    if night.movements is None:
        legs_used = "none"
    elif night.legs == "both":
        basis = scored.sleep if scored is not None and scored.sleep.total_us else window
        lost = [shared_us(basis, gaps) for gaps in per_leg]
        limit = night.evidence.one_leg_unscorable_fraction * basis.total_us
        bad = [value > limit for value in lost]
        is_one_leg = any(bad)
        if bad[LEFT] != bad[RIGHT]:
            legs_used = "right" if bad[LEFT] else "left"
    used = _LEGS[legs_used]
    gaps = window if legs_used == "none" else gaps_of(night.gaps, used, low, high)
    common = gaps
    if legs_used == "both":
        common = without(per_leg[LEFT], without(per_leg[LEFT], per_leg[RIGHT]))
    nothing = intervals(times([]), times([]))
    recorded = gaps_of(night.gaps, used, 0, night.duration_us)
    edges = np.concatenate((times([0, night.duration_us, low, high]), recorded.onset_us, recorded.offset_us))
    return Frame(
        low,
        high,
        legs_used,
        is_one_leg,
        gaps,
        common,
        np.unique(edges),
        scored,
        whole,
        nothing if scored is None else without(scored.sleep, gaps),
        nothing if scored is None else without(scored.wake, gaps),
        window if scored is None else without(window, scored.staged),
    )


class SleepTimes(NamedTuple):
    """Hours of the hypnogram inside the analysis window; None where it is not defined."""

    tib_h: float | None
    spt_h: float | None
    tst_h: float | None
    waso_h: float | None
    sleep_scorable_h: float | None
    unstaged_h: float


def sleep_times(night: NightInput, at: Frame) -> SleepTimes:
    """TIB, SPT, TST, WASO, scorable sleep and unstaged time.

    Time in bed is lights off to lights on and undefined without both; the sleep period runs from the first to the
    last epoch of sleep; TST is all scored sleep, scorable or not; WASO is the scored wake inside the sleep period.
    """
    known = None not in night.window
    tib = (at.high_us - at.low_us) / US_PER_H if known else None
    unstaged = at.unstaged.total_us / US_PER_H
    scored = at.hypnogram
    if scored is None:
        return SleepTimes(tib, None, None, None, None, unstaged)
    start, end = scored.sleep_onset_us, scored.sleep_end_us
    if start is None or end is None:
        return SleepTimes(tib, None, 0.0, None, 0.0, unstaged)
    wake = np.diff(scored.wake.covered_before(times([start, end])))[0]
    return SleepTimes(
        tib,
        (end - start) / US_PER_H,
        scored.sleep.total_us / US_PER_H,
        int(wake) / US_PER_H,
        at.sleep_scorable.total_us / US_PER_H,
        unstaged,
    )


def apnea_hypopnea_per_h(
    onset_us: object,
    types: Sequence[str],
    stages: Stages | None,
    window: tuple[int | None, int | None],
    duration_us: int,
) -> tuple[float | None, str | None]:
    """Apneas and hypopneas with onset in sleep per hour of total sleep time.

    Parameters
    ----------
    onset_us
        Onsets of the scored respiratory events, microseconds; int64[n].
    types
        Their types; ``apnea*`` and ``hypopnea*`` count, ``rera`` and others do not.
    stages
        None = not staged. Checked and sorted by the reader.
    window
        Lights off and on, each None when unknown.

    Returns
    -------
    value, reason
        Events per hour (AASM: apnea-hypopnea index), or None and a value of the code list ``index_reason``.
    """
    if stages is None:
        return None, "stages_not_scored"
    low = 0 if window[0] is None else max(window[0], 0)
    high = duration_us if window[1] is None else min(window[1], duration_us)
    order = np.argsort(stages.onset_us, kind="stable")
    sleep = hypnogram(pick_stages(stages, order), low, max(low, high)).sleep
    if not sleep.total_us:
        return None, "no_sleep"
    counted = np.array([kind.startswith(("apnea", "hypopnea")) for kind in types], dtype=np.bool_)
    return int(np.count_nonzero(sleep.holds(times(onset_us)) & counted)) * US_PER_H / sleep.total_us, None
