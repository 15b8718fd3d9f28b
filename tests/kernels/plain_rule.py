"""The +8/+2 µV rule read slowly: full-length envelope, full-length scan, every window cut out and looked at.

No regions, no skipping, no sliding sums. Signals on a grid of 1/1024 µV and ticks of two samples make every sum of
squares exact, so that the kernels must give the same events.
"""

from typing import NamedTuple

import numpy as np

from plms_pipeline.emg import Detector
from plms_pipeline.emg.envelope import LIMIT_UV, Grid
from plms_pipeline.emg.movements import REASONS, samples_of

GRID_PER_UV = 1024.0


class Event(NamedTuple):
    """A row of `RunMovements`, and the branch by which it came about."""

    onset: int
    offset: int
    peak_uv: float
    resting_uv: float
    has_morphology: bool
    is_truncated: bool
    reason: int
    branch: str


def window_means(u: np.ndarray, half: int) -> np.ndarray:
    """Mean within ``half`` of each value, windows cut at both ends; exact sums of integers."""
    whole = np.round(u * GRID_PER_UV**2).astype(np.int64)
    padded = np.concatenate([np.zeros(half, np.int64), whole, np.zeros(half, np.int64)])
    sums = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).sum(axis=1)
    counts = np.lib.stride_tricks.sliding_window_view(np.pad(np.ones(u.size, np.int64), half), 2 * half + 1).sum(axis=1)
    return sums / (counts * GRID_PER_UV**2)


def robust(values: np.ndarray, n_top: int, gain: float) -> float:
    """Mean, but at most ``gain`` times the mean without the ``n_top`` largest (never more than half of them)."""
    n_cut = min(n_top, values.size // 2)
    ordered = np.sort(values)
    plain = float(ordered.sum()) / values.size
    if n_cut == 0:
        return plain
    return min(plain, gain * float(ordered[: values.size - n_cut].sum()) / (values.size - n_cut))


def between_centres(values: np.ndarray, n: int, size: int) -> np.ndarray:
    """``values`` of consecutive pieces of ``n`` samples, read at ``size`` samples linearly between their centres."""
    position = np.maximum((np.arange(size) + 0.5) / n - 0.5, 0.0)
    first = np.minimum(position.astype(np.int64), values.size - 1)
    second = np.minimum(first + 1, values.size - 1)
    return np.where(
        first == values.size - 1, values[-1], values[first] + (position - first) * (values[second] - values[first])
    )


def full_envelope(
    y: np.ndarray, tick: np.ndarray, grid: Grid, short_gain: float, middle_gain: float, is_rms: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Envelope and short-window amplitude of every sample of a run."""
    v = np.minimum(np.abs(y.astype(np.float64)), LIMIT_UV)
    u = v * v if is_rms else v
    short, middle = (window_means(u, half) for half in (grid.half_short, grid.half_middle))
    half = grid.ticks_of_long // 2
    long = np.array(
        [robust(tick[max(0, j - half) : j + half + 1], grid.n_top, grid.gain_long) for j in range(tick.size)]
    )
    if is_rms:
        short, middle, long = np.sqrt(short), np.sqrt(middle), np.sqrt(long)
    return np.minimum.reduce(
        [short * short_gain, middle * middle_gain, between_centres(long, grid.n_tick, y.size)]
    ), short


def plain_scan(
    above: np.ndarray, onset_uv: float, offset_uv: float, n_quiet: int, half: int, edges: tuple[bool, bool]
) -> list[tuple[int, int, bool]]:
    """Onset, offset and truncation by the text of the rule."""
    is_active = [
        2 * np.count_nonzero(above[max(0, i - half) : i + half + 1] > offset_uv)
        > above[max(0, i - half) : i + half + 1].size
        for i in range(above.size)
    ]
    found: list[tuple[int, int, bool]] = []
    i = 0
    while i < above.size:
        if not (is_active[i] and above[i] >= onset_uv):
            i += 1
            continue
        is_from_edge = edges[0] and all(is_active[:i])
        end = i
        while end + n_quiet <= above.size and any(is_active[end : end + n_quiet]):
            end += 1
        if end + n_quiet <= above.size:
            found.append((i, end, is_from_edge))
            i = end + n_quiet
        else:
            last = max(j for j in range(i, above.size) if is_active[j])
            found.append((i, last + 1, is_from_edge or edges[1]))
            i = above.size
    return found


def stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and past-last index of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def plain_broken(short: np.ndarray, level_uv: float) -> tuple[float, int]:
    """Share of samples above a level and number of stretches there."""
    high = short > level_uv
    return np.count_nonzero(high) / max(1, high.size), len(stretches(high))


def plain_cores(
    short: np.ndarray, envelope: np.ndarray, low_uv: float, high_uv: float, n_hole: int, n_least: int
) -> list[tuple[int, int]]:
    """Stretches above ``low_uv`` with small holes closed, each from its first sample at ``high_uv`` on."""
    closed: list[tuple[int, int]] = []
    for a, b in stretches(short > low_uv):
        if closed and a - closed[-1][1] <= n_hole:
            closed[-1] = (closed[-1][0], b)
        else:
            closed.append((a, b))
    cores = []
    for a, b in closed:
        loud = [i for i in range(a, b) if envelope[i] >= high_uv]
        if loud and b - loud[0] >= n_least:
            cores.append((loud[0], b))
    return cores


def plain_pedestal(envelope: np.ndarray, step: int, ratio: float, share: float) -> float:
    """RMS of the fullest band from q to ratio * q, the lowest of equals; 0 when it holds too little."""
    ordered = sorted(float(v) for v in envelope[::step])
    bands = [[v for v in ordered[k:] if v <= ratio * q] for k, q in enumerate(ordered)]
    best = max(bands, key=len)
    if len(best) < share * len(ordered):
        return 0.0
    total = 0.0
    for v in best:
        total += v * v
    return float(np.sqrt(total / len(best)))


def plain_highest(tick: np.ndarray, n: int, is_rms: bool) -> float:
    """Largest amplitude of ``n`` ticks in a row."""
    n = min(n, tick.size)
    best = max(float(np.sum(tick[j : j + n])) / n for j in range(tick.size - n + 1))
    return float(np.sqrt(best)) if is_rms else best


def plain_morphology(above: np.ndarray, level_uv: float, n: int) -> bool:
    """Whether some window of ``n`` samples has its (upper) median at the level or higher."""
    return any(
        np.sort(above[i : i + n])[(n - 1) // 2 if n % 2 else n // 2] >= level_uv for i in range(above.size - n + 1)
    )


def plain_movements(
    y: np.ndarray,
    tick: np.ndarray,
    rest_uv: np.ndarray,
    parts: list[tuple[int, int]],
    grid: Grid,
    fs_hz: float,
    s: Detector,
) -> list[Event]:
    """Every movement of a run, by one scan of each usable part from its first to its last sample."""
    is_rms = s.envelope == "rms"
    envelope, short = full_envelope(y, tick, grid, s.envelope_short_gain, s.envelope_middle_gain, is_rms)
    level = between_centres(rest_uv, grid.n_block, y.size)
    n_least, n_quiet = samples_of(s.min_duration_s, fs_hz), samples_of(s.offset_quiet_s, fs_hz)
    onset_uv, offset_uv = s.onset_above_rest_uv, s.offset_above_rest_uv
    events: list[Event] = []
    for first, last in parts:
        above = envelope[first:last] - level[first:last]
        half = int(0.5 * s.activity_majority_s * fs_hz)
        for a, b, is_open in plain_scan(above, onset_uv, offset_uv, n_quiet, half, (True, True)):
            a, b = first + a, first + b
            resting = float(level[a])
            share, n_pieces = plain_broken(short[a:b], resting + s.broken_above_rest_uv)
            most = max(s.broken_stretches - 1.0, s.broken_per_s / fs_hz * (b - a))
            inner, branch = [(a, b)], "whole"
            if share < s.broken_share and n_pieces > most and b - a >= n_least:
                cores = plain_cores(
                    short[a:b],
                    envelope[a:b],
                    resting + offset_uv,
                    resting + onset_uv,
                    int(s.broken_hole_s * fs_hz),
                    samples_of(s.broken_core_s, fs_hz),
                )
                branch = "core" if cores else "broken"
                inner = [(a + p, a + q) for p, q in cores] or inner
            elif not (share < s.broken_share and n_pieces > most) and b - a >= samples_of(s.pedestal_min_s, fs_hz):
                base = plain_pedestal(envelope[a:b], max(1, grid.n_tick // 2), s.pedestal_ratio, s.pedestal_share)
                if resting + offset_uv < base < resting + onset_uv:
                    on_it = plain_scan(envelope[a:b] - base, onset_uv, offset_uv, n_quiet, 0, (False, False))
                    long = [(a + p, a + q) for p, q, _ in on_it if q - p >= n_least]
                    if long:
                        inner, branch, resting = long, "pedestal", base
            for p, q in inner:
                reason = REASONS.index(None)
                if branch == "broken":
                    reason = REASONS.index("broken")
                elif q - p < n_least:
                    reason = REASONS.index("too_short")
                else:
                    low_s, high_s = s.confirm_window_s
                    n = min(
                        max(s.confirm_share * (q - p) / grid.n_tick, low_s * fs_hz / grid.n_tick),
                        high_s * fs_hz / grid.n_tick,
                    )
                    low = min((p + grid.n_tick // 2) // grid.n_tick, tick.size - 1)
                    high = min(max(low + 1, (q + grid.n_tick // 2) // grid.n_tick), tick.size)
                    if plain_highest(tick[low:high], max(1, int(n + 0.5)), is_rms) < resting + s.confirm_above_rest_uv:
                        reason = REASONS.index("below_onset")
                shape = plain_morphology(
                    envelope[p:q] - level[p:q],
                    s.morphology_above_rest_uv,
                    samples_of(s.morphology_window_s, fs_hz),
                )
                at_edge = p == a or q == b
                events.append(
                    Event(p, q, float(envelope[p:q].max()), resting, shape, is_open and at_edge, reason, branch)
                )
    return events
