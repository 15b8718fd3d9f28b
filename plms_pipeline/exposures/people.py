"""Age, sex and height of people at their nights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures.columns import Bools, Columns, Floats, Index, Small, greatest, least
from plms_pipeline.exposures.status import age_interval

SEXES = ("female", "male")


class People(NamedTuple):
    """One entry per night; NaN and −1 are missing. The ages lie in [lo, hi], or in [lo, hi) where ``age_hi_open``."""

    age_years: Floats
    age_lo: Floats
    age_hi: Floats
    age_hi_open: Bools
    sex: Small
    height_cm: Floats

    def as_stored(self) -> People:
        """The same people with their ages as stored, without what the precision leaves open."""
        return self._replace(
            age_lo=self.age_years, age_hi=self.age_years, age_hi_open=np.zeros(len(self.age_years), np.bool_)
        )


def people_of(demographics: Columns, at: Index, n: int, declaration: dict[str, Any], rules: dict[str, Any]) -> People:
    """People of nights from their demographics rows; a value on which rows differ is left out.

    Parameters
    ----------
    demographics, at
        Rows that may speak for the nights, and the night of each.
    n
        Number of nights.
    declaration, rules
        ``age_precision`` of the cohort; where ages are top-coded.
    """

    def agreed(values: Any, given: Any) -> Floats:
        low, high = (of(values[given], at[given], n, np.nan) for of in (least, greatest))
        return np.where(low == high, low, np.nan)

    age, height = demographics.number("age_years"), demographics.number("height_cm")
    sex = demographics.coded("sex", SEXES)
    ages = agreed(age, ~np.isnan(age))
    distinct, place = np.unique(ages, return_inverse=True)
    bounds = [
        age_interval(
            value,
            declaration.get("age_precision", "unknown"),
            top_code_years=rules["age_top_code_years"],
            top_code_hi_years=rules["age_top_code_hi_years"],
        )
        for value in distinct.tolist()
    ]
    ends = np.array([(np.nan, np.nan) if found is None else (found.lo, found.hi) for found in bounds]).reshape(-1, 2)
    is_open = np.array([found is not None and found.hi_open for found in bounds], np.bool_)
    sexes = agreed(sex.astype(np.float64), sex >= 0)
    return People(
        ages,
        ends[place, 0],
        ends[place, 1],
        is_open[place],
        np.where(np.isnan(sexes), -1, sexes).astype(np.int8),
        agreed(height, ~np.isnan(height)),
    )
