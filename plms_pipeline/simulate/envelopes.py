"""Noise-free envelope of a leg's movements, and the movements the published rule sees in it.

``x(t)`` is what the muscle adds to the resting EMG, in µV RMS. The truth of a recording is the rule of WASM/IRLSSG 2016
applied to ``x`` with perfect rest: onset = first time ``x >= 8 µV``, offset = start of the first 0.5 s with
``x <= 2 µV``. No detector and no noise takes part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SHAPES = ("trapezoid", "cosine", "asymmetric", "double", "hump", "decay", "wavering")
# A decaying movement ends after this many time constants, far below the rule's +2 µV.
_DECAY_CONSTANTS = 5.0


class Burst(NamedTuple):
    """One piece of activity: start and length of its support, peak above rest (µV RMS), edges (s), shape."""

    start_s: float
    length_s: float
    excess_uv: float
    rise_s: float
    fall_s: float
    shape: str


class LegEvents(NamedTuple):
    """What the rule sees in the envelope of one leg, arrays of shape (n,), sorted by onset.

    ``onset_us``, ``offset_us`` (int64) of the rule, or of the +2 µV level for activity that never reaches +8 µV;
    ``peak_uv``, ``resting_uv`` (float64; peak above rest, rest at onset); ``is_movement``: a leg movement by the rule;
    ``is_doubtful``: so near to a threshold that a detector may report it or not. Neither: a twitch, to be left out.
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    peak_uv: np.ndarray
    resting_uv: np.ndarray
    is_movement: np.ndarray
    is_doubtful: np.ndarray


def shape_of(burst: Burst, since_s: np.ndarray, phase: float = 0.0) -> np.ndarray:
    """Height of a burst at times since its start, 0 to its excess, µV; shape of ``since_s``."""
    t, length = since_s, burst.length_s
    shrink = min(1.0, 0.95 * length / max(burst.rise_s + burst.fall_s, 1e-9))
    rise, fall = max(burst.rise_s * shrink, 1e-6), max(burst.fall_s * shrink, 1e-6)
    if burst.shape == "asymmetric":
        whole = rise + fall
        rise, fall = 0.2 * whole, 0.8 * whole
    edge = np.clip(np.minimum(t / rise, (length - t) / fall), 0.0, 1.0)
    if burst.shape in ("trapezoid", "asymmetric"):
        height = edge
    elif burst.shape == "hump":
        height = np.sin(np.pi * np.clip(t / length, 0.0, 1.0)) ** 2
    elif burst.shape == "decay":
        tail = np.exp(-_DECAY_CONSTANTS * np.clip(t - rise, 0.0, None) / max(length - rise, 1e-6))
        height = np.minimum(np.clip(t / rise, 0.0, 1.0), tail) * (t <= length)
    else:
        height = 0.5 - 0.5 * np.cos(np.pi * edge)
        if burst.shape == "double":
            height = height * (0.75 + 0.25 * np.cos(4.0 * np.pi * np.clip(t / length, 0.0, 1.0) + np.pi))
        elif burst.shape == "wavering":
            height = height * (0.8 + 0.2 * np.sin(2.0 * np.pi * 1.3 * t + phase))
    highest = float(height.max(initial=0.0))
    return burst.excess_uv * height / highest if highest > 0 else np.zeros(t.size)


def envelope(bursts: Sequence[Burst], n: int, fs_hz: float) -> np.ndarray:
    """Excess over rest of all bursts, float64 of shape (n,), µV RMS; where bursts overlap the higher one counts."""
    x = np.zeros(n)
    for burst in bursts:
        first = max(0, int(np.ceil(burst.start_s * fs_hz)))
        last = min(n, int(np.ceil((burst.start_s + burst.length_s) * fs_hz)))
        if last > first:
            height = shape_of(burst, np.arange(first, last) / fs_hz - burst.start_s, phase=burst.start_s)
            np.maximum(x[first:last], height, out=x[first:last])
    return x


def runs_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and past-the-last index of every run of True; int64 arrays of equal shape."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges[0::2], edges[1::2]


def rule_on_envelope(x_uv: np.ndarray, rest_uv: np.ndarray, fs_hz: float, truth: Mapping[str, Any]) -> LegEvents:
    """Leg movements of a noise-free envelope (WASM/IRLSSG 2016), and the activity beside them.

    Parameters
    ----------
    x_uv : float64 array of shape (n,)
        Excess over rest, µV RMS.
    rest_uv : float64 array of shape (n,)
        Resting level, for ``resting_uv``.
    fs_hz : float
    truth : mapping
        Section ``truth`` of the conditions file: thresholds, shortest movement, doubtful ranges.

    Returns
    -------
    LegEvents
        Every stretch above the offset threshold, joined where quiet lasts less than ``quiet_s``, whose peak reaches
        the lower end of ``doubtful_excess_uv``.
    """
    first, last = runs_of(x_uv > truth["offset_uv"])
    if first.size:
        is_apart = (first[1:] - last[:-1]) / fs_hz >= truth["quiet_s"]
        first, last = first[np.concatenate([[True], is_apart])], last[np.concatenate([is_apart, [True]])]
    rows = []
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        part = x_uv[a:b]
        peak = float(part.max())
        low, high = truth["doubtful_excess_uv"]
        if peak < low:
            continue
        reaches = peak >= truth["onset_uv"]
        onset = a + int(np.argmax(part >= truth["onset_uv"])) if reaches else a
        length_s = (b - onset) / fs_hz
        short, long = truth["doubtful_duration_s"]
        is_doubtful = peak <= high or short <= length_s <= long
        rows.append((onset, b, peak, rest_uv[onset], reaches and length_s >= truth["least_s"], is_doubtful))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return LegEvents(
        np.rint(np.array(columns[0], dtype=np.float64) * 1e6 / fs_hz).astype(np.int64),
        np.rint(np.array(columns[1], dtype=np.float64) * 1e6 / fs_hz).astype(np.int64),
        np.array(columns[2], dtype=np.float64),
        np.array(columns[3], dtype=np.float64),
        np.array(columns[4], dtype=np.bool_),
        np.array(columns[5], dtype=np.bool_),
    )
