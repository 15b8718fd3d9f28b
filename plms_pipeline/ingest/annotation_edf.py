"""Annotations of EDF+ and BDF+ files. No meaning yet."""

from __future__ import annotations

from pathlib import Path

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_marks import Bounds, Mark, Source, Start, check_count, shift_between, start_of
from plms_pipeline.ingest.edf_bytes import record_batches
from plms_pipeline.ingest.edf_header import EdfHeader, read_header
from plms_pipeline.ingest.findings import EdfDefect, finding
from plms_pipeline.ingest.tal import Tal, parse_tals


def read_edf(path: Path, recording_start: str | None, limit: Bounds) -> Source:
    """Read the annotation signals of an EDF+ or BDF+ file.

    Raises
    ------
    InputError
        The header cannot be used, or there is no annotation signal.
    """
    try:
        header = read_header(path)
        tals, n_malformed = read_tals(path, header)
    except EdfDefect as defect:
        raise InputError(f"{path}: {defect.text}; export the annotations again") from None
    if not header.annotation_signals:
        raise InputError(f"{path}: holds no annotation signal; take it out of the column annotations")
    findings = [finding("malformed_annotation", f"{n_malformed} lists")] if n_malformed else []
    marks: list[Mark] = []
    offset_us = 0
    for record, (signal, listed) in enumerate(tals):
        for position, tal in enumerate(listed):
            is_keeper = signal == 0 and position == 0 and bool(tal.texts) and tal.texts[0] == ""
            if record == 0 and is_keeper:
                offset_us = tal.onset_us
            marks.extend(Mark(tal.onset_us, tal.duration_us, text, "", "label") for text in tal.texts if text)
        check_count(path, len(marks), limit)
    own = None if header.start_time_us is None else Start(header.start_date, header.start_time_us)
    recording = start_of(recording_start)
    # Onsets count from the header's start time, the recording from its first sample.
    shift_us = shift_between(own, recording, limit.far_us, findings)
    return Source("edf+", marks, -offset_us if own is None or recording is None else shift_us, frozenset(), findings)


def read_tals(path: Path | str, header: EdfHeader) -> tuple[list[tuple[int, list[Tal]]], int]:
    """All annotation lists: per record and annotation signal (position of the signal, its lists), and how many were
    unreadable."""
    result: list[tuple[int, list[Tal]]] = []
    n_malformed = 0
    widths = [signal.samples_per_record * header.sample_bytes for signal in header.annotation_signals]
    for _, batch in record_batches(path, header) if any(widths) and header.n_records else ():
        blocks = [
            batch[:, signal.offset_bytes : signal.offset_bytes + width].tobytes()
            for signal, width in zip(header.annotation_signals, widths, strict=True)
        ]
        for record in range(len(batch)):
            for position, width in enumerate(widths):
                tals, malformed = parse_tals(blocks[position][record * width : (record + 1) * width])
                n_malformed += malformed
                result.append((position, tals))
    return result, n_malformed
