"""Laboratory values of one night: units, censoring, plausibility, time window and the nearest draw."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.exposures.covariates import Row, offset_d
from plms_pipeline.exposures.status import (
    NO,
    UNKNOWN,
    YES,
    Interval,
    Status,
    gt,
    lt,
    point,
    unknown,
)

_VALUE = re.compile(r"^(<=|>=|<|>|≤|≥)?\s*(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?$")


class Draw(NamedTuple):
    """One laboratory value in the canonical unit of its analyte."""

    offset_d: int | None
    interval: Interval | None
    value: float | None
    reason: str | None
    unit_source: str | None
    value_source: float | None
    assay: str | None
    is_censored: bool
    is_high: bool


class LabValue(NamedTuple):
    """The value that speaks for a night: an interval, or a reason why nothing does."""

    analyte: str
    unit: str
    interval: Interval | None
    value: float | None
    offset_d: int | None
    reason: str | None
    n_draws: int
    flags: tuple[str, ...] = ()
    unit_source: str | None = None
    value_source: float | None = None
    assay: str | None = None


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


def to_canonical(value: float, unit: str, analyte_rule: dict[str, Any]) -> float | None:
    """Convert a value to the analyte's unit; None for a unit that is not listed for it.

    Factors and divisors by molar mass are in ``schemas/rules/clinical.yaml`` (ferritin pmol/L ÷ 2.247, creatinine
    µmol/L ÷ 88.4).
    """
    if unit in analyte_rule["factors"]:
        return value * float(analyte_rule["factors"][unit])
    if unit in analyte_rule["divisors"]:
        return value / float(analyte_rule["divisors"][unit])
    return None


def read_draw(row: Row, night: str | None, analyte_rule: dict[str, Any]) -> Draw:
    """One laboratory row as a draw; a missing or unknown unit or an implausible value gives a reason, no value."""
    day = offset_d(row, "collected", night)
    assay = row.get("assay")

    def nothing(reason: str, unit: str | None = None) -> Draw:
        return Draw(day, None, None, reason, unit, None, assay, False, False)

    if "value" not in row:
        return nothing("missing")
    parsed = parse_value(row["value"])
    if parsed is None:
        return nothing("unparsable_value")
    if "unit" not in row:
        return nothing("unit_missing")
    try:
        unit = contracts.codes("clinical_unit").encode(row["unit"])
    except contracts.UnknownCode:
        return nothing("unit_unknown")
    interval, value = parsed
    bounds = [to_canonical(bound, unit, analyte_rule) for bound in (interval.lo, interval.hi)]
    if bounds[0] is None or bounds[1] is None:
        return nothing("unit_unknown", unit)
    interval = interval._replace(lo=bounds[0], hi=bounds[1])
    low, high = analyte_rule["plausible"]
    stated = interval.lo if value is None and math.isinf(interval.hi) else interval.hi
    if not low <= stated <= high:
        return nothing("implausible", unit)
    converted = None if value is None else to_canonical(value, unit, analyte_rule)
    return Draw(day, interval, converted, None, unit, value, assay, value is None, stated > analyte_rule["warn_above"])


def read_draws(rows: list[Row], analyte: str, night: str | None, analyte_rule: dict[str, Any]) -> list[Draw]:
    """All draws of one analyte."""
    codes = contracts.codes("analyte")
    draws = []
    for row in rows:
        try:
            if codes.encode(row["analyte"]) != analyte:
                continue
        except contracts.UnknownCode:
            continue
        draws.append(read_draw(row, night, analyte_rule))
    return draws


def nearest_draw(
    draws: list[Draw],
    analyte: str,
    unit: str,
    window_d: tuple[float, float],
    *,
    around_d: int = 0,
    absent_reason: str = "no_record",
) -> LabValue:
    """The draw nearest to a day inside a closed window; the earlier one on ties, unusable ones passed over.

    Parameters
    ----------
    draws
        Draws of the analyte.
    analyte, unit
        Go into the result.
    window_d
        First and last day relative to ``around_d``, both inside.
    around_d
        Day from which distance is measured (0 = the night).
    absent_reason
        Reason when there is no draw at all.

    Returns
    -------
    LabValue
        Several usable values on the chosen day give the interval that covers them and their mean.
    """
    count = len(draws)

    def nothing(reason: str) -> LabValue:
        return LabValue(analyte, unit, None, None, None, reason, count)

    if not draws:
        return nothing(absent_reason)
    dated = [draw for draw in draws if draw.offset_d is not None]
    inside = [draw for draw in dated if window_d[0] <= (draw.offset_d or 0) - around_d <= window_d[1]]
    if not inside:
        return nothing("outside_window" if dated else "date_unknown")
    ordered = sorted(inside, key=lambda draw: (abs((draw.offset_d or 0) - around_d), draw.offset_d or 0))
    usable = [draw for draw in ordered if draw.interval is not None]
    if not usable:
        return nothing(ordered[0].reason or "missing")
    day = usable[0].offset_d
    same_day = [draw for draw in usable if draw.offset_d == day]
    intervals = sorted({draw.interval for draw in same_day if draw.interval is not None})
    flags = [
        *(["censored"] if any(draw.is_censored for draw in same_day) else []),
        *(["high_value"] if any(draw.is_high for draw in same_day) else []),
        *(["several_draws"] if len(intervals) > 1 else []),
    ]
    top = max(interval.hi for interval in intervals)
    bottom = min(interval.lo for interval in intervals)
    hull = Interval(
        bottom,
        top,
        hi_open=all(interval.hi_open for interval in intervals if interval.hi == top),
        lo_open=all(interval.lo_open for interval in intervals if interval.lo == bottom),
    )
    values = sorted(draw.value for draw in same_day if draw.value is not None)
    value = math.fsum(values) / len(values) if len(values) == len(same_day) else None
    single = same_day[0] if len(intervals) == 1 else None
    return LabValue(
        analyte,
        unit,
        hull,
        value,
        day,
        None,
        count,
        tuple(flags),
        single.unit_source if single else None,
        single.value_source if single else None,
        single.assay if single else None,
    )


def lab_value(rows: list[Row], analyte: str, night: str | None, is_collected: bool, rules: dict[str, Any]) -> LabValue:
    """The value of one analyte for one night, by the window of the rules."""
    rule = rules["analytes"][analyte]
    draws = read_draws(rows, analyte, night, rule)
    first, last = rule["window_d"]
    return nearest_draw(
        draws,
        analyte,
        rule["unit"],
        (first, last),
        absent_reason="no_record" if is_collected else "not_collected",
    )


def iron_between(draw_day: int, iron: dict[str, Any], starts_d: list[int | None]) -> str | None:
    """Reason why iron therapy makes a ferritin unknown for the night, or None.

    Parameters
    ----------
    draw_day
        Day of the draw from the night.
    iron
        Exposure row of class ``iron_therapy``.
    starts_d
        Starts of all iron records (None = not known).
    """
    low, high = min(draw_day, 0), max(draw_day, 0)
    if any(start is not None and low <= start <= high for start in starts_d) and low != high:
        return "iron_therapy_between"
    if low != high and iron["exposed"] == YES and any(start is None for start in starts_d):
        return "iron_therapy_start_unknown"
    return None


def ferritin_status(ferritin: LabValue, rules: dict[str, Any]) -> Status:
    """Whether ferritin is below the threshold (strict), on the interval."""
    if ferritin.interval is None:
        return unknown(ferritin.reason or "missing")
    answer = lt(ferritin.interval, rules["ferritin_threshold_ug_l"])
    reason = None
    if answer == UNKNOWN:
        reason = "censored" if "censored" in ferritin.flags else "interval_spans_threshold"
    return Status(answer, reason, "measured", ferritin.offset_d)


def ferritin_crp_status(ferritin: Status, crp: LabValue, rules: dict[str, Any]) -> Status:
    """Ferritin below the threshold with inflammation considered (after BRINDA, PMC4785469).

    Low is yes; not low with CRP at or below its threshold is no; not low with raised CRP is unknown; with CRP missing
    it is no unless ``require_crp``.
    """
    if ferritin.value != NO:
        return ferritin
    raised = UNKNOWN if crp.interval is None else gt(crp.interval, rules["crp_threshold_mg_l"])
    if raised == YES or (raised == UNKNOWN and (crp.interval is not None or rules["require_crp"])):
        return unknown("inflammation", "measured")
    return ferritin
