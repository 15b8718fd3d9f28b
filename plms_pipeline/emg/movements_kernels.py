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
def find_movements(
    envelope: np.ndarray,
    rest: np.ndarray,
    usable: np.ndarray,
    n_block: int,
    onset_uv: float,
    offset_uv: float,
    n_quiet: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Onsets, offsets, peaks and open ends of every rise to ``rest + onset_uv``.

    Returns arrays ``onset``, ``offset`` (samples, half-open), ``peak`` and ``is_truncated``. ``usable`` (per block)
    false ends a movement and hides the samples.
    """
    n = envelope.shape[0]
    onset = np.empty(16, np.int64)
    offset = np.empty(16, np.int64)
    peak = np.empty(16)
    truncated = np.empty(16, np.bool_)
    count = 0
    is_on = False
    is_from_edge = True
    start = 0
    quiet = 0
    top = 0.0
    for i in range(n + 1):
        is_usable = i < n and usable[i // n_block]
        if not is_usable:
            if is_on:
                if count == onset.shape[0]:
                    onset = np.concatenate((onset, np.empty(count, np.int64)))
                    offset = np.concatenate((offset, np.empty(count, np.int64)))
                    peak = np.concatenate((peak, np.empty(count)))
                    truncated = np.concatenate((truncated, np.empty(count, np.bool_)))
                onset[count], offset[count], peak[count] = start, i - quiet, top
                truncated[count] = True
                count += 1
            is_on = False
            is_from_edge = True
            quiet = 0
            continue
        above = envelope[i] - level_at(i, rest, n_block)
        if is_on:
            top = max(top, envelope[i])
            quiet = quiet + 1 if above <= offset_uv else 0
            if quiet == n_quiet:
                if count == onset.shape[0]:
                    onset = np.concatenate((onset, np.empty(count, np.int64)))
                    offset = np.concatenate((offset, np.empty(count, np.int64)))
                    peak = np.concatenate((peak, np.empty(count)))
                    truncated = np.concatenate((truncated, np.empty(count, np.bool_)))
                onset[count], offset[count], peak[count] = start, i + 1 - quiet, top
                truncated[count] = is_from_edge
                count += 1
                is_on = False
                is_from_edge = False
                quiet = 0
        elif above >= onset_uv:
            is_on = True
            start = i
            quiet = 0
            top = envelope[i]
        elif above <= offset_uv:
            is_from_edge = False
    return onset[:count], offset[:count], peak[:count], truncated[:count]


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
