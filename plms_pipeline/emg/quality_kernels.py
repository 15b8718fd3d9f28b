"""Runs of samples at the amplifier's limits, and of identical samples."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def long_runs(
    x: np.ndarray, low: float, high: float, n_railed: int, n_flat: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """First and past-last sample and kind (1 railed, 2 flat) of long runs, and the number of samples at a limit.

    A sample is railed at or beyond ``low`` or ``high``; flat runs are of identical samples.
    """
    n = x.shape[0]
    first = np.empty(16, np.int64)
    last = np.empty(16, np.int64)
    kind = np.empty(16, np.int64)
    count = 0
    at_limit = 0
    railed = 0
    same = 0
    for i in range(n + 1):
        is_railed = i < n and (x[i] <= low or x[i] >= high)
        is_same = i < n and i > 0 and x[i] == x[i - 1] and not is_railed
        if is_railed:
            at_limit += 1
            railed += 1
        else:
            if railed >= n_railed:
                if count == first.shape[0]:
                    first = np.concatenate((first, np.empty(count, np.int64)))
                    last = np.concatenate((last, np.empty(count, np.int64)))
                    kind = np.concatenate((kind, np.empty(count, np.int64)))
                first[count], last[count], kind[count] = i - railed, i, 1
                count += 1
            railed = 0
        if is_same:
            same += 1
        else:
            if same > 0 and same + 1 >= n_flat:
                if count == first.shape[0]:
                    first = np.concatenate((first, np.empty(count, np.int64)))
                    last = np.concatenate((last, np.empty(count, np.int64)))
                    kind = np.concatenate((kind, np.empty(count, np.int64)))
                first[count], last[count], kind[count] = i - same - 1, i, 2
                count += 1
            same = 0
    return first[:count], last[:count], kind[:count], at_limit


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
