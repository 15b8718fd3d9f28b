"""Declarations of tables: ``schemas/tables/<table>.yaml``, one file per table."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.contracts import _files
from plms_pipeline.contracts.codes import codes
from plms_pipeline.errors import ContractError

TYPES = (
    "string",
    "bool",
    "int16",
    "int32",
    "int64",
    "uint16",
    "float64",
    "list<float64>",
    "list<int32>",
    "list<string>",
)
_TABLE_KEYS = {"table", "title", "grain", "key", "layout", "stage", "access", "sort", "columns", "description"}
_COLUMN_KEYS = {
    "name",
    "type",
    "nullable",
    "unit",
    "codes",
    "min",
    "max",
    "precision",
    "description",
    "source",
}
PARTITION_COLUMNS = ("cohort", "visit")


class Column(NamedTuple):
    """One declared column."""

    name: str
    type: str
    nullable: bool
    unit: str | None
    codes: str | None
    min: float | None
    max: float | None
    precision: int | None
    description: str
    source: str


class Table(NamedTuple):
    """One declared table."""

    name: str
    title: str
    grain: str
    key: tuple[str, ...]
    layout: str
    stage: str
    access: str
    sort: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in declared order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Declaration of one column (KeyError when absent)."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _column(where: str, raw: Any) -> Column:
    if not isinstance(raw, dict) or "name" not in raw:
        raise ContractError(f"{where}: every column needs a name, found {raw!r}")
    name = raw["name"]
    at = f"{where}: column '{name}'"
    if unknown := set(raw) - _COLUMN_KEYS:
        raise ContractError(f"{at}: unknown key '{min(unknown)}'")
    if raw.get("type") not in TYPES:
        raise ContractError(f"{at}: type {raw.get('type')!r} is none of {', '.join(TYPES)}")
    for needed in ("description", "source"):
        if not isinstance(raw.get(needed), str) or not raw[needed].strip():
            raise ContractError(f"{at}: has no {needed}")
    if not isinstance(raw.get("nullable"), bool):
        raise ContractError(f"{at}: 'nullable' must be true or false")
    if raw.get("codes") is not None:
        codes(raw["codes"])
    return Column(
        name,
        raw["type"],
        raw["nullable"],
        raw.get("unit"),
        raw.get("codes"),
        raw.get("min"),
        raw.get("max"),
        raw.get("precision"),
        raw["description"].strip(),
        raw["source"].strip(),
    )


def _parse(name: str, raw: Any) -> Table:
    where = f"schemas/tables/{name}.yaml"
    if not isinstance(raw, dict) or raw.get("table") != name:
        raise ContractError(f"{where}: must begin with 'table: {name}'")
    if unknown := set(raw) - _TABLE_KEYS:
        raise ContractError(f"{where}: unknown key '{min(unknown)}'")
    for needed in ("title", "grain", "key", "layout", "stage", "access", "sort", "columns"):
        if not raw.get(needed):
            raise ContractError(f"{where}: '{needed}' is missing")
    for key, allowed in (
        ("layout", ("partitioned", "single")),
        ("stage", ("detect", "score", "link", "release")),
        ("access", ("controlled", "open")),
    ):
        if raw[key] not in allowed:
            raise ContractError(f"{where}: {key} '{raw[key]}' is none of {', '.join(allowed)}")
    columns = tuple(_column(where, entry) for entry in raw["columns"])
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise ContractError(f"{where}: a column stands twice")
    for role in ("key", "sort"):
        for column in raw[role]:
            if column not in names:
                raise ContractError(f"{where}: {role} column '{column}' is not declared")
    for column in columns:
        if column.name in raw["key"] and column.nullable:
            raise ContractError(f"{where}: key column '{column.name}' must not be nullable")
        if column.name.endswith("_reason") and column.codes is None:
            raise ContractError(f"{where}: reason column '{column.name}' needs a closed code list")
    if raw["layout"] == "partitioned" and not set(PARTITION_COLUMNS) <= set(names):
        raise ContractError(f"{where}: a partitioned table declares cohort and visit")
    return Table(
        name,
        raw["title"],
        raw["grain"],
        tuple(raw["key"]),
        raw["layout"],
        raw["stage"],
        raw["access"],
        tuple(raw["sort"]),
        columns,
    )


@lru_cache(maxsize=256)
def _table(name: str, root: Path) -> Table:
    return _parse(name, _files.load_yaml(root / "tables" / f"{name}.yaml"))


def table(name: str) -> Table:
    """The declaration of one table.

    Raises
    ------
    ContractError
        When the table is not declared or its declaration is incomplete.
    """
    if name not in _files.names("tables"):
        raise ContractError(f"table '{name}' is not declared under schemas/tables")
    return _table(name, _files.schema_root())


def tables() -> dict[str, Table]:
    """All declared tables by name, sorted."""
    return {name: table(name) for name in _files.names("tables")}


def schema_version() -> str:
    """Version of the data model (``schemas/version.yaml``); columns are only added within a major one."""
    return str(_files.load_yaml("version.yaml")["schema_version"])


def forget() -> None:
    """Drop the remembered tables."""
    _table.cache_clear()
