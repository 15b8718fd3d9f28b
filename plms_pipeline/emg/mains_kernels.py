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
def subtract_line(y: np.ndarray, step_re: float, step_im: float, n_block: int, half: int) -> np.ndarray:
    """Subtract from ``y``, in place, the sine of the frequency whose phase advances by ``step`` per sample.

    Its complex amplitude is a mean over ``half`` blocks to either side, weighted by the inverse power of each block,
    so that a movement neither enters the estimate nor rings, and linear between block centres. Returns the RMS of
    the sine at the centre of each block.
    """
    n = y.shape[0]
    n_blocks = (n + n_block - 1) // n_block
    re = np.zeros(n_blocks)
    im = np.zeros(n_blocks)
    weight = np.zeros(n_blocks)
    c, s = 1.0, 0.0
    for b in range(n_blocks):
        first = b * n_block
        last = min(n, first + n_block)
        power = 1e-6
        for i in range(first, last):
            v = y[i]
            re[b] += v * c
            im[b] -= v * s
            power += v * v / (last - first)
            c, s = c * step_re - s * step_im, c * step_im + s * step_re
        size = np.sqrt(c * c + s * s)
        c, s = c / size, s / size
        re[b] *= 2.0 / (last - first)
        im[b] *= 2.0 / (last - first)
        weight[b] = (last - first) / power
    mean_re = np.empty(n_blocks)
    mean_im = np.empty(n_blocks)
    for b in range(n_blocks):
        total = 0.0
        a_re = 0.0
        a_im = 0.0
        for k in range(max(0, b - half), min(n_blocks, b + half + 1)):
            total += weight[k]
            a_re += weight[k] * re[k]
            a_im += weight[k] * im[k]
        mean_re[b], mean_im[b] = a_re / total, a_im / total
    rms = np.empty(n_blocks)
    for b in range(n_blocks):
        rms[b] = np.sqrt(0.5 * (mean_re[b] * mean_re[b] + mean_im[b] * mean_im[b]))
    c, s = 1.0, 0.0
    for b in range(n_blocks):
        for i in range(b * n_block, min(n, b * n_block + n_block)):
            position = (i + 0.5) / n_block - 0.5
            k = min(max(int(position), 0), n_blocks - 1)
            j = min(k + 1, n_blocks - 1)
            t = min(max(position - k, 0.0), 1.0)
            a_re = mean_re[k] + t * (mean_re[j] - mean_re[k])
            a_im = mean_im[k] + t * (mean_im[j] - mean_im[k])
            y[i] -= a_re * c - a_im * s
            c, s = c * step_re - s * step_im, c * step_im + s * step_re
        size = np.sqrt(c * c + s * s)
        c, s = c / size, s / size
    return rms
