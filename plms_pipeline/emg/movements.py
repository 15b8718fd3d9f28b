"""Movements of one gapless run: the +8/+2 µV rule on envelope and resting level."""

from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.activity_kernels import loud_ticks, regions
from plms_pipeline.emg.envelope import LIMIT_UV, Grid, ticks_of
from plms_pipeline.emg.movements_kernels import Rule, find_movements
from plms_pipeline.emg.settings import Detector

REASONS: tuple[str | None, ...] = (None, "too_short", "broken", "below_onset")


class RunMovements(NamedTuple):
    """Movements of a run, arrays of shape (n,); ``onset`` and ``offset`` in samples of the run, half-open.

    ``reason`` is an index of `REASONS`.
    """

    onset: np.ndarray
    offset: np.ndarray
    peak_uv: np.ndarray
    resting_uv: np.ndarray
    has_morphology: np.ndarray
    is_truncated: np.ndarray
    reason: np.ndarray


def run_movements(
    y_uv: np.ndarray,
    tick: np.ndarray,
    rest_uv: np.ndarray,
    is_usable: np.ndarray,
    grid: Grid,
    fs_hz: float,
    settings: Detector,
) -> RunMovements:
    """Every rise of the envelope to rest + 8 µV, until it stays at or below rest + 2 µV for 0.5 s.

    WASM/IRLSSG 2016: onset at +8 µV over resting EMG; offset = start of at least 0.5 s during which the EMG does
    not exceed +2 µV over resting; morphology = some window of at least 0.5 s with its median at +2 µV or higher.
    A movement that is open where the run or its usable part begins or ends is truncated (open point A16).

    Parameters
    ----------
    y_uv : float32 array of shape (n,)
        Conditioned EMG.
    tick : float64 array of shape (n_ticks,)
        Its power per tick.
    rest_uv, is_usable : arrays of shape (n_blocks,)
        Resting level and whether movements may be found, per block.
    grid : Grid
    fs_hz : float
    settings : Detector

    Returns
    -------
    RunMovements
    """
    if is_usable.size != rest_uv.size:
        raise ValueError("blocks do not cover the run")
    is_rms = settings.envelope == "rms"
    level = np.interp(
        np.arange(tick.size) * grid.n_tick + 0.5 * (grid.n_tick - 1.0),
        np.arange(rest_uv.size) * grid.n_block + 0.5 * (grid.n_block - 1.0),
        rest_uv,
    )
    loud = loud_ticks(
        tick,
        level,
        settings.offset_above_rest_uv,
        grid.ticks_of_long // 2,
        grid.n_top,
        grid.gain_long,
        is_rms,
    )
    majority = 2 * int(0.5 * settings.activity_majority_s * fs_hz) + 1
    margin = ticks_of(settings.offset_quiet_s + majority / fs_hz, fs_hz, grid) + 2
    where = regions(loud, 2 * margin, margin, grid.n_tick, y_uv.size)
    rule = Rule(
        settings.onset_above_rest_uv,
        settings.offset_above_rest_uv,
        samples_of(settings.offset_quiet_s, fs_hz),
        samples_of(settings.min_duration_s, fs_hz),
        majority // 2,
        settings.broken_above_rest_uv,
        settings.broken_share,
        settings.broken_per_s / fs_hz,
        settings.broken_stretches,
        int(settings.broken_hole_s * fs_hz),
        samples_of(settings.broken_core_s, fs_hz),
        samples_of(settings.pedestal_min_s, fs_hz),
        max(1, grid.n_tick // 2),
        settings.pedestal_ratio,
        settings.pedestal_share,
        settings.confirm_share,
        settings.confirm_window_s[0] * fs_hz / grid.n_tick,
        settings.confirm_window_s[1] * fs_hz / grid.n_tick,
        settings.confirm_above_rest_uv,
        settings.morphology_above_rest_uv,
        samples_of(settings.morphology_window_s, fs_hz),
        is_rms,
    )
    times, values = find_movements(
        y_uv,
        tick,
        rest_uv,
        usable_parts(is_usable, grid.n_block, y_uv.size),
        where,
        grid.n_tick,
        grid.n_block,
        grid.ticks_of_long // 2,
        grid.n_top,
        grid.gain_long,
        grid.half_short,
        grid.half_middle,
        settings.envelope_short_gain,
        settings.envelope_middle_gain,
        LIMIT_UV,
        rule,
    )
    return RunMovements(
        times[:, 0].copy(),
        times[:, 1].copy(),
        values[:, 0].copy(),
        values[:, 1].copy(),
        times[:, 3] != 0,
        times[:, 2] != 0,
        times[:, 4].copy(),
    )


def usable_parts(is_usable: np.ndarray, n_block: int, n: int) -> np.ndarray:
    """Usable stretches in samples, int64 (k, 2), half-open; the last block reaches to the end of the run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_usable.astype(np.int8), [0]])))
    parts = edges.reshape(-1, 2).astype(np.int64) * n_block
    parts[parts == is_usable.size * n_block] = n
    return parts


def samples_of(seconds: float, fs_hz: float) -> int:
    """Smallest number of samples that lasts at least ``seconds``."""
    return max(1, int(np.ceil(seconds * fs_hz - 1e-9)))
