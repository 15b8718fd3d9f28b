"""The detectors under test, each from a recording to movements per leg. Luna runs elsewhere (`luna.py`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import ndimage, signal

from benchmarks.detector.judging import Detected
from plms_pipeline import emg, night
from plms_pipeline.simulate.conditions import Recording, segments

ONSET_UV, OFFSET_UV, QUIET_S, LEAST_S = 8.0, 2.0, 0.5, 0.5
Found = dict[str, Detected]


@lru_cache
def detector_settings() -> Any:
    """The shipped detector settings."""
    return night.load_detector()


def ours(recording: Recording) -> Found:
    """The package's detector with its shipped settings, as `plms detect` calls it."""
    detector = detector_settings()
    ecg = None if recording.ecg_uv is None else segments(recording.ecg_uv, recording.ecg_fs_hz, recording.gaps)
    beats = None if ecg is None else emg.r_peaks_us(ecg, recording.ecg_fs_hz, detector)
    found = {}
    limit = recording.channel.range_uv
    for name, leg in recording.legs.items():
        result = emg.detect_leg(
            segments(leg.samples_uv, recording.fs_hz, recording.gaps),
            recording.fs_hz,
            detector,
            rail_low_uv=-limit,
            rail_high_uv=limit,
            lowpass_hz=recording.lowpass_hz,
            beats_us=beats,
        )
        keep = result.is_kept & result.has_morphology
        found[name] = Detected(
            result.onset_us[keep], result.offset_us[keep], tuple((a, b) for a, b, _ in result.unusable)
        )
    return found


def _joined(recording: Recording, find: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]) -> Found:
    """Apply a detector of one gapless array to every recorded stretch of every leg."""
    found = {}
    for name, leg in recording.legs.items():
        onsets, offsets = [], []
        for start_us, part in segments(leg.samples_uv.astype(np.float64), recording.fs_hz, recording.gaps):
            onset, offset = find(part, recording.fs_hz)
            onsets.append(start_us + np.rint(onset * 1e6 / recording.fs_hz).astype(np.int64))
            offsets.append(start_us + np.rint(offset * 1e6 / recording.fs_hz).astype(np.int64))
        found[name] = Detected(np.concatenate(onsets), np.concatenate(offsets))
    return found


def band_passed(samples: np.ndarray, fs_hz: float) -> np.ndarray:
    """10-100 Hz (upper edge at most 0.45 of the rate), order 4, zero phase."""
    sos = signal.butter(4, (10.0, min(100.0, 0.45 * fs_hz)), btype="bandpass", fs=fs_hz, output="sos")
    filtered: np.ndarray = signal.sosfiltfilt(sos, samples)
    return filtered


def rule_on(amplitude: np.ndarray, rest: np.ndarray | float, fs_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """The rule on an amplitude, vectorised: runs above +2 µV joined over < 0.5 s, from their first +8 µV; samples."""
    over = amplitude - rest
    edges = np.flatnonzero(np.diff(np.concatenate([[False], over > OFFSET_UV, [False]]).astype(np.int8)))
    first, last = edges[0::2], edges[1::2]
    if not first.size:
        return first, last
    is_apart = (first[1:] - last[:-1]) >= QUIET_S * fs_hz
    first, last = first[np.concatenate([[True], is_apart])], last[np.concatenate([is_apart, [True]])]
    reached = np.append(np.flatnonzero(over >= ONSET_UV), over.size)
    onset = reached[np.searchsorted(reached, first)]
    keep = (onset < last) & (last - onset >= LEAST_S * fs_hz)
    return onset[keep], last[keep]


def literal(recording: Recording) -> Found:
    """+8/+2 µV sample by sample on the rectified band-passed EMG, rest = median of 60 s rectified."""

    def find(samples: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
        rectified = np.abs(band_passed(samples, fs))
        return rule_on(rectified, _low_percentile(rectified, fs, 50.0), fs)

    return _joined(recording, find)


def rms(recording: Recording) -> Found:
    """RMS of 0.15 s, rest = 10th percentile of 60 s around."""

    def find(samples: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
        amplitude = moving_rms(band_passed(samples, fs), fs, 0.15)
        return rule_on(amplitude, _low_percentile(amplitude, fs, 10.0), fs)

    return _joined(recording, find)


def plain_scipy(recording: Recording) -> Found:
    """The reference of speed: band-pass, RMS of 0.1 s, one resting level per recording (10th percentile), the rule."""

    def find(samples: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray]:
        amplitude = moving_rms(band_passed(samples, fs), fs, 0.1)
        return rule_on(amplitude, float(np.percentile(amplitude, 10.0)), fs)

    return _joined(recording, find)


def moving_rms(samples: np.ndarray, fs_hz: float, window_s: float) -> np.ndarray:
    """Centred moving RMS, float64 of the same shape."""
    power = ndimage.uniform_filter1d(np.square(samples), max(1, round(window_s * fs_hz)))
    root: np.ndarray = np.sqrt(np.maximum(power, 0.0))
    return root


def _low_percentile(amplitude: np.ndarray, fs_hz: float, percent: float) -> np.ndarray:
    """Percentile of 60 s around, from every 0.1 s, linear between whole seconds."""
    step, half = max(1, round(0.1 * fs_hz)), 300
    thin = amplitude[::step]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(thin, half, mode="reflect"), 2 * half + 1)[::10]
    level = np.percentile(around, percent, axis=1)
    rest: np.ndarray = np.interp(np.arange(amplitude.size), np.arange(level.size) * 10 * step, level)
    return rest


DETECTORS: dict[str, Callable[[Recording], Found]] = {
    "ours": ours,
    "rms": rms,
    "scipy": plain_scipy,
    "literal": literal,
}
