"""R peaks, and the average of the EMG around them."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def highest_of_blocks(y: np.ndarray, n_block: int) -> np.ndarray:
    """Largest ``|y|`` in consecutive blocks of ``n_block``; the last one may be shorter."""
    out = np.zeros((y.shape[0] + n_block - 1) // n_block)
    for b in range(out.shape[0]):
        top = 0.0
        for i in range(b * n_block, min(y.shape[0], (b + 1) * n_block)):
            top = max(top, abs(np.float64(y[i])))
        out[b] = top
    return out


@jit
def find_peaks(y: np.ndarray, level: np.ndarray, n_block: int, n_refractory: int) -> np.ndarray:
    """Positions (in samples, with fraction) of maxima of ``|y|`` above their block's level, one per refractory time."""
    n = y.shape[0]
    out = np.empty(n // max(1, n_refractory) + 2)
    count = 0
    best = -1
    for i in range(1, n - 1):
        v = abs(y[i])
        if v < level[i // n_block] or v < abs(y[i - 1]) or v <= abs(y[i + 1]):
            continue
        if best >= 0 and i - best < n_refractory:
            if v <= abs(y[best]):
                continue
            count -= 1
        best = i
        left, right = abs(y[i - 1]), abs(y[i + 1])
        bend = left - 2.0 * v + right
        out[count] = i + (0.5 * (left - right) / bend if bend < 0.0 else 0.0)
        count += 1
    return out[:count]


@jit
def locked_average(y: np.ndarray, beats: np.ndarray, before: int, after: int) -> tuple[np.ndarray, float]:
    """Average of ``y`` from ``before`` samples before to ``after`` past each beat, and its standard error.

    Weighted by the inverse power around each beat: beats inside movements count for little. ``y`` is read between
    samples linearly. Beats must lie far enough from both ends.
    """
    n = before + after + 1
    mean = np.zeros(n)
    total = 0.0
    for k in range(beats.shape[0]):
        base = int(beats[k])
        part = beats[k] - base
        power = 1e-6
        for i in range(n):
            j = base - before + i
            v = y[j] + part * (y[j + 1] - y[j])
            power += v * v / n
        total += 1.0 / power
        for i in range(n):
            j = base - before + i
            mean[i] += (y[j] + part * (y[j + 1] - y[j])) / power
    if total > 0.0:
        for i in range(n):
            mean[i] /= total
        return mean, np.sqrt(1.0 / total)
    return mean, 0.0


@jit
def subtract_average(y: np.ndarray, beats: np.ndarray, before: int, mean: np.ndarray) -> None:
    """Subtract ``mean`` around each beat in place, read between its points linearly."""
    n = mean.shape[0]
    for k in range(beats.shape[0]):
        base = int(beats[k])
        part = beats[k] - base
        for i in range(1, n):
            y[base - before + i] -= mean[i] - part * (mean[i] - mean[i - 1])
