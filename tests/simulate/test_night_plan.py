"""The planned night is what it says: PLMS by construction agree with the rules read literally."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import simulate
from plms_pipeline.errors import InputError
from plms_pipeline.simulate import PlannedNight
from plms_pipeline.simulate.planned import SLEEP, US, night_model


def combined(night: PlannedNight) -> list[tuple[int, int, bool]]:
    """WASM/IRLSSG 2016: movements of both legs less than 0.5 s apart are one; onset, offset, is candidate."""
    m = night.movements
    groups: list[list[int]] = []
    end = 0
    for k in range(len(m.leg)):
        if groups and m.onset_us[k] - end < 500_000:
            groups[-1].append(k)
            end = max(end, int(m.offset_us[k]))
        else:
            groups.append([k])
            end = int(m.offset_us[k])
    result = []
    for group in groups:
        onset = min(int(m.onset_us[k]) for k in group)
        offset = max(int(m.offset_us[k]) for k in group)
        durations = [int(m.offset_us[k] - m.onset_us[k]) for k in group]
        short_enough = max(durations) <= 10 * US
        if len({int(m.leg[k]) for k in group}) == 2:
            short_enough = short_enough and offset - onset <= 15 * US and len(group) <= 4
        result.append((onset, offset, short_enough))
    return result


def plms_onsets(night: PlannedNight, lm: list[tuple[int, int, bool]]) -> set[int]:
    """At least four candidates, 10 to 90 s from onset to onset, nothing else between; onset in sleep."""
    inside = [row for row in lm if night.lights_off_us <= row[0] < night.lights_on_us]
    series: list[list[int]] = [[]]
    for onset, _, is_candidate in inside:
        if not is_candidate:
            series.append([])
        elif series[-1] and 10 * US <= onset - series[-1][-1] <= 90 * US:
            series[-1].append(onset)
        else:
            series.append([onset])
    found = {onset for run in series if len(run) >= 4 for onset in run}
    return {onset for onset in found if night.stages[onset // night.epoch_us] in SLEEP}


def check_plms(night: PlannedNight) -> None:
    m = night.movements
    literal = plms_onsets(night, combined(night))
    built = {int(m.onset_us[m.movement == number].min()) for number in np.unique(m.movement[m.is_plms])}
    assert built == literal
    assert night.n_plms == len(literal)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**63), target=st.integers(0, 60), ahi=st.integers(0, 35))
def test_a_whole_night_has_the_index_aimed_at_as_the_rules_count_it(seed: int, target: int, ahi: int) -> None:
    night = simulate.plan_night(seed, plmsi_per_h=target, ahi_per_h=ahi)
    check_plms(night)
    wanted = target if target * night.tst_h >= 4 else 0
    assert abs(night.plmsi_per_h - wanted) < 0.3
    assert abs(night.ahi_per_h - ahi) < 0.3
    assert len(night.movements.leg) >= 150
    assert 4.0 < night.tst_h < 8.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), hours=st.floats(0.1, 3.0))
def test_a_short_recording_tells_the_truth_about_itself(seed: int, hours: float) -> None:
    night = simulate.plan_night(seed, hours=hours, plmsi_per_h=30)
    check_plms(night)
    assert len(night.stages) * night.epoch_us == night.duration_us
    assert 0 < night.lights_off_us < night.lights_on_us <= night.duration_us


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_lies_within_reach_of_a_limit(seed: int) -> None:
    night = simulate.plan_night(seed, plmsi_per_h=25, ahi_per_h=15)
    model, m = night_model(), night.movements
    durations = (m.offset_us - m.onset_us) / US
    assert durations.min() >= 0.85
    assert not ((durations > 9.0) & (durations < 11.0)).any()
    lm = combined(night)
    onsets = np.array([row[0] for row in lm]) / US
    intervals = np.diff(onsets)
    assert not ((intervals > 8.6) & (intervals < 11.4)).any()
    assert not ((intervals > 62.0) & (intervals < 93.0)).any()
    gaps = onsets[1:] - np.array([row[1] for row in lm])[:-1] / US
    assert gaps.min() > 1.5
    inside = onsets % model["epoch_s"]
    short = np.isin(onsets, m.onset_us[[kind == "short" for kind in m.kind]] / US)
    assert (inside[~short] > 0.5).all() and (inside[~short] < 29.5).all()
    for edge in (-2.0, 10.25):
        distance = np.abs(m.onset_us[:, None] / US - (night.respiratory.offset_us[None, :] / US + edge))
        assert distance.min() > 0.5


def test_series_lean_towards_the_first_part_of_the_night() -> None:
    early = late = 0
    for seed in range(8):
        night = simulate.plan_night(seed, plmsi_per_h=25)
        onsets = night.movements.onset_us[night.movements.is_plms]
        middle = (night.lights_off_us + night.lights_on_us) / 2
        early += int((onsets < middle).sum())
        late += int((onsets >= middle).sum())
    assert early > 1.2 * late


def test_events_lie_in_sleep_and_do_not_overlap() -> None:
    night = simulate.plan_night(11, ahi_per_h=30)
    r = night.respiratory
    assert (r.onset_us[1:] > r.offset_us[:-1]).all()
    for onset, offset in zip(r.onset_us, r.offset_us, strict=True):
        epochs = range(onset // night.epoch_us, -(-offset // night.epoch_us))
        assert all(night.stages[k] in SLEEP for k in epochs)
    assert {"arousal", "arousal_respiratory"} == set(night.arousals.type)


def test_the_same_seed_is_the_same_night_and_another_seed_is_not() -> None:
    first, again, other = (simulate.plan_night(seed, hours=2.0) for seed in (5, 5, 6))
    assert np.array_equal(first.movements.onset_us, again.movements.onset_us)
    assert first.stages == again.stages
    assert not np.array_equal(first.movements.onset_us, other.movements.onset_us)


@pytest.mark.parametrize("wrong", [{"hours": 0.01}, {"plmsi_per_h": 200.0}, {"ahi_per_h": -1.0}])
def test_numbers_that_make_no_night_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        simulate.plan_night(1, **wrong)  # type: ignore[arg-type]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_one_movement_too_many_never_makes_or_unmakes_a_series(seed: int) -> None:
    """Otherwise the truth of a night would hang on a single error of a detector: 0.5/h are 3.5 PLMS in 7 hours."""
    night = simulate.plan_night(seed, plmsi_per_h=22)
    lm = combined(night)
    true = len(plms_onsets(night, lm))
    edges = np.array([(onset, offset) for onset, offset, _ in lm])
    for at in np.random.default_rng(seed).integers(night.lights_off_us, night.lights_on_us, 150):
        if ((edges[:, 0] < at + 2_800_000) & (edges[:, 1] > at - 1_500_000)).any():
            continue
        more = sorted([*lm, (int(at), int(at) + 1_300_000, True)])
        assert abs(len(plms_onsets(night, more)) - true) <= 3
