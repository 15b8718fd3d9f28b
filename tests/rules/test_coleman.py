"""Coleman 1982 / ASDA 1993: one test per clause; times in seconds, worked by hand."""

from __future__ import annotations

import pytest


def column(scored, name):
    """A column of the movements."""
    return scored.movements[name]


def test_lm_duration_is_half_to_5_s(t):
    rows = [("L", 100, "100.499999"), ("L", 200, 205), ("L", 300, "305.000001")]
    scored = t.score("coleman", rows)
    assert column(scored, "candidate_reason") == [None, "too_long"]
    assert scored.night["n_lm"] == 1


def test_legs_with_onsets_less_than_5_s_apart_count_as_one(t):
    scored = t.score("coleman", [("R", 100, 101), ("L", "104.999999", 106), ("L", 200, 201), ("R", 205, 206)])
    assert column(scored, "side") == ["bilateral", "left", "right"]


@pytest.mark.parametrize(("interval", "n_plm"), [(4.999999, 0), (5, 4), (90, 4), (90.000001, 0)])
def test_series_interval_is_5_to_90_s(t, interval, n_plm):
    assert t.score("coleman", t.every(interval, 4)).night["n_plm"] == n_plm


def test_series_interval_of_4_s_is_coleman_1982(t):
    assert t.score("coleman", t.every(4, 4), options={"imi_min_s": 4.0}).night["n_plm"] == 4


def test_series_needs_four_movements(t):
    assert t.score("coleman", t.every(20, 3)).night["n_plm"] == 0


def test_sleep_only_movements_with_onset_in_sleep_are_scored(t):
    scored = t.score(
        "coleman", t.every(20, 5), hypnogram=[(0, 1019, "N2"), (1019, "1020.5", "W"), ("1020.5", 3600, "N2")]
    )
    assert column(scored, "candidate_reason")[1] == "not_in_sleep"
    assert scored.night["n_plms"] == 4


def test_respiratory_no_rule_so_the_index_without_is_not_defined(t):
    scored = t.score("coleman", t.every(20, 4), respiratory=[(1000, 1020)])
    assert scored.night["n_plms"] == 4
    assert column(scored, "is_respiratory_related") == [None] * 4
    for name in ("plmsi_nr_per_h", "plmsi_nr_lo_per_h", "plmsi_nr_hi_per_h", "n_clm_respiratory"):
        assert (scored.night[name], scored.night[f"{name}_reason"]) == (None, "not_in_rule_set")


@pytest.mark.parametrize(
    ("rows", "hypnogram"),
    [([("L", 1000, 1002)], None), ([("L", 1000, None)], "N2"), (None, "N2")],
    ids=["no stages", "no duration", "no leg"],
)
def test_respiratory_no_rule_so_no_interval_either_whatever_else_is_unknown(t, rows, hypnogram):
    scored = t.score("coleman", rows, hypnogram=hypnogram)
    for name in ("plmsi_nr_lo_per_h", "plmsi_nr_hi_per_h"):
        assert (scored.night[name], scored.night[f"{name}_reason"]) == (None, "not_in_rule_set")


def test_respiratory_not_scored_leaves_the_index_a_point(t):
    assert t.score("coleman", t.every(20, 4), respiratory=None).night["plmsi_per_h"] == 0.5


def test_arousal_no_rule_so_the_columns_are_not_defined(t):
    scored = t.score("coleman", t.every(20, 4), arousals=[(1000, 1005)])
    assert scored.night["plms_arousal_index_per_h_reason"] == "not_in_rule_set"
    assert column(scored, "is_arousal_associated") == [None] * 4


def test_open_point_a23_a_too_long_movement_is_dropped_before_the_series(t):
    rows = [*t.every(20, 6), ("R", "1024", "1035.5")]
    assert t.score("coleman", rows).night["n_plms"] == 6
