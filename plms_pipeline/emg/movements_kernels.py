"""The +8/+2 µV state machine and the morphology rule."""

import numpy as np

from plms_pipeline._jit import jit


@jit
def level_at(i: int, block_uv: np.ndarray, n_block: int) -> float:
    """Resting level at sample ``i``: linear between the centres of the blocks."""
    n_blocks = block_uv.shape[0]
    position = (i + 0.5) / n_block - 0.5
    if position <= 0.0:
        return block_uv[0]
    b = int(position)
    if b >= n_blocks - 1:
        return block_uv[n_blocks - 1]
    return block_uv[b] + (position - b) * (block_uv[b + 1] - block_uv[b])


@jit
def scan_movements(
    envelope: np.ndarray,
    rest: np.ndarray,
    usable: np.ndarray,
    n_block: int,
    onset_uv: float,
    offset_uv: float,
    n_quiet: int,
    out: np.ndarray,
    peak: np.ndarray,
) -> int:
    """Number of movements; they go to ``out`` (onset, offset, is_truncated) and ``peak`` as far as these go."""
    n = envelope.shape[0]
    room = out.shape[0]
    count = 0
    is_on = False
    is_from_edge = True
    start = 0
    quiet = 0
    top = 0.0
    for b in range(rest.shape[0] + 1):
        first = b * n_block
        last = min(n, first + n_block)
        if b == rest.shape[0] or not usable[b]:
            if is_on:
                if count < room:
                    out[count, 0], out[count, 1], out[count, 2] = start, min(first, n) - quiet, 1
                    peak[count] = top
                count += 1
            is_on = False
            is_from_edge = True
            quiet = 0
            continue
        for i in range(first, last):
            v = envelope[i]
            above = v - level_at(i, rest, n_block)
            if is_on:
                top = max(top, v)
                quiet = quiet + 1 if above <= offset_uv else 0
                if quiet == n_quiet:
                    if count < room:
                        out[count, 0], out[count, 1], out[count, 2] = start, i + 1 - quiet, is_from_edge
                        peak[count] = top
                    count += 1
                    is_on = False
                    is_from_edge = False
                    quiet = 0
            elif above >= onset_uv:
                is_on = True
                start = i
                quiet = 0
                top = v
            elif above <= offset_uv:
                is_from_edge = False
    return count


@jit
def find_movements(
    envelope: np.ndarray,
    rest: np.ndarray,
    usable: np.ndarray,
    n_block: int,
    onset_uv: float,
    offset_uv: float,
    n_quiet: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Every rise to ``rest + onset_uv`` until ``n_quiet`` samples at or below ``rest + offset_uv``.

    Returns int64 (k, 3) of onset, offset (samples, half-open) and whether an end is open, and the peaks (k,).
    ``usable`` (per block) false ends a movement and hides the samples.
    """
    out = np.empty((4096, 3), np.int64)
    peak = np.empty(4096)
    count = scan_movements(envelope, rest, usable, n_block, onset_uv, offset_uv, n_quiet, out, peak)
    if count > out.shape[0]:
        out = np.empty((count, 3), np.int64)
        peak = np.empty(count)
        scan_movements(envelope, rest, usable, n_block, onset_uv, offset_uv, n_quiet, out, peak)
    return out[:count].copy(), peak[:count].copy()


@jit
def morphology(
    envelope: np.ndarray,
    rest: np.ndarray,
    n_block: int,
    onset: np.ndarray,
    offset: np.ndarray,
    above_uv: float,
    n_window: int,
) -> np.ndarray:
    """Whether some window of ``n_window`` samples inside a movement has its median at ``rest + above_uv`` or higher."""
    out = np.zeros(onset.shape[0], np.bool_)
    for k in range(onset.shape[0]):
        length = offset[k] - onset[k]
        if length < n_window:
            continue
        high = 0
        for i in range(onset[k], offset[k]):
            if envelope[i] - level_at(i, rest, n_block) >= above_uv:
                high += 1
            j = i - n_window
            if j >= onset[k] and envelope[j] - level_at(j, rest, n_block) >= above_uv:
                high -= 1
            # The median of an odd window is the middle value; of an even one this asks the upper middle value.
            if i - onset[k] + 1 >= n_window and 2 * high >= n_window:
                out[k] = True
                break
    return out
