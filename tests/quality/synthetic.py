"""A small valid release made of rows, and ways to plant one defect in it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from plms_pipeline import contracts

Row = dict[str, Any]
RULE_SETS = ("aasm3", "wasm2016")


def default(column: contracts.Column) -> Any:
    """A value the declaration allows: null where it may, else the first code or the smallest number."""
    if column.nullable:
        return None
    if column.type.startswith("list"):
        return []
    if column.codes is not None:
        return contracts.codes(column.codes).values[0]
    if column.type == "string":
        return "text"
    if column.type == "bool":
        return False
    low = 0 if column.min is None else column.min
    return float(low) if column.type == "float64" else int(low)


def row(table: str, **values: Any) -> Row:
    """A row of a declared table with defaults for what is not given."""
    columns = contracts.table(table).columns
    assert values.keys() <= {column.name for column in columns}, (table, values.keys())
    made = {column.name: values[column.name] if column.name in values else default(column) for column in columns}
    for column in columns:
        value = column.name.removesuffix("_reason")
        if value != column.name and value in made and column.codes is not None and column.name not in values:
            known = made[value] is not None and made[value] not in ("unknown", "undetermined")
            made[column.name] = None if known else contracts.codes(column.codes).values[0]
    return made


class Release:
    """Rows of every table, to be changed and written; not everything written must follow the declarations."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self.rows = rows
        self.absent: set[str] = set()
        self.types: dict[tuple[str, str], pa.DataType] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.file_names: dict[str, str] = {}
        self.simulated = True

    def copy(self) -> Release:
        """An independent copy."""
        return copy.deepcopy(self)

    def one(self, table: str, **where: Any) -> Row:
        """The first row of a table with the given values."""
        return next(r for r in self.rows[table] if all(r[k] == v for k, v in where.items()))

    def set(self, table: str, column: str, value: Any, **where: Any) -> None:
        """Give a column of the first row that matches another value."""
        self.one(table, **where)[column] = value

    def write(self, folder: Path, tables: Iterable[str] | None = None) -> Path:
        """Write the release (or some of its tables) as Parquet files in the layout of a release."""
        for name in sorted(self.rows if tables is None else tables):
            if name not in self.absent:
                self._write_table(folder, name)
        return folder

    def _write_table(self, folder: Path, name: str) -> None:
        rows = self.rows[name]
        declared = name in contracts.tables()
        if declared and contracts.table(name).layout == "partitioned":
            groups: dict[tuple[str, str], list[Row]] = {}
            for one in rows:
                groups.setdefault((one["cohort"], one["visit"]), []).append(one)
            for (cohort, visit), members in sorted((groups or {("demo", "single"): []}).items()):
                target = folder / name / f"cohort={cohort}" / f"visit={visit}"
                target.mkdir(parents=True)
                metadata = {"plms:cohort": cohort, "plms:visit": visit, **self._simulated(name)}
                file_name = "part-simulated-00000.parquet" if self.simulated else "part-00000.parquet"
                keep = {"cohort", "visit"} if "partition columns inside" in self.metadata.get(name, {}) else set()
                self._write(target / self.file_names.get(name, file_name), name, members, metadata,
                            leave_out={"cohort", "visit"} - keep)  # fmt: skip
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self._write(folder / f"{name}.parquet", name, rows, self._simulated(name), leave_out=set())

    def _simulated(self, name: str) -> dict[str, str]:
        return {"plms:simulated": "true" if self.simulated else "false"} | self.metadata.get(name, {})

    def _write(self, path: Path, name: str, rows: list[Row], metadata: dict[str, str], leave_out: set[str]) -> None:
        declared = contracts.arrow_schema(name) if name in contracts.tables() else pa.schema([])
        found = {column: None for one in rows for column in one}
        removed = {field.name for field in declared} - set(found) if rows else set()
        fields = [
            pa.field(field.name, self.types.get((name, field.name), field.type))
            for field in declared
            if field.name not in leave_out | removed
        ]
        fields += [
            pa.field(column, self.types.get((name, column), pa.string()))
            for column in found
            if column not in declared.names and column not in leave_out
        ]
        schema = pa.schema(fields, metadata={key: value for key, value in metadata.items() if value != ""})
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
