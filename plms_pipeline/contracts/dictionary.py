"""The data dictionary: every column and every coded value of a release as rows."""

from __future__ import annotations

from typing import Any

from plms_pipeline.contracts import _files
from plms_pipeline.contracts.codes import codes
from plms_pipeline.contracts.tables import schema_version, tables


def dictionary_columns() -> dict[str, list[Any]]:
    """Columns of the table ``data_dictionary``: one row per declared column, in declared order."""
    rows: list[dict[str, Any]] = []
    for declared in tables().values():
        for position, column in enumerate(declared.columns):
            rows.append(
                {
                    "table": declared.name,
                    "column": column.name,
                    "position": position,
                    "description": column.description,
                    "dtype": column.type,
                    "unit_ucum": column.unit,
                    "domain": column.codes,
                    "min": None if column.min is None else float(column.min),
                    "max": None if column.max is None else float(column.max),
                    "precision": column.precision,
                    "is_nullable": column.nullable,
                    "is_key": column.name in declared.key,
                    "source": column.source,
                    "access": declared.access,
                    "schema_version": schema_version(),
                }
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


def domain_columns() -> dict[str, list[Any]]:
    """Columns of the table ``domain``: one row per value of every code list."""
    rows = [
        (name, code.value, code.label, position)
        for name in _files.names("codes")
        for position, code in enumerate(codes(name).codes)
    ]
    return dict(zip(("code_list", "value", "label", "position"), map(list, zip(*rows, strict=True)), strict=True))


def dictionary_markdown() -> str:
    """The data dictionary as a Markdown page, a section per table."""
    lines = ["# Data dictionary", "", f"Generated from `schemas/tables` (schema version {schema_version()}).", ""]
    for declared in tables().values():
        lines += [
            f"## `{declared.name}`",
            "",
            f"{declared.title}. Grain: {declared.grain}. Key: {', '.join(declared.key)}. Access: {declared.access}.",
            "",
            "| column | type | unit | values | null | description | source |",
            "|---|---|---|---|---|---|---|",
        ]
        for column in declared.columns:
            values = f"`{column.codes}`" if column.codes else _range(column.min, column.max)
            cells = (
                f"`{column.name}`",
                column.type,
                column.unit or "",
                values,
                "yes" if column.nullable else "no",
                column.description,
                column.source,
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        lines.append("")
    lines += ["## Code lists", ""]
    for name in _files.names("codes"):
        listed = codes(name)
        lines += [f"### `{name}`", "", listed.description.strip().replace("\n", " "), ""]
        lines += [f"- `{code.value}`: {' '.join(code.label.split())}" for code in listed.codes]
        lines.append("")
    return "\n".join(lines)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} … {'' if high is None else high}"
