"""Laboratory values of nights: ferritin beside iron therapy, CRP beside its ferritin, transferrin saturation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures.columns import Bools, Columns, Floats, Index, columns_of, counts, day_number, offsets_d
from plms_pipeline.exposures.draws import Draws, day_hulls, parse_value, read_draws, to_canonical
from plms_pipeline.exposures.medication import Exposure
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.nearest import FLAG, FLAGS, REASONS, Nearest, nearest
from plms_pipeline.exposures.status import NO, UNKNOWN, YES, Interval, Status, gt, lt, unknown
from plms_pipeline.exposures.use import IS_UNKNOWN, IS_YES

__all__ = ["parse_value", "to_canonical"]

Row = dict[str, Any]


class LabValue(NamedTuple):
    """The value that speaks for one night: an interval, or a reason why nothing does."""

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


class Laboratory(NamedTuple):
    """Draws of all analytes beside their nights, and the value that speaks for every night, by analyte."""

    draws: Draws
    at: Index
    day: Floats
    n: int
    values: dict[str, Nearest]

    def of(self, analyte: str, rules: dict[str, Any]) -> tuple[Draws, Index, Floats]:
        """Draws of one analyte with their nights and days."""
        return _of(self.draws, self.at, self.day, list(rules["analytes"]).index(analyte))


def _of(draws: Draws, at: Index, day: Floats, analyte: int) -> tuple[Draws, Index, Floats]:
    own = np.flatnonzero(draws.analyte == analyte)
    return draws.take(own), at[own], day[own]


def laboratory_values(
    draws: Draws,
    at: Index,
    day: Floats,
    n: int,
    medication: Exposure,
    declaration: dict[str, Any],
    rules: dict[str, Any],
) -> Laboratory:
    """The values that speak for nights, for every analyte of the rules.

    Parameters
    ----------
    draws
        Draws of all analytes, one copy per night (:func:`~plms_pipeline.exposures.draws.read_draws`).
    at, day
        Night of every draw, and its day from that night.
    n
        Number of nights.
    medication
        Exposures of the same nights: iron begun between draw and night makes the ferritin unknown.
    declaration, rules
        ``Covariates.declaration`` and the clinical rules.

    Returns
    -------
    Laboratory
        CRP is the one within ``crp_window_of_ferritin_d`` of the ferritin draw, without a ferritin the one nearest to
        the night. Transferrin saturation is 100 x iron / TIBC of one day, or as reported.
    """
    collected = set(declaration.get("collected", ()))
    names = list(rules["analytes"])
    values: dict[str, Nearest] = {}
    night = np.zeros(n)
    for name in names:
        if name == "crp":
            continue
        own = _of(draws, at, day, names.index(name))
        if name == "tsat":
            own = _joined(own, _saturation(draws, at, day, rules))
        first, last = (np.full(n, float(end)) for end in rules["analytes"][name]["window_d"])
        absent = "no_record" if name in collected else "not_collected"
        values[name] = nearest(*own, n, first, last, around_d=night, absent_reason=absent)
    if "ferritin" in values:
        values["ferritin"] = _beside_iron(values["ferritin"], medication)
        values["crp"] = _crp(draws, at, day, values["ferritin"], collected, rules)
    return Laboratory(draws, at, day, n, {name: values[name] for name in names})


def _crp(
    draws: Draws, at: Index, day: Floats, ferritin: Nearest, collected: set[str], rules: dict[str, Any]
) -> Nearest:
    around = ferritin.offset_d
    has_ferritin = ~np.isnan(around)
    reach = rules["crp_window_of_ferritin_d"]
    first, last = rules["analytes"]["crp"]["window_d"]
    return nearest(
        *_of(draws, at, day, list(rules["analytes"]).index("crp")),
        len(around),
        np.where(has_ferritin, -reach, first),
        np.where(has_ferritin, reach, last),
        around_d=np.where(has_ferritin, around, 0.0),
        absent_reason="no_record" if "crp" in collected else "not_collected",
    )


def _joined(reported: tuple[Draws, Index, Floats], derived: tuple[Draws, Index, Floats]) -> tuple[Draws, Index, Floats]:
    """Reported values and those computed for days without a reported one."""
    day = reported[2]
    taken = set(zip(reported[1][~np.isnan(day)].tolist(), day[~np.isnan(day)].tolist(), strict=True))
    new = [key not in taken for key in zip(derived[1].tolist(), derived[2].tolist(), strict=True)] if taken else None
    rows = np.arange(len(derived[1])) if new is None else np.flatnonzero(new)
    own, other = reported[0], derived[0]
    draws = own.with_arrays(lambda name: np.concatenate([getattr(own, name), getattr(other, name)[rows]]))
    return draws, np.concatenate([reported[1], derived[1][rows]]), np.concatenate([day, derived[2][rows]])


def _saturation(draws: Draws, at: Index, day: Floats, rules: dict[str, Any]) -> tuple[Draws, Index, Floats]:
    """Transferrin saturation of every day with a usable iron and a usable TIBC."""
    names = list(rules["analytes"])
    if "iron" not in names or "tibc" not in names:
        return draws.take(slice(0, 0)), at[:0], day[:0]
    (iron_at, iron_day, iron), (tibc_at, tibc_day, tibc) = (
        day_hulls(*_of(draws, at, day, names.index(name))) for name in ("iron", "tibc")
    )
    _, left, right = np.intersect1d(
        iron_at * 1_000_000.0 + iron_day, tibc_at * 1_000_000.0 + tibc_day, assume_unique=True, return_indices=True
    )
    iron, tibc = iron.take(left), tibc.take(right)
    factor = rules["tsat_percent_factor"]
    low, high = rules["analytes"]["tsat"]["plausible"]
    with np.errstate(divide="ignore"):
        lo, hi, value = factor * iron.lo / tibc.hi, factor * iron.hi / tibc.lo, factor * iron.value / tibc.value
    stated = np.where(np.isnan(value), lo, value)
    bad = (stated < low) | (stated > high)
    return (
        iron._replace(
            analyte=np.full(len(left), names.index("tsat"), np.int8),
            reason=np.where(bad, REASONS.index("implausible"), -1).astype(np.int8),
            lo=lo,
            hi=hi,
            lo_open=iron.lo_open,
            hi_open=iron.hi_open | tibc.lo_open,
            value=value,
            is_high=np.zeros(len(left), np.bool_),
            unit=np.full(len(left), -1, np.int8),
            value_source=np.full(len(left), np.nan),
            assay=np.full(len(left), -1, np.int32),
            is_derived=np.ones(len(left), np.bool_),
        ),
        iron_at[left],
        iron_day[left],
    )


def _beside_iron(ferritin: Nearest, medication: Exposure) -> Nearest:
    """Ferritin without a value where iron therapy began between draw and night."""
    n, width = medication.exposed.shape
    iron = list(medication_table().classes()).index("iron_therapy")
    own = medication.class_begins.cell % width == iron
    at = medication.class_begins.cell[own] // width
    start = medication.class_begins.start_d[own]
    drawn = ferritin.offset_d
    low, high = np.minimum(drawn, 0.0), np.maximum(drawn, 0.0)
    begun = counts(at[(low[at] <= start) & (start <= high[at])], n) > 0
    unplaced = counts(at[np.isnan(start)], n) > 0
    has_value = (ferritin.reason < 0) & (drawn != 0)
    between = has_value & begun
    unsure = has_value & ~between & unplaced & (medication.exposed[:, iron] == IS_YES)
    ferritin = ferritin.unknown_where(between, "iron_therapy_between")
    ferritin = ferritin.unknown_where(unsure, "iron_therapy_start_unknown")
    open_: Bools = (ferritin.reason < 0) & (medication.exposed[:, iron] == IS_UNKNOWN)
    return ferritin._replace(flags=np.where(open_, ferritin.flags | FLAG["iron_therapy_unknown"], ferritin.flags))


def value_of(found: Laboratory, analyte: str, night: int, rules: dict[str, Any]) -> LabValue:
    """The value of one analyte for one night."""
    near = found.values[analyte]
    is_known = near.reason[night] < 0
    unit, assay = int(near.unit[night]), int(near.assay[night])
    source = float(near.value_source[night])
    interval = Interval(
        float(near.lo[night]), float(near.hi[night]), bool(near.hi_open[night]), bool(near.lo_open[night])
    )
    return LabValue(
        analyte,
        rules["analytes"][analyte]["unit"],
        interval if is_known else None,
        None if np.isnan(near.value[night]) else float(near.value[night]),
        None if np.isnan(near.offset_d[night]) else int(near.offset_d[night]),
        None if is_known else REASONS[near.reason[night]],
        int(near.n_draws[night]),
        tuple(name for name in FLAGS if near.flags[night] & FLAG[name]),
        found.draws.units[unit] if unit >= 0 and is_known else None,
        None if np.isnan(source) or not is_known else source,
        found.draws.assays[assay] if assay >= 0 and is_known else None,
    )


def draws_beside(laboratory: Columns, at: Index, night_d: Floats, rules: dict[str, Any]) -> tuple[Draws, Floats]:
    """Draws of rows that stand beside their nights, and the day of each."""
    return read_draws(laboratory, tuple(rules["analytes"]), rules), offsets_d(laboratory, "collected", night_d[at])


def lab_value(rows: list[Row], analyte: str, night: str | None, is_collected: bool, rules: dict[str, Any]) -> LabValue:
    """The value of one analyte for one night by the window of the rules, without regard to medicines."""
    columns = columns_of("laboratory", rows)
    at = np.zeros(columns.n, np.int64)
    night_d = np.array([day_number(night) if night else np.nan])
    draws, day = draws_beside(columns, at, night_d, rules)
    names = list(rules["analytes"])
    first, last = (np.array([float(end)]) for end in rules["analytes"][analyte]["window_d"])
    near = nearest(
        *_of(draws, at, day, names.index(analyte)), 1, first, last, around_d=np.zeros(1),
        absent_reason="no_record" if is_collected else "not_collected",
    )  # fmt: skip
    return value_of(Laboratory(draws, at, day, 1, {analyte: near}), analyte, 0, rules)


def ferritin_status(ferritin: LabValue, rules: dict[str, Any], *, below: float | None = None) -> Status:
    """Whether ferritin is below a threshold (strict), on the interval; without ``below`` the one of iron deficiency."""
    if ferritin.interval is None:
        return unknown(ferritin.reason or "missing")
    answer = lt(ferritin.interval, rules["ferritin_threshold_ug_l"] if below is None else below)
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
