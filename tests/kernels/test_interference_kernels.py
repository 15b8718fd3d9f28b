"""Line power, sine subtraction and R-locked averages against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline.emg.ecg_kernels import find_peaks, highest_of_blocks, locked_average, subtract_average
from plms_pipeline.emg.mains_kernels import line_parts, line_power, subtract_line

FS_HZ = 200.0
SEEDS = st.integers(0, 2**32 - 1)


def line_tables(frequency_hz: float, n_block: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine from the start of a block to that of the next."""
    angle = 2 * np.pi * frequency_hz / FS_HZ * np.arange(n_block + 1)
    return np.cos(angle), np.sin(angle)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_line_power_is_the_fourier_coefficient(seed: int) -> None:
    y = np.random.default_rng(seed).standard_normal(300)
    i = np.arange(100)
    cosine, sine = np.cos(2 * np.pi * i * 0.25)[None], np.sin(2 * np.pi * i * 0.25)[None]
    starts = np.array([0, 57, 200])
    expected = [2.0 * abs(np.mean(y[s : s + 100] * np.exp(-2j * np.pi * 0.25 * i))) ** 2 for s in starts]
    np.testing.assert_allclose(line_power(y, starts, cosine, sine)[:, 0], expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 40), st.integers(1, 30))
def test_parts_of_a_line_are_dot_products(seed: int, first: int, size: int) -> None:
    y = np.random.default_rng(seed).standard_normal(80).astype(np.float32)
    cosine, sine = line_tables(50.0, 30)
    part = y[first : first + size].astype(np.float64)
    expected = (part @ cosine[:size], part @ sine[:size], part @ part)
    np.testing.assert_allclose(line_parts(y, first, first + size, cosine, sine), expected, atol=1e-12)


def plain_line(y: np.ndarray, frequency_hz: float, n_block: int, half: int) -> tuple[np.ndarray, np.ndarray]:
    """The line of a run and its RMS per block: demodulated, averaged over blocks, linear between their centres."""
    turning = np.exp(2j * np.pi * frequency_hz / FS_HZ * np.arange(y.size))
    blocks = np.split(np.arange(y.size), np.arange(n_block, y.size, n_block))
    amplitude = np.array([2.0 * np.mean(y[b] * np.conj(turning[b])) for b in blocks])
    weight = np.array([b.size / (np.mean(np.square(y[b])) + 1e-6) for b in blocks])
    mean = np.array(
        [
            np.average(amplitude[max(0, k - half) : k + half + 1], weights=weight[max(0, k - half) : k + half + 1])
            for k in range(len(blocks))
        ]
    )
    position = (np.arange(y.size) + 0.5) / n_block - 0.5
    centres = np.arange(mean.size)
    slow = np.interp(position, centres, mean.real) + 1j * np.interp(position, centres, mean.imag)
    return (slow * turning).real, np.abs(mean) * np.sqrt(0.5)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 300), st.integers(2, 60), st.integers(0, 4), st.sampled_from([50.0, 60.0, 33.3]))
def test_the_line_subtracted_is_the_demodulated_mean(
    seed: int, n: int, n_block: int, half: int, frequency_hz: float
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n) + 4.0 * np.sin(2 * np.pi * frequency_hz / FS_HZ * np.arange(n) + rng.uniform(0, 6))
    line, rms = plain_line(y, frequency_hz, n_block, half)
    left = y.copy()
    got = subtract_line(left, *line_tables(frequency_hz, n_block), half)
    np.testing.assert_allclose(left, y - line, atol=1e-9)
    np.testing.assert_allclose(got, rms, atol=1e-9)


def test_a_steady_sine_is_subtracted_and_a_burst_beside_it_stays() -> None:
    i = np.arange(2000)
    line = 5.0 * np.sin(2 * np.pi * 50.0 / FS_HZ * i + 0.3)
    burst = np.where((i > 900) & (i < 1100), 100.0, 1.0) * np.random.default_rng(1).standard_normal(i.size)
    y = (line + burst).astype(np.float32)
    rms = subtract_line(y, *line_tables(50.0, 50), 4)
    quiet = (i < 850) | (i > 1150)
    assert np.sqrt(np.mean((y - burst)[quiet] ** 2)) < 0.5
    np.testing.assert_allclose(rms[[0, 1, 2, -2, -1]], 5.0 / np.sqrt(2.0), rtol=0.2)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_locked_average_weighs_by_inverse_power(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(200)
    beats = np.array([30.0, 70.0, 110.5])
    parts = np.array([np.interp(b + np.arange(-5, 9), np.arange(200), y) for b in beats])
    weight = 1.0 / (np.mean(parts**2, axis=1) + 1e-6)
    mean, error = locked_average(y, beats, 5, 8)
    np.testing.assert_allclose(mean, weight @ parts / weight.sum(), atol=1e-12)
    np.testing.assert_allclose(error, weight.sum() ** -0.5)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.lists(st.floats(20.0, 170.0), max_size=5))
def test_subtracting_reads_the_average_between_its_points(seed: int, beats: list[float]) -> None:
    rng = np.random.default_rng(seed)
    y, mean = rng.standard_normal(200), rng.standard_normal(14)
    expected = y.copy()
    for beat in beats:
        base = int(beat)
        at = np.arange(base - 4, base + 9)
        expected[at] -= np.interp(at - beat, np.arange(-5, 9), mean)
    left = y.copy()
    subtract_average(left, np.array(beats, dtype=np.float64), 5, mean)
    np.testing.assert_allclose(left, expected, atol=1e-12)


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


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(-9.0, 9.0, width=32)), st.integers(1, 20))
def test_highest_of_blocks(y: np.ndarray, n_block: int) -> None:
    expected = [np.abs(y[i : i + n_block]).max() for i in range(0, y.size, n_block)]
    np.testing.assert_array_equal(highest_of_blocks(y, n_block), expected)


def test_peaks_are_one_per_refractory_time_and_the_largest_wins() -> None:
    y = np.zeros(100)
    y[[20, 26, 60]] = [5.0, -8.0, 6.0]
    got = find_peaks(y, np.full(10, 2.0), 10, 20)
    assert got.tolist() == [26.0, 60.0]


@pytest.mark.parametrize("fraction", [-0.4, 0.0, 0.3])
def test_a_peak_lies_between_samples_at_the_top_of_a_parabola(fraction: float) -> None:
    i = np.arange(40)
    y = -np.maximum(0.0, 9.0 - 0.5 * (i - 17.0 - fraction) ** 2)
    assert find_peaks(y, np.full(4, 2.0), 10, 5) == pytest.approx([17.0 + fraction])


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, st.integers(3, 80), elements=st.integers(-50, 50).map(float)), st.integers(1, 12))
def test_peaks_are_apart_and_the_highest_is_among_them(y: np.ndarray, n_refractory: int) -> None:
    got = find_peaks(y, np.full(-(-y.size // 10), 10.0), 10, n_refractory)
    v = np.abs(y)
    tops = [i for i in range(1, y.size - 1) if v[i] >= 10.0 and v[i] >= v[i - 1] and v[i] > v[i + 1]]
    assert all(min(abs(peak - top) for top in tops) <= 0.5 for peak in got)
    assert (np.diff(got) >= n_refractory - 1.0).all()
    highest = [t for t in tops if v[t] == v[tops].max()]
    assert bool(tops) == any(abs(peak - top) <= 0.5 for peak in got for top in highest)
