"""Runs of samples at the amplifier's limits, and of identical samples."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def scan_long_runs(
    x: np.ndarray, low: float, high: float, n_railed: int, n_flat: int, out: np.ndarray
) -> tuple[int, int, int]:
    """Number of long runs, of samples at a limit and of missing ones; runs (first, past-last, kind) go to ``out``.

    A sample is railed at or beyond ``low`` or ``high`` (kind 1); a flat run is of identical samples (kind 2).
    """
    n = x.shape[0]
    room = out.shape[0]
    count = 0
    at_limit = 0
    railed = 0
    same = 0
    missing = 0
    for i in range(n + 1):
        if i < n and not np.isfinite(x[i]):
            missing += 1
        is_railed = i < n and (x[i] <= low or x[i] >= high)
        is_same = 0 < i < n and x[i] == x[i - 1] and not is_railed
        if is_railed:
            at_limit += 1
            railed += 1
        else:
            if railed >= n_railed:
                if count < room:
                    out[count, 0], out[count, 1], out[count, 2] = i - railed, i, 1
                count += 1
            railed = 0
        if is_same:
            same += 1
        else:
            if same > 0 and same + 1 >= n_flat:
                if count < room:
                    out[count, 0], out[count, 1], out[count, 2] = i - same - 1, i, 2
                count += 1
            same = 0
    return count, at_limit, missing


@jit
def long_runs(x: np.ndarray, low: float, high: float, n_railed: int, n_flat: int) -> tuple[np.ndarray, int, int]:
    """Long railed and flat runs, int64 (k, 3) of first, past-last and kind; samples at a limit; missing samples."""
    out = np.empty((64, 3), np.int64)
    count, at_limit, missing = scan_long_runs(x, low, high, n_railed, n_flat, out)
    if count > out.shape[0]:
        out = np.empty((count, 3), np.int64)
        scan_long_runs(x, low, high, n_railed, n_flat, out)
    return out[:count], at_limit, missing


@jit
def true_runs(flags: np.ndarray, n_least: int) -> np.ndarray:
    """First and past-last index of runs of at least ``n_least`` true values; int64 (k, 2)."""
    n = flags.shape[0]
    out = np.empty((n + 1, 2), np.int64)
    count = 0
    length = 0
    for i in range(n + 1):
        if i < n and flags[i]:
            length += 1
        else:
            if length >= n_least and length > 0:
                out[count, 0], out[count, 1] = i - length, i
                count += 1
            length = 0
    return out[:count]
