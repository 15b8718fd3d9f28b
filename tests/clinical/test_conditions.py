"""Conditions: dated, with what they rest on; dialysis and CKD stage beside the eGFR."""

from __future__ import annotations

from typing import Any

import pytest

from plms_pipeline import contracts
from plms_pipeline.exposures.conditions import condition_statuses, conditions_of_code
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


@pytest.mark.parametrize(
    ("code", "conditions"),
    [
        ("E11.42", ("neuropathy", "diabetes")),
        ("e10 42", ("neuropathy", "diabetes")),
        ("E11.40", ("diabetes",)),
        ("E11", ("diabetes",)),
        ("G62.9", ("neuropathy",)),
        ("G63.2", ("neuropathy",)),
        ("G64", ()),
        ("M54.16", ("radiculopathy",)),
        ("M54.5", ()),
        ("G55.1", ("radiculopathy",)),
        ("M51.16", ("radiculopathy",)),
        ("Z99.2", ("dialysis",)),
        ("Z99.8", ()),
        ("N18.4", ("ckd_ge4",)),
        ("N18.6", ("ckd_ge4",)),
        ("N18.30", ()),
        ("Z94.0", ("kidney_transplant",)),
        ("G47.4", ("narcolepsy",)),
        ("G47.419", ("narcolepsy",)),
        ("G47.33", ()),
        ("G47.52", ("rbd",)),
        ("G20", ("parkinson",)),
        ("G20.A1", ("parkinson",)),
        ("G35", ("multiple_sclerosis",)),
        ("S14.109A", ("spinal_cord_injury",)),
        ("I10", ()),
        ("", ()),
    ],
)
def test_icd_10_codes_and_all_below_them(code: str, conditions: tuple[str, ...]) -> None:
    assert conditions_of_code(code) == conditions


def test_the_code_table_names_declared_conditions_once() -> None:
    rows = contracts.load_csv("codes/icd10_conditions.csv")
    assert {row["condition"] for row in rows} <= set(contracts.codes("condition").values)
    pairs = [(row["icd10"], row["condition"]) for row in rows]
    assert len(set(pairs)) == len(pairs)
    assert all(row["note"] for row in rows)


def test_a_code_alone_stands_for_its_conditions(rules: dict[str, Any]) -> None:
    found = statuses([{"icd10": "E11.42", "recorded_offset_d": -20}, {"icd10": "N18.5"}], rules)
    assert {name for name, status in found.items() if status.value == "yes"} == {"neuropathy", "diabetes", "ckd_ge4"}
    assert found["neuropathy"].offset_d == -20
    assert found["dialysis"].reason == "no_record"
    denied = statuses([{"icd10": "G62.9", "status": "no", "recorded_offset_d": -20}], rules)["neuropathy"]
    assert (denied.value, denied.reason) == ("unknown", "missing")


def test_the_latest_dated_row_is_the_one_that_is_named(rules: dict[str, Any]) -> None:
    rows = [neuropathy("yes", -9, basis="exam"), neuropathy("yes", -3, basis="code"), neuropathy("yes", None)]
    found = statuses(rows, rules)["neuropathy"]
    assert (found.basis, found.offset_d) == ("code", -3)
    assert statuses(rows[::-1], rules)["neuropathy"] == found
