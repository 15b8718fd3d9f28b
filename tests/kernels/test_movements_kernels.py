"""The +8/+2 µV state machine against a slow reading of the rule."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline.emg.movements_kernels import find_movements, level_at, morphology

# Levels around the two thresholds, thresholds themselves included.
ENVELOPES = hnp.arrays(np.float64, st.integers(1, 70), elements=st.sampled_from([1.0, 3.0, 3.1, 8.9, 9.0, 12.0, 40.0]))
N_QUIET = 5


def flat_rest(n: int, n_block: int = 10) -> np.ndarray:
    return np.ones(-(-n // n_block))


def oracle(e: np.ndarray, usable: np.ndarray) -> list[tuple[int, int, bool, float]]:
    """Movements by the text of the rule: rest 1, onset at 9, offset = start of the first N_QUIET samples at most 3."""
    found = []
    edges = [0, *(np.flatnonzero(np.diff(usable.astype(int))) + 1), e.size]
    for first, last in pairwise(edges):
        i = first
        while usable[first] and i < last:
            if e[i] < 9.0:
                i += 1
                continue
            quiet = [j for j in range(i, last - N_QUIET + 1) if np.all(e[j : j + N_QUIET] <= 3.0)]
            tail = last - np.argmax(np.append(e[i:last][::-1] > 3.0, True))
            end = quiet[0] if quiet else tail
            opens = not np.any(e[first:i] <= 3.0) and all(f[1] <= first for f in found)
            found.append((i, end, opens or not quiet, e[i:end].max()))
            i = quiet[0] + N_QUIET if quiet else last
    return found


@settings(max_examples=150, deadline=None)
@given(ENVELOPES, st.data())
def test_wasm2016_onset_at_8_offset_at_2_for_half_a_second(e: np.ndarray, data: st.DataObject) -> None:
    rest = flat_rest(e.size)
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=rest.size, max_size=rest.size)))
    table, peak = find_movements(e, rest, usable, 10, 8.0, 2.0, N_QUIET)
    got = [(int(a), int(b), bool(c), float(p)) for (a, b, c), p in zip(table, peak, strict=True)]
    assert got == oracle(e, np.repeat(usable, 10)[: e.size])


def test_equal_to_the_thresholds_onset_counts_offset_does_not_exceed() -> None:
    e = np.array([1.0] * 10 + [9.0] + [3.0] * 10)
    table, _ = find_movements(e, flat_rest(e.size), np.ones(3, dtype=bool), 10, 8.0, 2.0, N_QUIET)
    assert table.tolist() == [[10, 11, 0]]


def test_more_movements_than_the_first_table_holds() -> None:
    e = np.tile([1.0] * 6 + [20.0], 5000)
    rest = flat_rest(e.size, 100)
    table, peak = find_movements(e, rest, np.ones(rest.size, dtype=bool), 100, 8.0, 2.0, N_QUIET)
    assert len(table) == len(peak) == 5000
    assert table[-1].tolist() == [34_999, 35_000, 1]


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(0.5, 20.0)), st.integers(1, 9))
def test_level_is_linear_between_block_centres(rest: np.ndarray, n_block: int) -> None:
    centres = (np.arange(rest.size) + 0.5) * n_block - 0.5
    samples = np.arange(rest.size * n_block)
    got = [level_at(int(i), rest, n_block) for i in samples]
    np.testing.assert_allclose(got, np.interp(samples, centres, rest), rtol=1e-9)


@settings(max_examples=80, deadline=None)
@given(ENVELOPES, st.integers(1, 9))
def test_wasm2016_morphology_median_of_some_window(e: np.ndarray, n_window: int) -> None:
    windows = [np.sort(e[i : i + n_window])[n_window // 2] for i in range(e.size - n_window + 1)]
    got = morphology(e, flat_rest(e.size), 10, np.array([0]), np.array([e.size]), 2.0, n_window)
    assert got.tolist() == [any(m >= 3.0 for m in windows)]
