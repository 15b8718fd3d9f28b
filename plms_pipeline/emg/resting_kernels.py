"""Resting level per block: tone or movement, and means over what is rest."""

import numpy as np

from plms_pipeline._jit import jit

# Integer units of sums of power, and the largest amplitude in them: a whole window stays far below 2**63.
SCALE = float(2**20)
LIMIT_UV = 30_000.0


@jit
def rise_blocks(s: np.ndarray, first: int, last: int, step: int, low: float, high: float) -> int:
    """Blocks that ``s``, read from ``first`` to ``last`` by ``step``, takes from ``low`` to ``high`` the first time."""
    k = first
    while k != last and s[k] < high:
        k += step
    if k == last:
        return abs(last - first)
    top = k
    while k != first and s[k] > low:
        k -= step
    return abs(top - k)


@jit
def choose_tone(
    s: np.ndarray,
    fast: np.ndarray,
    slow: np.ndarray,
    onset_uv: float,
    offset_uv: float,
    differ_uv: float,
    differ_ratio: float,
    n_edge: int,
    n_margin: int,
) -> np.ndarray:
    """Level of the tone: ``fast``, but ``slow`` throughout a stretch that rises like a movement.

    Where ``fast`` (which follows whatever lasts longer than a movement) lies above ``slow`` (which follows only what
    lasts longer than any burst) and reaches ``slow + onset_uv`` there, the stretch is a burst, unless the amplitude
    ``s`` takes more than ``n_edge`` blocks from ``+offset_uv`` to ``+onset_uv`` at both ends: that is tone.
    """
    n = s.shape[0]
    out = fast.copy()
    k = 0
    while k < n:
        if not fast[k] > max(slow[k] + differ_uv, slow[k] * differ_ratio):
            k += 1
            continue
        first = k
        top = 0.0
        while k < n and fast[k] > max(slow[k] + differ_uv, slow[k] * differ_ratio):
            top = max(top, fast[k] - slow[k])
            k += 1
        if top < onset_uv:
            continue
        low, high = max(0, first - n_margin), min(n, k + n_margin)
        up = rise_blocks(s, low, high, 1, slow[first] + offset_uv, slow[first] + onset_uv)
        down = rise_blocks(s, high - 1, low - 1, -1, slow[k - 1] + offset_uv, slow[k - 1] + onset_uv)
        if min(up, down) > n_edge:
            continue
        for i in range(first, k):
            out[i] = slow[i]
    return out


@jit
def mean_of_rest(
    a: np.ndarray, tone: np.ndarray, active: np.ndarray, half: int, n_least: int, same_uv: float, same_ratio: float
) -> np.ndarray:
    """Root mean square of ``a`` over resting blocks around each block, as far as the tone stays the same.

    From each block outwards, up to ``half`` blocks to either side, until the tone differs by more than
    ``same_uv + same_ratio`` times itself. With fewer than ``n_least`` resting blocks the tone itself is the level.
    """
    n = a.shape[0]
    out = np.empty(n)
    # Integers: what is added and taken away again leaves nothing behind.
    power = np.empty(n, np.int64)
    for i in range(n):
        power[i] = 0 if active[i] else np.int64(min(a[i], LIMIT_UV) ** 2 * SCALE + 0.5)
    total = np.int64(0)
    count = 0
    low = 0
    high = 0
    for k in range(n):
        reach = same_uv + same_ratio * tone[k]
        if k > 0 and tone[k] == tone[k - 1]:
            if low < k - half:
                total -= power[low]
                count -= 0 if active[low] else 1
                low += 1
        else:
            total = np.int64(0)
            count = 0
            low = k
            while low > max(0, k - half) and abs(tone[low - 1] - tone[k]) <= reach:
                low -= 1
                total += power[low]
                count += 0 if active[low] else 1
            high = k
        while high < min(n, k + half + 1) and abs(tone[high] - tone[k]) <= reach:
            total += power[high]
            count += 0 if active[high] else 1
            high += 1
        out[k] = np.sqrt(total / (count * SCALE)) if count >= n_least else tone[k]
    return out
