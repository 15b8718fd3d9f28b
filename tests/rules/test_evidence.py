"""Evidence states, classes and intervals (open points A9, A15, A20, A21, A22), worked by hand."""

from __future__ import annotations

import pytest

from plms_pipeline import contracts, night, scoring

HOUR = 3600


def interval(scored, name="plmsi"):
    """Point, lo and hi."""
    night = scored.night
    return tuple(night[f"{name}{part}_per_h"] for part in ("", "_lo", "_hi"))


def test_point_without_gaps_bounds_itself(t):
    assert interval(t.score("wasm2016", t.every(20, 80), duration=4 * HOUR)) == (20.0, 20.0, 20.0)


def test_interval_ends_are_rounded_as_the_point(t):
    # One PLMS train in an odd time of sleep: two ways of dividing put lo one bit above the point.
    for seconds in range(1500, 2100, 7):
        point, lo, hi = interval(t.score("wasm2016", t.every(20, 4, start=10), duration=seconds))
        assert lo <= point <= hi


def test_interval_of_one_leg_holds_a_point_above_r(t):
    # Four PLM in 35 s of sleep: 411/h, more than the 360/h of an endless train.
    hypnogram = [(0, 999, "W"), (999, 1034, "N2"), (1034, 3600, "W")]
    for legs, leg in (("left", "L"), ("combined", "C")):
        scored = t.score("wasm2016", t.every(10, 4, leg=leg), hypnogram=hypnogram, legs=legs)
        point, lo, hi = interval(scored)
        assert (point, lo, hi) == (4 * HOUR / 35, 0.0, 4 * HOUR / 35)


def test_interval_of_a_gap_in_sleep(t):
    # n = 20, v = 3 h, u = 1 h, e = 2, r = 360/h.
    scored = t.score("wasm2016", t.every(20, 20), duration=4 * HOUR, gaps=[(7200, 10800)])
    point, lo, hi = interval(scored)
    assert point == pytest.approx(20 / 3)
    assert lo == pytest.approx((20 - 8) / 4)
    assert hi == pytest.approx((20 + 360 + 8) / 4)
    assert scored.night["evidence_class"] == "partial"


def test_interval_r_follows_the_shortest_interval_of_the_rule_set(t):
    scored = t.score("coleman", t.every(20, 20), duration=4 * HOUR, gaps=[(7200, 10800)])
    assert interval(scored)[2] == pytest.approx((20 + 720 + 8) / 4)


def test_interval_a_gap_in_wake_counts_its_edges_only(t):
    hypnogram = [(0, 2 * HOUR, "N2"), (2 * HOUR, 3 * HOUR, "W"), (3 * HOUR, 4 * HOUR, "N2")]
    scored = t.score("wasm2016", t.every(20, 30), duration=4 * HOUR, hypnogram=hypnogram, gaps=[(8000, 8100)])
    assert scored.night["n_gap_edges"] == 2
    assert interval(scored) == pytest.approx((10.0, (30 - 8) / 3, (30 + 8) / 3))


def test_interval_an_edge_on_the_window_border_is_not_inside(t):
    scored = t.score("wasm2016", t.every(20, 30), duration=4 * HOUR, gaps=[(0, 100), (14000, 14400)])
    assert scored.night["n_gap_edges"] == 2
    windowed = t.score("wasm2016", t.every(20, 30), duration=4 * HOUR, gaps=[(0, 100)], lights=(100, 14400))
    assert windowed.night["n_gap_edges"] == 0
    assert interval(windowed)[0] == interval(windowed)[1] == interval(windowed)[2]


def test_interval_touching_gaps_are_one(t):
    scored = t.score("wasm2016", t.every(20, 30), duration=4 * HOUR, gaps=[(8000, 8100, "L"), (8100, 8200, "R")])
    assert scored.night["n_gap_edges"] == 2


def test_interval_of_unstaged_time(t):
    # n = 20 in 2 h of sleep; w = 1 h holding m = 10.
    hypnogram = [(0, HOUR, "N2"), (HOUR, 2 * HOUR, "U"), (2 * HOUR, 3 * HOUR, "N2")]
    rows = t.every(20, 20) + t.every(20, 10, start=5000)
    scored = t.score("wasm2016", rows, duration=3 * HOUR, hypnogram=hypnogram)
    assert interval(scored) == pytest.approx((10.0, 20 / 3, 30 / 2))


def test_interval_unstaged_time_that_is_also_unscorable_is_in_w_for_lo_and_in_u_for_hi(t):
    hypnogram = [(0, HOUR, "N2"), (2 * HOUR, 3 * HOUR, "N2")]
    scored = t.score("wasm2016", t.every(20, 20), duration=3 * HOUR, hypnogram=hypnogram, gaps=[(4000, 5800)])
    # e = 2; w = 1 h, half of it unscorable.
    assert interval(scored) == pytest.approx((10.0, 12 / 3, (20 + 360 * 0.5 + 8) / 2.5))


def test_interval_lo_is_never_below_zero(t):
    assert interval(t.score("wasm2016", t.every(20, 4), gaps=[(9000, 9001), (9900, 9901)]))[1] == 0.0


def test_interval_hi_is_never_below_the_point(t):
    # Four movements in one epoch of 30 s: 480/h is above r.
    scored = t.score("wasm2016", t.every(10, 4, start=0), duration=60, hypnogram=[(0, 31, "N2"), (31, 60, "W")])
    point, lo, hi = interval(scored)
    assert point == hi == pytest.approx(4 * 3600 / 31)
    assert lo == point


def test_no_scorable_sleep_the_point_is_null(t):
    hypnogram = [(0, HOUR, "W"), (HOUR, 2 * HOUR, "N2")]
    scored = t.score("wasm2016", [], duration=2 * HOUR, hypnogram=hypnogram, gaps=[(HOUR, 2 * HOUR)])
    assert interval(scored) == (None, 0.0, 360.0)
    assert scored.night["plmsi_per_h_reason"] == "no_scorable_sleep"
    assert scored.night["evidence_class"] == "none"


def test_no_sleep_but_unstaged_time_bounds_nothing(t):
    hypnogram = [(0, HOUR, "W"), (HOUR, 2 * HOUR, "U")]
    assert interval(t.score("wasm2016", [], duration=2 * HOUR, hypnogram=hypnogram)) == (None, 0.0, 360.0)


def test_no_staging_bounds_nothing(t):
    scored = t.score("wasm2016", t.every(20, 8), hypnogram=None)
    assert interval(scored) == (None, 0.0, 360.0)
    assert scored.night["plmsi_per_h_reason"] == "stages_not_scored"
    assert (scored.night["n_plm"], scored.night["n_plms"]) == (8, None)
    assert scored.night["tst_h_reason"] == "stages_not_scored"
    assert scored.night["evidence_class"] == "none"


def test_no_sleep_at_all_all_three_are_null(t):
    scored = t.score("wasm2016", [], hypnogram="W")
    assert interval(scored) == (None, None, None)
    reasons = {scored.night[f"plmsi{part}_per_h_reason"] for part in ("", "_lo", "_hi")}
    assert reasons == {"no_sleep"}


def test_no_usable_leg_is_none_and_never_zero(t):
    scored = t.score("wasm2016", None, no_leg_reason="sensor_not_emg")
    assert scored.movements["onset_s"] == []
    assert interval(scored) == (None, 0.0, 360.0)
    for name in ("n_lm", "n_clm", "n_plm", "n_plms", "plmsi_per_h", "imi_all_n", "n_series"):
        assert (scored.night[name], scored.night[f"{name}_reason"]) == (None, "sensor_not_emg")
    assert scored.night["evidence_class"] == "none"
    assert scored.night["tst_h"] == 8.0


def test_respiratory_not_scored_the_inclusive_index_stays_a_point(t):
    scored = t.score("wasm2016", t.every(20, 8), respiratory=None, duration=HOUR)
    assert interval(scored) == (8.0, 8.0, 8.0)
    assert interval(scored, "plmsi_nr") == (None, 0.0, 8.0)
    assert scored.night["plmsi_nr_per_h_reason"] == "respiratory_not_scored"
    assert scored.movements["is_respiratory_related"] == [None] * 8


def test_respiratory_not_scored_hi_counts_candidates_that_are_no_plm(t):
    rows = [*t.every(20, 3), ("L", 2000, 2002)]
    assert interval(t.score("wasm2016", rows, respiratory=None, duration=HOUR), "plmsi_nr") == (None, 0.0, 4.0)


def test_respiratory_partial_is_not_enough_to_leave_movements_out(t):
    scored = t.score("wasm2016", t.every(20, 4), respiratory=[(1000, 1020)], respiratory_state="partial")
    assert scored.night["plmsi_nr_per_h_reason"] == "respiratory_partial"
    assert scored.movements["is_respiratory_related"] == [None, True, None, None]


def test_arousals_not_scored_all_arousal_columns_are_null(t):
    scored = t.score("wasm2016", t.every(20, 4), arousals=None)
    names = [name for name in scored.night if "arousal" in name and not name.endswith("_reason")]
    assert len(names) == 6
    assert all((scored.night[name], scored.night[f"{name}_reason"]) == (None, "arousals_not_scored") for name in names)
    none_found = t.score("wasm2016", t.every(20, 4), arousals=())
    assert none_found.night["plms_arousal_index_per_h"] == 0.0


def test_sleep_wake_only_leaves_stage_columns_null_and_plmsi_valid(t):
    scored = t.score("wasm2016", t.every(20, 8), duration=HOUR, stages_state="sleep_wake_only")
    assert interval(scored) == (8.0, 8.0, 8.0)
    for name in ("plmsi_nrem_per_h", "plmsi_rem_per_h", "plmsi_n2_per_h", "n_plms_n2", "n2_scorable_h"):
        assert (scored.night[name], scored.night[f"{name}_reason"]) == (None, "sleep_wake_only")
    assert set(scored.movements["stage"]) == {"S"}


def test_sleep_of_unknown_stage_is_sleep_and_no_stage(t):
    scored = t.score("wasm2016", t.every(20, 8), duration=HOUR, hypnogram="S")
    assert scored.night["n_plms"] == 8
    assert scored.night["n_plms_nrem"] == 0
    assert scored.night["plmsi_nrem_per_h_reason"] == "no_time_in_state"


def test_one_leg_when_a_leg_is_unscorable_for_more_than_half_of_the_sleep(t):
    rows = t.every(20, 40) + t.every(20, 10, start=100, leg="R")
    more = t.score("wasm2016", rows, duration=2 * HOUR, gaps=[(3599, 7200, "R")])
    assert (more.night["evidence_class"], more.night["legs_used"]) == ("one_leg", "left")
    assert interval(more) == (20.0, 0.0, 360.0)
    assert more.night["sleep_scorable_h"] == 2.0
    half = t.score("wasm2016", rows, duration=2 * HOUR, gaps=[(3600, 7200, "R")])
    assert half.night["legs_used"] == "both"
    assert half.night["evidence_class"] == "partial"


def test_one_leg_a_gap_of_both_legs_for_most_of_the_sleep_bounds_nothing_either(t):
    scored = t.score("wasm2016", t.every(20, 40), duration=2 * HOUR, gaps=[(3599, 7200)])
    assert (scored.night["evidence_class"], scored.night["legs_used"]) == ("one_leg", "both")
    assert interval(scored)[1:] == (0.0, 360.0)


@pytest.mark.parametrize(
    ("sleep_h", "gap_s", "unstaged_s", "expected"),
    [
        (4, 0, 0, "full"),
        (4, 1, 0, "partial"),  # scorable sleep below 4 h
        (8, 2880, 0, "full"),  # 90 % scorable
        (8, 2881, 0, "partial"),
        (8, 0, 1440, "full"),  # 95 % staged
        (8, 0, 1441, "partial"),
    ],
)
def test_class_full_needs_scorable_sleep_and_staging(t, sleep_h, gap_s, unstaged_s, expected):
    end = sleep_h * HOUR
    gaps = [(100, 100 + gap_s)] if gap_s else []
    hypnogram = [(0, end - unstaged_s, "N2")]
    scored = t.score("wasm2016", [], duration=end, gaps=gaps, hypnogram=hypnogram)
    assert scored.night["evidence_class"] == expected


def test_class_first_that_applies(t):
    assert t.score("wasm2016", [("C", 10, 12)], hypnogram=None).night["evidence_class"] == "none"
    assert t.score("wasm2016", [], legs="combined").night["evidence_class"] == "combined"
    assert t.score("wasm2016", [], legs="right").night["evidence_class"] == "one_leg"


def test_every_null_has_a_reason_and_every_value_none(t):
    nights = [
        t.night([]),
        t.night(None),
        t.night(t.every(20, 8), hypnogram=None),
        t.night(t.every(20, 8), respiratory=None, arousals=None),
        t.night([("C", 100, 104)], lights=(0, 20000)),
        t.night([("L", 100, None)]),
        t.night([], hypnogram="W"),
    ]
    sets = [t.rules(name) for name in ("wasm2016", "aasm3", "wasm2006", "coleman")]
    for one in nights:
        for scored in scoring.score(one, sets):
            for name, value in scored.night.items():
                if f"{name}_reason" in scored.night:
                    assert (value is None) == (scored.night[f"{name}_reason"] is not None), name
                elif not name.endswith("_reason"):
                    assert value is not None, name


def test_rows_follow_their_declared_tables(t):
    ids = {"recording_id": "a", "cohort": "c", "subject_id": "s", "visit": "v1"}
    given = [
        t.night(t.every(20, 30), respiratory=[(1000, 1020)], arousals=[(1003, 1006)], lights=(0, 20000)),
        t.night(None),
        t.night([], hypnogram="W"),
        t.night([("L", 100, None), ("L", 200, 240)], respiratory=None, arousals=None),
    ]
    sets = [t.rules(name) for name in ("wasm2016", "aasm3", "wasm2006", "coleman")]
    for one in given:
        tables = night.with_source(night.score_family(one, sets, night.EMG), "detector", is_main=True)
        for name, rows in tables.items():
            n = len(rows["rule_set"])
            contracts.to_arrow(name, {**{k: [v] * n for k, v in ids.items()}, **rows})


# ---- times of the night


def test_sleep_times_of_the_hypnogram(t):
    hypnogram = [
        (0, 600, "W"),
        (600, 3600, "N2"),
        (3600, 4200, "W"),
        (4200, 4500, "U"),
        (4500, 7200, "R"),
        (7200, 9000, "W"),
    ]
    night = t.score("wasm2016", [], hypnogram=hypnogram, duration=9000, lights=(300, 8700), gaps=[(700, 800)]).night
    assert night["tib_h"] == pytest.approx(8400 / HOUR)
    assert night["spt_h"] == pytest.approx(6600 / HOUR)
    assert night["tst_h"] == pytest.approx(5700 / HOUR)
    assert night["waso_h"] == pytest.approx(600 / HOUR)
    assert night["sleep_scorable_h"] == pytest.approx(5600 / HOUR)
    assert night["unstaged_h"] == pytest.approx(300 / HOUR)
    assert night["wake_scorable_h"] == pytest.approx((300 + 600 + 1500) / HOUR)


def test_apnea_hypopnea_index_counts_onsets_in_sleep_per_tst(t):
    stages = scoring.make_stages([0, t.us(3600)], [t.us(3600), t.us(10800)], ["W", "N2"])
    onsets = [t.us(x) for x in (100, 3600, 5000, 6000, 7000, 20000)]
    types = ["apnea_obstructive", "hypopnea", "rera", "apnea", "hypopnea_central", "apnea"]
    value, reason = scoring.apnea_hypopnea_per_h(onsets, types, stages, (None, None), t.us(28800))
    assert (value, reason) == (1.5, None)
    assert scoring.apnea_hypopnea_per_h([], [], stages, (None, None), t.us(28800)) == (0.0, None)
    assert scoring.apnea_hypopnea_per_h([], [], None, (None, None), 1) == (None, "stages_not_scored")
    assert scoring.apnea_hypopnea_per_h([], [], stages, (None, t.us(3600)), t.us(28800)) == (None, "no_sleep")
