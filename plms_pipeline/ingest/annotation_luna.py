"""Luna annotations: ``.annot`` (intervals) and ``.eannot`` (one stage per line). No meaning yet.

Times of an ``.annot`` file are seconds, ``hh:mm:ss`` of the clock (24 or 12 hours, with or without a date),
``0+hh:mm:ss`` after the start, or ``e:N`` epochs; the stop may also be ``+seconds``, ``...`` (until the next line) or
``.`` (a point in time). Source: Luna documentation, "Interval annotations" and "Specifying annotation intervals".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
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
    start_of,
)
from plms_pipeline.ingest.findings import finding
from plms_pipeline.ingest.labels import stage_of

_NONE = frozenset({".", ""})
_EPOCH = re.compile(r"e:(\d{1,7})(?::(\d{1,5}))?(?::(\d{1,5}))?")
_DATED = re.compile(r"(\d{1,2})[-/](\d{1,2}|[A-Za-z]{3})[-/](\d{2}|\d{4})-(.+)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HEADER = ("class", "instance", "channel", "start", "stop", "meta")


class _Row(NamedTuple):
    label: str
    channel: str
    start: str
    stop: str


def is_annot(text: Text) -> bool:
    """Whether a text is an ``.annot`` file: by its header, or by the times of its first rows."""
    seen = 0
    for line in text.lines:
        if not line.strip():
            continue
        if line.startswith("#"):
            seen += "|" in line
            continue
        fields = line.split("\t")
        if tuple(field.strip().casefold() for field in fields[:2]) == _HEADER[:2]:
            return True
        row = _row(fields)
        if row is not None and row.start in _NONE:
            continue
        if row is None or _time(row.start, None, None, 1, 0) is _BAD:
            return False
        seen += 1
        if seen >= 3:
            return True
    return seen > 0


def is_eannot(text: Text) -> bool:
    """Whether a text is an ``.eannot`` file: nothing but one stage per line."""
    lines = [line.strip() for line in text.lines if line.strip()]
    return bool(lines) and all(
        "\t" not in line and "," not in line and stage_of(line, in_stage_column=True) for line in lines[:50]
    )


def read_eannot(text: Text, limit: Bounds) -> Source:
    """Read one stage per line and epoch; an empty line inside the file is an epoch without a stage."""
    lines = [line.strip() for line in text.lines]
    while lines and not lines[-1]:
        lines.pop()
    marks = [
        Mark(epoch * limit.epoch_us, limit.epoch_us, label, "", "stage") for epoch, label in enumerate(lines) if label
    ]
    return Source("luna_eannot", marks, 0, frozenset(), list(text.findings))


_BAD = object()
_STAGE_LETTERS = frozenset({"W", "R"})


def read_annot(text: Text, recording_start: str | None, limit: Bounds) -> Source:
    """Read an ``.annot`` file; clock times need the start of the recording.

    A row whose start cannot be read is kept without an onset; one whose stop cannot be read without a duration.
    """
    start = start_of(recording_start)
    rows: list[_Row] = []
    n_short = 0
    for line in text.lines:
        if not line.strip() or line.startswith("#"):
            continue
        row = _row(line.split("\t"))
        if row is None:
            n_short += 1
        elif (row.label.casefold(), row.start.casefold()) != ("class", "start"):
            rows.append(row)
    findings = list(text.findings)
    if n_short:
        findings.append(finding("annotation_row_unreadable", f"{n_short} rows"))
    onsets = [_time(row.start, start, limit, limit.epoch_us, 0) for row in rows]
    # Luna names stages by one letter too; they are read as such where the file holds stages that nobody can mistake.
    is_staged = any(stage_of(label, in_stage_column=False) for label in {row.label for row in rows})
    if start is None and any(onset is None for onset in onsets):
        findings.append(finding("annotation_clock_without_start"))
    marks = [
        Mark(
            onset if isinstance(onset, int) else None,
            _duration(row, onset, onsets[k + 1] if k + 1 < len(rows) else None, start, limit),
            row.label,
            "" if row.channel in _NONE else row.channel,
            "stage" if is_staged and row.label in _STAGE_LETTERS else "label",
        )
        for k, (row, onset) in enumerate(zip(rows, onsets, strict=True))
    ]
    return Source("luna_annot", marks, 0, frozenset(), findings)


def _row(fields: Sequence[str]) -> _Row | None:
    """Class, channel, start, stop of six columns, of five (no meta or no channel), four or three (no channel)."""
    cells = [field.strip() for field in fields]
    while len(cells) > 3 and not cells[-1]:
        cells.pop()
    if len(cells) == 3:
        return _Row(cells[0], ".", cells[1], cells[2])
    if len(cells) == 4:
        return _Row(cells[0], ".", cells[2], cells[3])
    if len(cells) == 5 and _is_time(cells[2]) and _is_stop(cells[3]):
        return _Row(cells[0], ".", cells[2], cells[3])
    return _Row(cells[0], cells[2], cells[3], cells[4]) if len(cells) >= 5 else None


def _is_time(text: str) -> bool:
    return _time(text, None, None, 1, 0) is not _BAD


def _is_stop(text: str) -> bool:
    return text in (".", "...") or _is_time(text.removeprefix("+"))


def _time(text: str, start: Start | None, limit: Bounds | None, epoch_us: int, add_epochs: int) -> object:
    """Microseconds from the start; None for a clock time that cannot be placed; ``_BAD`` for no time at all."""
    if (seconds := seconds_us(text)) is not None:
        return seconds
    if match := _EPOCH.fullmatch(text):
        # e:LENGTH:INCREMENT:N names its own epochs, e:N those of the file
        length, step, number = (int(part) if part else None for part in match.groups())
        if number is not None and step is not None and length is not None:
            return ((number - 1) * step + (length if add_epochs else 0)) * 1_000_000
        return (int(match.group(1)) - 1 + add_epochs) * epoch_us
    if text.startswith("0+"):
        elapsed = re.fullmatch(r"(\d{1,4}):(\d{2}):(\d{2}(?:\.\d+)?)", text[2:])
        if elapsed is None:
            return _BAD
        rest = seconds_us(elapsed.group(3)) or 0
        return (int(elapsed.group(1)) * 3600 + int(elapsed.group(2)) * 60) * 1_000_000 + rest
    date: dt.date | None = None
    clock_text = text
    if dated := _DATED.fullmatch(text):
        date = _date(*dated.groups()[:3])
        clock_text = dated.group(4)
        if date is None:
            return _BAD
    clock = clock_of(clock_text)
    if clock is None:
        return _BAD
    if start is None:
        return None
    if date is not None and start.date is not None:
        return (date - start.date).days * DAY_US + clock - start.clock_us
    return after(clock, start.clock_us, limit.before_us if limit else 0)


def _date(day: str, month: str, year: str) -> dt.date | None:
    # two digits: 85 to 99 are 1985 to 1999, as in EDF
    full = int(year) + (0 if len(year) == 4 else 1900 if int(year) >= 85 else 2000)
    number = (
        int(month) if month.isdigit() else _MONTHS.index(month.casefold()) + 1 if month.casefold() in _MONTHS else 0
    )
    try:
        return dt.date(full, number, int(day))
    except ValueError:
        return None


def _duration(row: _Row, onset: object, following: object, start: Start | None, limit: Bounds) -> int | None:
    if not isinstance(onset, int):
        return None
    if row.stop in _NONE:
        # an epoch stands for its whole length, any other time for a point
        return limit.epoch_us if _EPOCH.fullmatch(row.start) else None
    if row.stop == "...":
        return following - onset if isinstance(following, int) else None
    if row.stop.startswith("+"):
        return seconds_us(row.stop[1:])
    stop = _time(row.stop, start, limit, limit.epoch_us, 1)
    return stop - onset if isinstance(stop, int) else None
