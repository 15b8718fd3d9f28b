"""Clinical rows column by column: the form in which a night, or a hundred thousand nights, are joined.

Numbers (dates as days since 1970-01-01) are float64 with NaN for what is missing; words are codes into a list of
distinct values, −1 for what is missing. One night is a table of some sixty rows, a cohort one of millions: the rules
see no difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plms_pipeline.exposures.canonical import DATE, INTEGER, NUMBER, TABLES, TEXT

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Index = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Small = npt.NDArray[np.int8]
Row = dict[str, Any]

NUMERIC = (NUMBER, INTEGER, DATE)
_EPOCH = dt.date(1970, 1, 1).toordinal()


class Words(NamedTuple):
    """A column of texts: the code of every row (−1: missing), and the distinct values."""

    codes: Codes
    values: tuple[str, ...]


class Columns(NamedTuple):
    """Rows of one clinical table; a column that is absent is missing in every row."""

    n: int
    numbers: dict[str, Floats]
    words: dict[str, Words]

    def number(self, name: str) -> Floats:
        """A numeric column, NaN where missing."""
        found = self.numbers.get(name)
        return np.full(self.n, np.nan) if found is None else found

    def word(self, name: str) -> Words:
        """A column of texts, code −1 where missing."""
        found = self.words.get(name)
        return Words(np.full(self.n, -1, np.int32), ()) if found is None else found

    def coded(self, name: str, values: Sequence[str], *, missing: int = -1) -> Small:
        """A column of texts as positions in a given list; a value outside it counts as missing."""
        found = self.words.get(name)
        if found is None:
            return np.full(self.n, missing, np.int8)
        place = {value: at for at, value in enumerate(values)}
        table = np.array([place.get(value, missing) for value in found.values] + [missing], np.int8)
        return np.asarray(table[found.codes])

    def take(self, rows: Index) -> Columns:
        """The rows at these positions."""
        return Columns(
            len(rows),
            {name: values[rows] for name, values in self.numbers.items()},
            {name: Words(codes[rows], values) for name, (codes, values) in self.words.items()},
        )


def day_number(date: str) -> int:
    """Days since 1970-01-01 of an ISO date (a time of day is left out)."""
    return dt.date.fromisoformat(date[:10]).toordinal() - _EPOCH


def date_of(day: float) -> str:
    """ISO date of a day number."""
    return dt.date.fromordinal(int(day) + _EPOCH).isoformat()


def columns_of(table: str, rows: Sequence[Row]) -> Columns:
    """Normalised rows (as of ``Covariates.for_subject``) as columns.

    Parameters
    ----------
    table
        A key of :data:`~plms_pipeline.exposures.mapping.TABLES`.
    rows
        Rows with canonical names, missing values left out.
    """
    n = len(rows)
    numbers: dict[str, Floats] = {}
    words: dict[str, Words] = {}
    kinds = TABLES[table]
    for name in {name for row in rows for name in row}:
        kind = kinds.get(name, TEXT)  # names that the reader adds are texts
        if kind in NUMERIC:
            given = [row.get(name) for row in rows]
            filled = [np.nan if v is None else day_number(v) if kind == DATE else v for v in given]
            numbers[name] = np.array(filled, np.float64)
        else:
            distinct: dict[str, int] = {}
            codes = [-1 if name not in row else distinct.setdefault(row[name], len(distinct)) for row in rows]
            words[name] = Words(np.array(codes, np.int32), tuple(distinct))
    return Columns(n, numbers, words)


def rows_of(table: str, columns: Columns) -> list[Row]:
    """The inverse of :func:`columns_of`: missing values left out."""
    rows: list[Row] = [{} for _ in range(columns.n)]
    for name, numbers in columns.numbers.items():
        kind = TABLES[table][name]
        for at in np.flatnonzero(~np.isnan(numbers)):
            value = float(numbers[at])
            rows[at][name] = date_of(value) if kind == DATE else int(value) if kind == INTEGER else value
    for name, (codes, values) in columns.words.items():
        for at in np.flatnonzero(codes >= 0):
            rows[at][name] = values[codes[at]]
    return rows


def concatenate(parts: Sequence[Columns]) -> Columns:
    """The rows of several files of one table, one after the other."""
    if len(parts) == 1:
        return parts[0]
    numbers = {
        name: np.concatenate([part.number(name) for part in parts])
        for name in dict.fromkeys(name for part in parts for name in part.numbers)
    }
    words: dict[str, Words] = {}
    for name in dict.fromkeys(name for part in parts for name in part.words):
        distinct: dict[str, int] = {}
        codes = []
        for part in parts:
            own, values = part.word(name)
            table = np.array([distinct.setdefault(v, len(distinct)) for v in values] + [-1], np.int32)
            codes.append(table[own])
        words[name] = Words(np.concatenate(codes).astype(np.int32), tuple(distinct))
    return Columns(sum(part.n for part in parts), numbers, words)


def offsets_d(columns: Columns, stem: str, night_d: Floats) -> Floats:
    """Day of every row relative to its night (night = 0, before it negative), NaN when not known.

    Parameters
    ----------
    columns
        Rows; the ``_offset_d`` column wins over the ``_date`` column.
    stem
        ``collected``, ``recorded``, ``use_start`` or ``use_end``.
    night_d
        Day number of the night of every row, NaN when not known.
    """
    date = columns.numbers.get(f"{stem}_date")
    offset = columns.numbers.get(f"{stem}_offset_d")
    if date is None:
        return np.full(columns.n, np.nan) if offset is None else offset
    from_date = date - night_d
    return from_date if offset is None else np.where(np.isnan(offset), from_date, offset)


def stated(columns: Columns, stem: str) -> Bools:
    """Whether a row gives a day for the stem, placed beside the night or not."""
    return ~np.isnan(columns.number(f"{stem}_date")) | ~np.isnan(columns.number(f"{stem}_offset_d"))


def least(values: npt.NDArray[Any], at: Index, n: int, fill: float) -> Floats:
    """Smallest value of every group (NaN set aside), ``fill`` for an empty one; ``at`` names the group of a value."""
    return _extreme(np.fmin, values, at, n, fill)


def greatest(values: npt.NDArray[Any], at: Index, n: int, fill: float) -> Floats:
    """Greatest value of every group (NaN set aside), ``fill`` for an empty one."""
    return _extreme(np.fmax, values, at, n, fill)


def _extreme(of: np.ufunc, values: npt.NDArray[Any], at: Index, n: int, fill: float) -> Floats:
    found = np.full(n, np.nan)
    if len(values):
        of.at(found, at, values.astype(np.float64))
    found[np.isnan(found)] = fill
    return found


def counts(at: Index, n: int) -> Index:
    """Number of members of every group."""
    return np.bincount(at, minlength=n)
