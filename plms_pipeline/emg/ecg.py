"""R waves that leak into the leg: found by averaging around the R peaks of the ECG, subtracted only where they are."""

from collections.abc import Sequence

import numpy as np

from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.ecg_kernels import find_peaks, locked_average, subtract_average
from plms_pipeline.emg.settings import Detector

QRS_BAND_HZ = (8.0, 30.0)
LEVEL_BLOCK_S = 2.0
LEVEL_HALF_BLOCKS = 8
LEVEL_FRACTION = 0.5


def r_peaks_us(ecg: Sequence[tuple[int, np.ndarray]], fs_hz: float, settings: Detector) -> np.ndarray:
    """R peaks of an ECG: maxima in the QRS band above half of the usual maximum around them.

    Parameters
    ----------
    ecg : sequence of (start_us, float64 array of shape (n,))
    fs_hz : float
    settings : Detector

    Returns
    -------
    float64 array of shape (n_beats,)
        Times in µs from the start of the recording, in order.
    """
    n_block = max(1, round(LEVEL_BLOCK_S * fs_hz))
    found: list[np.ndarray] = []
    try:
        band = design_band(fs_hz, *QRS_BAND_HZ)
    except ValueError:
        return np.zeros(0)
    for start_us, samples in ecg:
        x = np.asarray(samples, dtype=np.float64)
        if x.size < 2 * n_block or not np.isfinite(x).all():
            continue
        y = band_pass(x, fs_hz, band)
        n_blocks = -(-y.size // n_block)
        tops = np.array([np.abs(y[b * n_block : (b + 1) * n_block]).max() for b in range(n_blocks)])
        level = np.array(
            [
                np.median(tops[max(0, b - LEVEL_HALF_BLOCKS) : b + LEVEL_HALF_BLOCKS + 1]) * LEVEL_FRACTION
                for b in range(n_blocks)
            ]
        )
        peaks = find_peaks(y, np.maximum(level, 1e-9), n_block, max(1, round(settings.ecg_refractory_s * fs_hz)))
        found.append(start_us + peaks * (1e6 / fs_hz))
    return np.concatenate(found) if found else np.zeros(0)


def remove_ecg(
    y_uv: np.ndarray, start_us: int, fs_hz: float, beats_us: np.ndarray, settings: Detector
) -> tuple[float, bool] | None:
    """Subtract the R-locked average of a run in place, group of beats by group, where it is large and certain.

    Parameters
    ----------
    y_uv : float64 array of shape (n,), changed in place
        Conditioned EMG.
    start_us : int
    fs_hz : float
    beats_us : float64 array of shape (n_beats,)
    settings : Detector

    Returns
    -------
    (peak_uv, is_removed) or None
        Largest peak of a group's average, and whether any was subtracted; None with too few beats.
    """
    before, after = round(-settings.ecg_window_s[0] * fs_hz), round(settings.ecg_window_s[1] * fs_hz)
    beats = (beats_us - start_us) * (fs_hz / 1e6)
    beats = beats[(beats >= before + 1) & (beats < y_uv.size - after - 2)]
    if beats.size < settings.ecg_min_beats:
        return None
    top, is_removed = 0.0, False
    for group in np.array_split(beats, max(1, beats.size // settings.ecg_group_beats)):
        mean, error = locked_average(y_uv, group, before, after)
        peak = float(np.abs(mean).max())
        if peak >= settings.ecg_min_ratio * error:
            top = max(top, peak)
            if peak >= settings.ecg_min_uv:
                subtract_average(y_uv, group, before, mean)
                is_removed = True
    return top, is_removed
