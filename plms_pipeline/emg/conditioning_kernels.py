"""Zero-phase filtering: cascaded biquads forwards and backwards, many stretches of the signal side by side."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def section(
    r: np.ndarray, s0: np.ndarray, s1: np.ndarray, b0: float, b1: float, b2: float, a1: float, a2: float
) -> None:
    """One biquad (transposed direct form II) for one sample of every lane, in place."""
    for k in range(r.shape[0]):
        v = r[k]
        y = b0 * v + s0[k]
        s0[k] = b1 * v - a1 * y + s1[k]
        s1[k] = b2 * v - a2 * y
        r[k] = y


@jit
def filter_lanes(
    x: np.ndarray, c: np.ndarray, zi: np.ndarray, n_lanes: int, n_tile: int, n_warm: int, is_backwards: bool
) -> None:
    """Cascade of biquads over float32 ``x``, in place, in one direction.

    A recursive filter waits for its own last result, so ``n_lanes`` stretches of ``x`` run side by side, sample by
    sample of each. A lane starts ``n_warm`` samples before its stretch, on samples that are still unfiltered then;
    the first ``n_warm`` samples of ``x`` (the last, backwards) serve the first lane and are left as they are.

    Parameters: ``x`` of length ``n_warm + n_lanes * n_tile * (any number)``, ``n_warm`` a multiple of ``n_tile``;
    ``c`` (sections, 5) holds b0 b1 b2 a1 a2, ``zi`` (sections, 2) the state of each section for a unit step at the
    input of the cascade, scaled by the first sample of a lane so that a constant starts settled. float64 inside.
    """
    n = x.shape[0]
    length = (n - n_warm) // n_lanes
    n_sections = c.shape[0]
    state = np.empty((2 * n_sections, n_lanes))
    tile = np.empty((n_tile, n_lanes))
    for k in range(n_lanes):
        first = x[n - 1 - k * length] if is_backwards else x[k * length]
        for s in range(n_sections):
            state[2 * s, k] = zi[s, 0] * first
            state[2 * s + 1, k] = zi[s, 1] * first
    for start in range(0, n_warm + length, n_tile):
        for k in range(n_lanes):
            if is_backwards:
                at = n - 1 - k * length - start
                for i in range(n_tile):
                    tile[i, k] = x[at - i]
            else:
                at = k * length + start
                for i in range(n_tile):
                    tile[i, k] = x[at + i]
        for i in range(n_tile):
            for s in range(n_sections):
                section(tile[i], state[2 * s], state[2 * s + 1], c[s, 0], c[s, 1], c[s, 2], c[s, 3], c[s, 4])
        if start < n_warm:
            continue
        for k in range(n_lanes):
            if is_backwards:
                at = n - 1 - k * length - start
                for i in range(n_tile):
                    x[at - i] = tile[i, k]
            else:
                at = k * length + start
                for i in range(n_tile):
                    x[at + i] = tile[i, k]


@jit
def extend_odd(x: np.ndarray, out: np.ndarray, n_head: int) -> None:
    """Write ``x`` into ``out`` from ``n_head`` on, mirrored about its end points (odd extension) before and after.

    Beyond a whole mirror image the last mirrored sample is repeated.
    """
    n = x.shape[0]
    first, last = 2.0 * x[0], 2.0 * x[n - 1]
    for i in range(n_head):
        out[i] = first - x[min(n_head - i, n - 1)]
    for i in range(n):
        out[n_head + i] = x[i]
    for i in range(n_head + n, out.shape[0]):
        out[i] = last - x[max(2 * n - 2 - (i - n_head), 0)]
