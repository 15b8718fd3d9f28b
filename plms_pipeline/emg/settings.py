"""Every number and option of the detector, as one plain value."""

from typing import NamedTuple

import numpy as np


class Detector(NamedTuple):
    """Settings of the detector; meaning, unit and source of each stand in ``schemas/rules/detector_emg.yaml``."""

    band_low_hz: float
    band_high_hz: float
    band_min_width_hz: float
    envelope: str
    envelope_tick_s: float
    envelope_short_s: float
    envelope_short_bandwidth_time: float
    envelope_short_gain: float
    envelope_middle_s: float
    envelope_middle_gain: float
    envelope_long_s: float
    envelope_bandwidth_time: float
    envelope_trim_s: float
    envelope_trim_margin: float
    onset_above_rest_uv: float
    offset_above_rest_uv: float
    offset_quiet_s: float
    min_duration_s: float
    morphology_above_rest_uv: float
    morphology_window_s: float
    activity_majority_s: float
    broken_above_rest_uv: float
    broken_share: float
    broken_per_s: float
    broken_stretches: int
    broken_hole_s: float
    broken_core_s: float
    pedestal_min_s: float
    pedestal_ratio: float
    pedestal_share: float
    confirm_share: float
    confirm_window_s: tuple[float, float]
    confirm_above_rest_uv: float
    resting: str
    rest_block_s: float
    rest_smooth_s: float
    rest_movement_s: float
    rest_max_burst_s: float
    rest_least_gain: float
    rest_start_ratio: float
    rest_tone_differs_uv: float
    rest_tone_differs_ratio: float
    rest_tone_edge_s: float
    rest_tone_margin_s: float
    rest_activity_above_uv: float
    rest_activity_ratio: float
    rest_window_s: float
    rest_least_s: float
    rest_same_uv: float
    rest_same_ratio: float
    rest_percentile: float
    rest_percentile_window_s: float
    rest_standard_uv: float
    rest_limit_uv: float
    min_segment_s: float
    flat_rms_uv: float
    flat_min_s: float
    railed_min_s: float
    crackle_ratio: float
    crackle_above_uv: float
    crackle_epoch_share: float
    mains: str
    mains_candidates_hz: tuple[float, ...]
    mains_min_uv: float
    mains_min_ratio: float
    mains_min_fraction: float
    mains_window_s: float
    mains_test_window_s: float
    mains_test_every_s: float
    mains_test_windows: int
    mains_least_windows: int
    mains_neighbours_hz: tuple[float, ...]
    ecg: str
    ecg_band_hz: tuple[float, float]
    ecg_least_rate_hz: float
    ecg_level_block_s: float
    ecg_level_blocks: int
    ecg_level_fraction: float
    ecg_min_uv: float
    ecg_min_ratio: float
    ecg_min_beats: int
    ecg_group_beats: int
    ecg_window_s: tuple[float, float]
    ecg_refractory_s: float
    ecg_rhythm_beats: int
    ecg_rhythm_tolerance: float
    ecg_rhythm_share: float
    ecg_rhythm_interval_s: tuple[float, float]
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
