"""Resting EMG of a condition: its level along the night, and the band-limited noise that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import signal

from plms_pipeline.simulate.drawing import count, draw, stretches

EPOCH_S = 30.0


def carrier(rng: np.random.Generator, n: int, fs_hz: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Gaussian noise of unit RMS (in expectation) between two frequencies, float64 of shape (n,).

    The upper edge is limited to 0.45 of the sampling rate.
    """
    high = min(high_hz, 0.45 * fs_hz)
    sos = signal.butter(4, (low_hz, high), btype="bandpass", fs=fs_hz, output="sos")
    settle = int(fs_hz)
    noise = signal.sosfilt(sos, rng.standard_normal(n + settle))[settle:]
    impulse = np.zeros(16 * settle)
    impulse[0] = 1.0
    unit: np.ndarray = noise / np.sqrt(np.sum(np.square(signal.sosfilt(sos, impulse))))
    return unit


def hypnogram(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float) -> list[str]:
    """Stages of whole 30-s epochs: wake until sleep onset, then bouts of N2, R and W; list of shape (n_epochs,)."""
    n = int(duration_s // EPOCH_S)
    stages = ["W"] * round(float(draw(rng, how["latency_min"])) * 60.0 / EPOCH_S)
    while len(stages) < n:
        roll = float(rng.random())
        if roll < how["wake_share"]:
            stages += ["W"] * max(1, round(float(draw(rng, how["wake_min"])) * 60.0 / EPOCH_S))
        stage = "R" if roll > 1.0 - how["rem_share"] else "N2"
        stages += [stage] * round(float(draw(rng, how["bout_min"])) * 60.0 / EPOCH_S)
    return stages[:n]


def resting_level(
    rng: np.random.Generator, condition: Mapping[str, Any], stages: list[str], n: int, fs_hz: float
) -> np.ndarray:
    """Resting level of one leg, float64 of shape (n,), µV RMS: stage, drift, step, tonic and crackle stretches."""
    how = condition["rest"]
    t = np.arange(n) / fs_hz
    duration = n / fs_hz
    of_stage = {"W": how["wake_times"], "R": how["rem_times"]}
    level = _by_stage(rng, [of_stage.get(stage, 1.0) for stage in stages], how["stage_ramp_s"], t)
    knots = np.cumsum([0.0, *(float(draw(rng, how["drift_min"])) * 60.0 for _ in range(40))])
    share = float(draw(rng, how["drift_share"]))
    level *= np.interp(t, knots, rng.uniform(1.0 - share, 1.0 + share, knots.size))
    level *= float(draw(rng, how["rms_uv"]))
    level[n // 2 :] *= float(draw(rng, how["step_times"]))
    raised = np.zeros(n)
    if "tonic" in condition:
        _tonic(rng, condition["tonic"], raised, duration, fs_hz)
    if "crackle" in condition:
        _crackle(rng, condition["crackle"], raised, duration, fs_hz)
    level += raised
    return level


def _by_stage(rng: np.random.Generator, factors: list[float], ramp_s: Any, t: np.ndarray) -> np.ndarray:
    at, value = [0.0], [factors[0] if factors else 1.0]
    for k in range(1, len(factors)):
        if factors[k] != factors[k - 1]:
            ramp = max(1e-3, float(draw(rng, ramp_s)))
            at += [k * EPOCH_S, k * EPOCH_S + ramp]
            value += [factors[k - 1], factors[k]]
    level: np.ndarray = np.interp(t, at, value)
    return level


def _tonic(rng: np.random.Generator, how: Mapping[str, Any], raised: np.ndarray, duration_s: float, fs: float) -> None:
    """Stretches of raised tone with ramps at both ends; the ramps lie inside the stretch."""
    for start, end in stretches(rng, count(rng, how, duration_s / 3600.0), how["duration_s"], duration_s):
        first, last = int(start * fs), min(raised.size, int(end * fs))
        t = np.arange(last - first) / fs
        up, down = (min(float(draw(rng, how["ramp_s"])), 0.45 * (end - start)) for _ in range(2))
        height = np.clip(np.minimum(t / up, (end - start - t) / down), 0.0, 1.0)
        shape = draw(rng, how["shape"])
        if shape == "cosine":
            height = 0.5 - 0.5 * np.cos(np.pi * height)
        elif shape == "staircase":
            height = np.ceil(3.0 * height) / 3.0
        np.maximum(raised[first:last], float(draw(rng, how["level_uv"])) * height, out=raised[first:last])


def _crackle(
    rng: np.random.Generator, how: Mapping[str, Any], raised: np.ndarray, duration_s: float, fs: float
) -> None:
    """Stretches of a loose electrode: sharp edges, steady or switching."""
    kind = draw(rng, how["kind"])
    for start, end in stretches(rng, count(rng, how, duration_s / 3600.0), how["duration_s"], duration_s, apart_s=1.0):
        first, last = int(start * fs), min(raised.size, int(end * fs))
        height = np.full(last - first, float(draw(rng, how["level_uv"])))
        if kind == "telegraph":
            at = 0
            while at < height.size:
                past = at + max(1, int(fs * draw(rng, {"log": [0.05, 3.0]})))
                height[at:past] *= float(rng.uniform(0.5, 1.0))
                at = past
        elif kind == "bursts":
            at = 0
            while at < height.size:
                past = at + max(1, int(fs * draw(rng, {"log": [0.05, 3.0]})))
                quiet = past + int(fs * draw(rng, {"log": [0.05, 4.0]}))
                height[past:quiet] = 0.0
                at = quiet
        np.maximum(raised[first:last], height, out=raised[first:last])


def resting_noise(
    rng: np.random.Generator, condition: Mapping[str, Any], level_uv: np.ndarray, fs_hz: float, band_hz: list[float]
) -> np.ndarray:
    """Carrier of the resting EMG, unit RMS, float64 of shape (n,); crackle may have a wider band than muscle."""
    noise = carrier(rng, level_uv.size, fs_hz, band_hz[0], band_hz[1])
    if "crackle" in condition and draw(rng, condition["crackle"]["is_wide_band"]):
        wide = carrier(rng, level_uv.size, fs_hz, 5.0, 0.45 * fs_hz)
        is_raised = level_uv > 2.0 * float(np.median(level_uv))
        noise = np.where(is_raised, wide, noise)
    return noise
