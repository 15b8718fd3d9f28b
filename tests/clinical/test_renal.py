"""Kidney function: CKD-EPI 2021 and 2012, bedside Schwartz, KDIGO stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plms_pipeline.exposures import renal
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
    both, _, _ = renal.egfr_interval(point(1.0), point(50.0), None, None, rules)
    assert both is not None
    assert (both.lo, both.hi) == pytest.approx((68.63350, 91.69148), abs=1e-5)
    assert renal.stage_of(both, rules) is None
    low, _, _ = renal.egfr_interval(point(5.0), point(50.0), None, None, rules)
    assert low is not None
    assert renal.stage_of(low, rules) == "G5"


def test_age_decides_the_equation(rules: dict[str, Any]) -> None:
    assert renal.egfr_interval(point(0.5), point(17.99), "male", 120.0, rules)[1] == "schwartz_bedside"
    assert renal.egfr_interval(point(0.5), point(17.99), "male", None, rules)[2] == "height_missing"
    assert renal.egfr_interval(point(0.5), Interval(17.5, 18.5), "male", 120.0, rules)[2] == "age_uncertain"
    assert renal.egfr_interval(point(0.5), None, "male", 120.0, rules)[2] == "age_missing"
    assert renal.egfr_interval(point(0.5), point(18.0), "male", None, rules)[1] == "ckdepi2021_cr"


def test_censored_creatinine_gives_a_censored_egfr(rules: dict[str, Any]) -> None:
    egfr, _, _ = renal.egfr_interval(Interval(15.0, float("inf"), lo_open=True), point(50.0), "male", None, rules)
    assert egfr is not None
    assert egfr.lo == 0.0
    assert renal.stage_of(egfr, rules) == "G5"


@pytest.mark.parametrize(
    ("low_days", "n_draws", "expected"),
    [
        ([], 0, None),
        ([0], 1, "single"),
        ([-90, 0], 2, "confirmed"),
        ([-89, 0], 2, "not_confirmed"),
        ([], 1, "single"),
        ([0], 3, "not_confirmed"),
    ],
)
def test_kdigo_chronicity_needs_90_days(low_days: list[int], n_draws: int, expected: str | None) -> None:
    assert renal.chronicity(low_days, n_draws, 90) == expected
