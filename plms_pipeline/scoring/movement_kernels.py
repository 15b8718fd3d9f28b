"""Kernels over leg movements: joining, combining, series. All times are int64 microseconds, inputs sorted by onset."""

from __future__ import annotations

import numpy as np

from plms_pipeline._jit import jit, warms

# Roles of a combined movement in the building of series.
IGNORED, CANDIDATE, INTERRUPTS = 0, 1, 2
# Why a candidate is no PLM.
IS_PLM, NOT_CANDIDATE, SHORT_SERIES, IGNORED_SHORT_IMI = 0, 1, 2, 3
NO_IMI = -1


@jit
def join_same_leg(leg, onset, offset, truncated, below_us):  # type: ignore[no-untyped-def]
    """Join marks of one leg whose gap is below ``below_us`` (overlapping and nested marks included).

    Returns
    -------
    leg, onset, offset, truncated
        Joined movements in order of onset.
    """
    n = onset.size
    out_leg = np.empty(n, np.int8)
    out_on = np.empty(n, np.int64)
    out_off = np.empty(n, np.int64)
    out_trunc = np.empty(n, np.bool_)
    last = np.full(3, -1, np.int64)
    k = 0
    for i in range(n):
        j = last[leg[i]]
        if j >= 0 and onset[i] - out_off[j] < below_us:
            out_off[j] = max(out_off[j], offset[i])
            out_trunc[j] = out_trunc[j] or truncated[i]
        else:
            out_leg[k] = leg[i]
            out_on[k] = onset[i]
            out_off[k] = offset[i]
            out_trunc[k] = truncated[i]
            last[leg[i]] = k
            k += 1
    return out_leg[:k], out_on[:k], out_off[:k], out_trunc[:k]


@jit
def group_by_gap(onset, offset, below_us):  # type: ignore[no-untyped-def]
    """Group number of each movement when those with an offset-to-onset gap below ``below_us`` join, transitively."""
    n = onset.size
    group = np.empty(n, np.int64)
    current = -1
    end = np.int64(0)
    for i in range(n):
        if current >= 0 and onset[i] - end < below_us:
            end = max(end, offset[i])
        else:
            current += 1
            end = offset[i]
        group[i] = current
    return group


@jit
def group_by_onset(leg, onset, below_us):  # type: ignore[no-untyped-def]
    """Group number when the onsets of the two legs lie less than ``below_us`` apart.

    The earliest movement not yet taken opens a group and takes the first such movement of the other leg: one
    movement per leg, the distance measured from the first onset (open point A13).
    """
    n = onset.size
    group = np.full(n, -1, np.int64)
    current = -1
    for i in range(n):
        if group[i] >= 0:
            continue
        current += 1
        group[i] = current
        for j in range(i + 1, n):
            if onset[j] - onset[i] >= below_us:
                break
            if group[j] < 0 and leg[j] != leg[i]:
                group[j] = current
                break
    return group


@jit
def summarise_groups(group, leg, onset, offset, truncated):  # type: ignore[no-untyped-def]
    """Onset, offset, number of movements, longest movement, legs (bit 0 left, 1 right, 2 combined), truncated."""
    n = group.size
    k = 0
    for i in range(n):
        k = max(k, group[i] + 1)
    on = np.full(k, -1, np.int64)
    off = np.zeros(k, np.int64)
    count = np.zeros(k, np.int32)
    longest = np.zeros(k, np.int64)
    legs = np.zeros(k, np.int8)
    trunc = np.zeros(k, np.bool_)
    for i in range(n):
        g = group[i]
        if on[g] < 0:
            on[g] = onset[i]
        off[g] = max(off[g], offset[i])
        count[g] += 1
        longest[g] = max(longest[g], offset[i] - onset[i])
        legs[g] |= np.int8(1) << leg[i]
        trunc[g] = trunc[g] or truncated[i]
    return on, off, count, longest, legs, trunc


@jit
def build_series(onset, role, segment, imi_low, imi_high, ignore_later, short_may_start, min_clm):  # type: ignore[no-untyped-def]
    """Series of candidates.

    Parameters
    ----------
    onset, role, segment
        int64[n], int8[n] (`IGNORED`, `CANDIDATE`, `INTERRUPTS`), int64[n]; a change of ``segment`` is a gap.
    imi_low, imi_high
        Smallest and largest interval inside a series.
    ignore_later
        A candidate closer than ``imi_low`` is passed over and the interval runs on, instead of ending the series.
    short_may_start
        A candidate after a short interval may be the first of a new series (open point A1).
    min_clm
        Least number of candidates of a series.

    Returns
    -------
    imi_us
        int64[n], -1 where no interval is measured.
    series
        int32[n], 1.. for the series in order of onset, 0 outside one.
    reason
        int8[n], `IS_PLM` or why not.
    """
    n = onset.size
    imi = np.full(n, NO_IMI, np.int64)
    run = np.full(n, -1, np.int64)
    reason = np.full(n, NOT_CANDIDATE, np.int8)
    current = np.int64(-1)
    runs = np.int64(0)
    previous = -1
    for i in range(n):
        if role[i] == IGNORED:
            continue
        if role[i] == INTERRUPTS:
            previous = -1
            current = -1
            continue
        reason[i] = SHORT_SERIES
        if previous >= 0 and segment[previous] == segment[i]:
            gap = onset[i] - onset[previous]
            if gap < imi_low and ignore_later:
                reason[i] = IGNORED_SHORT_IMI
                continue
            imi[i] = gap
            if gap < imi_low and not short_may_start:
                current = -1
                previous = i
                continue
            if gap < imi_low or gap > imi_high or current < 0:
                current = runs
                runs += 1
        else:
            current = runs
            runs += 1
        run[i] = current
        previous = i
    length = np.zeros(runs, np.int64)
    for i in range(n):
        if run[i] >= 0:
            length[run[i]] += 1
    number = np.zeros(runs, np.int32)
    k = 0
    for r in range(runs):
        if length[r] >= min_clm:
            k += 1
            number[r] = k
    series = np.zeros(n, np.int32)
    for i in range(n):
        if run[i] >= 0 and number[run[i]] > 0:
            series[i] = number[run[i]]
            reason[i] = IS_PLM
    return imi, series, reason


@jit
def touches_any(onset, offset, span_low, span_high):  # type: ignore[no-untyped-def]
    """Whether a movement meets any closed span: onset <= high and offset >= low. Spans sorted by ``span_low``."""
    n = onset.size
    m = span_low.size
    out = np.zeros(n, np.bool_)
    for i in range(n):
        for j in range(m):
            if span_low[j] > offset[i]:
                break
            if span_high[j] >= onset[i]:
                out[i] = True
                break
    return out


@jit
def count_arousals(onset, offset, associated, low, high, pair_us):  # type: ignore[no-untyped-def]
    """Arousals that belong to at least one of the given movements, each once.

    With ``pair_us`` > 0 a movement whose onset follows that of the last one that counted by less than that adds
    none: of two PLM close together, each with an arousal, only the first arousal counts (AASM).
    """
    m = low.size
    taken = np.zeros(m, np.bool_)
    last = np.int64(-1)
    for i in range(onset.size):
        if not associated[i]:
            continue
        close = pair_us > 0 and last >= 0 and onset[i] - last < pair_us
        if not close:
            last = onset[i]
        for j in range(m):
            if low[j] > offset[i]:
                break
            if high[j] >= onset[i] and not close:
                taken[j] = True
    n = 0
    for j in range(m):
        if taken[j]:
            n += 1
    return n


@jit
def in_runs(flags, least):  # type: ignore[no-untyped-def]
    """Number of true entries in runs of at least ``least`` of them."""
    total = 0
    run = 0
    for flag in flags:
        if flag:
            run += 1
            continue
        if run >= least:
            total += run
        run = 0
    if run >= least:
        total += run
    return total


@jit
def histogram(values, edges):  # type: ignore[no-untyped-def]
    """Counts per bin [edge, next edge), the last bin closed (numpy.histogram's rule); int64[edges - 1].

    ``values`` sorted.
    """
    n = edges.size - 1
    counts = np.zeros(n, np.int64)
    k = 0
    for value in values:
        if value < edges[0] or value > edges[n]:
            continue
        while k < n - 1 and value >= edges[k + 1]:
            k += 1
        counts[k] += 1
    return counts


@jit
def lag_medians(left, right, around_us, steps):  # type: ignore[no-untyped-def]
    """Twice the median distance of each left movement to the nearest right one on a circle.

    Parameters
    ----------
    left, right
        int64[n], int64[m], sorted places in [0, ``around_us``), neither empty.
    around_us
        Length of the circle.
    steps
        Number of circular shifts of the right leg.

    Returns
    -------
    int64[steps + 1]
        Without a shift, then for each shift.
    """
    out = np.empty(steps + 1, np.int64)
    n = left.size
    m = right.size
    distance = np.empty(n, np.int64)
    for k in range(steps + 1):
        shift = around_us * k // (steps + 1)
        for i in range(n):
            place = (left[i] - shift) % around_us
            after = np.searchsorted(right, place)
            ahead = right[after] - place if after < m else right[0] + around_us - place
            behind = place - right[after - 1] if after > 0 else place + around_us - right[m - 1]
            distance[i] = min(ahead, behind)
        ordered = np.sort(distance)
        out[k] = ordered[(n - 1) // 2] + ordered[n // 2]
    return out


@warms
def warm_scoring() -> None:
    """Compile every kernel of this module."""
    times = np.array([0, 1], dtype=np.int64)
    leg = np.array([0, 1], dtype=np.int8)
    flags = np.zeros(2, dtype=np.bool_)
    join_same_leg(leg, times, times, flags, 1)
    group_by_gap(times, times, 1)
    summarise_groups(group_by_onset(leg, times, 1), leg, times, times, flags)
    build_series(times, leg, times, 1, 2, True, True, 4)
    touches_any(times, times, times, times)
    count_arousals(times, times, flags, times, times, 0)
    in_runs(flags, 1)
    histogram(times, times)
    lag_medians(times, times, 2, 1)
