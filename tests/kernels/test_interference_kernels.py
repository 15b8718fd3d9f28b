"""Line power, sine subtraction and R-locked averages against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline.emg.ecg_kernels import find_peaks, locked_average, subtract_average
from plms_pipeline.emg.mains_kernels import line_power, subtract_line

FS_HZ = 200.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_line_power_is_the_fourier_coefficient(seed: int) -> None:
    y = np.random.default_rng(seed).standard_normal(300)
    i = np.arange(100)
    cosine, sine = np.cos(2 * np.pi * i * 0.25)[None], np.sin(2 * np.pi * i * 0.25)[None]
    starts = np.array([0, 57, 200])
    expected = [2.0 * abs(np.mean(y[s : s + 100] * np.exp(-2j * np.pi * 0.25 * i))) ** 2 for s in starts]
    np.testing.assert_allclose(line_power(y, starts, cosine, sine)[:, 0], expected, atol=1e-12)


def test_a_steady_sine_is_subtracted_and_a_burst_beside_it_stays() -> None:
    i = np.arange(2000)
    line = 5.0 * np.sin(2 * np.pi * 50.0 / FS_HZ * i + 0.3)
    burst = np.where((i > 900) & (i < 1100), 100.0, 1.0) * np.random.default_rng(1).standard_normal(i.size)
    y = line + burst
    step = np.exp(2j * np.pi * 50.0 / FS_HZ)
    subtract_line(y, step.real, step.imag, 50, 4)
    quiet = (i < 850) | (i > 1150)
    assert np.sqrt(np.mean((y - burst)[quiet] ** 2)) < 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_locked_average_weighs_by_inverse_power(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(200)
    beats = np.array([30.0, 70.0, 110.5])
    parts = np.array([np.interp(b + np.arange(-5, 9), np.arange(200), y) for b in beats])
    weight = 1.0 / (np.mean(parts**2, axis=1) + 1e-6)
    mean, error = locked_average(y, beats, 5, 8)
    np.testing.assert_allclose(mean, weight @ parts / weight.sum(), atol=1e-12)
    np.testing.assert_allclose(error, weight.sum() ** -0.5)


def test_subtracting_the_average_removes_what_is_locked() -> None:
    y = np.zeros(400)
    beats = np.arange(40.0, 360.0, 40.0)
    shape = np.array([0.0, 1.0, 4.0, 9.0, 4.0, 1.0, 0.0])
    for beat in beats.astype(int):
        y[beat - 3 : beat + 4] += shape
    mean, _ = locked_average(y, beats, 5, 5)
    subtract_average(y, beats, 5, mean)
    assert np.abs(y).max() < 1e-9


def test_no_beats_no_average() -> None:
    mean, error = locked_average(np.ones(50), np.zeros(0), 3, 3)
    assert not mean.any()
    assert error == 0.0


def test_peaks_are_one_per_refractory_time_and_the_largest_wins() -> None:
    y = np.zeros(100)
    y[[20, 26, 60]] = [5.0, -8.0, 6.0]
    got = find_peaks(y, np.full(10, 2.0), 10, 20)
    assert got.tolist() == [26.0, 60.0]
