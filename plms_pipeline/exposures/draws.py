"""Laboratory rows as draws in the canonical unit of their analyte: units, censored results, plausibility.

A missing unit is unknown, never guessed. A result below or above a limit ("<5") is an interval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.exposures.columns import Bools, Codes, Columns, Floats, Index, Small, Words
from plms_pipeline.exposures.status import Interval, point

_VALUE = re.compile(r"^(<=|>=|<|>|≤|≥)?\s*(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?$")
# Why a draw says nothing; of several, the first of this list is told.
DRAW_REASONS = ("acute_setting", "implausible", "missing", "unit_missing", "unit_unknown", "unparsable_value")
_REASON = {name: code for code, name in enumerate(DRAW_REASONS)}


class Draws(NamedTuple):
    """Draws of many people; arrays of one length.

    ``analyte`` is a position in the given list (−1: another analyte); ``reason`` one in :data:`DRAW_REASONS` (−1: the
    draw is usable, lo to hi are in the canonical unit); ``value`` is NaN for a censored result; ``unit`` and ``assay``
    are codes into ``units`` and ``assays``.
    """

    analyte: Small
    reason: Small
    lo: Floats
    hi: Floats
    lo_open: Bools
    hi_open: Bools
    value: Floats
    is_high: Bools
    unit: Small
    value_source: Floats
    assay: Codes
    is_derived: Bools
    units: tuple[str, ...]
    assays: tuple[str, ...]

    def take(self, rows: Any) -> Draws:
        """The draws at these positions."""
        return self.with_arrays(lambda name: getattr(self, name)[rows])

    def with_arrays(self, of: Callable[[str], Any]) -> Draws:
        """Draws with other arrays under the same units and assays."""
        return self._replace(**{name: of(name) for name in self._fields[:-2]})


def parse_value(text: str) -> tuple[Interval, float | None] | None:
    """Interval and point of a result as printed: ``<5`` is [0, 5), ``>2000`` is (2000, inf); None when it is no number.

    The point is None for a censored result.
    """
    found = _VALUE.match(text.strip())
    if not found:
        return None
    sign, mantissa, exponent = found.groups()
    number = float(f"{mantissa}e{exponent or 0}")
    if not math.isfinite(number):
        return None
    if sign is None:
        return point(number), number
    if sign == "<":
        return Interval(0.0, number, hi_open=True), None
    if sign in ("<=", "≤"):
        return Interval(0.0, number), None
    return Interval(number, math.inf, lo_open=sign == ">"), None


def to_canonical(value: Any, unit: str, analyte_rule: dict[str, Any]) -> Any:
    """Convert a value, or an array of them, to the analyte's unit; None for a unit that is not listed for it.

    Factors and divisors by molar mass are in ``schemas/rules/clinical.yaml`` (ferritin pmol/L ÷ 2.247, creatinine
    µmol/L ÷ 88.4).
    """
    if unit in analyte_rule["factors"]:
        return value * float(analyte_rule["factors"][unit])
    if unit in analyte_rule["divisors"]:
        return value / float(analyte_rule["divisors"][unit])
    return None


def _encoded(words: Words, code_list: str, values: tuple[str, ...]) -> Small:
    """Codes of a code list for every row; −1 where the text is missing or not listed."""
    codes = contracts.codes(code_list)
    table = []
    for text in words.values:
        try:
            table.append(values.index(codes.encode(text)))
        except (contracts.UnknownCode, ValueError):
            table.append(-1)
    return np.asarray(np.array([*table, -1], np.int8)[words.codes])


def _parsed(words: Words) -> tuple[Bools, Floats, Floats, Bools, Bools, Floats]:
    """Of every row: is it a number, lo, hi, lo_open, hi_open, point."""
    unusable = (False, np.nan, np.nan, False, False, np.nan)
    table = []
    for text in words.values:
        parsed = parse_value(text)
        if parsed is None:
            table.append(unusable)
        else:
            interval, value = parsed
            value = np.nan if value is None else value
            table.append((True, interval.lo, interval.hi, interval.lo_open, interval.hi_open, value))
    is_number, lo, hi, lo_open, hi_open, points = zip(*[*table, unusable], strict=True)
    at = words.codes
    return (
        np.array(is_number, np.bool_)[at],
        np.array(lo, np.float64)[at],
        np.array(hi, np.float64)[at],
        np.array(lo_open, np.bool_)[at],
        np.array(hi_open, np.bool_)[at],
        np.array(points, np.float64)[at],
    )


def read_draws(laboratory: Columns, analytes: tuple[str, ...], rules: dict[str, Any]) -> Draws:
    """All rows of table ``laboratory`` as draws.

    Parameters
    ----------
    laboratory
        Rows of any number of people.
    analytes
        Analytes wanted, keys of the rule ``analytes``.
    rules
        Clinical rules: units, plausible ranges, ``acute_settings`` and the analytes they concern.

    Returns
    -------
    Draws
        One per row.
    """
    n = laboratory.n
    units = contracts.codes("clinical_unit").values
    analyte = _encoded(laboratory.word("analyte"), "analyte", analytes)
    given_unit = laboratory.word("unit")
    unit = _encoded(given_unit, "clinical_unit", units)
    given = laboratory.word("value")
    is_number, lo, hi, lo_open, hi_open, value = _parsed(given)
    is_censored = is_number & np.isnan(value)
    value_source = np.where(is_censored, np.where(np.isinf(hi), lo, hi), value)
    scale_known = np.zeros(n, np.bool_)
    is_plausible, is_high = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    width = len(units)
    pair = np.where((analyte >= 0) & (unit >= 0), analyte.astype(np.int64) * width + unit, -1)
    for code in np.unique(pair).tolist():
        rule = rules["analytes"][analytes[code // width]]
        if code < 0 or to_canonical(1.0, units[code % width], rule) is None:
            continue
        own = np.flatnonzero(pair == code)
        scale_known[own] = True
        for numbers in (lo, hi, value):
            numbers[own] = to_canonical(numbers[own], units[code % width], rule)
        stated = np.where(np.isinf(hi[own]), lo[own], hi[own])
        low, high = rule["plausible"]
        is_plausible[own] = (low <= stated) & (stated <= high)
        is_high[own] = stated > rule["warn_above"]
    acute = laboratory.coded("setting", rules["acute_settings"]) >= 0
    concerned = [at for at, name in enumerate(analytes) if name in rules["acute_settings_exclude"]]
    reason = np.full(n, -1, np.int8)
    # From the weakest to the strongest: a later one overrides.
    for where, name in (
        (acute & np.isin(analyte, concerned), "acute_setting"),
        (~is_plausible, "implausible"),
        (~scale_known, "unit_unknown"),
        (given_unit.codes < 0, "unit_missing"),
        (~is_number, "unparsable_value"),
        (given.codes < 0, "missing"),
    ):
        reason[where] = _REASON[name]
    assay = laboratory.word("assay")
    return Draws(
        analyte, reason, lo, hi, lo_open, hi_open, value, is_high & ~np.isin(reason, [_REASON["implausible"]]), unit,
        value_source, assay.codes, np.zeros(n, np.bool_), units, assay.values,
    )  # fmt: skip


def day_hulls(draws: Draws, at: Index, day: Floats) -> tuple[Index, Floats, Draws]:
    """One draw per night and day: the interval that covers the usable draws of that day.

    Parameters
    ----------
    draws
        Draws of one analyte.
    at, day
        Night of every draw, and its day from that night.

    Returns
    -------
    (ndarray, ndarray, Draws)
        Night, day and draw, sorted by night and day.
    """
    rows = np.flatnonzero((draws.reason < 0) & ~np.isnan(day))
    order = rows[np.lexsort((day[rows], at[rows]))]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(at[order]) != 0) | (np.diff(day[order]) != 0)
    first = np.flatnonzero(new)
    sorted_draws = draws.take(order)
    if not len(first):
        return at[order], day[order], sorted_draws
    lo = np.minimum.reduceat(sorted_draws.lo, first)
    hi = np.maximum.reduceat(sorted_draws.hi, first)
    several = np.diff(np.append(first, len(order))) > 1
    is_one_value = ~several & ~np.isnan(sorted_draws.value[first])
    hull = sorted_draws.take(first)._replace(lo=lo, hi=hi)
    hull = hull._replace(value=np.where(is_one_value | (several & (lo == hi)), hull.value, np.nan))
    return at[order][first], day[order][first], hull
