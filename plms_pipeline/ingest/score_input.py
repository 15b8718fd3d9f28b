"""Tables given to ``plms score``: movements, stages, events and gaps as CSV or Parquet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_sources import CSV, recognise
from plms_pipeline.ingest.annotation_tables import csv_seconds, read_csv_rows
from plms_pipeline.ingest.labels import class_of, event_type_of, stage_of

_Rows = list[tuple[int, dict[str, Any]]]
_LEGS = ("L", "R", "C")


class MovementInput(NamedTuple):
    """Movements of one recording, sorted by onset, leg, offset.

    Attributes
    ----------
    leg : tuple of str
        L, R or C.
    onset_us, offset_us : ndarray of int64
        offset -1 = no duration.
    has_morphology, is_truncated : ndarray of bool
        From the columns of that name; True and False where absent.
    ids : dict of str to str
        recording_id, cohort, subject_id, visit as far as the table holds them.
    n_not_kept : int
        Rows left out because `is_kept` is false.
    notices : tuple of str
    sources : tuple of str
        Distinct texts of the column `source` (who found the movements), sorted; empty without that column.
    """

    leg: tuple[str, ...]
    onset_us: np.ndarray
    offset_us: np.ndarray
    has_morphology: np.ndarray
    is_truncated: np.ndarray
    ids: dict[str, str]
    n_not_kept: int
    notices: tuple[str, ...]
    sources: tuple[str, ...]


class StageInput(NamedTuple):
    """Stages of one recording, sorted, not overlapping.

    Attributes
    ----------
    onset_us, offset_us : ndarray of int64
    stage : tuple of str
        W, N1, N2, N3, R, S, U.
    notices : tuple of str
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    stage: tuple[str, ...]
    notices: tuple[str, ...]


class SpanInput(NamedTuple):
    """Respiratory events, arousals or gaps of one recording, sorted.

    Attributes
    ----------
    onset_us, offset_us : ndarray of int64
    type : tuple of str
        Values of ``schemas/codes/event.yaml`` for respiratory events, empty text otherwise.
    leg : tuple of str
        L, R or empty (both).
    notices : tuple of str
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    type: tuple[str, ...]
    leg: tuple[str, ...]
    notices: tuple[str, ...]


_IDS = ("recording_id", "cohort", "subject_id", "visit")


def read_movements_csv(path: Path | str) -> MovementInput:
    """Read movements: `leg`, `onset_s`, `offset_s`; also `is_kept`, `has_morphology`, `is_truncated`, `source`, ids.

    Parameters
    ----------
    path : path
        CSV or Parquet (by content).

    Returns
    -------
    MovementInput
        Only rows with `is_kept` true where that column exists.

    Raises
    ------
    InputError
        A missing column, a leg outside L, R, C, C beside L or R, no onset, an offset before its onset, more than one
        recording: file, line, column, what to do.
    """
    path = Path(path)
    flags = ("is_kept", "has_morphology", "is_truncated")
    rows, columns, notices = _table(path, ("leg", "onset_s", "offset_s"), (*flags, "source", *_IDS))
    ids = _one_recording(path, rows, columns)
    found: list[tuple[int, int, str, bool, bool]] = []
    n_not_kept = 0
    for line, row in rows:
        if "is_kept" in columns and not _flag(path, line, "is_kept", row["is_kept"], None):
            n_not_kept += 1
            continue
        leg = _leg(path, line, row["leg"], _LEGS)
        onset, offset = _span(path, line, row)
        morphology = _flag(path, line, "has_morphology", row.get("has_morphology"), True)
        truncated = _flag(path, line, "is_truncated", row.get("is_truncated"), False)
        found.append((onset, -1 if offset is None else offset, leg, morphology, truncated))
    legs = {row[2] for row in found}
    if "C" in legs and legs != {"C"}:
        raise InputError(
            f"{path}, column leg: C (one channel for both legs) stands beside L or R; give one or the other"
        )
    found.sort(key=lambda row: (row[0], row[2], row[1]))
    return MovementInput(
        tuple(row[2] for row in found),
        _int64(row[0] for row in found),
        _int64(row[1] for row in found),
        np.array([row[3] for row in found], dtype=bool),
        np.array([row[4] for row in found], dtype=bool),
        ids,
        n_not_kept,
        notices,
        tuple(sorted({str(row["source"]) for _, row in rows if row.get("source") not in (None, "")})),
    )


def read_stages_csv(path: Path | str) -> StageInput:
    """Read stages: `onset_s`, `duration_s`, `stage` (W, N1, N2, N3, R, S, U or a known spelling).

    Raises
    ------
    InputError
        A missing column, an unknown stage, no onset or duration, a negative duration, stages that overlap.
    """
    path = Path(path)
    rows, columns, notices = _table(path, ("onset_s", "duration_s", "stage"), _IDS)
    _one_recording(path, rows, columns)
    found: list[tuple[int, int, str, int]] = []
    for line, row in rows:
        onset = _needed(path, line, "onset_s", row["onset_s"])
        duration = _needed(path, line, "duration_s", row["duration_s"])
        if duration < 0:
            raise InputError(f"{path}, line {line}, column duration_s: is negative; correct it")
        stage = stage_of(str(row["stage"]), in_stage_column=True)
        if stage is None:
            raise InputError(
                f"{path}, line {line}, column stage: '{row['stage']}' is no stage; use W, N1, N2, N3, R, "
                "S (sleep of unknown stage) or U (unscored)"
            )
        if duration:
            found.append((onset, onset + duration, stage, line))
    found.sort()
    for before, after in itertools.pairwise(found):
        if after[0] < before[1]:
            raise InputError(
                f"{path}, lines {before[3]} and {after[3]}: stages overlap at {after[0] / 1e6:.6f} s; "
                "every moment may have one stage"
            )
    return StageInput(
        _int64(row[0] for row in found), _int64(row[1] for row in found), tuple(row[2] for row in found), notices
    )


def read_events_csv(path: Path | str, kind: str) -> SpanInput:
    """Read respiratory events (`onset_s`, `offset_s`, `type`), arousals or gaps (`onset_s`, `offset_s`, opt. `leg`).

    Parameters
    ----------
    path : path
    kind : {"respiratory", "arousals", "gaps"}

    Raises
    ------
    InputError
        A missing column, an unknown respiratory type, no onset or offset, an offset before its onset.
    """
    path = Path(path)
    needed = ("onset_s", "offset_s", "type") if kind == "respiratory" else ("onset_s", "offset_s")
    optional = _IDS if kind == "respiratory" else ("leg", "type", "reason", *_IDS)
    rows, columns, notices = _table(path, needed, optional)
    _one_recording(path, rows, columns)
    found: list[tuple[int, int, str, str]] = []
    for line, row in rows:
        onset, offset = _span(path, line, row)
        if offset is None:
            raise InputError(f"{path}, line {line}, column offset_s: is empty; an event without an end cannot be used")
        event_type = ""
        if kind == "respiratory":
            event_type = event_type_of(str(row["type"])) or ""
            if not event_type or class_of(event_type) != "respiratory":
                raise InputError(
                    f"{path}, line {line}, column type: '{row['type']}' is no respiratory event; use a value or "
                    "spelling of the code list `event`, for example apnea_obstructive, hypopnea, rera"
                )
        leg = _leg(path, line, row.get("leg") or "", ("L", "R", "C", "")) if "leg" in columns else ""
        found.append((onset, offset, event_type, "" if leg == "C" else leg))
    found.sort()
    return SpanInput(
        _int64(row[0] for row in found),
        _int64(row[1] for row in found),
        tuple(row[2] for row in found),
        tuple(row[3] for row in found),
        notices,
    )


def holds_annotations(path: Path | str, table_columns: Sequence[str]) -> bool:
    """Whether a file given to ``plms score`` is an annotation file rather than a table with these columns.

    Recognised by content: every format of ``schemas/codes/annotation_source.yaml``; a CSV when it has a column `label`,
    or columns `onset_s` and `type` but not those of the table.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = Path(path)
    if _is_parquet(path):
        return False
    if recognise(path) not in (None, CSV):
        return True
    columns = set(read_csv_rows(path)[1])
    return "label" in columns or ({"onset_s", "type"} <= columns and not set(table_columns) <= columns)


def _int64(values: Any) -> np.ndarray:
    return np.fromiter(values, dtype=np.int64)


def _table(path: Path, needed: Sequence[str], optional: Sequence[str]) -> tuple[_Rows, frozenset[str], tuple[str, ...]]:
    rows, columns = _parquet(path) if _is_parquet(path) else read_csv_rows(path)
    for column in needed:
        if column not in columns:
            raise InputError(f"{path}: column '{column}' is missing; needed are {', '.join(needed)}")
    extra = [column for column in columns if column not in needed and column not in optional]
    notices = (f"{path.name}: columns {', '.join(extra)} are not used",) if extra else ()
    return rows, frozenset(columns), notices


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _parquet(path: Path) -> tuple[_Rows, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}); export it again") from None
    return list(enumerate(table.to_pylist(), start=1)), list(table.column_names)


def _one_recording(path: Path, rows: _Rows, columns: frozenset[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for column in _IDS:
        values = (
            sorted({str(row[column]) for _, row in rows if row.get(column) not in (None, "")})
            if column in columns
            else []
        )
        if len(values) > 1:
            raise InputError(
                f"{path}, column {column}: holds {len(values)} different values ('{values[0]}', '{values[1]}' …); "
                "give the table of one recording"
            )
        if values:
            ids[column] = values[0]
    return ids


def _seconds(path: Path, line: int, column: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{path}, line {line}, column {column}: '{value}' is no number of seconds; leave it empty")
    return csv_seconds(path, line, column, value)


def _needed(path: Path, line: int, column: str, value: Any) -> int:
    found = _seconds(path, line, column, value)
    if found is None:
        raise InputError(f"{path}, line {line}, column {column}: is empty; every row needs it")
    return found


def _span(path: Path, line: int, row: dict[str, Any]) -> tuple[int, int | None]:
    onset = _needed(path, line, "onset_s", row["onset_s"])
    offset = _seconds(path, line, "offset_s", row["offset_s"])
    if offset is not None and offset < onset:
        raise InputError(f"{path}, line {line}: offset_s lies before onset_s (a negative duration); correct it")
    if onset < 0:
        raise InputError(
            f"{path}, line {line}, column onset_s: is negative; times count from the start of the recording"
        )
    return onset, offset


def _leg(path: Path, line: int, value: Any, allowed: Sequence[str]) -> str:
    leg = str(value or "").strip()
    if leg not in allowed:
        raise InputError(
            f"{path}, line {line}, column leg: '{leg}' is none of {', '.join(a or 'empty' for a in allowed)}"
        )
    return leg


_FLAGS: dict[str, bool] = {"true": True, "false": False}


def _flag(path: Path, line: int, column: str, value: Any, default: bool | None) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value if value is not None else "").strip().casefold()
    if not text and default is not None:
        return default
    if text not in _FLAGS:
        raise InputError(f"{path}, line {line}, column {column}: '{text}' is neither true nor false; correct it")
    return _FLAGS[text]
