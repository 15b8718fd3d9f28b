"""Medication exposure: one dated, three-valued status per night and class or sub-flag.

``no`` is said only where the list of medicines of that subject and visit is known to be complete, or where the cohort
asked for the class: a missing row is never ``no``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures.columns import (
    Bools,
    Columns,
    Floats,
    Index,
    Small,
    columns_of,
    counts,
    day_number,
    greatest,
    least,
    offsets_d,
)
from plms_pipeline.exposures.medication_terms import QUALITIES, Terms, terms_of
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.status import NO, UNKNOWN, YES
from plms_pipeline.exposures.use import (
    ANSWERS,
    BASES,
    IS_NO,
    IS_UNKNOWN,
    IS_YES,
    REASON,
    REASONS,
    TAKEN,
    Records,
    exposed,
    read_records,
)

Row = dict[str, Any]
USER_TYPES = ("new", "chronic", UNKNOWN)
_NONE = 127
_BASIS = {name: code for code, name in enumerate(BASES)}


class ClassBegins(NamedTuple):
    """Of every record of a class: its cell (night x classes + class) and the start of use, NaN when not known."""

    cell: Index
    start_d: Floats


class Exposure(NamedTuple):
    """Columns of ``medication_exposure``: arrays of shape (nights, classes); codes −1 and NaN are null."""

    exposed: Small
    exposed_reason: Small
    exposed_sensitivity: Small
    exposed_sensitivity_reason: Small
    basis: Small
    n_records: Index
    last_use_offset_d: Floats
    start_offset_d: Floats
    user_type: Small
    stopped_recently: Bools
    dose_mg_d: Floats
    mapping_quality: Small
    class_begins: ClassBegins


class _Absence(NamedTuple):
    """Per night: whether the list of medicines is complete, and else why absence cannot be said."""

    is_no: Bools
    reason: Small


def _absence(
    inventory: Columns, at_inventory: Index, records: Records, at: Index, night_d: Floats, rules: Any, default: str
) -> _Absence:
    n, window = len(night_d), rules["inventory_window_d"]
    collected = offsets_d(inventory, "collected", night_d[at_inventory])
    is_complete = inventory.coded("complete", (YES,)) == 0
    speaks = is_complete & (np.abs(collected) <= window)
    why = np.where(
        ~is_complete,
        REASON["inventory_incomplete"],
        np.where(np.isnan(collected), REASON["date_unknown"], REASON["outside_window"]),
    )
    has_inventory = counts(at_inventory, n) > 0
    is_no = counts(at_inventory[speaks], n) > 0
    reason = least(why, at_inventory, n, _NONE)
    is_listed = counts(at, n) > 0
    if default == "complete":
        # The cohort says that its lists are complete; only a list that was taken near the night is one.
        near = counts(at[np.abs(records.collected_d) <= window], n) > 0
        undated = counts(at[np.isnan(records.collected_d)], n) > 0
        listed = np.where(undated, REASON["date_unknown"], REASON["outside_window"])
        is_no |= ~has_inventory & near
        otherwise = np.where(is_listed, listed, REASON["no_record"])
    else:
        is_partial = is_listed | (default == "incomplete")
        otherwise = np.where(is_partial, REASON["inventory_incomplete"], REASON["no_record"])
    return _Absence(is_no, np.where(has_inventory, reason, otherwise).astype(np.int8))


class _Refused(NamedTuple):
    """Per night and class: a cohort's own ``no``, near the night or at all, and how many."""

    near: Bools
    n: Index


def _refused(records: Records, term: Index, terms: Terms, at: Index, n: int, window: float) -> _Refused:
    table = medication_table()
    width = len(table.classes())
    flagged = terms.flagged_at[term].astype(np.int64)
    says_no = (records.taken == TAKEN.index(NO)) & (flagged >= 0)
    cell = at[says_no] * width + flagged[says_no]
    near = np.abs(records.collected_d[says_no]) <= window
    given = counts(cell, n * width).reshape(n, width)
    close = counts(cell[near], n * width).reshape(n, width) > 0
    for child, parent in table.parents():
        # Who takes no medicine of a class takes none of its sub-flags; the reverse says nothing.
        close[:, child] |= close[:, parent]
    return _Refused(close, given)


def exposures(
    medication: Columns,
    at: Index,
    inventory: Columns,
    at_inventory: Index,
    night_d: Floats,
    matched: tuple[Index, Terms],
    declaration: dict[str, Any],
    rules: dict[str, Any],
) -> Exposure:
    """Exposure of nights to every class and sub-flag.

    Parameters
    ----------
    medication, inventory
        Rows that may speak for the nights, one copy per night.
    at, at_inventory
        Night of every row.
    night_d
        Day number of every night, NaN when not known.
    matched
        Term of every medication row, and the terms (:func:`~plms_pipeline.exposures.medication_terms.terms_of`).
    declaration
        ``Covariates.declaration`` ({} without a mapping: everything is ``not_collected``).
    rules
        :func:`~plms_pipeline.exposures.rules.clinical_rules`.

    Returns
    -------
    Exposure
        Arrays of shape (nights, classes), classes in the order of the class table.
    """
    term, terms = matched
    table = medication_table()
    n, width, window = len(night_d), len(table.classes()), rules["inventory_window_d"]
    records = read_records(medication, night_d[at], rules)
    absence = _absence(
        inventory, at_inventory, records, at, night_d, rules, declaration.get("inventory_default", "unknown")
    )
    refused = _refused(records, term, terms, at, n, window)
    counted = records.taken != TAKEN.index(NO)
    longest = np.full(medication.n, table.longest_lookback_d(), np.float64)
    open_name = counted & terms.is_unmapped[term]
    open_name[open_name] = exposed(records, open_name, longest[open_name]) != IS_NO
    is_unmapped = counts(at[open_name], n) > 0

    rows, hit = _expanded(term, terms, counted)
    cell = at[rows] * width + terms.class_at[hit]
    dose = np.where(np.isnan(records.dose_mg_d[rows]), terms.strength_mg[term[rows]], records.dose_mg_d[rows])
    is_limited = ~np.isinf(terms.most_mg[hit])
    keep = ~is_limited | np.isnan(dose) | (dose <= terms.most_mg[hit])
    rows, hit, cell, doubtful = rows[keep], hit[keep], cell[keep], (is_limited & np.isnan(dose))[keep]

    answers = [exposed(records, rows, days[hit]) for days in (terms.lookback_d, terms.sensitivity_d)]
    reasons = np.where(doubtful, REASON["dose_unknown"], records.reason[rows])
    for answer in answers:
        answer[doubtful & (answer == IS_YES)] = IS_UNKNOWN
    absent, absent_reason, absent_basis = _absent(absence, refused, is_unmapped, declaration, n)
    by_class = cell[(terms.class_at[hit] == terms.flagged_at[term[rows]]) & (answers[0] != IS_NO)]
    is_unnamed = counts(by_class, n * width).reshape(n, width) > 0
    for child, parent in table.parents():
        # The class is taken, which of its members is not said.
        open_child = is_unnamed[:, parent] & (absent_basis[:, child] == _BASIS["complete_inventory"])
        absent[open_child, child] = IS_UNKNOWN
        absent_reason[open_child, child] = REASON["unmapped_medication"]
        absent_basis[open_child, child] = _BASIS["none"]
    statuses = [_status(answer, reasons, cell, absent, absent_reason) for answer in answers]
    status = statuses[0][0]
    decides = (answers[0] == status.ravel()[cell]) & (answers[0] != IS_NO)
    basis = least(records.record_type[rows][decides], cell[decides], n * width, _NONE).reshape(n, width)
    quality = least(terms.quality[term[rows]][decides], cell[decides], n * width, -1).reshape(n, width)
    last, start, doses = (v.reshape(n, width) for v in _dates(records, rows, cell, answers[0], n * width))
    is_yes = status == IS_YES
    is_new = start >= -rules["new_user_d"]
    user_type = np.where(np.isnan(start), USER_TYPES.index(UNKNOWN), np.where(is_new, 0, 1))
    ended = (last < 0) & (last >= -rules["stopped_recently_d"])
    return Exposure(
        status,
        statuses[0][1],
        statuses[1][0],
        statuses[1][1],
        np.where(basis == _NONE, absent_basis, basis).astype(np.int8),
        counts(cell, n * width).reshape(n, width) + refused.n,
        last,
        start,
        np.where(is_yes, user_type, -1).astype(np.int8),
        (status == IS_NO) & ended,
        doses,
        quality.astype(np.int8),
        ClassBegins(cell, records.start_d[rows]),
    )


def _expanded(term: Index, terms: Terms, counted: Bools) -> tuple[Index, Index]:
    """Row and hit of every pair of a record and a class it belongs to."""
    each = np.where(counted, terms.first[term + 1] - terms.first[term], 0)
    rows = np.repeat(np.arange(len(term)), each)
    before = np.cumsum(each) - each
    return rows, terms.first[term[rows]] + np.arange(len(rows)) - before[rows]


def _absent(
    absence: _Absence, refused: _Refused, is_unmapped: Bools, declaration: dict[str, Any], n: int
) -> tuple[Small, Small, Small]:
    """Answer, reason and basis of a class without a record of use."""
    collected = set(declaration.get("collected", ()))
    is_collected = np.array(
        [name in collected or parent in collected for name, (parent, _) in medication_table().classes().items()]
    )
    shape = (n, len(is_collected))
    complete = np.broadcast_to(absence.is_no[:, None], shape)
    unmapped = np.broadcast_to(is_unmapped[:, None], shape)
    answer = np.full(shape, IS_UNKNOWN, np.int8)
    reason = np.broadcast_to(absence.reason[:, None], shape).copy()
    basis = np.full(shape, _BASIS["none"], np.int8)
    reason[refused.n > 0] = REASON["outside_window"]
    is_no = complete & ~unmapped
    answer[is_no], basis[is_no] = IS_NO, _BASIS["complete_inventory"]
    reason[complete & unmapped] = REASON["unmapped_medication"]
    answer[:, ~is_collected], basis[:, ~is_collected] = IS_UNKNOWN, _BASIS["none"]
    reason[:, ~is_collected] = REASON["not_collected"]
    answer[refused.near], basis[refused.near] = IS_NO, _BASIS["self_report_flag"]
    return answer, reason, basis


def _status(answer: Small, reasons: Any, cell: Index, absent: Small, absent_reason: Small) -> tuple[Small, Small]:
    """Kleene's OR over the records of every cell; where all of them say no, the answer of absence."""
    found = greatest(answer, cell, absent.size, IS_NO).reshape(absent.shape)
    open_ = answer == IS_UNKNOWN
    why = least(reasons[open_], cell[open_], absent.size, _NONE).reshape(absent.shape)
    status = np.where(found == IS_NO, absent, found).astype(np.int8)
    reason = np.where(found == IS_UNKNOWN, why, np.where(found == IS_NO, absent_reason, -1))
    return status, np.where(status == IS_UNKNOWN, reason, -1).astype(np.int8)


def _dates(records: Records, rows: Index, cell: Index, answer: Small, size: int) -> tuple[Floats, Floats, Floats]:
    """Last use and first use before the night, and the dose on which all records agree."""
    end, start, dose = records.end_d[rows], records.start_d[rows], records.dose_mg_d[rows]
    used = ~np.isnan(end) & (answer != IS_UNKNOWN) & ~(start > 0)
    last = greatest(np.minimum(0.0, np.trunc(end[used])), cell[used], size, np.nan)
    begun = ~np.isnan(start) & (answer == IS_YES)
    first = least(start[begun], cell[begun], size, np.nan)
    dosed = ~np.isnan(dose) & (answer == IS_YES)
    low, high = (of(dose[dosed], cell[dosed], size, np.nan) for of in (least, greatest))
    return last, first, np.where(low == high, low, np.nan)


def exposure_rows(found: Exposure, night: int) -> list[dict[str, Any]]:
    """One night of an :class:`Exposure` as rows of ``medication_exposure`` without ids, in the order of the table."""
    table = medication_table()
    rows = []
    for at, (class_id, (parent, direction)) in enumerate(table.classes().items()):
        lookback_d, sensitivity_d = table.lookback(class_id)
        cell = (night, at)
        rows.append(
            {
                "class_id": class_id,
                "parent_class_id": parent,
                "direction": direction,
                "lookback_d": lookback_d,
                "lookback_sensitivity_d": sensitivity_d,
                "exposed": ANSWERS[found.exposed[cell]],
                "exposed_reason": _word(REASONS, found.exposed_reason[cell]),
                "exposed_sensitivity": ANSWERS[found.exposed_sensitivity[cell]],
                "exposed_sensitivity_reason": _word(REASONS, found.exposed_sensitivity_reason[cell]),
                "basis": BASES[found.basis[cell]],
                "n_records": int(found.n_records[cell]),
                "last_use_offset_d": _whole(found.last_use_offset_d[cell]),
                "start_offset_d": _whole(found.start_offset_d[cell]),
                "user_type": _word(USER_TYPES, found.user_type[cell]),
                "stopped_recently": bool(found.stopped_recently[cell]),
                "dose_mg_d": None if np.isnan(found.dose_mg_d[cell]) else float(found.dose_mg_d[cell]),
                "mapping_quality": _word(QUALITIES, found.mapping_quality[cell]),
            }
        )
    return rows


def _word(words: tuple[str, ...], code: Any) -> str | None:
    return words[code] if code >= 0 else None


def _whole(value: Any) -> int | None:
    return None if np.isnan(value) else int(value)


def medication_statuses(
    covariates: dict[str, list[Row]], night: str | None, declaration: dict[str, Any], rules: dict[str, Any]
) -> list[dict[str, Any]]:
    """Exposure of one night to every class and sub-flag: :func:`exposures` of one night.

    Parameters
    ----------
    covariates
        Normalised rows (``Covariates.for_subject``).
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
    medication = columns_of("medication", covariates.get("medication", []))
    inventory = columns_of("inventory", covariates.get("inventory", []))
    term, terms, _ = terms_of(medication)
    found = exposures(
        medication,
        np.zeros(medication.n, np.int64),
        inventory,
        np.zeros(inventory.n, np.int64),
        np.array([day_number(night) if night else np.nan]),
        (term, terms),
        declaration,
        rules,
    )
    return exposure_rows(found, 0)
