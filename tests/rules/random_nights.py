"""Random nights that are hard to score: many events lie exactly on a limit or one microsecond beside it.

Only whole microseconds and the standard generator of random numbers, so that hypothesis can drive it as well.
"""

from __future__ import annotations

from random import Random
from typing import Any

S = 1_000_000
ONSET_LIMITS = (5 * S, 10 * S, 90 * S, 500_000)
DURATION_LIMITS = (500_000, 5 * S, 10 * S, 15 * S)
BESIDE = (0, 0, 0, 0, -1, 1)
STAGES = ("N1", "N2", "N2", "N2", "N3", "R", "S", "W", "W", "U")

Night = dict[str, Any]


def random_night(rng: Random, most_movements: int = 40) -> Night:
    """One night as the plain scorer takes it; ``snapped`` says of each event whether it was put on a limit."""
    legs = rng.choice(("both", "both", "both", "both", "left", "right", "combined"))
    night: Night = {"legs": legs, "snapped": []}
    night["movements"] = _movements(rng, night, rng.randrange(most_movements + 1))
    moments = _moments(night["movements"])
    night["stages"] = _stages(rng, night, moments)
    end = max([*moments, 1])
    if night["stages"]:
        end = max(end, night["stages"][-1][0] + night["stages"][-1][1])
    night["duration"] = end + rng.choice((0, 0, 1, rng.randrange(60 * S), 3600 * S))
    if not night["stages"] and rng.randrange(4) == 0 and moments:
        night["duration"] = max(1, rng.choice(moments))
    borders = moments + [onset for onset, _, _ in night["stages"] or []]
    night["gaps"] = _gaps(rng, night, borders)
    night["respiratory"] = _respiratory(rng, night)
    night["arousals"] = _arousals(rng, night)
    night["respiratory_partial"] = night["respiratory"] is not None and rng.randrange(16) == 0
    night["arousals_partial"] = night["arousals"] is not None and rng.randrange(16) == 0
    night["lights_off"], night["lights_on"] = _lights(rng, night, borders)
    return night


def _event(night: Night) -> None:
    night["snapped"].append(False)


def _near(rng: Random, night: Night, limit: int) -> int:
    night["snapped"][-1] = True
    return limit + rng.choice(BESIDE)


def _leg(rng: Random, legs: str) -> str:
    return {"left": "L", "right": "R", "combined": "C"}.get(legs) or rng.choice("LR")


def _other(leg: str, legs: str) -> str:
    return {"L": "R", "R": "L"}[leg] if legs == "both" else leg


def _movements(rng: Random, night: Night, n: int) -> list[tuple[Any, ...]]:
    """Trains, dense and sparse stretches, chains of both legs, nested and touching movements, mixed at random."""
    legs = night["legs"]
    period = rng.choice((5 * S, 10 * S, 12 * S, 20 * S, 90 * S, rng.randrange(4 * S, 95 * S)))
    snap = rng.choice((30, 50, 80))
    has_bad_shape = rng.randrange(3) == 0
    has_bare_marks = rng.randrange(12) == 0
    has_long = rng.randrange(2) == 0
    out: list[tuple[Any, ...]] = []
    onset = rng.choice((0, 0, rng.randrange(100 * S)))
    styles = ["train", "train", "train", "free", "dense", "chain"]
    if legs == "both":
        styles = rng.choice((styles, ["train", "pairs"], ["train", "chain"]))
    style = "train"
    chain_start = 0
    while len(out) < n:
        _event(night)
        if rng.randrange(6) == 0:
            style = rng.choice(styles)
        leg = _leg(rng, legs)
        before = out[-1] if out else None
        if before is not None:
            previous_end = before[1] if before[2] is None else before[2]
            step = before[1] + period
            if style == "chain":
                leg = _other(before[0], legs)
                step = previous_end + rng.choice((0, 100_000, 200_000, 499_999, 499_999, 500_000, 500_001, -300_000))
            elif style == "dense":
                step = before[1] + rng.randrange(6 * S)
            elif style == "free":
                step = before[1] + rng.randrange(1, 120 * S)
            elif style == "pairs" and rng.randrange(2):
                leg = _other(before[0], legs)
                step = before[1] + rng.choice((0, 1, 100_000, 3 * S, 5 * S - 1, 5 * S, rng.randrange(6 * S)))
            if rng.randrange(100) < snap // 2:
                near = rng.randrange(3)
                if near == 0:
                    step = before[1] + _near(rng, night, rng.choice(ONSET_LIMITS))
                elif near == 1:
                    step = previous_end + _near(rng, night, rng.choice((0, 500_000)))
                else:
                    step = _near(rng, night, before[1] + period)
            elif style == "train" and rng.randrange(3) == 0:
                step += rng.randrange(-2 * S, 2 * S)
            onset = max(0, step)
        if style != "chain":
            chain_start = onset
        offset = _offset(rng, night, onset, before, snap, style, has_long)
        if style == "chain" and onset > chain_start + 4 * S and rng.randrange(2) == 0:
            # Movements of both legs that last as long as a bilateral one may.
            offset = max(onset, chain_start + _near(rng, night, 15 * S))
            chain_start = offset
        out.append(
            (
                leg,
                onset,
                offset,
                not (has_bad_shape and rng.randrange(6) == 0),
                rng.randrange(40) == 0,
            )
        )
        if has_bare_marks and rng.randrange(12) == 0:
            out[-1] = (leg, onset, None, *out[-1][3:])
    rng.shuffle(out)
    return out


def _offset(rng: Random, night: Night, onset: int, before: Any, snap: int, style: str, has_long: bool) -> int:
    if rng.randrange(100) < snap // 3:
        limits = DURATION_LIMITS if has_long else DURATION_LIMITS[:1]
        return max(onset, onset + _near(rng, night, rng.choice(limits)))
    kind = rng.randrange(24)
    if kind == 0 and before is not None and before[2] is not None:
        return max(onset, int(before[2]) + rng.choice((0, -1, 1, -200_000)))
    if kind == 1:
        return onset + rng.randrange(600_000)
    if kind == 2 and has_long:
        return onset + rng.randrange(4 * S, 17 * S)
    if style == "chain":
        return onset + rng.choice((600_000, 1 * S, 1 * S, 3 * S, rng.randrange(500_000, 5 * S)))
    return onset + rng.choice((2 * S, 500_000, rng.randrange(500_000, 4 * S)))


def _moments(movements: list[tuple[Any, ...]]) -> list[int]:
    out = []
    for row in movements:
        out += [row[1]] if row[2] is None else [row[1], row[2]]
    return sorted(out)


def _stages(rng: Random, night: Night, moments: list[int]) -> list[tuple[int, int, str]] | None:
    if rng.randrange(10) == 0:
        return None
    if len(moments) > 12 and rng.randrange(20) == 0:
        # Less than a minute of sleep in a dense train: more movements per hour than an endless train has.
        at = moments[rng.randrange(len(moments) - 8)] + rng.choice(BESIDE)
        on, length = max(1, at), rng.choice((10 * S, 30 * S, 40 * S))
        return [(0, on, "W"), (on, length, "N2"), (on + length, 300 * S, "W")]
    end = (moments[-1] if moments else 0) + rng.choice((0, 30 * S, 600 * S, 4 * 3600 * S, 6 * 3600 * S))
    asleep = rng.randrange(2) == 0
    longest = rng.choice((30 * S, 300 * S, 3600 * S))
    has_holes = rng.randrange(2) == 0
    out: list[tuple[int, int, str]] = []
    at = rng.choice((0, 0, 0, rng.randrange(60 * S)))
    while at < end and len(out) < 40:
        step = rng.randrange(1, longest // (30 * S) + 1) * 30 * S
        later = [moment for moment in moments if moment > at + 1]
        if later and rng.randrange(3) == 0:
            step = later[rng.randrange(min(len(later), 8))] + rng.choice(BESIDE) - at
        label = rng.choice(STAGES[:7] if asleep and rng.randrange(12) else STAGES)
        if not (has_holes and rng.randrange(10) == 0):
            out.append((at, step, label))
        at += step
    if at < end and out:
        out.append((at, end - at, rng.choice(STAGES)))
    return out


def _gaps(rng: Random, night: Night, borders: list[int]) -> list[tuple[int, int, str | None]]:
    out: list[tuple[int, int, str | None]] = []
    most = night["duration"]
    if rng.randrange(12) == 0:
        out.append((0, _half_of_sleep(rng, night), rng.choice("LR")))
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        _event(night)
        if borders and rng.randrange(2):
            start = max(0, _near(rng, night, rng.choice(borders)))
        else:
            start = rng.randrange(most)
        end = start + rng.choice((0, 1, 1000, 2 * S, 60 * S, rng.randrange(1, most + 1), most))
        if borders and rng.randrange(3) == 0:
            end = max(start, _near(rng, night, rng.choice(borders)))
        out.append((start, end, rng.choice((None, "L", "R"))))
        if rng.randrange(4) == 0:
            out.append((end, end + rng.randrange(20 * S), rng.choice((None, "L", "R"))))
    return out


def _half_of_sleep(rng: Random, night: Night) -> int:
    """The moment at which half of the sleep is over, or one microsecond beside it."""
    asleep = [(on, length) for on, length, label in night["stages"] or [] if label not in ("W", "U")]
    rest = sum(length for _, length in asleep) // 2
    for on, length in asleep:
        if rest <= length:
            return max(0, on + rest + rng.choice(BESIDE))
        rest -= length
    return int(night["duration"]) // 2 + rng.choice((0, 1))


def _of_movements(rng: Random, night: Night) -> tuple[int, int] | None:
    rows = [row for row in night["movements"] if row[2] is not None]
    if not rows:
        return None
    row = rng.choice(rows)
    return row[1], row[2]


def _respiratory(rng: Random, night: Night) -> list[tuple[int, int]] | None:
    if rng.randrange(7) == 0:
        return None
    out = []
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        _event(night)
        movement = _of_movements(rng, night)
        length = rng.choice((0, 10 * S, rng.randrange(60 * S)))
        if movement is None or rng.randrange(3) == 0:
            onset = rng.randrange(night["duration"])
            out.append((onset, onset + length))
            continue
        onset, offset = movement
        kind = rng.randrange(4)
        if kind == 0:
            end = onset - _near(rng, night, rng.choice((10_250_000, 500_000, 0)))
        elif kind == 1:
            end = offset + _near(rng, night, rng.choice((2 * S, 500_000, 0)))
        elif kind == 2:
            end = offset + _near(rng, night, 500_000) + length
        else:
            end = onset + rng.randrange(-12 * S, 12 * S)
        end = max(0, end)
        out.append((max(0, end - length), end))
    return out


def _arousals(rng: Random, night: Night) -> list[tuple[int, int]] | None:
    if rng.randrange(7) == 0:
        return None
    out = []
    for _ in range(rng.choice((0, 1, 3, 6, 20))):
        _event(night)
        movement = _of_movements(rng, night)
        length = rng.choice((0, 3 * S, rng.randrange(15 * S)))
        if movement is None or rng.randrange(3) == 0:
            onset = rng.randrange(night["duration"])
        elif rng.randrange(3) == 0:
            onset = movement[0]
        elif rng.randrange(2):
            onset = movement[1] + _near(rng, night, rng.choice((500_000, 500_000, 0)))
        else:
            onset = movement[0] - _near(rng, night, rng.choice((500_000, 500_000, 0))) - length
        onset = max(0, onset)
        out.append((onset, onset + length))
    return out


def _lights(rng: Random, night: Night, borders: list[int]) -> tuple[int | None, int | None]:
    kind = rng.randrange(6)
    if kind < 3:
        return None, None
    edges = []
    for _ in range(2):
        _event(night)
        if borders and rng.randrange(2):
            edges.append(max(0, _near(rng, night, rng.choice(borders))))
        else:
            edges.append(rng.randrange(night["duration"] + 60 * S))
    off, on = min(edges), max(edges)
    if rng.randrange(2):
        off, on = off // 8, max(on, night["duration"] - 5 * S)
    if on <= off:
        on = off + 1
    return (None, on) if kind == 3 and rng.randrange(2) else (off, None if rng.randrange(8) == 0 else on)
