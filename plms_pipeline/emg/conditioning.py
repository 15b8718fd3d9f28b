"""Conditioning of one run of leg EMG: band 10-100 Hz at zero phase, on coefficients that are the same everywhere."""

import math
from typing import NamedTuple

import numpy as np
from scipy import signal

from plms_pipeline.emg.conditioning_kernels import extend_odd, filter_lanes

SIGNIFICANT_DIGITS = 12
# How the work is laid out, without bearing on the result: lanes side by side, samples of a lane at a time.
N_LANES = 32
N_TILE = 32
# A filter forgets its start as fast as its lowest edge turns; after this many turns nothing of it is left in a double.
WARM_TURNS = 20.0


class Band(NamedTuple):
    """Pass band and the coefficients of the cascade: ``sections`` (2 or 4, 5), ``settled`` (2 or 4, 2)."""

    low_hz: float
    high_hz: float
    sections: np.ndarray
    settled: np.ndarray

    @property
    def width_hz(self) -> float:
        """Width of the band in Hz."""
        return self.high_hz - self.low_hz


def design_band(fs_hz: float, low_hz: float, high_hz: float, lowpass_hz: float | None = None) -> Band:
    """Design the band filter: Butterworth of order 4 at either edge, run forwards and backwards.

    The cut-off frequencies are moved so that the two passes together lose 3 dB at the named edges. Without room
    between the upper edge and the Nyquist frequency the sampling itself is the upper edge. Coefficients are
    rounded to 12 significant digits, so that they do not depend on the last bit of a tangent.

    Parameters
    ----------
    fs_hz : float
        Sampling rate.
    low_hz, high_hz : float
        Edges of the band asked for.
    lowpass_hz : float, optional
        Low-pass the recording was made with; there is no EMG above it.

    Returns
    -------
    Band

    Raises
    ------
    ValueError
        If the rate leaves no band above ``low_hz``.
    """
    nyquist = 0.5 * fs_hz
    high = min(high_hz, nyquist, lowpass_hz if lowpass_hz else nyquist)
    if not low_hz < high:
        raise ValueError(f"no band between {low_hz:g} Hz and {high:g} Hz")
    sos = signal.butter(4, _one_pass(low_hz, fs_hz, 1.0), btype="highpass", fs=fs_hz, output="sos")
    if high < 0.9 * nyquist:
        upper = signal.butter(4, _one_pass(high, fs_hz, -1.0), btype="lowpass", fs=fs_hz, output="sos")
        sos = np.vstack([sos, upper])
    sections = np.array([[_rounded(v) for v in (*row[:3], *row[4:])] for row in sos])
    return Band(low_hz, high, sections, _settled(sections))


def _one_pass(edge_hz: float, fs_hz: float, side: float) -> float:
    """Cut-off of one pass for 3 dB after two: 2 ** (1 / 2) - 1 to the power 1 / (2 * order), on the warped axis."""
    factor = (math.sqrt(2.0) - 1.0) ** (side / 8.0)
    return math.atan(math.tan(math.pi * edge_hz / fs_hz) * factor) * fs_hz / math.pi


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}")


def _settled(sections: np.ndarray) -> np.ndarray:
    """State of each section after an endless unit step at the input of the cascade."""
    state = np.zeros((len(sections), 2))
    u = 1.0
    for k, (b0, b1, b2, a1, a2) in enumerate(sections):
        y = u * (b0 + b1 + b2) / (1.0 + a1 + a2)
        state[k] = (y - b0 * u, b2 * u - a2 * y)
        u = y
    return state


def band_pass(x_uv: np.ndarray, fs_hz: float, band: Band) -> np.ndarray:
    """Filter one gapless run at zero phase.

    Parameters
    ----------
    x_uv : array of shape (n,)
        float32 or float64; computed in float64, kept in float32.
    fs_hz : float
    band : Band
        From `design_band` for the same rate.

    Returns
    -------
    float32 array of shape (n,)
        A new array, without offset.
    """
    x = np.asarray(x_uv)
    if x.ndim != 1:
        raise ValueError(f"one leg is one-dimensional, not {x.shape}")
    if x.size == 0:
        return np.zeros(0, dtype=np.float32)
    n_warm = _up_to(N_TILE, WARM_TURNS * fs_hz / band.low_hz)
    whole = np.empty(n_warm + _up_to(N_LANES * N_TILE, x.size + n_warm), dtype=np.float32)
    extend_odd(np.ascontiguousarray(x), whole, n_warm)
    for is_backwards in (False, True):
        filter_lanes(whole, band.sections, band.settled, N_LANES, N_TILE, n_warm, is_backwards)
    return whole[n_warm : n_warm + x.size]


def _up_to(multiple: int, n: float) -> int:
    return multiple * math.ceil(n / multiple)
