"""Resting level: RMS of the EMG outside activity, following slow and fast changes of tone."""

from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.resting_kernels import mark_activity, rest_power
from plms_pipeline.emg.settings import Detector


class Rest(NamedTuple):
    """Per block: resting level (µV), whether it holds activity, whether a new level of tone begins; shape (n,)."""

    level_uv: np.ndarray
    is_active: np.ndarray
    is_change: np.ndarray


def resting_level(block_uv: np.ndarray, settings: Detector) -> Rest:
    """Resting level of one gapless run.

    Open point A17 (docs/decisions/0003-open-points-of-scoring.md): the published rules give no estimator. A block
    is active above rest + 2 µV (or 1.5 times rest, whichever is higher) and stays so until it is quiet for 0.5 s.
    Activity of up to 40 s never enters the level; longer activity is a change of tone from its beginning, and so
    is a fall below rest / 1.5 that lasts. The level is the root mean square of resting blocks within the window
    and within the same tone.

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
    per_s = 1.0 / settings.rest_block_s
    active, change = mark_activity(
        a,
        settings.rest_activity_above_uv,
        settings.rest_activity_ratio,
        settings.rest_memory_s * per_s,
        max(1, round(settings.rest_quiet_s * per_s)),
        round(settings.rest_max_burst_s * per_s),
        max(1, round(settings.rest_fall_s * per_s)),
        max(1, round(settings.rest_start_s * per_s)),
        settings.rest_start_quantile,
    )
    power = rest_power(
        a * a,
        active,
        change,
        max(1, round(0.5 * settings.rest_window_s * per_s)),
        max(1, round(settings.rest_least_s * per_s)),
    )
    return Rest(np.sqrt(power), active, change)
