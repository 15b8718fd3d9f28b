"""A line of known frequency: how strong it is in a window, and its removal by a slowly varying sine."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def line_power(y: np.ndarray, starts: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """Mean squared amplitude of each frequency in each window; (n_windows, n_frequencies), row of the tables each."""
    n_frequencies, n = cosine.shape
    out = np.empty((starts.shape[0], n_frequencies))
    for w in range(starts.shape[0]):
        for f in range(n_frequencies):
            re = 0.0
            im = 0.0
            for i in range(n):
                v = y[starts[w] + i]
                re += v * cosine[f, i]
                im += v * sine[f, i]
            out[w, f] = 2.0 * (re * re + im * im) / (n * n)
    return out


@jit
def line_parts(
    y: np.ndarray, first: int, last: int, cosine: np.ndarray, sine: np.ndarray
) -> tuple[float, float, float]:
    """Sums of ``y * cosine``, ``y * sine`` and ``y**2`` over a block, in four parts that do not wait for each other."""
    n = last - first
    whole = n - n % 4
    r0 = r1 = r2 = r3 = 0.0
    i0 = i1 = i2 = i3 = 0.0
    p0 = p1 = p2 = p3 = 0.0
    for i in range(0, whole, 4):
        v0 = np.float64(y[first + i])
        v1 = np.float64(y[first + i + 1])
        v2 = np.float64(y[first + i + 2])
        v3 = np.float64(y[first + i + 3])
        r0 += v0 * cosine[i]
        r1 += v1 * cosine[i + 1]
        r2 += v2 * cosine[i + 2]
        r3 += v3 * cosine[i + 3]
        i0 += v0 * sine[i]
        i1 += v1 * sine[i + 1]
        i2 += v2 * sine[i + 2]
        i3 += v3 * sine[i + 3]
        p0 += v0 * v0
        p1 += v1 * v1
        p2 += v2 * v2
        p3 += v3 * v3
    for i in range(whole, n):
        v = np.float64(y[first + i])
        r0 += v * cosine[i]
        i0 += v * sine[i]
        p0 += v * v
    return (r0 + r1) + (r2 + r3), (i0 + i1) + (i2 + i3), (p0 + p1) + (p2 + p3)


@jit
def subtract_line(y: np.ndarray, cosine: np.ndarray, sine: np.ndarray, half: int) -> np.ndarray:
    """Subtract from ``y``, in place, a sine of slowly varying amplitude and phase.

    ``cosine`` and ``sine`` (n_block + 1,) are those of the frequency from the start of a block to that of the next
    one. The complex amplitude of the line is a mean over ``half`` blocks to either side, weighted by the inverse power
    of each block, so that a movement neither enters the estimate nor rings, and linear between block centres. Returns
    the RMS of the sine at the centre of each block.
    """
    n = y.shape[0]
    n_block = cosine.shape[0] - 1
    n_blocks = (n + n_block - 1) // n_block
    re = np.zeros(n_blocks)
    im = np.zeros(n_blocks)
    weight = np.zeros(n_blocks)
    turn_re, turn_im = cosine[n_block], sine[n_block]
    c, s = 1.0, 0.0
    for b in range(n_blocks):
        first = b * n_block
        size = min(n, first + n_block) - first
        along, across, power = line_parts(y, first, first + size, cosine, sine)
        re[b] = 2.0 * (along * c - across * s) / size
        im[b] = -2.0 * (along * s + across * c) / size
        weight[b] = size / (1e-6 + power / size)
        c, s = c * turn_re - s * turn_im, c * turn_im + s * turn_re
        length = np.sqrt(c * c + s * s)
        c, s = c / length, s / length
    mean_re = np.empty(n_blocks)
    mean_im = np.empty(n_blocks)
    rms = np.empty(n_blocks)
    for b in range(n_blocks):
        total = 0.0
        a_re = 0.0
        a_im = 0.0
        for k in range(max(0, b - half), min(n_blocks, b + half + 1)):
            total += weight[k]
            a_re += weight[k] * re[k]
            a_im += weight[k] * im[k]
        mean_re[b], mean_im[b] = a_re / total, a_im / total
        rms[b] = np.sqrt(0.5 * (mean_re[b] * mean_re[b] + mean_im[b] * mean_im[b]))
    c, s = 1.0, 0.0
    for b in range(n_blocks):
        first = b * n_block
        size = min(n, first + n_block) - first
        for part in range(2):
            # Before the centre of the block the line runs from the block before, after it to the next one.
            low = 0 if part == 0 else min(size, n_block // 2)
            high = min(size, n_block // 2) if part == 0 else size
            k = max(b - 1, 0) if part == 0 else b
            j = b if part == 0 else min(b + 1, n_blocks - 1)
            start = 0.5 / n_block + (0.5 if part == 0 else -0.5)
            step_re, step_im = mean_re[j] - mean_re[k], mean_im[j] - mean_im[k]
            for i in range(low, high):
                t = start + i / n_block
                a_re = mean_re[k] + t * step_re
                a_im = mean_im[k] + t * step_im
                y[first + i] -= (a_re * c - a_im * s) * cosine[i] - (a_re * s + a_im * c) * sine[i]
        c, s = c * turn_re - s * turn_im, c * turn_im + s * turn_re
        length = np.sqrt(c * c + s * s)
        c, s = c / length, s / length
    return rms
