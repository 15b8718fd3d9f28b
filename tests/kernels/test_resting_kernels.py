"""Resting level: openings, tone or burst, and the mean of the rest, against scipy and plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from plms_pipeline import night
from plms_pipeline.emg.resting import opening, resting_level
from plms_pipeline.emg.resting_kernels import choose_tone, mean_of_rest, rise_blocks

DETECTOR = night.load_detector()
# Amplitudes on a grid of 1/64 µV: sums of their squares are exact.
BLOCKS = hnp.arrays(np.float64, st.integers(1, 80), elements=st.integers(1, 4000).map(lambda v: v / 64.0))
TONES = st.sampled_from([0.5, 1.0, 1.25, 1.5, 3.0, 12.0])


@settings(max_examples=80, deadline=None)
@given(BLOCKS, st.integers(1, 40))
def test_opening_is_the_grey_opening(a: np.ndarray, n: int) -> None:
    size = min(2 * (n // 2) + 1, 2 * a.size - 1)
    np.testing.assert_array_equal(opening(a, n), ndimage.grey_opening(a, size=size, mode="mirror"))


@settings(max_examples=80, deadline=None)
@given(BLOCKS, st.integers(1, 20))
def test_opening_is_the_highest_level_held_around_a_value(a: np.ndarray, n: int) -> None:
    size = 2 * (n // 2) + 1
    got = opening(a, n)
    for k in range(size - 1, a.size - size + 1):
        assert got[k] == max(a[j : j + size].min() for j in range(k - size + 1, k + 1))
    assert (got <= a).all()


def rise(values: list[float], low: float, high: float) -> int:
    """Steps from the last value at ``low`` or less to the first one at ``high``; all values when it is not reached."""
    top = next((k for k, v in enumerate(values) if v >= high), None)
    if top is None:
        return len(values)
    return top - max([k for k in range(top) if values[k] <= low], default=0)


@settings(max_examples=80, deadline=None)
@given(BLOCKS, st.floats(0.0, 20.0), st.floats(0.0, 30.0))
def test_blocks_of_a_rise_read_forwards_and_backwards(a: np.ndarray, low: float, more: float) -> None:
    assert rise_blocks(a, 0, a.size, 1, low, low + more) == rise(a.tolist(), low, low + more)
    assert rise_blocks(a, a.size - 1, -1, -1, low, low + more) == rise(a.tolist()[::-1], low, low + more)


def plain_tone(s: np.ndarray, fast: np.ndarray, slow: np.ndarray, n_edge: int, n_margin: int) -> np.ndarray:
    """Fast level, but the slow one in stretches that reach +8 µV and rise or fall within ``n_edge`` blocks."""
    differs = fast > np.maximum(slow + 1.0, slow * 1.25)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], differs.astype(int), [0]]))).reshape(-1, 2)
    out = fast.copy()
    for a, b in edges:
        if (fast - slow)[a:b].max() < 8.0:
            continue
        around = s[max(0, a - n_margin) : b + n_margin].tolist()
        up = rise(around, slow[a] + 2.0, slow[a] + 8.0)
        down = rise(around[::-1], slow[b - 1] + 2.0, slow[b - 1] + 8.0)
        if min(up, down) <= n_edge:
            out[a:b] = slow[a:b]
    return out


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 4.0, 9.0, 9.5, 20.0, 60.0]), st.integers(1, 15), st.integers(0, 10)),
        min_size=1,
        max_size=7,
    ),
    st.integers(1, 12),
    st.integers(1, 8),
    st.integers(0, 12),
)
def test_tone_is_fast_but_for_stretches_that_rise_like_a_movement(
    plateaus: list[tuple[float, int, int]], n_fast: int, n_edge: int, n_margin: int
) -> None:
    level: list[float] = [1.0]
    for value, length, ramp in plateaus:
        level += list(np.linspace(level[-1], value, ramp + 2))[1:] + [value] * length
    s = np.array(level)
    fast = opening(s, n_fast)
    slow = np.minimum(fast, opening(s, 3 * n_fast))
    got = choose_tone(s, fast, slow, 8.0, 2.0, 1.0, 1.25, n_edge, n_margin)
    np.testing.assert_array_equal(got, plain_tone(s, fast, slow, n_edge, n_margin))


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.data(), st.integers(0, 12), st.integers(1, 4))
def test_rest_is_the_mean_of_resting_blocks_near_and_of_the_same_tone(
    a: np.ndarray, data: st.DataObject, half: int, n_least: int
) -> None:
    runs = data.draw(st.lists(st.tuples(TONES, st.integers(1, 20)), min_size=1, max_size=12))
    tone = np.resize(np.concatenate([np.full(n, v) for v, n in runs]), a.size)
    active = np.array(data.draw(st.lists(st.booleans(), min_size=a.size, max_size=a.size)))
    got = mean_of_rest(a, tone, active, half, n_least, 0.1, 0.25)
    for k in range(a.size):
        same = np.abs(tone - tone[k]) <= 0.1 + 0.25 * tone[k]
        first = last = k
        while first > max(0, k - half) and same[first - 1]:
            first -= 1
        while last < min(a.size - 1, k + half) and same[last + 1]:
            last += 1
        resting = a[first : last + 1][~active[first : last + 1]]
        expected = np.sqrt(np.square(resting).sum() / resting.size) if resting.size >= n_least else tone[k]
        assert got[k] == pytest.approx(expected, rel=1e-12)


def test_the_mean_of_rest_after_a_loud_stretch_is_that_without_it() -> None:
    a = np.concatenate([np.full(50, 2e4), np.full(50, 0.25)])
    got = mean_of_rest(a, np.full(100, 0.25), np.zeros(100, dtype=bool), 10, 1, 0.1, 0.25)
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got[61:], 0.25)


def steps(*parts: tuple[float, float]) -> np.ndarray:
    """Amplitude of blocks with levels (µV) that hold for a time (s), with a little noise."""
    level = np.repeat([v for v, _ in parts], [round(t / DETECTOR.rest_block_s) for _, t in parts])
    return level * (1.0 + 0.05 * np.sin(np.arange(level.size) * 2.4))


@pytest.mark.parametrize("length_s", [3.0, 10.0, 15.0, 25.0, 40.0])
def test_a_burst_does_not_raise_the_resting_level(length_s: float) -> None:
    rest = resting_level(steps((1.0, 80.0), (40.0, length_s), (1.0, 80.0)), DETECTOR)
    np.testing.assert_allclose(rest.level_uv, 1.0, rtol=0.1)
    assert rest.is_active.sum() == round(length_s / DETECTOR.rest_block_s)
    assert not rest.is_change.any()


@pytest.mark.parametrize(("level_uv", "length_s"), [(4.0, 15.0), (6.0, 20.0), (6.0, 90.0), (25.0, 90.0)])
def test_tone_is_followed_at_once_and_both_ways(level_uv: float, length_s: float) -> None:
    a = steps((1.0, 80.0), (level_uv, length_s), (1.0, 80.0))
    rest = resting_level(a, DETECTOR)
    far = np.abs(np.arange(a.size)[:, None] - np.flatnonzero(np.abs(np.diff(a)) > 1.0)).min(axis=1) > 4
    np.testing.assert_allclose(rest.level_uv[far], np.where(a > 2.0, level_uv, 1.0)[far], rtol=0.1)
    assert rest.is_change.sum() >= 2


def test_a_slow_rise_is_followed() -> None:
    a = np.linspace(1.0, 10.0, 400)
    np.testing.assert_allclose(resting_level(a, DETECTOR).level_uv[20:-20], a[20:-20], rtol=0.2)


@settings(max_examples=60, deadline=None)
@given(BLOCKS)
def test_every_input_has_a_finite_level(a: np.ndarray) -> None:
    rest = resting_level(a, DETECTOR)
    assert rest.level_uv.shape == rest.is_active.shape == rest.is_change.shape == a.shape
    assert np.isfinite(rest.level_uv).all()
    assert (rest.level_uv >= 0.0).all()


def test_silence_rests_at_zero() -> None:
    rest = resting_level(np.zeros(40), DETECTOR)
    assert not rest.level_uv.any()
    assert not rest.is_active.any()
