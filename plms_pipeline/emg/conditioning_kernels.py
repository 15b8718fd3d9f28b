"""Zero-phase filtering: four biquads forwards and backwards, in one pass each."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def filter_in_place(x: np.ndarray, c: np.ndarray, zi: np.ndarray, is_backwards: bool) -> None:
    """Four cascaded biquads (transposed direct form II) over ``x``, in place, in one direction.

    ``c`` (4, 5) holds b0 b1 b2 a1 a2 per section, ``zi`` (4, 2) the state of each section for a unit step at
    the input of the cascade; it is scaled by the first sample so that a constant starts settled.
    """
    n = x.shape[0]
    if n == 0:
        return
    first = n - 1 if is_backwards else 0
    step = -1 if is_backwards else 1
    u = x[first]
    s00, s01 = zi[0, 0] * u, zi[0, 1] * u
    s10, s11 = zi[1, 0] * u, zi[1, 1] * u
    s20, s21 = zi[2, 0] * u, zi[2, 1] * u
    s30, s31 = zi[3, 0] * u, zi[3, 1] * u
    b00, b01, b02, a01, a02 = c[0, 0], c[0, 1], c[0, 2], c[0, 3], c[0, 4]
    b10, b11, b12, a11, a12 = c[1, 0], c[1, 1], c[1, 2], c[1, 3], c[1, 4]
    b20, b21, b22, a21, a22 = c[2, 0], c[2, 1], c[2, 2], c[2, 3], c[2, 4]
    b30, b31, b32, a31, a32 = c[3, 0], c[3, 1], c[3, 2], c[3, 3], c[3, 4]
    i = first
    for _ in range(n):
        v0 = x[i]
        v1 = b00 * v0 + s00
        s00 = b01 * v0 - a01 * v1 + s01
        s01 = b02 * v0 - a02 * v1
        v2 = b10 * v1 + s10
        s10 = b11 * v1 - a11 * v2 + s11
        s11 = b12 * v1 - a12 * v2
        v3 = b20 * v2 + s20
        s20 = b21 * v2 - a21 * v3 + s21
        s21 = b22 * v2 - a22 * v3
        v4 = b30 * v3 + s30
        s30 = b31 * v3 - a31 * v4 + s31
        s31 = b32 * v3 - a32 * v4
        x[i] = v4
        i += step


@jit
def extend_odd(x: np.ndarray, pad: int) -> np.ndarray:
    """``x`` with ``pad`` samples at either end, mirrored about the end points (odd extension)."""
    n = x.shape[0]
    out = np.empty(n + 2 * pad)
    for i in range(pad):
        out[i] = 2.0 * x[0] - x[min(pad - i, n - 1)]
        out[n + pad + i] = 2.0 * x[n - 1] - x[max(n - 2 - i, 0)]
    for i in range(n):
        out[pad + i] = x[i]
    return out
