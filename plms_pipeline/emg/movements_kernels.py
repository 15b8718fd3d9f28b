"""Movements of a run: state machine, then what a broken or a low activity really is, region by region."""

from typing import NamedTuple

import numpy as np

from plms_pipeline._jit import jit
from plms_pipeline.emg.activity_kernels import (
    broken_share,
    envelope_between,
    has_half_median,
    highest_mean,
    levels_between,
    pedestal,
    scan,
    solid_cores,
)

KEPT, TOO_SHORT, BROKEN, BELOW_ONSET = 0, 1, 2, 3


class Rule(NamedTuple):
    """Numbers of the rule in samples and ticks, for the kernels."""

    onset_uv: float
    offset_uv: float
    n_quiet: int
    n_least: int
    half_majority: int
    broken_uv: float
    broken_share: float
    broken_per_sample: float
    broken_stretches: int
    n_hole: int
    n_core: int
    n_pedestal: int
    pedestal_step: int
    pedestal_ratio: float
    pedestal_share: float
    confirm_share: float
    confirm_least: float
    confirm_most: float
    confirm_uv: float
    morphology_uv: float
    n_morphology: int
    is_rms: bool


@jit
def find_movements(
    y: np.ndarray,
    tick: np.ndarray,
    rest: np.ndarray,
    parts: np.ndarray,
    where: np.ndarray,
    n_tick: int,
    n_block: int,
    half_long: int,
    n_top: int,
    gain_long: float,
    half_short: int,
    half_middle: int,
    gain_short: float,
    gain_middle: float,
    limit: float,
    rule: Rule,
) -> tuple[np.ndarray, np.ndarray]:
    """Movements of a run: int64 (k, 5) onset, offset, is_truncated, has_morphology, reason; float64 (k, 2) peak, rest.

    Only the samples of ``where`` that lie in usable ``parts`` are looked at: outside them the envelope is at rest.
    """
    room = y.shape[0] // rule.n_quiet + 2 * where.shape[0] + 2 * parts.shape[0] + 4
    times = np.empty((room, 5), np.int64)
    values = np.empty((room, 2))
    count = 0
    longest = 1
    for k in range(where.shape[0]):
        longest = max(longest, where[k, 1] - where[k, 0])
    envelope = np.empty(longest)
    short = np.empty(longest)
    above = np.empty(longest)
    local = np.empty(longest)
    found = np.empty((longest // rule.n_quiet + 2, 3), np.int64)
    cores = np.empty((longest // rule.n_core + 2, 2), np.int64)
    inner = np.empty((longest // rule.n_quiet + 2, 3), np.int64)
    part = 0
    for k in range(where.shape[0]):
        while part < parts.shape[0] and parts[part, 1] <= where[k, 0]:
            part += 1
        q = part
        while q < parts.shape[0] and parts[q, 0] < where[k, 1]:
            first = max(where[k, 0], parts[q, 0])
            last = min(where[k, 1], parts[q, 1])
            n = last - first
            envelope_between(
                y, tick, first, last, n_tick, half_long, n_top, gain_long, half_short, half_middle, gain_short,
                gain_middle, rule.is_rms, limit, envelope, short,
            )  # fmt: skip
            levels_between(first, last, rest, n_block, local)
            for i in range(n):
                above[i] = envelope[i] - local[i]
            n_found = scan(
                above[:n], rule.onset_uv, rule.offset_uv, rule.n_quiet, rule.half_majority, first == parts[q, 0],
                last == parts[q, 1], found,
            )  # fmt: skip
            for e in range(n_found):
                on, off = found[e, 0], found[e, 1]
                resting = local[on]
                share, stretches = broken_share(short[on:off], resting, rule.broken_uv)
                n_inner = 0
                is_broken = share < rule.broken_share and stretches > max(
                    rule.broken_stretches - 1.0, rule.broken_per_sample * (off - on)
                )
                if is_broken and off - on >= rule.n_least:
                    n_core = solid_cores(
                        short[on:off], envelope[on:off], resting, rule.onset_uv, rule.offset_uv, rule.n_hole,
                        rule.n_core, cores,
                    )  # fmt: skip
                    for c in range(n_core):
                        inner[c, 0], inner[c, 1] = on + cores[c, 0], on + cores[c, 1]
                        inner[c, 2] = found[e, 2] if (cores[c, 0] == 0 or on + cores[c, 1] == off) else 0
                    n_inner = n_core
                    if n_core == 0:
                        inner[0, 0], inner[0, 1], inner[0, 2] = on, off, found[e, 2]
                        n_inner = -1
                elif off - on >= rule.n_pedestal:
                    base = pedestal(envelope[on:off], rule.pedestal_step, rule.pedestal_ratio, rule.pedestal_share)
                    if resting + rule.offset_uv < base < resting + rule.onset_uv:
                        n_inner = scan(
                            envelope[on:off] - base, rule.onset_uv, rule.offset_uv, rule.n_quiet, 0, False, False,
                            inner,
                        )  # fmt: skip
                        n_long = 0
                        for c in range(n_inner):
                            a, b = on + inner[c, 0], on + inner[c, 1]
                            if b - a >= rule.n_least:
                                inner[n_long, 0], inner[n_long, 1] = a, b
                                inner[n_long, 2] = found[e, 2] if (a == on or b == off) else 0
                                n_long += 1
                        n_inner = n_long
                        if n_inner > 0:
                            resting = base
                if n_inner == 0:
                    inner[0, 0], inner[0, 1], inner[0, 2] = on, off, found[e, 2]
                for c in range(max(1, n_inner)):
                    a, b = inner[c, 0], inner[c, 1]
                    reason = KEPT
                    if n_inner == -1:
                        reason = BROKEN
                    elif b - a < rule.n_least:
                        reason = TOO_SHORT
                    else:
                        window = min(max(rule.confirm_share * (b - a) / n_tick, rule.confirm_least), rule.confirm_most)
                        low = min((first + a + n_tick // 2) // n_tick, tick.shape[0] - 1)
                        high = min(max(low + 1, (first + b + n_tick // 2) // n_tick), tick.shape[0])
                        top = highest_mean(tick, low, high, max(1, int(window + 0.5)), rule.is_rms)
                        if top < resting + rule.confirm_uv:
                            reason = BELOW_ONSET
                    peak = 0.0
                    for i in range(a, b):
                        peak = max(peak, envelope[i])
                    times[count, 0], times[count, 1], times[count, 2] = first + a, first + b, inner[c, 2]
                    shape = has_half_median(above[a:b], rule.morphology_uv, rule.n_morphology)
                    times[count, 3], times[count, 4] = shape, reason
                    values[count, 0], values[count, 1] = peak, resting
                    count += 1
            q += 1
    return times[:count], values[:count]
