"""Laboratory values: units, censoring, plausibility, windows, iron therapy and inflammation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline.exposures import clinical_rules
from plms_pipeline.exposures.laboratory import (
    LabValue,
    ferritin_crp_status,
    ferritin_status,
    iron_between,
    lab_value,
    parse_value,
    to_canonical,
)
from plms_pipeline.exposures.status import Interval, Status, point

RULES = clinical_rules()


def ferritin(*rows: dict[str, Any]) -> LabValue:
    return lab_value([{"analyte": "ferritin", **row} for row in rows], "ferritin", None, True, RULES)


def draw(value: str, day: int = 0, unit: str = "ng/mL") -> dict[str, Any]:
    return {"value": value, "unit": unit, "collected_offset_d": day}


@pytest.mark.parametrize(("ug_l", "pmol_l"), [(15, 33.705), (50, 112.35), (75, 168.525), (100, 224.7)])
def test_ferritin_pmol_factor_2_247(ug_l: float, pmol_l: float) -> None:
    assert to_canonical(pmol_l, "pmol/L", RULES["analytes"]["ferritin"]) == pytest.approx(ug_l, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("49.9", "ng/mL", "yes"),
        ("50", "ng/mL", "no"),
        ("50.0", "µg/L", "no"),
        ("112.3", "pmol/L", "yes"),
        ("112.4", "pmol/L", "no"),
        ("4.9", "ug/dL", "yes"),
        ("5.0", "mcg/dL", "no"),
        ("<50", "ng/mL", "yes"),
        ("<5", "ng/mL", "yes"),
        ("<=50", "ng/mL", "unknown"),
        ("<60", "ng/mL", "unknown"),
        (">50", "ng/mL", "no"),
        (">2000", "ng/mL", "no"),
        (">40", "ng/mL", "unknown"),
    ],
)
def test_ferritin_below_50_is_strict_on_the_interval(value: str, unit: str, expected: str) -> None:
    status = ferritin_status(ferritin(draw(value, unit=unit)), RULES)
    assert status.value == expected
    assert (status.reason is not None) == (expected == "unknown")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"value": "40", "collected_offset_d": 0}, "unit_missing"),
        (draw("40", unit="furlongs"), "unit_unknown"),
        (draw("40", unit="umol/L"), "unit_unknown"),
        (draw("0.4"), "implausible"),
        (draw("20001"), "implausible"),
        (draw("haemolysed"), "unparsable_value"),
        (draw("-3"), "unparsable_value"),
        ({"unit": "ng/mL", "collected_offset_d": 0}, "missing"),
        ({"value": "40", "unit": "ng/mL"}, "date_unknown"),
        (draw("40", day=91), "outside_window"),
        (draw("40", day=-91), "outside_window"),
    ],
)
def test_every_way_to_be_unknown_has_its_reason(row: dict[str, Any], reason: str) -> None:
    status = ferritin_status(ferritin(row), RULES)
    assert (status.value, status.reason) == ("unknown", reason)


def test_limits_of_plausibility_and_window_are_inside() -> None:
    assert ferritin(draw("0.5", day=-90)).value == 0.5
    assert ferritin(draw("20000", day=90)).value == 20000.0


def test_nearest_draw_wins_and_the_earlier_one_on_ties() -> None:
    assert ferritin(draw("40", -20), draw("80", 10)).value == 80.0
    assert ferritin(draw("40", 10), draw("80", -10)).value == 80.0
    chosen = ferritin(draw("40", -20), {"value": "80", "collected_offset_d": 1})
    assert (chosen.value, chosen.offset_d, chosen.n_draws) == (40.0, -20, 2)


def test_two_values_on_one_day_give_the_interval_that_covers_them() -> None:
    chosen = ferritin(draw("45", -3), draw("55", -3))
    assert chosen.interval == Interval(45.0, 55.0)
    assert chosen.value == 50.0
    assert "several_draws" in chosen.flags
    assert ferritin_status(chosen, RULES).value == "unknown"


def test_absent_values_tell_not_collected_from_no_record() -> None:
    assert lab_value([], "ferritin", None, False, RULES).reason == "not_collected"
    assert lab_value([], "ferritin", None, True, RULES).reason == "no_record"


@pytest.mark.parametrize(
    ("draw_day", "starts", "exposed", "reason"),
    [
        (-30, [-10], "yes", "iron_therapy_between"),
        (-30, [-30], "yes", "iron_therapy_between"),
        (-30, [-40], "yes", None),
        (-30, [5], "no", None),
        (30, [5], "no", "iron_therapy_between"),
        (-30, [None], "yes", "iron_therapy_start_unknown"),
        (0, [None], "yes", None),
        (-30, [], "no", None),
    ],
)
def test_iron_started_between_draw_and_night(
    draw_day: int, starts: list[int | None], exposed: str, reason: str | None
) -> None:
    assert iron_between(draw_day, {"exposed": exposed}, starts) == reason


def crp(value: float | None) -> LabValue:
    return LabValue("crp", "mg/L", None if value is None else point(value), value, 0, None, 1)


@pytest.mark.parametrize(
    ("ferritin_low", "crp_mg_l", "require_crp", "expected"),
    [
        ("yes", 50.0, True, "yes"),
        ("no", 5.0, True, "no"),
        ("no", 5.1, False, "unknown"),
        ("no", None, False, "no"),
        ("no", None, True, "unknown"),
        ("unknown", 1.0, False, "unknown"),
    ],
)
def test_brinda_variant(ferritin_low: str, crp_mg_l: float | None, require_crp: bool, expected: str) -> None:
    reason = "censored" if ferritin_low == "unknown" else None
    status = ferritin_crp_status(Status(ferritin_low, reason), crp(crp_mg_l), {**RULES, "require_crp": require_crp})
    assert status.value == expected


@given(st.text(max_size=12))
def test_any_text_is_a_value_or_none(text: str) -> None:
    parsed = parse_value(text)
    if parsed is not None:
        interval, value = parsed
        assert 0 <= interval.lo <= interval.hi
        assert value is None or (math.isfinite(value) and interval == point(value))
