"""What a picture of a night shows of the signal: quiet and loud amplitude of short stretches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.conditioning import band_pass, design_band


class AmplitudeBins(NamedTuple):
    """Amplitude per bin, arrays of shape (n,); ``low`` and ``high`` in the unit of the samples, NaN = no samples."""

    onset_us: np.ndarray
    low: np.ndarray
    high: np.ndarray


def amplitude_bins(
    segments: Sequence[tuple[int, np.ndarray]],
    fs_hz: float,
    *,
    band_hz: tuple[float, float],
    lowpass_hz: float | None,
    bin_s: float,
    block_s: float,
) -> AmplitudeBins:
    """Lowest and highest RMS of short blocks within bins; for the eye, no movement is decided on it.

    Parameters
    ----------
    segments : sequence of (start_us, float64 array)
        Gapless stretches in order of time.
    fs_hz : float
    band_hz : (float, float)
        Band of the sensor.
    lowpass_hz : float or None
        Low-pass the recording was made with.
    bin_s, block_s : float
        Width of a bin and of the blocks whose lowest and highest RMS it shows.

    Returns
    -------
    AmplitudeBins
        Empty when the rate leaves no band.
    """
    nothing = AmplitudeBins(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    try:
        band = design_band(fs_hz, *band_hz, lowpass_hz)
    except ValueError:
        return nothing
    n_block, n_per_bin = max(1, round(block_s * fs_hz)), max(1, round(bin_s / block_s))
    parts = []
    for start_us, samples in segments:
        n_blocks = len(samples) // n_block
        if not n_blocks:
            continue
        x = np.where(np.isfinite(samples), samples, 0.0)
        power = np.square(band_pass(x, fs_hz, band)[: n_blocks * n_block]).reshape(n_blocks, n_block).mean(axis=1)
        first = np.arange(0, n_blocks, n_per_bin)
        low, high = (np.sqrt(reduce.reduceat(power, first)) for reduce in (np.minimum, np.maximum))
        onset_us = start_us + np.rint(first * n_block * (1e6 / fs_hz)).astype(np.int64)
        parts.append(AmplitudeBins(onset_us, low, high))
        # A row of nothing after each stretch: a line is not drawn across a gap.
        end_us = start_us + round(n_blocks * n_block * (1e6 / fs_hz))
        parts.append(AmplitudeBins(np.array([end_us]), np.array([np.nan]), np.array([np.nan])))
    if not parts:
        return nothing
    return AmplitudeBins(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
