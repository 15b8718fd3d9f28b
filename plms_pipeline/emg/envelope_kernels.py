"""Power of the EMG in ticks of a few samples, and means of it that a short transient cannot lift."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def tick_power(y: np.ndarray, n_tick: int, is_rms: bool, limit: float) -> np.ndarray:
    """Mean of ``y**2`` (or ``|y|``) in consecutive ticks of ``n_tick`` samples; ``y`` clipped to ±``limit``.

    A rest of less than a tick at the end is left out. Every tick is summed for itself: nothing is carried from a
    loud stretch into a quiet one.
    """
    n = y.shape[0] // n_tick
    out = np.empty(n)
    for j in range(n):
        total = 0.0
        for i in range(j * n_tick, j * n_tick + n_tick):
            v = min(abs(np.float64(y[i])), limit)
            total += v * v if is_rms else v
        out[j] = total / n_tick
    return out


@jit
def robust_mean(p: np.ndarray, first: int, last: int, n_top: int, gain: float, top: np.ndarray) -> float:
    """Mean of ``p[first:last]``, but at most ``gain`` times the mean without its largest values.

    The ``n_top`` largest values are left out of the second mean, never more than half of them. ``top`` is working
    space of at least ``n_top``.
    """
    n = last - first
    n_cut = min(n_top, n // 2)
    total = 0.0
    for k in range(n_cut):
        top[k] = 0.0
    for j in range(first, last):
        v = p[j]
        total += v
        if n_cut > 0 and v > top[0]:
            k = 0
            while k + 1 < n_cut and top[k + 1] < v:
                top[k] = top[k + 1]
                k += 1
            top[k] = v
    if n_cut == 0:
        return total / n
    kept = total
    for k in range(n_cut):
        kept -= top[k]
    return min(total / n, gain * max(kept, 0.0) / (n - n_cut))


@jit
def block_power(p: np.ndarray, n_block: int, n_top: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Robust and plain means of ``p`` in consecutive blocks of ``n_block`` ticks; the last block takes the rest."""
    n = max(1, p.shape[0] // n_block)
    robust = np.empty(n)
    plain = np.empty(n)
    top = np.zeros(n_top + 1)
    for b in range(n):
        first = b * n_block
        last = p.shape[0] if b == n - 1 else first + n_block
        robust[b] = robust_mean(p, first, last, n_top, gain, top)
        total = 0.0
        for j in range(first, last):
            total += p[j]
        plain[b] = total / (last - first)
    return robust, plain
