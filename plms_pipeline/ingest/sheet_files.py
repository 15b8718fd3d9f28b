"""Files that list recordings: CSV or Parquet sheets and Luna sample lists; how they are read and written as cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_tables import read_csv_rows, twice

_SIGNAL_ENDINGS = (".edf", ".bdf", ".rec")
_ANNOTATION_ENDINGS = (".xml", ".annot", ".eannot", ".csv", ".tsv", ".txt", ".edf", ".sco", ".sta")
FORMATS = (".csv", ".parquet", ".lst")


class Cells(NamedTuple):
    """The cells of a sheet.

    Attributes
    ----------
    rows : list of (str, dict of str to str)
        Where the row stands, for messages (``line 7``), and its cells by column.
    columns : tuple of str
    """

    rows: list[tuple[str, dict[str, str]]]
    columns: tuple[str, ...]


def read_cells(path: Path) -> Cells:
    """Read a sheet; CSV, Parquet and Luna sample lists are told apart by content.

    Raises
    ------
    InputError
        The file cannot be read, or is none of the three: one line with file, line, what to do.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(4096)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path of the sheet") from None
    if head.startswith(b"PAR1"):
        cells = _parquet(path)
    elif _is_sample_list(head):
        cells = _sample_list(path)
    else:
        rows, columns = read_csv_rows(path)
        if len(columns) == 1 and (mark := next((mark for mark in ";\t|" if mark in columns[0]), None)):
            named = "tab" if mark == "\t" else mark
            raise InputError(f"{path}, line 1: the columns are separated by '{named}'; save the sheet with commas")
        cells = Cells([(f"line {line}", row) for line, row in rows], tuple(columns))
    for where, row in (("line 1", dict.fromkeys(cells.columns, "")), *cells.rows):
        for column, text in row.items():
            if not (column.isprintable() and text.isprintable()):
                raise InputError(f"{path}, {where}: a cell holds an invisible character; type it anew")
    return cells


def _parquet(path: Path) -> Cells:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}); write it anew") from None
    if doubled := twice(table.column_names):
        raise InputError(f"{path}: column '{doubled[0]}' stands twice; remove one")
    rows = [
        (f"row {number}", {name: _text(value) for name, value in row.items()})
        for number, row in enumerate(table.to_pylist(), start=1)
    ]
    return Cells(rows, tuple(table.column_names))


def _text(value: Any) -> str:
    """A Parquet value as it would stand in the CSV sheet."""
    if value is None or value != value:
        return ""
    if isinstance(value, list):
        return ";".join(_text(entry) for entry in value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# -- Luna sample lists -----------------------------------------------------------------------------------------------


def _is_sample_list(head: bytes) -> bool:
    """Tab-separated lines without header: an id, a recording, and perhaps annotation files."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    fields = lines[0].split("\t") if lines else []
    return len(fields) >= 2 and fields[1].strip().casefold().endswith(_SIGNAL_ENDINGS)


def _sample_list(path: Path) -> Cells:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the sample list as UTF-8") from None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) < 2 or not fields[0] or not fields[1]:
            raise InputError(f"{path}, line {number}: a sample list has an id, a tab and a recording; correct the line")
        named = [part.strip() for field in fields[2:] for part in field.split(",")]
        files = [file for part in named if part not in ("", ".") for file in _files_of(path.parent, part)]
        rows.append(
            (f"line {number}", {"subject_id": fields[0], "edf": fields[1], "annotations": ";".join(files)}),
        )
    return Cells(rows, ("subject_id", "edf", "annotations"))


def _files_of(base: Path, part: str) -> list[str]:
    # A folder stands for the annotation files in it.
    folder = base / part
    if not folder.is_dir():
        return [part]
    inside = sorted(file.name for file in folder.iterdir() if file.suffix.casefold() in _ANNOTATION_ENDINGS)
    return [f"{part.rstrip('/')}/{name}" for name in inside]


# -- writing ---------------------------------------------------------------------------------------------------------


def sheet_bytes(rows: Sequence[Mapping[str, str]], columns: Sequence[str], form: str) -> bytes:
    """A sheet as the bytes of a file.

    Parameters
    ----------
    rows : sequence of mapping
        Cells by column; a missing cell is empty.
    columns : sequence of str
    form : {".csv", ".parquet", ".lst"}
        A sample list keeps id, recording and annotation files; its ids are the recording's where one subject has
        several recordings, for they must differ.

    Raises
    ------
    InputError
        Another form; a recording without a file, an id or a path that a sample list cannot hold.
    """
    if form == ".csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)
        return text.getvalue().encode("utf-8")
    if form == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {column: pa.array([row.get(column) or None for row in rows], pa.string()) for column in columns}
        out = io.BytesIO()
        pq.write_table(pa.table(arrays), out, compression="zstd")
        return out.getvalue()
    if form == ".lst":
        return "".join(_sample_line(row, rows) for row in rows if row.get("edf")).encode("utf-8")
    raise InputError(f"a sheet is written as {', '.join(FORMATS)}, not as '{form}'; change the ending of the file")


def _sample_line(row: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str:
    is_repeated = sum(other["subject_id"] == row["subject_id"] for other in rows) > 1
    parts = [row["subject_id"], row.get("visit", ""), row.get("night", "")] if is_repeated else [row["subject_id"]]
    files = ",".join(part for part in row.get("annotations", "").split(";") if part)
    fields = ["_".join(part for part in parts if part), row["edf"], *([files] if files else [])]
    if any("\t" in field or "\n" in field for field in fields) or "," in row.get("annotations", ""):
        raise InputError(f"'{fields[0]}': a name with a tab or comma cannot stand in a sample list; write a .csv sheet")
    return "\t".join(fields) + "\n"
