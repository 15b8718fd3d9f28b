"""Long railed, flat and missing runs against a group-by of numpy."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import night
from plms_pipeline.emg.quality import clipped_blocks, crackle_blocks, mains_blocks
from plms_pipeline.emg.quality_kernels import long_runs, true_runs

DETECTOR = night.load_detector()
# Runs of one value; beyond the limits as well as at them.
VALUES = st.sampled_from([-9.0, -5.0, 0.0, 1.0, 2.0, 5.0, 7.0, np.nan])
RUNS = st.lists(st.tuples(VALUES, st.integers(1, 30)), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(RUNS, st.integers(2, 24), st.integers(2, 24), st.sampled_from([5.0, np.inf]))
def test_long_runs(parts: list[tuple[float, int]], n_railed: int, n_flat: int, limit: float) -> None:
    values = [v for v, n in parts for _ in range(n)]
    x = np.array(values)
    runs, at_limit, missing = long_runs(x, -limit, limit, n_railed, n_flat)
    expected, i = [], 0
    for kind, group in groupby(values, key=lambda v: "missing" if np.isnan(v) else "railed" if abs(v) >= limit else v):
        n = len(list(group))
        if kind == "railed" and n >= n_railed:
            expected.append([i, i + n, 1])
        elif not isinstance(kind, str) and n >= n_flat:
            expected.append([i, i + n, 2])
        i += n
    assert sorted(runs.tolist()) == expected
    assert at_limit == np.count_nonzero(np.abs(x) >= limit)
    assert missing == np.count_nonzero(np.isnan(x))


@pytest.mark.parametrize("value", [0.3, 5.0])
@pytest.mark.parametrize("length", [39, 40, 41])
def test_a_run_of_just_the_length_is_found_wherever_it_begins(value: float, length: int) -> None:
    noise = np.random.default_rng(1).uniform(-1.0, 1.0, 200).astype(np.float32)
    for first in range(0, 200 - length):
        x = noise.copy()
        x[first : first + length] = value
        runs, at_limit, _ = long_runs(x, -5.0, 5.0, 40, 40)
        kind = 1 if value == 5.0 else 2
        assert runs.tolist() == ([[first, first + length, kind]] if length >= 40 else [])
        assert at_limit == (length if kind == 1 else 0)


def test_more_runs_than_the_first_table_holds() -> None:
    runs, _, _ = long_runs(np.tile([0.0, 0.0, 1.0], 100), -np.inf, np.inf, 2, 2)
    assert len(runs) == 100


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4))
def test_true_runs(flags: list[bool], n_least: int) -> None:
    expected, i = [], 0
    for value, group in groupby(flags):
        n = len(list(group))
        if value and n >= n_least:
            expected.append([i, i + n])
        i += n
    assert true_runs(np.array(flags, dtype=bool), n_least).tolist() == expected


def test_clipped_blocks_hold_a_sample_at_a_limit_and_the_last_takes_the_rest() -> None:
    x = np.zeros(35, dtype=np.float32)
    x[[3, 34]] = [-100.0, 100.0]
    assert clipped_blocks(x, 10, 3, -100.0, 100.0).tolist() == [True, False, True]
    assert clipped_blocks(x, 10, 3, None, 100.0).tolist() == [False, False, True]
    assert not clipped_blocks(x, 10, 3, None, None).any()


def test_crackle_stands_out_of_a_resting_block_not_beside_activity() -> None:
    robust = np.full(8, 1.0)
    plain = np.array([1.0, 3.0, 1.3, 1.0, 3.0, 3.0, 3.0, 1.0])
    active = np.arange(8) == 5
    assert np.flatnonzero(crackle_blocks(robust, plain, active, DETECTOR)).tolist() == [1]
    assert not crackle_blocks(0.1 * robust, 0.1 * plain, active, DETECTOR).any()


def test_a_line_is_flagged_at_rest_where_it_stands_out_of_the_emg() -> None:
    line = np.array([0.1, 0.5, 5.0, 0.5, 5.0])
    rest = np.array([0.5, 0.5, 0.5, 5.0, 5.0])
    got = mains_blocks(line, rest, np.array([False, False, True, False, False]), 90.0, DETECTOR)
    assert got.tolist() == [False, True, False, False, True]
