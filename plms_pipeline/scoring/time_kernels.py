"""Kernels over sorted disjoint half-open intervals; int64 microseconds."""

from __future__ import annotations

import numpy as np

from plms_pipeline._jit import jit, warms


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
    covered_before(times, times, times, times)
    holds(times, times, times)
    values_at(times, times, times.astype(np.int8), times, 0)
