"""Amplitude of the EMG in µV, short enough at edges and steady enough at rest."""

from typing import NamedTuple

import numpy as np

from plms_pipeline.emg.envelope_kernels import block_means, measure, smallest_window

# Integer units of the sums: 2**-20 µV² leaves 9 decimal digits between the quietest EMG and 30 mV,
# and the sum over a whole window stays below 2**63.
SCALE = float(2**20)
LIMIT_UV = 30_000.0


class Amplitude(NamedTuple):
    """Envelope per sample (µV, shape (n,)) and amplitude per block (µV, shape (n_blocks,))."""

    envelope_uv: np.ndarray
    block_uv: np.ndarray


def odd_window(seconds: float, fs_hz: float) -> int:
    """Number of samples of a centred window of about ``seconds``: odd, at least 1."""
    return 2 * round((seconds * fs_hz - 1.0) / 2.0) + 1 if seconds * fs_hz > 1.0 else 1


def amplitude(
    y_uv: np.ndarray, fs_hz: float, *, short_s: float, middle_s: float, long_s: float, block_s: float, kind: str = "rms"
) -> Amplitude:
    """Envelope of conditioned EMG: the smallest of a short, a middle and a long window.

    A long window alone is steady but starts early and ends late by half its length at a steep edge; a short one
    alone is sharp but noisy. Their minimum rises and falls with the short one and is quiet when any of them is.

    Parameters
    ----------
    y_uv : float64 array of shape (n,)
        Conditioned EMG of one gapless run.
    fs_hz : float
    short_s, middle_s, long_s, block_s : float
        Windows of the envelope and length of the blocks of the resting level.
    kind : {"rms", "mean_rectified"}

    Returns
    -------
    Amplitude

    Raises
    ------
    ValueError
        If ``kind`` is unknown or the signal is not one-dimensional.
    """
    if kind not in ("rms", "mean_rectified"):
        raise ValueError(f"envelope is rms or mean_rectified, not {kind!r}")
    y = np.ascontiguousarray(y_uv, dtype=np.float64)
    if y.ndim != 1:
        raise ValueError(f"one leg is one-dimensional, not {y.shape}")
    is_rms = kind == "rms"
    u = measure(y, SCALE, is_rms, LIMIT_UV)
    lengths = [odd_window(seconds, fs_hz) for seconds in (short_s, middle_s, long_s)]
    envelope = smallest_window(u, *lengths, SCALE, is_rms)
    blocks = block_means(u, max(1, round(block_s * fs_hz)), SCALE)
    return Amplitude(envelope, np.sqrt(blocks) if is_rms else blocks)
