"""Baseline, amplitude and movements of a piezo-electric leg sensor."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def running_rms(y: np.ndarray, n_short: int, n_long: int) -> np.ndarray:
    """Smaller of two centred RMS of ``y``, windows of ``n_short`` and ``n_long`` samples (odd), cut at the ends.

    Every window is summed by itself: a running sum would leave the rest of a large movement in the quiet after it.
    """
    n = y.shape[0]
    out = np.empty(n)
    short, long = n_short // 2, n_long // 2
    for i in range(n):
        first, last = max(0, i - long), min(n, i + long + 1)
        inner_first, inner_last = max(0, i - short), min(n, i + short + 1)
        total = 0.0
        inner = 0.0
        for j in range(first, last):
            square = y[j] * y[j]
            total += square
            if inner_first <= j < inner_last:
                inner += square
        out[i] = np.sqrt(min(total / (last - first), inner / (inner_last - inner_first)))
    return out


@jit
def block_rms(y: np.ndarray, n_block: int) -> np.ndarray:
    """RMS of consecutive blocks of ``n_block`` samples; the last may be shorter."""
    n_blocks = (y.shape[0] + n_block - 1) // n_block
    out = np.empty(n_blocks)
    for b in range(n_blocks):
        first, last = b * n_block, min(y.shape[0], (b + 1) * n_block)
        total = 0.0
        for j in range(first, last):
            total += y[j] * y[j]
        out[b] = np.sqrt(total / (last - first))
    return out


@jit
def running_quantile(block: np.ndarray, n_window: int, quantile: float) -> np.ndarray:
    """Lower quantile of the ``n_window`` blocks around each block; the window is moved, not cut, at the ends."""
    n = block.shape[0]
    size = min(n, n_window)
    out = np.empty(n)
    for b in range(n):
        first = min(max(0, b - size // 2), n - size)
        ordered = np.sort(block[first : first + size])
        out[b] = ordered[int(quantile * (size - 1))]
    return out


@jit
def smallest_step(x: np.ndarray) -> float:
    """Smallest change between neighbouring samples, differences of rounding left out; 0 for a constant."""
    largest = 0.0
    for i in range(1, x.shape[0]):
        largest = max(largest, abs(x[i] - x[i - 1]))
    least = largest
    for i in range(1, x.shape[0]):
        change = abs(x[i] - x[i - 1])
        if 1e-6 * largest < change < least:
            least = change
    return least


@jit
def relative_movements(
    envelope: np.ndarray, rest: np.ndarray, n_block: int, onset_ratio: float, offset_ratio: float, n_quiet: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every rise to ``onset_ratio`` times the baseline until ``n_quiet`` samples at or below ``offset_ratio`` times.

    Returns int64 (k, 3) of onset, offset (samples, half-open) and whether an end is open at an end of the run, and
    the highest envelope over baseline (k,).
    """
    n = envelope.shape[0]
    out = np.empty((n // 2 + 1, 3), np.int64)
    top = np.empty(n // 2 + 1)
    count = 0
    is_on = False
    is_from_edge = True
    start = 0
    quiet = 0
    highest = 0.0
    for i in range(n):
        ratio = envelope[i] / rest[min(i // n_block, rest.shape[0] - 1)]
        if is_on:
            highest = max(highest, ratio)
            quiet = quiet + 1 if ratio <= offset_ratio else 0
            if quiet == n_quiet:
                out[count, 0], out[count, 1], out[count, 2] = start, i + 1 - quiet, is_from_edge
                top[count] = highest
                count += 1
                is_on = False
                is_from_edge = False
                quiet = 0
        elif ratio >= onset_ratio:
            is_on = True
            start = i
            quiet = 0
            highest = ratio
        elif ratio <= offset_ratio:
            is_from_edge = False
    if is_on:
        out[count, 0], out[count, 1], out[count, 2] = start, n - quiet, 1
        top[count] = highest
        count += 1
    return out[:count].copy(), top[:count].copy()
