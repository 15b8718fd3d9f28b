"""Faults seen in published scorers; each must not occur here."""

from __future__ import annotations

import pytest

from plms_pipeline import scoring
from plms_pipeline.errors import InputError


def test_fault_event_times_on_the_wrong_axis(t):
    scored = t.score("wasm2016", [("L", "1234.567891", "1236.25")])
    assert (scored.movements["onset_s"], scored.movements["offset_s"]) == ([1234.567891], [1236.25])


def test_fault_only_the_left_leg_used(t):
    assert t.score("wasm2016", t.every(20, 6, leg="R")).night["n_plms"] == 6
    both = t.score("wasm2016", t.every(40, 3) + t.every(40, 3, start=1020, leg="R"))
    assert both.night["n_plms"] == 6


def test_fault_a_missing_leg_read_as_zeros(t):
    missing = t.score("wasm2016", t.every(20, 30), legs="left").night
    quiet = t.score("wasm2016", t.every(20, 30), legs="both").night
    assert (missing["evidence_class"], quiet["evidence_class"]) == ("one_leg", "full")
    assert missing["n_plms_right_reason"] == "one_leg"
    assert quiet["n_plms_right"] == 0


def test_fault_the_last_movement_of_the_night_is_never_a_plm(t):
    rows = t.every(20, 4, start=28738)
    scored = t.score("wasm2016", rows)
    assert scored.movements["is_plm"] == [True] * 4


def test_fault_the_last_movement_is_never_checked_for_10_s(t):
    rows = [*t.every(20, 3), ("L", 1060, 1075)]
    assert t.score("wasm2016", rows).night["n_plm"] == 0


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_fault_crash_when_no_interval_lies_inside_the_limits(t, n):
    for name in ("wasm2016", "aasm3", "wasm2006", "coleman"):
        scored = t.score(name, t.every(500, n))
        assert scored.night["n_plms"] == 0
        assert scored.night["plmsi_per_h"] == 0.0


def test_fault_arousals_associated_from_their_end_only(t):
    scored = t.score("wasm2016", [("L", 100, 102)], arousals=[("102.4", 130)])
    assert scored.movements["is_arousal_associated"] == [True]


def test_fault_the_respiratory_end_rounded_to_whole_seconds(t):
    rows = [("L", "111.0", 112)]
    at_limit = t.score("wasm2016", rows, respiratory=[(60, "100.75")])
    before = t.score("wasm2016", rows, respiratory=[(60, "100.749999")])
    assert at_limit.movements["is_respiratory_related"] == [True]
    assert before.movements["is_respiratory_related"] == [False]


def test_fault_90_s_excluded(t):
    assert t.score("wasm2016", t.every(90, 4)).night["n_plm"] == 4


def test_fault_decimal_limits_lost_in_binary_fractions(t):
    rows = [("L", f"{1000 + k * 10 + k / 10:.1f}", f"{1000 + k * 10 + k / 10 + 0.5:.1f}") for k in range(4)]
    assert t.score("wasm2016", rows).night["n_clm"] == 4
    assert t.score("wasm2016", [("L", "0.1", "0.6"), ("R", "1.1", "2.1")]).movements["side"] == ["left", "right"]


def test_fault_a_break_is_lost_in_the_nr_pass(t):
    rows = [*t.every(20, 3), ("L", 1050, 1062), *t.every(20, 3, start=1070)]
    scored = t.score("wasm2016", rows, respiratory=[(2000, 2010)])
    assert scored.night["n_plm_nr"] == 0
    gap = t.score("wasm2016", t.every(20, 6), gaps=[(1050, 1051)], respiratory=[(2000, 2010)])
    assert gap.night["n_plm_nr"] == 0


def test_fault_sleep_hours_wrong_when_lights_off_does_not_span_the_file(t):
    night = t.score("wasm2016", t.every(20, 10, start=8000), lights=(7200, 14400)).night
    assert (night["tst_h"], night["plmsi_per_h"]) == (2.0, 5.0)


def test_fault_movements_in_unscored_time_counted_as_wake(t):
    night = t.score(
        "wasm2016", t.every(20, 4), hypnogram=[(0, 900, "N2"), (900, 2000, "U"), (2000, 3600, "W")], lights=(0, 3600)
    ).night
    assert (night["n_plmw"], night["plmwi_per_h"]) == (0, 0.0)


def test_fault_duration_off_by_one_sample_at_the_limits(t):
    scored = t.score("wasm2016", [("L", "100.123456", "110.123456"), ("L", "200.123456", "210.123457")])
    assert scored.movements["is_candidate"] == [True, False]
    assert scored.night["clms_duration_median_s"] == 10.0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rows": [("L", 100, 90)]}, "before it begins"),
        ({"rows": [("L", -5, 1)]}, "before the recording"),
        ({"rows": [("C", 10, 12)], "legs": "both"}, "a leg that was not recorded"),
        ({"rows": [("R", 10, 12)], "legs": "left"}, "a leg that was not recorded"),
        ({"hypnogram": [(0, 60, "N2"), (30, 90, "W")]}, "begins before the one at"),
        ({"hypnogram": [(90, 60, "N2")]}, "before it begins"),
        ({"lights": (100, 100)}, "is not after lights off"),
        ({"gaps": [(50, 40)]}, "gaps"),
        ({"respiratory": [(50, 40)]}, "respiratory events"),
        ({"duration": 0, "hypnogram": None}, "give its length"),
        ({"legs": "three"}, "say what was recorded"),
        ({"stages_state": "maybe"}, "say what was scored"),
    ],
)
def test_input_that_cannot_be_scored_gets_one_clear_line(t, change, text):
    rows = change.pop("rows", [])
    with pytest.raises(InputError, match=text) as caught:
        scoring.score(t.night(rows, **change), [t.rules("wasm2016")])
    assert "\n" not in str(caught.value)
