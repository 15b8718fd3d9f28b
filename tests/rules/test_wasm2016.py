"""WASM/IRLSSG 2016: one test per clause and open point; times in seconds, worked by hand."""

from __future__ import annotations

import pytest


def plm(scored):
    """Onsets of the PLM."""
    return [on for on, yes in zip(scored.movements["onset_s"], scored.movements["is_plm"], strict=True) if yes]


def reasons(scored):
    """Onset → why no candidate."""
    return dict(zip(scored.movements["onset_s"], scored.movements["candidate_reason"], strict=True))


def column(scored, name):
    """A column of the movements."""
    return scored.movements[name]


# ---- leg movements


def test_lm_duration_of_half_a_second_is_a_movement_and_less_is_dropped(t):
    scored = t.score("wasm2016", [("L", 100, "100.5"), ("L", 200, "200.499999")])
    assert column(scored, "onset_s") == [100.0]


def test_lm_has_no_maximum_duration_a_long_one_stays_as_non_candidate(t):
    scored = t.score("wasm2016", [("L", 100, 400)])
    assert scored.night["n_lm"] == 1
    assert scored.night["n_clm"] == 0
    assert column(scored, "candidate_reason") == ["too_long"]
    assert column(scored, "is_lm") == [True]


def test_morphology_movements_without_it_are_left_out(t):
    rows = t.every(20, 5)
    rows[2] = (*rows[2], False)
    scored = t.score("wasm2016", rows)
    assert column(scored, "onset_s") == [1000.0, 1020.0, 1060.0, 1080.0]
    assert column(scored, "imi_s") == [None, 20.0, 40.0, 20.0]


def test_morphology_movements_given_without_the_column_have_it(t):
    assert t.score("wasm2016", t.every(20, 4)).night["n_plms"] == 4


# ---- candidates


def test_clm_monolateral_up_to_10_s(t):
    scored = t.score("wasm2016", [("L", 100, 110), ("L", 200, "210.000001")])
    assert column(scored, "is_candidate") == [True, False]


def test_clm_bilateral_up_to_15_s(t):
    rows = [("L", 100, 108), ("R", 107, 115), ("L", 200, 208), ("R", 207, "215.000001")]
    scored = t.score("wasm2016", rows)
    assert column(scored, "side") == ["bilateral", "bilateral"]
    assert column(scored, "is_candidate") == [True, False]
    assert column(scored, "candidate_reason") == [None, "bilateral_too_long"]


def test_clm_bilateral_holds_at_most_four_monolateral_movements(t):
    four = [("L", 100, 101), ("R", "101.1", 102), ("L", "102.1", 103), ("R", "103.1", 104)]
    five = [(leg, float(on) + 100, float(off) + 100) for leg, on, off in four] + [("L", "204.1", 205)]
    scored = t.score("wasm2016", four + five)
    assert column(scored, "n_monolateral") == [4, 5]
    assert column(scored, "candidate_reason") == [None, "too_many_monolateral"]


def test_clm_bilateral_holds_no_monolateral_movement_above_10_s(t):
    scored = t.score("wasm2016", [("L", 100, "110.000001"), ("R", 105, 106)])
    assert column(scored, "candidate_reason") == ["contains_too_long"]


def test_clm_legs_are_joined_transitively(t):
    rows = [("L", 100, 101), ("R", "101.4", "102.4"), ("L", "102.8", "103.8")]
    scored = t.score("wasm2016", rows)
    assert column(scored, "onset_s") == [100.0]
    assert column(scored, "offset_s") == [103.8]
    assert column(scored, "n_monolateral") == [3]


def test_clm_nested_in_the_other_leg_is_joined(t):
    scored = t.score("wasm2016", [("L", 100, 109), ("R", 102, 103)])
    assert column(scored, "offset_s") == [109.0]


# ---- series


def test_imi_is_measured_from_onset_to_onset(t):
    scored = t.score("wasm2016", [("L", 100, 101), ("L", 120, 128), ("R", 145, 146), ("L", 170, 171)])
    assert column(scored, "imi_s") == [None, 20.0, 25.0, 25.0]


@pytest.mark.parametrize(("interval", "n_plm"), [(9.999999, 0), (10, 4), (90, 4), (90.000001, 0)])
def test_imi_10_to_90_s_makes_a_series(t, interval, n_plm):
    assert t.score("wasm2016", t.every(interval, 4)).night["n_plm"] == n_plm


def test_series_needs_four_candidates(t):
    assert t.score("wasm2016", t.every(20, 3)).night["n_plm"] == 0
    scored = t.score("wasm2016", t.every(20, 4))
    assert column(scored, "series_id") == [1, 1, 1, 1]
    assert scored.night["n_series"] == 1


def test_series_is_ended_by_a_short_interval(t):
    rows = t.every(20, 3) + t.every(20, 3, start=1045)
    scored = t.score("wasm2016", rows)
    assert column(scored, "imi_s")[3] == 5.0
    assert scored.night["n_plm"] == 0


def test_series_is_ended_by_a_long_interval(t):
    scored = t.score("wasm2016", t.every(20, 4) + t.every(20, 4, start=1160))
    assert column(scored, "series_id") == [1] * 4 + [2] * 4


def test_series_is_ended_by_a_non_candidate(t):
    rows = [*t.every(20, 3), ("L", "1045", "1056"), *t.every(20, 3, start=1060)]
    scored = t.score("wasm2016", rows)
    assert scored.night["n_plm"] == 0
    assert column(scored, "imi_s") == [None, 20.0, 20.0, None, None, 20.0, 20.0]
    without = t.score("wasm2016", t.every(20, 6))
    assert without.night["n_plm"] == 6


def test_series_may_cross_wake_and_plms_are_told_by_the_stage_at_onset(t):
    hypnogram = [(0, 1020, "N2"), (1020, 1050, "W"), (1050, 3600, "R")]
    scored = t.score("wasm2016", t.every(20, 4), hypnogram=hypnogram, duration=3600, lights=(0, 3600))
    assert column(scored, "stage") == ["N2", "W", "W", "R"]
    assert (scored.night["n_plm"], scored.night["n_plms"], scored.night["n_plmw"]) == (4, 2, 2)
    assert scored.night["plmsi_per_h"] == pytest.approx(2 / (3570 / 3600))
    assert scored.night["plmwi_per_h"] == pytest.approx(2 / (30 / 3600))
    assert (scored.night["n_plms_nrem"], scored.night["n_plms_rem"]) == (1, 1)


def test_rule_3_3_3_no_interval_for_the_first_candidate(t):
    assert column(t.score("wasm2016", t.every(20, 4)), "imi_s")[0] is None


# ---- window


def test_window_movements_outside_are_kept_and_enter_nothing(t):
    rows = t.every(20, 6)
    scored = t.score("wasm2016", rows, lights=(1030, 1090))
    assert reasons(scored)[1000.0] == "outside_window"
    assert scored.night["n_lm"] == 3
    assert scored.night["n_outside_window"] == 3
    assert scored.night["n_plm"] == 0
    assert column(scored, "imi_s") == [None, None, None, 20.0, 20.0, None]
    assert scored.night["tst_h"] == pytest.approx(60 / 3600)
    assert scored.night["tib_h"] == pytest.approx(60 / 3600)


def test_window_an_onset_at_lights_off_is_inside_and_at_lights_on_outside(t):
    scored = t.score("wasm2016", [("L", 100, 101), ("L", 200, 201)], lights=(100, 200))
    assert column(scored, "candidate_reason") == [None, "outside_window"]


def test_window_unknown_lights_use_the_recording_and_leave_plmwi_null(t):
    scored = t.score(
        "wasm2016", t.every(20, 4), hypnogram=[(0, 900, "N2"), (900, 1800, "W"), (1800, 3600, "N2")], duration=3600
    )
    assert scored.night["window_basis"] == "recording"
    assert (scored.night["plmwi_per_h"], scored.night["plmwi_per_h_reason"]) == (None, "lights_unknown")
    assert scored.night["plmwi_spt_per_h"] == pytest.approx(4 / 0.25)
    assert scored.night["tib_h_reason"] == "lights_unknown"


# ---- respiratory


@pytest.mark.parametrize(
    ("onset", "offset", "related"),
    [(97, 98, True), (97, "97.999999", False), ("110.25", 112, True), ("110.250001", 112, False), (90, 130, True)],
)
def test_respiratory_window_lies_around_the_end_of_the_event(t, onset, offset, related):
    rows = [("L", onset, offset), ("R", onset, offset)]
    scored = t.score("wasm2016", rows, respiratory=[(60, 100)])
    assert column(scored, "is_respiratory_related") == [related]


def test_respiratory_start_of_the_event_does_not_matter(t):
    assert column(t.score("wasm2016", [("L", 60, 62)], respiratory=[(60, 100)]), "is_respiratory_related") == [False]


def test_respiratory_flag_is_given_to_the_combined_movement(t):
    scored = t.score("wasm2016", [("L", 94, 97), ("R", 96, 99)], respiratory=[(60, 100)])
    assert column(scored, "is_respiratory_related") == [True]


def test_respiratory_plm_are_reported_with_and_without(t):
    rows = t.every(20, 5)
    scored = t.score("wasm2016", rows, respiratory=[(1030, 1080)])
    assert scored.night["n_plms"] == 5
    assert scored.night["n_plms_nr"] == 4
    assert column(scored, "is_plm_nr") == [True, True, True, True, False]
    assert column(scored, "plm_nr_reason")[4] == "respiratory_related"
    assert scored.night["n_clms_respiratory"] == 1


def test_respiratory_nr_can_hold_more_plm_than_the_inclusive_pass(t):
    rows = [*t.every(20, 3), ("L", 1045, 1046), *t.every(20, 3, start=1060)]
    scored = t.score(
        "wasm2016", rows, respiratory=[(1030, 1044)], options={"respiratory_before_s": 0.5, "respiratory_after_s": 3.0}
    )
    assert column(scored, "is_respiratory_related") == [False, False, False, True, False, False, False]
    assert (scored.night["n_plm"], scored.night["n_plm_nr"]) == (4, 6)


# ---- arousals


@pytest.mark.parametrize(
    ("start", "end", "associated"),
    [("102.499999", 110, True), ("102.5", 110, False), (90, "99.500001", True), (90, "99.5", False), (101, 105, True)],
)
def test_arousal_overlaps_or_lies_less_than_half_a_second_apart_in_either_order(t, start, end, associated):
    scored = t.score("wasm2016", [("L", 100, 102)], arousals=[(start, end)])
    assert column(scored, "is_arousal_associated") == [associated]


def test_arousal_index_counts_each_plms_once(t):
    arousals = [(1001, 1004), (1002, 1006), (1021, 1024)]
    scored = t.score("wasm2016", t.every(20, 4), arousals=arousals, duration=3600)
    assert scored.night["n_plms_with_arousal"] == 2
    assert scored.night["n_arousal_with_plms"] == 3
    assert scored.night["plms_arousal_index_per_h"] == 2.0


# ---- open points


def test_open_point_a1_a_candidate_after_a_short_interval_may_start_a_series(t):
    rows = [("L", 1000, 1002), *t.every(20, 4, start=1005)]
    assert plm(t.score("wasm2016", rows)) == [1005.0, 1025.0, 1045.0, 1065.0]
    assert plm(t.score("wasm2016", rows, options={"short_imi_may_start": False})) == []
    longer = [("L", 1000, 1002), *t.every(20, 5, start=1005)]
    assert plm(t.score("wasm2016", longer, options={"short_imi_may_start": False})) == [1025.0, 1045.0, 1065.0, 1085.0]


@pytest.mark.parametrize("interval", [10, 90])
def test_open_point_a2_an_interval_of_exactly_a_limit_is_inside(t, interval):
    rows = t.every(interval, 4)
    assert t.score("wasm2016", rows).night["n_plm"] == 4
    assert t.score("wasm2016", rows, options={"imi_limits_are_inside": False}).night["n_plm"] == 0


def test_open_point_a3_a_gap_between_legs_of_exactly_half_a_second_is_not_joined(t):
    rows = [("L", 100, 101), ("R", "101.5", 103)]
    assert column(t.score("wasm2016", rows), "side") == ["left", "right"]
    assert column(t.score("wasm2016", rows, options={"combine_at_limit": True}), "side") == ["bilateral"]
    assert column(t.score("wasm2016", [("L", 100, 101), ("R", "101.499999", 103)]), "side") == ["bilateral"]


def test_open_point_a4_a_duration_of_exactly_10_or_15_s_is_a_candidate(t):
    rows = [("L", 100, 110), ("L", 200, 210), ("R", 209, 215)]
    assert column(t.score("wasm2016", rows), "is_candidate") == [True, True]
    excluded = t.score("wasm2016", rows, options={"duration_limit_is_candidate": False})
    assert column(excluded, "candidate_reason") == ["too_long", "contains_too_long"]


def test_open_point_a5_marks_of_one_leg_less_than_half_a_second_apart_are_joined(t):
    joined = t.score("wasm2016", [("L", 100, 101), ("L", "101.499999", 103)])
    assert (column(joined, "onset_s"), column(joined, "offset_s")) == ([100.0], [103.0])
    assert column(joined, "n_monolateral") == [1]
    apart = t.score("wasm2016", [("L", 100, 101), ("L", "101.5", 103)])
    assert column(apart, "onset_s") == [100.0, 101.5]


def test_open_point_a5_short_marks_are_joined_before_short_ones_are_dropped(t):
    scored = t.score("wasm2016", [("L", 100, "100.3"), ("L", "100.5", "100.8")])
    assert column(scored, "offset_s") == [100.8]


def test_open_point_a6_an_arousal_gap_of_exactly_half_a_second_is_not_associated(t):
    rows = [("L", 100, 102)]
    assert column(t.score("wasm2016", rows, arousals=[("102.5", 106)]), "is_arousal_associated") == [False]
    loose = t.score("wasm2016", rows, arousals=[("102.5", 106)], options={"arousal_at_limit": True})
    assert column(loose, "is_arousal_associated") == [True]


def test_open_point_a7_the_ends_of_the_respiratory_window_are_closed(t):
    rows = [("L", 96, 98), ("L", "110.25", 112)]
    assert column(t.score("wasm2016", rows, respiratory=[(50, 100)]), "is_respiratory_related") == [True, True]
    loose = t.score("wasm2016", rows, respiratory=[(50, 100)], options={"respiratory_limits_are_inside": False})
    assert column(loose, "is_respiratory_related") == [False, False]


def test_open_point_a8_an_onset_on_an_epoch_border_belongs_to_the_new_epoch(t):
    hypnogram = [(0, 1020, "N2"), (1020, 3600, "W")]
    rows = t.every(20, 4)
    assert column(t.score("wasm2016", rows, hypnogram=hypnogram), "stage") == ["N2", "W", "W", "W"]
    old = t.score("wasm2016", rows, hypnogram=hypnogram, options={"epoch_border": "old"})
    assert column(old, "stage") == ["N2", "N2", "W", "W"]
    assert old.night["n_plms"] == 2


def test_open_point_a9_a_movement_in_an_unscored_epoch_is_neither_in_sleep_nor_in_wake(t):
    hypnogram = [(0, 1030, "N2"), (1030, 1050, "U"), (1070, 3600, "N2")]
    scored = t.score("wasm2016", t.every(20, 5), hypnogram=hypnogram, duration=3600, lights=(0, 3600))
    assert column(scored, "stage") == ["N2", "N2", "U", "U", "N2"]
    assert (scored.night["n_plms"], scored.night["n_plmw"], scored.night["n_plm_unstaged"]) == (3, 0, 2)
    assert scored.night["unstaged_h"] == pytest.approx(40 / 3600)
    assert scored.night["plmwi_per_h_reason"] == "no_time_in_state"


def test_open_point_a10_a_respiratory_related_non_candidate_still_interrupts_in_the_nr_pass(t):
    rows = [*t.every(20, 3), ("L", 1045, 1056), *t.every(20, 3, start=1060)]
    around = [(1000, 1054)]
    scored = t.score("wasm2016", rows, respiratory=around, options={"respiratory_after_s": 1.0})
    assert column(scored, "is_respiratory_related")[3] is True
    assert scored.night["n_plm_nr"] == 0
    options = {"respiratory_after_s": 1.0, "nonclm_in_respiratory": "removed"}
    assert t.score("wasm2016", rows, respiratory=around, options=options).night["n_plm_nr"] == 6


def test_open_point_a14_two_definitions_of_periodicity_under_two_names(t):
    rows = [*t.every(20, 5), ("L", 1200, 1202), ("L", 1220, 1222)]
    scored = t.score("wasm2016", rows)
    # Intervals 20 20 20 20 120 20: four of six in a run of at least three.
    assert scored.night["periodicity_index_ferri"] == pytest.approx(4 / 6)
    assert scored.night["plm_clm_ratio"] == pytest.approx(5 / 7)


def test_open_point_a15_a_gap_breaks_the_series_and_leaves_the_denominator(t):
    scored = t.score("wasm2016", t.every(20, 6), gaps=[(1045, 1046)], duration=3600)
    assert scored.night["n_plm"] == 0
    assert column(scored, "imi_s") == [None, 20.0, 20.0, None, 20.0, 20.0]
    assert scored.night["sleep_scorable_h"] == pytest.approx(3599 / 3600)
    assert scored.night["tst_h"] == 1.0


def test_open_point_a15_a_stretch_with_one_leg_unscorable_is_a_gap_and_keeps_its_movements(t):
    rows = t.every(20, 10)
    scored = t.score("wasm2016", rows, gaps=[(1090, 1110, "R")])
    assert reasons(scored)[1100.0] == "in_one_leg_stretch"
    assert column(scored, "series_id") == [1] * 5 + [None] + [2] * 4
    both = t.score("wasm2016", rows, gaps=[(1090, 1110)])
    assert reasons(both)[1100.0] == "in_unscorable_stretch"


def test_open_point_a16_a_movement_open_at_an_edge_is_kept_and_truncated(t):
    rows = [("L", 0, 2), ("L", 99, 101), ("L", 199, 202), ("L", 300, 302), ("L", 399, 401), ("L", 3598, 3600)]
    scored = t.score("wasm2016", rows, duration=3600, lights=(100, 3600), gaps=[(201, 250), (400, 410)])
    assert column(scored, "is_truncated") == [True, True, True, False, True, True]
    assert column(scored, "is_candidate") == [False, False, True, True, True, True]


def test_open_point_a16_a_gap_outside_the_window_has_edges_too(t):
    rows = [("L", 50, 52), ("L", 199, 202)]
    scored = t.score("wasm2016", rows, duration=3600, lights=(100, 3600), gaps=[(51, 60)])
    assert column(scored, "is_truncated") == [True, False]


def test_open_point_a18_a_movement_of_exactly_half_a_second_counts(t):
    assert t.score("wasm2016", [("L", "100.1", "100.6")]).night["n_clm"] == 1


def test_open_point_a19_a_rera_is_a_respiratory_event_unless_the_option_leaves_it_out(t):
    rows = [("L", 100, 102)]
    assert column(t.score("wasm2016", rows, respiratory=[(60, 100, "rera")]), "is_respiratory_related") == [True]
    out = t.score("wasm2016", rows, respiratory=[(60, 100, "rera")], options={"respiratory_includes_rera": False})
    assert column(out, "is_respiratory_related") == [False]


def test_open_point_a20_one_leg_is_a_point_value_that_bounds_nothing(t):
    rows = t.every(20, 1440, start=0)
    one = t.score("wasm2016", rows, legs="left")
    assert one.night["plmsi_per_h"] == 180.0
    assert (one.night["plmsi_lo_per_h"], one.night["plmsi_hi_per_h"]) == (0.0, 360.0)
    assert (one.night["evidence_class"], one.night["legs_used"]) == ("one_leg", "left")
    other = t.every(20, 1440, start=5, leg="R")
    both = t.score("wasm2016", rows + other)
    assert both.night["plmsi_per_h"] == 0.0


def test_open_point_a21_no_movement_is_zero_with_sleep_and_null_without(t):
    asleep = t.score("wasm2016", [])
    assert (asleep.night["n_lm"], asleep.night["n_plms"], asleep.night["plmsi_per_h"]) == (0, 0, 0.0)
    assert asleep.night["periodicity_index_ferri_reason"] == "no_imi"
    assert asleep.night["plm_clm_ratio_reason"] == "no_clm"
    awake = t.score("wasm2016", [], hypnogram="W")
    assert (awake.night["n_plms"], awake.night["plmsi_per_h"], awake.night["plmsi_per_h_reason"]) == (
        0,
        None,
        "no_sleep",
    )


def test_open_point_a22_one_combined_channel_has_the_bilateral_limit_and_no_sides(t):
    rows = [("C", 1000 + 20 * k, 1000 + 20 * k + last) for k, last in enumerate((15, 12, 2, 2))]
    scored = t.score("wasm2016", rows)
    assert scored.night["n_plms"] == 4
    assert column(scored, "side") == ["combined"] * 4
    assert column(scored, "n_monolateral") == [None] * 4
    assert (scored.night["evidence_class"], scored.night["plmsi_hi_per_h"]) == ("combined", 360.0)
    assert scored.night["n_plms_left_reason"] == "combined_channel"
    assert t.score("wasm2016", rows, options={"clm_combined_channel_max_s": 10.0}).night["n_clm"] == 2


def test_open_point_a24_marks_without_duration_make_the_indices_unknown(t):
    rows = [*t.every(20, 4), ("R", 1500, None)]
    scored = t.score("wasm2016", rows)
    assert column(scored, "candidate_reason") == [None] * 4 + ["no_duration"]
    assert column(scored, "offset_s")[4] is None
    assert (scored.night["plmsi_per_h"], scored.night["plmsi_per_h_reason"]) == (None, "no_duration")
    assert column(scored, "is_plm") == [None] * 4 + [False]
    assumed = t.score("wasm2016", rows, options={"assumed_duration_s": 1.0})
    assert assumed.night["n_plms"] == 4
    assert column(assumed, "is_duration_assumed") == [False] * 4 + [True]


# ---- golden night


def test_golden_night_worked_by_hand(t):
    """Two hours: 30 min wake, then sleep; every number below was counted on paper."""
    hypnogram = [(0, 1800, "W"), (1800, 3600, "N2"), (3600, 5400, "N3"), (5400, 6300, "R"), (6300, 7200, "N2")]
    rows = [
        ("L", 60, 62),  # before lights off
        *[("L", on, on + 2) for on in (1710, 1740, 1770, 1800, 1830)],  # 3 PLMW, 2 PLMS (N2)
        ("R", 1830, 1833),  # joins: bilateral
        ("L", 2000, 2012),  # 12 s: no candidate
        *[("R", on, on + 3) for on in (3560, 3590, 3620, 3650, 3660)],  # 5 PLMS: 2 N2, 3 N3
        ("R", 3665, 3666),  # 5 s later: short interval, isolated run of one
        *[("L", on, on + 2) for on in (5500, 5525, 5550)],  # three only: no series
    ]
    scored = t.score(
        "wasm2016",
        rows,
        hypnogram=hypnogram,
        duration=7200,
        lights=(600, 7200),
        respiratory=[(3600, 3640)],
        arousals=[(3592, 3596)],
    )
    night = scored.night
    assert night["n_lm"] == 15
    assert night["n_clm"] == 14
    assert (night["n_plm"], night["n_plms"], night["n_plmw"]) == (10, 7, 3)
    assert (night["n_plms_n2"], night["n_plms_n3"], night["n_plms_rem"]) == (4, 3, 0)
    assert night["tst_h"] == 1.5
    assert night["waso_h"] == 0.0
    assert night["tib_h"] == pytest.approx(6600 / 3600)
    assert night["plmsi_per_h"] == pytest.approx(7 / 1.5)
    assert night["plmwi_per_h"] == pytest.approx(3 / (1200 / 3600))
    assert (night["plmwi_spt_per_h"], night["plmwi_spt_per_h_reason"]) == (None, "no_time_in_state")
    # 3650 starts 10 s after the event's end: inside. Without it 3620 → 3660 is 40 s: four are left.
    assert (night["n_plm_nr"], night["n_plms_nr"]) == (9, 6)
    assert night["plms_arousal_index_per_h"] == pytest.approx(1 / 1.5)
    assert (night["n_plms_left"], night["n_plms_right"], night["n_plms_bilateral"]) == (1, 5, 1)
    assert night["n_clms_short_interval"] == 1
    assert night["n_clms_isolated"] == 3
    # PLMS intervals: 1800→1830, 3560→3590→3620→3650→3660.
    assert night["imi_plms_n"] == 5
    assert night["imi_plms_median_s"] == 30.0
    assert night["imi_plms_mode_s"] == 31.0
    assert night["imi_plms_frac_20_40"] == pytest.approx(4 / 5)
    assert night["first_half_ratio_reason"] == "no_plms_in_second_half"
    assert night["n_plms_by_hour"] == [7, 0]
    assert night["sleep_scorable_by_hour_h"] == [1.0, 0.5]
    assert night["plms_rate_by_hour_per_h"] == [7.0, 0.0]
    assert night["evidence_class"] == "partial"
    assert (night["plmsi_lo_per_h"], night["plmsi_hi_per_h"]) == (night["plmsi_per_h"], night["plmsi_per_h"])
