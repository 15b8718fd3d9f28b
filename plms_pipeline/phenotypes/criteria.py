"""Three-valued criteria on statuses and intervals: elevated index, composites, compatibility, pattern of factors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from plms_pipeline.exposures.status import (
    NO,
    UNKNOWN,
    YES,
    Interval,
    Status,
    all_of,
    any_of,
    ge,
    gt,
    negation,
    unknown,
)


def by_age(adult: str, child: str, age: Interval | None, adult_age_years: float) -> tuple[str, bool]:
    """Answer of a test whose threshold depends on age, and whether the age is why it is unknown.

    Parameters
    ----------
    adult, child
        Answers under the two thresholds.
    age
        Age interval, None when missing.
    adult_age_years
        Adults from this age.
    """
    is_adult = UNKNOWN if age is None else ge(age, adult_age_years)
    if is_adult == YES:
        return adult, False
    if is_adult == NO:
        return child, False
    return (adult, False) if adult == child else (UNKNOWN, True)


def index_elevated(
    index: Interval, age: Interval | None, adult_per_h: float, child_per_h: float, adult_age_years: float
) -> Status:
    """Whether a PLMS index is above the threshold of the age (ICSD-3: > 15/h adults, > 5/h children, both strict)."""
    value, age_decides = by_age(gt(index, adult_per_h), gt(index, child_per_h), age, adult_age_years)
    if value != UNKNOWN:
        return Status(value)
    if not age_decides:
        return unknown("interval_spans_threshold")
    return unknown("age_missing" if age is None else "age_uncertain")


class Composite(NamedTuple):
    """A composite over all its inputs (strict) and over the inputs this cohort collected (assessed)."""

    strict: Status
    assessed: Status
    universe: tuple[str, ...]
    not_collected: tuple[str, ...]


def first_reason(inputs: Mapping[str, Status]) -> str:
    """Reason of the first unknown input."""
    return next(
        (status.reason for status in inputs.values() if status.value == UNKNOWN and status.reason),
        "input_unknown",
    )


def _any(inputs: Mapping[str, Status]) -> Status:
    if not inputs:
        return unknown("not_collected")
    value = any_of(status.value for status in inputs.values())
    if value == UNKNOWN:
        return unknown(first_reason(inputs))
    return Status(value, None, ",".join(name for name, status in inputs.items() if status.value == YES) or None)


def any_composite(
    inputs: Mapping[str, Status], collected: Collection[str], assessed: Mapping[str, Status] | None = None
) -> Composite:
    """OR over inputs, strict and assessed.

    Parameters
    ----------
    inputs
        Input name → status, in the order of the rule.
    collected
        Names of inputs this cohort collected.
    assessed
        Statuses to use in the assessed form where they differ (inputs that are composites themselves).

    Returns
    -------
    Composite
        The assessed form over no input at all is unknown (``not_collected``), never no.
    """
    universe = tuple(name for name in inputs if name in collected)
    own = {**inputs, **(assessed or {})}
    return Composite(
        _any(inputs),
        _any({name: own[name] for name in universe}),
        universe,
        tuple(name for name in inputs if name not in collected),
    )


def sdb_untreated(ahi: Interval | None, pap_this_night: str, age: Interval | None, rules: Mapping[str, float]) -> str:
    """Whether sleep-disordered breathing stood untreated in this night: no PAP and AHI ≥ 5/h (children ≥ 1/h)."""
    if ahi is None:
        high = UNKNOWN
    else:
        high, _ = by_age(
            ge(ahi, rules["ahi_untreated_adult_per_h"]),
            ge(ahi, rules["ahi_untreated_child_per_h"]),
            age,
            rules["adult_age_years"],
        )
    return all_of((negation(pap_this_night), high))


def not_pap_night(pap_this_night: str) -> Status:
    """yes if the night was without positive airway pressure, else unknown: such a night decides nothing."""
    if pap_this_night == NO:
        return Status(YES)
    return unknown("pap_night" if pap_this_night == YES else "pap_unknown")


def plmd_compatible(elevated: Status, disturbance: Status, better_explained: Status, not_pap: Status) -> Status:
    """Criteria-compatible with periodic limb movement disorder, not a diagnosis (ICSD-3 notes a and b).

    AND of an elevated index, a clinical disturbance, no better explanation and a night without airway pressure.
    """
    value = all_of((elevated.value, disturbance.value, negation(better_explained.value), not_pap.value))
    if value != UNKNOWN:
        return Status(value)
    if elevated.value == UNKNOWN:
        return unknown("plms_elevated_unknown")
    if disturbance.value == UNKNOWN:
        return unknown("disturbance_unknown")
    if better_explained.value == UNKNOWN:
        return unknown("exclusion_unknown")
    return unknown(not_pap.reason or "pap_unknown")


def secondary_factor_pattern(elevated: str, factors: Mapping[str, str]) -> str:
    """Which factors accompany an elevated index: co-occurrence, not cause.

    Parameters
    ----------
    elevated
        yes, no or unknown.
    factors
        Assessed factor → status, over the factors this cohort could assess.
    """
    if elevated == NO:
        return "not_applicable"
    if elevated == UNKNOWN:
        return "undetermined"
    present = [name for name, value in factors.items() if value == YES]
    if len(present) >= 2:
        return "multiple"
    if UNKNOWN in factors.values() or not factors:
        return "undetermined"
    return present[0] if present else "none_of_assessed"


def masked_possible(elevated: str, suppressor_exposed: str) -> str:
    """Whether a non-elevated index may be due to a suppressing medicine (a treated patient is no true negative)."""
    return all_of((negation(elevated), suppressor_exposed))
