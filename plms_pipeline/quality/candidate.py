"""A candidate release as DuckDB views: one per table, and views about files, tables and columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.errors import InputError

_TYPES = {
    "string": "VARCHAR", "bool": "BOOLEAN", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT",
    "uint16": "USMALLINT", "float64": "DOUBLE", "list<float64>": "DOUBLE[]", "list<int32>": "INTEGER[]",
    "list<string>": "VARCHAR[]",
}  # fmt: skip

_PART_COLUMNS = {
    "table_name": "VARCHAR", "part": "VARCHAR", "is_partitioned": "BOOLEAN", "path_cohort": "VARCHAR",
    "path_visit": "VARCHAR", "file_cohort": "VARCHAR", "file_visit": "VARCHAR", "has_partition_column": "BOOLEAN",
    "is_simulated": "BOOLEAN", "is_named_simulated": "BOOLEAN", "n_rows": "BIGINT",
}  # fmt: skip
_TABLE_COLUMNS = {
    "table_name": "VARCHAR", "is_declared": "BOOLEAN", "is_present": "BOOLEAN", "layout": "VARCHAR",
    "access": "VARCHAR", "n_rows": "BIGINT",
}  # fmt: skip


def quoted(name: str) -> str:
    """A name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A value as a DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """First line of a message of DuckDB, which names tables and columns of ours."""
    return (str(error).splitlines() or [error.__class__.__name__])[0]


def table_files(candidate: Path) -> dict[str, list[Path]]:
    """Parquet files of every table in a candidate release, tables and files sorted."""
    found: dict[str, list[Path]] = {}
    for path in sorted(candidate.glob("*.parquet")):
        found[path.stem] = [path]
    for folder in sorted(path for path in candidate.iterdir() if path.is_dir()):
        if files := sorted(folder.glob("**/*.parquet")):
            found[folder.name] = files
    return dict(sorted(found.items()))


def _path_value(path: Path, name: str) -> str | None:
    for part in path.parts:
        if part.startswith(f"{name}="):
            return part.partition("=")[2]
    return None


def _duckdb_type(arrow_type: Any) -> str:
    """Name of an Arrow type in DuckDB; the Arrow name itself for types that no declared column has."""
    import pyarrow as pa

    names = {pa.float64(): "DOUBLE", pa.string(): "VARCHAR", pa.large_string(): "VARCHAR", pa.bool_(): "BOOLEAN",
             pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.uint16(): "USMALLINT"}  # fmt: skip
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return f"{_duckdb_type(arrow_type.value_type)}[]"
    if pa.types.is_dictionary(arrow_type):
        return _duckdb_type(arrow_type.value_type)
    return names.get(arrow_type, str(arrow_type))


def _parts(candidate: Path, files: dict[str, list[Path]]) -> tuple[list[tuple[Any, ...]], list[tuple[str, str, str]]]:
    """Rows of ``release_part`` (what path, name and metadata say about each file), and columns found with types."""
    import pyarrow.parquet as pq

    rows: list[tuple[Any, ...]] = []
    columns: dict[tuple[str, str, str], None] = {}
    for table, paths in files.items():
        for path in paths:
            footer = pq.ParquetFile(path)
            metadata = footer.schema_arrow.metadata or {}
            relative = path.relative_to(candidate)
            inside = {
                name: metadata[f"plms:{name}".encode()].decode() if f"plms:{name}".encode() in metadata else None
                for name in (*contracts.PARTITION_COLUMNS, "simulated")
            }
            partitioned = _path_value(relative, "cohort") is not None
            found = {field.name: _duckdb_type(field.type) for field in footer.schema_arrow}
            if partitioned:
                found |= dict.fromkeys(contracts.PARTITION_COLUMNS, "VARCHAR")
            columns |= dict.fromkeys((table, name, kind) for name, kind in found.items())
            rows.append(
                (
                    table,
                    relative.as_posix(),
                    partitioned,
                    _path_value(relative, "cohort"),
                    _path_value(relative, "visit"),
                    inside["cohort"],
                    inside["visit"],
                    partitioned and any(name in footer.schema_arrow.names for name in contracts.PARTITION_COLUMNS),
                    None if inside["simulated"] is None else inside["simulated"] == "true",
                    "simulated" in path.name,
                    footer.metadata.num_rows,
                )
            )
    return rows, sorted(columns)


@contextmanager
def opened(candidate: Path) -> Iterator[Any]:
    """DuckDB connection over a candidate release.

    Views: every table of the release under its name (a declared partitioned table without a part is an empty
    view), ``release_part`` (a row per file), ``release_table`` (a row per declared or found table),
    ``release_column`` (a row per declared or found column with both types).

    Parameters
    ----------
    candidate
        Folder of the release (``<table>/cohort=…/visit=…/part-*.parquet`` and ``<table>.parquet``).

    Yields
    ------
    duckdb.DuckDBPyConnection
        In memory, without extensions from elsewhere.

    Raises
    ------
    InputError
        When the folder does not exist or holds no table.
    """
    import duckdb

    if not candidate.is_dir():
        raise InputError(f"{candidate.name}: no such release; give the folder of a release")
    files = table_files(candidate)
    if not files:
        raise InputError(f"{candidate.name}: holds no table; give the folder of a release")
    connection = duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2},
    )
    try:
        declared = contracts.tables()
        for table, paths in files.items():
            listed = ", ".join(text(str(path)) for path in paths)
            connection.execute(
                f"CREATE VIEW {quoted(table)} AS SELECT * FROM read_parquet([{listed}], union_by_name = true, "
                "hive_partitioning = true, hive_types = {'cohort': VARCHAR, 'visit': VARCHAR})"
                if any(_path_value(path.relative_to(candidate), "cohort") is not None for path in paths)
                else f"CREATE VIEW {quoted(table)} AS SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"
            )
        for table, contract in declared.items():
            if table not in files and contract.layout == "partitioned":
                columns = ", ".join(
                    f"CAST(NULL AS {_TYPES[column.type]}) AS {quoted(column.name)}" for column in contract.columns
                )
                connection.execute(f"CREATE VIEW {quoted(table)} AS SELECT {columns} WHERE false")
        _describe(connection, candidate, files)
        yield connection
    finally:
        connection.close()


def _store(connection: Any, name: str, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
    """A small table of our own; by way of Arrow, because DuckDB inserts rows one at a time in a millisecond each."""
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "BOOLEAN": pa.bool_(), "BIGINT": pa.int64()}
    arrays = [pa.array([row[at] for row in rows], kinds[kind]) for at, kind in enumerate(columns.values())]
    connection.register("rows_", pa.table(arrays, names=list(columns)))
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows_")
    connection.unregister("rows_")


def _describe(connection: Any, candidate: Path, files: dict[str, list[Path]]) -> None:
    declared = contracts.tables()
    parts, found = _parts(candidate, files)
    _store(connection, "release_part", _PART_COLUMNS, parts)
    rows = {table: sum(part[-1] for part in parts if part[0] == table) for table in files}
    tables = [
        (
            name,
            name in declared,
            name in files,
            declared[name].layout if name in declared else None,
            declared[name].access if name in declared else None,
            rows.get(name, 0),
        )
        for name in sorted(set(declared) | set(files))
    ]
    _store(connection, "release_table", _TABLE_COLUMNS, tables)
    of_declaration = [
        (name, column.name, _TYPES[column.type], column.unit)
        for name, contract in declared.items()
        for column in contract.columns
    ]
    texts = dict.fromkeys(("table_name", "column_name", "declared_type", "unit"), "VARCHAR")
    _store(connection, "declared_column", texts, of_declaration)
    _store(connection, "found_column", dict.fromkeys(("table_name", "column_name", "found_type"), "VARCHAR"), found)
    connection.execute(
        "CREATE TABLE release_column AS SELECT coalesce(f.table_name, d.table_name) AS table_name, "
        "coalesce(f.column_name, d.column_name) AS column_name, f.found_type, d.declared_type, d.unit "
        "FROM found_column f FULL JOIN (SELECT * FROM declared_column WHERE table_name IN "
        "(SELECT table_name FROM release_table WHERE is_present)) d "
        "ON f.table_name = d.table_name AND f.column_name = d.column_name ORDER BY ALL"
    )
