"""The +8/+2 µV state machine on the envelope, computed only where movements can be."""

import numpy as np

from plms_pipeline._jit import jit
from plms_pipeline.emg.envelope_kernels import robust_mean

# Integer units of the sliding sums: 2**-20 µV² leaves 9 decimal digits between the quietest EMG and 30 mV. Sums of
# integers are exact: adding and taking away leaves nothing behind, and a power is never negative.
SCALE = float(2**20)


@jit
def level_at(i: float, block_uv: np.ndarray, n_block: int) -> float:
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
def loud_ticks(
    p: np.ndarray, level: np.ndarray, offset_uv: float, half: int, n_top: int, gain: float, is_rms: bool
) -> np.ndarray:
    """Ticks around which the robust amplitude in ``2 * half + 1`` ticks is above rest + ``offset_uv``.

    ``level``: resting level at the centre of each tick; the lowest of three neighbours counts, so that between two
    ticks that are not loud the amplitude is not above rest either. Stretches of ``half`` ticks whose sum alone
    rules it out are passed over.
    """
    n = p.shape[0]
    loud = np.zeros(n, np.bool_)
    top = np.zeros(n_top + 1)
    size = 2 * half + 1
    step = half + 1
    n_steps = (n + step - 1) // step
    sums = np.zeros(n_steps + 4)
    for b in range(n_steps):
        for j in range(b * step, min(n, (b + 1) * step)):
            sums[b + 2] += p[j]
    for b in range(n_steps):
        # A window around a tick of this step lies within this step and its two neighbours on either side.
        whole = sums[b + 1] + sums[b + 2] + sums[b + 3]
        lowest = level[b * step]
        for j in range(max(0, b * step - 1), min(n, (b + 1) * step + 1)):
            lowest = min(lowest, level[j])
        bound = lowest + offset_uv
        least = size if b * step >= half and (b + 1) * step + half <= n else min(n, half + 1)
        if whole <= (bound * bound if is_rms else bound) * least:
            continue
        for j in range(b * step, min(n, (b + 1) * step)):
            first = max(0, j - half)
            last = min(n, j + half + 1)
            low = min(level[max(0, j - 1)], level[j], level[min(n - 1, j + 1)]) + offset_uv
            loud[j] = robust_mean(p, first, last, n_top, gain, top) > (low * low if is_rms else low)
    return loud


@jit
def regions(loud: np.ndarray, n_apart: int, n_margin: int, n_tick: int, n: int) -> np.ndarray:
    """Stretches of samples around loud ticks, int64 (k, 2): joined when less than ``n_apart`` ticks apart.

    ``n_margin`` ticks are added on either side; ``n`` is the number of samples.
    """
    out = np.empty((loud.shape[0] // 2 + 2, 2), np.int64)
    count = 0
    j = 0
    m = loud.shape[0]
    while j < m:
        if not loud[j]:
            j += 1
            continue
        first = j
        last = j
        j += 1
        while j < m and j - last <= n_apart:
            if loud[j]:
                last = j
            j += 1
        begin = max(0, first - n_margin) * n_tick
        end = n if last + 1 + n_margin >= m else (last + 1 + n_margin) * n_tick
        if count > 0 and begin <= out[count - 1, 1]:
            out[count - 1, 1] = end
        else:
            out[count, 0], out[count, 1] = begin, end
            count += 1
    return out[:count]


@jit
def envelope_between(
    y: np.ndarray,
    p: np.ndarray,
    first: int,
    last: int,
    n_tick: int,
    half_long: int,
    n_top: int,
    gain_long: float,
    half_short: int,
    half_middle: int,
    gain_short: float,
    gain_middle: float,
    is_rms: bool,
    limit: float,
    envelope: np.ndarray,
    short: np.ndarray,
) -> None:
    """Envelope and short-window amplitude of samples ``first`` to ``last`` (half-open), into the last arguments.

    The envelope is the smallest of a short window times ``gain_short``, a middle one times ``gain_middle`` and the
    robust long one of ticks ``p``, linear between their centres. Windows are cut at the ends of ``y``.
    """
    n = y.shape[0]
    m = p.shape[0]
    tick_first = min(max(0, first // n_tick - 1), m - 1)
    tick_last = min(m, last // n_tick + 2)
    long_uv = np.empty(tick_last - tick_first)
    top = np.zeros(n_top + 1)
    for j in range(tick_first, tick_last):
        w = robust_mean(p, max(0, j - half_long), min(m, j + half_long + 1), n_top, gain_long, top)
        long_uv[j - tick_first] = np.sqrt(w) if is_rms else w
    begin = max(0, first - half_middle - 1)
    end = min(n, last + half_middle)
    u = np.empty(end - begin, np.int64)
    for i in range(begin, end):
        v = min(abs(np.float64(y[i])), limit)
        u[i - begin] = np.int64((v * v if is_rms else v) * SCALE + 0.5)
    sum_s = np.int64(0)
    sum_m = np.int64(0)
    for i in range(begin, min(n, first + half_middle)):
        sum_m += u[i - begin]
    for i in range(max(0, first - half_short - 1), min(n, first + half_short)):
        sum_s += u[i - begin]
    inner_s = 1.0 / ((2 * half_short + 1) * SCALE)
    inner_m = 1.0 / ((2 * half_middle + 1) * SCALE)
    for i in range(first, last):
        if i + half_short < n:
            sum_s += u[i + half_short - begin]
        if i - half_short - 1 >= 0:
            sum_s -= u[i - half_short - 1 - begin]
        if i + half_middle < n:
            sum_m += u[i + half_middle - begin]
        if i - half_middle - 1 >= 0:
            sum_m -= u[i - half_middle - 1 - begin]
        short[i - first] = sum_s * inner_s
        envelope[i - first] = sum_m * inner_m
        if i < half_middle or i >= n - half_middle:
            size = min(n - 1, i + half_short) - max(0, i - half_short) + 1
            short[i - first] *= (2 * half_short + 1) / size
            size = min(n - 1, i + half_middle) - max(0, i - half_middle) + 1
            envelope[i - first] *= (2 * half_middle + 1) / size
    if is_rms:
        for i in range(last - first):
            short[i] = np.sqrt(short[i])
            envelope[i] = np.sqrt(envelope[i])
    for i in range(last - first):
        envelope[i] = min(short[i] * gain_short, envelope[i] * gain_middle)
    step = 1.0 / n_tick
    for i in range(first, last):
        position = max((i + 0.5) * step - 0.5, 0.0)
        j = min(int(position), m - 1)
        w = long_uv[j - tick_first]
        if j < m - 1:
            w += (position - j) * (long_uv[j + 1 - tick_first] - w)
        envelope[i - first] = min(envelope[i - first], w)


@jit
def levels_between(first: int, last: int, block_uv: np.ndarray, n_block: int, out: np.ndarray) -> None:
    """`level_at` of samples ``first`` to ``last`` (half-open), into ``out``."""
    n_blocks = block_uv.shape[0]
    i = first
    while i < last:
        position = (i + 0.5) / n_block - 0.5
        if position <= 0.0 or int(position) >= n_blocks - 1:
            out[i - first] = level_at(i, block_uv, n_block)
            i += 1
            continue
        b = int(position)
        # Up to the centre of the next block the level is one straight line.
        end = min(last, b * n_block + n_block + (n_block + 1) // 2)
        rise = block_uv[b + 1] - block_uv[b]
        for k in range(i, end):
            out[k - first] = block_uv[b] + ((k + 0.5) / n_block - 0.5 - b) * rise
        i = end


@jit
def scan(
    above: np.ndarray,
    onset_uv: float,
    offset_uv: float,
    n_quiet: int,
    half: int,
    is_edge_before: bool,
    is_edge_after: bool,
    out: np.ndarray,
) -> int:
    """Movements in ``above`` (envelope minus resting level); (onset, offset, is_truncated) go to ``out``.

    A sample is active when more than half of the samples within ``half`` of it lie above ``offset_uv``. A movement
    begins at an active sample at or above ``onset_uv`` and ends at the start of ``n_quiet`` inactive samples. It is
    truncated when it is open at an end where the usable signal begins or ends.
    """
    n = above.shape[0]
    count = 0
    inside = 0
    for i in range(min(half, n)):
        inside += 1 if above[i] > offset_uv else 0
    is_on = False
    is_from_edge = is_edge_before
    start = 0
    quiet = 0
    for i in range(n):
        if i + half < n:
            inside += 1 if above[i + half] > offset_uv else 0
        if i - half - 1 >= 0:
            inside -= 1 if above[i - half - 1] > offset_uv else 0
        size = min(n - 1, i + half) - max(0, i - half) + 1
        is_active = 2 * inside > size
        if is_on:
            quiet = 0 if is_active else quiet + 1
            if quiet == n_quiet:
                out[count, 0], out[count, 1], out[count, 2] = start, i + 1 - quiet, is_from_edge
                count += 1
                is_on = False
                is_from_edge = False
        elif is_active and above[i] >= onset_uv:
            is_on = True
            start = i
            quiet = 0
        elif not is_active:
            is_from_edge = False
    if is_on:
        out[count, 0], out[count, 1], out[count, 2] = start, n - quiet, is_from_edge or is_edge_after
        count += 1
    return count


@jit
def has_half_median(above: np.ndarray, level_uv: float, n_window: int) -> bool:
    """Whether some window of ``n_window`` samples has its median at ``level_uv`` or higher."""
    high = 0
    for i in range(above.shape[0]):
        if above[i] >= level_uv:
            high += 1
        if i >= n_window and above[i - n_window] >= level_uv:
            high -= 1
        # The median of an odd window is the middle value; of an even one this asks the upper middle value.
        if i + 1 >= n_window and 2 * high >= n_window:
            return True
    return False


@jit
def broken_share(short: np.ndarray, rest_uv: float, offset_uv: float) -> tuple[float, int]:
    """Share of samples whose short amplitude is above ``rest_uv + offset_uv``, and the number of such stretches."""
    high = 0
    stretches = 0
    was = False
    for i in range(short.shape[0]):
        is_high = short[i] > rest_uv + offset_uv
        if is_high:
            high += 1
            if not was:
                stretches += 1
        was = is_high
    return high / max(1, short.shape[0]), stretches


@jit
def solid_cores(
    short: np.ndarray,
    envelope: np.ndarray,
    rest_uv: float,
    onset_uv: float,
    offset_uv: float,
    n_hole: int,
    n_least: int,
    out: np.ndarray,
) -> int:
    """Stretches of steady activity in a broken one; (onset, offset) go to ``out``.

    Stretches above ``offset_uv`` with holes of up to ``n_hole`` samples, from the first sample at ``onset_uv`` on, of
    at least ``n_least`` samples.
    """
    n = short.shape[0]
    count = 0
    i = 0
    while i < n:
        if not short[i] > rest_uv + offset_uv:
            i += 1
            continue
        first = i
        last = i
        while i < n and i - last <= n_hole + 1:
            if short[i] > rest_uv + offset_uv:
                last = i
            i += 1
        onset = first
        while onset <= last and envelope[onset] < rest_uv + onset_uv:
            onset += 1
        if last + 1 - onset >= n_least:
            out[count, 0], out[count, 1] = onset, last + 1
            count += 1
        i = last + 1
    return count


@jit
def pedestal(envelope: np.ndarray, step: int, ratio: float, least_share: float) -> float:
    """Level on which an activity rests: the band ``[q, ratio * q]`` that holds most of its envelope; 0 if too little.

    Root mean square of the envelope (every ``step``-th sample) inside the band, when the band holds ``least_share``.
    """
    ordered = np.sort(envelope[::step])
    n = ordered.shape[0]
    best = 0
    best_first = 0
    last = 0
    for first in range(n):
        while last < n and ordered[last] <= ratio * ordered[first]:
            last += 1
        if last - first > best:
            best = last - first
            best_first = first
    if best < least_share * n:
        return 0.0
    total = 0.0
    for k in range(best_first, best_first + best):
        total += ordered[k] * ordered[k]
    return np.sqrt(total / best)


@jit
def highest_mean(p: np.ndarray, first: int, last: int, n_window: int, is_rms: bool) -> float:
    """Largest amplitude of ``n_window`` ticks in a row within ``first`` to ``last`` (half-open)."""
    size = min(n_window, last - first)
    best = 0.0
    for j in range(first, last - size + 1):
        total = 0.0
        for i in range(j, j + size):
            total += p[i]
        best = max(best, total / size)
    return np.sqrt(best) if is_rms else best
