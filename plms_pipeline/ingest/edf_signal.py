"""Samples of the chosen channels in microvolts, on the real time line."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline.ingest.channels import ChannelDecision, ChannelOverrides, decide_channels, uv_per_unit
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.edf_samples import Scale, Wanted, decode
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding
from plms_pipeline.ingest.policy import refuse_by
from plms_pipeline.ingest.timeline import US, TimeLine, time_line


class Segment(NamedTuple):
    """Gapless samples.

    Attributes
    ----------
    start_us : int
        First sample, microseconds after the start of the recording.
    samples : ndarray, shape (n,), float64 or float32
        Microvolts; read-only.
    """

    start_us: int
    samples: np.ndarray


class Channel(NamedTuple):
    """One decoded channel.

    Attributes
    ----------
    role : str
        left, right, combined or ecg.
    label : str
        Label, or ``A - B`` for a difference of two electrodes.
    source_labels : tuple of str
    reason : str
        Which rule chose it.
    fs_hz : float
        By the clock of the time stamps where that drifts (finding `clock_drift`), otherwise by the header.
    unit : str
        Physical dimension in the file.
    segments : tuple of Segment
        In the order of time.
    rail_low_uv, rail_high_uv : float
        Lowest and highest value the samples can take, microvolts; of the difference for a derived channel.
    lowpass_hz, highpass_hz : float or None
        Corner frequencies named in the prefiltering field.
    """

    role: str
    label: str
    source_labels: tuple[str, ...]
    reason: str
    fs_hz: float
    unit: str
    segments: tuple[Segment, ...]
    rail_low_uv: float | None
    rail_high_uv: float | None
    lowpass_hz: float | None
    highpass_hz: float | None


class Recording(NamedTuple):
    """An opened recording: the legs and the ECG, nothing else decoded.

    Attributes
    ----------
    duration_us : int
        From the start of the first record to the end of the last.
    start : str or None
        ISO 8601 local start with date; ``HH:MM:SS[.ffffff]`` when the date is a placeholder or invalid; None when
        the time is invalid too. The sub-second start is included.
    gaps : tuple of (int, int)
        Half-open, microseconds.
    legs : tuple of Channel
        Left before right, or one combined channel, or none.
    ecg : Channel or None
    layout, sensor : str
    decision : ChannelDecision
    findings : tuple of Finding
        Of the header, the decision, the time line and the samples, in that order.
    header : dict
        format, n_signals, n_records, n_records_declared, record_duration_s, n_bytes (JSON-able).
    """

    duration_us: int
    start: str | None
    gaps: tuple[tuple[int, int], ...]
    legs: tuple[Channel, ...]
    ecg: Channel | None
    layout: str
    sensor: str
    decision: ChannelDecision
    findings: tuple[Finding, ...]
    header: dict[str, object]


def open_recording(
    path: Path | str,
    decision: ChannelDecision | ChannelOverrides | None = None,
    *,
    dtype: type = np.float64,
    ecg: bool = True,
    policy: Mapping[str, str] | None = None,
) -> Recording:
    """Decode the leg channels and the ECG of a recording.

    Parameters
    ----------
    path : path
    decision : ChannelDecision or ChannelOverrides, optional
        A decision made before, or what the user declared; without either the alias rules decide.
    dtype : {numpy.float64, numpy.float32}
        Of the samples; computed in float64 and rounded once.
    ecg : bool
        False leaves the ECG in the file, for those who want the legs only.
    policy : mapping of str to {"repair", "refuse"}, optional
        Finding code → what the cohort wants done about it; see :func:`plms_pipeline.ingest.check_policy`.

    Returns
    -------
    Recording

    Raises
    ------
    EdfDefect
        The file cannot be opened at all, or holds no data, or `policy` refuses it.
    InputError
        The file cannot be read.
    """
    policy = policy or {}
    header = read_header(path)
    if header.n_records == 0:
        raise EdfDefect("no_data_records")
    if not header.data_signals:
        raise EdfDefect("annotations_only")
    refuse_by(policy, header.findings)
    if not isinstance(decision, ChannelDecision):
        decision = decide_channels(header, decision)
    refuse_by(policy, decision.findings)
    names = ("left", "right", "combined", "ecg") if ecg else ("left", "right", "combined")
    roles = [role for role in names if getattr(decision, role)]
    wanted = [_wanted(header, decision, role) for role in roles]
    decoded = decode(path, header, wanted, dtype=dtype)
    line = time_line(header, decoded.stamps)
    outside = [_outside(header, position, n) for position, n in decoded.n_outside.items() if n]
    refuse_by(policy, (*line.findings, *outside))
    channels = {
        role: _channel(header, line, role, decision, one, samples)
        for role, one, samples in zip(roles, wanted, decoded.samples, strict=True)
    }
    return Recording(
        line.duration_us,
        recording_start(header, line.start_offset_us),
        line.gaps,
        tuple(channels[role] for role in ("left", "right", "combined") if role in channels),
        channels.get("ecg"),
        decision.layout,
        decision.sensor,
        decision,
        (*header.findings, *decision.findings, *line.findings, *outside),
        {
            "format": header.format,
            "n_signals": len(header.signals),
            "n_records": header.n_records,
            "n_records_declared": header.n_records_declared,
            "record_duration_s": float(header.record_duration_s),
            "n_bytes": header.n_bytes,
        },
    )


def read_time_line(path: Path | str, header: EdfHeader) -> TimeLine:
    """Where the records of a file lie in time; no sample is decoded.

    Raises
    ------
    EdfDefect
        No data record, or a time line that cannot be known.
    InputError
        The file cannot be read.
    """
    if header.n_records == 0:
        raise EdfDefect("no_data_records")
    return time_line(header, decode(path, header, ()).stamps)


def _wanted(header: EdfHeader, decision: ChannelDecision, role: str) -> Wanted:
    signals = tuple(header.signals[index] for index in decision.indices[role])
    return Wanted(signals, tuple(_scale(signal, decision.declared_unit) for signal in signals))


def _scale(signal: SignalHeader, unit: str | None) -> Scale:
    assert signal.digital_min is not None and signal.digital_max is not None
    assert signal.physical_min is not None and signal.physical_max is not None
    factor = uv_per_unit(signal.unit, unit)
    assert factor is not None
    gain = (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
    return Scale(gain * factor, signal.physical_max / gain - signal.digital_max)


def _ends(signal: SignalHeader, unit: str | None) -> tuple[float, float]:
    """Lowest and highest value in microvolts."""
    factor = uv_per_unit(signal.unit, unit)
    assert factor is not None and signal.physical_min is not None and signal.physical_max is not None
    low, high = sorted((signal.physical_min * factor, signal.physical_max * factor))
    return low, high


def _outside(header: EdfHeader, position: int, n_outside: int) -> Finding:
    signal = header.signals[position]
    total = signal.samples_per_record * header.n_records
    return finding("samples_outside_range", f"'{signal.label}': {n_outside} of {total}")


def _channel(
    header: EdfHeader, line: TimeLine, role: str, decision: ChannelDecision, wanted: Wanted, samples: np.ndarray
) -> Channel:
    signals = wanted.signals
    ends = [_ends(signal, decision.declared_unit) for signal in signals]
    low, high = ends[0]
    if len(ends) == 2:
        low, high = low - ends[1][1], high - ends[1][0]
    lowpass, highpass = prefilter_corners(signals)
    labels = tuple(signal.label for signal in signals)
    return Channel(
        role,
        " - ".join(labels),
        labels,
        decision.reason,
        float(signals[0].samples_per_record / line.record_us * US),
        decision.declared_unit or signals[0].unit,
        tuple(_segments(samples, line)),
        low,
        high,
        lowpass,
        highpass,
    )


def _segments(samples: np.ndarray, line: TimeLine) -> Iterator[Segment]:
    """Views of the decoded samples; a copy only where a run consists of records out of order."""
    per_record = samples.shape[1]
    fs = per_record / line.record_us
    flat = samples.reshape(-1)
    flat.flags.writeable = False
    for run in line.runs:
        parts: list[np.ndarray] = []
        for piece in run.pieces:
            n = piece.n_records * per_record
            first = min(n, -(-piece.from_us * fs.numerator // fs.denominator))
            # A part that is not cut goes to its last sample, however its end was rounded.
            is_cut = piece.to_us < int(line.record_us * piece.n_records)
            last = min(n, piece.to_us * fs.numerator // fs.denominator) if is_cut else n
            if not parts:
                start_us = run.start_us + round(first / fs)
            parts.append(flat[piece.first_record * per_record + first : piece.first_record * per_record + last])
        together = parts[0] if len(parts) == 1 else np.concatenate(parts)
        together.flags.writeable = False
        if len(together):
            yield Segment(start_us, together)


_CORNER = r"\s*[:=]?\s*(\d+(?:[.,]\d+)?)\s*(k?)(?:hz)?"


def prefilter_corners(signals: Sequence[SignalHeader]) -> tuple[float | None, float | None]:
    """Low-pass and high-pass corner in Hz from the prefiltering fields (EDF+ 2.1.3.4: ``HP:0.1Hz LP:75Hz``).

    For two electrodes the narrower band counts. None where the field says nothing.
    """
    lows: list[float] = []
    highs: list[float] = []
    for signal in signals:
        for found, name in ((lows, "LP"), (highs, "HP")):
            match = re.search(rf"(?<![a-z]){name}{_CORNER}", signal.prefilter, re.IGNORECASE)
            if match:
                value = float(match.group(1).replace(",", ".")) * (1000.0 if match.group(2) else 1.0)
                if value > 0:
                    found.append(value)
    return (min(lows) if lows else None, max(highs) if highs else None)


def recording_start(header: EdfHeader, offset_us: int) -> str | None:
    """Start of the first record as in ``Recording.start``; `offset_us` is that of the time line."""
    start_us = header.start_time_us
    if start_us is None:
        return None
    days, of_day = divmod(start_us + offset_us, 86_400_000_000)
    seconds, fraction = divmod(of_day, 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if fraction:
        clock += f".{fraction:06d}"
    if header.start_date is None:
        return clock
    try:
        return f"{(header.start_date + dt.timedelta(days=days)).isoformat()}T{clock}"
    except OverflowError:
        return clock
