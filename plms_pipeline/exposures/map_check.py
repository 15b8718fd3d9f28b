"""What a mapping makes of the cells of its files: per column, which cell became what, and how often."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from plms_pipeline import contracts
from plms_pipeline.exposures.canonical import DATE, INTEGER, MEASURE, NUMBER, TABLES, TEXT
from plms_pipeline.exposures.decoding import UNLISTED, VALUE, ColumnCount, decode_file
from plms_pipeline.exposures.mapping import Mapping
from plms_pipeline.exposures.names import Match, medication_table
from plms_pipeline.exposures.rules import clinical_rules
from plms_pipeline.exposures.status import NO

_IDS = ("subject_id", "visit")
EMPTY = "(empty)"
NOT_THERE = "(no such column)"
NUMBERS = "(numbers)"


class Line(NamedTuple):
    """One kind of cell of one column.

    ``column`` is the file's own name (None for a constant), ``becomes`` the canonical value or ``unknown``;
    ``remark`` names what needs a decision: a cell that is not listed, a unit or a medicine that is not known.
    """

    file: str
    table: str
    column: str | None
    canonical: str
    says: str
    cell: str
    n_rows: int
    becomes: str
    remark: str


class MapCheck(NamedTuple):
    """Lines of all files, and the people in them."""

    lines: list[Line]
    n_rows: dict[tuple[str, str], int]
    subjects: frozenset[str]


def check_mapping(mapping: Mapping) -> MapCheck:
    """Read every file of a mapping and count what its cells became; nothing is refused but unreadable files.

    Raises
    ------
    InputError
        A file that cannot be read, or that lacks a column.
    """
    lines: list[Line] = []
    n_rows: dict[tuple[str, str], int] = {}
    subjects: set[str] = set()
    for file in mapping.files:
        decoded = decode_file(file, mapping.name)
        name = file.path.name
        n_rows[name, file.table] = n_rows.get((name, file.table), 0) + decoded.n_rows
        subjects |= {row["subject_id"] for row in decoded.rows if row.get("subject_id")}
        for count in decoded.counts:
            lines.extend(_lines(name, file.table, count))
    return MapCheck(lines, n_rows, frozenset(subjects))


def _lines(file: str, table: str, count: ColumnCount) -> Iterator[Line]:
    said = dict(count.says)
    says = ", ".join(f"{name} {value}" for name, value in said.items())

    def line(cell: str, n_rows: int, becomes: str, remark: str = "") -> Line:
        return Line(file, table, count.column, count.canonical, says, cell, n_rows, becomes, remark)

    total = sum(n for n, _ in count.cells.values())
    if count.column is not None and not count.is_there:
        yield line(NOT_THERE, total, "unknown", "the file has no such column")
        return
    if count.column is None and count.cells and all(cell.kind == VALUE for _, cell in count.cells.values()):
        return  # a constant is told with the columns it stands beside
    unit = _unit_remark(table, said)
    values = {raw: n for raw, (n, cell) in count.cells.items() if cell.kind == VALUE}
    kind = TABLES[table][count.canonical]
    if count.canonical in _IDS and kind == TEXT:
        distinct = {count.cells[raw][1].value for raw in values}
        few = count.canonical == "visit"
        yield line("", sum(values.values()), ", ".join(sorted(distinct)) if few else f"{len(distinct)} different")
    elif kind in (NUMBER, INTEGER, MEASURE, DATE):
        numbers = {raw: n for raw, n in values.items() if kind != DATE and _number(raw) is not None}
        if numbers:
            yield line(NUMBERS, sum(numbers.values()), _spread(numbers), unit)
        for raw, n in sorted(values.items()):
            if raw not in numbers and kind != DATE:
                yield line(raw, n, str(count.cells[raw][1].value), unit)
        if kind == DATE and values:
            yield line("", sum(values.values()), f"{min(values)} to {max(values)}")
    else:
        for raw, n in sorted(values.items(), key=lambda item: (-item[1], item[0])):
            value = count.cells[raw][1].value
            meaning = _meaning(count.canonical, str(value))
            if value == NO and count.canonical == "taken" and "medication" in said:
                meaning = ("no record", "one medicine that is not taken says nothing of its class")
            if value == "mixed":
                meaning = ("unknown", "one of a group, which of them is not told")
            yield line(raw or EMPTY, n, *meaning)
    for raw, (n, cell) in sorted(count.cells.items(), key=lambda item: item[0]):
        if cell.kind == UNLISTED:
            yield line(raw, n, "refused", "neither a listed value nor a missing code")
        elif cell.kind != VALUE:
            yield line(raw or EMPTY, n, "unknown")


def _meaning(canonical: str, value: str) -> tuple[str, str]:
    """What a text becomes, and what is open about it."""
    if canonical == "medication":
        return _medicine(value)
    if canonical == "atc_code":
        return _classes(medication_table().match(None, value, None))
    if canonical == "unit":
        unit = _encoded("clinical_unit", value)
        return (unit, "") if unit else ("unknown", "a unit that is not listed: its values are unknown")
    if canonical == "analyte":
        analyte = _encoded("analyte", value)
        return (analyte, "") if analyte else ("not read", "no analyte of schemas/codes/analyte.yaml")
    return value, ""


def _encoded(codes: str, raw: str) -> str | None:
    try:
        return contracts.codes(codes).encode(raw)
    except contracts.UnknownCode:
        return None


def _number(raw: str) -> float | None:
    try:
        number = float(raw)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _spread(numbers: dict[str, int]) -> str:
    counted = Counter({float(raw): n for raw, n in numbers.items()})
    return f"{min(counted):g} to {max(counted):g}, median {statistics.median(counted.elements()):g}"


def _medicine(name: str) -> tuple[str, str]:
    """Classes of a medicine by its name, and what is open about it."""
    return _classes(medication_table().match(name, None, None))


def _classes(match: Match) -> tuple[str, str]:
    open_names = ", ".join(f"{text} ({cause})" for text, cause in match.unmapped)
    classes = ", ".join(hit.class_id for hit in match.hits)
    return classes or ("unknown" if open_names else "of no class here"), f"not assigned: {open_names}" * bool(
        open_names
    )


def _unit_remark(table: str, said: dict[str, str]) -> str:
    """Whether the unit beside a laboratory column is one that its analyte has."""
    analytes = clinical_rules()["analytes"]
    if table != "laboratory" or "unit" not in said or said.get("analyte") not in analytes:
        return ""
    rule = analytes[said["analyte"]]
    known = [*rule["factors"], *rule["divisors"]]
    return (
        ""
        if _encoded("clinical_unit", said["unit"]) in known
        else f"unit not listed for {said['analyte']} ({', '.join(known)}): unknown"
    )
