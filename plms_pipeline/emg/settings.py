"""Every number and option of the detector, as one plain value."""

from typing import NamedTuple

import numpy as np


class Detector(NamedTuple):
    """Settings of the detector; meaning, unit and source of each stand in ``schemas/rules/detector.yaml``."""

    band_low_hz: float
    band_high_hz: float
    band_min_width_hz: float
    envelope: str
    envelope_short_s: float
    envelope_middle_s: float
    envelope_long_s: float
    envelope_bandwidth_time: float
    onset_above_rest_uv: float
    offset_above_rest_uv: float
    offset_quiet_s: float
    min_duration_s: float
    morphology_above_rest_uv: float
    morphology_window_s: float
    rest_block_s: float
    rest_window_s: float
    rest_memory_s: float
    rest_activity_above_uv: float
    rest_activity_ratio: float
    rest_quiet_s: float
    rest_max_burst_s: float
    rest_fall_s: float
    rest_start_s: float
    rest_start_quantile: float
    rest_least_s: float
    rest_standard_uv: float
    rest_limit_uv: float
    min_segment_s: float
    flat_rms_uv: float
    flat_min_s: float
    railed_min_s: float
    mains_candidates_hz: tuple[float, ...]
    mains_min_uv: float
    mains_min_ratio: float
    mains_min_fraction: float
    mains_window_s: float
    ecg_min_uv: float
    ecg_min_ratio: float
    ecg_min_beats: int
    ecg_group_beats: int
    ecg_window_s: tuple[float, float]
    ecg_refractory_s: float
    duplicate_correlation: float
    crosstalk_correlation: float
    epoch_s: float


class LegResult(NamedTuple):
    """Movements, unusable spans and signal quality of one leg; n movements, m epochs.

    ``onset_us``, ``offset_us`` (int64, n) from the start of the recording, half-open; ``peak_uv``, ``resting_uv``
    (float64, n); ``has_morphology``, ``is_kept``, ``is_truncated`` (bool, n); ``reject_reason`` (n; None = kept);
    ``unusable`` (onset_us, offset_us, reason), sorted; ``quality`` and ``epochs`` are the columns of the tables
    ``signal_quality`` and ``signal_quality_epoch`` without ids.
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    peak_uv: np.ndarray
    resting_uv: np.ndarray
    has_morphology: np.ndarray
    is_kept: np.ndarray
    reject_reason: list[str | None]
    is_truncated: np.ndarray
    unusable: list[tuple[int, int, str]]
    quality: dict[str, float | int | bool | str | None]
    epochs: dict[str, np.ndarray]
