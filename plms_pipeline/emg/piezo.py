"""Leg movements of a piezo-electric sensor: rises over the channel's own baseline, an index family of its own."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plms_pipeline.emg import quality
from plms_pipeline.emg.conditioning import Band, band_pass, design_band
from plms_pipeline.emg.piezo_kernels import block_rms, relative_movements, running_quantile, running_rms, smallest_step
from plms_pipeline.emg.quality import Span, at_us


class PiezoDetector(NamedTuple):
    """Settings of the piezo detector; meaning, unit and source of each: ``schemas/rules/detector_piezo.yaml``."""

    band_low_hz: float
    band_high_hz: float
    band_min_width_hz: float
    envelope_short_s: float
    envelope_long_s: float
    rest_block_s: float
    rest_window_s: float
    rest_quantile: float
    rest_floor_steps: float
    onset_ratio: float
    offset_ratio: float
    offset_quiet_s: float
    min_duration_s: float
    min_segment_s: float
    flat_min_s: float
    railed_min_s: float
    epoch_s: float


class PiezoResult(NamedTuple):
    """Movements, unusable spans and signal quality of one piezo leg; n movements.

    As `LegResult`, but without anything in µV: ``peak_over_rest_piezo`` (float64, n) is the highest envelope over
    baseline.
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    peak_over_rest_piezo: np.ndarray
    is_kept: np.ndarray
    reject_reason: list[str | None]
    is_truncated: np.ndarray
    unusable: list[Span]
    quality: dict[str, float | int | bool | str | None]
    epochs: dict[str, np.ndarray]


def detect_piezo_leg(
    segments: Sequence[tuple[int, np.ndarray]],
    fs_hz: float,
    detector: PiezoDetector,
    *,
    rail_low: float | None = None,
    rail_high: float | None = None,
    lowpass_hz: float | None = None,
) -> PiezoResult:
    """Find the movements of one leg that a piezo-electric sensor recorded.

    No published rule exists: a movement is a rise of the envelope to ``onset_ratio`` times the baseline, until it
    stays at or below ``offset_ratio`` times the baseline for ``offset_quiet_s``. The result does not change when the
    channel is scaled or inverted. Nothing is found across a gap.

    Parameters
    ----------
    segments : sequence of (start_us, float64 array of shape (n,))
        Gapless stretches in order of time, in any unit; NaN is a missing sample.
    fs_hz : float
        Sampling rate.
    detector : PiezoDetector
        Every number.
    rail_low, rail_high : float, optional
        Limits of the amplifier in the unit of the samples.
    lowpass_hz : float, optional
        Low-pass the recording was made with.

    Returns
    -------
    PiezoResult

    Raises
    ------
    ValueError
        If segments overlap or are not one-dimensional, or the rate is not positive.
    """
    if not fs_hz > 0:
        raise ValueError(f"a sampling rate is positive, not {fs_hz!r}")
    whole = [(start_us, np.ascontiguousarray(samples, dtype=np.float64)) for start_us, samples in segments]
    runs, spans, n_at_limit = quality.split_runs(whole, fs_hz, detector, rail_low, rail_high)
    end_us = max((at_us(start, len(x), fs_hz) for start, x in segments), default=0)
    n_samples = sum(len(x) for _, x in segments)
    try:
        band: Band | None = design_band(fs_hz, detector.band_low_hz, detector.band_high_hz, lowpass_hz)
    except ValueError:
        band = None
    tables: list[np.ndarray] = [np.zeros((0, 3), np.int64)]
    tops: list[np.ndarray] = [np.zeros(0)]
    rests: list[np.ndarray] = [np.zeros(0)]
    if band is None or band.width_hz < detector.band_min_width_hz:
        spans += [(run.start_us, at_us(run.start_us, run.samples.size, fs_hz), "band_too_narrow") for run in runs]
        runs = []
    # One floor for the leg: a run that happens to be coarse must not get another baseline than its neighbour.
    floor = detector.rest_floor_steps * min((s for s in (smallest_step(r.samples) for r in runs) if s > 0), default=1.0)
    for run in runs:
        assert band is not None
        table, top, rest = _run_movements(run, fs_hz, band, floor, detector)
        tables.append(table)
        tops.append(top)
        rests.append(rest)
    found = np.concatenate(tables)
    onset, offset, is_open = found[:, 0].copy(), found[:, 1].copy(), found[:, 2] != 0
    is_kept = offset - onset >= round(detector.min_duration_s * 1e6)
    joined = quality.joined(spans)
    rest = np.concatenate(rests)
    quantiles = np.quantile(rest, (0.05, 0.5, 0.95)).tolist() if rest.size else [None] * 3
    unusable_us = quality.covered_us(joined)
    minutes = {name: sum(b - a for a, b, why in joined if why == name) / 60e6 for name in ("gap", "flat", "railed")}
    figures: dict[str, float | int | bool | str | None] = {
        "fs_hz": float(fs_hz),
        "band_low_hz": None if band is None else band.low_hz,
        "band_high_hz": None if band is None else band.high_hz,
        "recorded_min": n_samples / fs_hz / 60.0,
        "unscorable_min": unusable_us / 60e6,
        "scorable_min": (end_us - unusable_us) / 60e6,
        **{f"{name}_min": value for name, value in minutes.items()},
        "clipped_fraction": n_at_limit / n_samples if n_samples else None,
        **dict(zip(("rest_p05_piezo", "rest_p50_piezo", "rest_p95_piezo"), quantiles, strict=True)),
        "n_movements": int(is_kept.sum()),
        "n_rejected": int((~is_kept).sum()),
        "n_truncated": int(is_open.sum()),
    }
    return PiezoResult(
        onset,
        offset,
        np.concatenate(tops),
        is_kept,
        [None if kept else "too_short" for kept in is_kept],
        is_open,
        joined,
        figures,
        _epochs(end_us, joined, onset[is_kept], offset[is_kept], detector.epoch_s),
    )


def _run_movements(
    run: quality.Run, fs_hz: float, band: Band, floor: float, detector: PiezoDetector
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Movements of a run on the time line (µs), their height, and the baseline per block."""
    y = band_pass(run.samples, fs_hz, band)
    envelope = running_rms(y, _odd(detector.envelope_short_s, fs_hz), _odd(detector.envelope_long_s, fs_hz))
    n_block = max(1, round(detector.rest_block_s * fs_hz))
    n_window = max(1, round(detector.rest_window_s / detector.rest_block_s))
    rest = np.maximum(running_quantile(block_rms(y, n_block), n_window, detector.rest_quantile), floor)
    n_quiet = max(1, int(np.ceil(detector.offset_quiet_s * fs_hz - 1e-9)))
    table, top = relative_movements(envelope, rest, n_block, detector.onset_ratio, detector.offset_ratio, n_quiet)
    table[:, :2] = run.start_us + np.rint(table[:, :2] * (1e6 / fs_hz)).astype(np.int64)
    return table, top, rest


def _odd(seconds: float, fs_hz: float) -> int:
    return 2 * int(seconds * fs_hz / 2.0) + 1


def _epochs(
    end_us: int, spans: list[Span], onset_us: np.ndarray, offset_us: np.ndarray, epoch_s: float
) -> dict[str, np.ndarray]:
    """Epoch numbers and flags; whatever is in µV stays unknown."""
    epoch_us = round(epoch_s * 1e6)
    n = -(-end_us // epoch_us)
    flags = np.zeros(n, dtype=np.uint16)
    marked = [*spans, *((int(a), int(b), "movement") for a, b in zip(onset_us, offset_us, strict=True))]
    for onset, offset, reason in marked:
        flags[onset // epoch_us : -(-offset // epoch_us)] |= np.uint16(quality.FLAG_BITS[reason])
    return {"epoch_index": np.arange(n, dtype=np.int32), "flags": flags}
