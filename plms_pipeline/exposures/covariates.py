"""Clinical tables of a cohort: read once, normalised, handed out per subject and visit."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.exposures.canonical import TABLES
from plms_pipeline.exposures.decoding import Row, read_rows
from plms_pipeline.exposures.mapping import Mapping, read_mapping
from plms_pipeline.exposures.names import medication_table

__all__ = ["Covariates", "Row", "offset_d", "read_covariates"]


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
        for row in read_rows(file, mapping.name):
            table.setdefault(row["subject_id"], []).append(row)
    return Covariates(mapping, rows)


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
