"""Signal of a piezo-electric leg sensor with known movements.

Band-limited Gaussian noise of unit RMS times a noise-free amplitude A(t), in multiples of the baseline. A movement
begins where A reaches 4 and ends where it has fallen to 2: the ratios of the detector, written down a second time so
that a change there cannot move the truth. Breathing, a change of the seat of the sensor with posture, short twitches
and the digital step are added; gain and unit are arbitrary, as in the archives.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import signal

ONSET_RATIO = 4.0
OFFSET_RATIO = 2.0
BREATHING_HZ = 0.27


class PiezoTruth(NamedTuple):
    """True movements, int64 µs from the start, arrays of shape (n,)."""

    onset_us: np.ndarray
    offset_us: np.ndarray


def piezo_leg(
    duration_s: float,
    fs_hz: float,
    seed: int | Sequence[int],
    onset_s: np.ndarray,
    length_s: np.ndarray,
    *,
    peak_ratio: tuple[float, float] = (8.0, 80.0),
    breathing: float = 3.0,
    posture_changes: int = 4,
    twitches_per_h: float = 20.0,
    gain: float = 1.0,
    levels: int = 4096,
) -> tuple[np.ndarray, PiezoTruth]:
    """Samples of one leg and its true movements.

    Parameters
    ----------
    duration_s, fs_hz : float
    seed : int or sequence of int
    onset_s, length_s : float64 arrays of shape (n,)
        Movements, from the rise to 4 times the baseline to the fall to 2 times.
    peak_ratio : (float, float)
        Range of the drawn peaks, in baselines (log-uniform).
    breathing : float
        Amplitude of the breathing wave, in baselines.
    posture_changes : int
        Moments after which the baseline (and all else) is 0.3 to 3 times what it was.
    twitches_per_h : float
        Rises above 4 baselines that last less than 0.4 s.
    gain : float
        Units per baseline.
    levels : int
        Digital levels over +-100 baselines.

    Returns
    -------
    samples : float64 array of shape (round(duration_s * fs_hz),)
    truth : PiezoTruth
    """
    base = [seed] if isinstance(seed, int) else list(seed)
    rng = np.random.default_rng([*base, 1])
    n = round(duration_s * fs_hz)
    t = np.arange(n) / fs_hz
    amplitude = np.ones(n)
    low, high = peak_ratio
    for onset, length in zip(onset_s, length_s, strict=True):
        _add(amplitude, fs_hz, onset, length, low * (high / low) ** rng.random(), rng.uniform(0.1, 0.4, 2))
    ends = np.concatenate((onset_s + length_s, [0.0]))
    for at in rng.uniform(5.0, duration_s - 5.0, int(twitches_per_h * duration_s / 3600.0)):
        is_clear = not np.any((onset_s < at + 2.0) & (onset_s + length_s > at - 2.0))
        if is_clear and ends.size:
            _add(amplitude, fs_hz, at, rng.uniform(0.1, 0.3), rng.uniform(6.0, 20.0), np.array([0.05, 0.05]))
    top = min(10.0, 0.45 * fs_hz)
    sos = signal.butter(4, (0.7, top), btype="bandpass", fs=fs_hz, output="sos")
    settle = round(10 * fs_hz)
    carrier = signal.sosfilt(sos, np.random.default_rng([*base, 2]).standard_normal(n + settle))[settle:]
    samples = amplitude * carrier / carrier.std()
    samples += breathing * np.sin(2 * np.pi * BREATHING_HZ * t + rng.uniform(0, 6.0))
    seat = np.ones(n)
    for at in rng.uniform(0.1, 0.9, posture_changes) * duration_s:
        seat[int(at * fs_hz) :] *= rng.uniform(0.3, 3.0)
    samples *= np.clip(seat, 0.3, 3.0)
    step = 200.0 / levels
    samples = np.clip(np.rint(samples / step) * step, -100.0, 100.0)
    onset_us, offset_us = np.rint(onset_s * 1e6).astype(np.int64), np.rint((onset_s + length_s) * 1e6).astype(np.int64)
    return gain * samples, PiezoTruth(onset_us, offset_us)


def _add(
    amplitude: np.ndarray, fs_hz: float, onset_s: float, length_s: float, peak: float, ramps_s: np.ndarray
) -> None:
    """A trapezoid above 1 that crosses `ONSET_RATIO` at the onset and `OFFSET_RATIO` at the end."""
    height = peak - 1.0
    up, down = (ONSET_RATIO - 1.0) / height, (OFFSET_RATIO - 1.0) / height
    rise, fall = ramps_s * min(1.0, 0.8 * length_s / float(ramps_s[0] * (1 - up) + ramps_s[1] * (1 - down)))
    begin, end = onset_s - rise * up, onset_s + length_s + fall * down
    first, last = max(0, int(np.ceil(begin * fs_hz))), min(amplitude.size, int(np.ceil(end * fs_hz)))
    at = np.arange(first, last) / fs_hz
    shape = np.clip(np.minimum((at - begin) / rise, (end - at) / fall), 0.0, 1.0)
    amplitude[first:last] = np.maximum(amplitude[first:last], 1.0 + height * shape)
