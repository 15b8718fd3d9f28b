"""Text exports of SOMNOmedics DOMINO, in English and German. No meaning yet.

A header of ``name: value`` lines, then rows ``onset-offset; seconds; label`` (Signal Type Impuls) or ``onset; label``
once per Rate (Discret). Times are times of day without a date, with a decimal comma; they run over midnight.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from plms_pipeline.errors import InputError
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

_KEYS = {
    "signal id": "id", "signal-id": "id", "signalid": "id",
    "start time": "start", "startzeit": "start", "start": "start",
    "signal type": "type", "signal typ": "type", "signaltyp": "type",
    "rate": "rate", "events list": "events", "ereignisliste": "events", "unit": "unit", "einheit": "unit",
}  # fmt: skip
_TYPES = {
    "impuls": "events", "impulse": "events", "impulsiv": "events",
    "discret": "epochs", "discrete": "epochs", "diskret": "epochs",
    "analog": "values", "analogue": "values",
}  # fmt: skip
_ROW = re.compile(r"\s*([\d:.,]+(?:\s*[AaPp][Mm])?)\s*(?:-\s*([\d:.,]+(?:\s*[AaPp][Mm])?))?\s*;\s*(.*)")
_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})")


class _Row(NamedTuple):
    begin_us: int
    end_us: int | None
    label: str


def is_domino(text: Text) -> bool:
    """Whether a text begins as a DOMINO export does: a signal's name and the start, then the kind of signal."""
    keys = {_KEYS.get(line.partition(":")[0].strip().casefold()) for line in text.lines[:12]}
    return {"id", "start"} <= keys or {"start", "type"} <= keys


def holds_values(text: Text) -> bool:
    """Whether a DOMINO export is a signal of measured values (SpO2, heart rate), which holds no annotation."""
    return _TYPES.get(_header(text)[0].get("type", "").casefold()) == "values"


def read_domino(text: Text, recording_start: str | None, limit: Bounds) -> Source:
    """Read a DOMINO export; its own start places it in the recording, and the first midnight after it its times.

    Raises
    ------
    InputError
        A signal of measured values, no start time, or a rate that is no number.
    """
    header, body = _header(text)
    kind = _TYPES.get(header.get("type", "").casefold())
    if kind == "values":
        raise InputError(f"{text.path}: holds measured values, not events; take it out of the column annotations")
    findings = list(text.findings)
    start, is_twelve = _start(header.get("start", ""))
    if start is None:
        raise InputError(
            f"{text.path}: the start time '{header.get('start', '')[:40]}' cannot be read; export it again"
        )
    rows, n_unreadable = _rows(body)
    if n_unreadable:
        findings.append(finding("annotation_row_unreadable", f"{n_unreadable} rows"))
    if is_twelve and rows and _is_twelve_hour(rows, start):
        rows = _read_as_twelve_hour(rows, start, limit, findings)
    rate_us = _rate(text, header) if kind == "epochs" else None
    marks: list[Mark] = []
    for row in rows:
        onset = after(row.begin_us, start.clock_us, limit.before_us)
        duration = rate_us
        if row.end_us is not None:
            duration = after(row.end_us, start.clock_us, limit.before_us) - onset
            # an end after midnight belongs to the next day, an end just before its begin is a defect
            duration = duration + DAY_US if duration < -DAY_US // 2 else duration
        marks.append(Mark(onset, duration, row.label, header.get("id", ""), "stage" if kind == "epochs" else "label"))
    shift = shift_between(start, start_of(recording_start), limit.far_us, findings)
    return Source("domino", marks, shift, frozenset(), findings)


def _header(text: Text) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    for k, line in enumerate(text.lines):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        key = _KEYS.get(name.strip().casefold())
        if not colon or (key is None and _ROW.fullmatch(line)):
            return found, text.lines[k:]
        if key is not None:
            found.setdefault(key, value.strip())
    return found, []


def _rows(lines: list[str]) -> tuple[list[_Row], int]:
    rows: list[_Row] = []
    n_unreadable = 0
    for line in lines:
        if not line.strip():
            continue
        match = _ROW.fullmatch(line)
        begin = clock_of(match.group(1)) if match else None
        end = clock_of(match.group(2)) if match and match.group(2) else None
        if match is None or begin is None or (match.group(2) and end is None):
            n_unreadable += 1
            continue
        first, semicolon, rest = match.group(3).partition(";")
        # the length in whole seconds stands before the label; begin and end are more exact
        label = rest if semicolon and seconds_us(first.replace(",", ".")) is not None else match.group(3)
        rows.append(_Row(begin, end, label.strip()))
    return rows, n_unreadable


def _rate(text: Text, header: dict[str, str]) -> int:
    number = header.get("rate", "").split()[:1]
    rate = seconds_us(number[0].replace(",", ".")) if number else None
    if rate is None or rate <= 0:
        raise InputError(
            f"{text.path}: the rate '{header.get('rate', '')[:40]}' is no number of seconds; export it again"
        )
    return rate


def _start(text: str) -> tuple[Start | None, bool]:
    """Start and whether it is written with AM or PM."""
    date_text, _, clock_text = text.partition(" ")
    clock = clock_of(clock_text)
    if clock is None:
        return None, False
    match = _DATE.fullmatch(date_text.strip())
    date = _date(match) if match else None
    return Start(date, clock), clock_text.strip()[-1:].casefold() == "m"


def _date(match: re.Match[str]) -> dt.date | None:
    one, separator, two, three = match.groups()
    if len(one) == 4:
        candidates = [(one, two, three)]
    elif separator == "/":
        # with slashes day and month stand in either order: only a date that can be read in one way is believed
        candidates = [(three, two, one), (three, one, two)]
    else:
        candidates = [(three, two, one)]
    found = set()
    for year, month, day in candidates:
        try:
            found.add(dt.date(int(year) + (2000 if len(year) <= 2 else 0), int(month), int(day)))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None


def _is_twelve_hour(rows: list[_Row], start: Start) -> bool:
    """Whether a start in the afternoon stands above times that can all be hours of a 12-hour clock."""
    hours = [row.begin_us // 3_600_000_000 for row in rows]
    return start.clock_us >= DAY_US // 2 and all(1 <= hour <= 12 for hour in hours)


def _read_as_twelve_hour(rows: list[_Row], start: Start, limit: Bounds, findings: list[Finding]) -> list[_Row]:
    """Each time is the one of its two occurrences that follows the rows above it."""
    half = DAY_US // 2
    findings.append(finding("annotation_twelve_hour_clock"))
    read: list[_Row] = []
    latest = start.clock_us
    for row in rows:
        ahead = (row.begin_us - latest) % half
        begin = latest + (ahead - half if ahead >= half - limit.before_us else ahead)
        latest = max(latest, begin)
        end = None if row.end_us is None else (begin + (row.end_us - row.begin_us) % half) % DAY_US
        read.append(_Row(begin % DAY_US, end, row.label))
    return read
