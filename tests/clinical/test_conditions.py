"""Conditions: dated, with what they rest on; dialysis and CKD stage beside the eGFR."""

from __future__ import annotations

from typing import Any

import pytest

from plms_pipeline.exposures.conditions import condition_statuses
from plms_pipeline.exposures.questionnaires import current_rows
from plms_pipeline.exposures.status import Interval, Status, point

COLLECTED = {"collected": ["neuropathy", "dialysis", "ckd_stage"]}


def statuses(
    rows: list[dict[str, Any]], rules: dict[str, Any], egfr: Interval | None = None, **declaration: Any
) -> dict[str, Status]:
    return condition_statuses({"condition": rows}, "2026-01-10", {**COLLECTED, **declaration}, egfr, -5, rules)


def neuropathy(status: str | None, day: int | None, **more: Any) -> dict[str, Any]:
    row = {"condition": "neuropathy", "status": status, "recorded_offset_d": day, **more}
    return {key: value for key, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("rows", "value", "reason"),
    [
        ([], "unknown", "no_record"),
        ([neuropathy("yes", -500)], "yes", None),
        ([neuropathy("yes", None)], "yes", None),
        ([neuropathy("no", 1)], "no", None),
        ([neuropathy("no", 30)], "no", None),
        ([neuropathy("no", 31)], "unknown", "outside_window"),
        ([neuropathy("yes", 31), neuropathy("no", -3)], "no", None),
        ([neuropathy("yes", -9), neuropathy("no", -3)], "yes", None),
        ([neuropathy(None, -3, icd10="G62.9")], "yes", None),
        ([neuropathy(None, -3)], "unknown", "missing"),
        ([{"condition": "diabetes", "status": "yes", "recorded_offset_d": -3}], "unknown", "no_record"),
    ],
)
def test_neuropathy(rows: list[dict[str, Any]], value: str, reason: str | None, rules: dict[str, Any]) -> None:
    found = statuses(rows, rules)["neuropathy"]
    assert (found.value, found.reason) == (value, reason)


def test_what_a_cohort_did_not_collect(rules: dict[str, Any]) -> None:
    assert statuses([], rules)["narcolepsy"].reason == "not_collected"


DIALYSIS = {"condition": "dialysis", "status": "yes", "recorded_offset_d": -30}


@pytest.mark.parametrize(
    ("rows", "egfr", "absent", "dialysis", "ckd_ge4"),
    [
        ([], 91.0, False, ("no", "egfr"), ("no", "egfr")),
        ([], 30.0, False, ("no", "egfr"), ("no", "egfr")),
        ([], 29.9, False, ("unknown", "none"), ("yes", "egfr")),
        ([], None, False, ("unknown", "none"), ("unknown", "none")),
        ([], None, True, ("no", "declared_absent"), ("unknown", "none")),
        ([DIALYSIS], 91.0, True, ("yes", "supplied"), ("unknown", "none")),
        ([{"condition": "ckd_ge4", "stage": 3}], None, False, ("unknown", "none"), ("no", "supplied")),
        ([{"condition": "ckd_ge4", "stage": 4}], None, False, ("unknown", "none"), ("yes", "supplied")),
    ],
)
def test_dialysis_is_never_yes_from_creatinine(
    rows: list[dict[str, Any]],
    egfr: float | None,
    absent: bool,
    dialysis: tuple[str, str],
    ckd_ge4: tuple[str, str],
    rules: dict[str, Any],
) -> None:
    found = statuses(rows, rules, None if egfr is None else point(egfr), dialysis_ascertained_as_absent=absent)
    assert (found["dialysis"].value, found["dialysis"].basis) == dialysis
    assert (found["ckd_ge4"].value, found["ckd_ge4"].basis) == ckd_ge4


def test_answers_count_within_a_year() -> None:
    rows = [{"collected_offset_d": day} for day in (-366, -365, 0, 365, 366)] + [{}]
    assert current_rows(rows, None, 365) == [rows[1], rows[2], rows[3], rows[5]]


@pytest.mark.parametrize(
    ("rows", "value", "reason"),
    [
        ([neuropathy("no", -365)], "no", None),
        ([neuropathy("no", -366)], "unknown", "outside_window"),
        ([neuropathy("no", -366), neuropathy("no", -2)], "no", None),
        ([neuropathy("yes", -4000)], "yes", None),
        ([neuropathy(None, -3, icd10="E11.9")], "unknown", "missing"),
        ([neuropathy(None, -3, icd10="E11.42")], "yes", None),
        ([neuropathy(None, -3, icd10="g629")], "yes", None),
        ([neuropathy("yes", -3, icd10="E11.9")], "yes", None),
    ],
)
def test_a_no_grows_old_and_a_code_of_diabetes_is_no_neuropathy(
    rows: list[dict[str, Any]], value: str, reason: str | None, rules: dict[str, Any]
) -> None:
    found = statuses(rows, rules)["neuropathy"]
    assert (found.value, found.reason) == (value, reason)


def test_a_date_that_cannot_be_placed_says_nothing(rules: dict[str, Any]) -> None:
    rows = [{"condition": "neuropathy", "status": "no", "recorded_date": "2026-01-02"}]
    found = condition_statuses({"condition": rows}, None, COLLECTED, None, None, rules)["neuropathy"]
    assert (found.value, found.reason) == ("unknown", "date_unknown")
    assert statuses(rows, rules)["neuropathy"].value == "no"
