"""Leg movements of one leg: conditioning, envelope, resting level, state machine, signal quality."""

from collections.abc import Sequence

import numpy as np

from plms_pipeline.emg import quality
from plms_pipeline.emg.conditioning import Band, band_pass, design_band
from plms_pipeline.emg.ecg import has_rhythm, own_beats_us, remove_ecg
from plms_pipeline.emg.envelope import amplitude, make_grid
from plms_pipeline.emg.mains import Line, remove_mains
from plms_pipeline.emg.movements import REASONS, run_movements
from plms_pipeline.emg.quality import Run, RunQuality, Span, at_us
from plms_pipeline.emg.resting import resting_level
from plms_pipeline.emg.settings import Detector, LegResult

# Peak-to-RMS is not involved: the recording standard is stated for rectified EMG, whose mean is sqrt(2/pi) of the
# RMS for Gaussian EMG.
RECTIFIED_OF_RMS = 0.7978845608


class _Found:
    """Movements, spans and blocks gathered over the runs of a leg."""

    def __init__(self) -> None:
        self.onset: list[np.ndarray] = []
        self.offset: list[np.ndarray] = []
        self.columns: dict[str, list[np.ndarray]] = {"peak": [], "rest": [], "shape": [], "open": [], "reason": []}
        self.blocks: list[RunQuality] = []
        self.spans: list[Span] = []
        self.lines: list[Line] = []
        self.ecg: list[tuple[float, list[tuple[int, int]]]] = []
        self.n_r_peaks: int | None = None


def detect_leg(
    segments: Sequence[tuple[int, np.ndarray]],
    fs_hz: float,
    detector: Detector,
    *,
    rail_low_uv: float | None = None,
    rail_high_uv: float | None = None,
    lowpass_hz: float | None = None,
    beats_us: np.ndarray | None = None,
) -> LegResult:
    """Find the monolateral leg movements of one leg.

    Every rise to +8 µV over the resting EMG becomes a row (WASM/IRLSSG 2016); those shorter than 0.5 s are rejected
    with their reason, those that fail only the morphology rule are kept and marked. Nothing is found across a gap.

    Parameters
    ----------
    segments : sequence of (start_us, float32 or float64 array of shape (n,))
        Gapless stretches of EMG in µV, in order of time, with the time of their first sample from the start of the
        recording. NaN is a missing sample.
    fs_hz : float
        Sampling rate.
    detector : Detector
        Every number and option.
    rail_low_uv, rail_high_uv : float, optional
        Limits of the amplifier.
    lowpass_hz : float, optional
        Low-pass the recording was made with.
    beats_us : float64 array of shape (n_beats,), optional
        Heart beats from the ECG of the same recording (`r_peaks_us`), for the removal of R waves that leak into the
        leg. Without them the leg itself is searched for beats.

    Returns
    -------
    LegResult

    Raises
    ------
    ValueError
        If segments overlap or are not one-dimensional, or the rate is not positive.
    """
    if not fs_hz > 0:
        raise ValueError(f"a sampling rate is positive, not {fs_hz!r}")
    runs, spans, n_at_limit = quality.split_runs(segments, fs_hz, detector, rail_low_uv, rail_high_uv)
    end_us = max((at_us(start, len(x), fs_hz) for start, x in segments), default=0)
    try:
        band: Band | None = design_band(fs_hz, detector.band_low_hz, detector.band_high_hz, lowpass_hz)
    except ValueError:
        band = None
    found = _Found()
    found.spans = spans
    if band is None or band.width_hz < detector.band_min_width_hz:
        found.spans += [(r.start_us, at_us(r.start_us, r.samples.size, fs_hz), "band_too_narrow") for r in runs]
    else:
        # An ECG electrode that fell off gives peaks without a rhythm; then the leg is searched as without a channel.
        is_heart_seen = beats_us is not None and has_rhythm(beats_us, detector)
        found.n_r_peaks = None if beats_us is None else int(beats_us.size)
        rails_uv = (rail_low_uv, rail_high_uv) if n_at_limit else (None, None)
        for run in runs:
            _detect_run(run, fs_hz, band, beats_us, is_heart_seen, rails_uv, detector, found)
    return _result(found, fs_hz, band, detector, end_us, n_at_limit, sum(len(x) for _, x in segments))


def _detect_run(
    run: Run,
    fs_hz: float,
    band: Band,
    beats_us: np.ndarray | None,
    is_heart_seen: bool,
    rails_uv: tuple[float | None, float | None],
    detector: Detector,
    found: _Found,
) -> None:
    conditioned = band_pass(run.samples, fs_hz, band)
    grid = make_grid(fs_hz, band.width_hz, detector)
    n_block = grid.n_block
    line, mains_rms_uv = None, np.zeros(-(-conditioned.size // n_block))
    if detector.mains == "subtract":
        line, mains_rms_uv = remove_mains(conditioned, fs_hz, band.high_hz, n_block, detector)
    if line is not None:
        found.lines.append(line)
    contamination = None
    if detector.ecg == "subtract":
        contamination = _remove_heart(conditioned, run.start_us, fs_hz, beats_us, is_heart_seen, detector)
    if contamination is not None:
        found.ecg.append(contamination)
    parts = amplitude(conditioned, grid, detector)
    rest = resting_level(parts.block_uv, detector)
    is_usable = np.ones(rest.level_uv.size, dtype=np.bool_)
    for first, last, reason in quality.unusable_blocks(parts.block_plain_uv, rest.level_uv, detector):
        is_usable[first:last] = False
        past = conditioned.size if last == is_usable.size else last * n_block
        found.spans.append((at_us(run.start_us, first * n_block, fs_hz), at_us(run.start_us, past, fs_hz), reason))
    moves = run_movements(conditioned, parts.tick, rest.level_uv, is_usable, grid, fs_hz, detector)
    found.onset.append(run.start_us + _to_us(moves.onset, fs_hz))
    found.offset.append(run.start_us + _to_us(moves.offset, fs_hz))
    for name, values in zip(
        ("peak", "rest", "shape", "open", "reason"),
        (moves.peak_uv, moves.resting_uv, moves.has_morphology, moves.is_truncated, moves.reason),
        strict=True,
    ):
        found.columns[name].append(values)
    time_us = run.start_us + _to_us(np.arange(rest.level_uv.size) * n_block, fs_hz)
    is_change = rest.is_change.copy()
    is_change[:1] = False
    n_blocks = is_usable.size
    crackle = quality.crackle_blocks(parts.block_uv, parts.block_plain_uv, rest.is_active, detector)
    mains = quality.mains_blocks(mains_rms_uv[:n_blocks], rest.level_uv, rest.is_active, band.width_hz, detector)
    heart = np.zeros(n_blocks, dtype=np.bool_)
    for first, last in contamination[1] if contamination is not None else ():
        heart[first // n_block : -(-last // n_block)] = True
    clipped = quality.clipped_blocks(run.samples, n_block, n_blocks, *rails_uv)
    found.blocks.append(RunQuality(time_us, rest.level_uv, is_usable, is_change, crackle, mains, heart, clipped))


def _remove_heart(
    y_uv: np.ndarray,
    start_us: int,
    fs_hz: float,
    beats_us: np.ndarray | None,
    is_heart_seen: bool,
    detector: Detector,
) -> tuple[float, list[tuple[int, int]]] | None:
    """Subtract R waves by the beats of the ECG, or by the leg's own where the ECG shows no rhythm; see `remove_ecg`."""
    found = None if beats_us is None else remove_ecg(y_uv, start_us, fs_hz, beats_us, detector)
    if found is not None and (found[1] or is_heart_seen):
        return found
    own = own_beats_us(y_uv, start_us, fs_hz, detector)
    return remove_ecg(y_uv, start_us, fs_hz, own, detector) or found


def _to_us(samples: np.ndarray, fs_hz: float) -> np.ndarray:
    return np.rint(samples * (1e6 / fs_hz)).astype(np.int64)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype=dtype)


def _result(
    found: _Found, fs_hz: float, band: Band | None, detector: Detector, end_us: int, n_at_limit: int, n_samples: int
) -> LegResult:
    onset, offset = _joined(found.onset, np.int64), _joined(found.offset, np.int64)
    is_truncated = _joined(found.columns["open"], np.bool_)
    reasons = [REASONS[k] for k in _joined(found.columns["reason"], np.int64)]
    is_kept = np.array([reason is None for reason in reasons], dtype=np.bool_)
    spans = quality.joined(found.spans)
    epochs = quality.epoch_columns(end_us, spans, found.blocks, onset[is_kept], offset[is_kept], detector)
    rest = _joined([b.rest_uv[b.is_usable] for b in found.blocks], np.float64)
    minutes = {name: sum(b - a for a, b, r in spans if r == name) / 60e6 for name in quality.FLAG_BITS}
    unusable_us = quality.covered_us(spans)
    quantiles = np.quantile(rest, (0.05, 0.5, 0.95)) if rest.size else (None, None, None)
    above = rest * (RECTIFIED_OF_RMS if detector.envelope == "rms" else 1.0) > detector.rest_standard_uv
    block_min = detector.rest_block_s / 60.0
    figures: dict[str, float | int | bool | str | None] = {
        "fs_hz": float(fs_hz),
        "band_low_hz": None if band is None else band.low_hz,
        "band_high_hz": None if band is None else band.high_hz,
        "recorded_min": n_samples / fs_hz / 60.0,
        "unscorable_min": unusable_us / 60e6,
        "scorable_min": (end_us - unusable_us) / 60e6,
        "gap_min": minutes["gap"],
        "flat_min": minutes["flat"],
        "railed_min": minutes["railed"],
        "rest_above_limit_min": minutes["rest_above_limit"],
        "clipped_fraction": n_at_limit / n_samples if n_samples else None,
        "rest_p05_uv": _number(quantiles[0]),
        "rest_p50_uv": _number(quantiles[1]),
        "rest_p95_uv": _number(quantiles[2]),
        "rest_above_standard_min": float(np.count_nonzero(above)) * block_min if rest.size else None,
        "resting_above_standard": bool(2 * np.count_nonzero(above) > rest.size) if rest.size else None,
        **_interference(found),
        "crackle_min": _epochs_min(epochs, "crackle", detector),
        "n_tone_changes": int(sum(int(b.is_change.sum()) for b in found.blocks)),
        "n_movements": int(is_kept.sum()),
        "n_rejected": int((~is_kept).sum()),
        "n_truncated": int(is_truncated.sum()),
    }
    return LegResult(
        onset,
        offset,
        _joined(found.columns["peak"], np.float64),
        _joined(found.columns["rest"], np.float64),
        _joined(found.columns["shape"], np.bool_),
        is_kept,
        reasons,
        is_truncated,
        spans,
        figures,
        epochs,
    )


def _interference(found: _Found) -> dict[str, float | int | bool | str | None]:
    line = max(found.lines, key=lambda item: (item.is_present, item.fraction, item.rms_uv), default=None)
    return {
        "mains_hz": line.frequency_hz if line is not None and line.is_present else None,
        "mains_uv": None if line is None else line.rms_uv,
        "mains_fraction": None if line is None else line.fraction,
        "ecg_uv": max((peak for peak, _ in found.ecg), default=None),
        "is_ecg_removed": any(bool(removed) for _, removed in found.ecg) if found.ecg else None,
        "n_r_peaks": found.n_r_peaks,
    }


def _epochs_min(epochs: dict[str, np.ndarray], flag: str, detector: Detector) -> float:
    """Minutes of epochs with a flag."""
    bit = np.uint16(quality.FLAG_BITS[flag])
    return float(np.count_nonzero(epochs["flags"] & bit)) * detector.epoch_s / 60.0


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
