"""What the muscles of a condition do: movements of both legs, bursts, twitches, tremor, myoclonus.

Definitions of the other activities: AASM manual, rules for movements in adults (alternating leg muscle activation:
0.5-3 Hz, bursts of 0.1-0.5 s; hypnagogic foot tremor: 0.3-4 Hz, bursts of 0.25-1 s; excessive fragmentary myoclonus:
at most 150 ms, at least 5 a minute over 20 minutes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plms_pipeline.simulate.drawing import count, draw, stretches
from plms_pipeline.simulate.envelopes import SHAPES, Burst

# Free time around a planned movement, so that neighbours join only where a condition asks for it.
_ROOM_S = 1.6


def leg_bursts(
    rng: np.random.Generator, condition: Mapping[str, Any], duration_s: float, n_legs: int
) -> list[list[Burst]]:
    """All activity of a recording, one list per leg, sorted by start."""
    legs: list[list[Burst]] = [[] for _ in range(n_legs)]
    _movements(rng, condition, duration_s, legs)
    for leg in legs:
        if "bursts" in condition:
            _long_bursts(rng, condition["bursts"], duration_s, leg)
        if "tight" in condition:
            leg[:] = _split(rng, condition["tight"], leg)
        movements = _spans(leg)
        _weak(rng, condition["weak"], duration_s, leg, movements)
        _twitches(rng, condition["twitches"], duration_s, leg, movements)
        if "myoclonus" in condition:
            _myoclonus(rng, condition["myoclonus"], duration_s, leg)
    if "alma" in condition:
        _alternating(rng, condition["alma"], duration_s, legs)
    if "hft" in condition:
        _foot_tremor(rng, condition["hft"], duration_s, legs)
    return [sorted(leg) for leg in legs]


def _movement(rng: np.random.Generator, how: Mapping[str, Any], start_s: float, length_s: float | None = None) -> Burst:
    length = float(draw(rng, how["duration_s"])) if length_s is None else length_s
    rise, fall = float(draw(rng, how["edge_s"])), float(draw(rng, how["edge_s"]))
    shape = draw(rng, how["shape"])
    if shape not in SHAPES:
        raise ValueError(f"no such shape: {shape}")
    # The support is wider than the movement by the rule, more so for weak ones.
    return Burst(start_s, length + 0.5 * (rise + fall), float(draw(rng, how["excess_uv"])), rise, fall, shape)


def _movements(
    rng: np.random.Generator, condition: Mapping[str, Any], duration_s: float, legs: list[list[Burst]]
) -> None:
    """Series with a steady interval and pauses between them, both legs or either."""
    series, how = condition["series"], condition["movement"]
    per_h = float(draw(rng, series["per_h"]))
    t, n_left = float(rng.uniform(20.0, 90.0)), round(per_h * duration_s / 3600.0)
    free_from = [0.0] * len(legs)
    both_share, jitter = float(draw(rng, series["both_share"])), float(draw(rng, series["interval_jitter"]))
    while n_left > 0 and t < duration_s - 60.0:
        n_left -= 1
        interval = series["interval_s"] if jitter == 0.0 else draw(rng, series["interval_s"])
        # One of four is a single movement or a pair: no series.
        size = round(draw(rng, series["size"])) if rng.random() < 0.75 else int(rng.integers(1, 3))
        for _ in range(size):
            if t > duration_s - 30.0:
                return
            _both_or_one(rng, how, t, legs, free_from, both_share, series["lag_s"])
            step = float(draw(rng, interval))
            t += step * max(0.4, float(rng.normal(1.0, jitter))) if jitter else step
        t += float(draw(rng, series["pause_s"]))


def _both_or_one(
    rng: np.random.Generator,
    how: Mapping[str, Any],
    at_s: float,
    legs: list[list[Burst]],
    free_from: list[float],
    both_share: float,
    lag_s: Any,
) -> None:
    first = int(rng.integers(len(legs)))
    chosen = [first, 1 - first] if len(legs) == 2 and rng.random() < both_share else [first]
    for place, leg in enumerate(chosen):
        start = at_s + (float(draw(rng, lag_s)) if place else 0.0)
        burst = _movement(rng, how, max(start, free_from[leg]))
        legs[leg].append(burst)
        free_from[leg] = burst.start_s + burst.length_s + _ROOM_S


def _spans(leg: list[Burst]) -> list[tuple[float, float]]:
    return sorted((burst.start_s, burst.start_s + burst.length_s) for burst in leg)


def _is_clear(spans: list[tuple[float, float]], start_s: float, end_s: float, clear_s: float) -> bool:
    starts = [a for a, _ in spans]
    at = int(np.searchsorted(starts, end_s + clear_s))
    return at == 0 or max(b for _, b in spans[max(0, at - 4) : at]) <= start_s - clear_s


def _long_bursts(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float, leg: list[Burst]) -> None:
    """Bursts too long for a candidate; movements that would touch one make way."""
    for start, end in stretches(rng, count(rng, how, duration_s / 3600.0), how["duration_s"], duration_s, apart_s=10.0):
        leg[:] = [b for b in leg if b.start_s > end + _ROOM_S or b.start_s + b.length_s < start - _ROOM_S]
        leg.append(
            _movement(rng, {**how, "shape": {"one_of": ["trapezoid", "cosine", "wavering"]}}, start, end - start)
        )


def _split(rng: np.random.Generator, how: Mapping[str, Any], leg: list[Burst]) -> list[Burst]:
    """Some movements become groups of movements with gaps near the 0.5 s of the rule."""
    result: list[Burst] = []
    for burst, following in zip(leg, [*leg[1:], None], strict=True):
        if rng.random() > how["share"]:
            result.append(burst)
            continue
        t, limit = burst.start_s, following.start_s - _ROOM_S if following else burst.start_s + 60.0
        for _ in range(round(draw(rng, how["parts"]))):
            edge = float(draw(rng, how["edge_s"]))
            part = burst._replace(
                start_s=t, length_s=float(draw(rng, how["duration_s"])), rise_s=edge, fall_s=edge, shape="cosine"
            )
            if part.start_s + part.length_s > limit:
                break
            result.append(part)
            t = part.start_s + part.length_s + float(draw(rng, how["gap_s"]))
    return result


def _weak(
    rng: np.random.Generator,
    how: Mapping[str, Any],
    duration_s: float,
    leg: list[Burst],
    movements: list[tuple[float, float]],
) -> None:
    """Activity below the onset threshold."""
    for start, end in stretches(rng, count(rng, how, duration_s / 3600.0), how["duration_s"], duration_s):
        if _is_clear(movements, start, end, _ROOM_S):
            leg.append(Burst(start, end - start, float(draw(rng, how["excess_uv"])), 0.2, 0.2, "cosine"))


def _twitch(rng: np.random.Generator, how: Mapping[str, Any], start_s: float) -> Burst:
    length = float(draw(rng, how["duration_s"]))
    edge = float(rng.uniform(0.1, 0.5)) * length
    shape = ("trapezoid", "hump", "cosine")[int(rng.integers(3))]
    return Burst(start_s, length, float(draw(rng, how["excess_uv"])), edge, edge, shape)


def _twitches(
    rng: np.random.Generator,
    how: Mapping[str, Any],
    duration_s: float,
    leg: list[Burst],
    movements: list[tuple[float, float]],
) -> None:
    clear = float(draw(rng, how.get("clear_s", 0.8)))
    taken: list[float] = []
    for _ in range(count(rng, how, duration_s / 3600.0)):
        twitch = _twitch(rng, how, float(rng.uniform(5.0, duration_s - 5.0)))
        is_free = all(abs(twitch.start_s - t) > 1.5 for t in taken)
        if is_free and (clear == 0.0 or _is_clear(movements, twitch.start_s, twitch.start_s + twitch.length_s, clear)):
            taken.append(twitch.start_s)
            leg.append(twitch)


def _myoclonus(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float, leg: list[Burst]) -> None:
    low, high = np.broadcast_to(np.asarray(how["stretch_min"], dtype=np.float64), 2) * 60.0
    for start, end in stretches(rng, round(draw(rng, how["stretches"])), [low, high], duration_s):
        t = start
        while t < end:
            leg.append(_twitch(rng, how, t))
            t += float(draw(rng, how["interval_s"]))


def _alternating(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float, legs: list[list[Burst]]) -> None:
    for start, end in stretches(rng, round(draw(rng, how["runs"])), how["run_s"], duration_s, apart_s=20.0):
        period, duty = 1.0 / float(draw(rng, how["hz"])), float(draw(rng, how["duty"]))
        excess = float(draw(rng, how["excess_uv"]))
        for k, t in enumerate(np.arange(start, end, 0.5 * period)):
            edge = 0.25 * duty * period
            legs[k % len(legs)].append(Burst(float(t), duty * period, excess, edge, edge, "cosine"))


def _foot_tremor(rng: np.random.Generator, how: Mapping[str, Any], duration_s: float, legs: list[list[Burst]]) -> None:
    for start, end in stretches(rng, round(draw(rng, how["runs"])), how["run_s"], duration_s, apart_s=20.0):
        period, leg = 1.0 / float(draw(rng, how["hz"])), legs[int(rng.integers(len(legs)))]
        length = min(float(draw(rng, how["burst_s"])), 0.7 * period)
        excess = float(draw(rng, how["excess_uv"]))
        for t in np.arange(start, end, period):
            leg.append(Burst(float(t), length, excess, 0.2 * length, 0.2 * length, "cosine"))
