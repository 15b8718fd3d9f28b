"""Tables of single recordings as plain files in a folder of the user's choice (``plms score``, ``plms detect``)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from plms_pipeline.errors import InputError
from plms_pipeline.store.files import write_atomic

FORMATS = ("csv", "parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{value:.15g}"
        return text if float(text) == value else repr(value)
    if isinstance(value, list):
        return json.dumps(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        # A spreadsheet would run it as a formula.
        return "'" + value
    return str(value)


def csv_text(table: pa.Table) -> str:
    """A table as CSV: UTF-8, comma, LF; ``true``/``false``, empty for null, lists as JSON.

    Text that a spreadsheet would take for a formula (leading ``= + - @``) gets a leading apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.column_names)
    columns = [column.to_pylist() for column in table.columns]
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return out.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as one zstd Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def check_output(folder: Path, tables: list[str], form: str, *, overwrite: bool) -> None:
    """Refuse a folder that already holds one of the files, before any work is done.

    Raises
    ------
    InputError
        One line that names the first file in the way.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: is none of {', '.join(FORMATS)}")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder with --out")
    present = [folder / f"{name}.{form}" for name in tables if (folder / f"{name}.{form}").exists()]
    if present and not overwrite:
        raise InputError(f"{present[0]}: exists; use --overwrite to replace it or name another folder")


def write_files(folder: Path, tables: Mapping[str, pa.Table], form: str, *, overwrite: bool) -> list[Path]:
    """Write each table to ``<folder>/<table>.<form>``; every file is replaced whole or not at all.

    Returns
    -------
    list of Path
        The files written, in the order of ``tables``.
    """
    check_output(folder, list(tables), form, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in tables.items():
        path = folder / f"{name}.{form}"
        content = csv_text(table).encode() if form == "csv" else parquet_bytes(table)
        write_atomic(path, content)
        written.append(path)
    return written
