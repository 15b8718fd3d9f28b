"""Power of ticks and means that a transient cannot lift, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline import night
from plms_pipeline.emg.envelope import LIMIT_UV, amplitude, make_grid, ticks_of, trimmed_gain
from plms_pipeline.emg.envelope_kernels import block_power, robust_mean, tick_power

from . import plain_rule as plain

DETECTOR = night.load_detector()
# Whole numbers up to 2**20: their squares and the sums of these are exact in float64.
SIGNALS = hnp.arrays(np.float32, st.integers(0, 80), elements=st.integers(-(2**20), 2**20).map(float))
POWERS = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(0, 2**30).map(float))


@settings(max_examples=60, deadline=None)
@given(SIGNALS, st.integers(1, 12), st.booleans(), st.sampled_from([1000.0, 2.0**21]))
def test_tick_power_is_the_mean_of_whole_ticks(x: np.ndarray, n_tick: int, is_rms: bool, limit: float) -> None:
    v = np.clip(x.astype(np.float64), -limit, limit)
    whole = v[: x.size // n_tick * n_tick].reshape(-1, n_tick)
    expected = (np.square(whole) if is_rms else np.abs(whole)).sum(axis=1) / n_tick
    np.testing.assert_array_equal(tick_power(x, n_tick, is_rms, limit), expected)


@settings(max_examples=80, deadline=None)
@given(POWERS, st.data(), st.integers(0, 9), st.sampled_from([1.0, 1.5, 4.0]))
def test_robust_mean_leaves_out_the_largest(p: np.ndarray, data: st.DataObject, n_top: int, gain: float) -> None:
    first = data.draw(st.integers(0, p.size - 1))
    last = data.draw(st.integers(first + 1, p.size))
    top = np.full(n_top + 1, 7.0)
    assert robust_mean(p, first, last, n_top, gain, top) == plain.robust(p[first:last], n_top, gain)


@settings(max_examples=60, deadline=None)
@given(POWERS, st.integers(1, 9), st.integers(0, 4), st.sampled_from([1.0, 2.0]))
def test_blocks_are_robust_and_plain_means_and_the_last_takes_the_rest(
    p: np.ndarray, n_block: int, n_top: int, gain: float
) -> None:
    n = max(1, p.size // n_block)
    blocks = [p[b * n_block : p.size if b == n - 1 else (b + 1) * n_block] for b in range(n)]
    robust, means = block_power(p, n_block, n_top, gain)
    np.testing.assert_array_equal(robust, [plain.robust(b, n_top, gain) for b in blocks])
    np.testing.assert_array_equal(means, [b.sum() / b.size for b in blocks])


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.0, 1e-40, 1e-9, 1.0, 1e9, 1e30])),
    st.integers(0, 5),
)
def test_a_robust_mean_is_never_negative_nor_above_the_mean(p: np.ndarray, n_top: int) -> None:
    got = robust_mean(p, 0, p.size, n_top, 1.5, np.zeros(n_top + 1))
    assert 0.0 <= got <= p.sum() / p.size * (1.0 + 1e-12)


def test_a_tick_does_not_know_the_loud_one_before_it() -> None:
    x = np.concatenate([np.full(10, 3e4), np.full(10, 1e-3)]).astype(np.float32)
    assert np.array_equal(tick_power(x, 5, True, LIMIT_UV)[2:], tick_power(x[10:], 5, True, LIMIT_UV))


def test_steady_noise_loses_no_power_and_a_short_transient_gives_little() -> None:
    rng = np.random.default_rng(3)
    grid = make_grid(200.0, 90.0, DETECTOR)
    tick = tick_power(rng.standard_normal(60 * 200).astype(np.float32), grid.n_tick, True, LIMIT_UV)
    robust, means = block_power(tick, grid.ticks_of_block, grid.n_top, grid.gain_block)
    assert robust.mean() / means.mean() > 0.97
    tick[grid.ticks_of_block * 5] += 1e6
    robust, means = block_power(tick, grid.ticks_of_block, grid.n_top, grid.gain_block)
    assert means[5] > 1e4
    assert robust[5] < 3.0


@pytest.mark.parametrize(("n_top", "n", "dof"), [(1, 10, 4.0), (4, 13, 4.5), (5, 41, 1.2), (2, 2, 3.0)])
def test_gain_is_the_share_of_the_mean_of_gamma_noise_without_its_largest(n_top: int, n: int, dof: float) -> None:
    cut = min(n_top, n // 2)
    share = cut / n
    drawn = np.sort(np.random.default_rng(1).gamma(0.5 * dof, size=200_000))
    expected = drawn.mean() / drawn[: round(drawn.size * (1.0 - share))].mean()
    assert trimmed_gain(n_top, n, dof, 1.0) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["rms", "mean_rectified"])
def test_a_constant_has_its_own_amplitude_at_any_length(dtype: type, kind: str) -> None:
    s = DETECTOR._replace(envelope=kind)
    grid = make_grid(100.0, 40.0, s)
    for size in (2, 3, 23, 24, 25, 100):
        parts = amplitude(np.full(size, -3.0, dtype=dtype), grid, s)
        assert parts.tick.size == size // grid.n_tick
        assert parts.block_uv.size == parts.block_plain_uv.size == max(1, parts.tick.size // grid.ticks_of_block)
        np.testing.assert_allclose(parts.block_uv, 3.0)
        np.testing.assert_allclose(parts.block_plain_uv, 3.0)


def test_unknown_envelope_is_an_error() -> None:
    with pytest.raises(ValueError, match="rms or mean_rectified"):
        amplitude(np.ones(4), make_grid(100.0, 40.0, DETECTOR), DETECTOR._replace(envelope="peak"))


@pytest.mark.parametrize("shape", [(2, 4), (1,)])
def test_two_dimensions_and_less_than_a_tick_are_errors(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one-dimensional and longer than a tick"):
        amplitude(np.ones(shape), make_grid(100.0, 40.0, DETECTOR), DETECTOR)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([64.0, 100.0, 128.0, 200.0, 256.0, 500.0, 512.0, 1000.0]), st.floats(15.0, 90.0))
def test_windows_last_as_long_as_declared(fs_hz: float, width_hz: float) -> None:
    grid = make_grid(fs_hz, width_hz, DETECTOR)
    tick_s = grid.n_tick / fs_hz
    assert grid.ticks_of_long % 2 == 1
    long_s = max(DETECTOR.envelope_long_s, DETECTOR.envelope_bandwidth_time / width_hz)
    assert abs(grid.ticks_of_long * tick_s - long_s) <= tick_s + 1e-9
    assert abs(tick_s - DETECTOR.envelope_tick_s) <= max(0.5, 2.0 - DETECTOR.envelope_tick_s * fs_hz) / fs_hz + 1e-9
    assert abs(grid.n_block / fs_hz - DETECTOR.rest_block_s) <= 0.5 * tick_s + 1e-9
    assert ticks_of(0.5, fs_hz, grid) * tick_s >= 0.5 - 1e-9
