"""WASM 2006: one test per clause and open point; times in seconds, worked by hand."""

from __future__ import annotations

import pytest


def column(scored, name):
    """A column of the movements."""
    return scored.movements[name]


def test_lm_duration_is_half_to_10_s(t):
    rows = [("L", 100, "100.499999"), ("L", 200, 210), ("L", 300, "310.000001")]
    scored = t.score("wasm2006", rows)
    assert column(scored, "is_lm") == [True, False]
    assert scored.night["n_lm"] == 1


def test_bilateral_up_to_15_s_and_joined_below_half_a_second(t):
    rows = [
        ("L", 100, 108),
        ("R", "108.499999", 115),
        ("L", 200, 208),
        ("R", 208, "215.1"),
        ("L", 300, 301),
        ("R", "301.5", 303),
    ]
    scored = t.score("wasm2006", rows)
    assert column(scored, "side") == ["bilateral", "bilateral", "left", "right"]
    assert column(scored, "candidate_reason")[:2] == [None, "bilateral_too_long"]


def test_morphology_is_not_asked_for(t):
    assert t.score("wasm2006", [(*row, False) for row in t.every(20, 4)]).night["n_plms"] == 4


@pytest.mark.parametrize(("interval", "n_plm"), [(5, 4), (90, 4), (90.000001, 0)])
def test_series_interval_is_5_to_90_s(t, interval, n_plm):
    assert t.score("wasm2006", t.every(interval, 4)).night["n_plm"] == n_plm


def test_series_a_later_movement_closer_than_5_s_is_ignored_and_the_interval_runs_on(t):
    rows = [*t.every(20, 4), ("L", 1023, 1024), ("L", "1024.999999", 1027)]
    scored = t.score("wasm2006", rows)
    assert column(scored, "is_plm") == [True, True, False, False, True, True]
    assert column(scored, "imi_s") == [None, 20.0, None, None, 20.0, 20.0]
    assert column(scored, "plm_reason")[2:4] == ["short_interval_ignored"] * 2
    assert scored.night["n_clms_short_interval"] == 2
    assert scored.night["imi_plms_n"] == 3


def test_series_needs_four_movements(t):
    assert t.score("wasm2006", t.every(20, 3)).night["n_plm"] == 0


def test_series_may_cross_wake(t):
    scored = t.score("wasm2006", t.every(20, 4), hypnogram=[(0, 1030, "N2"), (1030, 3600, "W")], lights=(0, 3600))
    assert (scored.night["n_plms"], scored.night["n_plmw"]) == (2, 2)


@pytest.mark.parametrize(
    ("onset", "offset", "related"),
    [(98, "99.5", True), (98, "99.499999", False), ("100.5", 102, True), ("100.500001", 102, False), (70, 72, False)],
)
def test_open_point_a7_respiratory_within_half_a_second_of_the_end_closed(t, onset, offset, related):
    scored = t.score("wasm2006", [("L", onset, offset)], respiratory=[(60, 100)])
    assert column(scored, "is_respiratory_related") == [related]


def test_respiratory_related_movements_are_taken_out_before_the_series_are_built(t):
    scored = t.score("wasm2006", t.every(20, 4), respiratory=[(1000, "1019.8")])
    assert scored.night["n_plms"] == 0
    assert scored.night["n_plms_nr"] == 0


def test_arousal_gap_is_below_half_a_second(t):
    scored = t.score("wasm2006", [("L", 100, 102), ("L", 200, 202)], arousals=[("102.5", 104), ("202.499999", 204)])
    assert column(scored, "is_arousal_associated") == [False, True]


def test_open_point_a23_a_too_long_movement_is_dropped_before_the_series(t):
    rows = [*t.every(20, 6), ("R", "1024", "1035.5")]
    assert t.score("wasm2006", rows).night["n_plms"] == 6


def test_open_point_a22_a_combined_channel_has_the_bilateral_limit(t):
    rows = [("C", 1000 + 20 * k, 1000 + 20 * k + last) for k, last in enumerate((15, 12, 2, 2))]
    assert t.score("wasm2006", rows).night["n_plms"] == 4
