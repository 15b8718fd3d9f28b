"""What the reader sees in one recording: header, time line, channels with decisions, annotations, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotations import Annotations, read_annotations
from plms_pipeline.ingest.channels import ChannelDecision, ChannelOverrides, decide_channels, uv_per_unit
from plms_pipeline.ingest.discover import annotations_beside
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.edf_signal import prefilter_corners, read_time_line, recording_start
from plms_pipeline.ingest.findings import EdfDefect, Finding
from plms_pipeline.ingest.identifiers import identifying_fields

_UNKNOWN_STAGE = "U"


class Inspection(NamedTuple):
    """All that can be said about a recording without decoding its signals.

    Attributes
    ----------
    header : EdfHeader or None
        None when the file cannot be opened; `findings` then says why.
    start : str or None
    duration_us : int or None
    gaps : tuple of (int, int)
    decision : ChannelDecision or None
    annotation_files : tuple of str
        Names of the files read, without folders.
    annotations : Annotations or None
    problem : str or None
        Why the annotation files cannot be read, one line.
    identifying : tuple of str
        Names of header fields that may identify the person; never their content.
    findings : tuple of Finding
    """

    header: EdfHeader | None
    start: str | None
    duration_us: int | None
    gaps: tuple[tuple[int, int], ...]
    decision: ChannelDecision | None
    annotation_files: tuple[str, ...]
    annotations: Annotations | None
    problem: str | None
    identifying: tuple[str, ...]
    findings: tuple[Finding, ...]


def inspect(
    path: Path | str, overrides: ChannelOverrides | None = None, annotations: Sequence[Path] | None = None
) -> Inspection:
    """Look at one recording as a run would, without decoding a signal.

    Parameters
    ----------
    path : path
    overrides : ChannelOverrides, optional
        What is declared about its channels.
    annotations : sequence of path, optional
        Its annotation files; without them those beside it and its own annotation channel.

    Raises
    ------
    InputError
        The recording cannot be read.
    """
    path = Path(path)
    try:
        header = read_header(path)
    except EdfDefect as defect:
        found = (Finding(defect.code, "error", defect.text),)
        return Inspection(None, None, None, (), None, (), None, None, (), found)
    decision = decide_channels(header, overrides)
    findings = [*header.findings, *decision.findings]
    start, duration_us = recording_start(header, 0), None
    gaps: tuple[tuple[int, int], ...] = ()
    read: Annotations | None = None
    problem: str | None = None
    files = list(annotations) if annotations is not None else _files(path, header)
    try:
        line = read_time_line(path, header)
    except EdfDefect as defect:
        findings.append(Finding(defect.code, "error", defect.text))
        files = []
    else:
        findings.extend(line.findings)
        start, duration_us, gaps = recording_start(header, line.start_offset_us), line.duration_us, line.gaps
        try:
            read = read_annotations(files, duration_us=line.duration_us, recording_start=start)
            findings.extend(read.findings)
        except InputError as error:
            problem = str(error)
    return Inspection(
        header,
        start,
        duration_us,
        tuple(gaps),
        decision,
        tuple(file.name for file in files),
        read,
        problem,
        identifying_fields(path, header),
        tuple(findings),
    )


def _files(path: Path, header: EdfHeader) -> list[Path]:
    beside = annotations_beside(path)
    own = any(signal.samples_per_record for signal in header.annotation_signals)
    return beside or ([path] if own else [])


def channel_rows(found: Inspection) -> list[dict[str, Any]]:
    """One row per signal: number, label, rate, unit, range, filters and what it is used as."""
    if found.header is None or found.decision is None:
        return []
    used: dict[int, str] = {}
    for role, indices in found.decision.indices.items():
        for place, index in enumerate(indices):
            used[index] = role if len(indices) == 1 else f"{role} {'+-'[place]}"
    return [_channel_row(found.header, signal, used.get(signal.position, "")) for signal in found.header.signals]


def _channel_row(header: EdfHeader, signal: SignalHeader, used_as: str) -> dict[str, Any]:
    lowpass, highpass = prefilter_corners([signal])
    try:
        fs_hz: float | None = header.fs_hz(signal)
    except ZeroDivisionError:
        fs_hz = None
    return {
        "number": signal.position + 1,
        "label": signal.label,
        "fs_hz": None if signal.is_annotation else fs_hz,
        "unit": signal.unit,
        "is_voltage": uv_per_unit(signal.unit) is not None,
        "physical_min": signal.physical_min,
        "physical_max": signal.physical_max,
        "highpass_hz": highpass,
        "lowpass_hz": lowpass,
        "used_as": "annotations" if signal.is_annotation else used_as,
    }


def annotation_counts(found: Annotations) -> dict[str, Any]:
    """Minutes per stage, events per type, human leg marks and lights of what was read."""
    minutes: Counter[str] = Counter()
    if found.stages is not None:
        for stage, duration_us in zip(found.stages.stage, found.stages.duration_us.tolist(), strict=True):
            minutes[stage] += duration_us
    events = Counter(found.events.type)
    return {
        "sources": list(found.sources),
        "stages_state": found.stages_state,
        "respiratory_state": found.respiratory_state,
        "arousals_state": found.arousals_state,
        "stage_min": {stage: us / 60e6 for stage, us in sorted(minutes.items())},
        "sleep_min": sum(us for stage, us in minutes.items() if stage not in ("W", _UNKNOWN_STAGE)) / 60e6,
        "events": dict(sorted(events.items())),
        "leg_marks": None if found.movements is None else len(found.movements.onset_us),
        "lights_off_s": None if found.lights_off_us is None else found.lights_off_us / 1e6,
        "lights_on_s": None if found.lights_on_us is None else found.lights_on_us / 1e6,
    }
