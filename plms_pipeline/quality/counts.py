"""Count tables: violated and applicable rows per recording, by DuckDB, for Great Expectations to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.quality.candidate import quoted, text
from plms_pipeline.quality.checks import Check


class Counted(NamedTuple):
    """Result of counting one check: per unit (violated, applicable), or why it could not be counted."""

    by_unit: Mapping[str, tuple[int, int]]
    error: str | None
    query: str | None

    @property
    def numerator(self) -> int:
        """Violated rows over all units."""
        return sum(violated for violated, _ in self.by_unit.values())

    @property
    def denominator(self) -> int:
        """Applicable rows over all units."""
        return sum(applicable for _, applicable in self.by_unit.values())


def count_check(connection: Any, check: Check) -> Counted:
    """Count the violated and applicable rows of a declared check per unit; never raises for a bad query."""
    import duckdb

    try:
        rows = connection.execute(check.count_query()).fetchall()
    except duckdb.Error as error:
        return Counted({}, _first_line(error), check.violated_rows_query())
    by_unit = {"(none)" if unit is None else str(unit): (int(bad), int(all_)) for unit, bad, all_ in rows}
    return Counted(by_unit, None, check.violated_rows_query())


class Rule(NamedTuple):
    """A rule generated from a declaration, as DuckDB conditions on one table."""

    key: str
    check: str
    column: str
    violated: str
    applicable: str


def generated_rules(table: str, *, lists_only: bool = False) -> list[Rule]:
    """Rules of a table's declaration as DuckDB conditions: nulls, domains, ranges, and the same inside lists.

    Parameters
    ----------
    table
        A declared table.
    lists_only
        Only the rules about list columns, into which Great Expectations cannot look.
    """
    rules: list[Rule] = []
    if not lists_only:
        for expectation in contracts.column_expectations(table):
            check, column = expectation["meta"]["check"], expectation["meta"]["column"]
            kwargs = expectation["kwargs"]
            if check == "declared_never_null":
                rules.append(_rule(table, check, column, f"{quoted(column)} IS NULL", "true"))
            elif check == "declared_domain":
                rules.append(_rule(table, check, column, _outside_domain(quoted(column), kwargs["value_set"]),
                                   f"{quoted(column)} IS NOT NULL"))  # fmt: skip
            elif check == "declared_range":
                rules.append(_rule(table, check, column,
                                   _outside_range(quoted(column), kwargs["min_value"], kwargs["max_value"]),
                                   f"{quoted(column)} IS NOT NULL"))  # fmt: skip
    for column in contracts.table(table).columns:
        if not column.type.startswith("list"):
            continue
        name = quoted(column.name)
        if not column.nullable:
            rules.append(_rule(table, "declared_never_null", column.name, f"{name} IS NULL", "true"))
        conditions = {}
        if column.codes is not None:
            conditions["declared_domain"] = _outside_domain("item", contracts.codes(column.codes).values)
        if column.min is not None or column.max is not None:
            conditions["declared_range"] = _outside_range("item", column.min, column.max)
        for check, condition in conditions.items():
            violated = f"len(list_filter({name}, lambda item: {condition})) > 0"
            rules.append(_rule(table, check, column.name, violated, f"{name} IS NOT NULL"))
    return rules


def count_rules(connection: Any, table: str, rules: Sequence[Rule], unit: str) -> dict[str, Counted]:
    """Count all rules of one table in a single scan, per unit; a query that fails is an error of each rule."""
    import duckdb

    if not rules:
        return {}
    counts = ", ".join(
        f"count(*) FILTER (WHERE ({rule.applicable}) AND ({rule.violated})), count(*) FILTER (WHERE {rule.applicable})"
        for rule in rules
    )
    queries = {
        rule.key: f"SELECT * FROM {quoted(table)} WHERE ({rule.applicable}) AND ({rule.violated})" for rule in rules
    }
    try:
        rows = connection.execute(
            f"SELECT {unit} AS unit, {counts} FROM {quoted(table)} GROUP BY {unit} ORDER BY 1"
        ).fetchall()
    except duckdb.Error as error:
        if len(rules) > 1:
            found: dict[str, Counted] = {}
            for rule in rules:
                found |= count_rules(connection, table, [rule], unit)
            return found
        return {rule.key: Counted({}, _first_line(error), queries[rule.key]) for rule in rules}
    return {
        rule.key: Counted(
            {str(row[0]): (int(row[1 + 2 * at]), int(row[2 + 2 * at])) for row in rows}, None, queries[rule.key]
        )
        for at, rule in enumerate(rules)
    }


def key_rule(table: str) -> Check | None:
    """The declared key of a table as a condition that DuckDB can count per recording."""
    declared = contracts.table(table)
    keys = ", ".join(quoted(name) for name in declared.key)
    return _key_check(table, f"SELECT recording_id, count(*) AS n_rows FROM {quoted(table)} GROUP BY {keys}, recording_id")


def _key_check(table: str, applicable: str) -> Check:
    return Check("declared_key", "", table, "recording", "error", "", "", None, 0.0, "", "", "", "", applicable,
                 "n_rows > 1")  # fmt: skip


def _rule(table: str, check: str, column: str, violated: str, applicable: str) -> Rule:
    return Rule(f"{check}/{table}/{column}", check, column, violated, applicable)


def _outside_domain(value: str, allowed: Sequence[Any]) -> str:
    listed = ", ".join(text(str(item)) for item in allowed)
    return f"CAST({value} AS VARCHAR) NOT IN ({listed})" if listed else "true"


def _outside_range(value: str, low: float | None, high: float | None) -> str:
    conditions = []
    if low is not None:
        conditions.append(f"{value} < {low!r}")
    if high is not None:
        conditions.append(f"{value} > {high!r}")
    return " OR ".join(conditions)


def _first_line(error: Exception) -> str:
    """First line of a DuckDB message, which names tables and columns but no file of ours."""
    return str(error).splitlines()[0]
