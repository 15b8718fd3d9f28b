"""Samples of the chosen channels in microvolts, on the real time line."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.channels import ChannelDecision, ChannelOverrides, decide_channels, uv_per_unit
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding
from plms_pipeline.ingest.tal import first_stamp_us
from plms_pipeline.ingest.timeline import Run, TimeLine, time_line


class Segment(NamedTuple):
    """Gapless samples.

    Attributes
    ----------
    start_us : int
        First sample, microseconds after the start of the recording.
    samples : ndarray, shape (n,), float64
        Microvolts.
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
    unit : str
        Physical dimension in the file.
    segments : tuple of Segment
        In the order of time, float64 microvolts.
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


def open_recording(path: Path | str, decision: ChannelDecision | ChannelOverrides | None = None) -> Recording:
    """Decode the leg channels and the ECG of a recording.

    Parameters
    ----------
    path : path
    decision : ChannelDecision or ChannelOverrides, optional
        A decision made before, or what the user declared; without either the alias rules decide.

    Returns
    -------
    Recording

    Raises
    ------
    EdfDefect
        The file cannot be opened at all, or holds no data.
    InputError
        The file cannot be read.
    """
    header = read_header(path)
    if header.n_records == 0:
        raise EdfDefect("no_data_records")
    if not header.data_signals:
        raise EdfDefect("annotations_only")
    if not isinstance(decision, ChannelDecision):
        decision = decide_channels(header, decision)
    roles = {role: getattr(decision, role) for role in ("left", "right", "combined", "ecg")}
    wanted = sorted({index for role in roles if roles[role] for index in decision.indices[role]})
    raw, stamps = read_raw(path, header, wanted, with_stamps=_has_stamps(header))
    tolerance_s = contracts.load_yaml("rules/reading.yaml")["contiguity_tolerance_s"]
    line = time_line(header, stamps, round(float(tolerance_s) * 1_000_000))
    findings = [*header.findings, *decision.findings, *line.findings]
    channels = {
        role: _channel(header, line, role, decision, raw, findings) for role in roles if roles[role] is not None
    }
    start_us = header.start_time_us
    return Recording(
        line.duration_us,
        _start(header, start_us, line.start_offset_us),
        line.gaps,
        tuple(channels[role] for role in ("left", "right", "combined") if role in channels),
        channels.get("ecg"),
        decision.layout,
        decision.sensor,
        decision,
        tuple(findings),
        {
            "format": header.format,
            "n_signals": len(header.signals),
            "n_records": header.n_records,
            "n_records_declared": header.n_records_declared,
            "record_duration_s": float(header.record_duration_s),
            "n_bytes": header.n_bytes,
        },
    )


def _has_stamps(header: EdfHeader) -> bool:
    return bool(header.annotation_signals) and header.annotation_signals[0].samples_per_record > 0


def read_raw(
    path: Path | str, header: EdfHeader, indices: Sequence[int], *, with_stamps: bool = False
) -> tuple[dict[int, np.ndarray], list[int | None] | None]:
    """Digital samples of some signals, in one sequential pass over the file.

    Parameters
    ----------
    path : path
    header : EdfHeader
    indices : sequence of int
        Signals to keep.
    with_stamps : bool
        Also read the time stamp of every record.

    Returns
    -------
    raw : dict of int to ndarray
        Per signal shape (n_records, samples_per_record), int16 (EDF) or int32 (BDF).
    stamps : list of int or None
        Per record, microseconds after the header's start time; None as a whole unless asked for.
    """
    dtype = np.int16 if header.sample_bytes == 2 else np.int32
    raw = {i: np.empty((header.n_records, header.signals[i].samples_per_record), dtype=dtype) for i in indices}
    stamps: list[int | None] | None = [] if with_stamps else None
    keeper = header.annotation_signals[0] if with_stamps else None
    for first, batch in record_batches(path, header):
        for i in indices:
            signal = header.signals[i]
            width = signal.samples_per_record * header.sample_bytes
            block = batch[:, signal.offset_bytes : signal.offset_bytes + width]
            raw[i][first : first + len(batch)] = _digital(block, header.sample_bytes)
        if keeper is not None and stamps is not None:
            width = keeper.samples_per_record * header.sample_bytes
            lists = batch[:, keeper.offset_bytes : keeper.offset_bytes + width].tobytes()
            stamps.extend(first_stamp_us(lists[k : k + width]) for k in range(0, len(lists), width))
    return raw, stamps


def record_batches(path: Path | str, header: EdfHeader) -> Iterator[tuple[int, np.ndarray]]:
    """Data records in batches: (index of the first, uint8 array of shape (n, record_bytes)).

    The array is overwritten by the next batch. Sequential reads of some megabytes beat skipping within records.
    """
    batch_bytes = int(contracts.load_yaml("rules/reading.yaml")["batch_bytes"])
    per_batch = max(1, min(header.n_records, batch_bytes // header.record_bytes))
    buffer = np.empty((per_batch, header.record_bytes), dtype=np.uint8)
    try:
        with Path(path).open("rb", buffering=0) as handle:
            handle.seek(header.header_bytes, os.SEEK_SET)
            for first in range(0, header.n_records, per_batch):
                part = buffer[: min(per_batch, header.n_records - first)]
                view = part.reshape(-1).data
                done = 0
                while done < len(view):
                    n_read = handle.readinto(view[done:])
                    if not n_read:
                        raise InputError(f"{path}: became shorter while it was read; wait until it is copied")
                    done += n_read
                yield first, part
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and the storage") from None


def _digital(block: np.ndarray, sample_bytes: int) -> np.ndarray:
    # EDF: little-endian two's complement 16 bit; BDF: 24 bit
    contiguous = np.ascontiguousarray(block)
    if sample_bytes == 2:
        return contiguous.view("<i2")
    triples = contiguous.reshape(len(block), -1, 3)
    high = triples[:, :, 2].view(np.int8).astype(np.int32) << 16
    return high | (triples[:, :, 1].astype(np.int32) << 8) | triples[:, :, 0]


class _Scale(NamedTuple):
    gain_uv: float
    offset_digital: float
    low_uv: float
    high_uv: float


def _scale(signal: SignalHeader, unit: str | None) -> _Scale:
    assert signal.digital_min is not None and signal.digital_max is not None
    assert signal.physical_min is not None and signal.physical_max is not None
    factor = uv_per_unit(signal.unit, unit)
    assert factor is not None
    gain = (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
    offset = signal.physical_max / gain - signal.digital_max
    ends = sorted((signal.physical_min * factor, signal.physical_max * factor))
    return _Scale(gain * factor, offset, ends[0], ends[1])


def _physical(raw: np.ndarray, scale: _Scale) -> np.ndarray:
    samples = raw.reshape(-1).astype(np.float64)
    samples += scale.offset_digital
    samples *= scale.gain_uv
    return samples


def _channel(
    header: EdfHeader,
    line: TimeLine,
    role: str,
    decision: ChannelDecision,
    raw: dict[int, np.ndarray],
    findings: list[Finding],
) -> Channel:
    indices = decision.indices[role]
    signals = [header.signals[i] for i in indices]
    scales = [_scale(signal, decision.declared_unit) for signal in signals]
    for signal in signals:
        findings.extend(_range_findings(signal, raw[signal.position], header.sample_bytes))
    segments = []
    for run in line.runs:
        records = slice(run.first_record, run.first_record + run.n_records)
        samples = _physical(raw[indices[0]][records], scales[0])
        if len(indices) == 2:
            samples -= _physical(raw[indices[1]][records], scales[1])
        start_us, samples = _trim(run, samples, Fraction(signals[0].samples_per_record) / header.record_duration_s)
        if len(samples):
            samples.flags.writeable = False
            segments.append(Segment(start_us, samples))
    if len(scales) == 2:
        low, high = scales[0].low_uv - scales[1].high_uv, scales[0].high_uv - scales[1].low_uv
    else:
        low, high = scales[0].low_uv, scales[0].high_uv
    lowpass, highpass = prefilter_corners(signals)
    labels = tuple(signal.label for signal in signals)
    return Channel(
        role,
        " - ".join(labels),
        labels,
        decision.reason,
        header.fs_hz(signals[0]),
        decision.declared_unit or signals[0].unit,
        tuple(segments),
        low,
        high,
        lowpass,
        highpass,
    )


def _trim(run: Run, samples: np.ndarray, fs_hz: Fraction) -> tuple[int, np.ndarray]:
    if run.skip_us == 0:
        return run.start_us, samples
    n_skipped = min(len(samples), -(-run.skip_us * fs_hz // 1_000_000))
    return run.start_us + round(n_skipped / fs_hz * 1_000_000), samples[int(n_skipped) :]


def _range_findings(signal: SignalHeader, raw: np.ndarray, sample_bytes: int) -> list[Finding]:
    assert signal.digital_min is not None and signal.digital_max is not None
    low, high = sorted((signal.digital_min, signal.digital_max))
    limit = 1 << (8 * sample_bytes - 1)
    if raw.size == 0 or (low <= -limit and high >= limit - 1):
        return []
    if low <= raw.min() and raw.max() <= high:
        return []
    n_outside = int(np.count_nonzero((raw < max(low, -limit)) | (raw > min(high, limit - 1))))
    return [finding("samples_outside_range", f"'{signal.label}': {n_outside} of {raw.size}")] if n_outside else []


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


def _start(header: EdfHeader, start_us: int | None, offset_us: int) -> str | None:
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
