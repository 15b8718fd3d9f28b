"""Read a clinical CSV file into columns.

Files of millions of rows are read by pyarrow, which gives every column as codes into its distinct cells; each distinct
cell is decoded once. Anything out of the ordinary (a wide file, uneven rows, a cell that is not listed) goes the way of
:mod:`~plms_pipeline.exposures.decoding`, which reads row by row and names what is wrong.
"""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from plms_pipeline.exposures.canonical import DATE, TABLES
from plms_pipeline.exposures.columns import NUMERIC, Codes, Columns, Words, columns_of, day_number, stated
from plms_pipeline.exposures.decoding import DATED, UNLISTED, Cell, columns_in_file, decode_cell, read_rows
from plms_pipeline.exposures.mapping import ColumnMap, FileMap
from plms_pipeline.exposures.status import UNKNOWN


def read_columns(file: FileMap, mapping_name: str) -> Columns:
    """Rows of a file in canonical columns; the same content as :func:`~plms_pipeline.exposures.decoding.read_rows`.

    Raises
    ------
    InputError
        One line: the file cannot be read, a column is missing, a cell is neither listed nor a missing code.
    """
    columns = None if file.wide else _plain(file, mapping_name)
    return columns_of(file.table, list(read_rows(file, mapping_name))) if columns is None else columns


def _plain(file: FileMap, mapping_name: str) -> Columns | None:
    """Columns of an ordinary file, None for one that has to be read row by row."""
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as handle:
            header = [cell.strip() for cell in next(csv.reader(handle), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    if len(set(header)) != len(header) or "" in header:
        return None
    maps = columns_in_file(file, header, mapping_name)
    wanted = sorted({column.column for column in maps if column.column in header}, key=header.index)
    raw = _cells(file, header, wanted)
    if raw is None:
        return None
    n = len(next(iter(raw.values()))[0])
    numbers, words = {}, {}
    asked = file.table == "medication" and any(column.canonical == "taken" for column in maps)
    unanswered = np.zeros(n, np.bool_)
    for column in maps:
        codes, texts = _of_column(column, raw, n)
        cells = [decode_cell(column, text) for text in texts]
        used = np.zeros(len(cells), np.bool_)
        used[codes] = True
        if any(cell.kind == UNLISTED for cell, is_used in zip(cells, used, strict=True) if is_used):
            return None
        if column.canonical == "taken":
            unanswered = np.array([cell.value is None and text != "" for cell, text in zip(cells, texts, strict=True)])[
                codes
            ]
        if TABLES[file.table][column.canonical] in NUMERIC:
            kind = TABLES[file.table][column.canonical]
            values = [_number(cell, kind) for cell in cells]
            numbers[column.canonical] = np.array(values, np.float64)[codes]
        else:
            words[column.canonical] = _words(cells, codes)
    found = Columns(n, numbers, words)
    if (found.word("subject_id").codes < 0).any():
        return None
    if asked:
        words["taken"] = _with_unanswered(found, unanswered)
    if file.undated == "at_visit" and file.table in DATED:
        stem = "recorded" if file.table == "condition" else "collected"
        day = found.number(f"{stem}_offset_d").copy()
        day[~stated(found, "collected") & ~stated(found, "recorded")] = 0.0
        numbers[f"{stem}_offset_d"] = day
    return found


def _cells(file: FileMap, header: list[str], wanted: list[str]) -> dict[str, tuple[Codes, list[str]]] | None:
    """Codes and distinct texts of the wanted columns; None when the file is not plain enough."""
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        table = pa_csv.read_csv(
            file.path,
            read_options=pa_csv.ReadOptions(skip_rows=1, column_names=header),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, text), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, OSError):
        return None
    if not wanted or not table.num_rows:
        return None
    raw = {}
    for name, column in zip(wanted, table.unify_dictionaries().columns, strict=True):
        chunks = [np.asarray(chunk.indices) for chunk in column.chunks]
        distinct = column.chunks[0].dictionary.to_pylist()
        raw[name] = (np.concatenate(chunks).astype(np.int32), [cell.strip() for cell in distinct])
    return raw


def _of_column(column: ColumnMap, raw: dict[str, tuple[Codes, list[str]]], n: int) -> tuple[Codes, list[str]]:
    if column.column is None:
        return np.zeros(n, np.int32), [str(column.constant)]
    if column.column not in raw:
        return np.zeros(n, np.int32), [""]
    return raw[column.column]


def _number(cell: Cell, kind: str) -> float:
    if cell.value is None:
        return np.nan
    return float(day_number(cell.value) if kind == DATE else cell.value)


def _words(cells: list[Cell], codes: Codes) -> Words:
    distinct: dict[str, int] = {}
    table = [-1 if cell.value is None else distinct.setdefault(str(cell.value), len(distinct)) for cell in cells]
    return Words(np.array(table, np.int32)[codes], tuple(distinct))


def _with_unanswered(found: Columns, unanswered: np.ndarray) -> Words:
    """``taken`` with unknown for a missing code, and for a flag without an answer."""
    codes, values = found.word("taken")
    open_ = (codes < 0) & (unanswered | (found.word("class_id").codes >= 0))
    values = values if UNKNOWN in values else (*values, UNKNOWN)
    return Words(np.where(open_, values.index(UNKNOWN), codes).astype(np.int32), values)
