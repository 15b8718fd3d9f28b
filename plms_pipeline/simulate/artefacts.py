"""What electrodes, amplifiers, heart and mains add to a leg's EMG; none of it is a movement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import signal

from plms_pipeline.simulate.drawing import count, draw, stretches

# Waves of a beat: height relative to R, centre and width in seconds from the R peak.
_QRS = ((-0.12, -0.030, 0.009), (1.0, 0.0, 0.010), (-0.25, 0.028, 0.011))
_T_WAVE, _P_WAVE = (0.22, 0.27, 0.045), (0.1, -0.16, 0.022)
_BIPHASIC = ((1.0, -0.008, 0.010), (-0.8, 0.014, 0.012))
_WIDE = ((0.9, 0.0, 0.030), (-0.6, 0.075, 0.035))
_ECG_CHANNEL_UV = 900.0


def beat_times(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    """R peaks (s) and whether each beat is ectopic; rate, its variation and ectopic share drawn."""
    mean = 60.0 / float(rng.uniform(48.0, 100.0))
    n = int(duration_s / mean * 1.6) + 10
    k = np.arange(n)
    jitter = float(draw(rng, how.get("jitter_share", [0.01, 0.05])))
    slow = np.cumsum(rng.standard_normal(n)) * 0.003
    intervals = mean * (1.0 + 0.04 * np.sin(2 * np.pi * k / 4.3) + jitter * rng.standard_normal(n) + slow - slow.mean())
    is_ectopic = rng.random(n) < float(draw(rng, how.get("ectopic_share", [0.0, 0.01])))
    intervals = np.clip(intervals, 0.6 * mean, 1.5 * mean)
    intervals[is_ectopic] *= 0.65
    intervals[1:][is_ectopic[:-1]] *= 1.3
    times = 0.5 + np.cumsum(np.maximum(intervals, 0.33))
    inside = times < duration_s - 0.5
    return times[inside], is_ectopic[inside]


def beats(
    n: int,
    fs_hz: float,
    times_s: np.ndarray,
    heights_uv: np.ndarray,
    waves: tuple[tuple[float, float, float], ...],
) -> np.ndarray:
    """Sum of Gaussian waves at every beat, float64 of shape (n,), µV."""
    samples = np.zeros(n)
    reach_s = max(abs(at) + 4.0 * width for _, at, width in waves)
    offsets = np.arange(-int(reach_s * fs_hz) - 1, int(reach_s * fs_hz) + 2)
    at = np.rint(times_s * fs_hz).astype(np.int64)[:, None] + offsets[None, :]
    t = at / fs_hz - times_s[:, None]
    wave = sum(h * np.exp(-0.5 * ((t - centre) / width) ** 2) for h, centre, width in waves)
    wave = heights_uv[:, None] * np.asarray(wave)
    inside = (at >= 0) & (at < n)
    np.add.at(samples, at[inside], wave[inside])
    return samples


class Heart:
    """Beats of a recording: what leaks into the legs, and the ECG channel."""

    def __init__(self, rng: np.random.Generator, how: Mapping[str, Any], duration_s: float) -> None:
        self.how, self.duration_s = how, duration_s
        self.times_s, self.is_ectopic = beat_times(rng, how, duration_s)
        self.channel = how.get("channel", "present")

    def in_leg(self, rng: np.random.Generator, n: int, fs_hz: float) -> np.ndarray:
        """R waves in one leg: own shape, polarity and delay, height varying with breathing; float64 (n,), µV."""
        peak = float(draw(rng, self.how["peak_uv"])) * float(rng.choice([-1.0, 1.0]))
        breathing = 1.0 + float(rng.uniform(0.0, 0.15)) * np.sin(2 * np.pi * self.times_s / 4.2)
        heights = peak * breathing * (1.0 + 0.03 * rng.standard_normal(self.times_s.size))
        if self.how.get("in_stretches"):
            knots = np.arange(0.0, self.duration_s + 600.0, 300.0)
            heights *= np.interp(self.times_s, knots, rng.choice([-1.0, 0.0, 0.5, 1.0], knots.size))
        times = self.times_s + float(rng.uniform(-0.01, 0.02))
        usual = ~self.is_ectopic
        drawn = _BIPHASIC if rng.random() < 0.35 else (*_QRS, _T_WAVE) if rng.random() < 0.6 else _QRS
        wider = float(rng.uniform(0.8, 1.8))
        waves = tuple((height, at * wider, width * wider) for height, at, width in drawn)
        leak = beats(n, fs_hz, times[usual], heights[usual], waves)
        return leak + beats(n, fs_hz, times[self.is_ectopic], heights[self.is_ectopic], _WIDE)

    def ecg(self, rng: np.random.Generator, n: int, fs_hz: float) -> np.ndarray | None:
        """ECG channel (P, QRS, T, breathing, noise), or None when it was not recorded; float64 (n,), µV."""
        if self.channel == "absent":
            return None
        height = _ECG_CHANNEL_UV * float(rng.uniform(0.5, 1.5)) * float(rng.choice([-1.0, 1.0, 1.0, 1.0]))
        heights = np.full(self.times_s.size, height)
        usual = ~self.is_ectopic
        trace = beats(n, fs_hz, self.times_s[usual], heights[usual], (_P_WAVE, *_QRS, _T_WAVE))
        trace += beats(n, fs_hz, self.times_s[self.is_ectopic], heights[self.is_ectopic], _WIDE)
        t = np.arange(n) / fs_hz
        trace += 80.0 * np.sin(2 * np.pi * 0.23 * t) + float(rng.uniform(3.0, 25.0)) * rng.standard_normal(n)
        if self.channel == "swallowed":
            for start, end in stretches(rng, 4, [60.0, 400.0], self.duration_s):
                a, b = int(start * fs_hz), int(end * fs_hz)
                trace[a:b] = 300.0 * rng.standard_normal(b - a) if rng.random() < 0.5 else 0.0
        return trace


def mains(rng: np.random.Generator, how: Mapping[str, Any], n: int, fs_hz: float) -> np.ndarray:
    """Mains: slowly varying amplitude and frequency, a third harmonic, all night or in stretches; float64 (n,)."""
    t = np.arange(n) / fs_hz
    duration = n / fs_hz
    amplitude = float(draw(rng, how["amplitude_uv"])) * float(rng.choice([1.0, np.sqrt(2.0)]))
    share = float(draw(rng, how.get("wander_share", [0.0, 0.3])))
    knots = np.arange(0.0, duration + 240.0, 120.0)
    height = amplitude * np.interp(t, knots, rng.uniform(1.0 - share, 1.0, knots.size))
    wander = float(draw(rng, how.get("wander_hz", [0.0, 0.03])))
    frequency = draw(rng, how["hz"]) + np.interp(t, knots, rng.uniform(-wander, wander, knots.size))
    phase = 2 * np.pi * np.cumsum(frequency) / fs_hz + float(rng.uniform(0.0, 2 * np.pi))
    samples = height * np.sin(phase)
    harmonic = float(draw(rng, how.get("harmonic_share", [0.0, 0.1])))
    if 3.0 * draw(rng, how["hz"]) < 0.45 * fs_hz:
        samples += harmonic * height * np.sin(3.0 * phase + 1.0)
    if "stretches" in how:
        present = np.zeros(n)
        for start, end in stretches(rng, round(draw(rng, how["stretches"])), [120.0, 1200.0], duration):
            present[int(start * fs_hz) : int(end * fs_hz)] = 1.0
        samples *= present
    return samples


def sweat(rng: np.random.Generator, how: Mapping[str, Any], n: int, fs_hz: float) -> np.ndarray:
    """Slow waves of sweating skin, below some tenths of a hertz; float64 of shape (n,), µV."""
    knots = np.arange(0.0, n / fs_hz + 4.0, 0.25)
    sos = signal.butter(3, (0.02, how["below_hz"]), btype="bandpass", fs=4.0, output="sos")
    slow = signal.sosfiltfilt(sos, rng.standard_normal(knots.size))
    t = np.arange(n) / fs_hz
    # Half a peak as RMS, and a steady wave: the two forms in which "80 µV of sweat" is usually drawn.
    wave = np.sin(2 * np.pi * float(rng.uniform(0.05, how["below_hz"])) * t + float(rng.uniform(0, 6.28)))
    mixed: np.ndarray = 0.5 * how["peak_uv"] * (np.interp(t, knots, slow / np.std(slow)) + wave)
    return mixed


def pops(rng: np.random.Generator, how: Mapping[str, Any], n: int, fs_hz: float) -> np.ndarray:
    """Electrode pops: a step of either sign that decays; float64 of shape (n,), µV."""
    samples = np.zeros(n)
    for _ in range(count(rng, how, n / fs_hz / 3600.0)):
        at = int(rng.integers(0, n))
        decay = float(draw(rng, how["decay_s"]))
        past = min(n, at + int(8.0 * decay * fs_hz) + 1)
        height = float(draw(rng, how["peak_uv"])) * float(rng.choice([-1.0, 1.0]))
        samples[at:past] += height * np.exp(-np.arange(past - at) / (decay * fs_hz))
    return samples


def resets(
    rng: np.random.Generator, how: Mapping[str, Any], samples_uv: np.ndarray, fs_hz: float, range_uv: float
) -> list[tuple[float, float]]:
    """Amplifier resets: stuck at a limit for a moment, then a decaying step, in place; returns the stuck stretches."""
    stuck = []
    n = samples_uv.size
    for start, end in stretches(rng, count(rng, how, n / fs_hz / 3600.0), how["stuck_s"], n / fs_hz):
        first, last = int(start * fs_hz), max(int(end * fs_hz), int(start * fs_hz) + 1)
        limit = range_uv * float(rng.choice([-1.0, 1.0]))
        samples_uv[first:last] = limit
        decay = float(draw(rng, how["decay_s"])) * fs_hz
        past = min(n, last + int(8.0 * decay))
        samples_uv[last:past] += limit * np.exp(-np.arange(past - last) / decay)
        stuck.append((start, end))
    return stuck


def lose(
    rng: np.random.Generator, how: Mapping[str, Any], samples_uv: np.ndarray, fs_hz: float
) -> list[tuple[float, float]]:
    """Electrode off, in place: zero, constant, amplifier hiss, or open (mains and noise); returns the stretches, s."""
    n = samples_uv.size
    found = stretches(rng, max(1, count(rng, how, n / fs_hz / 3600.0)), how["duration_s"], n / fs_hz)
    for start, end in found:
        first, last = int(start * fs_hz), int(end * fs_hz)
        kind = draw(rng, how["kind"])
        samples_uv[first:last] = 0.0 if kind == "zero" else samples_uv[first]
        if kind == "hiss":
            samples_uv[first:last] += 0.01 * rng.standard_normal(last - first)
        elif kind == "open":
            t = np.arange(last - first) / fs_hz
            samples_uv[first:last] += 60.0 * np.sin(2 * np.pi * 50.0 * t) + 30.0 * rng.standard_normal(last - first)
    return found


def rail(
    rng: np.random.Generator, how: Mapping[str, Any], samples_uv: np.ndarray, fs_hz: float, range_uv: float
) -> list[tuple[float, float]]:
    """Amplifier stuck at a limit, in place; returns the stretches, seconds."""
    n = samples_uv.size
    found = stretches(rng, max(1, count(rng, how, n / fs_hz / 3600.0)), how["duration_s"], n / fs_hz)
    for start, end in found:
        samples_uv[int(start * fs_hz) : int(end * fs_hz)] = range_uv * float(rng.choice([-1.0, 1.0]))
    return found
