"""EMG, ECG and EEG with known truth.

The EMG of a leg is a band-limited Gaussian carrier of unit RMS times a noise-free amplitude
``A(t) = rest(t) + m(t)`` in µV RMS. The truth of a movement follows from ``A`` alone, by the published rule
(WASM/IRLSSG 2016): onset = first time ``m >= 8 µV``, offset = start of the first 0.5 s with ``m <= 2 µV``.
A plan gives exactly these two times, so the truth of a plan is the plan, unless two movements lie closer than
0.5 s: then they are one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import signal

# The rule by which the truth is defined; the detector's own copy is in schemas/rules/detector_emg.yaml and is
# not read here, so that a change of the detector cannot move the truth.
ONSET_UV = 8.0
OFFSET_UV = 2.0
QUIET_S = 0.5

CARRIER_BAND_HZ = (20.0, 90.0)


class LegPlan(NamedTuple):
    """Bursts of one leg, arrays of shape (n,), sorted by onset.

    ``onset_s`` and ``duration_s`` are those of the +8/+2 µV rule for bursts above 8 µV and of the +2 µV level for
    smaller ones; ``peak_uv`` is the peak of ``A(t)`` (rest included); ``ramp_s`` the full rise and fall.
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    peak_uv: np.ndarray
    rise_s: np.ndarray
    fall_s: np.ndarray


class LegTruth(NamedTuple):
    """True movements of one leg (+8/+2 µV, at least 0.5 s), arrays of shape (n,)."""

    onset_us: np.ndarray
    offset_us: np.ndarray
    peak_uv: np.ndarray
    resting_uv: np.ndarray


def _log_uniform(rng: np.random.Generator, low: float, high: float, size: int) -> np.ndarray:
    return low * (high / low) ** rng.random(size)


def make_plan(
    onset_s: Sequence[float] | np.ndarray,
    duration_s: Sequence[float] | np.ndarray,
    seed: int | Sequence[int],
    *,
    peak_uv: Sequence[float] | np.ndarray | None = None,
    rest_max_uv: float = 2.5,
) -> LegPlan:
    """Plan of given times with drawn peaks (log-uniform from 10 µV above rest to 200 µV) and ramps (50-500 ms).

    Parameters
    ----------
    onset_s, duration_s : array of shape (n,)
        Times of the +8/+2 µV rule, seconds.
    seed : int or sequence of int
    peak_uv : array of shape (n,), optional
        Peak amplitude, rest included; drawn when absent.
    rest_max_uv : float
        Highest resting level of the leg: the smallest drawn peak is 10 µV above it.

    Returns
    -------
    LegPlan
    """
    rng = np.random.default_rng(seed)
    onset = np.asarray(onset_s, dtype=np.float64)
    n = onset.size
    peak = _log_uniform(rng, rest_max_uv + 10.0, 200.0, n)
    rise, fall = rng.uniform(0.05, 0.5, n), rng.uniform(0.05, 0.5, n)
    if peak_uv is not None:
        peak = np.asarray(peak_uv, dtype=np.float64)
    order = np.argsort(onset, kind="stable")
    duration = np.asarray(duration_s, dtype=np.float64)
    return LegPlan(onset[order], duration[order], peak[order], rise[order], fall[order])


def movement_times(duration_s: float, seed: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Onsets and durations of leg movements of one leg: series every 20-40 s, and isolated movements.

    At least 150 movements per 8 hours; durations 0.5-10 s, most of them 2-4 s.

    Parameters
    ----------
    duration_s : float
    seed : int or sequence of int

    Returns
    -------
    onset_s, duration_s : float64 arrays of shape (n,)
    """
    rng = np.random.default_rng(seed)
    wanted = int(np.ceil(duration_s * 150.0 / (8 * 3600.0)))
    for density in (1.0, 1.5, 2.0, 3.0, 5.0, 8.0):
        onsets: list[float] = []
        t = float(rng.uniform(5.0, 60.0))
        while t < duration_s - 30.0:
            period = float(rng.uniform(20.0, 40.0))
            for _ in range(int(rng.integers(4, 30))):
                onsets.append(t)
                t += max(4.0, period * float(rng.normal(1.0, 0.12)))
            t += float(rng.exponential(420.0 / density)) + 5.0
            if rng.random() < 0.6:
                onsets.append(t)
                t += float(rng.uniform(5.0, 120.0))
        onset = np.array([o for o in onsets if o < duration_s - 15.0])
        if onset.size >= wanted:
            break
    length = np.clip(np.round(rng.lognormal(np.log(2.6), 0.45, onset.size), 6), 0.5, 10.0)
    room = np.diff(onset, append=duration_s) - 1.5
    return onset, np.maximum(np.minimum(length, room), 0.5)


def disturbances(
    duration_s: float, seed: int | Sequence[int], plan: LegPlan, *, per_h: float = 40.0
) -> tuple[LegPlan, LegPlan]:
    """Twitches (above 8 µV, shorter than 0.5 s) and sub-threshold activity (below 8 µV) between the movements.

    Parameters
    ----------
    duration_s : float
    seed : int or sequence of int
    plan : LegPlan
        Movements to keep clear of, by 1.5 s.
    per_h : float
        Candidates of each kind per hour, those that would touch a movement left out.

    Returns
    -------
    twitches, subthreshold : LegPlan
    """
    rng = np.random.default_rng(seed)
    n = int(per_h * duration_s / 3600.0)
    start = np.sort(rng.uniform(2.0, max(2.1, duration_s - 10.0), 2 * n))
    is_twitch = rng.random(2 * n) < 0.5
    length = np.where(is_twitch, rng.uniform(0.1, 0.4, 2 * n), rng.uniform(0.5, 5.0, 2 * n))
    level = np.where(is_twitch, _log_uniform(rng, 12.5, 100.0, 2 * n), rng.uniform(3.0, 5.5, 2 * n))
    rise, fall = rng.uniform(0.05, 0.5, 2 * n), rng.uniform(0.05, 0.5, 2 * n)
    taken_from = plan.onset_s - 1.5
    taken_to = plan.onset_s + plan.duration_s + 1.5
    is_free = np.ones(2 * n, dtype=bool)
    last_end = -np.inf
    for i in range(2 * n):
        j = np.searchsorted(taken_to, start[i] - 0.5)
        clear = j >= taken_from.size or start[i] + length[i] + 0.5 < taken_from[j]
        is_free[i] = clear and start[i] - 1.0 > last_end
        if is_free[i]:
            last_end = start[i] + length[i]
    parts = []
    for kind in (is_twitch, ~is_twitch):
        k = kind & is_free
        parts.append(LegPlan(start[k], length[k], level[k], rise[k], fall[k]))
    return parts[0], parts[1]


def resting_level(duration_s: float, seed: int | Sequence[int], times_s: np.ndarray) -> np.ndarray:
    """Resting level with slow drift between 1 and 2.5 µV RMS, at ``times_s``; shape of ``times_s``."""
    rng = np.random.default_rng(seed)
    knots = np.arange(0.0, duration_s + 900.0, 600.0)
    return np.interp(times_s, knots, rng.uniform(1.0, 2.5, knots.size))


def band_noise(n: int, fs_hz: float, seed: int | Sequence[int]) -> np.ndarray:
    """Gaussian noise of unit RMS inside 20-90 Hz (upper edge limited by 0.45 of the rate); float64 of shape (n,)."""
    rng = np.random.default_rng(seed)
    low, high = CARRIER_BAND_HZ
    high = min(high, 0.45 * fs_hz)
    sos = signal.butter(4, (low, high), btype="bandpass", fs=fs_hz, output="sos")
    settle = int(fs_hz)
    noise = signal.sosfilt(sos, rng.standard_normal(n + settle))[settle:]
    impulse = np.zeros(8 * settle)
    impulse[0] = 1.0
    gain = np.sqrt(np.sum(np.square(signal.sosfilt(sos, impulse))))
    return noise / gain


def _bumps(amplitude_uv: np.ndarray, rest_uv: np.ndarray, plan: LegPlan, fs_hz: float) -> np.ndarray:
    """Add the bursts of a plan to ``amplitude_uv`` in place; returns the height above rest, shape (n_bursts,)."""
    n = amplitude_uv.size
    heights = np.zeros(plan.onset_s.size)
    for i in range(plan.onset_s.size):
        at = min(n - 1, max(0, int(plan.onset_s[i] * fs_hz)))
        height = plan.peak_uv[i] - rest_uv[at]
        heights[i] = height
        start_uv = ONSET_UV if height > ONSET_UV else OFFSET_UV
        if height <= OFFSET_UV:
            continue
        up, down = 1.0 - start_uv / height, 1.0 - OFFSET_UV / height
        rise, fall, length = plan.rise_s[i], plan.fall_s[i], plan.duration_s[i]
        shrink = min(1.0, 0.8 * length / (rise * up + fall * down))
        rise, fall = rise * shrink, fall * shrink
        begin = plan.onset_s[i] - rise * start_uv / height
        end = plan.onset_s[i] + length + fall * OFFSET_UV / height
        first, last = max(0, int(np.ceil(begin * fs_hz))), min(n, int(np.ceil(end * fs_hz)))
        t = np.arange(first, last) / fs_hz
        shape = np.minimum(np.minimum((t - begin) / rise, (end - t) / fall), 1.0)
        amplitude_uv[first:last] += height * np.maximum(shape, 0.0)
    return heights


def truth_of(plan: LegPlan, rest_uv: np.ndarray, heights_uv: np.ndarray) -> LegTruth:
    """True movements of a plan: bursts that reach +8 µV, joined when closer than 0.5 s, at least 0.5 s long.

    Parameters
    ----------
    plan : LegPlan
    rest_uv, heights_uv : float64 arrays of shape (n,)
        Resting level at the onset and peak above it, per burst.

    Returns
    -------
    LegTruth
    """
    onset = np.round(plan.onset_s * 1e6).astype(np.int64)
    offset = np.round((plan.onset_s + plan.duration_s) * 1e6).astype(np.int64)
    joined: list[list[float]] = []
    for i in np.flatnonzero(heights_uv >= ONSET_UV):
        if joined and onset[i] - joined[-1][1] < QUIET_S * 1e6:
            joined[-1][1] = max(joined[-1][1], offset[i])
            joined[-1][2] = max(joined[-1][2], plan.peak_uv[i])
        else:
            joined.append([onset[i], offset[i], plan.peak_uv[i], rest_uv[i]])
    table = np.array([row for row in joined if row[1] - row[0] >= 500_000]).reshape(-1, 4)
    return LegTruth(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3])


def leg_emg(
    duration_s: float,
    fs_hz: float,
    seed: int | Sequence[int],
    *,
    movements: LegPlan | None = None,
    disturbances_per_h: float = 40.0,
    tone_uv: Sequence[tuple[float, float, float]] = (),
    mains_uv: float = 0.0,
    mains_hz: float = 50.0,
    ecg_uv: float = 0.0,
    r_peaks_s: np.ndarray | None = None,
    limit_uv: float | None = None,
) -> tuple[np.ndarray, LegTruth]:
    """EMG of one leg and its true movements.

    Parameters
    ----------
    duration_s, fs_hz : float
    seed : int or sequence of int
        Every part of the signal draws from its own stream of this seed.
    movements : LegPlan, optional
        Planned movements (see `make_plan`); drawn by `movement_times` when absent.
    disturbances_per_h : float
        Candidates of twitches and of sub-threshold activity per hour, each.
    tone_uv : sequence of (onset_s, offset_s, level)
        Stretches with another resting level (µV RMS).
    mains_uv, mains_hz : float
        Peak amplitude and frequency of mains interference; its frequency wanders by 0.02 Hz.
    ecg_uv : float
        Peak of the R wave that leaks in, at ``r_peaks_s`` (drawn when absent).
    limit_uv : float, optional
        Amplifier limit: samples are clipped to ±``limit_uv``.

    Returns
    -------
    samples_uv : float64 array of shape (round(duration_s * fs_hz),)
    truth : LegTruth
    """
    base = [seed] if isinstance(seed, int) else list(seed)
    n = round(duration_s * fs_hz)
    t = np.arange(n) / fs_hz
    rest = resting_level(duration_s, [*base, 1], t)
    for begin, end, level in tone_uv:
        rest[int(begin * fs_hz) : int(end * fs_hz)] = level
    if movements is None:
        movements = make_plan(*movement_times(duration_s, [*base, 2]), [*base, 3])
    amplitude = rest.copy()
    heights = _bumps(amplitude, rest, movements, fs_hz)
    for plan in disturbances(duration_s, [*base, 4], movements, per_h=disturbances_per_h):
        above_rest = plan._replace(peak_uv=plan.peak_uv + _at(rest, plan.onset_s, fs_hz))
        _bumps(amplitude, rest, above_rest, fs_hz)
    samples = amplitude * band_noise(n, fs_hz, [*base, 5])
    if mains_uv:
        wander = 0.02 * 600.0 * (1.0 - np.cos(2 * np.pi * t / 600.0)) / (2 * np.pi)
        samples += mains_uv * np.sin(2 * np.pi * (mains_hz * t + wander))
    if ecg_uv:
        peaks = r_peak_times(duration_s, [*base, 6]) if r_peaks_s is None else r_peaks_s
        samples += qrs_train(n, fs_hz, peaks, ecg_uv)
    if limit_uv is not None:
        np.clip(samples, -limit_uv, limit_uv, out=samples)
    return samples, truth_of(movements, _at(rest, movements.onset_s, fs_hz), heights)


def _at(rest_uv: np.ndarray, times_s: np.ndarray, fs_hz: float) -> np.ndarray:
    return rest_uv[np.clip((times_s * fs_hz).astype(np.int64), 0, max(0, rest_uv.size - 1))]


def r_peak_times(duration_s: float, seed: int | Sequence[int], *, rate_per_min: float = 62.0) -> np.ndarray:
    """Times of R peaks with respiratory and random variation, seconds; float64 of shape (n_beats,)."""
    rng = np.random.default_rng(seed)
    mean = 60.0 / rate_per_min
    n = int(duration_s / mean * 1.2) + 10
    index = np.arange(n)
    intervals = mean * (1.0 + 0.04 * np.sin(2 * np.pi * index / 4.3) + 0.02 * rng.standard_normal(n))
    times = np.cumsum(np.clip(intervals, 0.4 * mean, 1.6 * mean))
    return times[times < duration_s - 0.5]


def qrs_train(n: int, fs_hz: float, r_peaks_s: np.ndarray, r_uv: float) -> np.ndarray:
    """QRS complexes (Q, R, S as Gaussian waves) at given times; float64 of shape (n,), µV."""
    samples = np.zeros(n)
    half = int(0.12 * fs_hz) + 1
    for peak in r_peaks_s:
        centre = round(peak * fs_hz)
        first, last = max(0, centre - half), min(n, centre + half)
        t = np.arange(first, last) / fs_hz - peak
        for height, at, width in ((-0.15, -0.025, 0.010), (1.0, 0.0, 0.011), (-0.25, 0.028, 0.012)):
            samples[first:last] += r_uv * height * np.exp(-0.5 * ((t - at) / width) ** 2)
    return samples


def ecg_signal(
    duration_s: float, fs_hz: float, seed: int | Sequence[int], *, r_peaks_s: np.ndarray | None = None
) -> np.ndarray:
    """ECG of one lead: QRS of 1000 µV, T wave, baseline wander and noise; float64 of shape (n,), µV."""
    base = [seed] if isinstance(seed, int) else list(seed)
    peaks = r_peak_times(duration_s, [*base, 6]) if r_peaks_s is None else r_peaks_s
    n = round(duration_s * fs_hz)
    t = np.arange(n) / fs_hz
    samples = qrs_train(n, fs_hz, peaks, 1000.0)
    half = int(0.2 * fs_hz)
    for peak in peaks:
        centre = round((peak + 0.28) * fs_hz)
        first, last = max(0, centre - half), min(n, centre + half)
        samples[first:last] += 220.0 * np.exp(-0.5 * ((t[first:last] - peak - 0.28) / 0.05) ** 2)
    rng = np.random.default_rng([*base, 7])
    return samples + 60.0 * np.sin(2 * np.pi * 0.25 * t) + 8.0 * rng.standard_normal(n)


def eeg_signal(duration_s: float, fs_hz: float, seed: int | Sequence[int]) -> np.ndarray:
    """EEG-like noise (most power below 4 Hz, 10 Hz rhythm); float64 of shape (n,), µV. Carries no truth."""
    base = [seed] if isinstance(seed, int) else list(seed)
    rng = np.random.default_rng([*base, 8])
    n = round(duration_s * fs_hz)
    slow = signal.sosfilt(signal.butter(1, 1.5, fs=fs_hz, output="sos"), rng.standard_normal(n))
    alpha = signal.sosfilt(
        signal.butter(1, (8.0, 12.0), btype="bandpass", fs=fs_hz, output="sos"), rng.standard_normal(n)
    )
    return 25.0 * slow / np.std(slow) + 8.0 * alpha / np.std(alpha) if n else np.zeros(0)
