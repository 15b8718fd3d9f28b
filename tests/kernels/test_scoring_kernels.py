"""Kernels of the scoring room against numpy and plain loops."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline.scoring import movement_kernels, time_kernels

MOMENTS = st.lists(st.integers(-5, 60), max_size=12)


def disjoint(cuts):
    """Sorted disjoint spans, some touching, from any numbers."""
    edges = sorted({cut for cut in cuts if cut >= 0})
    on, off = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    return np.array(on, np.int64), np.array(off, np.int64)


def moments_in(on, off):
    """Every whole microsecond inside any of the spans."""
    return {t for a, b in zip(on.tolist(), off.tolist(), strict=True) for t in range(a, b)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=8))
def test_join_touching_is_the_union_in_fewest_spans(spans):
    on = np.array(sorted(a for a, _ in spans), np.int64)
    off = on + np.array([length for _, length in spans], np.int64)
    joined_on, joined_off, before = time_kernels.join_touching(on, off)
    assert moments_in(joined_on, joined_off) == moments_in(on, off)
    assert (joined_on[1:] > joined_off[:-1]).all() and (joined_off > joined_on).all()
    assert before.tolist() == [0, *np.cumsum(joined_off - joined_on).tolist()]


@settings(deadline=None)
@given(MOMENTS, MOMENTS)
def test_remaining_is_the_difference(cuts, taken):
    spans, others = disjoint(cuts), disjoint(taken)
    on, off = time_kernels.remaining(*spans, *others)
    assert moments_in(on, off) == moments_in(*spans) - moments_in(*others)
    assert (on[1:] >= off[:-1]).all() and (off > on).all()


@settings(deadline=None)
@given(MOMENTS, MOMENTS)
def test_covered_before_and_holds_count_single_microseconds(cuts, at):
    on, off = disjoint(cuts)
    inside = moments_in(on, off)
    before = np.concatenate(([0], np.cumsum(off - on))).astype(np.int64)
    moments = np.array(at, np.int64)
    covered = time_kernels.covered_before(on, off, before, moments)
    assert covered.tolist() == [sum(t < moment for t in inside) for moment in at]
    assert time_kernels.holds(on, off, moments).tolist() == [moment in inside for moment in at]


@settings(deadline=None)
@given(MOMENTS, MOMENTS)
def test_values_at_is_the_span_that_holds_the_moment(cuts, at):
    on, off = disjoint(cuts)
    values = np.arange(on.size, dtype=np.int8)
    found = time_kernels.values_at(on, off, values, np.array(at, np.int64), 99)
    expected = [[k for k in range(on.size) if on[k] <= moment < off[k]] or [99] for moment in at]
    assert found.tolist() == [ks[0] for ks in expected]
    assert found.dtype == np.int8


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), max_size=30), st.sets(st.integers(0, 90), min_size=2, max_size=8))
def test_histogram_is_that_of_numpy(values, edges):
    ordered, borders = np.array(sorted(values), np.int64), np.array(sorted(edges), np.int64)
    assert movement_kernels.histogram(ordered, borders).tolist() == np.histogram(ordered, borders)[0].tolist()


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 5))
def test_in_runs_counts_long_runs_only(flags, least):
    lengths = [len(list(run)) for flag, run in groupby(flags) if flag]
    counted = sum(length for length in lengths if length >= least)
    assert movement_kernels.in_runs(np.array(flags, np.bool_), least) == counted
