"""The count table: violated and applicable rows per check and recording, for Great Expectations to judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from plms_pipeline.quality.candidate import first_line
from plms_pipeline.quality.checks import Check
from plms_pipeline.quality.expectations import Suite, at_most

SUITE = "count table"
ABOVE, BELOW = "rate above its limit", "rate below its limit"


class Counted(NamedTuple):
    """Result of counting one check: per unit (violated, applicable), or why it could not be counted."""

    by_unit: Mapping[str, tuple[int, int]]
    error: str | None

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
        return Counted({}, first_line(error))
    return Counted({"(none)" if unit is None else str(unit): (int(bad), int(all_)) for unit, bad, all_ in rows}, None)


def count_suite(counted: Iterable[tuple[str, Counted, float | None, float | None]]) -> Suite:
    """The count table with its two expectations.

    Parameters
    ----------
    counted
        Key of the check, its counts, smallest and largest rate allowed (None = no limit).

    Returns
    -------
    Suite
        A row per check and unit: key, unit, n_violated, n_applicable, rate, low, high.
    """
    import pandas as pd

    rows = [
        (key, unit, bad, all_, bad / all_, low, high)
        for key, counts, low, high in counted
        for unit, (bad, all_) in counts.by_unit.items()
        if all_
    ]
    frame = pd.DataFrame(rows, columns=["key", "unit", "n_violated", "n_applicable", "rate", "low", "high"])
    frame = frame.astype({"rate": "float64", "low": "float64", "high": "float64"})
    return Suite(SUITE, frame, ("key", "unit"), [at_most(ABOVE, "rate", "high"), at_most(BELOW, "low", "rate")])
