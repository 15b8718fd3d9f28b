"""Resting level per block: a forward pass that tells rest from activity, then means over what is rest."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def low_quantile(values: np.ndarray, q: float) -> float:
    """Value below which the fraction ``q`` of ``values`` lies (lower of the two neighbours)."""
    ordered = np.sort(values)
    return ordered[int(q * (ordered.shape[0] - 1))]


@jit
def mark_activity(
    a: np.ndarray,
    above_uv: float,
    ratio: float,
    memory: float,
    n_end: int,
    n_burst: int,
    n_drop: int,
    n_start: int,
    q: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mark blocks of activity and the first block of each regime of tone.

    Parameters: block amplitudes ``a``; a block is active above ``max(rest + above_uv, ratio * rest)``; activity ends
    with ``n_end`` quiet blocks; one of more than ``n_burst`` blocks is a change of tone that began where it began;
    ``n_drop`` blocks below ``rest / ratio`` in a row are a fall of tone; ``n_start`` blocks give the first level.
    """
    n = a.shape[0]
    active = np.zeros(n, np.bool_)
    regime = np.zeros(n, np.bool_)
    if n == 0:
        return active, regime
    regime[0] = True
    power = low_quantile(a[: min(n, n_start)], q) ** 2
    last_restart = -1
    is_active = False
    start = 0
    run = 0
    low = 0
    b = 0
    while b < n:
        rest = np.sqrt(power)
        level = max(rest + above_uv, ratio * rest)
        if is_active:
            active[b] = True
            run = run + 1 if a[b] <= level else 0
            if run == n_end:
                for k in range(run):
                    active[b - k] = False
                is_active = False
                run = 0
                low = 0
            elif b - start + 1 - run > n_burst and start > last_restart:
                for k in range(start, b + 1):
                    active[k] = False
                regime[start] = True
                last_restart = start
                power = low_quantile(a[start : b + 1], q) ** 2
                is_active = False
                run = 0
                low = 0
                b = start
                continue
        elif a[b] > level:
            is_active = True
            start = b
            run = 0
            active[b] = True
        else:
            power += (a[b] * a[b] - power) / memory
            low = low + 1 if a[b] * ratio < rest else 0
            if low == n_drop:
                regime[b - low + 1] = True
                power = 0.0
                for k in range(low):
                    power += a[b - k] * a[b - k] / low
                low = 0
        b += 1
    return active, regime


@jit
def rest_power(p: np.ndarray, active: np.ndarray, regime: np.ndarray, half: int, n_least: int) -> np.ndarray:
    """Mean of ``p`` over resting blocks within ``half`` blocks and one regime; wider where fewer than ``n_least`` rest.

    Blocks next to activity count as active: they hold the feet of its ramps.
    """
    n = p.shape[0]
    out = np.empty(n)
    weight = np.zeros(n + 1, np.int64)
    total = np.zeros(n + 1, np.int64)
    scale = float(2**20)
    for b in range(n):
        is_rest = not active[b] and not (b > 0 and active[b - 1]) and not (b + 1 < n and active[b + 1])
        weight[b + 1] = weight[b] + (1 if is_rest else 0)
        total[b + 1] = total[b] + (np.int64(p[b] * scale + 0.5) if is_rest else 0)
    first = 0
    while first < n:
        last = first + 1
        while last < n and not regime[last]:
            last += 1
        for b in range(first, last):
            h = half
            low, high = max(first, b - h), min(last, b + h + 1)
            while weight[high] - weight[low] < n_least and (low > first or high < last):
                h *= 2
                low, high = max(first, b - h), min(last, b + h + 1)
            count = weight[high] - weight[low]
            if count > 0:
                out[b] = (total[high] - total[low]) / (count * scale)
            else:
                out[b] = low_quantile(p[first:last], 0.5)
        first = last
    return out
