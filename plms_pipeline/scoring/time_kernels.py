"""Kernels over sorted disjoint half-open intervals; int64 microseconds."""

from __future__ import annotations

import numpy as np

from plms_pipeline._jit import jit, warms


@jit
def join_touching(onset, offset):  # type: ignore[no-untyped-def]
    """Sorted spans without empty ones, touching and overlapping ones joined; onsets, offsets, running sum [k + 1]."""
    n = onset.size
    on = np.empty(n, np.int64)
    off = np.empty(n, np.int64)
    before = np.zeros(n + 1, np.int64)
    k = 0
    for i in range(n):
        if offset[i] <= onset[i]:
            continue
        if k > 0 and onset[i] <= off[k - 1]:
            off[k - 1] = max(off[k - 1], offset[i])
        else:
            on[k] = onset[i]
            off[k] = offset[i]
            k += 1
        before[k] = before[k - 1] + off[k - 1] - on[k - 1]
    return on[:k], off[:k], before[: k + 1]


@jit
def remaining(onset, offset, taken_onset, taken_offset):  # type: ignore[no-untyped-def]
    """Parts of sorted disjoint intervals that no other of such intervals covers."""
    n = onset.size
    m = taken_onset.size
    on = np.empty(n + m, np.int64)
    off = np.empty(n + m, np.int64)
    k = 0
    first = 0
    for i in range(n):
        at = onset[i]
        while first < m and taken_offset[first] <= at:
            first += 1
        j = first
        while j < m and taken_onset[j] < offset[i]:
            if taken_onset[j] > at:
                on[k] = at
                off[k] = taken_onset[j]
                k += 1
            at = max(at, taken_offset[j])
            j += 1
        if at < offset[i]:
            on[k] = at
            off[k] = offset[i]
            k += 1
    return on[:k], off[:k]


@jit
def covered_before(onset, offset, before, at):  # type: ignore[no-untyped-def]
    """Time that the intervals cover before each moment of ``at``; ``before`` is their running sum, int64[n + 1]."""
    out = np.zeros(at.size, np.int64)
    for i in range(at.size):
        k = np.searchsorted(onset, at[i], side="right") - 1
        if k >= 0:
            out[i] = before[k] + min(at[i], offset[k]) - onset[k]
    return out


@jit
def holds(onset, offset, at):  # type: ignore[no-untyped-def]
    """Whether each moment of ``at`` lies inside an interval."""
    out = np.zeros(at.size, np.bool_)
    for i in range(at.size):
        k = np.searchsorted(onset, at[i], side="right") - 1
        out[i] = k >= 0 and at[i] < offset[k]
    return out


@jit
def values_at(onset, offset, values, at, otherwise):  # type: ignore[no-untyped-def]
    """Value of the interval that holds each moment of ``at``, ``otherwise`` where none does."""
    out = np.full(at.size, otherwise, values.dtype)
    for i in range(at.size):
        k = np.searchsorted(onset, at[i], side="right") - 1
        if k >= 0 and at[i] < offset[k]:
            out[i] = values[k]
    return out


@warms
def warm_time() -> None:
    """Compile every kernel of this module."""
    times = np.array([0, 1], dtype=np.int64)
    join_touching(times, times)
    remaining(times, times, times, times)
    covered_before(times, times, times, times)
    holds(times, times, times)
    values_at(times, times, times.astype(np.int8), times, 0)
