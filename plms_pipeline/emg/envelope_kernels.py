"""Sliding sums in integers: exact, so that a value does not depend on where the run began."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def measure(y: np.ndarray, scale: float, is_rms: bool, limit: float) -> np.ndarray:
    """``y**2`` (or ``|y|``) in integer units of ``1/scale``; ``y`` clipped to ±``limit``."""
    n = y.shape[0]
    out = np.empty(n, np.int64)
    for i in range(n):
        v = min(abs(y[i]), limit)
        if is_rms:
            v = v * v
        out[i] = np.int64(v * scale + 0.5)
    return out


@jit
def smallest_window(u: np.ndarray, n_short: int, n_middle: int, n_long: int, scale: float, is_rms: bool) -> np.ndarray:
    """Smallest of the means of ``u`` in three centred windows of odd length, cut at the ends of the run."""
    n = u.shape[0]
    out = np.empty(n)
    hs, hm, hl = n_short // 2, n_middle // 2, n_long // 2
    sum_s = np.int64(0)
    sum_m = np.int64(0)
    sum_l = np.int64(0)
    for i in range(min(hs, n)):
        sum_s += u[i]
    for i in range(min(hm, n)):
        sum_m += u[i]
    for i in range(min(hl, n)):
        sum_l += u[i]
    inner_s, inner_m, inner_l = 1.0 / (n_short * scale), 1.0 / (n_middle * scale), 1.0 / (n_long * scale)
    widest = max(hs, hm, hl)
    for i in range(n):
        if i + hs < n:
            sum_s += u[i + hs]
        if i - hs - 1 >= 0:
            sum_s -= u[i - hs - 1]
        if i + hm < n:
            sum_m += u[i + hm]
        if i - hm - 1 >= 0:
            sum_m -= u[i - hm - 1]
        if i + hl < n:
            sum_l += u[i + hl]
        if i - hl - 1 >= 0:
            sum_l -= u[i - hl - 1]
        if widest <= i < n - widest:
            v = min(sum_s * inner_s, sum_m * inner_m, sum_l * inner_l)
        else:
            c_s = min(n - 1, i + hs) - max(0, i - hs) + 1
            c_m = min(n - 1, i + hm) - max(0, i - hm) + 1
            c_l = min(n - 1, i + hl) - max(0, i - hl) + 1
            v = min(sum_s / (c_s * scale), sum_m / (c_m * scale), sum_l / (c_l * scale))
        out[i] = np.sqrt(v) if is_rms else v
    return out


@jit
def block_means(u: np.ndarray, n_block: int, scale: float) -> np.ndarray:
    """Means of ``u`` in consecutive blocks of ``n_block``; the last one may be shorter."""
    n = u.shape[0]
    n_blocks = (n + n_block - 1) // n_block
    out = np.empty(n_blocks)
    for b in range(n_blocks):
        first = b * n_block
        last = min(n, first + n_block)
        total = np.int64(0)
        for i in range(first, last):
            total += u[i]
        out[b] = total / ((last - first) * scale)
    return out
