"""Amplitude of the EMG in µV: power in ticks, robust power in blocks, windows of the envelope."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from plms_pipeline.emg.envelope_kernels import block_power, tick_power
from plms_pipeline.emg.settings import Detector

# Above any amplifier's range: keeps the integer sums of the envelope exact.
LIMIT_UV = 30_000.0
SIGNIFICANT_DIGITS = 6


class Grid(NamedTuple):
    """Samples of a tick and of a block, ticks of a block and of the long window, half widths of the short windows.

    ``gain_block`` and ``gain_long``: what a mean without its largest ticks is multiplied with at most.
    """

    n_tick: int
    ticks_of_block: int
    ticks_of_long: int
    half_short: int
    half_middle: int
    n_top: int
    gain_block: float
    gain_long: float

    @property
    def n_block(self) -> int:
        """Samples of a block."""
        return self.n_tick * self.ticks_of_block


class Amplitude(NamedTuple):
    """Power per tick (µV², or µV when rectified, (n_ticks,)); robust and plain amplitude per block, µV (n_blocks,)."""

    tick: np.ndarray
    block_uv: np.ndarray
    block_plain_uv: np.ndarray


def make_grid(fs_hz: float, width_hz: float, settings: Detector) -> Grid:
    """Windows of the envelope for a sampling rate and a bandwidth.

    Parameters
    ----------
    fs_hz, width_hz : float
    settings : Detector

    Returns
    -------
    Grid
    """
    n_tick = max(2, round(settings.envelope_tick_s * fs_hz))
    ticks_of_block = max(4, round(settings.rest_block_s * fs_hz / n_tick))
    long_s = max(settings.envelope_long_s, settings.envelope_bandwidth_time / width_hz)
    ticks_of_long = 2 * round((long_s * fs_hz / n_tick - 1.0) / 2.0) + 1
    short_s = max(settings.envelope_short_s, settings.envelope_short_bandwidth_time / width_hz)
    n_top = max(1, round(settings.envelope_trim_s * fs_hz / n_tick))
    dof = 2.0 * width_hz * n_tick / fs_hz
    return Grid(
        n_tick,
        ticks_of_block,
        ticks_of_long,
        max(1, int(0.5 * short_s * fs_hz)),
        max(1, int(0.5 * settings.envelope_middle_s * fs_hz)),
        n_top,
        trimmed_gain(n_top, ticks_of_block, dof, settings.envelope_trim_margin),
        trimmed_gain(n_top, ticks_of_long, dof, settings.envelope_trim_margin),
    )


def trimmed_gain(n_top: int, n: int, dof: float, margin: float) -> float:
    """Mean of steady noise over its mean without the ``n_top`` largest of ``n`` ticks, times a margin.

    The power of Gaussian noise in a tick with ``dof`` degrees of freedom is a gamma variable of shape ``dof / 2``;
    without its upper share ``t`` its mean falls to ``P(dof / 2 + 1, x_t) / (1 - t)`` of itself.
    """
    t = min(n_top, n // 2) / n
    shape = 0.5 * dof
    kept = special.gammainc(shape + 1.0, special.gammaincinv(shape, 1.0 - t)) / (1.0 - t)
    return float(f"{margin / kept:.{SIGNIFICANT_DIGITS - 1}e}")


def amplitude(y_uv: np.ndarray, grid: Grid, settings: Detector) -> Amplitude:
    """Power of conditioned EMG per tick, and its amplitude per block.

    Parameters
    ----------
    y_uv : array of shape (n,)
        Conditioned EMG of one gapless run; at least one tick long.
    grid : Grid
    settings : Detector

    Returns
    -------
    Amplitude

    Raises
    ------
    ValueError
        If the kind of envelope is unknown or the signal is not one-dimensional or shorter than a tick.
    """
    if settings.envelope not in ("rms", "mean_rectified"):
        raise ValueError(f"envelope is rms or mean_rectified, not {settings.envelope!r}")
    if y_uv.ndim != 1 or y_uv.size < grid.n_tick:
        raise ValueError(f"one leg is one-dimensional and longer than a tick, not {y_uv.shape}")
    is_rms = settings.envelope == "rms"
    tick = tick_power(y_uv, grid.n_tick, is_rms, LIMIT_UV)
    robust, plain = block_power(tick, grid.ticks_of_block, grid.n_top, grid.gain_block)
    return Amplitude(tick, np.sqrt(robust) if is_rms else robust, np.sqrt(plain) if is_rms else plain)


def ticks_of(seconds: float, fs_hz: float, grid: Grid) -> int:
    """Whole ticks that last at least ``seconds``."""
    return math.ceil(seconds * fs_hz / grid.n_tick - 1e-9)
