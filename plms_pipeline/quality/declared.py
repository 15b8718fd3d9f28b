"""Checks generated from the declarations of tables: keys, nulls, code lists, ranges, reasons.

Great Expectations needs some 25 ms for one expectation, whatever it looks at: the 330 columns of ``night`` as one
expectation per column and rule took 9 s on ten rows. So a table with one row per recording is laid out in cells
(a row per recording and column, with the column's own code list and limits) and validated whole by one expectation
per rule; every other table is counted by DuckDB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.quality.candidate import first_line, quoted, text
from plms_pipeline.quality.counts import Counted
from plms_pipeline.quality.expectations import Suite, at_most, expectation

NEVER_NULL, DOMAIN, RANGE, REASON, KEY = (
    "declared_never_null",
    "declared_domain",
    "declared_range",
    "declared_reason",
    "declared_key",
)
UNKNOWN = ("unknown", "undetermined")  # values that stand for not known, each with a reason beside it


_PER_QUERY = 50  # DuckDB plans many aggregates in more than linear time: 499 rules took 2.5 s at once, 0.5 s in fifties


class Rule(NamedTuple):
    """A rule about one column (or, for the key, about rows) as DuckDB conditions on the table."""

    check: str
    table: str
    column: str
    violated: str
    applicable: str

    @property
    def query(self) -> str:
        """The violating rows."""
        return f"SELECT * FROM {quoted(self.table)} WHERE ({self.applicable}) AND ({self.violated})"


class RuleCount(NamedTuple):
    """Violated and applicable rows of a rule, the recordings outside, or why it could not be counted."""

    n_violated: int
    n_applicable: int
    units: tuple[str, ...]
    error: str | None

    def as_counted(self) -> Counted:
        """The same for the count table, where the release is the unit: such rules allow no violated row anywhere."""
        return Counted({"release": (self.n_violated, self.n_applicable)}, self.error)


def is_whole(table: str) -> bool:
    """Whether the table has one row per recording or is a single file, so that Great Expectations reads it whole."""
    declared = contracts.table(table)
    return declared.layout == "single" or declared.key == ("recording_id",)


def unit_of(table: str) -> str:
    """SQL text that names a row: the recording where there is one, else the key."""
    declared = contracts.table(table)
    if "recording_id" in declared.column_names:
        return "CAST(recording_id AS VARCHAR)"
    return "concat_ws('/', " + ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in declared.key) + ")"


def rules_of(table: str) -> list[Rule]:
    """All generated rules of a table, those about list columns and reasons included."""
    rules: list[Rule] = []
    declared = contracts.table(table)
    names = set(declared.column_names)
    for column in declared.columns:
        name, known = quoted(column.name), f"{quoted(column.name)} IS NOT NULL"
        is_list = column.type.startswith("list")
        if not column.nullable:
            rules.append(Rule(NEVER_NULL, table, column.name, f"{name} IS NULL", "true"))
        if column.codes is not None:
            condition = _outside_domain("item" if is_list else name, contracts.codes(column.codes).values)
            rules.append(Rule(DOMAIN, table, column.name, _of_items(name, condition, is_list), known))
        if column.min is not None or column.max is not None:
            condition = _outside_range("item" if is_list else name, column.min, column.max)
            rules.append(Rule(RANGE, table, column.name, _of_items(name, condition, is_list), known))
        may_be_unknown = column.nullable or set(UNKNOWN) & set(
            contracts.codes(column.codes).values if column.codes else ()
        )
        if f"{column.name}_reason" in names and may_be_unknown:
            reason = quoted(f"{column.name}_reason")
            is_unknown = f"({name} IS NULL OR CAST({name} AS VARCHAR) IN {UNKNOWN!r})"
            rules.append(Rule(REASON, table, column.name, f"{is_unknown} = ({reason} IS NULL)", "true"))
    return rules


def key_query(table: str) -> str:
    """Keys that occur more than once, as rows of unit and number."""
    keys = ", ".join(quoted(name) for name in contracts.table(table).key)
    return (
        f"SELECT any_value({unit_of(table)}) AS unit, count(*) AS n_rows, {keys} FROM {quoted(table)} "
        f"GROUP BY {keys} HAVING count(*) > 1"
    )


def count_key(connection: Any, table: str) -> RuleCount:
    """Count the keys of a table that stand in more than one row."""
    import duckdb

    try:
        rows = connection.execute(f"SELECT unit FROM ({key_query(table)}) ORDER BY 1").fetchall()
        n_rows = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]
    except duckdb.Error as error:
        return RuleCount(0, 0, (), first_line(error))
    return RuleCount(len(rows), n_rows, tuple(sorted({str(row[0]) for row in rows})), None)


def count_rules(connection: Any, table: str, rules: Sequence[Rule]) -> list[RuleCount]:
    """Count rules of one table, many in one scan; a rule whose query fails is an error of its own."""
    import duckdb

    if not rules:
        return []
    if len(rules) > _PER_QUERY:
        parts = (rules[at : at + _PER_QUERY] for at in range(0, len(rules), _PER_QUERY))
        return [count for part in parts for count in count_rules(connection, table, part)]
    counts = ", ".join(
        f"count(CASE WHEN ({rule.applicable}) AND ({rule.violated}) THEN 1 END), "
        f"count(CASE WHEN {rule.applicable} THEN 1 END)"
        for rule in rules
    )
    try:
        row = connection.execute(f"SELECT {counts} FROM {quoted(table)}").fetchone()
    except duckdb.Error as error:
        if len(rules) == 1:
            return [RuleCount(0, 0, (), first_line(error))]
        return [count for rule in rules for count in count_rules(connection, table, [rule])]
    found = []
    for at, rule in enumerate(rules):
        units: tuple[str, ...] = ()
        if row[2 * at]:
            units = tuple(
                str(one[0])
                for one in connection.execute(
                    f"SELECT DISTINCT {unit_of(table)} FROM {quoted(table)} "
                    f"WHERE ({rule.applicable}) AND ({rule.violated}) ORDER BY 1"
                ).fetchall()
            )
        found.append(RuleCount(int(row[2 * at]), int(row[2 * at + 1]), units, None))
    return found


def cells(connection: Any, table: str, rules: Sequence[Rule]) -> tuple[Suite, dict[tuple[str, str], RuleCount]]:
    """A whole table laid out in cells with one expectation per rule.

    Parameters
    ----------
    connection
        DuckDB connection of the candidate.
    table
        Table with one row per recording, or a single file.
    rules
        Its rules about scalar columns (never null, domain, range).

    Returns
    -------
    Suite
        Frame with the columns ``column``, ``unit``, ``required``, ``coded``, ``number``, ``low`` and
        ``high``, a row per cell.
    dict
        (check, column) → numbers of applicable cells, or why the column cannot be read.
    """
    import duckdb
    import pandas as pd

    declared = contracts.table(table)
    by_column: dict[str, set[str]] = {}
    for rule in rules:
        by_column.setdefault(rule.column, set()).add(rule.check)
    frames: list[Any] = []
    counted: dict[tuple[str, str], RuleCount] = {}
    unit = unit_of(table)
    for name, checks in by_column.items():
        column = declared.column(name)
        selected = {
            "required": f"CAST({quoted(name)} AS VARCHAR)" if NEVER_NULL in checks else "''",
            "coded": f"{text(f'{column.codes}=')} || CAST({quoted(name)} AS VARCHAR)" if DOMAIN in checks else "NULL",
            "number": f"CAST({quoted(name)} AS DOUBLE)" if RANGE in checks else "CAST(NULL AS DOUBLE)",
            "low": "CAST(NULL AS DOUBLE)" if column.min is None else repr(float(column.min)) + "::DOUBLE",
            "high": "CAST(NULL AS DOUBLE)" if column.max is None else repr(float(column.max)) + "::DOUBLE",
        }
        listed = ", ".join(f"{expression} AS {alias}" for alias, expression in selected.items())
        try:
            frame = connection.execute(
                f'SELECT {text(name)} AS "column", {unit} AS unit, {listed} FROM {quoted(table)} ORDER BY unit'
            ).df()
        except duckdb.Error as error:
            counted |= {(check, name): RuleCount(0, 0, (), first_line(error)) for check in checks}
            continue
        frames.append(frame)
        applicable = {NEVER_NULL: len(frame), DOMAIN: int(frame["coded"].count()), RANGE: int(frame["number"].count())}
        counted |= {(check, name): RuleCount(0, applicable[check], (), None) for check in checks}
    lists = sorted({column.codes for column in declared.columns if column.codes is not None})
    allowed = [f"{name}={value}" for name in lists for value in contracts.codes(name).values]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"column": [], "unit": []})
    expectations = [
        expectation("expect_column_values_to_not_be_null", NEVER_NULL, column="required"),
        expectation("expect_column_values_to_be_in_set", DOMAIN, column="coded", value_set=allowed),
        at_most(f"{RANGE} above", "number", "high"),
        at_most(f"{RANGE} below", "low", "number"),
    ]
    return Suite(f"table {table}", frame, ("column", "unit"), expectations), counted


def _of_items(name: str, condition: str, is_list: bool) -> str:
    return f"len(list_filter({name}, lambda item: {condition})) > 0" if is_list else condition


def _outside_domain(value: str, allowed: Sequence[str]) -> str:
    listed = ", ".join(text(str(item)) for item in allowed)
    return f"CAST({value} AS VARCHAR) NOT IN ({listed})" if listed else "true"


def _outside_range(value: str, low: float | None, high: float | None) -> str:
    conditions = [f"{value} < {low!r}"] if low is not None else []
    return " OR ".join([*conditions, f"{value} > {high!r}"] if high is not None else conditions)
