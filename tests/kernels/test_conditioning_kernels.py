"""Filter kernels against scipy, on the same coefficients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal

from plms_pipeline.emg.conditioning import Band, band_pass, design_band
from plms_pipeline.emg.conditioning_kernels import extend_odd, filter_lanes

SIGNALS = hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(-500.0, 500.0, allow_nan=False, width=32))
RATES = st.sampled_from([100.0, 200.0, 256.0, 512.0])
# Each pass is kept in float32 (24 bits): a few of its roundings, relative to the largest value.
FLOAT32 = 1e-6


def sos_of(band: Band) -> np.ndarray:
    """The cascade as scipy writes it."""
    c = band.sections
    return np.column_stack([c[:, :3], np.ones(len(c)), c[:, 3:]])


def close(got: np.ndarray, expected: np.ndarray, x: np.ndarray) -> None:
    """Equal to within float32 of the largest input."""
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=FLOAT32 * max(1.0, np.abs(x).max()))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), RATES, st.integers(1, 4), st.integers(1, 8), st.integers(0, 6), st.booleans())
def test_every_lane_equals_scipy_from_where_it_starts(
    seed: int, fs_hz: float, n_lanes: int, n_tile: int, n_warm_tiles: int, is_backwards: bool
) -> None:
    band = design_band(fs_hz, 10.0, 100.0)
    length, n_warm = 3 * n_tile, n_warm_tiles * n_tile
    x = (100.0 * np.random.default_rng(seed).standard_normal(n_warm + n_lanes * length)).astype(np.float32)
    expected = (x[::-1] if is_backwards else x).astype(np.float64)
    lanes = [expected[k * length : (k + 1) * length + n_warm] for k in range(n_lanes)]
    done = [signal.sosfilt(sos_of(band), lane, zi=band.settled * lane[0])[0][n_warm:] for lane in lanes]
    expected = np.concatenate([expected[:n_warm], *done])
    y = x.copy()
    filter_lanes(y, band.sections, band.settled, n_lanes, n_tile, n_warm, is_backwards)
    close(y, expected[::-1] if is_backwards else expected, x)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(230, 400), st.sampled_from([1.0, 3000.0]), st.sampled_from([0.0, 500.0]))
def test_zero_phase_equals_sosfiltfilt(seed: int, n: int, level_uv: float, offset_uv: float) -> None:
    band = design_band(100.0, 10.0, 100.0)
    x = (offset_uv + level_uv * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)
    expected = signal.sosfiltfilt(sos_of(band), x.astype(np.float64), padtype="odd", padlen=224)
    close(band_pass(x, 100.0, band), expected, x)


@pytest.mark.slow
@pytest.mark.parametrize("fs_hz", [100.0, 200.0, 256.0, 500.0, 512.0, 1000.0])
def test_zero_phase_of_long_runs_equals_sosfiltfilt_wherever_a_lane_begins(fs_hz: float) -> None:
    band = design_band(fs_hz, 10.0, 100.0)
    for n in (5_000, 60_001, 300_000):
        x = (20.0 * np.random.default_rng(n).standard_normal(n)).astype(np.float32)
        x[n // 2 : n // 2 + n // 20] *= 200.0
        n_pad = 32 * -(-round(20.0 * fs_hz / 10.0) // 32)
        expected = signal.sosfiltfilt(sos_of(band), x.astype(np.float64), padtype="odd", padlen=n_pad)
        close(band_pass(x, fs_hz, band), expected, x)


def test_settled_state_is_that_of_scipy() -> None:
    band = design_band(512.0, 10.0, 100.0)
    np.testing.assert_allclose(band.settled, signal.sosfilt_zi(sos_of(band)), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(SIGNALS, st.integers(0, 100), st.integers(0, 100))
def test_odd_extension_repeats_the_last_of_a_whole_mirror_image(x: np.ndarray, head: int, tail: int) -> None:
    out = np.empty(head + x.size + tail, dtype=np.float32)
    extend_odd(x, out, head)
    i = np.arange(-head, x.size + tail)
    mirrored = x[np.clip(np.where(i < 0, -i, np.where(i >= x.size, 2 * x.size - 2 - i, i)), 0, x.size - 1)]
    ends = np.where(i < 0, 2.0 * x[0], np.where(i >= x.size, 2.0 * x[-1], 0.0))
    expected = np.where(ends != 0.0, ends - mirrored, np.where((i < 0) | (i >= x.size), -mirrored, mirrored))
    np.testing.assert_array_equal(out, expected.astype(np.float32))


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 200.0, 256.0, 512.0, 1000.0])
def test_aasm_filters_10_to_100_hz_lose_3_db_at_the_edges_after_both_passes(fs_hz: float) -> None:
    band = design_band(fs_hz, 10.0, 100.0)
    edges = [10.0] if band.high_hz < 100.0 or fs_hz < 256.0 else [10.0, 100.0]
    _, h = signal.sosfreqz(sos_of(band), [*edges, 30.0], fs=fs_hz)
    np.testing.assert_allclose(np.abs(h[: len(edges)]) ** 2, 0.5**0.5, rtol=0.02)
    assert abs(abs(h[-1]) ** 2 - 1.0) < 0.02


def test_coefficients_have_12_significant_digits() -> None:
    band = design_band(256.0, 10.0, 100.0)
    assert all(float(f"{v:.11e}") == v for v in band.sections.ravel())


@pytest.mark.parametrize(
    ("fs_hz", "lowpass_hz", "high_hz"), [(100.0, None, 50.0), (512.0, 70.0, 70.0), (512.0, None, 100.0)]
)
def test_upper_edge_is_limited_by_nyquist_and_the_recorded_low_pass(
    fs_hz: float, lowpass_hz: float, high_hz: float
) -> None:
    assert design_band(fs_hz, 10.0, 100.0, lowpass_hz).high_hz == high_hz


def test_no_band_is_an_error() -> None:
    with pytest.raises(ValueError, match="no band"):
        design_band(20.0, 10.0, 100.0)


def test_offset_and_slope_do_not_reach_the_envelope() -> None:
    y = band_pass(1000.0 + 0.5 * np.arange(400.0), 100.0, design_band(100.0, 10.0, 100.0))
    assert np.abs(y).max() < 1e-3


@settings(max_examples=8, deadline=None)
@given(SIGNALS.filter(lambda x: x.size > 3))
def test_zero_phase_the_reverse_of_the_input_gives_the_reverse_of_the_output(x: np.ndarray) -> None:
    band = design_band(100.0, 10.0, 100.0)
    padded = np.concatenate([np.zeros(230), x, np.zeros(230)])
    forward, backward = band_pass(padded, 100.0, band), band_pass(padded[::-1].copy(), 100.0, band)
    close(forward, backward[::-1], x)
