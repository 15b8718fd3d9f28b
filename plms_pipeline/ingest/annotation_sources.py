"""Annotation files as they are: EDF+ annotations, NSRR XML, Compumedics Profusion XML, CSV. No meaning yet."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.edf_header import EdfHeader, read_header
from plms_pipeline.ingest.edf_signal import record_batches
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding
from plms_pipeline.ingest.tal import Tal, parse_tals, to_us


class Mark(NamedTuple):
    """One annotation as it stands in its source.

    Attributes
    ----------
    onset_us : int or None
        Microseconds after time zero of the source; None where the source has no usable onset.
    duration_us : int or None
        None where the source names none; may be negative in dirty files.
    label : str
    location : str
        Signal the annotation belongs to, or a leg (L, R, C); empty when not said.
    column : str
        stage, event, movement or label: what kind of list it stands in (label = free text of any kind).
    """

    onset_us: int | None
    duration_us: int | None
    label: str
    location: str
    column: str


class Source(NamedTuple):
    """All annotations of one file.

    Attributes
    ----------
    kind : str
        edf+, nsrr_xml, profusion_xml or csv.
    marks : list of Mark
    shift_us : int
        To add to onsets, so that they count from the start of the recording.
    looked_for : frozenset of str
        What the source says was scored even if it holds none: movements.
    findings : list of Finding
    """

    kind: str
    marks: list[Mark]
    shift_us: int
    looked_for: frozenset[str]
    findings: list[Finding]


def read_source(path: Path, recording_start: str | None, far_us: int) -> Source:
    """Read one annotation file; its format is recognised by content, never by name.

    Parameters
    ----------
    path : path
    recording_start : str or None
        As in ``Recording.start``; an EDF+ file with annotations is aligned by its own start.
    far_us : int
        A start further away than this is not believed; the time of day is used.

    Raises
    ------
    InputError
        The file cannot be read or is none of the known formats.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(4096)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the column annotations") from None
    if not head.strip():
        raise InputError(f"{path}: the file is empty; take it out of the column annotations or export it again")
    if head[:8] == b"0       " or head[:8] == b"\xffBIOSEMI":
        return _edf(path, recording_start, far_us)
    text_head = head.lstrip(b"\xef\xbb\xbf").lstrip()
    if text_head.startswith(b"<"):
        return _xml(path)
    return _csv(path)


# -- EDF+ ------------------------------------------------------------------------------------------------------------


def _edf(path: Path, recording_start: str | None, far_us: int) -> Source:
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
    shift_us = _alignment(header, recording_start, offset_us, far_us, findings)
    return Source("edf+", marks, shift_us, frozenset(), findings)


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


def _alignment(
    header: EdfHeader, recording_start: str | None, offset_us: int, far_us: int, findings: list[Finding]
) -> int:
    # Onsets count from the header's start time, the recording from its first sample.
    if recording_start is None or header.start_time_us is None:
        findings.append(finding("annotation_start_assumed"))
        return -offset_us
    date, clock_us = split_start(recording_start)
    of_day = header.start_time_us - clock_us
    if date is not None and header.start_date is not None:
        shift = (header.start_date - date).days * 86_400_000_000 + of_day
        if abs(shift) <= far_us:
            return shift
        findings.append(finding("annotation_start_far"))
    # nearest occurrence of the same time of day
    return (of_day + 43_200_000_000) % 86_400_000_000 - 43_200_000_000


def split_start(start: str) -> tuple[dt.date | None, int]:
    """Date (or None) and microseconds after midnight of a ``Recording.start``."""
    date_text, _, clock = start.rpartition("T")
    date = dt.date.fromisoformat(date_text) if date_text else None
    return date, clock_us(clock)


def clock_us(text: str) -> int:
    """Microseconds after midnight of ``HH:MM:SS[.ffffff]`` or ``HH:MM``.

    Raises
    ------
    ValueError
        Not a time of day.
    """
    time = dt.time.fromisoformat(text.strip())
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond


# -- XML -------------------------------------------------------------------------------------------------------------


def _xml(path: Path) -> Source:
    try:
        root = fromstring(path.read_bytes())
    except ParseError as error:
        raise InputError(f"{path}: not well-formed XML ({error}); export the annotations again") from None
    except DefusedXmlException:
        raise InputError(f"{path}: XML with entities or a document type is refused; export it without") from None
    if root.tag == "PSGAnnotation":
        return Source("nsrr_xml", [_nsrr_mark(event) for event in root.iter("ScoredEvent")], 0, frozenset(), [])
    if root.tag == "CMPStudyConfig":
        return _profusion(path, root)
    raise InputError(f"{path}: XML with root <{root.tag}> is neither NSRR nor Profusion; convert it to CSV")


def _child(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _seconds(text: str) -> int | None:
    try:
        return to_us(text)
    except ValueError:
        return None


def _nsrr_mark(event: Element) -> Mark:
    event_type = _child(event, "EventType").split("|")[0].strip().casefold()
    return Mark(
        _seconds(_child(event, "Start")),
        _seconds(_child(event, "Duration")),
        _child(event, "EventConcept"),
        _child(event, "SignalLocation"),
        "stage" if event_type == "stages" else "label",
    )


def _profusion(path: Path, root: Element) -> Source:
    epoch_us = _seconds(_child(root, "EpochLength"))
    if epoch_us is None or epoch_us <= 0:
        raise InputError(f"{path}: <EpochLength> is no positive number; export the annotations again")
    marks = [
        Mark(
            _seconds(_child(event, "Start")),
            _seconds(_child(event, "Duration")),
            _child(event, "Name"),
            _child(event, "Input"),
            "label",
        )
        for event in root.iter("ScoredEvent")
    ]
    marks.extend(
        Mark(index * epoch_us, epoch_us, (stage.text or "").strip(), "", "stage")
        for index, stage in enumerate(root.iter("SleepStage"))
    )
    return Source("profusion_xml", marks, 0, frozenset(), [])


# -- CSV -------------------------------------------------------------------------------------------------------------

_CSV_SHAPES = (
    ({"onset_s", "duration_s", "stage"}, "stage"),
    ({"leg", "onset_s", "offset_s"}, "movement"),
    ({"onset_s", "offset_s", "type"}, "event"),
    ({"onset_s", "duration_s", "type"}, "event"),
    ({"onset_s", "duration_s", "label"}, "label"),
    ({"onset_s", "offset_s", "label"}, "label"),
)


def _csv(path: Path) -> Source:
    rows, columns = read_csv_rows(path)
    present = set(columns)
    shapes = [kind for needed, kind in _CSV_SHAPES if needed <= present]
    if "type" in present and "event" in shapes:
        shapes = ["event"]
    if not shapes:
        raise InputError(
            f"{path}: columns {', '.join(columns)} are no known annotation table; use onset_s,duration_s,stage or "
            "onset_s,offset_s,type or onset_s,duration_s,label or leg,onset_s,offset_s"
        )
    kind = shapes[0]
    text_column = {"stage": "stage", "event": "type", "label": "label", "movement": ""}[kind]
    marks = []
    for line, row in rows:
        onset = csv_seconds(path, line, "onset_s", row["onset_s"])
        if "duration_s" in present:
            duration = csv_seconds(path, line, "duration_s", row["duration_s"])
        else:
            offset = csv_seconds(path, line, "offset_s", row["offset_s"])
            duration = None if offset is None or onset is None else offset - onset
        label = row[text_column].strip() if text_column else "Leg movement"
        marks.append(Mark(onset, duration, label, row.get("leg", "").strip(), kind))
    if kind == "movement":
        return Source("csv", marks, 0, frozenset({"movements"}), [])
    # An empty table of events does not say which events were looked for: only the sheet can.
    return Source("csv", marks, 0, frozenset(), [] if marks else [finding("empty_table", kind)])


def read_csv_rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Rows of a CSV file (UTF-8, comma) as (line number, dict of text) and its column names.

    Raises
    ------
    InputError
        Not UTF-8, no header, a doubled column, a row with another number of fields: file, line, what to do.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8 CSV") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise InputError(f"{path}: has no header line; the first line must name the columns")
        doubled = [name for name in header if header.count(name) > 1]
        if doubled:
            raise InputError(f"{path}: column '{doubled[0]}' stands twice in the header; remove one")
        rows = []
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {reader.line_num}: {len(fields)} fields, the header has {len(header)}; "
                    "correct the line (a comma inside a value needs quotes)"
                )
            rows.append((reader.line_num, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not valid CSV ({error}); correct the line") from None
    return rows, header


def csv_seconds(path: Path, line: int, column: str, text: Any) -> int | None:
    """Microseconds of a time cell in seconds; None for an empty one.

    Raises
    ------
    InputError
        Not a number; ``nan`` and ``inf`` are refused (an empty cell means unknown).
    """
    text = str(text).strip()
    if not text:
        return None
    try:
        return to_us(text)
    except ValueError:
        raise InputError(
            f"{path}, line {line}, column {column}: '{text}' is no number of seconds; leave it empty if unknown"
        ) from None
