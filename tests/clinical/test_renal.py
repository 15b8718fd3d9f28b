"""Kidney function: CKD-EPI 2021 and 2012, bedside Schwartz, KDIGO stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plms_pipeline.exposures import kidney, renal
from plms_pipeline.exposures.join import night_statuses
from plms_pipeline.exposures.people import SEXES, People
from plms_pipeline.exposures.status import Interval, point

# Creatinine mg/dL, age, female, male: published implementations (R packages nephro and kidney.epi) agree on these.
GOLDEN = [
    (0.5, 50, 114.19191, 124.25969),
    (0.5, 70, 100.83590, 109.72614),
    (0.7, 50, 105.29760, 112.25342),
    (0.7, 70, 92.98188, 99.12414),
    (0.9, 50, 77.88344, 104.04901),
    (0.9, 70, 68.77411, 91.87933),
    (1.0, 50, 68.63350, 91.69148),
    (1.0, 70, 60.60605, 80.96714),
    (1.2, 50, 55.14659, 73.67353),
    (1.2, 70, 48.69658, 65.05660),
    (1.4, 50, 45.83344, 61.23156),
    (1.4, 70, 40.47271, 54.06985),
    (2.0, 50, 29.87446, 39.91103),
    (2.0, 70, 26.38032, 35.24300),
    (5.0, 50, 9.94883, 13.29122),
    (5.0, 70, 8.78521, 11.73667),
]


@pytest.mark.parametrize(("creatinine", "age", "female", "male"), GOLDEN)
def test_inker_2021_creatinine_golden_values(creatinine: float, age: float, female: float, male: float) -> None:
    found = renal.egfr_ckdepi_2021([creatinine] * 2, age, ["female", "male"])
    assert found == pytest.approx([female, male], abs=1e-5)


@pytest.mark.parametrize(
    ("creatinine", "cystatin", "age", "sex", "egfr"),
    [(1.0, 1.0, 50, "male", 88.14399), (1.4, 0.8, 60, "male", 83.97006), (0.8, 0.9, 70, "female", 83.91152)],
)
def test_inker_2021_creatinine_cystatin_golden_values(
    creatinine: float, cystatin: float, age: float, sex: str, egfr: float
) -> None:
    assert float(renal.egfr_ckdepi_2021_crcys(creatinine, cystatin, age, sex)) == pytest.approx(egfr, abs=1e-5)


@pytest.mark.parametrize(
    ("cystatin", "age", "sex", "egfr"),
    [(1.0, 50, "male", 80.93233), (0.8, 60, "male", 104.57116), (1.5, 70, "female", 40.63269)],
)
def test_inker_2012_cystatin_golden_values(cystatin: float, age: float, sex: str, egfr: float) -> None:
    assert float(renal.egfr_ckdepi_2012_cys(cystatin, age, sex)) == pytest.approx(egfr, abs=1e-5)


@pytest.mark.parametrize(("height", "creatinine", "egfr"), [(120, 0.5, 99.12), (90, 1.4, 26.55)])
def test_schwartz_2009_bedside(height: float, creatinine: float, egfr: float) -> None:
    assert float(renal.egfr_schwartz(creatinine, height)) == pytest.approx(egfr, abs=1e-9)


def bounds(
    creatinine: Interval, age: Interval | None, sex: str | None, height_cm: float | None, rules: dict[str, Any]
) -> tuple[Interval | None, str | None, str | None]:
    """eGFR of one person as interval, equation and reason."""
    low, high, is_open = (np.nan, np.nan, False) if age is None else age[:3]
    one = People(
        np.array([low]),
        np.array([low]),
        np.array([high]),
        np.array([is_open]),
        np.array([-1 if sex is None else SEXES.index(sex)], np.int8),
        np.array([np.nan if height_cm is None else height_cm]),
    )
    lo, hi, equation, reason = kidney.creatinine_bounds(
        np.array([creatinine.lo]), np.array([creatinine.hi]), one, np.zeros(1, np.int64), rules
    )
    if reason[0] >= 0:
        return None, None, kidney.REASONS[reason[0]]
    return Interval(float(lo[0]), float(hi[0])), kidney.EQUATIONS[equation[0]], None


def test_umol_per_litre_is_divided_by_88_4(rules: dict[str, Any]) -> None:
    from plms_pipeline.exposures.laboratory import to_canonical

    value = to_canonical(130.0, "umol/L", rules["analytes"]["creatinine"])
    assert float(renal.egfr_ckdepi_2021(value, 60, "male")) == pytest.approx(54.241, abs=6e-4)


def test_arrays_keep_shape_and_nan() -> None:
    found = renal.egfr_ckdepi_2021(np.array([[1.0, np.nan]]), 50, "male")
    assert found.shape == (1, 2)
    assert np.isnan(found[0, 1])


@pytest.mark.parametrize(("creatinine", "sex"), [(0.0, "male"), (-1.0, "male"), (1.0, "unknown"), (1.0, "M")])
def test_impossible_inputs_are_refused(creatinine: float, sex: str) -> None:
    with pytest.raises(ValueError):
        renal.egfr_ckdepi_2021(creatinine, 50, sex)


def test_a_sex_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="not 'unknown'; where it is missing, compute both"):
        renal.egfr_ckdepi_2021([1.0, 1.0], 50, ["male", "unknown"])
    with pytest.raises(ValueError, match="not 'None'"):
        renal.egfr_ckdepi_2021([1.0, 1.0], 50, ["male", None])


@pytest.mark.parametrize(
    ("egfr", "stage"),
    [
        (90.0, "G1"),
        (89.99999, "G2"),
        (60.0, "G2"),
        (59.99999, "G3a"),
        (45.0, "G3a"),
        (44.99999, "G3b"),
        (30.0, "G3b"),
        (29.99999, "G4"),
        (15.0, "G4"),
        (14.99999, "G5"),
        (0.0, "G5"),
    ],
)
def test_kdigo_stage_from_unrounded_value(egfr: float, stage: str, rules: dict[str, Any]) -> None:
    assert renal.stage_of(point(egfr), rules) == stage


def test_missing_sex_computes_both_and_knows_the_stage_only_if_they_agree(rules: dict[str, Any]) -> None:
    both, _, _ = bounds(point(1.0), point(50.0), None, None, rules)
    assert both is not None
    assert (both.lo, both.hi) == pytest.approx((68.63350, 91.69148), abs=1e-5)
    assert renal.stage_of(both, rules) is None
    low, _, _ = bounds(point(5.0), point(50.0), None, None, rules)
    assert low is not None
    assert renal.stage_of(low, rules) == "G5"


def test_age_decides_the_equation(rules: dict[str, Any]) -> None:
    assert bounds(point(0.5), point(17.99), "male", 120.0, rules)[1] == "schwartz_bedside"
    assert bounds(point(0.5), point(17.99), "male", None, rules)[2] == "height_missing"
    assert bounds(point(0.5), Interval(17.5, 18.5), "male", 120.0, rules)[2] == "age_uncertain"
    assert bounds(point(0.5), None, "male", 120.0, rules)[2] == "age_missing"
    assert bounds(point(0.5), point(18.0), "male", None, rules)[1] == "ckdepi2021_cr"


def test_censored_creatinine_gives_a_censored_egfr(rules: dict[str, Any]) -> None:
    egfr, _, _ = bounds(Interval(15.0, float("inf"), lo_open=True), point(50.0), "male", None, rules)
    assert egfr is not None
    assert egfr.lo == 0.0
    assert renal.stage_of(egfr, rules) == "G5"


def test_infants_and_the_end_of_the_18th_year(rules: dict[str, Any]) -> None:
    assert bounds(point(0.5), point(0.99), "male", 70.0, rules)[2] == "age_uncertain"
    assert bounds(point(0.5), point(1.0), "male", 75.0, rules)[1] == "schwartz_bedside"
    assert bounds(point(0.5), Interval(17.0, 18.0, hi_open=True), "male", 170.0, rules)[1] == "schwartz_bedside"
    assert bounds(point(0.5), Interval(17.0, 18.0), "male", 170.0, rules)[2] == "age_uncertain"
    assert bounds(point(0.5), Interval(18.0, 19.0, hi_open=True), "male", None, rules)[1] == "ckdepi2021_cr"


def test_schwartz_needs_no_sex(rules: dict[str, Any]) -> None:
    assert bounds(point(0.5), point(10.0), None, 120.0, rules)[0] == point(pytest.approx(99.12))


def test_an_age_top_coded_at_90_reaches_to_105(rules: dict[str, Any]) -> None:
    found = bounds(point(1.0), Interval(90.0, 105.0), "male", None, rules)[0]
    assert found is not None
    expected = [float(renal.egfr_ckdepi_2021(1.0, age, "male")) for age in (105.0, 90.0)]
    assert (found.lo, found.hi) == pytest.approx(expected, rel=1e-14)


def test_siblings_keep_shape_and_refuse_the_impossible() -> None:
    assert renal.egfr_ckdepi_2021_crcys([1.0, np.nan], 1.0, 50, "male").shape == (2,)
    assert renal.egfr_ckdepi_2012_cys([[1.0]], [50, 60], "female").shape == (1, 2)
    for call in (
        lambda: renal.egfr_ckdepi_2021_crcys(1.0, 0.0, 50, "male"),
        lambda: renal.egfr_ckdepi_2012_cys(-1.0, 50, "male"),
        lambda: renal.egfr_schwartz(0.5, 0.0),
    ):
        with pytest.raises(ValueError):
            call()


PERSON = {"age_years": 50.0, "sex": "male"}


def linked(rows: list[tuple[str, str, str, int]], rules: dict[str, Any], **extra: Any) -> Any:
    lab = extra.pop("lab", {})
    covariates = {
        "demographics": [{k: v for k, v in {**PERSON, **extra.pop("person", {})}.items() if v is not None}],
        "laboratory": [
            {"analyte": name, "value": value, "unit": unit, "collected_offset_d": day, **lab}
            for name, value, unit, day in rows
        ],
        **extra,
    }
    declaration = {"collected": ["creatinine", "cystatin_c", "dialysis"], "age_precision": "exact"}
    return night_statuses(covariates, None, declaration, rules)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], None),
        ([0], "single"),
        ([-90, 0], "confirmed"),
        ([-89, 0], "not_confirmed"),
        ([-455, -365], "confirmed"),
        ([0, 90], "confirmed"),
        ([0, 91], "single"),
    ],
)
def test_kdigo_chronicity_needs_90_days(days: list[int], expected: str | None, rules: dict[str, Any]) -> None:
    found = linked([("creatinine", "4.0", "mg/dL", day) for day in days], rules)
    assert found.kidney.chronicity == expected


def test_chronicity_is_of_a_low_egfr(rules: dict[str, Any]) -> None:
    rows = [("creatinine", "4.0", "mg/dL", 0), ("creatinine", "1.0", "mg/dL", -200)]
    assert linked(rows, rules).kidney.chronicity == "not_confirmed"
    assert linked(rows[1:], rules).kidney.chronicity == "single"


@pytest.mark.parametrize(
    ("day", "reason"), [(-365, None), (-366, "outside_window"), (90, None), (91, "outside_window")]
)
def test_creatinine_speaks_from_365_days_before_to_90_after(
    day: int, reason: str | None, rules: dict[str, Any]
) -> None:
    kidney_found = linked([("creatinine", "1.0", "mg/dL", day)], rules).kidney
    assert kidney_found.reason == reason
    assert (kidney_found.value is None) == (reason is not None)


@pytest.mark.parametrize(
    ("creatinine", "stage", "is_low"),
    [("88.4", "G1", "no"), ("354", "G4", "yes"), ("600", "G5", "yes"), ("180", "G3b", "no")],
)
def test_stage_and_renal_failure_from_umol(creatinine: str, stage: str, is_low: str, rules: dict[str, Any]) -> None:
    found = linked([("creatinine", creatinine, "umol/L", -3)], rules).kidney
    assert (found.stage, found.is_low.value) == (stage, is_low)


def test_dialysis_makes_the_egfr_null_and_the_stage_g5d(rules: dict[str, Any]) -> None:
    rows = [("creatinine", "1.0", "mg/dL", 0), ("cystatin_c", "1.0", "mg/L", 0)]
    found = linked(rows, rules, condition=[{"icd10": "Z99.2", "recorded_offset_d": -30}])
    assert (found.kidney.egfr, found.kidney.stage, found.kidney.reason) == (None, "G5D", "dialysis")
    for name in ("egfr_crcys", "egfr_cys"):
        assert (found.laboratory[name].value, found.laboratory[name].reason) == (None, "dialysis")


def test_missing_sex_gives_an_interval_and_no_single_value(rules: dict[str, Any]) -> None:
    found = linked([("creatinine", "1.0", "mg/dL", 0)], rules, person={"sex": None}).kidney
    assert (found.value, found.reason, found.stage) == (None, "sex_missing", None)
    assert (found.egfr.lo, found.egfr.hi) == pytest.approx((68.63350, 91.69148), abs=1e-5)
    assert found.is_low.value == "no"


@pytest.mark.parametrize("setting", ["inpatient", "emergency", "acute"])
def test_an_acute_setting_does_not_speak(setting: str, rules: dict[str, Any]) -> None:
    rows = [("creatinine", "4.0", "mg/dL", -1)]
    found = linked(rows, rules, lab={"setting": setting}).kidney
    assert (found.egfr, found.reason, found.chronicity) == (None, "acute_setting", None)
    assert linked(rows, rules, lab={"setting": "outpatient"}).kidney.stage == "G4"


@pytest.mark.parametrize(
    ("rows", "both", "cystatin", "reason"),
    [
        ([("creatinine", "1.0", "mg/dL", -3), ("cystatin_c", "1.0", "mg/L", -3)], 88.14399, 80.93233, None),
        ([("creatinine", "1.0", "mg/dL", -3), ("cystatin_c", "1.0", "mg/L", -4)], None, 80.93233, "no_paired_draw"),
        ([("cystatin_c", "0.1", "mg/dL", -4)], None, 80.93233, "no_record"),
        ([("creatinine", "1.0", "mg/dL", -3)], None, None, "no_record"),
    ],
)
def test_cystatin_equations_stand_beside_and_need_one_day(
    rows: list[tuple[str, str, str, int]], both: float | None, cystatin: float | None, reason: str | None,
    rules: dict[str, Any],
) -> None:  # fmt: skip
    found = linked(rows, rules).laboratory
    for name, expected in (("egfr_crcys", both), ("egfr_cys", cystatin)):
        assert found[name].value == (None if expected is None else pytest.approx(expected, abs=1e-5))
    assert found["egfr_crcys"].reason == reason


def test_equations_of_adults_are_not_used_for_children(rules: dict[str, Any]) -> None:
    rows = [("creatinine", "0.5", "mg/dL", 0), ("cystatin_c", "1.0", "mg/L", 0)]
    found = linked(rows, rules, person={"age_years": 9.0, "height_cm": 120.0})
    assert (found.kidney.equation, found.kidney.value) == ("schwartz_bedside", pytest.approx(99.12))
    assert found.laboratory["egfr_cys"].reason == "under_18"


@pytest.mark.parametrize("age", [0.0, -1.0, 0.5])
def test_an_age_below_the_equations_gives_no_egfr(age: float, rules: dict[str, Any]) -> None:
    rows = [("creatinine", "0.5", "mg/dL", 0), ("cystatin_c", "1.0", "mg/L", 0)]
    found = linked(rows, rules, person={"age_years": age, "height_cm": 60.0})
    assert (found.kidney.egfr, found.kidney.reason) == (None, "age_uncertain")


def test_no_age_and_no_height_give_reasons(rules: dict[str, Any]) -> None:
    rows = [("creatinine", "0.5", "mg/dL", 0)]
    assert linked(rows, rules, person={"age_years": None}).kidney.reason == "age_missing"
    assert linked(rows, rules, person={"age_years": 9.0}).kidney.reason == "height_missing"
    assert linked(rows, rules, person={"age_years": 9.0, "height_cm": 0.0}).kidney.reason == "height_missing"
