"""Clinical tables of a cohort: read once, normalised, handed out per subject and visit."""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures.mapping import (
    DATE,
    INTEGER,
    NUMBER,
    REQUIRED,
    TABLES,
    TEXT,
    YES_NO,
    ColumnMap,
    FileMap,
    Mapping,
    read_mapping,
)
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.rules import nearest
from plms_pipeline.exposures.status import UNKNOWN

Row = dict[str, Any]
DATED = {"medication", "inventory", "laboratory", "condition", "questionnaire"}


class Covariates:
    """Normalised clinical rows of a cohort.

    Built by :func:`read_covariates`; rows hold canonical names, values decoded, missing ones left out.
    """

    def __init__(self, mapping: Mapping, rows: dict[str, dict[str, list[Row]]]) -> None:
        self._rows = rows
        self.declaration: dict[str, Any] = {
            "mapped": True,
            "age_precision": mapping.age_precision,
            "ahi_definition": mapping.ahi_definition,
            "dialysis_ascertained_as_absent": mapping.dialysis_ascertained_as_absent,
            "inventory_default": mapping.inventory_default,
            "collected": list(mapping.collected),
        }

    def subjects(self) -> list[str]:
        """Subjects with at least one row, sorted."""
        return sorted({subject for table in self._rows.values() for subject in table})

    def for_subject(self, subject_id: str, visit: str) -> dict[str, list[Row]]:
        """Rows of one subject that may speak for one visit.

        Parameters
        ----------
        subject_id, visit
            As in the sheet.

        Returns
        -------
        dict
            ``demographics``, ``medication``, ``inventory``, ``laboratory``, ``condition``, ``questionnaire`` → rows
            (JSON-able, canonical order): those of this visit and those without a visit.
        """
        return {
            table: sorted(
                (
                    {key: value for key, value in row.items() if key not in ("subject_id", "visit")}
                    for row in self._rows.get(table, {}).get(subject_id, [])
                    if row.get("visit") in (None, visit)
                ),
                key=contracts.canonical_json,
            )
            for table in TABLES
        }

    def unmapped_medication(self) -> dict[str, list[Any]]:
        """Medicines that could not be assigned, with counts: columns of table ``unmapped_medication``."""
        table = medication_table()
        counted: Counter[tuple[str, str]] = Counter()
        subjects: dict[tuple[str, str], set[str]] = defaultdict(set)
        for subject, rows in self._rows.get("medication", {}).items():
            for row in rows:
                for key in table.match(row.get("medication"), row.get("atc_code"), row.get("class_id")).unmapped:
                    counted[key] += 1
                    subjects[key].add(subject)
        keys = sorted(counted, key=lambda key: (-counted[key], key))
        return {
            "source_text": [text for text, _ in keys],
            "unmapped_cause": [cause for _, cause in keys],
            "n_records": [counted[key] for key in keys],
            "n_subjects": [len(subjects[key]) for key in keys],
        }

    def mapped_fraction(self) -> float | None:
        """Share of medication records all of whose names were assigned; None without records."""
        table = medication_table()
        total = mapped = 0
        for rows in self._rows.get("medication", {}).values():
            for row in rows:
                total += 1
                mapped += not table.match(row.get("medication"), row.get("atc_code"), row.get("class_id")).unmapped
        return mapped / total if total else None


def read_covariates(mapping_path: Path) -> Covariates:
    """Read a mapping file and all clinical CSV files it names.

    Parameters
    ----------
    mapping_path
        Path of ``mapping.yaml``; the files are relative to it.

    Returns
    -------
    Covariates

    Raises
    ------
    InputError
        For an unknown key, a missing column, a value that is not listed (with its count): one line, file first.
    """
    mapping = read_mapping(Path(mapping_path))
    rows: dict[str, dict[str, list[Row]]] = {}
    for file in mapping.files:
        table = rows.setdefault(file.table, {})
        for row in _read_file(file, mapping.name):
            table.setdefault(row["subject_id"], []).append(row)
    return Covariates(mapping, rows)


def _read_file(file: FileMap, mapping_name: str) -> Iterator[Row]:
    name = file.path.name
    try:
        handle = file.path.open(encoding="utf-8-sig", newline="")
    except OSError:
        raise InputError(f"{name}: cannot be opened; {mapping_name} names it for table {file.table}") from None
    with handle:
        reader = csv.reader(handle)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            columns = _columns(file, header, name, mapping_name)
            bad: dict[tuple[str, str], int] = {}
            decoded = [_decode(file, columns, header, cells, bad) for cells in reader if any(c.strip() for c in cells)]
        except (UnicodeDecodeError, csv.Error):
            raise InputError(f"{name}: is not UTF-8 comma-separated text; export it again") from None
    if bad:
        (column, value), count = min(bad.items())
        raise InputError(
            f"{name}: column '{column}' holds '{value}' in {count} row{'s' if count > 1 else ''}, which is neither a "
            f"listed value nor a missing code; list it under 'values' or 'missing' in {mapping_name}"
        )
    for row in decoded:
        if not row.get("subject_id"):
            raise InputError(f"{name}: a row has no subject_id; complete or remove it")
        if file.undated == "at_visit" and file.table in DATED and not _has_date(row):
            row["recorded_offset_d" if file.table == "condition" else "collected_offset_d"] = 0
        yield row


def _has_date(row: Row) -> bool:
    return any(key in row for key in ("collected_date", "collected_offset_d", "recorded_date", "recorded_offset_d"))


def _columns(file: FileMap, header: list[str], name: str, mapping_name: str) -> list[tuple[ColumnMap, int | None]]:
    if len(set(header)) != len(header):
        double = min(cell for cell in header if header.count(cell) > 1)
        raise InputError(f"{name}: column '{double}' stands twice; rename one of them")
    columns = file.columns
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
    for column in columns:
        if column.column is not None and column.column not in header:
            raise InputError(
                f"{name}: column '{column.column}' named in {mapping_name} is missing"
                f"{nearest(column.column, header)}; correct the name"
            )
    return [(column, None if column.column is None else header.index(column.column)) for column in columns]


def _decode(
    file: FileMap,
    columns: list[tuple[ColumnMap, int | None]],
    header: list[str],
    cells: list[str],
    bad: dict[tuple[str, str], int],
) -> Row:
    if len(cells) > len(header):
        raise InputError(f"{file.path.name}: a row has more cells than the header; quote cells that hold commas")
    row: Row = {}
    for column, position in columns:
        raw = str(column.constant) if position is None else cells[position].strip() if position < len(cells) else ""
        if raw == "" or raw in column.missing:
            if column.canonical == "taken" and raw:
                row["taken"] = UNKNOWN
            continue
        try:
            value = _value(column, column.values.get(raw, raw if not column.values else None))
        except ValueError:
            key = (column.column or column.canonical, raw)
            bad[key] = bad.get(key, 0) + 1
            continue
        if value is not None or column.canonical == "taken":
            row[column.canonical] = UNKNOWN if value is None else value
    if "class_id" in row and any(column.canonical == "taken" for column, _ in columns):
        # A flag without an answer is unknown; a medicine named in a list without that column's answer is taken.
        row.setdefault("taken", UNKNOWN)
    return row


def _value(column: ColumnMap, raw: str | None) -> Any:
    """Decode one cell; ValueError for a value that is not listed."""
    if raw is None:
        raise ValueError
    if column.kind == TEXT:
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


def offset_d(row: Row, stem: str, night: str | None) -> int | None:
    """Day of a record relative to the night (night = 0, before it negative), None when not known.

    Parameters
    ----------
    row
        Normalised row; the offset column wins over the date column.
    stem
        ``collected``, ``recorded``, ``use_start`` or ``use_end``.
    night
        ISO date of the recording, None when not known.
    """
    if f"{stem}_offset_d" in row:
        return int(row[f"{stem}_offset_d"])
    date = row.get(f"{stem}_date")
    if date is None or not night:
        return None
    return (dt.date.fromisoformat(date) - dt.date.fromisoformat(night[:10])).days
