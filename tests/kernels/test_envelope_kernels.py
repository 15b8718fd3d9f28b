"""Sliding sums against numpy windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline.emg.envelope import SCALE, amplitude, odd_window
from plms_pipeline.emg.envelope_kernels import block_means, measure, smallest_window

SIGNALS = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-3000.0, 3000.0, width=32))


def window_mean(u: np.ndarray, n: int) -> np.ndarray:
    return np.array([u[max(0, i - n // 2) : i + n // 2 + 1].mean() for i in range(u.size)])


@settings(max_examples=40, deadline=None)
@given(SIGNALS, st.sampled_from([1, 3, 5]), st.sampled_from([5, 9, 21]), st.booleans())
def test_envelope_is_the_smallest_of_three_window_means(x: np.ndarray, n_short: int, n_long: int, is_rms: bool) -> None:
    u = x * x if is_rms else np.abs(x)
    expected = np.minimum.reduce([window_mean(u, n) for n in (n_short, 5, n_long)])
    got = smallest_window(measure(x, SCALE, is_rms, 30_000.0), n_short, 5, n_long, SCALE, is_rms)
    np.testing.assert_allclose(got, np.sqrt(expected) if is_rms else expected, rtol=1e-9, atol=2e-3)


@settings(max_examples=40, deadline=None)
@given(SIGNALS, st.integers(1, 12))
def test_block_means(x: np.ndarray, n_block: int) -> None:
    expected = [np.mean(np.square(x[i : i + n_block])) for i in range(0, x.size, n_block)]
    np.testing.assert_allclose(
        block_means(measure(x, SCALE, True, 3e4), n_block, SCALE), expected, atol=2e-6, rtol=1e-9
    )


@settings(max_examples=30, deadline=None)
@given(SIGNALS, st.integers(0, 40))
def test_a_value_does_not_depend_on_where_the_run_began(x: np.ndarray, shift: int) -> None:
    before = np.linspace(-2000.0, 2000.0, shift)
    whole = smallest_window(measure(np.concatenate([before, x]), SCALE, True, 3e4), 3, 5, 7, SCALE, True)
    alone = smallest_window(measure(x, SCALE, True, 3e4), 3, 5, 7, SCALE, True)
    assert np.array_equal(whole[shift + 3 :], alone[3:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_any_real_type_and_any_length(dtype: type, size: int) -> None:
    parts = amplitude(np.ones(size, dtype=dtype), 100.0, short_s=0.05, middle_s=0.2, long_s=0.3, block_s=0.25)
    assert parts.envelope_uv.dtype == np.float64
    np.testing.assert_allclose(parts.envelope_uv, np.ones(size), atol=1e-6)


def test_unknown_envelope_is_an_error() -> None:
    with pytest.raises(ValueError, match="rms or mean_rectified"):
        amplitude(np.ones(4), 100.0, short_s=0.05, middle_s=0.2, long_s=0.3, block_s=0.25, kind="peak")


def test_two_dimensions_are_an_error() -> None:
    with pytest.raises(ValueError, match="one-dimensional"):
        amplitude(np.ones((2, 4)), 100.0, short_s=0.05, middle_s=0.2, long_s=0.3, block_s=0.25)


@settings(deadline=None)
@given(st.floats(0.001, 2.0), st.sampled_from([100.0, 256.0, 512.0]))
def test_windows_are_odd_and_within_a_sample_of_their_length(seconds: float, fs_hz: float) -> None:
    n = odd_window(seconds, fs_hz)
    assert n % 2 == 1
    assert abs(n - seconds * fs_hz) <= 1.0 + 1e-9
