"""Annotations as tables: BIDS ``events.tsv`` and plain CSV with the column names of ``plms score``. No meaning yet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_marks import Bounds, Mark, Source, Text, after, clock_of, seconds_us, start_of
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.tal import to_us

# -- BIDS ------------------------------------------------------------------------------------------------------------

_BIDS_TEXTS = ("trial_type", "description", "event", "event_type", "label", "value")
_BIDS_STAGES = ("stage_hum", "sleep_stage", "stage", "stage_ai")
_ABSENT = frozenset({"", "n/a", "N/A", "nan"})


def is_bids_events(text: Text) -> bool:
    """Whether a text is a BIDS table of events: tab-separated, the columns `onset` and `duration` (BIDS, Events)."""
    columns = [field.strip() for field in text.lines[0].split("\t")]
    return {"onset", "duration"} <= set(columns)


def read_bids_events(text: Text) -> Source:
    """Read a BIDS table of events: stages of a stage column, events of a text column.

    Of several stage columns the human one is taken. Its numbers are kept with the name of the column, for they mean
    other stages than elsewhere (`stage_hum:4` is REM sleep).

    Raises
    ------
    InputError
        A doubled column, or neither a stage nor a text column.
    """
    columns = [field.strip() for field in text.lines[0].split("\t")]
    if doubled := twice(columns):
        raise InputError(f"{text.path}: column '{doubled[0][:60]}' stands twice in the header; remove one")
    stage_columns = [name for name in _BIDS_STAGES if name in columns]
    texts = [name for name in _BIDS_TEXTS if name in columns]
    if not stage_columns and not texts:
        raise InputError(
            f"{text.path}: a table of events without labels; it needs one of the columns "
            f"{', '.join((*_BIDS_TEXTS, *_BIDS_STAGES))}"
        )
    findings = list(text.findings)
    if len(stage_columns) > 1:
        findings.append(finding("annotation_stage_column", f"'{stage_columns[0]}' of {', '.join(stage_columns)}"))
    marks: list[Mark] = []
    n_unreadable = 0
    for line in text.lines[1:]:
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != len(columns):
            n_unreadable += 1
            continue
        row = dict(zip(columns, fields, strict=True))
        onset, duration = seconds_us(row["onset"]), seconds_us(row["duration"])
        if stage_columns and (stage := row[stage_columns[0]]) not in _ABSENT:
            label = f"{stage_columns[0]}:{stage}" if stage.lstrip("-").isdigit() else stage
            marks.append(Mark(onset, duration, label, "", "stage"))
        if texts and (label := row[texts[0]]) not in _ABSENT:
            marks.append(Mark(onset, duration, label, row.get("channel", ""), "label"))
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    return Source("bids_events", marks, 0, frozenset(), findings)


# -- CSV -------------------------------------------------------------------------------------------------------------

_CSV_SHAPES = (
    ({"onset_s", "duration_s", "stage"}, "stage"),
    ({"leg", "onset_s", "offset_s"}, "movement"),
    ({"onset_s", "offset_s", "type"}, "event"),
    ({"onset_s", "duration_s", "type"}, "event"),
    ({"onset_s", "duration_s", "label"}, "label"),
    ({"onset_s", "offset_s", "label"}, "label"),
)
_CLOCK_COLUMNS = {"time", "duration", "event"}


def read_csv(path: Path, recording_start: str | None, limit: Bounds) -> Source:
    """Read a CSV file of annotations; columns as in the tables of ``plms score``, or `time`, `duration`, `event`.

    The latter (Human Sleep Project) has clock times, a duration in seconds and a label.

    Raises
    ------
    InputError
        Not valid CSV, unknown columns, a time that is no number: file, line, column, what to do.
    """
    rows, columns = read_csv_rows(path)
    if len(rows) > limit.n_marks:
        raise InputError(f"{path}: has {len(rows)} rows, at most {limit.n_marks} are read; check the export")
    present = set(columns)
    shapes = [kind for needed, kind in _CSV_SHAPES if needed <= present]
    if "type" in present and "event" in shapes:
        shapes = ["event"]
    if not shapes and present >= _CLOCK_COLUMNS:
        return _clock_table(rows, recording_start, limit)
    if not shapes:
        raise InputError(
            f"{path}: columns {', '.join(columns)[:200]} are no known annotation table; use onset_s,duration_s,stage "
            "or onset_s,offset_s,type or onset_s,duration_s,label or leg,onset_s,offset_s"
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


def _clock_table(rows: Sequence[tuple[int, dict[str, str]]], recording_start: str | None, limit: Bounds) -> Source:
    start = start_of(recording_start)
    findings: list[Finding] = [] if rows else [finding("empty_table", "label")]
    if start is None and rows:
        findings.append(finding("annotation_clock_without_start"))
    marks = []
    for _, row in rows:
        clock = clock_of(row["time"])
        onset = None if clock is None or start is None else after(clock, start.clock_us, limit.before_us)
        marks.append(Mark(onset, seconds_us(row["duration"]), row["event"].strip(), "", "label"))
    return Source("csv", marks, 0, frozenset(), findings)


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
        if doubled := twice(header):
            raise InputError(f"{path}: column '{doubled[0][:60]}' stands twice in the header; remove one")
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


def twice(names: Sequence[str]) -> list[str]:
    """Names that stand more than once, in the order of their first place."""
    return [name for name, n in Counter(names).items() if n > 1]


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
