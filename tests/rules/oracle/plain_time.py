"""Half-open stretches of time as lists of (start, end) in whole microseconds, one loop at a time."""

from __future__ import annotations

Stretch = tuple[int, int]


def union(stretches: list[Stretch]) -> list[Stretch]:
    """The same time without overlaps, in order; stretches that touch become one."""
    out: list[Stretch] = []
    for start, end in sorted(stretches):
        if end <= start:
            continue
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def shared(a: list[Stretch], b: list[Stretch]) -> list[Stretch]:
    """Time that is in both."""
    out = []
    for a0, a1 in union(a):
        for b0, b1 in union(b):
            if max(a0, b0) < min(a1, b1):
                out.append((max(a0, b0), min(a1, b1)))
    return union(out)


def without(a: list[Stretch], b: list[Stretch]) -> list[Stretch]:
    """Time that is in ``a`` and not in ``b``."""
    out = []
    holes = union(b)
    for start, end in union(a):
        at = start
        for b0, b1 in holes:
            if b1 <= at or b0 >= end:
                continue
            if b0 > at:
                out.append((at, b0))
            at = max(at, b1)
        if at < end:
            out.append((at, end))
    return out


def length(stretches: list[Stretch]) -> int:
    """Microseconds."""
    total = 0
    for start, end in union(stretches):
        total += end - start
    return total


def holds(stretches: list[Stretch], moment: int) -> bool:
    """Whether a moment lies in one of them; the end does not belong to a stretch."""
    return any(start <= moment < end for start, end in stretches)
