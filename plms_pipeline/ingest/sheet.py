"""The sheet: one row per recording, which files belong to it and what is known about it."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_marks import clock_us, split_start
from plms_pipeline.ingest.annotations import check_window
from plms_pipeline.ingest.channels import ChannelOverrides, overrides_from
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.sheet_files import read_cells

COLUMNS = (
    "subject_id",
    "visit",
    "night",
    "recording_id",
    "edf",
    "annotations",
    "recording_date",
    "lights_off",
    "lights_on",
    "pap_this_night",
    "stages_state",
    "respiratory_state",
    "arousals_state",
    "left",
    "right",
    "combined",
    "ecg",
    "sensor",
    "unit",
    "archive",
)
_NEEDED = ("subject_id", "edf")
_MOST_ERRORS_SHOWN = 10
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SheetRow(NamedTuple):
    """One recording of the sheet.

    Attributes
    ----------
    recording_id, cohort, subject_id, visit : str
    edf : Path or None
        None when the cell is empty: the recording is known to be missing and keeps its row in the ledger.
    annotations : tuple of Path
    recording_date : str or None
        ISO date.
    lights_off_s, lights_on_s : float or None
        Clock time as seconds after midnight; :func:`clock_window` places it on the time line of the recording.
    pap_this_night : str
        yes, no or unknown.
    stages_state, respiratory_state, arousals_state : str or None
        As declared; None where the sheet says nothing.
    channels : ChannelOverrides
    where : str
        Line or row of the sheet, for messages.
    """

    recording_id: str
    cohort: str
    subject_id: str
    visit: str
    edf: Path | None
    annotations: tuple[Path, ...]
    recording_date: str | None
    lights_off_s: float | None
    lights_on_s: float | None
    pap_this_night: str
    stages_state: str | None
    respiratory_state: str | None
    arousals_state: str | None
    channels: ChannelOverrides
    where: str


def read_sheet(path: Path | str, *, cohort: str) -> list[SheetRow]:
    """Read the sheet of a cohort: CSV (UTF-8, comma), Parquet, or a Luna sample list; paths relative to the sheet.

    Parameters
    ----------
    path : path
        Told apart by content. Every id of a sample list is a subject with a single night.
    cohort : str
        Lower-case word; begins the default `recording_id`.

    Returns
    -------
    list of SheetRow
        Sorted by subject, visit and recording.

    Raises
    ------
    InputError
        An unknown or missing column (with the nearest name), wrong values (line and column; the lines of further
        wrong rows), two rows of one id.
    """
    path = Path(path)
    rows, columns = read_cells(path)
    check_columns(path, columns)
    if not rows:
        raise InputError(f"{path}: holds no recording; add a line per recording")
    result: list[SheetRow] = []
    wrong: list[tuple[str, InputError]] = []
    seen: dict[str, str] = {}
    for where, cells in rows:
        try:
            row = _row(path, where, cells, cohort)
            if row.recording_id in seen:
                raise InputError(
                    f"{path}, {where}: recording '{row.recording_id}' already stands in {seen[row.recording_id]}; "
                    "tell them apart with the column visit, night or recording_id"
                )
        except InputError as error:
            wrong.append((where, error))
            continue
        seen[row.recording_id] = where
        result.append(row)
    if wrong:
        raise _all_errors(wrong, len(rows))
    return sorted(result, key=lambda row: (row.subject_id, row.visit, row.recording_id))


def check_columns(path: Path, columns: Sequence[str]) -> None:
    """Refuse a sheet whose columns are not those of a sheet.

    Raises
    ------
    InputError
        An unknown column (with the nearest name) or a missing one.
    """
    for column in columns:
        if column not in COLUMNS:
            near = difflib.get_close_matches(column, COLUMNS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known columns: {', '.join(COLUMNS)}"
            raise InputError(f"{path}, line 1: column '{column}' is not known; {hint}")
    for needed in _NEEDED:
        if needed not in columns:
            raise InputError(f"{path}, line 1: column '{needed}' is missing; add it")


def _all_errors(wrong: list[tuple[str, InputError]], n_rows: int) -> InputError:
    """The first error in full, and where the others are: a sheet is corrected at once, not error by error."""
    if len(wrong) == 1:
        return wrong[0][1]
    places = ", ".join(where for where, _ in wrong[1 : 1 + _MOST_ERRORS_SHOWN])
    more = len(wrong) - 1 - _MOST_ERRORS_SHOWN
    further = f" and {more} more" if more > 0 else ""
    return InputError(f"{wrong[0][1]} ({len(wrong)} of {n_rows} rows are wrong, also {places}{further})")


def _row(path: Path, where: str, cells: dict[str, str], cohort: str) -> SheetRow:
    def cell(column: str) -> str:
        return cells.get(column, "").strip()

    def wrong(column: str, what: str) -> InputError:
        return InputError(f"{path}, {where}, column {column}: '{cell(column)}' {what}")

    subject_id = cell("subject_id")
    if not subject_id:
        raise InputError(f"{path}, {where}, column subject_id: is empty; every recording needs its subject")
    visit = cell("visit") or "single"
    if visit.isdigit():
        visit = f"v{visit}"
    if not _WORD.fullmatch(visit):
        raise wrong("visit", "is no word of a-z, 0-9 and _ that begins with a letter, nor a number; rename it")
    recording_id = cell("recording_id")
    if not recording_id:
        night = f"_n{cell('night')}" if cell("night") else ""
        recording_id = f"{cohort}_{subject_id}_{visit}{night}"
    elif not _ID.fullmatch(recording_id):
        raise wrong("recording_id", "may hold letters, digits, '.', '_' and '-' only; rename it")
    base = path.parent
    files = tuple(base / part.strip() for part in cell("annotations").split(";") if part.strip())
    date = cell("recording_date") or None
    if date is not None:
        try:
            date = dt.date.fromisoformat(date).isoformat()
        except ValueError:
            raise wrong("recording_date", "is no date; write YYYY-MM-DD or leave it empty") from None
    try:
        pap = contracts.codes("yes_no_unknown").encode(cell("pap_this_night"))
    except contracts.UnknownCode:
        raise wrong("pap_this_night", "is none of yes, no, unknown; correct it") from None
    states: dict[str, str | None] = {}
    for column in ("stages_state", "respiratory_state", "arousals_state"):
        state = cell(column) or None
        allowed = [
            value
            for value in contracts.codes("recording_state").values
            if value != "sleep_wake_only" or column == "stages_state"
        ]
        if state is not None and state not in allowed:
            raise wrong(column, f"is none of {', '.join(allowed)}; correct it")
        states[column] = state
    clocks: dict[str, float | None] = {}
    for column in ("lights_off", "lights_on"):
        try:
            clocks[column] = clock_us(cell(column)) / 1_000_000 if cell(column) else None
        except ValueError:
            raise wrong(column, "is no clock time; write HH:MM:SS") from None
    channels = overrides_from(
        {role: cell(role) for role in ("left", "right", "combined", "ecg", "sensor", "unit", "archive")},
        f"{path}, {where}",
    )
    return SheetRow(
        recording_id,
        cohort,
        subject_id,
        visit,
        base / cell("edf") if cell("edf") else None,
        files,
        date,
        clocks["lights_off"],
        clocks["lights_on"],
        pap,
        states["stages_state"],
        states["respiratory_state"],
        states["arousals_state"],
        channels,
        where,
    )


def clock_window(
    lights_off_s: float | None, lights_on_s: float | None, *, start: str | None, duration_us: int
) -> tuple[int | None, int | None, tuple[Finding, ...]]:
    """Place clock times of lights off and on (seconds after midnight) on the time line of a recording.

    Parameters
    ----------
    lights_off_s, lights_on_s : float or None
    start : str or None
        ``Recording.start``.
    duration_us : int

    Returns
    -------
    (off_us, on_us, findings)
        A clock time is its first occurrence after the start of the recording (roll-over at midnight); lights off up
        to twelve hours before the start counts as the start when its next occurrence lies behind the end.
    """
    findings: list[Finding] = []
    if lights_off_s is None and lights_on_s is None:
        return None, None, ()
    if start is None:
        return None, None, (finding("clock_without_start"),)
    _, start_clock_us = split_start(start)
    day_us = 86_400_000_000

    def place(clock_s: float | None, floor_us: int) -> int | None:
        if clock_s is None:
            return None
        return (round(clock_s * 1_000_000) - start_clock_us - floor_us) % day_us + floor_us

    off_us = place(lights_off_s, 0)
    if off_us is not None and off_us >= duration_us and day_us - off_us <= day_us // 2:
        off_us = 0
    on_us = place(lights_on_s, off_us or 0)
    off_us, on_us = check_window(off_us, on_us, duration_us, findings)
    return off_us, on_us, tuple(findings)
