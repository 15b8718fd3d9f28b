"""Laboratory values: units, censoring, plausibility, windows, iron therapy and inflammation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline.exposures import clinical_rules
from plms_pipeline.exposures.join import night_statuses
from plms_pipeline.exposures.laboratory import (
    LabValue,
    ferritin_crp_status,
    ferritin_status,
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


def iron(start: int | None, end: int) -> dict[str, Any]:
    row = {"medication": "ferrous sulfate", "record_type": "dispensing", "use_end_offset_d": end}
    return row if start is None else {**row, "use_start_offset_d": start}


@pytest.mark.parametrize(
    ("draw_day", "records", "reason"),
    [
        (-30, [iron(-10, 5)], "iron_therapy_between"),
        (-30, [iron(-30, 5)], "iron_therapy_between"),
        (-30, [iron(0, 5)], "iron_therapy_between"),
        (-30, [iron(-40, 5)], None),
        (-30, [iron(5, 9)], None),
        (30, [iron(5, 9)], "iron_therapy_between"),
        (30, [iron(31, 40)], None),
        (-30, [iron(None, -2)], "iron_therapy_start_unknown"),
        (0, [iron(None, -2)], None),
        (0, [iron(0, 5)], None),
        (-30, [], None),
        (-30, [{"medication": "ferrous sulfate", "taken": "no", "use_start_offset_d": -10}], None),
        (-30, [{"medication": "Venofer", "record_type": "order", "use_start_offset_d": -10}], "iron_therapy_between"),
        (-30, [{"medication": "lithium", "record_type": "dispensing", "use_start_offset_d": -10}], None),
    ],
)
def test_iron_started_between_draw_and_night(draw_day: int, records: list[dict[str, Any]], reason: str | None) -> None:
    covariates = {"laboratory": [{"analyte": "ferritin", **draw("40", draw_day)}], "medication": records}
    found = night_statuses(covariates, None, {"collected": ["ferritin"]}, RULES).laboratory["ferritin"]
    assert (found.reason, found.value) == (reason, None if reason else 40.0)
    assert found.offset_d == draw_day


def test_unknown_iron_therapy_leaves_the_ferritin_with_a_flag() -> None:
    covariates = {"laboratory": [{"analyte": "ferritin", **draw("40", -3)}]}
    found = night_statuses(covariates, None, {"collected": ["ferritin"]}, RULES).laboratory["ferritin"]
    assert (found.value, found.flags) == (40.0, ("iron_therapy_unknown",))


def laboratory(*rows: tuple[str, str, str, int]) -> dict[str, LabValue]:
    covariates = {
        "laboratory": [{"analyte": name, **draw(value, day, unit)} for name, value, unit, day in rows],
        "inventory": [{"complete": "yes", "collected_offset_d": 0}],
    }
    declaration = {"collected": ["ferritin", "crp", "iron", "tibc", "tsat", "iron_therapy"]}
    return night_statuses(covariates, None, declaration, RULES).laboratory


@pytest.mark.parametrize(
    ("ferritin_day", "crp_days", "chosen"),
    [(-80, [-87, 0], -87), (-80, [-88, 0], None), (80, [87], 87), (0, [-7, 7], -7), (-10, [-4, -13], -13)],
)
def test_crp_is_the_one_within_7_days_of_the_ferritin_draw(
    ferritin_day: int, crp_days: list[int], chosen: int | None
) -> None:
    rows = [("crp", "3", "mg/L", day) for day in crp_days]
    found = laboratory(("ferritin", "80", "ng/mL", ferritin_day), *rows)["crp"]
    assert found.offset_d == chosen
    assert found.reason == (None if chosen is not None else "outside_window")


def test_crp_in_mg_dl_is_ten_times_as_much() -> None:
    assert laboratory(("crp", "0.6", "mg/dL", 0))["crp"].value == pytest.approx(6.0, rel=1e-15)


@pytest.mark.parametrize(
    ("rows", "value", "reason"),
    [
        ([("iron", "60", "ug/dL", -3), ("tibc", "300", "ug/dL", -3)], 20.0, None),
        ([("iron", "17.9", "umol/L", -3), ("tibc", "53.7", "umol/L", -3)], 100 / 3, None),
        ([("iron", "60", "ug/dL", -3), ("tibc", "300", "ug/dL", -4)], None, "no_record"),
        ([("iron", "60", "ug/dL", -3), ("tibc", "300", "", -3)], None, "no_record"),
        ([("iron", "310", "ug/dL", -3), ("tibc", "300", "ug/dL", -3)], None, "implausible"),
        ([("iron", "60", "ug/dL", -91), ("tibc", "300", "ug/dL", -91)], None, "outside_window"),
        ([("tsat", "25", "%", -3), ("iron", "60", "ug/dL", -3), ("tibc", "300", "ug/dL", -3)], 25.0, None),
        ([("tsat", "25", "%", -9), ("iron", "60", "ug/dL", -3), ("tibc", "300", "ug/dL", -3)], 20.0, None),
    ],
)
def test_transferrin_saturation_from_iron_and_tibc_of_one_day(
    rows: list[tuple[str, str, str, int]], value: float | None, reason: str | None
) -> None:
    found = laboratory(*rows)["tsat"]
    assert found.reason == reason
    assert found.value == (None if value is None else pytest.approx(value, rel=1e-12))
    assert ("derived" in found.flags) == (value is not None and value != 25.0)


def test_a_censored_iron_gives_an_interval_of_saturation() -> None:
    found = laboratory(("iron", "<60", "ug/dL", 0), ("tibc", "300", "ug/dL", 0))["tsat"]
    assert found.interval == Interval(0.0, 20.0, hi_open=True)
    assert (found.value, "censored" in found.flags) == (None, True)


def test_assays_are_told_and_never_converted() -> None:
    beckman, roche = {**draw("50", -3), "assay": "Beckman"}, {**draw("83", -20), "assay": "Roche"}
    chosen = ferritin(beckman, roche)
    assert (chosen.value, chosen.assay, chosen.flags) == (50.0, "Beckman", ("several_assays",))
    same_day = ferritin(beckman, {**roche, "collected_offset_d": -3})
    assert (same_day.interval, same_day.assay) == (Interval(50.0, 83.0), None)
    assert same_day.flags == ("several_draws", "several_assays")


def test_the_reported_value_is_kept_beside_the_converted_one() -> None:
    chosen = ferritin(draw("112.35", unit="pmol/L"))
    assert (chosen.value, chosen.value_source, chosen.unit_source) == (pytest.approx(50.0), 112.35, "pmol/L")
    censored = ferritin(draw("<5"))
    assert (censored.value, censored.value_source, censored.unit_source) == (None, 5.0, "ng/mL")


def test_high_values_are_flagged() -> None:
    assert ferritin(draw("1000")).flags == ()
    assert ferritin(draw("1001")).flags == ("high_value",)


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


def test_an_implausible_draw_is_passed_over_and_told() -> None:
    chosen = ferritin(draw("20001", -1), draw("40", -9))
    assert (chosen.value, chosen.offset_d, chosen.flags) == (40.0, -9, ("implausible_draw",))
    assert ferritin(draw("20001", -91), draw("40", -9)).flags == ()
    assert ferritin(draw("20001", -1)).flags == ()
