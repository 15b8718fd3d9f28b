"""AASM manual, version 3: one test per clause and open point; times in seconds, worked by hand."""

from __future__ import annotations

import pytest


def column(scored, name):
    """A column of the movements."""
    return scored.movements[name]


def test_lm_duration_is_half_to_10_s(t):
    rows = [("L", 100, "100.5"), ("L", 200, "200.499999"), ("L", 300, 310), ("L", 400, "410.000001")]
    scored = t.score("aasm3", rows)
    assert column(scored, "onset_s") == [100.0, 300.0, 400.0]
    assert column(scored, "is_candidate") == [True, True, False]
    assert scored.night["n_lm"] == 2


def test_morphology_is_not_asked_for(t):
    rows = [(*row, False) for row in t.every(20, 4)]
    assert t.score("aasm3", rows).night["n_plms"] == 4


def test_legs_with_onsets_less_than_5_s_apart_count_as_one(t):
    rows = [("L", 100, 101), ("R", "104.999999", 106), ("L", 200, 201), ("R", 205, 206)]
    scored = t.score("aasm3", rows)
    assert column(scored, "side") == ["bilateral", "left", "right"]
    assert column(scored, "onset_s") == [100.0, 200.0, 205.0]


@pytest.mark.parametrize(("interval", "n_plm"), [(4.999999, 0), (5, 4), (90, 4), (90.000001, 0)])
def test_series_interval_is_5_to_90_s(t, interval, n_plm):
    assert t.score("aasm3", t.every(interval, 4)).night["n_plm"] == n_plm


def test_series_needs_four_movements(t):
    assert t.score("aasm3", t.every(20, 3)).night["n_plm"] == 0


def test_sleep_a_movement_with_no_part_in_sleep_is_not_scored(t):
    rows = t.every(20, 5)
    scored = t.score("aasm3", rows, hypnogram=[(0, 1010, "N2"), (1010, 1030, "W"), (1030, 3600, "N2")])
    assert column(scored, "candidate_reason") == [None, "not_in_sleep", None, None, None]
    assert column(scored, "imi_s") == [None, None, 40.0, 20.0, 20.0]
    assert scored.night["n_plms"] == 4


def test_sleep_wake_below_90_s_does_not_end_a_series(t):
    rows = [*t.every(20, 2), *t.every(20, 2, start="1109.9")]
    scored = t.score("aasm3", rows, hypnogram=[(0, 1022, "N2"), (1022, "1109.5", "W"), ("1109.5", 3600, "N2")])
    assert scored.night["n_plms"] == 4


@pytest.mark.parametrize(
    ("onset", "offset", "taken_out"),
    [(98, "99.5", True), (98, "99.499999", False), ("140.5", 142, True), ("140.500001", 142, False), (110, 112, True)],
)
def test_respiratory_from_half_a_second_before_the_start_to_half_a_second_after_the_end(t, onset, offset, taken_out):
    scored = t.score("aasm3", [("L", onset, offset)], respiratory=[(100, 140)])
    assert column(scored, "is_respiratory_related") == [taken_out]


def test_respiratory_related_movements_are_taken_out_before_the_series_are_built(t):
    scored = t.score("aasm3", t.every(20, 5), respiratory=[(1015, 1025)])
    assert column(scored, "imi_s") == [None, None, 40.0, 20.0, 20.0]
    assert (scored.night["n_plms"], scored.night["n_plms_nr"]) == (4, 4)
    assert column(scored, "plm_reason")[1] == "respiratory_related"
    assert (scored.night["n_clm"], scored.night["n_clm_respiratory"]) == (5, 1)


def test_respiratory_not_scored_leaves_every_index_null_with_an_interval(t):
    scored = t.score("aasm3", t.every(20, 8), respiratory=None, duration=3600)
    for name in ("n_plm", "n_plms", "plmsi_per_h", "plmsi_nr_per_h", "periodicity_index_ferri"):
        assert (scored.night[name], scored.night[f"{name}_reason"]) == (None, "respiratory_not_scored")
    assert (scored.night["plmsi_lo_per_h"], scored.night["plmsi_hi_per_h"]) == (0.0, 8.0)
    assert column(scored, "is_plm") == [None] * 8
    assert column(scored, "plm_reason") == ["respiratory_not_scored"] * 8


def test_arousal_of_two_plm_less_than_10_s_apart_only_the_first_counts(t):
    arousals = [(1001, 1004), ("1010.5", 1012), (1021, 1024)]
    scored = t.score("aasm3", t.every("9.999999", 4), arousals=arousals)
    assert scored.night["n_plms_with_arousal"] == 3
    assert scored.night["n_arousal_with_plms"] == 2
    apart = t.score("aasm3", t.every(10, 4), arousals=arousals)
    assert apart.night["n_arousal_with_plms"] == 3


@pytest.mark.parametrize(("start", "associated"), [("102.499999", True), ("102.5", False)])
def test_arousal_gap_is_below_half_a_second(t, start, associated):
    scored = t.score("aasm3", [("L", 100, 102)], arousals=[(start, 110)])
    assert column(scored, "is_arousal_associated") == [associated]


def test_open_point_a11_an_interval_below_5_s_ends_the_series_or_is_ignored(t):
    rows = [*t.every(20, 4), ("L", 1023, 1024)]
    assert t.score("aasm3", rows).night["n_plm"] == 0
    ignoring = t.score("aasm3", rows, options={"short_imi": "ignore_later"})
    assert column(ignoring, "is_plm") == [True, True, False, True, True]
    assert column(ignoring, "plm_reason")[2] == "short_interval_ignored"


def test_open_point_a12_any_part_in_sleep_counts_or_only_the_onset(t):
    hypnogram = [(0, 999, "W"), (999, 1019, "N2"), (1019, 1021, "W"), (1021, 3600, "N2")]
    rows = t.every(20, 4)
    scored = t.score("aasm3", rows, hypnogram=hypnogram)
    assert column(scored, "stage")[1] == "W"
    assert (scored.night["n_plms"], column(scored, "is_in_sleep")) == (4, [True] * 4)
    onset = t.score("aasm3", rows, hypnogram=hypnogram, options={"sleep_requirement": "onset"})
    assert column(onset, "candidate_reason")[1] == "not_in_sleep"


def test_open_point_a12_a_movement_that_ends_as_sleep_begins_has_no_part_in_it(t):
    scored = t.score("aasm3", [("L", 100, 102)], hypnogram=[(0, 102, "W"), (102, 3600, "N2")])
    assert column(scored, "candidate_reason") == ["not_in_sleep"]


def test_open_point_a13_the_duration_is_tested_per_leg_and_the_merged_offset_is_the_later_one(t):
    scored = t.score("aasm3", [("L", 100, 110), ("R", 104, 114)])
    assert (column(scored, "onset_s"), column(scored, "offset_s")) == ([100.0], [114.0])
    assert column(scored, "is_candidate") == [True]
    one_long = t.score("aasm3", [("L", 100, "110.1"), ("R", 104, 106)])
    assert column(one_long, "side") == ["left", "right"]
    assert column(one_long, "is_candidate") == [False, True]


def test_open_point_a13_one_movement_per_leg_with_the_distance_from_the_first_onset(t):
    rows = [("L", 100, 101), ("R", 103, 104), ("R", "104.6", "105.5"), ("L", 106, 107)]
    scored = t.score("aasm3", rows)
    assert column(scored, "side") == ["bilateral", "bilateral"]
    assert column(scored, "onset_s") == [100.0, 104.6]


def test_open_point_a13_the_respiratory_test_is_on_the_merged_movement(t):
    scored = t.score("aasm3", [("L", 100, 101), ("R", 104, 106)], respiratory=[(102, 103)])
    assert column(scored, "is_respiratory_related") == [True]


def test_open_point_a23_a_too_long_movement_is_none_and_does_not_end_the_series(t):
    rows = [*t.every(20, 6), ("R", "1024", "1035.5")]
    scored = t.score("aasm3", rows)
    assert scored.night["n_plms"] == 6
    assert column(scored, "is_lm") == [True, True, False, True, True, True, True]


def test_open_point_a9_a_movement_in_unscored_time_is_not_scored_but_widens_the_interval(t):
    hypnogram = [(0, 1050, "N2"), (1050, 1075, "U"), (1075, 3600, "N2")]
    scored = t.score("aasm3", t.every(20, 6), hypnogram=hypnogram, duration=3600)
    assert column(scored, "candidate_reason")[3] == "not_in_sleep"
    assert scored.night["n_plms"] == 5
    assert scored.night["plmsi_hi_per_h"] == pytest.approx(6 / (3575 / 3600))


def test_no_staging_leaves_the_candidates_unknown(t):
    scored = t.score("aasm3", t.every(20, 4), hypnogram=None)
    assert column(scored, "is_candidate") == [None] * 4
    assert (scored.night["n_clm"], scored.night["n_clm_reason"]) == (None, "stages_not_scored")
    assert (scored.night["plmsi_lo_per_h"], scored.night["plmsi_hi_per_h"]) == (0.0, 720.0)


def test_plmw_is_not_defined(t):
    scored = t.score("aasm3", t.every(20, 4), lights=(0, 28800))
    assert (scored.night["n_plmw"], scored.night["plmwi_per_h_reason"]) == (None, "not_in_rule_set")
