"""Wisconsin Sleep Cohort: event and stage lists (gamma, ``.SCO``/``.STA``) and event logs (twin). No meaning yet.

Event lists are tab-separated: epoch, first sample, length in samples, code, label, a number, clock time, two
parameters and, in the gamma exports, the duration in seconds. Stage lists hold epoch number and code. Event logs hold
a clock time and a text whose parts are separated by `` - ``. Source: NSRR, Wisconsin Sleep Cohort, files of the visits.
"""

from __future__ import annotations

import itertools
import re
import statistics
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
_CODE, _LABEL, _CLOCK, _DURATION = 3, 4, 6, 9
_LOOK = 50
# The clock of the lists is cut to whole seconds, and so is the start of most recordings.
_CLOCK_GRAIN_US = 2_000_000
_LEAST_APART_US = 600_000_000
_ROWS_FOR_RATE = 100
_RATE_TOLERANCE = 0.002


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
    begins_blank = bool(text.lines) and not text.lines[0].strip()
    for line in text.lines:
        if not line.strip():
            continue
        row = _event_row(line)
        if row is not None:
            rows.append(row)
        elif _is_header(line):
            n_headers += 1
        else:
            n_unreadable += 1
    if n_headers > 1:
        findings.append(finding("annotation_header_repeated", f"{n_headers} headers"))
    if not n_headers and not begins_blank:
        findings.append(finding("annotation_header_missing"))
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    rate_hz = _rate(rows)
    recording = start_of(recording_start)
    started = _started(rows, rate_hz)
    by_sample = _use_samples(started, recording, limit, findings)
    marks = []
    n_apart = 0
    for row in rows:
        onset: int | None = None
        if row.clock_us is not None and recording is not None:
            onset = after(row.clock_us, recording.clock_us, limit.before_us)
        if by_sample and rate_hz and row.sample is not None:
            by_clock, onset = onset, row.sample * 1_000_000 // rate_hz
            if by_clock is not None and abs(by_clock - onset) > _CLOCK_GRAIN_US:
                n_apart, onset = n_apart + 1, by_clock
        duration = row.duration_us
        if duration is None and rate_hz and row.n_samples is not None:
            duration = row.n_samples * 1_000_000 // rate_hz
        marks.append(Mark(onset, duration, row.label, "", "event"))
    if n_apart:
        findings.append(finding("annotation_clock_differs", f"{n_apart} rows, from their samples; the clock was used"))
    return Source("wsc_events", marks, 0, frozenset(), findings)


def _event_row(line: str) -> _Row | None:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) < _COLUMNS or not fields[_LABEL]:
        return None
    epoch, code, clock = _integer(fields[0]), _integer(fields[_CODE]), clock_of(fields[_CLOCK])
    # an event has two of its three numbers; a header has none, and a row of another table not these
    if (clock is None and fields[_CLOCK]) or (fields[0] and epoch is None) or [epoch, code, clock].count(None) > 1:
        return None
    duration = seconds_us(fields[_DURATION]) if len(fields) > _DURATION and fields[_DURATION] else None
    return _Row(_integer(fields[1]), _integer(fields[2]), fields[_LABEL], clock, duration)


def _is_header(line: str) -> bool:
    return not any(clock_of(field) is not None or _integer(field.strip()) is not None for field in line.split("\t"))


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


def _rate(rows: list[_Row]) -> int | None:
    """Sampling rate in Hz by which samples and clock agree over the night; None if they do not say one.

    The median over pairs of rows, so that rows with a wrong sample or clock do not move it.
    """
    timed = [(row.sample, row.clock_us) for row in rows if row.sample is not None and row.clock_us is not None]
    timed = timed[:: max(1, len(timed) // _ROWS_FOR_RATE)]
    slopes = []
    for (first, begin), (last, end) in itertools.combinations(timed, 2):
        elapsed_us = (end - begin) % DAY_US
        # the clock is cut to whole seconds: less than ten minutes does not tell 200 Hz from 201 Hz
        if _LEAST_APART_US <= elapsed_us <= DAY_US - _LEAST_APART_US:
            slopes.append((last - first) * 1_000_000 / elapsed_us)
    if not slopes:
        return None
    rate = statistics.median(slopes)
    nearest = round(rate)
    return nearest if nearest > 0 and abs(rate - nearest) < _RATE_TOLERANCE * nearest else None


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
    if abs(apart) <= _CLOCK_GRAIN_US:
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
