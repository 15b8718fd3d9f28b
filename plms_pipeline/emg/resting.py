"""Resting level: RMS of the EMG outside activity, following slow and fast changes of tone."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from plms_pipeline.emg.resting_kernels import choose_tone, mean_of_rest
from plms_pipeline.emg.settings import Detector


class Rest(NamedTuple):
    """Per block: resting level (µV), whether it holds activity, whether a new level of tone begins; shape (n,)."""

    level_uv: np.ndarray
    is_active: np.ndarray
    is_change: np.ndarray


def opening(values: np.ndarray, n: int) -> np.ndarray:
    """Largest level that holds for ``n`` values in a row around each value (grey opening); mirrored at the ends.

    It follows a plateau of ``n`` values or more and cuts off whatever is shorter.
    """
    size = min(2 * (n // 2) + 1, 2 * values.size - 1)
    lowest = ndimage.minimum_filter1d(values, size, mode="mirror")
    return np.asarray(ndimage.maximum_filter1d(lowest, size, mode="mirror"))


def mean_around(values: np.ndarray, half: int) -> np.ndarray:
    """Mean of the values within ``half`` of each, fewer at the ends; each summed for itself.

    A running sum would carry rounding from loud values into quiet ones, down to a power below zero.
    """
    n = values.size
    total, count = np.zeros(n), np.zeros(n)
    for shift in range(-half, half + 1):
        if abs(shift) < n:
            total[max(0, -shift) : n - max(0, shift)] += values[max(0, shift) : n - max(0, -shift)]
            count[max(0, -shift) : n - max(0, shift)] += 1.0
    return total / count


def _percentile_level(a: np.ndarray, settings: Detector) -> Rest:
    """Low percentile of the blocks around, raised to the usual resting block; knows no tone."""
    size = min(2 * round(0.5 * settings.rest_percentile_window_s / settings.rest_block_s) + 1, 2 * a.size - 1)
    low = np.asarray(ndimage.percentile_filter(a, settings.rest_percentile, size=size, mode="mirror"))
    level = low * _above_least(a, low, settings)
    active = a > np.maximum(level + settings.rest_activity_above_uv, level * settings.rest_activity_ratio)
    return Rest(level, active, np.zeros(a.size, dtype=np.bool_))


def resting_level(block_uv: np.ndarray, settings: Detector) -> Rest:
    """Resting level of one gapless run.

    Open point A17 (docs/decisions/0003-open-points-of-scoring.md): the published rules give no estimator. Two
    openings of the amplitude follow what lasts longer than a movement and longer than any burst. Between them lies
    tone, unless it reaches +8 µV with the edge of a movement: then it is a burst, and the slower one is the level
    below it. Blocks above that level by 1.5 µV or 40 % are activity, with a block to either side; the resting level
    is the root mean square of the other blocks within ±10 s and the same tone.

    Parameters
    ----------
    block_uv : float64 array of shape (n,)
        Amplitude of consecutive blocks of ``settings.rest_block_s``.
    settings : Detector

    Returns
    -------
    Rest
    """
    a = np.ascontiguousarray(block_uv, dtype=np.float64)
    if settings.resting == "percentile":
        return _percentile_level(a, settings)
    per_s = 1.0 / settings.rest_block_s
    s = np.sqrt(mean_around(a * a, round(0.5 * (settings.rest_smooth_s * per_s - 1.0))))
    fast = opening(s, round(settings.rest_movement_s * per_s))
    slow = np.minimum(fast, opening(s, round(settings.rest_max_burst_s * per_s)))
    fast, slow = fast * _above_least(a, fast, settings), slow * _above_least(a, slow, settings)
    tone = choose_tone(
        s,
        fast,
        slow,
        settings.onset_above_rest_uv,
        settings.offset_above_rest_uv,
        settings.rest_tone_differs_uv,
        settings.rest_tone_differs_ratio,
        round(settings.rest_tone_edge_s * per_s),
        round(settings.rest_tone_margin_s * per_s),
    )
    active = a > np.maximum(tone + settings.rest_activity_above_uv, tone * settings.rest_activity_ratio)
    beside = active.copy()
    beside[1:] |= active[:-1]
    beside[:-1] |= active[1:]
    level = mean_of_rest(
        a,
        tone,
        beside,
        round(0.5 * settings.rest_window_s * per_s),
        max(1, round(settings.rest_least_s * per_s)),
        settings.rest_same_uv,
        settings.rest_same_ratio,
    )
    change = np.zeros(a.size, dtype=np.bool_)
    change[1:] = np.abs(np.diff(tone)) > settings.rest_same_uv + settings.rest_same_ratio * tone[:-1]
    return Rest(level, active, change)


def _above_least(a: np.ndarray, level: np.ndarray, settings: Detector) -> float:
    """By how much the usual resting block exceeds the least of a window: the least of many is no mean."""
    resting = (level > 0.0) & (a < settings.rest_start_ratio * level)
    if not resting.any():
        return 1.0
    return float(np.clip(np.median(a[resting] / level[resting]), 1.0, settings.rest_least_gain))
