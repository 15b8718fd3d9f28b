"""What cannot be scored, and the numbers that describe a leg's signal."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from plms_pipeline.emg.quality_kernels import long_runs, true_runs
from plms_pipeline.emg.settings import Detector

KIND_REASON = {1: "railed", 2: "flat"}
# Bits of signal_quality_epoch.flags; the same list is schemas/codes/epoch_flag.yaml.
FLAG_BITS = {
    "gap": 1,
    "flat": 2,
    "railed": 4,
    "rest_above_limit": 8,
    "segment_too_short": 16,
    "missing_samples": 32,
    "resting_above_standard": 64,
    "tone_change": 128,
    "movement": 256,
    "band_too_narrow": 512,
    "clipped": 1024,
    "mains": 2048,
    "ecg": 4096,
    "crackle": 8192,
}


class Run(NamedTuple):
    """Gapless stretch of samples that can be conditioned: time of its first sample, and samples in the unit given."""

    start_us: int
    samples: np.ndarray


class RunQuality(NamedTuple):
    """Per-block facts of a run, kept for the epoch table; all of shape (n_blocks,).

    ``is_crackle``: short transients stand out of the block; ``has_mains``, ``has_ecg``: a line or R waves were
    subtracted there; ``is_clipped``: samples at a limit of the amplifier.
    """

    time_us: np.ndarray
    rest_uv: np.ndarray
    is_usable: np.ndarray
    is_change: np.ndarray
    is_crackle: np.ndarray
    has_mains: np.ndarray
    has_ecg: np.ndarray
    is_clipped: np.ndarray


Span = tuple[int, int, str]


class Cutting(Protocol):
    """Settings of any detector that say what is cut out of a leg."""

    @property
    def min_segment_s(self) -> float: ...

    @property
    def flat_min_s(self) -> float: ...

    @property
    def railed_min_s(self) -> float: ...


def at_us(start_us: int, sample: int, fs_hz: float) -> int:
    """Time of a sample on the microsecond grid."""
    return int(start_us) + round(sample * 1e6 / fs_hz)


def crackle_blocks(
    robust_uv: np.ndarray, plain_uv: np.ndarray, is_active: np.ndarray, settings: Detector
) -> np.ndarray:
    """Resting blocks in which short transients stand out, bool (n_blocks,).

    Their plain amplitude exceeds the one without the largest ticks by ``crackle_ratio`` and ``crackle_above_uv``;
    blocks of activity and their neighbours are left out, for a movement's edge stands out as well.
    """
    beside = is_active.copy()
    beside[1:] |= is_active[:-1]
    beside[:-1] |= is_active[1:]
    stands_out = (plain_uv > settings.crackle_ratio * robust_uv) & (plain_uv > robust_uv + settings.crackle_above_uv)
    return np.asarray(stands_out & ~beside)


def mains_blocks(
    line_uv: np.ndarray, rest_uv: np.ndarray, is_active: np.ndarray, width_hz: float, settings: Detector
) -> np.ndarray:
    """Resting blocks whose line is strong and stands out of what EMG alone shows at one frequency, bool (n_blocks,).

    Noise of power ``rest_uv**2`` in a band of ``width_hz`` shows a power of ``rest_uv**2 / (width_hz * window)`` at
    any frequency; a movement far more.
    """
    by_chance = np.square(rest_uv) / (width_hz * settings.mains_window_s)
    least = np.maximum(settings.mains_min_uv**2, settings.mains_min_ratio * by_chance)
    return np.asarray((np.square(line_uv) >= least) & ~is_active)


def clipped_blocks(x_uv: np.ndarray, n_block: int, n_blocks: int, low: float | None, high: float | None) -> np.ndarray:
    """Blocks of a run with a sample at a limit of the amplifier, bool (n_blocks,)."""
    lowest, highest = _limits(low, high)
    out = np.zeros(n_blocks, dtype=np.bool_)
    if np.isfinite(lowest) or np.isfinite(highest):
        at = np.flatnonzero((x_uv <= lowest) | (x_uv >= highest))
        out[np.minimum(at // n_block, n_blocks - 1)] = True
    return out


def split_runs(
    segments: Sequence[tuple[int, np.ndarray]],
    fs_hz: float,
    settings: Cutting,
    rail_low_uv: float | None,
    rail_high_uv: float | None,
) -> tuple[list[Run], list[Span], int]:
    """Cut segments at samples that carry no EMG.

    Parameters
    ----------
    segments : sequence of (start_us, float64 array of shape (n,))
        In order of time, not overlapping; NaN = missing sample.
    fs_hz : float
    settings : Cutting
    rail_low_uv, rail_high_uv : float or None
        Limits of the amplifier in the unit of the samples.

    Returns
    -------
    runs : list of Run
    spans : list of (onset_us, offset_us, reason)
        Gaps, missing, railed and flat stretches and what is too short to have a resting level.
    n_at_limit : int
        Samples at the limits of the amplifier.
    """
    runs: list[Run] = []
    spans: list[Span] = []
    n_at_limit = 0
    position = 0
    for start_us, samples in segments:
        x = np.ascontiguousarray(samples)
        if x.ndim != 1:
            raise ValueError(f"one leg is one-dimensional, not {x.shape}")
        # Times of records are rounded: less than a sample is neither a gap nor an overlap.
        if start_us <= position - 1e6 / fs_hz:
            raise ValueError("segments overlap or are not in order of time")
        if start_us >= position + (1e6 / fs_hz if position else 1.0):
            spans.append((position, int(start_us), "gap"))
        position = at_us(start_us, x.size, fs_hz)
        low, high = _limits(rail_low_uv, rail_high_uv)
        found, at_limit, n_missing = long_runs(
            x, low, high, _samples(settings.railed_min_s, fs_hz), _samples(settings.flat_min_s, fs_hz)
        )
        n_at_limit += int(at_limit)
        cuts = [(int(a), int(b), KIND_REASON[int(k)]) for a, b, k in found]
        if n_missing:
            cuts += [(int(a), int(b), "missing_samples") for a, b in true_runs(~np.isfinite(x), 1)]
        edge = 0
        for a, b, reason in [*sorted(cuts), (x.size, x.size, "")]:
            if a > edge:
                if (a - edge) / fs_hz < settings.min_segment_s:
                    spans.append((at_us(start_us, edge, fs_hz), at_us(start_us, a, fs_hz), "segment_too_short"))
                else:
                    runs.append(Run(at_us(start_us, edge, fs_hz), x[edge:a]))
            if reason:
                spans.append((at_us(start_us, a, fs_hz), at_us(start_us, b, fs_hz), reason))
            edge = max(edge, b)
    return runs, spans, n_at_limit


def _limits(rail_low_uv: float | None, rail_high_uv: float | None) -> tuple[float, float]:
    """Limits drawn in by a millionth: digital limits do not always come back as the header's number in µV."""
    low = -np.inf if rail_low_uv is None else float(rail_low_uv)
    high = np.inf if rail_high_uv is None else float(rail_high_uv)
    return low + abs(low) * 1e-6 if np.isfinite(low) else low, high - abs(high) * 1e-6 if np.isfinite(high) else high


def _samples(seconds: float, fs_hz: float) -> int:
    return max(2, round(seconds * fs_hz))


def unusable_blocks(block_uv: np.ndarray, rest_uv: np.ndarray, settings: Detector) -> list[tuple[int, int, str]]:
    """Stretches of blocks without EMG (dead input) or with a resting level above the limit; half-open blocks."""
    n_flat = max(1, round(settings.flat_min_s / settings.rest_block_s))
    dead = [(int(a), int(b), "flat") for a, b in true_runs(block_uv < settings.flat_rms_uv, n_flat)]
    loud = [(int(a), int(b), "rest_above_limit") for a, b in true_runs(rest_uv > settings.rest_limit_uv, 1)]
    return sorted(dead + loud)


def joined(spans: list[Span]) -> list[Span]:
    """Sorted spans with touching or overlapping spans of one reason joined."""
    out: list[Span] = []
    for onset, offset, reason in sorted(spans, key=lambda s: (s[2], s[0], s[1])):
        if out and out[-1][2] == reason and onset <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], offset), reason)
        else:
            out.append((onset, offset, reason))
    return sorted(out)


def covered_us(spans: list[Span]) -> int:
    """Time covered by at least one span, µs."""
    total, edge = 0, -1
    for onset, offset, _ in sorted(spans):
        total += max(0, offset - max(onset, edge))
        edge = max(edge, offset)
    return total


def epoch_columns(
    end_us: int,
    spans: list[Span],
    blocks: list[RunQuality],
    onset_us: np.ndarray,
    offset_us: np.ndarray,
    settings: Detector,
) -> dict[str, np.ndarray]:
    """Columns of ``signal_quality_epoch``: one row per epoch from the start of the recording.

    Returns
    -------
    dict
        ``epoch_index`` (int32), ``flags`` (uint16, bits of `FLAG_BITS`), ``rest_uv`` (float64, NaN = no rest);
        each of shape (n_epochs,).
    """
    epoch_us = round(settings.epoch_s * 1e6)
    n = -(-end_us // epoch_us)
    flags = np.zeros(n, dtype=np.uint16)
    total, count, crackle = np.zeros(n), np.zeros(n), np.zeros(n)
    for onset, offset, reason in spans:
        flags[onset // epoch_us : -(-offset // epoch_us)] |= np.uint16(FLAG_BITS[reason])
    for onset, offset in zip(onset_us, offset_us, strict=True):
        flags[onset // epoch_us : -(-offset // epoch_us)] |= np.uint16(FLAG_BITS["movement"])
    for part in blocks:
        epoch = part.time_us // epoch_us
        use = part.is_usable
        np.add.at(total, epoch[use], np.square(part.rest_uv[use]))
        np.add.at(count, epoch[use], 1.0)
        for name, here in (
            ("tone_change", part.is_change),
            ("mains", part.has_mains),
            ("ecg", part.has_ecg),
            ("clipped", part.is_clipped),
        ):
            flags[epoch[here]] |= np.uint16(FLAG_BITS[name])
        np.add.at(crackle, epoch[part.is_crackle], settings.rest_block_s)
    flags[crackle >= settings.crackle_epoch_share * settings.epoch_s] |= np.uint16(FLAG_BITS["crackle"])
    with np.errstate(invalid="ignore"):
        rest = np.sqrt(total / count)
    standard = settings.rest_standard_uv
    flags[np.nan_to_num(rest) > standard] |= np.uint16(FLAG_BITS["resting_above_standard"])
    return {"epoch_index": np.arange(n, dtype=np.int32), "flags": flags, "rest_uv": rest}
