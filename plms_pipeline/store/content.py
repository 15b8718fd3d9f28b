"""Content digests of tables: the same rows give the same digest under every version of every library."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from plms_pipeline.contracts import digest_of
from plms_pipeline.store.files import relative_files

_LITTLE = {"float": "<f8", "int": "<i8", "bool": "u1"}


class _Values:
    """Running digest of the values of one column, independent of how they come in pieces."""

    def __init__(self) -> None:
        self._valid = xxhash.xxh3_128()
        self._sizes = xxhash.xxh3_128()
        self._data = xxhash.xxh3_128()
        self._children: _Values | None = None
        self._n = 0

    def update(self, array: pa.Array) -> None:
        self._n += len(array)
        self._valid.update(pc.is_valid(array).cast(pa.uint8()).to_numpy(zero_copy_only=False).tobytes())
        kind = array.type
        if pa.types.is_list(kind):
            lengths = pc.fill_null(pc.list_value_length(array), 0)
            self._sizes.update(lengths.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
            self._children = self._children or _Values()
            self._children.update(array.flatten())
        elif pa.types.is_string(kind):
            filled = pc.fill_null(array, "")
            lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False)
            self._sizes.update(lengths.astype("<i8").tobytes())
            self._data.update("".join(filled.to_pylist()).encode())
        else:
            name = "bool" if pa.types.is_boolean(kind) else "float" if pa.types.is_floating(kind) else "int"
            numbers = pc.fill_null(array, pa.scalar(0, kind) if name != "bool" else False)
            values = numbers.to_numpy(zero_copy_only=False).astype(_LITTLE[name])
            if name == "float":
                values = values + np.float64(0.0)  # -0.0 and 0.0 are one number
            self._data.update(np.ascontiguousarray(values).tobytes())

    def record(self) -> list[Any]:
        inner = self._children.record() if self._children else None
        return [self._n, self._valid.hexdigest(), self._sizes.hexdigest(), self._data.hexdigest(), inner]


def content_digest(tables: Iterable[pa.Table]) -> str:
    """Digest of rows that come in pieces, in order; column names and values count, types' widths do not."""
    columns: dict[str, _Values] = {}
    for table in tables:
        for name in table.column_names:
            values = columns.setdefault(name, _Values())
            for chunk in table.column(name).chunks:
                values.update(chunk)
    return digest_of({name: values.record() for name, values in columns.items()})


def _pieces(paths: Iterable[Path]) -> Iterable[pa.Table]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield file.schema_arrow.empty_table()
            for index in range(file.num_row_groups):
                yield file.read_row_group(index)


def describe_tables(release: Path) -> dict[str, dict[str, Any]]:
    """Rows, content digest, partitions and files of every table in the folder of a release.

    Returns
    -------
    dict
        Table → ``{rows, content_digest, partitions: [{path, rows, content_digest}], files}``. One row group is
        in memory at a time.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for name in relative_files(release):
        if name.endswith(".parquet") and not name.startswith(("reports/", "share/")):
            parts = name.split("/")
            table = parts[0].removesuffix(".parquet")
            groups.setdefault(table, {}).setdefault("/".join(parts[1:-1]), []).append(name)
    found: dict[str, dict[str, Any]] = {}
    for table, partitions in sorted(groups.items()):
        described = []
        for path, files in sorted(partitions.items()):
            rows = sum(pq.read_metadata(release / name).num_rows for name in files)
            digest = content_digest(_pieces(release / name for name in files))
            described.append({"path": path, "rows": rows, "content_digest": digest})
        found[table] = {
            "rows": sum(partition["rows"] for partition in described),
            "content_digest": digest_of([[p["path"], p["rows"], p["content_digest"]] for p in described]),
            "partitions": described,
            "files": sorted(name for files in partitions.values() for name in files),
        }
    return found
