"""Decode one clinical CSV file by its mapping, and count which cell became what.

Every distinct cell of a column is decoded once; the counts are what ``plms map-check`` prints.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures.canonical import DATE, INTEGER, MEASURE, NUMBER, REQUIRED, TABLES, TEXT, YES_NO
from plms_pipeline.exposures.mapping import ColumnMap, FileMap
from plms_pipeline.exposures.rules import nearest
from plms_pipeline.exposures.status import NO, UNKNOWN

Row = dict[str, Any]
DATED = {"medication", "inventory", "laboratory", "condition", "questionnaire"}
_DATES = ("collected_date", "collected_offset_d", "recorded_date", "recorded_offset_d")
_MEASURE = re.compile(r"[<>]?=?\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
VALUE, MISSING, UNLISTED = "value", "missing", "unlisted"


class Cell(NamedTuple):
    """What one distinct cell stands for: a canonical value, a missing one, or nothing that is listed."""

    kind: str
    value: Any


class ColumnCount(NamedTuple):
    """Distinct cells of one source column, with their counts and meanings.

    ``says`` are the constants of a column of a wide file (``class_id`` = ``ssri``); ``column`` is None for a constant;
    ``is_there`` is false for an optional column that the file does not have.
    """

    canonical: str
    column: str | None
    says: tuple[tuple[str, str], ...]
    cells: dict[str, tuple[int, Cell]]
    is_there: bool = True


class DecodedFile(NamedTuple):
    """Rows of a file in canonical names, and how its cells were read."""

    rows: list[Row]
    counts: list[ColumnCount]
    n_rows: int


def read_rows(file: FileMap, mapping_name: str) -> Iterator[Row]:
    """Rows of a file in canonical names, values decoded, missing ones left out.

    Raises
    ------
    InputError
        One line: the file cannot be read, a column is missing, a cell is neither listed nor a missing code (with its
        count).
    """
    decoded = decode_file(file, mapping_name)
    for count in sorted(decoded.counts, key=lambda count: count.column or ""):
        unlisted = sorted((raw, n) for raw, (n, cell) in count.cells.items() if cell.kind == UNLISTED)
        if unlisted:
            raw, n = unlisted[0]
            raise InputError(
                f"{file.path.name}: column '{count.column or count.canonical}' holds '{raw}' in {n} "
                f"row{'s' if n > 1 else ''}, which is neither a listed value nor a missing code; list it under "
                f"'values' or 'missing' in {mapping_name}"
            )
    for row in decoded.rows:
        if not row.get("subject_id"):
            raise InputError(f"{file.path.name}: a row has no subject_id; complete or remove it")
        yield row


def decode_file(file: FileMap, mapping_name: str) -> DecodedFile:
    """Read and decode a file; cells that are not listed are counted, not refused.

    Raises
    ------
    InputError
        The file cannot be read or lacks a column.
    """
    header, table = _cells(file, mapping_name)
    columns = columns_in_file(file, header, mapping_name)
    counts: list[ColumnCount] = []
    rows: list[Row] = [{} for _ in table]
    for column in columns:
        raw, cells = _decoded(column, header, table)
        counts.append(_count(column, header, raw, cells, ()))
        for row, text in zip(rows, raw, strict=True):
            cell = cells[text]
            if cell.value is not None:
                row[column.canonical] = cell.value
            elif column.canonical == "taken" and text:
                row["taken"] = UNKNOWN
    if any(column.canonical == "taken" for column in columns):
        for row in rows:
            if "class_id" in row:
                # A flag without an answer is unknown; a medicine named in a list without that column's answer is taken.
                row.setdefault("taken", UNKNOWN)
    if file.wide:
        rows = _widened(file, header, table, rows, counts)
    if file.undated == "at_visit" and file.table in DATED:
        day = "recorded_offset_d" if file.table == "condition" else "collected_offset_d"
        for row in rows:
            if not any(key in row for key in _DATES):
                row[day] = 0
    return DecodedFile(rows, counts, len(table))


def _cells(file: FileMap, mapping_name: str) -> tuple[list[str], list[list[str]]]:
    name = file.path.name
    try:
        handle = file.path.open(encoding="utf-8-sig", newline="")
    except OSError:
        raise InputError(f"{name}: cannot be opened; {mapping_name} names it for table {file.table}") from None
    with handle:
        reader = csv.reader(handle)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            table = [cells for cells in reader if any(cell.strip() for cell in cells)]
        except (UnicodeDecodeError, csv.Error):
            raise InputError(f"{name}: is not UTF-8 comma-separated text; export it again") from None
    if len(set(header)) != len(header):
        double = min(cell for cell in header if header.count(cell) > 1)
        raise InputError(f"{name}: column '{double}' stands twice; rename one of them")
    if any(len(cells) > len(header) for cells in table):
        raise InputError(f"{name}: a row has more cells than the header; quote cells that hold commas")
    return header, table


def columns_in_file(file: FileMap, header: list[str], mapping_name: str) -> tuple[ColumnMap, ...]:
    """The columns of a file that are read, and how; without ``columns`` in the mapping those of its header."""
    name, columns = file.path.name, file.columns
    if columns is None:
        known = TABLES[file.table]
        for cell in header:
            if cell not in known:
                raise InputError(
                    f"{name}: unknown column '{cell}'{nearest(cell, known)}; rename or remove it, or name the columns "
                    f"to read under 'columns' in {mapping_name}"
                )
        for needed in REQUIRED[file.table]:
            if needed not in header:
                raise InputError(f"{name}: column '{needed}' is missing{nearest(needed, header)}; add it")
        columns = tuple(ColumnMap(cell, known[cell], cell, None, {}, file.missing) for cell in header)
    for column in (*columns, *(wide.value for wide in file.wide)):
        if column.column is not None and column.column not in header and not column.optional:
            raise InputError(
                f"{name}: column '{column.column}' named in {mapping_name} is missing"
                f"{nearest(column.column, header)}; correct the name"
            )
    return columns


def _decoded(column: ColumnMap, header: list[str], table: list[list[str]]) -> tuple[list[str], dict[str, Cell]]:
    """Raw text per row, and the meaning of every distinct one."""
    if column.column is None:
        raw = [str(column.constant)] * len(table)
    elif column.column not in header:
        raw = [""] * len(table)
    else:
        at = header.index(column.column)
        raw = [cells[at].strip() if at < len(cells) else "" for cells in table]
    return raw, {text: decode_cell(column, text) for text in set(raw)}


def _count(
    column: ColumnMap, header: list[str], raw: list[str], cells: dict[str, Cell], says: tuple[tuple[str, str], ...]
) -> ColumnCount:
    counted = {text: (n, cells[text]) for text, n in Counter(raw).items()}
    is_there = column.column is None or column.column in header
    return ColumnCount(column.canonical, column.column, says, counted, is_there)


def _widened(
    file: FileMap, header: list[str], table: list[list[str]], base: list[Row], counts: list[ColumnCount]
) -> list[Row]:
    """One row per source row and column of a wide file."""
    rows: list[Row] = []
    for wide in file.wide:
        raw, cells = _decoded(wide.value, header, table)
        said = {constant.canonical: decode_cell(constant, str(constant.constant)) for constant in wide.constants}
        counts += [
            _count(constant, header, [str(constant.constant)], {str(constant.constant): said[constant.canonical]}, ())
            for constant in wide.constants
            if said[constant.canonical].kind == UNLISTED
        ]
        constants = {name: cell.value for name, cell in said.items()}
        says = tuple((name, str(value)) for name, value in constants.items())
        counts.append(_count(wide.value, header, raw, cells, says))
        if not counts[-1].is_there and file.table != "medication":
            continue  # no such question was asked: no record, instead of one without an answer
        for row, text in zip(base, raw, strict=True):
            value = cells[text].value
            own = {**row, **constants}
            if value is not None:
                own[wide.value.canonical] = value
            elif file.table == "medication":
                # An unanswered question about a medicine is unknown, also for a medicine that has a name.
                own["taken"] = UNKNOWN
            if value == NO and file.table == "medication" and "class_id" not in own:
                continue  # not taking one named medicine is no record of a medicine
            rows.append(own)
    return rows


def decode_cell(column: ColumnMap, raw: str) -> Cell:
    """Meaning of one cell: the listed values first, then missing codes, then what the kind of the column reads."""
    for spelling in _spellings(raw):
        if spelling in column.values:
            # A mapping may say what an empty cell stands for; otherwise it stands for nothing.
            raw = column.values[spelling]
            break
        if spelling == "" or spelling in column.missing:
            return Cell(MISSING, None)
    else:
        is_number = column.kind in (NUMBER, INTEGER) or (column.kind == MEASURE and _MEASURE.fullmatch(raw))
        if column.values and not is_number:
            return Cell(UNLISTED, None)
    try:
        value = _value(column, raw)
    except ValueError:
        return Cell(UNLISTED, None)
    return Cell(VALUE if value is not None else MISSING, value)


def _spellings(raw: str) -> tuple[str, ...]:
    """A cell as it stands, and as the whole number it stands for: exports write a code 1 also as 1.0."""
    try:
        number = float(raw)
    except ValueError:
        return (raw,)
    return (raw, str(int(number))) if math.isfinite(number) and number.is_integer() else (raw,)


def _value(column: ColumnMap, raw: str) -> Any:
    """Canonical value of a text; ValueError for one that is not of the column's kind."""
    if column.kind in (TEXT, MEASURE):
        return raw
    if column.kind in (NUMBER, INTEGER):
        number = float(raw)
        if not math.isfinite(number) or (column.kind == INTEGER and not number.is_integer()):
            raise ValueError
        return int(number) if column.kind == INTEGER else number
    if column.kind == DATE:
        return dt.date.fromisoformat(raw[:10]).isoformat()
    if column.kind == YES_NO:
        folded = raw.casefold()
        if folded not in ("yes", "no", "unknown"):
            raise ValueError
        return None if folded == "unknown" else folded
    if raw.casefold() == "unknown":
        return None
    try:
        return contracts.codes(column.kind).encode(raw)
    except contracts.UnknownCode:
        raise ValueError from None
