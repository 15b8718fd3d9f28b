"""Properties that hold for every night, driven by hypothesis."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import scoring

NAMES = ("wasm2016", "aasm3", "wasm2006", "coleman")
DURATION = 3600
S = 1_000_000
# Steps and durations at and beside the limits, in microseconds.
STEPS = [s * S + d for s in (3, 5, 10, 20, 45, 90) for d in (-1, 0, 1)] + [7 * S, 12_345_678, 120 * S]
LENGTHS = [s + d for s in (500_000, 5 * S, 10 * S, 15 * S) for d in (-1, 0, 1)] + [2 * S, 3_141_592]
OFFSETS = [-499_999, 0, 499_999, 500_000, 500_001, 2 * S, 4_999_999, 5 * S]
STAGES = ["W", "N1", "N2", "N3", "R", "U"]


@st.composite
def movement_rows(draw: st.DrawFn, most: int = 40) -> list[tuple[int, int, int]]:
    """Leg, onset, offset: a train of movements with a second leg beside some of them."""
    rows = []
    at = draw(st.integers(0, 200)) * S
    for _ in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from(STEPS))
        length = draw(st.sampled_from(LENGTHS))
        leg = draw(st.integers(0, 1))
        rows.append((leg, at, at + length))
        if draw(st.integers(0, 3)) == 0:
            other = at + draw(st.sampled_from([0, length])) + draw(st.sampled_from(OFFSETS))
            rows.append((1 - leg, max(other, 0), max(other, 0) + draw(st.sampled_from(LENGTHS))))
    return [row for row in rows if row[2] <= DURATION * S]


@st.composite
def nights(draw: st.DrawFn, t: Any, *, with_gaps: bool = True) -> scoring.NightInput:
    """A night of an hour with stages, events and gaps on borders as well as between them."""
    rows = draw(movement_rows())
    edges = sorted(draw(st.sets(st.integers(1, 119), max_size=8)))
    bounds = [0, *(30 * edge for edge in edges), DURATION]
    staged = [(a * S, b * S, draw(st.sampled_from(STAGES))) for a, b in itertools.pairwise(bounds)]
    near = st.sampled_from([x for row in rows for x in row[1:]] + [0, 900 * S]).flatmap(
        lambda x: st.sampled_from([x, x + 500_000, x + 2 * S, max(x - 10_250_000, 0), x + 1])
    )

    def some_spans(most: int) -> list[tuple[int, int]]:
        return [
            (on, on + draw(st.sampled_from([1, 3 * S, 15 * S])))
            for on in (draw(near) for _ in range(draw(st.integers(0, most))))
        ]

    respiratory, arousals = some_spans(5), some_spans(5)
    gaps = [(on, off, draw(st.integers(-1, 1))) for on, off in some_spans(3)] if with_gaps else []
    lights = draw(st.sampled_from([(None, None), (300 * S, 3300 * S), (None, 3000 * S)]))
    return scoring.NightInput(
        scoring.make_movements([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]),
        scoring.make_stages([r[0] for r in staged], [r[1] for r in staged], [r[2] for r in staged]),
        scoring.make_respiratory([r[0] for r in respiratory], [r[1] for r in respiratory]),
        scoring.make_spans([r[0] for r in arousals], [r[1] for r in arousals]),
        scoring.make_spans([g[0] for g in gaps], [g[1] for g in gaps], [g[2] for g in gaps]),
        DURATION * S,
        lights,
        "both",
        t.evidence(),
    )


def all_sets(t: Any) -> list[scoring.RuleSet]:
    return [t.rules(name) for name in NAMES]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_shifting_every_time_changes_nothing_but_the_times(t, data):
    night = data.draw(nights(t))
    by = data.draw(st.sampled_from([1, 500_000, 12_345_678_901]))
    assert night.movements and night.stages and night.respiratory and night.arousals
    off, on = night.window
    # The begin of the recording moves too, so it has to be told apart from what was recorded.
    low, high = (0 if off is None else off), (night.duration_us if on is None else on)
    fixed = night._replace(window=(low, high))
    m, h, r, a, g = night.movements, night.stages, night.respiratory, night.arousals, night.gaps
    shifted = night._replace(
        movements=m._replace(onset_us=m.onset_us + by, offset_us=m.offset_us + by),
        stages=h._replace(onset_us=h.onset_us + by, offset_us=h.offset_us + by),
        respiratory=r._replace(onset_us=r.onset_us + by, offset_us=r.offset_us + by),
        arousals=a._replace(onset_us=a.onset_us + by, offset_us=a.offset_us + by),
        gaps=g._replace(onset_us=g.onset_us + by, offset_us=g.offset_us + by),
        duration_us=night.duration_us + by,
        window=(low + by, high + by),
    )
    for one, two in zip(scoring.score(fixed, all_sets(t)), scoring.score(shifted, all_sets(t)), strict=True):
        moved = {"window_onset_s", "window_offset_s", "sleep_onset_s"}
        assert {k: v for k, v in one.night.items() if k not in moved} == {
            k: v for k, v in two.night.items() if k not in moved
        }
        # A movement at the first moment of the recording is open there; shifted, it is not at that edge any more.
        for name in set(one.movements) - {"onset_s", "offset_s", "is_truncated"}:
            assert one.movements[name] == two.movements[name], name


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_swapping_the_legs_swaps_sides_only(t, data):
    night = data.draw(nights(t))
    assert night.movements
    leg = night.gaps.leg
    swapped = night._replace(
        movements=night.movements._replace(leg=(1 - night.movements.leg).astype(np.int8)),
        gaps=night.gaps._replace(leg=np.where(leg >= 0, 1 - leg, leg).astype(np.int8)),
    )
    other = {"left": "right", "right": "left", "bilateral": "bilateral"}
    for one, two in zip(scoring.score(night, all_sets(t)), scoring.score(swapped, all_sets(t)), strict=True):

        def key(columns: dict[str, list[Any]], swap: bool) -> list[tuple[Any, ...]]:
            sides = [other[side] if swap else side for side in columns["side"]]
            rest = [columns[name] for name in columns if name not in ("side", "movement_id")]
            return sorted(zip(sides, *rest, strict=True), key=repr)

        assert key(one.movements, True) == key(two.movements, False)
        for name, value in one.night.items():
            # The lag is measured from left to right, so it is not symmetric.
            if "leg_lag" in name:
                continue
            mirrored = name.replace("left", "#").replace("right", "left").replace("#", "right")
            expected = {"left": "right", "right": "left"}.get(value, value) if name == "legs_used" else value
            assert two.night[mirrored] == expected, name


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_reordering_the_rows_changes_nothing(t, data):
    night = data.draw(nights(t))

    def shuffled(rows: Any) -> Any:
        order = data.draw(st.permutations(range(rows[0].size)))
        return type(rows)(*(column[list(order)] for column in rows))

    mixed = night._replace(
        movements=shuffled(night.movements),
        stages=shuffled(night.stages),
        respiratory=shuffled(night.respiratory),
        arousals=shuffled(night.arousals),
        gaps=shuffled(night.gaps),
    )
    assert scoring.score(night, all_sets(t)) == scoring.score(mixed, all_sets(t))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_movement_far_away_leaves_earlier_series_alone(t, data):
    night = data.draw(nights(t, with_gaps=False))
    found = night.movements
    assert found
    last = int(found.offset_us.max(initial=0))
    at = last + 91 * S
    night = night._replace(duration_us=max(night.duration_us, at + 10 * S), window=(None, None))
    more = night._replace(
        movements=scoring.make_movements([*found.leg, 0], [*found.onset_us, at], [*found.offset_us, at + 2 * S])
    )
    for one, two in zip(scoring.score(night, all_sets(t)), scoring.score(more, all_sets(t)), strict=True):
        n = len(one.movements["onset_s"])
        for name in one.movements:
            assert one.movements[name] == two.movements[name][:n], name


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_counts_add_up_and_the_point_lies_in_its_interval(t, data):
    night = data.draw(nights(t))
    for scored in scoring.score(night, all_sets(t)):
        row = scored.night
        assert row["n_clm"] <= row["n_lm"]
        assert row["n_plms"] <= row["n_plm"] <= row["n_clm"]
        assert row["n_plms_left"] + row["n_plms_right"] + row["n_plms_bilateral"] == row["n_plms"]
        assert row["n_plms_n1"] + row["n_plms_n2"] + row["n_plms_n3"] == row["n_plms_nrem"]
        if row["n_plmw"] is not None:
            assert row["n_plms"] + row["n_plmw"] + row["n_plm_unstaged"] == row["n_plm"]
        assert sum(row["series_lengths"]) == row["n_plm"]
        for suffix in ("", "_nr"):
            point, lo, hi = (row[f"plmsi{suffix}{part}_per_h"] for part in ("", "_lo", "_hi"))
            if point is not None:
                assert lo <= point <= hi
        times = row["tst_h"] + row["unstaged_h"]
        assert times <= row["window_h"] + 1e-9


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_interval_hidden_stages_never_move_the_point_outside(t, data):
    """Staging that turns up later: the point of the fully staged night lies in the interval of the other."""
    night = data.draw(nights(t, with_gaps=False))
    stages = night.stages
    assert stages
    known = stages._replace(stage=np.where(stages.stage == 6, 2, stages.stage).astype(np.int8))
    hidden = data.draw(st.lists(st.booleans(), min_size=stages.stage.size, max_size=stages.stage.size))
    unknown = known._replace(stage=np.where(hidden, 6, known.stage).astype(np.int8))
    rules = [t.rules("wasm2016")]
    full = scoring.score(night._replace(stages=known), rules)[0].night
    part = scoring.score(night._replace(stages=unknown), rules)[0].night
    for suffix in ("", "_nr"):
        point = full[f"plmsi{suffix}_per_h"]
        if point is not None:
            assert part[f"plmsi{suffix}_lo_per_h"] <= point + 1e-9
            assert point <= part[f"plmsi{suffix}_hi_per_h"] + 1e-9


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_interval_more_scorable_time_never_moves_the_point_outside(t, data):
    """Four movements an edge contain it at both ends (decision 0003, intervals)."""
    night = data.draw(nights(t))._replace(stages=scoring.make_stages([0], [DURATION * S], ["N2"]))
    kept = data.draw(st.lists(st.booleans(), min_size=night.gaps.leg.size, max_size=night.gaps.leg.size))
    fewer = night._replace(gaps=scoring.Spans(*(column[np.array(kept, dtype=bool)] for column in night.gaps)))
    rules = [t.rules("wasm2016")]
    more = scoring.score(fewer, rules)[0].night
    less = scoring.score(night, rules)[0].night
    for suffix in ("", "_nr"):
        point = more[f"plmsi{suffix}_per_h"]
        assert less[f"plmsi{suffix}_lo_per_h"] <= point + 1e-9
        assert point <= less[f"plmsi{suffix}_hi_per_h"] + 1e-9


def test_interval_counterexample_a_gap_of_a_moment_over_one_onset(t):
    """Why three an edge is not enough: seven movements in a row, one leg lost for a millisecond at the fourth."""
    rows = t.every(20, 7)
    known = t.score("wasm2016", rows, duration=3600).night
    moment = [("1060", "1060.001", "R")]
    three = t.score("wasm2016", rows, duration=3600, gaps=moment, settings=t.evidence(hi_movements_per_edge=3)).night
    assert (known["plmsi_per_h"], three["plmsi_per_h"]) == (7.0, 0.0)
    assert three["plmsi_hi_per_h"] == pytest.approx(6, abs=0.001)
    assert t.score("wasm2016", rows, duration=3600, gaps=moment).night["plmsi_hi_per_h"] > 7


def test_interval_counterexample_one_movement_changes_every_pair_of_legs(t):
    """AASM, lo: sixty pairs 5.9 s apart; with one right movement before them every movement gets another partner."""
    rows = []
    for k in range(60):
        at = Decimal("5.9") * k + 1000
        beside = at + (1 if k % 2 == 0 else 4)
        rows += [("L", at, at + Decimal("0.6")), ("R", beside, beside + Decimal("0.6"))]
    hidden = ("R", 998, 999)
    gap = [("997.5", "999.5", "R")]
    lost = t.score("aasm3", rows, duration=7200, gaps=gap).night
    known = t.score("aasm3", [hidden, *rows], duration=7200).night
    assert (lost["n_plms"], known["n_plms"]) == (60, 0)
    assert lost["plmsi_lo_per_h"] == 26.0


def test_interval_counterexample_one_movement_changes_which_are_passed_over(t):
    """WASM 2006, lo: the last movement before a pause of 88 s is passed over, the pause grows to 92 s."""
    rows = [("L", on, on + 1) for on in (1000, 1004, 1008, 1096, 1116, 1136)]
    lost = t.score("wasm2006", rows, duration=7200, gaps=[(0, 998, "R")]).night
    known = t.score("wasm2006", [("R", 996, 997), *rows], duration=7200).night
    assert (lost["n_plms"], known["n_plms"]) == (5, 0)
    assert lost["plmsi_lo_per_h"] == 0.5
