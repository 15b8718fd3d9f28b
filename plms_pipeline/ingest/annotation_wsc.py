"""Wisconsin Sleep Cohort: event and stage lists (gamma, ``.SCO``/``.STA``) and event logs (twin). No meaning yet.

Event lists are tab-separated: epoch, first sample, length in samples, code, label, a number, clock time, two
parameters and, in the gamma exports, the duration in seconds. Stage lists hold epoch number and code. Event logs hold
a clock time and a text whose parts are separated by `` - ``. Source: NSRR, Wisconsin Sleep Cohort, files of the visits.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from plms_pipeline.ingest.annotation_marks import (
    DAY_US,
    Bounds,
    Mark,
    Source,
    Start,
    Text,
    after,
    clock_of,
    seconds_us,
    shift_between,
    start_of,
)
from plms_pipeline.ingest.findings import Finding, finding

_COLUMNS = 7
_LABEL, _CLOCK, _DURATION = 4, 6, 9
_LOOK = 50


class _Row(NamedTuple):
    sample: int | None
    n_samples: int | None
    label: str
    clock_us: int | None
    duration_us: int | None


# -- event lists -----------------------------------------------------------------------------------------------------


def is_event_list(text: Text) -> bool:
    """Whether a text is an event list: rows with an epoch number, a label and a clock time in their columns."""
    return any(_event_row(line) is not None for line in text.lines[:_LOOK])


def read_event_list(text: Text, recording_start: str | None, limit: Bounds) -> Source:
    """Read an event list.

    Samples are more exact than the clock: they are used when the sampling rate follows from the rows themselves and
    their clock agrees with the start of the recording. Leg movements of these files have a start only.
    """
    findings = list(text.findings)
    rows: list[_Row] = []
    n_headers = n_unreadable = 0
    is_first = True
    for line in text.lines:
        if not line.strip(" "):
            continue
        row = _event_row(line)
        if row is not None:
            rows.append(row)
            is_first = False
        elif not line.strip() or not line.split("\t")[0].strip().isdigit():
            n_headers += 1
            if is_first and n_headers == 1:
                continue
            findings.extend([finding("annotation_header_repeated")] if n_headers == 2 else [])
        else:
            n_unreadable += 1
    if not n_headers:
        findings.append(finding("annotation_header_missing"))
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    rate_hz = _rate(rows)
    recording = start_of(recording_start)
    started = _started(rows, rate_hz)
    by_sample = _use_samples(started, recording, limit, findings)
    marks = []
    for row in rows:
        onset: int | None = None
        if by_sample and rate_hz and row.sample is not None:
            onset = row.sample * 1_000_000 // rate_hz
        elif row.clock_us is not None and recording is not None:
            onset = after(row.clock_us, recording.clock_us, limit.before_us)
        duration = row.duration_us
        if duration is None and rate_hz and row.n_samples is not None:
            duration = row.n_samples * 1_000_000 // rate_hz
        marks.append(Mark(onset, duration, row.label, "", "event"))
    return Source("wsc_events", marks, 0, frozenset(), findings)


def _event_row(line: str) -> _Row | None:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) < _COLUMNS or not _is_number(fields[0]) or not fields[_LABEL]:
        return None
    clock = clock_of(fields[_CLOCK])
    sample = _integer(fields[1])
    if clock is None and fields[_CLOCK]:
        return None
    if clock is None and sample is None and not any(_integer(field) is not None for field in fields[3:4]):
        return None
    duration = seconds_us(fields[_DURATION]) if len(fields) > _DURATION and fields[_DURATION] else None
    return _Row(sample, _integer(fields[2]), fields[_LABEL], clock, duration)


def _is_number(text: str) -> bool:
    return _integer(text) is not None


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


def _rate(rows: list[_Row]) -> int | None:
    """Sampling rate in Hz that makes samples and clock agree over the night; None if they do not say one."""
    timed = [(row.sample, row.clock_us) for row in rows if row.sample is not None and row.clock_us is not None]
    if len(timed) < 2:
        return None
    (first, begin), (last, end) = min(timed), max(timed)
    elapsed_us = (end - begin) % DAY_US
    # the clock is cut to whole seconds: less than a minute does not tell 200 Hz from 203 Hz
    if elapsed_us < 60_000_000 or last <= first:
        return None
    rate = (last - first) * 1_000_000 / elapsed_us
    nearest = round(rate)
    return nearest if nearest and abs(rate - nearest) * elapsed_us < nearest * 1_500_000 else None


def _started(rows: list[_Row], rate_hz: int | None) -> int | None:
    """Time of day of sample zero by the row in the middle, microseconds; None if unknown."""
    if rate_hz is None:
        return None
    starts = sorted(
        (row.clock_us - row.sample * 1_000_000 // rate_hz) % DAY_US
        for row in rows
        if row.sample is not None and row.clock_us is not None
    )
    return starts[len(starts) // 2]


def _use_samples(started_us: int | None, recording: Start | None, limit: Bounds, findings: list[Finding]) -> bool:
    if recording is None:
        findings.append(finding("annotation_start_assumed"))
        return True
    if started_us is None:
        return False
    apart = shift_between(Start(None, started_us), Start(None, recording.clock_us), limit.far_us, findings)
    if abs(apart) <= 1_500_000:
        return True
    findings.append(finding("annotation_clock_differs", f"{apart / 1e6:+.0f} s; the clock times were used"))
    return False


# -- stage lists -----------------------------------------------------------------------------------------------------

_STAGE_ROW = re.compile(r"\s*([0-9]{1,6})\s+([0-9]{1,2})\s*")


def is_stage_list(text: Text) -> bool:
    """Whether a text is a stage list: after at most one line of header two whole numbers a line, the first rising."""
    lines = [line for line in text.lines[:_LOOK] if line.strip()]
    rows = [match for line in lines if (match := _STAGE_ROW.fullmatch(line))]
    if not rows or len(lines) - len(rows) > 1 or (len(lines) != len(rows) and _STAGE_ROW.fullmatch(lines[0])):
        return False
    epochs = [int(match.group(1)) for match in rows]
    return all(one < next_one for one, next_one in itertools.pairwise(epochs))


def read_stage_list(text: Text, limit: Bounds) -> Source:
    """Read epoch numbers, from 1, and stage codes."""
    findings = list(text.findings)
    marks: list[Mark] = []
    n_unreadable = 0
    for k, line in enumerate(line for line in text.lines if line.strip()):
        match = _STAGE_ROW.fullmatch(line)
        if match is not None and int(match.group(1)) >= 1:
            onset = (int(match.group(1)) - 1) * limit.epoch_us
            marks.append(Mark(onset, limit.epoch_us, match.group(2), "", "stage"))
        elif k:
            n_unreadable += 1
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    return Source("wsc_stages", marks, 0, frozenset(), findings)


# -- event logs ------------------------------------------------------------------------------------------------------

_LOG_WORDS = frozenset(
    {"START RECORDING", "LIGHTS OUT", "LIGHTS ON", "STAGE", "RESPIRATORY EVENT", "AROUSAL", "LM", "DESATURATION"}
)
_MEASURES = ("DUR:", "DESAT ", "MIN ", "DROP ")
_DUR = re.compile(r"DUR:\s*(-?[0-9]{1,6}(?:\.[0-9]+)?)\s*SEC\.?", re.IGNORECASE)


def is_event_log(text: Text) -> bool:
    """Whether a text is an event log: clock time, tab, and a text that begins with a known word."""
    found = [entry for line in text.lines[:_LOOK] if (entry := _log_entry(line)) is not None]
    return any(parts[0].upper() in _LOG_WORDS for _, parts in found)


def read_event_log(text: Text, recording_start: str | None, limit: Bounds) -> Source:
    """Read an event log; a stage holds until the next one, the last until the end of the log."""
    findings = list(text.findings)
    entries: list[tuple[int, list[str]]] = []
    n_unreadable = 0
    for line in text.lines:
        entry = _log_entry(line)
        if entry is not None:
            entries.append(entry)
        elif line.strip():
            n_unreadable += 1
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    recording = start_of(recording_start)
    began = next((clock for clock, parts in entries if parts[0].upper() == "START RECORDING"), None)
    own = Start(None, began if began is not None else recording.clock_us if recording else entries[0][0])
    placed = [(after(clock, own.clock_us, limit.before_us), parts) for clock, parts in entries]
    end_us = max(onset for onset, _ in placed)
    stages = [(onset, " - ".join(parts[1:])) for onset, parts in placed if parts[0].upper() == "STAGE"]
    marks: list[Mark] = []
    for k, (onset, label) in enumerate(stages):
        until = stages[k + 1][0] if k + 1 < len(stages) else max(end_us, onset + limit.epoch_us)
        marks.append(Mark(onset, until - onset, label, "", "stage"))
    marks.extend(_log_mark(onset, parts) for onset, parts in placed if parts[0].upper() != "STAGE")
    return Source("wsc_log", marks, shift_between(own, recording, limit.far_us, findings), frozenset(), findings)


def _log_entry(line: str) -> tuple[int, list[str]] | None:
    clock_text, tab, rest = line.partition("\t")
    clock = clock_of(clock_text)
    parts = [part.strip() for part in rest.split(" - ")]
    return None if not tab or clock is None or not parts[0] else (clock, parts)


def _log_mark(onset: int, parts: list[str]) -> Mark:
    duration: int | None = None
    words = [parts[0]]
    for part in parts[1:]:
        if match := _DUR.fullmatch(part):
            duration = seconds_us(match.group(1))
        elif not part.upper().startswith(_MEASURES):
            words.append(part)
    # `word|detail` as NSRR writes `concept|original`: a detail in no code list leaves the word to say what it is
    label = words[0]
    if len(words) > 1:
        detail = " - ".join(words[1:] if words[0].upper() == "RESPIRATORY EVENT" else words)
        label = f"{words[0]}|{detail}"
    return Mark(onset, duration, label, "", "event")
