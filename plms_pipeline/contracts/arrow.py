"""Declared tables as Arrow schemas, and columns as Arrow tables that follow them to the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plms_pipeline.contracts.codes import codes
from plms_pipeline.contracts.digest import canonical_json
from plms_pipeline.contracts.tables import PARTITION_COLUMNS, Column, Table, schema_version, table
from plms_pipeline.errors import ContractError

Columns = Mapping[str, Sequence[Any] | np.ndarray]

_ARROW = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint16": pa.uint16(),
    "float64": pa.float64(),
    "list<float64>": pa.list_(pa.float64()),
    "list<int32>": pa.list_(pa.int32()),
    "list<string>": pa.list_(pa.string()),
}


def _field(column: Column) -> pa.Field:
    metadata = {"description": column.description, "source": column.source}
    if column.unit:
        metadata["unit"] = column.unit
    if column.codes:
        metadata["codes"] = column.codes
    return pa.field(column.name, _ARROW[column.type], nullable=column.nullable, metadata=metadata)


def column_record(column: Column) -> dict[str, Any]:
    """The declaration of a column as a JSON-able dict without empty entries."""
    return {key: value for key, value in column._asdict().items() if value is not None}


def arrow_schema(name: str, *, partitioned: bool = False) -> pa.Schema:
    """Arrow schema of a declared table.

    Parameters
    ----------
    name
        A table of ``schemas/tables``.
    partitioned
        Leave out ``cohort`` and ``visit``, which a Hive layout holds in the path.

    Returns
    -------
    pyarrow.Schema
        Field metadata carries description, unit, code list and source; the schema metadata carries the same
        as JSON under ``plms:dictionary``, because only pyarrow keeps field metadata.
    """
    declared = table(name)
    columns = [c for c in declared.columns if not (partitioned and c.name in PARTITION_COLUMNS)]
    metadata = {
        "plms:table": name,
        "plms:schema_version": schema_version(),
        "plms:dictionary": canonical_json([column_record(column) for column in columns]),
    }
    return pa.schema([_field(column) for column in columns], metadata=metadata)


def empty(name: str) -> pa.Table:
    """A table of the declared schema without rows."""
    return arrow_schema(name).empty_table()


def _array(declared: Table, column: Column, values: Any) -> pa.Array:
    at = f"table '{declared.name}', column '{column.name}'"
    try:
        if column.type == "string" and isinstance(values, np.ndarray):
            values = values.tolist()
        if "int" in column.type and not column.type.startswith("list"):
            # pyarrow truncates 1.5 to 1 when it is told the type; a checked cast does not.
            array = pa.array(values, from_pandas=True).cast(_ARROW[column.type])
        else:
            array = pa.array(values, type=_ARROW[column.type], from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ContractError(f"{at}: not {column.type} ({str(error).splitlines()[0]})") from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if column.type == "float64":
        numbers = array.to_numpy(zero_copy_only=False)
        if np.isinf(numbers).any():
            raise ContractError(f"{at}: holds an infinite value")
        if column.precision is not None:
            numbers = np.round(numbers, column.precision)
        array = pa.array(numbers + 0.0, type=pa.float64(), from_pandas=True)
    if not column.nullable and array.null_count:
        raise ContractError(f"{at}: null in row {pc.index(pc.is_null(array), True).as_py()}, but it is not nullable")
    if column.codes is not None:
        flat = array.flatten() if pa.types.is_list(array.type) else array
        allowed = codes(column.codes).values
        for value in pc.unique(flat).to_pylist():
            if value is not None and value not in allowed:
                raise ContractError(f"{at}: '{value}' is not in the code list '{column.codes}'")
    if (column.min is not None or column.max is not None) and array.null_count < len(array):
        flat = array.flatten() if pa.types.is_list(array.type) else array
        limits = pc.min_max(flat).as_py()
        if column.min is not None and limits["min"] is not None and limits["min"] < column.min:
            raise ContractError(f"{at}: {limits['min']} is below the declared minimum {column.min}")
        if column.max is not None and limits["max"] is not None and limits["max"] > column.max:
            raise ContractError(f"{at}: {limits['max']} is above the declared maximum {column.max}")
    return array


def to_arrow(name: str, columns: Columns) -> pa.Table:
    """Columns as an Arrow table of the declared schema.

    Parameters
    ----------
    name
        A table of ``schemas/tables``.
    columns
        Column name → values, all of one length; ``None`` and NaN are null.

    Returns
    -------
    pyarrow.Table
        Declared columns in declared order, floats rounded to their declared precision.

    Raises
    ------
    ContractError
        For an undeclared or missing column, a null where none is allowed, a value outside its code list or
        range, an infinite number, or lengths that differ.
    """
    declared = table(name)
    if undeclared := [column for column in columns if column not in declared.column_names]:
        raise ContractError(f"table '{name}': column '{undeclared[0]}' is not declared in schemas/tables/{name}.yaml")
    if missing := [column for column in declared.column_names if column not in columns]:
        raise ContractError(f"table '{name}': declared column '{missing[0]}' is missing")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ContractError(f"table '{name}': columns of different length {sorted(lengths)}")
    arrays = [_array(declared, column, columns[column.name]) for column in declared.columns]
    return pa.table(arrays, schema=arrow_schema(name))
