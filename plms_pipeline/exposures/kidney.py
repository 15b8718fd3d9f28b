"""Kidney function of nights: eGFR as an interval, its KDIGO stage, and whether a low one lasts.

The eGFR falls with creatinine, with cystatin C and with age, so that the ends of what is known bound it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures import nearest as near
from plms_pipeline.exposures.columns import Bools, Floats, Index, Small, counts, greatest, least
from plms_pipeline.exposures.draws import Draws, day_hulls
from plms_pipeline.exposures.laboratory import Laboratory, LabValue
from plms_pipeline.exposures.people import SEXES, People
from plms_pipeline.exposures.renal import (
    egfr_ckdepi_2012_cys,
    egfr_ckdepi_2021,
    egfr_ckdepi_2021_crcys,
    egfr_schwartz,
    stage_of,
)
from plms_pipeline.exposures.status import NO, YES, Interval, Status, unknown

EQUATIONS = ("ckdepi2021_cr", "schwartz_bedside", "ckdepi2021_crcys", "ckdepi2012_cys")
CHRONICITIES = ("confirmed", "single", "not_confirmed")
REASONS = (
    *near.REASONS,
    "age_missing",
    "age_uncertain",
    "under_18",
    "height_missing",
    "sex_missing",
    "censored",
    "interval_spans_threshold",
    "dialysis",
)
_REASON = {name: np.int8(code) for code, name in enumerate(REASONS)}
_CENSORED = near.FLAG["censored"]
UNIT = "mL/min/1.73m2"


class Kidney(NamedTuple):
    """eGFR of one night, its stage and how long it is known to last."""

    egfr: Interval | None
    value: float | None
    stage: str | None
    equation: str | None
    offset_d: int | None
    reason: str | None
    stage_reason: str | None
    chronicity: str | None
    is_low: Status


class Egfr(NamedTuple):
    """eGFR of nights by one equation; NaN and −1 are null. ``reason`` is why ``lo`` and ``hi`` are missing."""

    lo: Floats
    hi: Floats
    value: Floats
    equation: Small
    offset_d: Floats
    reason: Small
    spans: Small
    n_draws: Index
    is_censored: Bools


class Kidneys(NamedTuple):
    """eGFR of nights from creatinine, the two with cystatin C beside it, and the chronicity of a low one."""

    creatinine: Egfr
    both: Egfr
    cystatin: Egfr
    chronicity: Small


def _ends(
    equation: Callable[..., Floats], low: list[Floats], high: list[Floats], people: People, rows: Any
) -> tuple[Floats, Floats]:
    """Least and greatest eGFR of adults over the ends of inputs and ages, and over both sexes where it is missing."""
    sex, found = people.sex[rows], []
    if all(np.isnan(values).all() for values in low):
        nothing = np.full(len(low[0]), np.nan)
        return nothing, nothing
    is_open = sex < 0
    for inputs, age, extreme, at_zero, at_infinity in (
        (high, people.age_hi[rows], np.minimum, np.inf, 0.0),
        (low, people.age_lo[rows], np.maximum, np.inf, 0.0),
    ):
        is_zero = np.any([values <= 0 for values in inputs], axis=0)
        is_infinite = np.any([np.isinf(values) for values in inputs], axis=0)
        safe = [np.where(is_zero | is_infinite, 1.0, values) for values in inputs]
        # Ages of 0 and below are no adults: their result is not used.
        years = np.where(age > 0, age, 1.0)
        result = equation(*safe, years, np.where(sex == SEXES.index("male"), "male", "female"))
        if is_open.any():
            result = np.where(is_open, extreme(result, equation(*safe, years, "male")), result)
        found.append(np.where(is_infinite, at_infinity, np.where(is_zero, at_zero, result)))
    return found[0], found[1]


class _Applies(NamedTuple):
    is_adult: Bools
    is_child: Bools
    reason: Small


def _applies(people: People, rows: Any, rules: dict[str, Any], *, for_children: bool) -> _Applies:
    """Which equation the age allows, and why none."""
    lo, hi, hi_open = people.age_lo[rows], people.age_hi[rows], people.age_hi_open[rows]
    limit = rules["adult_age_years"]
    is_adult = lo >= limit
    is_minor = (hi < limit) | (hi_open & (hi <= limit))
    height = people.height_cm[rows]
    old_enough = lo >= rules["schwartz_bedside"]["min_age"]
    no_height = ~(height > 0)
    reason = np.select(
        [
            np.isnan(lo),
            is_adult,
            ~is_minor,
            is_minor & (not for_children),
            ~old_enough,
            no_height,
        ],
        [
            _REASON["age_missing"],
            np.int8(-1),
            _REASON["age_uncertain"],
            _REASON["under_18"],
            _REASON["age_uncertain"],
            _REASON["height_missing"],
        ],
        np.int8(-1),
    ).astype(np.int8)
    return _Applies(is_adult, is_minor & (reason < 0), reason)


def creatinine_bounds(
    lo: Floats, hi: Floats, people: People, rows: Any, rules: dict[str, Any]
) -> tuple[Floats, Floats, Small, Small]:
    """Least and greatest eGFR from creatinine: CKD-EPI 2021 from 18 years, bedside Schwartz under 18.

    Parameters
    ----------
    lo, hi
        mg/dL, one entry per draw.
    people, rows
        Age, sex and height, and whose of them each draw is.

    Returns
    -------
    (lo, hi, equation, reason)
        mL/min/1.73 m²; codes of :data:`EQUATIONS` and :data:`REASONS`, −1 for none.
    """
    applies = _applies(people, rows, rules, for_children=True)
    low, high = _ends(egfr_ckdepi_2021, [lo], [hi], people, rows)
    height = np.where(people.height_cm[rows] > 0, people.height_cm[rows], 1.0)
    with np.errstate(divide="ignore"):
        child_low = np.where(np.isinf(hi), 0.0, egfr_schwartz(np.where((hi > 0) & ~np.isinf(hi), hi, 1.0), height))
        child_high = np.where(lo <= 0, np.inf, egfr_schwartz(np.where(lo > 0, lo, 1.0), height))
    nothing = applies.reason >= 0
    low = np.where(nothing, np.nan, np.where(applies.is_adult, low, child_low))
    high = np.where(nothing, np.nan, np.where(applies.is_adult, high, child_high))
    equation = np.where(nothing, -1, np.where(applies.is_adult, 0, 1)).astype(np.int8)
    return low, high, equation, applies.reason


def _spans(people: People, is_adult: Bools, is_censored: Bools) -> Small:
    """Why an eGFR with bounds has no single value or stage."""
    no_sex = (people.sex < 0) & is_adult
    found = np.where(no_sex, _REASON["sex_missing"], _REASON["interval_spans_threshold"])
    return np.where(is_censored, _REASON["censored"], found).astype(np.int8)


def _from_creatinine(value: near.Nearest, people: People, rules: dict[str, Any]) -> Egfr:
    everyone = slice(None)
    low, high, equation, why = creatinine_bounds(value.lo, value.hi, people, everyone, rules)
    stored = people.as_stored()
    at_point, _, _, _ = creatinine_bounds(value.value, value.value, stored, everyone, rules)
    is_adult = equation == 0
    has_point = (equation >= 0) & ~np.isnan(value.value) & (~is_adult | (people.sex >= 0))
    missing = value.reason >= 0
    is_censored = (value.flags & _CENSORED) > 0
    return Egfr(
        np.where(missing, np.nan, low),
        np.where(missing, np.nan, high),
        np.where(has_point & ~missing, at_point, np.nan),
        np.where(missing, -1, equation).astype(np.int8),
        np.where(missing, np.nan, value.offset_d),
        np.where(missing, value.reason, why).astype(np.int8),
        _spans(people, is_adult, is_censored),
        value.n_draws,
        is_censored,
    )


def _of_adults(
    equation: str, formula: Callable[..., Floats], inputs: list[near.Nearest], people: People, rules: dict[str, Any]
) -> Egfr:
    applies = _applies(people, slice(None), rules, for_children=False)
    low, high = _ends(formula, [v.lo for v in inputs], [v.hi for v in inputs], people, slice(None))
    points = [v.value for v in inputs]
    at_point, _ = _ends(formula, points, points, people.as_stored(), slice(None))
    missing = np.zeros(len(low), np.bool_)
    reason = applies.reason
    is_censored = np.zeros(len(low), np.bool_)
    for value in inputs:
        reason = np.where(value.reason >= 0, value.reason, reason).astype(np.int8)
        missing |= np.isnan(value.value)
        is_censored |= (value.flags & _CENSORED) > 0
    nothing = reason >= 0
    return Egfr(
        np.where(nothing, np.nan, low),
        np.where(nothing, np.nan, high),
        np.where(nothing | missing | (people.sex < 0), np.nan, at_point),
        np.where(nothing, -1, EQUATIONS.index(equation)).astype(np.int8),
        np.where(inputs[0].reason >= 0, np.nan, inputs[0].offset_d),
        reason,
        _spans(people, np.ones(len(low), np.bool_), is_censored),
        np.minimum.reduce([value.n_draws for value in inputs]),
        is_censored,
    )


def _same_day(found: Laboratory, rules: dict[str, Any]) -> list[near.Nearest]:
    """Creatinine and cystatin C of the day nearest to the night on which both are usable."""
    pairs = {name: day_hulls(*found.of(name, rules)) for name in ("creatinine", "cystatin_c")}
    keys = [at * 1_000_000.0 + day for at, day, _ in pairs.values()]
    _, *places = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    window = [np.full(found.n, float(end)) for end in rules["analytes"]["creatinine"]["window_d"]]
    chosen = []
    for (name, (at, day, hull)), rows in zip(pairs.items(), places, strict=True):
        draws: Draws = hull.take(rows)
        value = near.nearest(
            draws, at[rows], day[rows], found.n, window[0], window[1],
            around_d=np.zeros(found.n), absent_reason="no_paired_draw",
        )  # fmt: skip
        alone = found.values[name]
        other = found.values["cystatin_c" if name == "creatinine" else "creatinine"]
        why = np.where(alone.reason >= 0, alone.reason, np.where(other.reason >= 0, other.reason, value.reason))
        chosen.append(value._replace(reason=np.where(value.reason < 0, -1, why).astype(np.int8)))
    return chosen


def kidneys(found: Laboratory, people: People, rules: dict[str, Any]) -> Kidneys:
    """eGFR of all nights, before dialysis is considered.

    Parameters
    ----------
    found
        Laboratory values of the nights.
    people
        Age, sex and height at the nights.
    rules
        Clinical rules.

    Returns
    -------
    Kidneys
        Creatinine decides; the equations with cystatin C stand beside it and are never mixed with it.
    """
    return Kidneys(
        _from_creatinine(found.values["creatinine"], people, rules),
        _of_adults("ckdepi2021_crcys", egfr_ckdepi_2021_crcys, _same_day(found, rules), people, rules),
        _of_adults("ckdepi2012_cys", egfr_ckdepi_2012_cys, [found.values["cystatin_c"]], people, rules),
        _chronicity(found, people, rules),
    )


def _chronicity(found: Laboratory, people: People, rules: dict[str, Any]) -> Small:
    """Whether two eGFR below the limit lie far enough apart; draws after the window of the night do not count."""
    draws, at, day = found.of("creatinine", rules)
    known = (draws.reason < 0) & (day <= rules["analytes"]["creatinine"]["window_d"][1])
    draws, at, day = draws.take(known), at[known], day[known]
    _, high, _, _ = creatinine_bounds(draws.lo, draws.hi, people, at, rules)
    is_low = high < rules["egfr_renal_failure"]
    first = least(day[is_low], at[is_low], found.n, np.nan)
    last = greatest(day[is_low], at[is_low], found.n, np.nan)
    n_draws = counts(at, found.n)
    lasting = last - first >= rules["chronicity_d"]
    codes = np.where(lasting, 0, np.where(n_draws == 1, 1, 2))
    return np.where(n_draws == 0, -1, codes).astype(np.int8)


def egfr_value(egfr: Egfr, analyte: str, night: int) -> LabValue:
    """eGFR of one night as a laboratory value."""
    is_known = egfr.reason[night] < 0
    value = _number(egfr.value[night])
    return LabValue(
        analyte,
        UNIT,
        Interval(float(egfr.lo[night]), float(egfr.hi[night])) if is_known else None,
        value,
        _day(egfr.offset_d[night]),
        _reason(egfr, night),
        int(egfr.n_draws[night]),
        ("censored",) if is_known and egfr.is_censored[night] else (),
    )


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _day(value: Any) -> int | None:
    return None if np.isnan(value) else int(value)


def _reason(egfr: Egfr, night: int) -> str | None:
    """Why there is no single value."""
    if egfr.reason[night] >= 0:
        return REASONS[egfr.reason[night]]
    return None if not np.isnan(egfr.value[night]) else REASONS[egfr.spans[night]]


def kidney_of(found: Kidneys, night: int, rules: dict[str, Any]) -> Kidney:
    """Kidney function of one night from creatinine, before dialysis is considered."""
    egfr = found.creatinine
    lasting = CHRONICITIES[found.chronicity[night]] if found.chronicity[night] >= 0 else None
    reason, offset = _reason(egfr, night), _day(egfr.offset_d[night])
    if egfr.reason[night] >= 0:
        why = reason or "missing"
        return Kidney(None, None, None, None, offset, why, why, lasting, unknown(why))
    interval = Interval(float(egfr.lo[night]), float(egfr.hi[night]))
    spans = REASONS[egfr.spans[night]]
    stage = stage_of(interval, rules)
    limit = rules["egfr_renal_failure"]
    is_low = unknown(spans)
    if interval.hi < limit or interval.lo >= limit:
        is_low = Status(YES if interval.hi < limit else NO, None, EQUATIONS[egfr.equation[night]], offset)
    return Kidney(
        interval,
        _number(egfr.value[night]),
        stage,
        EQUATIONS[egfr.equation[night]],
        offset,
        reason,
        None if stage else spans,
        lasting,
        is_low,
    )


def under_dialysis(kidney: Kidney) -> Kidney:
    """The same night under dialysis: the eGFR cannot be interpreted, the stage is G5D."""
    return kidney._replace(
        egfr=None, value=None, stage="G5D", equation=None, reason="dialysis", stage_reason=None,
        is_low=unknown("dialysis"),
    )  # fmt: skip
