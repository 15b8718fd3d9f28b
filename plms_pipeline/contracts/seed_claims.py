"""The clinical claims behind the columns: which column speaks to which, and which table of the analysis answers it."""

from __future__ import annotations

import re
from typing import Any

from plms_pipeline.contracts import _files
from plms_pipeline.contracts.tables import table, tables
from plms_pipeline.errors import ContractError

_KEYS = {"id", "says", "columns", "tables", "not_measurable", "remark"}
_CITED = re.compile(r"\bC\d+\b")


def claims() -> list[dict[str, Any]]:
    """The declared claims, checked against the tables of a release.

    Raises
    ------
    ContractError
        A claim without an answer, or one that names a column or an analysis table that is not declared.
    """
    declared = _files.load_yaml("claims.yaml")
    for claim in declared["claims"]:
        where = f"schemas/claims.yaml: {claim.get('id')}"
        if unknown := set(claim) - _KEYS:
            raise ContractError(f"{where}: unknown key {', '.join(sorted(unknown))}")
        if bool(claim.get("not_measurable")) == bool(claim.get("columns") or claim.get("tables")):
            raise ContractError(f"{where}: needs columns or tables, or says why it is not measurable")
        for name, columns in claim.get("columns", {}).items():
            if name not in tables():
                raise ContractError(f"{where}: table '{name}' is not declared")
            for column in columns:
                if column not in table(name).column_names:
                    raise ContractError(f"{where}: column '{column}' is not in table {name}")
        for name in claim.get("tables", ()):
            if name not in declared["tables"]:
                raise ContractError(f"{where}: analysis table '{name}' is not described under 'tables'")
    return list(declared["claims"])


def columns_citing() -> dict[str, list[str]]:
    """Claim → columns of a release whose source names it, as ``table.column``."""
    found: dict[str, list[str]] = {}
    for name in tables():
        for column in table(name).columns:
            if "seed claim" in column.source:
                for claim in _CITED.findall(column.source):
                    found.setdefault(claim, []).append(f"{name}.{column.name}")
    return found


def claims_markdown() -> str:
    """``docs/claims.md``: every claim with its columns, its analysis table, or why it is not measurable."""
    citing = columns_citing()
    lines = [
        "# The clinical claims this project started from",
        "",
        "Generated from `schemas/claims.yaml` by `make docs`.",
        "",
        'Columns and checks cite these as "seed claim C…". They come from a clinical review text on jerking of the '
        "legs during sleep; several are contradicted by published cohorts, so every output must be able to show "
        '"no association", and none is hard-coded as an expectation. A table of the analysis named here is filled by '
        "the epidemiology part.",
        "",
        "| claim | says | columns of a release | answered by | columns citing it |",
        "|---|---|---|---|---|",
    ]
    for claim in claims():
        columns = "; ".join(
            f"{name}: {', '.join(f'`{column}`' for column in names)}"
            for name, names in claim.get("columns", {}).items()
        )
        answer = ", ".join(f"`{name}`" for name in claim.get("tables", ())) or "the columns themselves"
        if claim.get("not_measurable"):
            columns, answer = "none", f"not measurable: {claim['not_measurable']}"
        remark = f" ({claim['remark']})" if claim.get("remark") else ""
        lines.append(
            f"| {claim['id']} | {claim['says']} | {columns}{remark} | {answer} | {len(citing.get(claim['id'], []))} |"
        )
    lines += ["", "## Tables of the analysis", "", "| table | holds |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in _files.load_yaml("claims.yaml")["tables"].items()]
    return "\n".join(lines) + "\n"
