"""Movements of one gapless run: the +8/+2 µV rule on envelope and resting level."""

from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.movements_kernels import find_movements, level_at, morphology
from plms_pipeline.emg.settings import Detector


class RunMovements(NamedTuple):
    """Movements of a run, arrays of shape (n,); ``onset`` and ``offset`` in samples of the run, half-open."""

    onset: np.ndarray
    offset: np.ndarray
    peak_uv: np.ndarray
    resting_uv: np.ndarray
    has_morphology: np.ndarray
    is_truncated: np.ndarray


def run_movements(
    envelope_uv: np.ndarray, rest_uv: np.ndarray, is_usable: np.ndarray, n_block: int, fs_hz: float, settings: Detector
) -> RunMovements:
    """Every rise of the envelope to rest + 8 µV, until it stays at or below rest + 2 µV for 0.5 s.

    WASM/IRLSSG 2016: onset at +8 µV over resting EMG; offset = start of at least 0.5 s during which the EMG does
    not exceed +2 µV over resting; morphology = some window of at least 0.5 s with its median at +2 µV or higher.
    A movement that is open where the run begins or ends is truncated (open point A16).

    Parameters
    ----------
    envelope_uv : float64 array of shape (n,)
    rest_uv, is_usable : arrays of shape (n_blocks,)
        Resting level and whether movements may be found, per block of ``n_block`` samples.
    n_block : int
    fs_hz : float
    settings : Detector

    Returns
    -------
    RunMovements
    """
    if rest_uv.size * n_block < envelope_uv.size or is_usable.size != rest_uv.size:
        raise ValueError("blocks do not cover the run")
    table, peak = find_movements(
        envelope_uv,
        rest_uv,
        is_usable,
        n_block,
        settings.onset_above_rest_uv,
        settings.offset_above_rest_uv,
        samples_of(settings.offset_quiet_s, fs_hz),
    )
    onset, offset = np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
    shape = morphology(
        envelope_uv,
        rest_uv,
        n_block,
        onset,
        offset,
        settings.morphology_above_rest_uv,
        samples_of(settings.morphology_window_s, fs_hz),
    )
    resting = np.array([level_at(i, rest_uv, n_block) for i in onset], dtype=np.float64)
    return RunMovements(onset, offset, peak, resting, shape, table[:, 2] != 0)


def samples_of(seconds: float, fs_hz: float) -> int:
    """Smallest number of samples that lasts at least ``seconds``."""
    return max(1, int(np.ceil(seconds * fs_hz - 1e-9)))
