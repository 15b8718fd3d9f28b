"""Conditions at nights: three-valued, dated, with what they rest on; from a row's own word or its ICD-10 code."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError
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
from plms_pipeline.exposures.status import NO, YES, Interval, Status

Row = dict[str, Any]
INPUT_OF = {"ckd_ge4": "ckd_stage"}
REASONS = ("date_unknown", "missing", "no_record", "not_collected", "outside_window")
_SAYS_NO, _SAYS_NOTHING, _SAYS_YES = 0, 1, 2


class Conditions(NamedTuple):
    """Arrays of shape (nights, conditions) in the order of the code list; −1 and NaN are null.

    ``answer`` is 0 no, 1 unknown, 2 yes; ``basis`` a position in the code list ``condition_basis``.
    """

    answer: Small
    reason: Small
    basis: Small
    offset_d: Floats


def _plain(code: str) -> str:
    return code.replace(".", "").replace(" ", "").upper()


@lru_cache(maxsize=4)
def _listed(root: Path) -> tuple[tuple[str, str], ...]:
    known = contracts.codes("condition").values
    rows = [(_plain(row["icd10"]), row["condition"]) for row in contracts.load_csv("codes/icd10_conditions.csv")]
    if unknown := [name for _, name in rows if name not in known]:
        raise ContractError(f"schemas/codes/icd10_conditions.csv: condition '{unknown[0]}' is not declared")
    return tuple(rows)


def conditions_of_code(icd10: str) -> tuple[str, ...]:
    """Conditions that an ICD-10 code says yes to, by the listed codes and all below them."""
    code = _plain(icd10)
    return tuple(dict.fromkeys(name for listed, name in _listed(contracts.schema_root()) if code.startswith(listed)))


def _claims(condition: str | None, icd10: str | None) -> list[tuple[str, bool]]:
    """Conditions a row is about, and whether its code says yes to them."""
    by_code = conditions_of_code(icd10) if icd10 else ()
    if condition is None:
        return [(name, True) for name in by_code]
    return [(condition, condition in by_code)]


def _answers(columns: Columns, rows: Index, about: Index, by_code: Any, ckd_limit: float) -> Small:
    """What every claim says: its stage (for chronic kidney disease), else its status, else its code."""
    status = columns.coded("status", (NO, YES))[rows]
    stage = columns.number("stage")[rows]
    is_named = columns.word("condition").codes[rows] >= 0
    ckd = contracts.codes("condition").values.index("ckd_ge4")
    coded = np.where(by_code, _SAYS_YES, _SAYS_NOTHING)
    # "No" beside a code alone denies that diagnosis, not the condition.
    own = np.where(
        is_named,
        np.select([status == 0, status == 1], [_SAYS_NO, _SAYS_YES], coded),
        np.where(status == 0, _SAYS_NOTHING, coded),
    )
    staged = (about == ckd) & ~np.isnan(stage)
    return np.where(staged, np.where(stage >= ckd_limit, _SAYS_YES, _SAYS_NO), own).astype(np.int8)


def recorded(
    rows: Columns, at: Index, night_d: Floats, declaration: dict[str, Any], rules: dict[str, Any]
) -> Conditions:
    """Conditions from their own rows.

    Parameters
    ----------
    rows, at
        Table ``condition``, one copy per night, and the night of each row.
    night_d
        Day number of every night, NaN when not known.
    declaration, rules
        What the cohort collected; days after and before the night for which a record counts.

    Returns
    -------
    Conditions
        yes if any row that counts says yes, no if rows say no, else unknown. A ``no`` grows old, a ``yes`` stays; later
        ones do not count. A row whose date cannot be placed beside the night does not count; a row without any date
        belongs to its visit and does.
    """
    names = contracts.codes("condition").values
    bases = contracts.codes("condition_basis").values
    collected = set(declaration.get("collected", ()))
    n, width = len(night_d), len(names)
    source, cell, said, day, is_placed = _expanded(rows, at, night_d, names, rules)
    speaks = is_placed & ~(day > rules["condition_after_d"])
    recent = ~(day < -rules["condition_no_before_d"])
    basis = rows.coded("basis", bases)[source].astype(np.int64)
    basis = np.where(basis < 0, bases.index("supplied"), basis)
    answer = np.full(n * width, _SAYS_NOTHING, np.int8)
    offset, rests_on = np.full(n * width, np.nan), np.full(n * width, bases.index("none"), np.int8)
    for code, counts_for in ((_SAYS_NO, speaks & recent), (_SAYS_YES, speaks)):
        own = np.flatnonzero(counts_for & (said == code))
        # The latest dated row is named; one without a date only if there is no other.
        order = np.where(np.isnan(day[own]), -1e9, day[own])
        latest = greatest(order, cell[own], n * width, np.nan)
        deciding = own[order == latest[cell[own]]]
        has = counts(cell[own], n * width) > 0
        answer[has] = code
        offset[has] = np.where(latest == -1e9, np.nan, latest)[has]
        rests_on[has] = least(basis[deciding], cell[deciding], n * width, 0)[has]
    is_asked = np.array([INPUT_OF.get(name, name) in collected for name in names])
    silent = counts(cell[speaks & recent & (said == _SAYS_NOTHING)], n * width) > 0
    reason = np.select(
        [
            ~np.tile(is_asked, n),
            counts(cell, n * width) == 0,
            counts(cell[is_placed], n * width) == 0,
            silent,
        ],
        [REASONS.index(name) for name in ("not_collected", "no_record", "date_unknown", "missing")],
        REASONS.index("outside_window"),
    )
    reason = np.where(answer == _SAYS_NOTHING, reason, -1).astype(np.int8)
    shape = (n, width)
    return Conditions(answer.reshape(shape), reason.reshape(shape), rests_on.reshape(shape), offset.reshape(shape))


def _expanded(
    rows: Columns, at: Index, night_d: Floats, names: tuple[str, ...], rules: dict[str, Any]
) -> tuple[Index, Index, Small, Floats, Any]:
    """One entry per row and condition it is about: row, cell, what it says, day, and whether that can be placed."""
    word, code = rows.word("condition"), rows.word("icd10")
    key = (word.codes.astype(np.int64) + 1) * (len(code.values) + 1) + code.codes + 1
    _, example, group = np.unique(key, return_index=True, return_inverse=True)
    claims = [
        _claims(
            word.values[word.codes[i]] if word.codes[i] >= 0 else None,
            code.values[code.codes[i]] if code.codes[i] >= 0 else None,
        )
        for i in example
    ]
    first = np.concatenate([[0], np.cumsum([len(claim) for claim in claims], dtype=np.int64)]).astype(np.int64)
    flat = [item for claim in claims for item in claim]
    about = np.array([names.index(name) for name, _ in flat], np.int64)
    by_code = np.array([is_coded for _, is_coded in flat], np.bool_)
    each = first[group + 1] - first[group]
    source = np.repeat(np.arange(rows.n), each)
    claim = first[group[source]] + np.arange(len(source)) - (np.cumsum(each) - each)[source]
    day = offsets_d(rows, "recorded", night_d[at])
    is_placed = ~np.isnan(day) | np.isnan(rows.number("recorded_date"))
    said = _answers(rows, source, about[claim], by_code[claim], rules["ckd_stage_renal_failure"])
    return source, at[source] * len(names) + about[claim], said, day[source], is_placed[source]


def beside_egfr(
    found: Conditions, lo: Floats, hi: Floats, offset_d: Floats, declaration: dict[str, Any], rules: dict[str, Any]
) -> Conditions:
    """Dialysis and CKD stage 4 or more where only the eGFR, or a declaration of the cohort, tells them.

    Parameters
    ----------
    found
        :func:`recorded`.
    lo, hi, offset_d
        eGFR of every night before dialysis is considered (NaN: not known), and the day of its draw.
    declaration, rules
        ``dialysis_ascertained_as_absent``; the limit of renal failure.

    Returns
    -------
    Conditions
        Dialysis is ``no`` by an eGFR at or above the limit without a dialysis record, never ``yes`` from creatinine.
        Without a stage of its own, CKD stage ≥ 4 follows the eGFR.
    """
    names, bases = contracts.codes("condition").values, contracts.codes("condition_basis").values
    dialysis, ckd = names.index("dialysis"), names.index("ckd_ge4")
    limit = rules["egfr_renal_failure"]
    above, below = lo >= limit, hi < limit
    found = Conditions(found.answer.copy(), found.reason.copy(), found.basis.copy(), found.offset_d.copy())
    open_ = found.answer[:, dialysis] == _SAYS_NOTHING
    by_egfr, absent = bases.index("egfr"), bases.index("declared_absent")
    _set(found, open_ & above, dialysis, _SAYS_NO, by_egfr, offset_d)
    if declaration.get("dialysis_ascertained_as_absent"):
        _set(found, open_ & ~above, dialysis, _SAYS_NO, absent, np.full(len(lo), np.nan))
    open_ = (found.answer[:, ckd] == _SAYS_NOTHING) & (found.answer[:, dialysis] != _SAYS_YES)
    _set(found, open_ & above, ckd, _SAYS_NO, by_egfr, offset_d)
    _set(found, open_ & below, ckd, _SAYS_YES, by_egfr, offset_d)
    return found


def _set(found: Conditions, where: Bools, column: int, says: int, rests_on: int, day: Floats) -> None:
    found.answer[where, column], found.reason[where, column], found.basis[where, column] = says, -1, rests_on
    found.offset_d[where, column] = day[where]


def statuses_of(found: Conditions, night: int) -> dict[str, Status]:
    """Conditions of one night: name → status."""
    bases = contracts.codes("condition_basis").values
    values = (NO, "unknown", YES)
    result = {}
    for at, name in enumerate(contracts.codes("condition").values):
        cell = (night, at)
        why = REASONS[found.reason[cell]] if found.reason[cell] >= 0 else None
        day = found.offset_d[cell]
        result[name] = Status(
            values[found.answer[cell]], why, bases[found.basis[cell]], None if np.isnan(day) else int(day)
        )
    return result


def condition_statuses(
    covariates: dict[str, list[Row]],
    night: str | None,
    declaration: dict[str, Any],
    egfr: Interval | None,
    egfr_offset_d: int | None,
    rules: dict[str, Any],
) -> dict[str, Status]:
    """All conditions of the code list for one night: :func:`recorded` and :func:`beside_egfr` of one night.

    Parameters
    ----------
    covariates
        Rows of the subject and visit.
    night
        ISO date of the recording, or None.
    declaration
        ``Covariates.declaration``.
    egfr, egfr_offset_d
        eGFR of the night before dialysis is considered, and the day of its draw.
    rules
        Clinical rules.

    Returns
    -------
    dict
        Condition → status.
    """
    rows = columns_of("condition", covariates.get("condition", []))
    night_d = np.array([day_number(night) if night else np.nan])
    found = recorded(rows, np.zeros(rows.n, np.int64), night_d, declaration, rules)
    lo, hi = (np.array([np.nan if egfr is None else end]) for end in ((0.0, 0.0) if egfr is None else egfr[:2]))
    day = np.array([np.nan if egfr_offset_d is None else float(egfr_offset_d)])
    return statuses_of(beside_egfr(found, lo, hi, day, declaration, rules), 0)
