"""Mains interference: found first, removed only where it is."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.mains_kernels import line_power, subtract_line
from plms_pipeline.emg.settings import Detector


class Line(NamedTuple):
    """One spectral line: frequency, RMS (µV, median over the windows tested), share of windows that show it."""

    frequency_hz: float
    rms_uv: float
    fraction: float
    is_present: bool


def _cos_sin(cycles: float) -> tuple[float, float]:
    """Cosine and sine of ``cycles`` turns, rounded to 12 digits: the same on every machine."""
    angle = 2.0 * math.pi * (cycles - math.floor(cycles))
    return round(math.cos(angle), 12), round(math.sin(angle), 12)


@lru_cache(maxsize=32)
def _tables(
    frequency_hz: float, neighbours_hz: tuple[float, ...], fs_hz: float, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of the line and its neighbours over a test window, (1 + neighbours, n) each."""
    frequencies = [frequency_hz, *(frequency_hz + d for d in neighbours_hz)]
    table = np.array([[_cos_sin(f * i / fs_hz) for i in range(n)] for f in frequencies])
    return np.ascontiguousarray(table[:, :, 0]), np.ascontiguousarray(table[:, :, 1])


@lru_cache(maxsize=32)
def _block_tables(frequency_hz: float, fs_hz: float, n_block: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of a line from the start of a block to that of the next, (n_block + 1,) each."""
    table = np.array([_cos_sin(frequency_hz * i / fs_hz) for i in range(n_block + 1)])
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def find_line(y_uv: np.ndarray, fs_hz: float, frequency_hz: float, settings: Detector) -> Line:
    """Look for a line in windows spread over a run.

    Parameters
    ----------
    y_uv : float64 array of shape (n,)
        Conditioned EMG.
    fs_hz, frequency_hz : float
    settings : Detector

    Returns
    -------
    Line
        ``is_present`` when enough windows hold a line that is strong and stands out from its neighbours.
    """
    n = round(settings.mains_test_window_s * fs_hz)
    starts = np.arange(
        0,
        y_uv.size - n + 1,
        round(min(settings.mains_test_every_s * fs_hz, max(n, y_uv.size / settings.mains_test_windows))),
        dtype=np.int64,
    )
    if starts.size < settings.mains_least_windows:
        return Line(frequency_hz, 0.0, 0.0, False)
    power = line_power(y_uv, starts, *_tables(frequency_hz, settings.mains_neighbours_hz, fs_hz, n))
    around = np.sum(power[:, 1:], axis=1) / len(settings.mains_neighbours_hz)
    shown = (power[:, 0] >= settings.mains_min_uv**2) & (power[:, 0] >= settings.mains_min_ratio * around)
    enough = max(settings.mains_least_windows, settings.mains_min_fraction * starts.size)
    rms = float(np.sqrt(np.median(power[:, 0])))
    return Line(frequency_hz, rms, float(np.mean(shown)), bool(np.count_nonzero(shown) >= enough))


def remove_mains(
    y_uv: np.ndarray, fs_hz: float, high_hz: float, n_block: int, settings: Detector
) -> tuple[Line | None, np.ndarray]:
    """Find the mains frequency of a run and subtract it and its harmonics in place.

    A notch would ring after a strong movement for as long as the movement of its line lasts; the subtracted sine
    is estimated from the quiet blocks around instead.

    Parameters
    ----------
    y_uv : float64 array of shape (n,), changed in place
    fs_hz : float
    n_block : int
        Samples of a block.
    high_hz : float
        Upper edge of the band; harmonics beyond 1.2 times it are not looked for.
    settings : Detector

    Returns
    -------
    line : Line or None
        The fundamental found strongest (present or not); None when the rate allows no look.
    rms_uv : float64 array of shape (n_blocks,)
        RMS of the fundamental that was subtracted, per block of ``n_block`` samples; zeros when none was.
    """
    rms = np.zeros(-(-y_uv.size // n_block))
    limit = min(0.48 * fs_hz, 1.2 * high_hz)
    lines = [find_line(y_uv, fs_hz, f, settings) for f in settings.mains_candidates_hz if f < limit]
    if not lines:
        return None, rms
    best = max(lines, key=lambda line: (line.is_present, line.fraction, line.rms_uv))
    if not best.is_present:
        return best, rms
    harmonic = 1
    while harmonic * best.frequency_hz < limit:
        f = harmonic * best.frequency_hz
        if harmonic == 1 or find_line(y_uv, fs_hz, f, settings).is_present:
            half = max(1, round(0.5 * settings.mains_window_s * fs_hz / n_block))
            found = subtract_line(y_uv, *_block_tables(f, fs_hz, n_block), half)
            rms = found if harmonic == 1 else rms
        harmonic += 1
    return best, rms
