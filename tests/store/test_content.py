"""The content digest follows values, not chunks or representation."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

import plms_pipeline.store
from plms_pipeline.store.content import content_digest

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("number", pa.float64()),
        ("count", pa.int32()),
        ("flag", pa.bool_()),
        ("numbers", pa.list_(pa.float64())),
        ("words", pa.list_(pa.string())),
    ]
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ROW = st.tuples(
    st.none() | st.text(max_size=4),
    st.none() | NUMBER,
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.booleans(),
    st.none() | st.lists(st.none() | NUMBER, max_size=3),
    st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3),
)
ROWS = st.lists(ROW, max_size=8)


def table(rows: list[tuple[object, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 8), max_size=4))
def test_pieces_do_not_matter(rows: list[tuple[object, ...]], cuts: list[int]) -> None:
    whole = table(rows)
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    pieces = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    assert content_digest([whole]) == content_digest([whole.slice(0, 0), *pieces])
    if pieces:
        assert content_digest([whole]) == content_digest([pa.concat_tables(pieces)])


@given(first=ROWS, second=ROWS)
def test_other_rows_give_another_digest(first: list[tuple[object, ...]], second: list[tuple[object, ...]]) -> None:
    assume(table(first).to_pylist() != table(second).to_pylist())
    assert content_digest([table(first)]) != content_digest([table(second)])


def test_negative_zero_is_zero_and_null_is_not() -> None:
    def digest(value: float | None) -> str:
        return content_digest([pa.table({"x": pa.array([value], pa.float64())})])

    assert digest(-0.0) == digest(0.0)
    assert digest(None) != digest(0.0)


def test_no_module_of_the_store_imports_what_costs_seconds() -> None:
    for path in Path(plms_pipeline.store.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            heavy = {"pandas", "prefect", "great_expectations", "dask", "distributed", "numba"}
            assert not heavy & {name.split(".")[0] for name in found}, path.name
