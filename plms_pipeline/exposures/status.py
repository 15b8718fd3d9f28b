"""Three-valued statuses and intervals: the two ways in which something is known, partly known or unknown.

Values are the strings ``yes``, ``no`` and ``unknown``; every ``unknown`` carries a reason of
``schemas/codes/clinical_reason.yaml``. Connectives follow Kleene's strong three-valued logic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

YES, NO, UNKNOWN = "yes", "no", "unknown"


class Status(NamedTuple):
    """A three-valued answer with what it rests on."""

    value: str
    reason: str | None = None
    basis: str | None = None
    offset_d: int | None = None


def unknown(reason: str, basis: str | None = None) -> Status:
    """``unknown`` with its reason."""
    return Status(UNKNOWN, reason, basis)


def all_of(values: Iterable[str]) -> str:
    """Kleene AND: no if any is no, else unknown if any is unknown, else yes."""
    seen = set(values)
    return NO if NO in seen else UNKNOWN if UNKNOWN in seen else YES


def any_of(values: Iterable[str]) -> str:
    """Kleene OR: yes if any is yes, else unknown if any is unknown, else no."""
    seen = set(values)
    return YES if YES in seen else UNKNOWN if UNKNOWN in seen else NO


def negation(value: str) -> str:
    """Kleene NOT."""
    return {YES: NO, NO: YES, UNKNOWN: UNKNOWN}[value]


class Interval(NamedTuple):
    """What is known of a measure: it lies in [lo, hi], or in [lo, hi) when ``hi_open``."""

    lo: float
    hi: float
    hi_open: bool = False
    lo_open: bool = False


def point(value: float) -> Interval:
    """The interval of an exactly known value."""
    return Interval(value, value)


def gt(x: Interval, threshold: float) -> str:
    """Whether x > threshold: yes if lo > threshold, no if hi ≤ threshold, else unknown."""
    if x.lo > threshold or (x.lo_open and x.lo >= threshold):
        return YES
    return NO if x.hi <= threshold else UNKNOWN


def ge(x: Interval, threshold: float) -> str:
    """Whether x ≥ threshold: yes if lo ≥ threshold, no if hi < threshold (or hi = threshold, open), else unknown."""
    if x.lo >= threshold:
        return YES
    return NO if x.hi < threshold or (x.hi_open and x.hi <= threshold) else UNKNOWN


def lt(x: Interval, threshold: float) -> str:
    """Whether x < threshold."""
    return negation(ge(x, threshold))


def le(x: Interval, threshold: float) -> str:
    """Whether x ≤ threshold."""
    return negation(gt(x, threshold))


def age_interval(
    age_years: float | None, precision: str, *, top_code_years: float, top_code_hi_years: float
) -> Interval | None:
    """Interval of an age as stored.

    Parameters
    ----------
    age_years
        Age at the night in years, None when missing.
    precision
        ``exact`` [a, a]; ``floor`` [a, a+1); ``rounded`` [a−0.5, a+0.5); ``unknown`` [a−1, a+1] (a year either way).
    top_code_years, top_code_hi_years
        An age at or above the first stands for [a, second] unless it is exact.

    Returns
    -------
    Interval or None
        None when the age is missing.
    """
    if age_years is None or not math.isfinite(age_years):
        return None
    if precision == "exact":
        return point(age_years)
    if age_years >= top_code_years:
        return Interval(age_years, top_code_hi_years)
    if precision == "floor":
        return Interval(age_years, age_years + 1, hi_open=True)
    if precision == "rounded":
        return Interval(max(0.0, age_years - 0.5), age_years + 0.5, hi_open=True)
    return Interval(max(0.0, age_years - 1), age_years + 1)
