"""Long railed, flat and missing runs against a group-by of numpy."""

from itertools import groupby

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline.emg.quality_kernels import long_runs, true_runs

VALUES = st.lists(st.sampled_from([-5.0, 0.0, 1.0, 5.0, np.nan]), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(2, 5), st.integers(2, 5))
def test_long_runs(values: list[float], n_railed: int, n_flat: int) -> None:
    x = np.array(values)
    runs, at_limit, missing = long_runs(x, -5.0, 5.0, n_railed, n_flat)
    railed, flat, i = [], [], 0
    for kind, group in groupby(values, key=lambda v: "railed" if abs(v) == 5.0 else v):
        n = len(list(group))
        if kind == "railed" and n >= n_railed:
            railed.append([i, i + n, 1])
        elif kind in (0.0, 1.0) and n >= n_flat:
            flat.append([i, i + n, 2])
        i += n
    assert sorted(runs.tolist()) == sorted(railed + flat)
    assert at_limit == np.count_nonzero(np.abs(x) == 5.0)
    assert missing == np.count_nonzero(np.isnan(x))


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
