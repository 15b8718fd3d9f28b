"""Parquet parts of a release, written row group by row group so that memory does not grow with the cohort."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError
from plms_pipeline.store.work import row_order

COMPRESSION = "zstd"


def _as_written(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).combine_chunks().cast(schema).replace_schema_metadata(schema.metadata)


def _open(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression=COMPRESSION, write_page_index=True)


class PartWriter:
    """Rows of one table, cohort and visit, in order, to ``part-*.parquet``.

    A row group and a part end after a fixed number of rows, so that the bytes depend on the rows and their order
    alone. At least one part is written, also without rows: every part carries the whole declared schema.

    Parameters
    ----------
    directory
        Folder of the table in the release.
    name, cohort, visit
        Declared table and the two partition values; they stand in the path and the file metadata, not in the rows.
    row_group_rows, part_rows
        Rows of a row group and of a part; the second is a multiple of the first.
    simulated
        Marks the file names and the metadata.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        cohort: str,
        visit: str,
        *,
        row_group_rows: int,
        part_rows: int,
        simulated: bool,
    ) -> None:
        self._name, self._cohort, self._visit = name, cohort, visit
        self._folder = directory / f"cohort={cohort}" / f"visit={visit}"
        self._folder.mkdir(parents=True)
        schema = contracts.arrow_schema(name, partitioned=True)
        self._schema = schema.with_metadata(
            {
                **(schema.metadata or {}),
                b"plms:cohort": cohort.encode(),
                b"plms:visit": visit.encode(),
                b"plms:simulated": b"true" if simulated else b"false",
            }
        )
        self._row_group_rows = row_group_rows
        self._groups_per_part = max(1, part_rows // row_group_rows)
        self._stem = "part-simulated-" if simulated else "part-"
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self._n_groups = self._n_parts = 0
        self._writer: pq.ParquetWriter | None = None
        self._last: tuple[str, ...] | None = None
        self.n_rows = 0

    def append(self, rows: pa.Table) -> None:
        """Add rows of one recording (all declared columns, cohort and visit included).

        Raises
        ------
        ContractError
            When the rows belong to another cohort or visit, or come out of the declared order.
        """
        for column, value in (("cohort", self._cohort), ("visit", self._visit)):
            found = rows.column(column).unique().to_pylist()
            if found not in ([], [value]):
                raise ContractError(f"table '{self._name}': rows of {column} {found} in the part of '{value}'")
        if not rows.num_rows:
            return
        position = (rows.column("subject_id")[0].as_py(), rows.column("recording_id")[0].as_py())
        if self._last is not None and position < self._last:
            raise ContractError(f"table '{self._name}': recording {position[1]} comes out of order")
        self._last = position
        self._waiting.append(rows.drop_columns(["cohort", "visit"]))
        self._n_waiting += rows.num_rows
        while self._n_waiting >= self._row_group_rows:
            self._write_group(self._row_group_rows)

    def _write_group(self, n_rows: int) -> None:
        waiting = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        if self._writer is None:
            self._writer = _open(self._folder / f"{self._stem}{self._n_parts:05d}.parquet", self._schema)
            self._n_parts += 1
        group = _as_written(waiting.slice(0, n_rows), self._schema)
        self._writer.write_table(group, row_group_size=max(1, n_rows))
        self.n_rows += n_rows
        self._n_groups += 1
        self._n_waiting -= n_rows
        # A slice would keep the rows already written alive.
        self._waiting = [waiting.slice(n_rows).combine_chunks()] if self._n_waiting else []
        if self._n_groups % self._groups_per_part == 0:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Write what waits and end the last part."""
        if self._n_waiting or not self._n_parts:
            self._write_group(self._n_waiting)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._writer is not None:
            self._writer.close()


def sort_table(name: str, table: pa.Table) -> pa.Table:
    """Rows in the declared order of the table."""
    return table.sort_by([(column, "ascending") for column in row_order(name)])


def write_single(directory: Path, name: str, table: pa.Table, *, simulated: bool) -> Path:
    """Write a single-file table (``<table>.parquet``), sorted as declared.

    Raises
    ------
    ContractError
        When the table is not of its declared schema or is not declared as a single file.
    """
    schema = contracts.arrow_schema(name)
    if contracts.table(name).layout != "single" or not table.schema.equals(schema):
        raise ContractError(f"table '{name}': not a single-file table of the declared schema")
    schema = schema.with_metadata({**(schema.metadata or {}), b"plms:simulated": b"true" if simulated else b"false"})
    path = directory / f"{name}.parquet"
    with _open(path, schema) as writer:
        writer.write_table(_as_written(sort_table(name, table), schema))
    return path
