"""Conditions of one subject at one visit: three-valued, dated, with what they rest on."""

from __future__ import annotations

from typing import Any

from plms_pipeline import contracts
from plms_pipeline.exposures.covariates import Row, offset_d
from plms_pipeline.exposures.status import NO, YES, Interval, Status, ge, unknown

INPUT_OF = {"ckd_ge4": "ckd_stage"}


def _of_condition(row: Row, rules: dict[str, Any]) -> str | None:
    """Status that one row gives to its condition, None when its value is missing."""
    if row["condition"] == "ckd_ge4" and "stage" in row:
        return YES if row["stage"] >= rules["ckd_stage_renal_failure"] else NO
    return row.get("status") or (YES if _code_says_yes(row, rules["condition_icd10"]) else None)


def _code_says_yes(row: Row, codes: dict[str, list[str]]) -> bool:
    """Whether the row's ICD-10 code stands for its condition; for conditions without listed codes any code does."""
    if "icd10" not in row or row["condition"] == "ckd_ge4":
        return False
    own = codes.get(row["condition"])
    code = _plain(row["icd10"])
    return own is None or any(code.startswith(_plain(listed)) for listed in own)


def _plain(code: str) -> str:
    return code.replace(".", "").replace(" ", "").upper()


def _speaks(answer: str, day: int | None, rules: dict[str, Any]) -> bool:
    """Whether an answer of a day speaks for the night: a ``no`` grows old, a ``yes`` stays; later ones do not count."""
    if day is None:
        return True
    return day <= rules["condition_after_d"] and (answer == YES or day >= -rules["condition_no_before_d"])


def recorded_status(
    rows: list[Row], condition: str, night: str | None, is_collected: bool, rules: dict[str, Any]
) -> Status:
    """Status of a condition from its own rows.

    Parameters
    ----------
    rows
        Rows of table ``condition`` of the subject and visit.
    condition
        Value of the code list ``condition``.
    night
        ISO date of the recording, or None.
    is_collected
        Whether this cohort collected it.
    rules
        Clinical rules: days after and before the night for which a record counts, ICD-10 codes.

    Returns
    -------
    Status
        yes if any row that counts says yes, no if rows say no, else unknown. A row whose date cannot be placed beside
        the night does not count; a row without any date belongs to its visit and does.
    """
    own = [row for row in rows if row["condition"] == condition]
    dated = [(row, offset_d(row, "recorded", night)) for row in own]
    placed = [
        (row, day, _of_condition(row, rules)) for row, day in dated if day is not None or "recorded_date" not in row
    ]
    for answer in (YES, NO):
        found = [(row, day) for row, day, said in placed if said == answer and _speaks(answer, day, rules)]
        if found:
            row, day = max(found, key=lambda item: (item[1] is not None, item[1] or 0))
            return Status(answer, None, row.get("basis", "supplied"), day)
    if not is_collected:
        return unknown("not_collected", "none")
    if not own:
        return unknown("no_record", "none")
    if not placed:
        return unknown("date_unknown", "none")
    is_silent = any(said is None and _speaks(NO, day, rules) for _, day, said in placed)
    return unknown("missing" if is_silent else "outside_window", "none")


def condition_statuses(
    covariates: dict[str, list[Row]],
    night: str | None,
    declaration: dict[str, Any],
    egfr: Interval | None,
    egfr_offset_d: int | None,
    rules: dict[str, Any],
) -> dict[str, Status]:
    """All conditions of the code list for one night.

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
        Condition → status. Dialysis is ``no`` by an eGFR at or above the limit of renal failure without a dialysis
        record, or by the cohort's declaration; never ``yes`` from creatinine. Without a stage of its own, CKD stage ≥ 4
        follows the eGFR.
    """
    collected = set(declaration.get("collected", ()))
    rows = covariates.get("condition", [])
    found = {
        condition: recorded_status(
            rows,
            condition,
            night,
            INPUT_OF.get(condition, condition) in collected,
            rules,
        )
        for condition in contracts.codes("condition").values
    }
    low = None if egfr is None else ge(egfr, rules["egfr_renal_failure"])
    if found["dialysis"].value not in (YES, NO):
        if low == YES:
            found["dialysis"] = Status(NO, None, "egfr", egfr_offset_d)
        elif declaration.get("dialysis_ascertained_as_absent"):
            found["dialysis"] = Status(NO, None, "declared_absent", None)
    if found["ckd_ge4"].value not in (YES, NO) and found["dialysis"].value != YES and low in (YES, NO):
        found["ckd_ge4"] = Status(NO if low == YES else YES, None, "egfr", egfr_offset_d)
    return found
