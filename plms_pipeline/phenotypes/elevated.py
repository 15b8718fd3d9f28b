"""Whether the PLMS index of a night is elevated: by its interval, and by its point value alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from plms_pipeline.exposures.status import Interval, Status, point, unknown
from plms_pipeline.phenotypes import criteria as rule

EMG_SENSORS = ("emg", "assumed_emg")


class Elevated(NamedTuple):
    """Answer for one rule set and index: by the interval, and by the point value alone."""

    by_interval: Status
    by_point: Status


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def basis_of(rule_set: str, index: str) -> str:
    """Name of an index of a rule set, as in code list ``plms_basis``: ``plmsi_nr`` of wasm2016 is ``wasm2016_nr``."""
    return rule_set + index.removeprefix("plmsi")


def elevated(
    row: dict[str, Any] | None,
    rule_set: str,
    index: str,
    facts: dict[str, Any],
    age: Interval | None,
    rules: dict[str, Any],
) -> Elevated:
    """Whether the PLMS index of a night row is above the threshold of the age.

    Parameters
    ----------
    row
        Row of table ``night`` of one rule set, None when the recording has none.
    rule_set
        Its name.
    index
        ``plmsi`` or ``plmsi_nr``.
    facts
        Facts of the recording: ``outcome``, ``sensor``, ``layout``, ``stages_state``, ``respiratory_state``.
    age
        Age interval, None when missing.
    rules
        Clinical rules.
    """
    blocked = None
    if facts.get("layout") == "none":
        blocked = "no_leg"
    elif facts.get("sensor") is not None and facts["sensor"] not in EMG_SENSORS:
        blocked = "sensor_not_emg"
    elif facts.get("outcome") != "analysed":
        blocked = "not_analysed"
    elif facts.get("sensor") is None:
        blocked = "sensor_not_emg"
    elif row is None:
        blocked = "not_scored"
    if blocked or row is None:
        return Elevated(unknown(blocked or "not_scored"), unknown(blocked or "not_scored"))
    low, high = _finite(row.get(f"{index}_lo_per_h")), _finite(row.get(f"{index}_hi_per_h"))
    value = _finite(row.get(f"{index}_per_h"))
    limits = (rules["plms_adult_per_h"], rules["plms_child_per_h"], rules["adult_age_years"])
    needs_respiratory = basis_of(rule_set, index) in rules["needs_respiratory"]
    missing = "no_index"
    if facts.get("stages_state") == "not_scored":
        missing = "no_stages"
    elif needs_respiratory and facts.get("respiratory_state") != "scored" and low is not None:
        missing = "respiratory_not_scored"
    by_point = unknown(missing) if value is None else rule.index_elevated(point(value), age, *limits)
    scorable_h = _finite(row.get("sleep_scorable_h"))
    if low is None or high is None or scorable_h is None or missing == "no_stages":
        return Elevated(unknown(missing), by_point)
    if scorable_h < rules["min_scorable_sleep_h"]:
        return Elevated(unknown("scorable_sleep_short"), by_point)
    by_interval = rule.index_elevated(Interval(low, high), age, *limits)
    if by_interval.reason == "interval_spans_threshold" and value is None:
        by_interval = unknown(missing)
    return Elevated(by_interval, by_point)
