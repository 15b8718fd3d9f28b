"""R waves that leak into the leg: found by averaging around the R peaks of the ECG, subtracted only where they are."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.ecg_kernels import find_peaks, highest_of_blocks, locked_average, subtract_average
from plms_pipeline.emg.settings import Detector


def r_peaks_us(ecg: Sequence[tuple[int, np.ndarray]], fs_hz: float, settings: Detector) -> np.ndarray:
    """R peaks of an ECG: maxima in the QRS band above half of the usual maximum around them.

    Parameters
    ----------
    ecg : sequence of (start_us, array of shape (n,))
    fs_hz : float
    settings : Detector

    Returns
    -------
    float64 array of shape (n_beats,)
        Times in µs from the start of the recording, in order.
    """
    step = max(1, int(fs_hz / settings.ecg_least_rate_hz))
    rate_hz = fs_hz / step
    n_block = max(1, round(settings.ecg_level_block_s * rate_hz))
    found: list[np.ndarray] = []
    try:
        band = design_band(rate_hz, *settings.ecg_band_hz)
    except ValueError:
        return np.zeros(0)
    for start_us, samples in ecg:
        x = thinned(np.asarray(samples), step)
        if x.size < 2 * n_block or not np.isfinite(x).all():
            continue
        y = band_pass(x, rate_hz, band)
        tops = highest_of_blocks(y, n_block)
        level = ndimage.median_filter(tops, settings.ecg_level_blocks, mode="reflect") * settings.ecg_level_fraction
        peaks = find_peaks(y, np.maximum(level, 1e-9), n_block, max(1, round(settings.ecg_refractory_s * rate_hz)))
        found.append(start_us + (peaks * step + 0.5 * (step - 1)) * (1e6 / fs_hz))
    return np.concatenate(found) if found else np.zeros(0)


def thinned(x: np.ndarray, step: int) -> np.ndarray:
    """Means of ``step`` samples in a row; a rest at the end is left out."""
    if step == 1:
        return x
    n = x.size // step
    out = x[: n * step : step].astype(np.float64)
    for k in range(1, step):
        out += x[k : n * step : step]
    return np.asarray(out / step)


def steady_intervals(beats_us: np.ndarray, settings: Detector) -> np.ndarray:
    """Which intervals between beats are near the usual one around them; bool (n_beats - 1,)."""
    interval_s = np.diff(beats_us) / 1e6
    usual_s = ndimage.median_filter(interval_s, settings.ecg_rhythm_beats, mode="nearest")
    return np.asarray(np.abs(interval_s - usual_s) < settings.ecg_rhythm_tolerance * usual_s)


def has_rhythm(beats_us: np.ndarray, settings: Detector) -> bool:
    """Whether peaks come as regularly, and as often, as a heart beats."""
    if beats_us.size < settings.ecg_min_beats:
        return False
    low_s, high_s = settings.ecg_rhythm_interval_s
    is_usual = low_s <= np.median(np.diff(beats_us)) / 1e6 <= high_s
    return bool(is_usual and np.mean(steady_intervals(beats_us, settings)) >= settings.ecg_rhythm_share)


def own_beats_us(y_uv: np.ndarray, start_us: int, fs_hz: float, settings: Detector) -> np.ndarray:
    """Beats seen in the leg itself, for a recording without an ECG channel.

    Peaks of the QRS band count as beats where they come as regularly as a heart beats; a leg without R waves has
    peaks, but no rhythm.

    Parameters
    ----------
    y_uv : float32 array of shape (n,)
        Conditioned EMG of one run.
    start_us : int
    fs_hz : float
    settings : Detector

    Returns
    -------
    float64 array of shape (n_beats,)
        Times in µs; empty without a rhythm.
    """
    beats = r_peaks_us([(start_us, y_uv)], fs_hz, settings)
    if beats.size < settings.ecg_min_beats:
        return np.zeros(0)
    steady = steady_intervals(beats, settings)
    # R waves may reach the leg for a part of the night only: the rhythm is asked for around each beat.
    size = min(settings.ecg_group_beats, steady.size)
    sums = np.concatenate([[0], np.cumsum(steady, dtype=np.int64)])
    first = np.clip(np.arange(steady.size) - size // 2, 0, steady.size - size)
    often = sums[first + size] - sums[first] >= settings.ecg_rhythm_share * size
    interval_s = ndimage.median_filter(np.diff(beats) / 1e6, settings.ecg_rhythm_beats, mode="nearest")
    low_s, high_s = settings.ecg_rhythm_interval_s
    good = steady & often & (interval_s >= low_s) & (interval_s <= high_s)
    in_rhythm = np.zeros(beats.size, dtype=np.bool_)
    in_rhythm[:-1] |= good
    in_rhythm[1:] |= good
    return beats[in_rhythm]


def remove_ecg(
    y_uv: np.ndarray, start_us: int, fs_hz: float, beats_us: np.ndarray, settings: Detector
) -> tuple[float, list[tuple[int, int]]] | None:
    """Subtract the R-locked average of a run in place, group of beats by group, where it is large and certain.

    Parameters
    ----------
    y_uv : float32 array of shape (n,), changed in place
        Conditioned EMG.
    start_us : int
    fs_hz : float
    beats_us : float64 array of shape (n_beats,)
    settings : Detector

    Returns
    -------
    (peak_uv, removed) or None
        Largest peak of a group's average, and the stretches of samples (half-open) in which one was subtracted; None
        with too few beats.
    """
    before, after = round(-settings.ecg_window_s[0] * fs_hz), round(settings.ecg_window_s[1] * fs_hz)
    beats = (beats_us - start_us) * (fs_hz / 1e6)
    beats = beats[(beats >= before + 1) & (beats < y_uv.size - after - 2)]
    if beats.size < settings.ecg_min_beats:
        return None
    top = 0.0
    removed: list[tuple[int, int]] = []
    for group in np.array_split(beats, max(1, beats.size // settings.ecg_group_beats)):
        mean, error = locked_average(y_uv, group, before, after)
        peak = float(np.abs(mean).max())
        if peak >= settings.ecg_min_ratio * error:
            top = max(top, peak)
            if peak >= settings.ecg_min_uv:
                subtract_average(y_uv, group, before, mean)
                removed.append((int(group[0]), int(group[-1]) + 1))
    return top, removed
