"""Clinical tables of a cohort: read once, kept by column, handed out per subject and visit or beside many nights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.exposures.canonical import TABLES
from plms_pipeline.exposures.columns import Columns, Index, Row, Words, concatenate, rows_of
from plms_pipeline.exposures.mapping import Mapping, read_mapping
from plms_pipeline.exposures.medication_terms import terms_of
from plms_pipeline.exposures.names import Match
from plms_pipeline.exposures.reading import read_columns
from plms_pipeline.exposures.rxnorm import rxnorm_names

__all__ = ["Covariates", "Row", "offset_d", "read_covariates"]


class _BySubject(NamedTuple):
    """Rows of a table sorted by subject: row positions, and where each subject begins."""

    order: Index
    first: Index


class Covariates:
    """Normalised clinical rows of a cohort.

    Built by :func:`read_covariates`; columns hold canonical names, values decoded.
    """

    def __init__(self, mapping: Mapping, tables: AnyMapping[str, Columns]) -> None:
        self.tables = dict(tables)
        self.declaration: dict[str, Any] = {
            "mapped": True,
            "age_precision": mapping.age_precision,
            "ahi_definition": mapping.ahi_definition,
            "dialysis_ascertained_as_absent": mapping.dialysis_ascertained_as_absent,
            "inventory_default": mapping.inventory_default,
            "collected": list(mapping.collected),
        }
        values = (columns.word("subject_id").values for columns in self.tables.values())
        self._subjects = {subject: at for at, subject in enumerate(sorted({s for each in values for s in each}))}
        self._by_subject = {name: self._sorted(columns) for name, columns in self.tables.items()}

    def _sorted(self, columns: Columns) -> _BySubject:
        codes, values = columns.word("subject_id")
        subject = np.array([self._subjects[value] for value in values], np.int64)[codes]
        order = np.argsort(subject, kind="stable")
        return _BySubject(order, np.searchsorted(subject[order], np.arange(len(self._subjects) + 1)))

    def subjects(self) -> list[str]:
        """Subjects with at least one row, sorted."""
        return list(self._subjects)

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
        found: dict[str, list[Row]] = {}
        for name in TABLES:
            rows, _ = self.beside(name, [subject_id], [visit])
            columns = self.tables.get(name, Columns(0, {}, {})).take(rows)
            for key in ("subject_id", "visit"):
                columns.words.pop(key, None)
            found[name] = sorted(rows_of(name, columns), key=contracts.canonical_json) if columns.n else []
        return found

    def beside(self, table: str, subject_ids: Sequence[str], visits: Sequence[str]) -> tuple[Index, Index]:
        """Rows of a table that may speak for nights.

        Parameters
        ----------
        table
            A clinical table.
        subject_ids, visits
            Subject and visit of every night.

        Returns
        -------
        (ndarray, ndarray)
            Positions of rows, and the night of each: rows of the subject and of this visit or of none.
        """
        columns = self.tables.get(table)
        if columns is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        order, first = self._by_subject[table]
        # A subject without rows is given an empty range.
        subject = np.array([self._subjects.get(each, -1) for each in subject_ids], np.int64)
        begin = first[np.maximum(subject, 0)]
        each = np.where(subject < 0, 0, first[np.maximum(subject, 0) + 1] - begin) if len(first) > 1 else subject * 0
        at = np.repeat(np.arange(len(subject)), each)
        within = np.arange(len(at)) - (np.cumsum(each) - each)[at]
        rows = order[begin[at] + within]
        codes, values = columns.word("visit")
        known = {value: code for code, value in enumerate(values)}
        visit = np.array([known.get(each, -2) for each in visits], np.int64)
        speaks = (codes[rows] < 0) | (codes[rows] == visit[at])
        return rows[speaks], at[speaks]

    @cached_property
    def _matched(self) -> tuple[Index, list[Match]]:
        term, _, matches = terms_of(self.tables.get("medication", Columns(0, {}, {})))
        return term, matches

    def unmapped_medication(self) -> dict[str, list[Any]]:
        """Medicines that could not be assigned, with counts: columns of table ``unmapped_medication``."""
        term, matches = self._matched
        texts = sorted({key for match in matches for key in match.unmapped})
        place = {key: at for at, key in enumerate(texts)}
        of_term = [[place[key] for key in match.unmapped] for match in matches]
        each = np.array([len(keys) for keys in of_term], np.int64)
        first, flat = np.cumsum(each) - each, np.array([key for keys in of_term for key in keys], np.int64)
        rows = np.repeat(np.arange(len(term)), each[term])
        within = np.arange(len(rows)) - (np.cumsum(each[term]) - each[term])[rows]
        key_of_row = flat[first[term[rows]] + within]
        n_records = np.bincount(key_of_row, minlength=len(texts)).tolist()
        subject = self.tables["medication"].word("subject_id").codes[rows] if len(rows) else rows
        pairs = np.unique(key_of_row * (len(self._subjects) + 1) + subject)
        n_subjects = np.bincount(pairs // (len(self._subjects) + 1), minlength=len(texts)).tolist()
        keys = sorted(range(len(texts)), key=lambda at: (-n_records[at], texts[at]))
        return {
            "source_text": [texts[at][0] for at in keys],
            "unmapped_cause": [texts[at][1] for at in keys],
            "n_records": [n_records[at] for at in keys],
            "n_subjects": [n_subjects[at] for at in keys],
        }

    def medication_counts(self) -> dict[str, int]:
        """How many records name a medicine and how many people have one, and of how many of them a name is unmapped.

        A cohort's flag of a class names no medicine and is not counted.
        """
        term, matches = self._matched
        medication = self.tables.get("medication", Columns(0, {}, {}))
        named = medication.word("class_id").codes < 0
        is_unmapped = np.array([bool(match.unmapped) for match in matches], np.bool_)[term] & named
        subject = medication.word("subject_id").codes
        return {
            "n_medication_records": int(named.sum()),
            "n_medication_records_unmapped": int(is_unmapped.sum()),
            "n_medication_subjects": len(np.unique(subject[named])),
            "n_medication_subjects_unmapped": len(np.unique(subject[is_unmapped])),
        }


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
    parts: dict[str, list[Columns]] = {}
    for file in mapping.files:
        parts.setdefault(file.table, []).append(read_columns(file, mapping.name))
    tables = {name: concatenate(own) for name, own in parts.items()}
    if mapping.rxnorm is not None and "medication" in tables:
        tables["medication"] = _with_rxnorm(tables["medication"], mapping.rxnorm)
    return Covariates(mapping, tables)


def _with_rxnorm(medication: Columns, path: Path) -> Columns:
    """Medication rows with the RxNorm name of their concept."""
    codes, values = medication.word("rxcui")
    names = rxnorm_names(path, values)
    table = np.array([at if value in names else -1 for at, value in enumerate(values)] + [-1], np.int32)
    words = Words(table[codes], tuple(names.get(value, "") for value in values))
    return medication._replace(words=medication.words | {"rxnorm_name": words})


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
