"""Conditioning of one run of leg EMG: band 10-100 Hz at zero phase, on coefficients that are the same everywhere."""

import math
from typing import NamedTuple

import numpy as np
from scipy import signal

from plms_pipeline.emg.conditioning_kernels import extend_odd, filter_in_place

N_SECTIONS = 4
SIGNIFICANT_DIGITS = 12


class Band(NamedTuple):
    """Pass band and the coefficients of the cascade: ``sections`` (4, 5), ``settled`` (4, 2)."""

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
    else:
        upper = np.tile([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], (2, 1))
    rows = np.vstack([sos, upper])
    sections = np.array([[_rounded(v) for v in (*row[:3], *row[4:])] for row in rows])
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
    x_uv : float64 array of shape (n,)
    fs_hz : float
    band : Band
        From `design_band` for the same rate.

    Returns
    -------
    float64 array of shape (n,)
        A new array, without offset.
    """
    x = np.asarray(x_uv, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"one leg is one-dimensional, not {x.shape}")
    if x.size == 0:
        return np.zeros(0)
    pad = min(x.size - 1, int(0.5 * fs_hz))
    padded = extend_odd(np.ascontiguousarray(x), pad)
    filter_in_place(padded, band.sections, band.settled, False)
    filter_in_place(padded, band.sections, band.settled, True)
    return padded[pad : pad + x.size]
