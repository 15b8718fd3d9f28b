"""When a medicine was in use, and whether that meets the night: one answer per record, for all records at once.

Collection (when a medicine was written down) is kept apart from use (start to end). Answers are ordered no < unknown <
yes, so that the greatest over the records of a class is Kleene's OR.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures.columns import Bools, Columns, Floats, Small, offsets_d, stated
from plms_pipeline.exposures.status import NO, UNKNOWN, YES

ANSWERS = (NO, UNKNOWN, YES)
IS_NO, IS_UNKNOWN, IS_YES = 0, 1, 2
# Why an answer is unknown. Several records, several reasons: the first of this list is told.
REASONS = (
    "date_unknown",
    "dose_unknown",
    "inventory_incomplete",
    "missing",
    "mixed_group",
    "no_record",
    "not_collected",
    "outside_window",
    "unmapped_medication",
    "use_period_unknown",
)
REASON = {name: code for code, name in enumerate(REASONS)}
RECORD_TYPES = ("inventory", "dispensing", "order", "flag", "free_text")
BASES = (
    "inventory",
    "dispensing",
    "ehr_order",
    "self_report_flag",
    "free_text",
    "complete_inventory",
    "none",
)
_INVENTORY, _FLAG = RECORD_TYPES.index("inventory"), RECORD_TYPES.index("flag")
_CURRENT = np.array([name in ("inventory", "flag", "free_text") for name in RECORD_TYPES])
# mixed: one of a group was taken, and the column does not tell which.
TAKEN = (YES, NO, UNKNOWN, "mixed")
# How a record is judged: at once, by its period of use, or by a period that can only say yes.
_DECIDED, _PERIOD, _PERIOD_YES = 0, 1, 2


class Records(NamedTuple):
    """What medication records say before the look-back of a drug is applied; all arrays of one length."""

    collected_d: Floats
    start_d: Floats
    end_d: Floats
    record_type: Small
    taken: Small
    dose_mg_d: Floats
    judged: Small
    answer: Small
    reason: Small


def read_records(columns: Columns, night_d: Floats, rules: dict[str, Any]) -> Records:
    """Start, end and, where the look-back does not matter, the answer of medication records.

    Parameters
    ----------
    columns
        Table ``medication``.
    night_d
        Day number of the night of every row, NaN when not known.
    rules
        Clinical rules: ``inventory_window_d``.

    Returns
    -------
    Records
        A record ends at its stated end, else at start + ``days_supply``, else, when it is open and active (or on a list
        of current medicines), at the day of its collection. A list of current medicines speaks for nights within the
        window around its collection. A start after the night never counts; an end before the start tells nothing.
    """
    collected = offsets_d(columns, "collected", night_d)
    start = offsets_d(columns, "use_start", night_d)
    stated_end = offsets_d(columns, "use_end", night_d)
    has_start, has_end = stated(columns, "use_start"), stated(columns, "use_end")
    supply = columns.number("days_supply")
    active = columns.coded("active", (YES, NO))
    taken = columns.coded("taken", TAKEN)
    is_flag = columns.word("class_id").codes >= 0
    record_type = columns.coded("record_type", RECORD_TYPES)
    record_type = np.where(record_type >= 0, record_type, np.where(is_flag, _FLAG, _INVENTORY)).astype(np.int8)
    is_current = _CURRENT[record_type] & (active != 1)
    has_supply, no_start = ~np.isnan(supply), np.isnan(start)
    by_supply = ~has_end & ~no_start & has_supply
    by_list = ~has_end & ~by_supply & ((active == 0) | is_current)
    # Written down before its start, a medicine in use is in use from its start.
    still = np.where(start > collected, start, collected)
    end = np.where(has_end, stated_end, np.where(by_supply, start + supply, np.where(by_list, still, np.nan)))

    n = columns.n
    judged = np.full(n, _PERIOD, np.int8)
    answer = np.full(n, IS_UNKNOWN, np.int8)
    reason = np.full(n, REASON["use_period_unknown"], np.int8)
    # The rules from the weakest to the strongest: a later one overrides.
    listed = is_current & ~has_end & ~has_supply
    near = np.abs(collected) <= rules["inventory_window_d"]
    undated = listed & np.isnan(collected)
    far = listed & ~near & ~undated
    reason[far] = REASON["outside_window"]
    judged[far] = np.where(no_start[far], _DECIDED, _PERIOD_YES)
    end[far & ~no_start] = np.fmax(collected, start)[far & ~no_start]
    _decide(listed & near, IS_YES, 0, judged, answer, reason)
    _decide(undated, IS_UNKNOWN, REASON["date_unknown"], judged, answer, reason)
    # An end before the start: which of the two is wrong is not known.
    _decide(end < start, IS_UNKNOWN, REASON["use_period_unknown"], judged, answer, reason)
    _decide(start > 0, IS_NO, 0, judged, answer, reason)
    lost = (has_start & no_start) | (has_end & np.isnan(stated_end))
    _decide(lost, IS_UNKNOWN, REASON["date_unknown"], judged, answer, reason)
    mixed = taken == TAKEN.index("mixed")
    unanswered = (taken == TAKEN.index(UNKNOWN)) | mixed
    _decide(unanswered, IS_UNKNOWN, REASON["missing"], judged, answer, reason)
    _decide(mixed, IS_UNKNOWN, REASON["mixed_group"], judged, answer, reason)
    return Records(
        collected,
        np.where(unanswered, np.nan, start),
        np.where(unanswered, np.nan, end),
        record_type,
        taken,
        columns.number("dose_mg_d"),
        judged,
        answer,
        reason,
    )


def _decide(where: Bools, answer: int, reason: int, judged: Small, answers: Small, reasons: Small) -> None:
    judged[where], answers[where], reasons[where] = _DECIDED, answer, reason


def exposed(records: Records, rows: Any, lookback_d: Floats) -> Small:
    """Whether use meets [−lookback, 0] days before the night.

    Parameters
    ----------
    records
        Records of one or many nights.
    rows
        Positions of the records asked for.
    lookback_d
        Washout in days of the drug of each.

    Returns
    -------
    ndarray of int8
        Codes into :data:`ANSWERS`.
    """
    judged = records.judged[rows]
    start, end = records.start_d[rows], records.end_d[rows]
    oldest = -lookback_d
    is_no = end < oldest
    begun = (start <= 0) & ((start >= oldest) | (end >= oldest))
    known_end_only = np.isnan(start) & (end <= 0)
    met = np.where(is_no, IS_NO, np.where(begun | known_end_only, IS_YES, IS_UNKNOWN))
    met = np.where((judged == _PERIOD_YES) & (met == IS_NO), IS_UNKNOWN, met)
    return np.asarray(np.where(judged == _DECIDED, records.answer[rows], met).astype(np.int8))
