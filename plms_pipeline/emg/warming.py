"""Compile every kernel of this room once."""

import numpy as np

from plms_pipeline import _jit
from plms_pipeline.emg.activity_kernels import level_at, loud_ticks, regions
from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.ecg_kernels import find_peaks, highest_of_blocks, locked_average, subtract_average
from plms_pipeline.emg.envelope_kernels import block_power, tick_power
from plms_pipeline.emg.mains_kernels import line_power, subtract_line
from plms_pipeline.emg.movements_kernels import Rule, find_movements
from plms_pipeline.emg.piezo_kernels import block_rms, relative_movements, running_quantile, running_rms, smallest_step
from plms_pipeline.emg.quality_kernels import long_runs, true_runs
from plms_pipeline.emg.resting_kernels import choose_tone, mean_of_rest


@_jit.warms
def warm() -> None:
    """Call every kernel on a second of a square wave, with the types of real input."""
    fs_hz = 100.0
    wave = np.where(np.arange(400) % 8 < 4, 1.0, -1.0)
    band = design_band(fs_hz, 10.0, 40.0)
    for x in (wave, wave.astype(np.float32)):
        y = band_pass(x, fs_hz, band)
        long_runs(x, -np.inf, np.inf, 50, 500)
    tick = tick_power(y, 2, True, 1e4)
    a, _ = block_power(tick, 10, 3, 1.5)
    mean_of_rest(a, choose_tone(a, a, a, 8.0, 2.0, 1.0, 1.25, 6, 12), a > 2.0, 40, 4, 0.1, 0.25)
    loud = loud_ticks(tick, np.ones(tick.size), 2.0, 7, 4, 1.5, True)
    rule = Rule(8.0, 2.0, 50, 50, 20, 2.0, 0.9, 0.02, 3, 6, 75, 350, 1, 1.6, 0.4, 0.3, 12.0, 60.0, 7.0, 2.0, 50, True)
    whole = np.array([[0, y.size]], dtype=np.int64)
    where = regions(loud, 40, 20, 2, y.size)
    find_movements(y, tick, a, whole, where, 2, 20, 7, 4, 1.5, 2, 10, 1.3, 1.1, 1e4, rule)
    level_at(0, a, 20)
    true_runs(loud, 1)
    line_power(y, np.zeros(1, dtype=np.int64), np.ones((1, 100)), np.ones((1, 100)))
    subtract_line(y, np.ones(26), np.zeros(26), 2)
    highest_of_blocks(y, 25)
    beats = find_peaks(y, np.ones(16), 25, 30)
    beats = np.concatenate([beats, [100.0]])
    mean, _ = locked_average(y, beats[(beats > 20) & (beats < 350)], 10, 15)
    subtract_average(y, beats[(beats > 20) & (beats < 350)], 10, mean)
    baseline = running_quantile(block_rms(y, 25), 8, 0.35)
    relative_movements(running_rms(y, 5, 11), baseline + smallest_step(wave), 25, 4.0, 2.0, 50)
