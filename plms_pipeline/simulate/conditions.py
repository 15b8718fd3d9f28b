"""Leg EMG with known truth under named conditions: the public benchmark of leg movement detectors.

``leg(t) = gb(t)·b(t) + gm(t)·sqrt((b(t) + x(t))² - b(t)²) + artefacts`` with two independent band-limited noises of
unit RMS, so that the local RMS is exactly ``b + x``: resting level plus what the muscle adds. The truth is the rule of
WASM/IRLSSG 2016 on the noise-free ``x`` (`plms_pipeline.simulate.envelopes`). What a condition draws stands in
``conditions.yaml``; every part draws from its own stream of the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from scipy import signal

from plms_pipeline.simulate import artefacts
from plms_pipeline.simulate.drawing import conditions_file, count, draw, settings_of, stretches
from plms_pipeline.simulate.envelopes import LegEvents, envelope, rule_on_envelope, runs_of
from plms_pipeline.simulate.leg_activity import leg_bursts
from plms_pipeline.simulate.resting_emg import carrier, hypnogram, resting_level, resting_noise

_US = 1_000_000
_RECORD_S = 30
Span = tuple[int, int, str]


class Channel(NamedTuple):
    """How a leg was digitised: limits ±``range_uv``, bits, polarity, unit of the file, length of its records."""

    range_uv: float
    bits: int
    polarity: int
    unit: str
    record_s: int


class Leg(NamedTuple):
    """One leg channel.

    ``samples_uv`` float32 (n,) as digitised; ``events``: the truth; ``rest_uv``, ``excess_uv`` float64 (n,): the
    noise-free resting level and what the muscle adds; ``unusable``: (onset_us, offset_us, reason) where nothing can
    be seen in this channel.
    """

    samples_uv: np.ndarray
    events: LegEvents
    rest_uv: np.ndarray
    excess_uv: np.ndarray
    unusable: tuple[Span, ...]


class Recording(NamedTuple):
    """One simulated recording.

    ``legs`` by name (``left``, ``right`` or ``combined``); ``ecg_uv`` float32 (m,) at ``ecg_fs_hz`` or None;
    ``stages`` of 30-s epochs (W, N2, R); ``gaps`` (onset_us, offset_us): stretches that were not recorded at all
    (the samples are there and must be cut out, see `segments`).
    """

    condition: str
    group: str
    seed: int
    fs_hz: float
    duration_s: float
    legs: dict[str, Leg]
    ecg_uv: np.ndarray | None
    ecg_fs_hz: float
    stages: tuple[str, ...]
    gaps: tuple[tuple[int, int], ...]
    lowpass_hz: float | None
    channel: Channel


def recording(condition: str, seed: int, *, duration_min: float | None = None) -> Recording:
    """Simulate one recording.

    Parameters
    ----------
    condition : str
        A name of `condition_names`.
    seed : int
        Recordings of one condition and seed are identical, sample by sample.
    duration_min : float, optional
        Length in place of the drawn one; rounded to whole 30 s.

    Returns
    -------
    Recording

    Raises
    ------
    InputError
        If there is no such condition.
    """
    how = settings_of(condition)
    stream = _streams(condition, seed)
    rng = stream(0)
    minutes = float(draw(rng, how["duration_min"]))
    duration = _RECORD_S * max(1, round((duration_min or minutes) * 60.0 / _RECORD_S))
    fs = float(draw(rng, how["fs_hz"]))
    channel = Channel(**{name: draw(rng, value) for name, value in how["channel"].items()})
    n = round(duration * fs)
    names = ("left", "right") if how["legs"] == "both" else (how["legs"],)
    stages = hypnogram(stream(1), how["stages"], duration)
    plans = leg_bursts(stream(2), how, duration, 2 if how["legs"] == "combined" else len(names))
    if how["legs"] == "combined":
        plans = [sorted(plans[0] + plans[1])]
    heart = artefacts.Heart(stream(3), how["ecg"], duration) if "ecg" in how else None
    quiet_heart = artefacts.Heart(stream(3), {"peak_uv": 0.0}, duration)
    gaps = _gaps(stream(4), how["gap"], duration) if "gap" in how else []
    legs = {}
    for k, name in enumerate(names):
        excess = envelope(plans[k], n, fs)
        legs[name] = _leg(stream, 10 + 20 * k, how, excess, stages, fs, channel, heart, gaps)
    ecg_fs = float(stream(5).choice([200.0, 256.0, 512.0]))
    ecg = (heart or quiet_heart).ecg(stream(6), round(duration * ecg_fs), ecg_fs)
    return Recording(
        condition,
        how["group"],
        seed,
        fs,
        float(duration),
        legs,
        None if ecg is None else ecg.astype(np.float32),
        ecg_fs,
        tuple(stages),
        tuple((round(a * _US), round(b * _US)) for a, b in gaps),
        how["lowpass_hz"],
        channel,
    )


def segments(samples: np.ndarray, fs_hz: float, gaps: tuple[tuple[int, int], ...]) -> list[tuple[int, np.ndarray]]:
    """Recorded stretches of a channel: (start in µs, samples) without the gaps."""
    parts, at = [], 0
    for onset, offset in (*gaps, (round(samples.size / fs_hz * _US), 0)):
        first = round(onset * fs_hz / _US)
        if first > at:
            parts.append((round(at * _US / fs_hz), samples[at:first]))
        at = round(offset * fs_hz / _US)
    return parts


def _streams(condition: str, seed: int) -> Callable[[int], np.random.Generator]:
    """One generator per part; they hang on the name, so a new condition moves no other."""
    name = crc32(condition.encode("utf-8"))
    return lambda part: np.random.default_rng([seed, name, part])


def _gaps(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float) -> list[tuple[float, float]]:
    """Gaps on whole seconds: a file has whole records."""
    found = stretches(rng, count(rng, how, duration_s / 3600.0), how["duration_s"], duration_s, apart_s=30.0)
    return [(float(round(a)), float(max(round(b), round(a) + 1))) for a, b in found]


def _leg(
    stream: Callable[[int], np.random.Generator],
    part: int,
    how: Mapping[str, Any],
    excess: np.ndarray,
    stages: list[str],
    fs: float,
    channel: Channel,
    heart: artefacts.Heart | None,
    gaps: list[tuple[float, float]],
) -> Leg:
    n = excess.size
    rest = resting_level(stream(part), how, stages, n, fs)
    low, high = how["carrier"]["low_hz"], how["carrier"]["high_hz"]
    bands = [[float(draw(stream(part + k), edge)) for edge in (low, high)] for k in (1, 2)]
    samples = resting_noise(stream(part + 3), how, rest, fs, bands[0]) * rest
    samples += carrier(stream(part + 4), n, fs, *bands[1]) * np.sqrt(np.square(rest + excess) - np.square(rest))
    if how.get("filter_after"):
        samples = signal.sosfiltfilt(signal.butter(2, how["lowpass_hz"], fs=fs, output="sos"), samples)
    if heart is not None:
        samples += heart.in_leg(stream(part + 5), n, fs)
    for offset, name in ((6, "mains"), (7, "sweat"), (8, "pops")):
        if name in how:
            samples += getattr(artefacts, name)(stream(part + offset), how[name], n, fs)
    unusable: list[Span] = []
    if "resets" in how:
        stuck = artefacts.resets(stream(part + 9), how["resets"], samples, fs, channel.range_uv)
        unusable += _spans([(a, b) for a, b in stuck if b - a >= 0.5], "railed")
    if "dropout" in how:
        unusable += _spans(artefacts.lose(stream(part + 10), how["dropout"], samples, fs), "flat")
    if "saturation" in how:
        unusable += _spans(
            artefacts.rail(stream(part + 11), how["saturation"], samples, fs, channel.range_uv), "railed"
        )
    unusable += _spans(gaps, "gap")
    truth = conditions_file()["truth"]
    too_high = zip(*(edge / fs for edge in runs_of(rest > truth["rest_limit_uv"])), strict=True)
    unusable += _spans(list(too_high), "rest_above_limit")
    events = _beside_unusable(rule_on_envelope(excess, rest, fs, truth), unusable, truth["edge_margin_s"])
    return Leg(_digitised(samples, channel), events, rest, excess, tuple(sorted(unusable)))


def _spans(found: list[tuple[float, float]], reason: str) -> list[Span]:
    return [(round(a * _US), round(b * _US), reason) for a, b in found]


def _beside_unusable(events: LegEvents, unusable: list[Span], margin_s: float) -> LegEvents:
    """Events that reach an unusable stretch are doubtful: how much of them can be seen is chance."""
    margin = round(margin_s * _US)
    touches = np.zeros(events.onset_us.size, dtype=np.bool_)
    for onset, offset, _ in unusable:
        touches |= (events.onset_us < offset + margin) & (events.offset_us > onset - margin)
    return events._replace(is_doubtful=events.is_doubtful | touches)


def _digitised(samples: np.ndarray, channel: Channel) -> np.ndarray:
    """Samples as a converter of so many bits gives them, float32, µV."""
    step = 2.0 * channel.range_uv / (2**channel.bits - 1)
    steps = np.rint((channel.polarity * np.clip(samples, -channel.range_uv, channel.range_uv)) / step - 0.5) + 0.5
    limit = 2 ** (channel.bits - 1) - 0.5
    digitised: np.ndarray = (np.clip(steps, -limit, limit) * step).astype(np.float32)
    return digitised
