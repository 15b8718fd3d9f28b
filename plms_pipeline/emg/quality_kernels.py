"""Runs of samples at the amplifier's limits, and of identical samples."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def count_kinds(x: np.ndarray, first: int, last: int, low: float, high: float) -> tuple[int, int, int]:
    """Samples of a piece that are railed, missing, and equal to the one before them."""
    railed = 0
    missing = 0
    same = 0
    for i in range(first, last):
        v = x[i]
        railed += 1 if v <= low else 0
        railed += 1 if v >= high else 0
        missing += 0 if abs(v) < np.inf else 1
        same += 1 if v == x[i - 1] else 0
    return railed, missing, same


@jit
def scan_long_runs(
    x: np.ndarray, low: float, high: float, n_railed: int, n_flat: int, out: np.ndarray
) -> tuple[int, int, int]:
    """Number of long runs, of samples at a limit and of missing ones; runs (first, past-last, kind) go to ``out``.

    A sample is railed at or beyond ``low`` or ``high`` (kind 1); a flat run is of identical samples (kind 2). A long
    run holds a whole piece of at most half its length, so only the surroundings of such pieces are read one by one.
    """
    n = x.shape[0]
    room = out.shape[0]
    piece = max(1, min(128, (min(n_railed, n_flat) - 1) // 2))
    count = 0
    at_limit = 0
    missing = 0
    past = 0
    for first in range(0, n, piece):
        last = min(n, first + piece)
        begin = max(first, 1)
        n_rail, n_missing, n_same = count_kinds(x, begin, last, low, high)
        if first == 0:
            n_rail += 1 if x[0] <= low or x[0] >= high else 0
            n_missing += 0 if np.isfinite(x[0]) else 1
        at_limit += n_rail
        missing += n_missing
        if first < past:
            continue
        is_rail = n_rail == last - first
        if not is_rail and n_same < last - begin:
            continue
        if not is_rail and (x[begin - 1] <= low or x[begin - 1] >= high or n_rail > 0):
            continue
        a = first
        b = last
        if is_rail:
            while a > 0 and (x[a - 1] <= low or x[a - 1] >= high):
                a -= 1
            while b < n and (x[b] <= low or x[b] >= high):
                b += 1
        else:
            while a > 0 and x[a - 1] == x[first]:
                a -= 1
            while b < n and x[b] == x[first]:
                b += 1
        past = b
        if b - a >= (n_railed if is_rail else n_flat):
            if count < room:
                out[count, 0], out[count, 1], out[count, 2] = a, b, 1 if is_rail else 2
            count += 1
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
