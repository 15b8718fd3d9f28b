"""Evidence class of a night and the interval [lo, hi] of an index (what unscorable and unstaged time can hide)."""

from __future__ import annotations

from typing import NamedTuple

from plms_pipeline.scoring.inputs import US_PER_H, US_PER_S, EvidenceSettings
from plms_pipeline.scoring.timeline import Frame, shared_us

EVIDENCE_CLASSES = ("none", "combined", "one_leg", "partial", "full")


class Exposure(NamedTuple):
    """Time behind an index, microseconds, and edges of gaps inside the window.

    Attributes
    ----------
    scorable_us, unscorable_us
        Sleep that is scorable and that is not (v, u).
    unstaged_us, unstaged_unscorable_us
        Window time without a stage (w) and the part of it that is not scorable either.
    edges
        Edges of gaps inside the window, in any stage (e).
    """

    scorable_us: int
    unscorable_us: int
    unstaged_us: int
    unstaged_unscorable_us: int
    edges: int
    is_staged: bool


def exposure(at: Frame) -> Exposure:
    """`Exposure` of a night."""
    sleep = 0 if at.hypnogram is None else at.hypnogram.sleep.total_us
    scorable = at.sleep_scorable.total_us
    lost = shared_us(at.unstaged, at.gaps)
    edges = int((at.gaps.onset_us > at.low_us).sum() + (at.gaps.offset_us < at.high_us).sum())
    return Exposure(scorable, sleep - scorable, at.unstaged.total_us, lost, edges, at.hypnogram is not None)


class Bounds(NamedTuple):
    """Interval of an index per hour; both None when the night holds no sleep at all."""

    lo_per_h: float | None
    hi_per_h: float | None


def bounds(
    time: Exposure,
    n: int,
    n_unstaged: int,
    imi_min_us: int,
    settings: EvidenceSettings,
    *,
    bounds_nothing: bool,
    has_point: bool,
) -> Bounds:
    """The interval of a PLMS index.

    Parameters
    ----------
    time
        Scorable, unscorable and unstaged time.
    n, n_unstaged
        PLMS and PLM in unstaged time; candidates in their place when the point is unknown.
    imi_min_us
        Shortest interval of the rule set: no index exceeds one movement per such interval.
    settings
        Movements that each edge of a gap may take from or add to the count.
    bounds_nothing
        One leg, one combined channel or no leg: the other leg can add movements or break series, so [0, r].
    has_point
        Whether the point is known; without it lo is 0.

    Returns
    -------
    Bounds
        lo = max(0, n - 4e) / (v + u + w); hi = min(r, (n + m + r u + 3e) / (v + u)), never below the point
        n / v. Unstaged time that is also unscorable counts in w for lo and in u for hi.
    """
    most = 3600 * US_PER_S / imi_min_us
    sleep = time.scorable_us + time.unscorable_us
    if sleep + time.unstaged_us == 0:
        return Bounds(None, None)
    # Less than a minute of sleep can hold more than an endless train has per hour.
    point = n * US_PER_H / time.scorable_us if has_point and time.scorable_us else 0.0
    if bounds_nothing or sleep == 0 or not time.is_staged:
        return Bounds(0.0, max(most, point))
    # Whole microseconds until the one division, as the point is computed: so rounding never puts lo above it.
    least = max(0, n - settings.lo_movements_per_edge * time.edges)
    lo = least * US_PER_H / (sleep + time.unstaged_us) if has_point else 0.0
    hidden = time.unscorable_us + time.unstaged_unscorable_us
    counted = n + n_unstaged + settings.hi_movements_per_edge * time.edges
    hi = min(most, (counted * US_PER_H + most * hidden) / (time.scorable_us + hidden))
    return Bounds(lo, max(hi, point))


def evidence_class(at: Frame, time: Exposure, settings: EvidenceSettings, *, has_durations: bool) -> str:
    """The first of none, combined, one_leg, partial, full that applies."""
    if at.legs_used == "none" or not time.is_staged or not time.scorable_us:
        return "none"
    if at.legs_used == "combined":
        return "combined"
    if at.is_one_leg:
        return "one_leg"
    sleep = time.scorable_us + time.unscorable_us
    is_full = (
        has_durations
        and time.scorable_us >= settings.full_min_scorable_fraction * sleep
        and time.scorable_us >= settings.full_min_scorable_sleep_us
        and at.high_us - at.low_us - time.unstaged_us >= settings.full_min_staged_fraction * (at.high_us - at.low_us)
    )
    return "full" if is_full else "partial"
