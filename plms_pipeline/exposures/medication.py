"""Medication exposure of one night: one dated, three-valued status per class and sub-flag.

Collection (when a medicine was written down) is kept apart from use (start to end). ``no`` is said only where the list
of medicines of that subject and visit is known to be complete, or where the cohort asked for the class: a missing row
is never ``no``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from plms_pipeline.exposures.covariates import Row, offset_d
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.status import NO, UNKNOWN, YES

_BASIS = {
    "inventory": "inventory",
    "flag": "self_report_flag",
    "dispensing": "dispensing",
    "order": "ehr_order",
    "free_text": "free_text",
}
_CURRENT = ("inventory", "flag", "free_text")


class Use(NamedTuple):
    """When a medicine was in use, in days from the night (None = not known), and whether that meets the night."""

    start_d: int | None
    end_d: float | None
    exposed: str
    exposed_sensitivity: str
    reason: str | None


def use_of(row: Row, night: str | None, lookback_d: float, sensitivity_d: float, window_d: float) -> Use:
    """Whether one record says that a medicine acted on the night.

    Parameters
    ----------
    row
        Normalised medication row (taken, not refused).
    night
        ISO date of the recording, or None.
    lookback_d, sensitivity_d
        Washout of the drug in days, and its longer variant.
    window_d
        Days around its collection for which a list of current medicines speaks.

    Returns
    -------
    Use
        ``exposed`` yes when [start, end] meets [−lookback, 0]; a start after the night never counts.
    """
    collected = offset_d(row, "collected", night)
    if row.get("taken") == UNKNOWN:
        return Use(None, None, UNKNOWN, UNKNOWN, "missing")
    start = offset_d(row, "use_start", night)
    stated_end = offset_d(row, "use_end", night)
    has_start = "use_start_date" in row or "use_start_offset_d" in row
    has_end = "use_end_date" in row or "use_end_offset_d" in row
    record_type = row.get("record_type", "flag" if "class_id" in row else "inventory")
    is_current = record_type in _CURRENT and row.get("active") != NO
    end: float | None = stated_end
    if not has_end and start is not None and "days_supply" in row:
        end = start + row["days_supply"]
    elif not has_end and (row.get("active") == YES or is_current):
        end = collected
    if (has_start and start is None) or (has_end and stated_end is None):
        return Use(start, end, UNKNOWN, UNKNOWN, "date_unknown")
    if start is not None and start > 0:
        return Use(start, end, NO, NO, None)
    if is_current and not has_end and "days_supply" not in row:
        return _current_use(start, collected, lookback_d, sensitivity_d, window_d)
    answers = [_meets(start, end, days) for days in (lookback_d, sensitivity_d)]
    return Use(start, end, answers[0], answers[1], "use_period_unknown" if UNKNOWN in answers else None)


def _meets(start: int | None, end: float | None, lookback_d: float) -> str:
    if end is not None and end < -lookback_d:
        return NO
    if start is not None and start <= 0 and (start >= -lookback_d or (end is not None and end >= -lookback_d)):
        return YES
    if start is None and end is not None and end <= 0:
        return YES
    return UNKNOWN


def _current_use(
    start: int | None, collected: int | None, lookback_d: float, sensitivity_d: float, window_d: float
) -> Use:
    """A list of medicines in current use: it speaks for nights within ``window_d`` days of its collection."""
    if collected is None:
        return Use(start, None, UNKNOWN, UNKNOWN, "date_unknown")
    if abs(collected) <= window_d:
        return Use(start, collected, YES, YES, None)
    if start is not None:
        answers = [_meets(start, max(collected, start), days) for days in (lookback_d, sensitivity_d)]
        answers = [answer if answer == YES else UNKNOWN for answer in answers]
        return Use(start, collected, answers[0], answers[1], "outside_window" if UNKNOWN in answers else None)
    return Use(start, collected, UNKNOWN, UNKNOWN, "outside_window")


class _Absence(NamedTuple):
    """Why a class without a record of use is ``no`` or unknown."""

    is_no: bool
    reason: str
    basis: str


def _absence(covariates: dict[str, list[Row]], night: str | None, rules: dict[str, Any], default: str) -> _Absence:
    rows = covariates.get("inventory", [])
    if not rows:
        listed = covariates.get("medication", [])
        if default == "complete" and listed:
            # The cohort says that its lists are complete; only a list that was taken near the night is one.
            days = [offset_d(row, "collected", night) for row in listed]
            if any(day is not None and abs(day) <= rules["inventory_window_d"] for day in days):
                return _Absence(True, "", "complete_inventory")
            return _Absence(False, "date_unknown" if None in days else "outside_window", "none")
        return _Absence(False, "inventory_incomplete" if listed or default == "incomplete" else "no_record", "none")
    reasons = []
    for row in rows:
        collected = offset_d(row, "collected", night)
        if row.get("complete") != YES:
            reasons.append("inventory_incomplete")
        elif collected is None:
            reasons.append("date_unknown")
        elif abs(collected) > rules["inventory_window_d"]:
            reasons.append("outside_window")
        else:
            return _Absence(True, "", "complete_inventory")
    return _Absence(False, reasons[0], "none")


def medication_statuses(
    covariates: dict[str, list[Row]], night: str | None, declaration: dict[str, Any], rules: dict[str, Any]
) -> list[dict[str, Any]]:
    """Exposure of one night to every class and sub-flag.

    Parameters
    ----------
    covariates
        Rows of the subject and visit (``Covariates.for_subject``).
    night
        ISO date of the recording, or None.
    declaration
        ``Covariates.declaration`` ({} without a mapping: everything is ``not_collected``).
    rules
        :func:`~plms_pipeline.exposures.rules.clinical_rules`.

    Returns
    -------
    list of dict
        One per class and sub-flag in the order of the class table: the columns of ``medication_exposure`` without ids.
    """
    table = medication_table()
    collected = set(declaration.get("collected", ()))
    absence = _absence(covariates, night, rules, declaration.get("inventory_default", "unknown"))
    uses: dict[str, list[tuple[Use, Row, str]]] = {}
    refused: dict[str, list[int | None]] = {}
    unmapped_counts = False
    for row in covariates.get("medication", []):
        match = table.match(row.get("medication"), row.get("atc_code"), row.get("class_id"))
        if row.get("taken") == NO:
            if "class_id" in row:  # a named medicine that is not taken says nothing of the rest of its class
                refused.setdefault(row["class_id"], []).append(offset_d(row, "collected", night))
            continue
        if match.unmapped:
            longest = max(max(entry.lookback_d, entry.lookback_sensitivity_d) for entry in table.rows)
            unmapped_counts |= use_of(row, night, longest, longest, rules["inventory_window_d"]).exposed != NO
        for hit in match.hits:
            use = use_of(row, night, hit.lookback_d, hit.lookback_sensitivity_d, rules["inventory_window_d"])
            uses.setdefault(hit.class_id, []).append((use, row, match.quality or ""))
    result = []
    for class_id, (parent, direction) in table.classes().items():
        lookback_d, sensitivity_d = table.lookback(class_id)
        entry = {
            "class_id": class_id,
            "parent_class_id": parent,
            "direction": direction,
            "lookback_d": lookback_d,
            "lookback_sensitivity_d": sensitivity_d,
        }
        is_collected = class_id in collected or (parent is not None and parent in collected)
        entry |= _class_status(
            uses.get(class_id, []), refused.get(class_id, []), absence, is_collected, unmapped_counts, rules
        )
        result.append(entry)
    return result


def _class_status(
    uses: list[tuple[Use, Row, str]],
    refused: list[int | None],
    absence: _Absence,
    is_collected: bool,
    unmapped: bool,
    rules: dict[str, Any],
) -> dict[str, Any]:
    asked_no = any(day is not None and abs(day) <= rules["inventory_window_d"] for day in refused)
    if asked_no:
        absent, reason, absent_basis = NO, None, "self_report_flag"
    elif not is_collected:
        absent, reason, absent_basis = UNKNOWN, "not_collected", "none"
    elif absence.is_no and unmapped:
        absent, reason, absent_basis = UNKNOWN, "unmapped_medication", "none"
    elif absence.is_no:
        absent, reason, absent_basis = NO, None, absence.basis
    else:
        absent, reason, absent_basis = UNKNOWN, "outside_window" if refused else absence.reason, "none"
    status: dict[str, Any] = {}
    for key in ("exposed", "exposed_sensitivity"):
        answers = {getattr(use, key) for use, _, _ in uses}
        if YES in answers:
            status[key], status[f"{key}_reason"] = YES, None
        elif UNKNOWN in answers:
            reasons = sorted(use.reason for use, _, _ in uses if getattr(use, key) == UNKNOWN and use.reason)
            status[key], status[f"{key}_reason"] = UNKNOWN, reasons[0] if reasons else "use_period_unknown"
        else:
            status[key], status[f"{key}_reason"] = absent, reason
    deciding = [item for item in uses if item[0].exposed == status["exposed"]] or uses
    first = deciding[0] if deciding and status["exposed"] != NO else None
    record_type = first[1].get("record_type", "flag" if "class_id" in first[1] else "inventory") if first else None
    ends = [min(0, int(use.end_d)) for use, _, _ in uses if use.end_d is not None and use.exposed != UNKNOWN]
    starts = [use.start_d for use, _, _ in uses if use.start_d is not None and use.exposed == YES]
    ended = [end for end in ends if -rules["stopped_recently_d"] <= end < 0]
    start = min(starts) if starts else None
    user_type = None
    if status["exposed"] == YES:
        user_type = UNKNOWN if start is None else "new" if start >= -rules["new_user_d"] else "chronic"
    doses = sorted({row["dose_mg_d"] for use, row, _ in uses if use.exposed == YES and "dose_mg_d" in row})
    return status | {
        "basis": _BASIS[record_type] if record_type else absent_basis,
        "n_records": len(uses) + len(refused),
        "last_use_offset_d": max(ends) if ends else None,
        "start_offset_d": start,
        "user_type": user_type,
        "stopped_recently": status["exposed"] == NO and bool(ended),
        "dose_mg_d": doses[0] if len(doses) == 1 else None,
        "mapping_quality": first[2] if first else None,
    }
