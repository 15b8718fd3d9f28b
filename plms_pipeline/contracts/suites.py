"""Great Expectations suites generated from the declarations: plain dicts without random ids."""

from __future__ import annotations

from typing import Any

from plms_pipeline.contracts.codes import codes
from plms_pipeline.contracts.tables import table


def column_expectations(name: str) -> list[dict[str, Any]]:
    """Expectations that follow from the declaration of a table alone.

    Parameters
    ----------
    name
        A table of ``schemas/tables``.

    Returns
    -------
    list of dict
        ``type``, ``kwargs`` and ``meta.check`` (``declared_<rule>``) of each expectation: exact columns, unique
        key, never null, closed code lists, ranges. Scalar columns only: Great Expectations cannot look into lists.
    """
    declared = table(name)
    found: list[dict[str, Any]] = [
        _expectation(
            "columns",
            None,
            "expect_table_columns_to_match_set",
            {"column_set": list(declared.column_names), "exact_match": True},
        ),
    ]
    if len(declared.key) == 1:
        found.append(
            _expectation("key", declared.key[0], "expect_column_values_to_be_unique", {"column": declared.key[0]})
        )
    else:
        found.append(
            _expectation("key", None, "expect_compound_columns_to_be_unique", {"column_list": list(declared.key)})
        )
    for column in declared.columns:
        if column.type.startswith("list"):
            continue
        if not column.nullable:
            found.append(
                _expectation("never_null", column.name, "expect_column_values_to_not_be_null", {"column": column.name})
            )
        if column.codes is not None:
            found.append(
                _expectation(
                    "domain",
                    column.name,
                    "expect_column_values_to_be_in_set",
                    {"column": column.name, "value_set": list(codes(column.codes).values)},
                )
            )
        if column.min is not None or column.max is not None:
            found.append(
                _expectation(
                    "range",
                    column.name,
                    "expect_column_values_to_be_between",
                    {"column": column.name, "min_value": column.min, "max_value": column.max},
                )
            )
    return found


def _expectation(rule: str, column: str | None, kind: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "meta": {"check": f"declared_{rule}", "column": column}}
