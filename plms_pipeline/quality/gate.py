"""The gate in front of a release: run every check on a candidate and say whether it may be published."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.quality import counts
from plms_pipeline.quality.candidate import opened, quoted
from plms_pipeline.quality.checks import GENERATED, Check, load_checks
from plms_pipeline.quality.expectations import Suite, Verdict, validate

RESULT_TABLE = "quality_result"
_EXAMPLES = 10
_WHOLE_KEYS = {"recording_id", "subject_id", "cohort", "visit", "rule_set"}


class GateResult(NamedTuple):
    """What the checks said.

    Attributes
    ----------
    rows
        Columns of table ``quality_result``, sorted by check, table and column.
    closed
        ``check_id`` of every check that closes the gate, sorted, each once.
    open
        Whether the candidate may be published.
    """

    rows: dict[str, list[Any]]
    closed: list[str]
    open: bool


class _Asked(NamedTuple):
    """One row of the result in the making."""

    key: str
    check: Check
    table: str
    column: str
    counted: counts.Counted | None


def check_release(candidate: Path, *, only: Collection[str] | None = None) -> GateResult:
    """Run the declared and the generated checks on a candidate release.

    Tables with one row per recording (and rule set) or per subject are validated whole by Great Expectations;
    for every other rule DuckDB counts violated and applicable rows per recording, and Great Expectations judges
    the count table. Thresholds come from ``schemas/checks``, domains and ranges from ``schemas/tables``.

    Parameters
    ----------
    candidate
        Folder of the candidate release; ``quality_result`` need not be there.
    only
        Names of checks; None runs all.

    Returns
    -------
    GateResult
        The gate is closed by a check of severity ``error`` that failed or could not run.

    Raises
    ------
    InputError
        When the folder is no release.
    ContractError
        When a check is not declared properly.
    """
    checks = {name: check for name, check in load_checks().items() if only is None or name in only}
    with opened(candidate) as connection:
        asked = [
            _Asked(f"{name}/{check.table}/*", check, check.table, "*", counts.count_check(connection, check))
            for name, check in checks.items()
            if check.applicable is not None
        ]
        suites: list[Suite] = []
        generated = {name: checks[name] for name in GENERATED if name in checks}
        if generated:
            present = {
                row[0]
                for row in connection.execute(
                    "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
                ).fetchall()
            }
            for table in contracts.tables():
                if table in present and table != RESULT_TABLE:
                    _ask_declaration(connection, table, generated, asked, suites)
        suites += _count_suites(asked)
        verdicts = validate(suites)
    return _result(asked, verdicts)


def is_whole(table: str) -> bool:
    """Whether Great Expectations reads the table whole: single files, and one row per recording and rule set."""
    declared = contracts.table(table)
    return declared.layout == "single" or set(declared.key) <= _WHOLE_KEYS


def _ask_declaration(
    connection: Any, table: str, generated: dict[str, Check], asked: list[_Asked], suites: list[Suite]
) -> None:
    unit = "recording_id" if "recording_id" in contracts.table(table).column_names else "'release'"
    whole = is_whole(table)
    for rule, counted in _counted_rules(connection, table, whole, unit).items():
        name, _, column = rule.split("/")
        if name in generated:
            asked.append(_Asked(rule, generated[name], table, column, counted))
    if whole:
        expectations = []
        for expectation in contracts.column_expectations(table):
            name, column = expectation["meta"]["check"], expectation["meta"]["column"] or "*"
            if name in generated:
                key = f"{name}/{table}/{column}"
                expectations.append({**expectation, "meta": {"key": key}})
                asked.append(_Asked(key, generated[name], table, column, None))
        frame, unit_column = _frame(connection, table)
        suites.append(Suite(f"table {table}", frame, unit_column, expectations))
        return
    if "declared_key" in generated:
        counted = counts.count_check(connection, counts.key_rule(table))
        asked.append(_Asked(f"declared_key/{table}/*", generated["declared_key"], table, "*", counted))
    if "declared_columns" in generated:
        expectations = [
            {**expectation, "meta": {"key": f"declared_columns/{table}/*"}}
            for expectation in contracts.column_expectations(table)
            if expectation["meta"]["check"] == "declared_columns"
        ]
        asked.append(_Asked(f"declared_columns/{table}/*", generated["declared_columns"], table, "*", None))
        frame = connection.execute(f"SELECT * FROM {quoted(table)} LIMIT 0").df()
        suites.append(Suite(f"table {table}", frame, "recording_id", expectations))


def _counted_rules(connection: Any, table: str, whole: bool, unit: str) -> dict[str, counts.Counted]:
    rules = counts.generated_rules(table, lists_only=whole)
    return counts.count_rules(connection, table, rules, unit)


def _frame(connection: Any, table: str) -> tuple[Any, str]:
    """All columns of a table as a pandas frame in key order, and the column that names its rows."""
    found = [row[0] for row in connection.execute(f"DESCRIBE {quoted(table)}").fetchall()]
    declared = contracts.table(table)
    order = ", ".join(quoted(name) for name in declared.key if name in found)
    frame = connection.execute(
        f"SELECT * FROM {quoted(table)}" + (f" ORDER BY {order}" if order else "")
    ).df()
    unit = next((name for name in ("recording_id", *declared.key) if name in found), found[0])
    return frame, unit


def _count_suites(asked: Iterable[_Asked]) -> list[Suite]:
    """Count tables, one per level: a row per unit, a column of violated rates per check."""
    import pandas as pd

    levels: dict[str, list[_Asked]] = {}
    for item in asked:
        if item.counted is not None and item.counted.error is None and item.counted.denominator:
            levels.setdefault(item.check.level, []).append(item)
    suites = []
    for level, items in sorted(levels.items()):
        units = sorted({unit for item in items for unit in item.counted.by_unit})  # type: ignore[union-attr]
        rates = {
            item.key: [
                bad / all_ if all_ else None
                for bad, all_ in (item.counted.by_unit.get(unit, (0, 0)) for unit in units)  # type: ignore[union-attr]
            ]
            for item in items
        }
        frame = pd.DataFrame({"unit": units} | {key: pd.Series(rate, dtype="float64") for key, rate in rates.items()})
        expectations = [
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": item.key, "min_value": item.check.low, "max_value": item.check.high},
                "meta": {"key": item.key},
            }
            for item in items
        ]
        suites.append(Suite(f"counts per {level}", frame, "unit", expectations))
    return suites


def _status(item: _Asked, verdict: Verdict | None) -> tuple[str, int | None, int | None, tuple[str, ...], str | None]:
    """Status, numerator, denominator, units outside the threshold, detail."""
    if item.counted is not None:
        if item.counted.error is not None:
            return "error", None, None, (), item.counted.error
        numerator, denominator = item.counted.numerator, item.counted.denominator
        if not denominator:
            return "not_applicable", 0, 0, (), None
        if verdict is None or verdict.success is None:
            return "error", numerator, denominator, (), verdict.detail if verdict else "the check was not run"
        return "passed" if verdict.success else "failed", numerator, denominator, verdict.units, None
    if verdict is None or verdict.success is None:
        return "error", None, None, (), verdict.detail if verdict else "the check was not run"
    if verdict.n_elements is None:  # about the table, not its rows
        n_columns = len(contracts.table(item.table).columns)
        return "passed" if verdict.success else "failed", verdict.n_unexpected or 0, n_columns, (), verdict.detail
    if not verdict.n_elements:
        return "not_applicable", 0, 0, (), None
    status = "passed" if verdict.success else "failed"
    return status, verdict.n_unexpected, verdict.n_elements, verdict.units, verdict.detail


def _result(asked: list[_Asked], verdicts: dict[str, Verdict]) -> GateResult:
    rows: dict[str, list[Any]] = {column: [] for column in contracts.table(RESULT_TABLE).column_names}
    closed: set[str] = set()
    for item in sorted(asked, key=lambda one: (one.check.name, one.table, one.column)):
        status, numerator, denominator, units, detail = _status(item, verdicts.get(item.key))
        if status in ("failed", "error") and item.check.severity == "error":
            closed.add(item.check.name)
        query = item.counted.query if item.counted is not None else None
        row = {
            "check_id": item.check.name,
            "table_name": item.table,
            "column_name": item.column,
            "title": item.check.title,
            "level": item.check.level,
            "severity": item.check.severity,
            "status": status,
            "numerator": numerator,
            "denominator": denominator,
            "observed": None if not denominator or numerator is None else min(1.0, numerator / denominator),
            "threshold_low": item.check.low,
            "threshold_high": item.check.high,
            "n_units_outside": len(units) if status in ("passed", "failed") else None,
            "units_outside": list(units[:_EXAMPLES]),
            "detail": detail,
            "violated_rows_query": query,
        }
        for column, value in row.items():
            rows[column].append(value)
    return GateResult(rows, sorted(closed), not closed)
