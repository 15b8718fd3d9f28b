"""The gate in front of a release: run every check on a candidate and say whether it may be published."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.quality import counts, declared
from plms_pipeline.quality.candidate import opened
from plms_pipeline.quality.checks import Check, load_checks
from plms_pipeline.quality.expectations import Suite, Verdict, validate

RESULT_TABLE = "quality_result"
_EXAMPLES = 10


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


class _Outcome(NamedTuple):
    """Outcome of one check on one table and column."""

    check: Check
    table: str
    column: str
    status: str
    numerator: int | None = None
    denominator: int | None = None
    units: tuple[str, ...] = ()
    detail: str | None = None
    query: str | None = None


def check_release(candidate: Path, *, only: Collection[str] | None = None) -> GateResult:
    """Run the declared and the generated checks on a candidate release.

    Tables with one row per recording are validated whole by Great Expectations; for every other rule DuckDB counts
    violated and applicable rows, and Great Expectations judges the count table. Thresholds come from
    ``schemas/checks``, domains and ranges from ``schemas/tables`` and ``schemas/codes``.

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
        counted = {
            name: counts.count_check(connection, check)
            for name, check in checks.items()
            if check.applicable is not None
        }
        generated = {name: check for name, check in checks.items() if check.applicable is None}
        suites: list[Suite] = []
        asked: list[_Generated] = []
        if generated:
            for table in _tables_to_check(connection):
                asked += _ask(connection, table, generated, suites)
        to_judge = [(name, found, checks[name].low, checks[name].high) for name, found in counted.items()]
        to_judge += [
            (item.key, item.found.as_counted(), item.check.low, item.check.high) for item in asked if item.suite is None
        ]
        suites.append(counts.count_suite(to_judge))
        verdicts = validate(suites)
    outcomes = [_of_count(checks[name], found, verdicts) for name, found in counted.items()]
    outcomes += [_of_generated(item, verdicts) for item in asked]
    return _result(outcomes)


class _Generated(NamedTuple):
    """A generated rule with its counts; ``suite`` names the suite that judges its cells, None when counted."""

    check: Check
    rule: declared.Rule
    found: declared.RuleCount
    suite: str | None

    @property
    def key(self) -> str:
        """Key of the rule in the count table."""
        return f"{self.rule.check}/{self.rule.table}/{self.rule.column}"


def _tables_to_check(connection: Any) -> list[str]:
    views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return sorted({row[0] for row in views} & contracts.tables().keys() - {RESULT_TABLE})


def _ask(connection: Any, table: str, generated: dict[str, Check], suites: list[Suite]) -> list[_Generated]:
    rules = [rule for rule in declared.rules_of(table) if rule.check in generated]
    asked: list[_Generated] = []
    in_cells: list[declared.Rule] = []
    whole = declared.is_whole(table)
    if whole:
        scalars = {column.name for column in contracts.table(table).columns if not column.type.startswith("list")}
        in_cells = [rule for rule in rules if rule.column in scalars and rule.check != declared.REASON]
        suite, found = declared.cells(connection, table, in_cells)
        if len(suite.frame):
            suites.append(suite)
        asked += [
            _Generated(generated[rule.check], rule, found[rule.check, rule.column], suite.name) for rule in in_cells
        ]
    rest = [rule for rule in rules if rule not in in_cells]
    found_counts = declared.count_rules(connection, table, rest)
    asked += [_Generated(generated[rule.check], rule, one, None) for rule, one in zip(rest, found_counts, strict=True)]
    if declared.KEY in generated:
        rule = declared.Rule(declared.KEY, table, "*", "", "")
        asked.append(_Generated(generated[declared.KEY], rule, declared.count_key(connection, table), None))
    return asked


def _of_count(check: Check, found: counts.Counted, verdicts: dict[tuple[str, str], Verdict]) -> _Outcome:
    query = check.violated_rows_query() if check.is_about_tables else None
    if found.error is not None:
        return _Outcome(check, check.table, "*", "error", detail=found.error, query=query)
    if not found.denominator:
        return _Outcome(check, check.table, "*", "not_applicable", 0, 0, query=query)
    judged = [verdicts[counts.SUITE, key] for key in (counts.ABOVE, counts.BELOW)]
    if problem := next((verdict for verdict in judged if verdict.success is None), None):
        return _Outcome(check, check.table, "*", "error", found.numerator, found.denominator, (), problem.detail, query)
    units = tuple(sorted({unit for verdict in judged for key, unit in verdict.unexpected if key == check.name}))
    status = "failed" if units else "passed"
    return _Outcome(check, check.table, "*", status, found.numerator, found.denominator, units, None, query)


def _of_generated(item: _Generated, verdicts: dict[tuple[str, str], Verdict]) -> _Outcome:
    check, rule, found, suite = item
    query = declared.key_query(rule.table) if rule.check == declared.KEY else rule.query
    if found.error is not None:
        return _Outcome(check, rule.table, rule.column, "error", detail=found.error, query=query)
    if not found.n_applicable:
        return _Outcome(check, rule.table, rule.column, "not_applicable", 0, 0, query=query)
    if suite is None:
        judged = [verdicts[counts.SUITE, key] for key in (counts.ABOVE, counts.BELOW)]
        if problem := next((verdict for verdict in judged if verdict.success is None), None):
            return _Outcome(
                check, rule.table, rule.column, "error", None, found.n_applicable, (), problem.detail, query
            )
        is_outside = any(key == item.key for verdict in judged for key, _ in verdict.unexpected)
        return _Outcome(
            check, rule.table, rule.column, "failed" if is_outside else "passed", found.n_violated, found.n_applicable,
            found.units, None, query,
        )  # fmt: skip
    keys = [f"{rule.check} above", f"{rule.check} below"] if rule.check == declared.RANGE else [rule.check]
    judged = [verdicts[suite, key] for key in keys]
    if problem := next((verdict for verdict in judged if verdict.success is None), None):
        return _Outcome(check, rule.table, rule.column, "error", None, found.n_applicable, (), problem.detail, query)
    outside = [unit for verdict in judged for column, unit in verdict.unexpected if column == rule.column]
    return _Outcome(
        check, rule.table, rule.column, "failed" if outside else "passed", len(outside), found.n_applicable,
        tuple(sorted(set(outside))), None, query,
    )  # fmt: skip


def _result(outcomes: list[_Outcome]) -> GateResult:
    rows: dict[str, list[Any]] = {column: [] for column in contracts.table(RESULT_TABLE).column_names}
    closed: set[str] = set()
    for item in sorted(outcomes, key=lambda one: (one.check.name, one.table, one.column)):
        if item.status in ("failed", "error") and item.check.severity == "error":
            closed.add(item.check.name)
        has_rate = item.numerator is not None and item.denominator
        row = {
            "check_id": item.check.name,
            "table_name": item.table,
            "column_name": item.column,
            "title": item.check.title,
            "level": item.check.level,
            "severity": item.check.severity,
            "status": item.status,
            "numerator": item.numerator,
            "denominator": item.denominator,
            "observed": item.numerator / item.denominator if has_rate else None,  # type: ignore[operator]
            "threshold_low": item.check.low,
            "threshold_high": item.check.high,
            "n_units_outside": len(item.units) if item.status in ("passed", "failed") else None,
            "units_outside": list(item.units[:_EXAMPLES]),
            "detail": item.detail,
            "violated_rows_query": item.query,
        }
        for column, value in row.items():
            rows[column].append(value)
    return GateResult(rows, sorted(closed), not closed)
