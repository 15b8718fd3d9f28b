"""Pairs of movements of two scorings: an oracle that tries everything, and the properties a matching must have."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import scoring

Spans = list[tuple[int, int]]


def pairs(a: Spans, b: Spans, tolerance: int = 3) -> list[tuple[int, int]]:
    columns = [np.array([row[k] for row in rows], dtype=np.int64) for rows in (a, b) for k in (0, 1)]
    return [tuple(row) for row in scoring.match(*columns, tolerance).tolist()]


def can_pair(a: tuple[int, int], b: tuple[int, int], tolerance: int) -> bool:
    end_a, end_b = (row[0] if row[1] == -1 else row[1] for row in (a, b))
    return max(a[0] - end_b, b[0] - end_a) < tolerance


def most_pairs(a: Spans, b: Spans, tolerance: int) -> int:
    """The largest matching, by trying all."""
    if not a:
        return 0
    rest = most_pairs(a[1:], b, tolerance)
    for j, other in enumerate(b):
        if can_pair(a[0], other, tolerance):
            rest = max(rest, 1 + most_pairs(a[1:], b[:j] + b[j + 1 :], tolerance))
    return rest


@st.composite
def movements(draw: st.DrawFn) -> Spans:
    """Up to six movements that do not overlap, some of them without a duration."""
    cuts = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
    cuts = cuts[: len(cuts) // 2 * 2]
    spans = zip(cuts[0::2], cuts[1::2], strict=True)
    return [(on, -1 if draw(st.booleans()) and off - on < 3 else off) for on, off in spans]


@settings(deadline=None)
@given(movements(), movements(), st.integers(1, 5))
def test_as_many_pairs_as_possible_each_movement_once_in_order(a: Spans, b: Spans, tolerance: int) -> None:
    found = pairs(a, b, tolerance)
    assert all(can_pair(a[i], b[j], tolerance) for i, j in found)
    assert all(i < k and j < m for (i, j), (k, m) in itertools.pairwise(found))
    assert len(found) == most_pairs(a, b, tolerance)


@settings(deadline=None)
@given(movements(), movements())
def test_who_is_first_does_not_matter(a: Spans, b: Spans) -> None:
    assert len(pairs(a, b)) == len(pairs(b, a))


def test_overlap_gap_below_and_at_the_tolerance() -> None:
    assert pairs([(0, 10)], [(9, 20)]) == [(0, 0)]
    assert pairs([(0, 10)], [(12, 20)]) == [(0, 0)]
    assert pairs([(0, 10)], [(13, 20)]) == []
    assert pairs([(0, 10)], [(11, -1)]) == [(0, 0)]
    assert pairs([(5, -1)], [(5, -1)]) == [(0, 0)]
    assert pairs([], [(5, -1)]) == []


def test_one_long_movement_takes_one_partner() -> None:
    assert pairs([(0, 100)], [(1, 2), (50, 52), (99, 120)]) == [(0, 0)]
