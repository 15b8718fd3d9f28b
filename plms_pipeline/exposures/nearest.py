"""The draw that speaks for a night: nearest inside a window, the earlier one on ties, for all nights at once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plms_pipeline.exposures.columns import Bools, Codes, Floats, Index, Small, counts, greatest, least
from plms_pipeline.exposures.draws import DRAW_REASONS, Draws

REASONS = (
    *DRAW_REASONS,
    "date_unknown",
    "iron_therapy_between",
    "iron_therapy_start_unknown",
    "no_paired_draw",
    "no_record",
    "not_collected",
    "outside_window",
)
REASON = {name: code for code, name in enumerate(REASONS)}
FLAGS = (
    "censored",
    "high_value",
    "several_draws",
    "several_assays",
    "derived",
    "iron_therapy_unknown",
    "implausible_draw",
)
FLAG = {name: np.uint8(1 << bit) for bit, name in enumerate(FLAGS)}


class Nearest(NamedTuple):
    """The value that speaks for every night; arrays of one entry per night.

    ``reason`` is a position in :data:`REASONS` (−1: there is a value); ``flags`` bits of :data:`FLAGS`; ``unit`` and
    ``assay`` −1 and ``value_source`` NaN where the draws of the day differ.
    """

    lo: Floats
    hi: Floats
    lo_open: Bools
    hi_open: Bools
    value: Floats
    offset_d: Floats
    reason: Small
    n_draws: Index
    flags: npt.NDArray[np.uint8]
    unit: Small
    value_source: Floats
    assay: Codes

    def unknown_where(self, where: Bools, reason: str) -> Nearest:
        """The same without a value where a rule forbids it; its day stays."""
        return self._replace(
            lo=np.where(where, np.nan, self.lo),
            hi=np.where(where, np.nan, self.hi),
            value=np.where(where, np.nan, self.value),
            reason=np.where(where, np.int8(REASON[reason]), self.reason).astype(np.int8),
        )


def nearest(
    draws: Draws,
    at: Index,
    day: Floats,
    n: int,
    first_d: Floats,
    last_d: Floats,
    *,
    around_d: Floats,
    absent_reason: str,
) -> Nearest:
    """The usable draw nearest to a day inside a closed window; the earlier one on ties.

    Parameters
    ----------
    draws
        Draws of one analyte.
    at, day
        Night of every draw, and its day from that night (NaN: not known).
    n
        Number of nights.
    first_d, last_d
        Window of every night relative to ``around_d``, both ends inside.
    around_d
        Day from which distance is measured (0 = the night).
    absent_reason
        Reason where there is no draw at all.

    Returns
    -------
    Nearest
        Several usable values on the chosen day give the interval that covers them and their mean.
    """
    if not len(at):
        return _nothing(n, absent_reason)
    distance = day - around_d[at]
    inside = (distance >= first_d[at]) & (distance <= last_d[at])
    # Days are whole: doubling makes room to let the earlier of two equally near days win.
    rank = 2 * np.abs(distance) + (distance > 0)
    usable = inside & (draws.reason < 0)
    best = least(rank[usable], at[usable], n, np.nan)
    chosen = np.flatnonzero(usable & (rank == best[at]))
    own, group = draws.take(chosen), at[chosen]
    n_chosen = counts(group, n)
    lo, hi = least(own.lo, group, n, np.nan), greatest(own.hi, group, n, np.nan)
    closed_low = counts(group[(own.lo == lo[group]) & ~own.lo_open], n)
    closed_high = counts(group[(own.hi == hi[group]) & ~own.hi_open], n)
    has_value = n_chosen > 0
    one = _one_of(group, n)
    is_single = has_value & one(own.lo) & one(own.hi) & one(own.lo_open) & one(own.hi_open)
    reason = np.where(has_value, -1, _why_not(draws, at, day, inside, rank, n, absent_reason)).astype(np.int8)
    several_assays = ~_one_of(at[usable], n)(draws.assay[usable])
    is_implausible = draws.reason == REASON["implausible"]
    flags = np.zeros(n, np.uint8)
    for where, name in (
        (counts(group[np.isnan(own.value)], n) > 0, "censored"),
        (counts(group[own.is_high], n) > 0, "high_value"),
        (has_value & ~is_single, "several_draws"),
        (has_value & several_assays, "several_assays"),
        (counts(group[own.is_derived], n) > 0, "derived"),
        (has_value & (counts(at[inside & is_implausible], n) > 0), "implausible_draw"),
    ):
        flags[where] |= FLAG[name]
    same_source = is_single & one(own.unit) & one(own.value_source)
    return Nearest(
        lo,
        hi,
        has_value & (closed_low == 0),
        has_value & (closed_high == 0),
        _means(own.value, group, n_chosen),
        greatest(day[chosen], group, n, np.nan),
        reason,
        counts(at, n),
        flags,
        np.where(same_source, greatest(own.unit, group, n, -1), -1).astype(np.int8),
        np.where(same_source, greatest(own.value_source, group, n, np.nan), np.nan),
        np.where(is_single & one(own.assay), greatest(own.assay, group, n, -1), -1).astype(np.int32),
    )


def _nothing(n: int, absent_reason: str) -> Nearest:
    """What nights without any draw have."""
    null, no, none = np.full(n, np.nan), np.zeros(n, np.bool_), np.full(n, -1, np.int8)
    why = np.full(n, REASON[absent_reason], np.int8)
    none_yet, flags = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    return Nearest(null, null, no, no, null, null, why, none_yet, flags, none, null, none.astype(np.int32))


def _one_of(group: Index, n: int) -> Any:
    """A function that tells, per group, whether all its values are the same (NaN equals NaN)."""

    def one(values: npt.NDArray[Any]) -> Bools:
        numbers = np.where(np.isnan(values), -1.0, values) if values.dtype.kind == "f" else values
        low, high = least(numbers, group, n, 0.0), greatest(numbers, group, n, 0.0)
        return np.asarray(low == high)

    return one


def _means(values: Floats, group: Index, n_chosen: Index) -> Floats:
    """Mean of every group, NaN where a member is censored; summed exactly, whatever the order of rows."""
    n = len(n_chosen)
    mean = np.full(n, np.nan)
    alone = n_chosen[group] == 1
    mean[group[alone]] = values[alone]
    members: dict[int, list[float]] = {}
    for night, value in zip(group[~alone].tolist(), values[~alone].tolist(), strict=True):
        members.setdefault(night, []).append(value)
    for night, given in members.items():
        mean[night] = math.fsum(given) / len(given)
    return mean


def _why_not(draws: Draws, at: Index, day: Floats, inside: Bools, rank: Floats, n: int, absent_reason: str) -> Small:
    """Why no draw speaks: none at all, none dated, none inside the window, or what is wrong with the nearest."""
    is_dated = counts(at[~np.isnan(day)], n) > 0
    has_inside = counts(at[inside], n) > 0
    first = least(rank[inside], at[inside], n, np.nan)
    nearest_one = inside & (rank == first[at])
    wrong = least(draws.reason[nearest_one], at[nearest_one], n, 0)
    return np.select(
        [counts(at, n) == 0, ~is_dated, ~has_inside],
        [REASON[absent_reason], REASON["date_unknown"], REASON["outside_window"]],
        wrong,
    ).astype(np.int8)
