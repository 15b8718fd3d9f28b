"""Filter kernels against scipy, on the same coefficients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal

from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.conditioning_kernels import extend_odd, filter_in_place

SIGNALS = hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(-500.0, 500.0, allow_nan=False, width=32))


def oracle(x: np.ndarray, band: object) -> np.ndarray:
    c = band.sections
    sos = np.column_stack([c[:, :3], np.ones(len(c)), c[:, 3:]])
    forward, _ = signal.sosfilt(sos, x, zi=band.settled * x[0])
    backward, _ = signal.sosfilt(sos, forward[::-1], zi=band.settled * forward[-1])
    return backward[::-1]


@settings(max_examples=25, deadline=None)
@given(SIGNALS, st.sampled_from([100.0, 200.0, 256.0, 512.0]))
def test_both_directions_equal_scipy(x: np.ndarray, fs_hz: float) -> None:
    band = design_band(fs_hz, 10.0, 100.0)
    y = x.copy()
    filter_in_place(y, band.sections, band.settled, False)
    filter_in_place(y, band.sections, band.settled, True)
    np.testing.assert_allclose(y, oracle(x, band), rtol=1e-9, atol=1e-7)


def test_settled_state_is_that_of_scipy() -> None:
    band = design_band(512.0, 10.0, 100.0)
    sos = np.column_stack([band.sections[:, :3], np.ones(4), band.sections[:, 3:]])
    np.testing.assert_allclose(band.settled, signal.sosfilt_zi(sos), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(SIGNALS, st.integers(0, 100))
def test_odd_extension(x: np.ndarray, pad: int) -> None:
    pad = min(pad, x.size - 1)
    inner = np.concatenate([2 * x[0] - x[1 : pad + 1][::-1], x, 2 * x[-1] - x[x.size - 1 - pad : -1][::-1]])
    assert np.array_equal(extend_odd(x, pad), inner if pad else x)


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 200.0, 256.0, 512.0, 1000.0])
def test_aasm_filters_10_to_100_hz_lose_3_db_at_the_edges_after_both_passes(fs_hz: float) -> None:
    band = design_band(fs_hz, 10.0, 100.0)
    sos = np.column_stack([band.sections[:, :3], np.ones(4), band.sections[:, 3:]])
    edges = [10.0] if band.high_hz < 100.0 or fs_hz < 256.0 else [10.0, 100.0]
    _, h = signal.sosfreqz(sos, [*edges, 30.0], fs=fs_hz)
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
    assert np.abs(y).max() < 1e-4


@settings(max_examples=20, deadline=None)
@given(SIGNALS.filter(lambda x: x.size > 3))
def test_zero_phase_the_reverse_of_the_input_gives_the_reverse_of_the_output(x: np.ndarray) -> None:
    band = design_band(200.0, 10.0, 100.0)
    padded = np.concatenate([np.zeros(300), x, np.zeros(300)])
    forward, backward = band_pass(padded, 200.0, band), band_pass(padded[::-1].copy(), 200.0, band)
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-5)
