"""Compile every kernel of this room once."""

import numpy as np

from plms_pipeline import _jit
from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.ecg_kernels import find_peaks, locked_average, subtract_average
from plms_pipeline.emg.envelope import amplitude
from plms_pipeline.emg.mains_kernels import line_power, subtract_line
from plms_pipeline.emg.movements_kernels import find_movements, level_at, morphology
from plms_pipeline.emg.piezo_kernels import block_rms, relative_movements, running_quantile, running_rms, smallest_step
from plms_pipeline.emg.quality_kernels import long_runs, true_runs
from plms_pipeline.emg.resting_kernels import mark_activity, rest_power


@_jit.warms
def warm() -> None:
    """Call every kernel on a second of a square wave, with the types of real input."""
    fs_hz = 100.0
    x = np.where(np.arange(200) % 8 < 4, 1.0, -1.0)
    y = band_pass(x, fs_hz, design_band(fs_hz, 10.0, 40.0))
    parts = amplitude(y, fs_hz, short_s=0.05, middle_s=0.2, long_s=0.35, block_s=0.25)
    active, change = mark_activity(parts.block_uv, 2.0, 1.5, 40.0, 2, 160, 12, 240, 0.2)
    rest = np.sqrt(rest_power(parts.block_uv * parts.block_uv, active, change, 60, 8))
    find_movements(parts.envelope_uv, rest, active, 25, 8.0, 2.0, 50)
    one = np.zeros(1, dtype=np.int64)
    level_at(0, rest, 25)
    morphology(parts.envelope_uv, rest, 25, one, one + 100, 2.0, 50)
    line_power(y, np.zeros(1, dtype=np.int64), np.ones((1, 100)), np.ones((1, 100)))
    subtract_line(y, 1.0, 0.0, 25, 2)
    beats = find_peaks(x, np.ones(8), 25, 30)
    mean, _ = locked_average(y, beats[(beats > 20) & (beats < 150)], 10, 15)
    subtract_average(y, beats[(beats > 20) & (beats < 150)], 10, mean)
    long_runs(x, -np.inf, np.inf, 50, 500)
    true_runs(active, 1)
    baseline = running_quantile(block_rms(y, 25), 8, 0.35)
    relative_movements(running_rms(y, 5, 11), baseline + smallest_step(x), 25, 4.0, 2.0, 50)
