"""The detector against simulated EMG with known truth: every seed passes."""

import numpy as np
import pytest

from plms_pipeline import contracts, emg, scoring
from plms_pipeline.simulate import emg_signal as sim

from .conftest import assert_times, compare

N2 = "N2"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fs_hz", [200.0, 256.0])
def test_every_seed_on_two_hours(seed: int, fs_hz: float, detector: emg.Detector) -> None:
    x, truth = sim.leg_emg(7200.0, fs_hz, seed)
    found = compare(emg.detect_leg([(0, x)], fs_hz, detector), truth)
    assert truth.onset_us.size >= 38
    assert found.f1 >= 0.99
    assert_times(found)


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 500.0, 512.0])
def test_every_rate_on_two_hours(fs_hz: float, detector: emg.Detector) -> None:
    x, truth = sim.leg_emg(7200.0, fs_hz, 77)
    found = compare(emg.detect_leg([(0, x)], fs_hz, detector), truth)
    assert found.f1 >= 0.99
    assert_times(found)


def test_resting_level_is_unbiased(detector: emg.Detector) -> None:
    x, _ = sim.leg_emg(3600.0, 256.0, 3)
    result = emg.detect_leg([(0, x)], 256.0, detector)
    true = sim.resting_level(3600.0, [3, 1], (np.arange(120) + 0.5) * 30.0)
    assert abs(np.median(result.epochs["rest_uv"] / true) - 1.0) < 0.04


def test_durations_are_unbiased_for_sharp_and_for_slow_ramps(detector: emg.Detector) -> None:
    onset = np.arange(20.0, 3500.0, 25.0)
    for ramp_s in (0.05, 0.5):
        for peak_uv in (14.0, 40.0, 200.0):
            ramps = np.full(onset.size, ramp_s)
            plan = sim.LegPlan(onset, np.full(onset.size, 2.5), np.full(onset.size, peak_uv), ramps, ramps)
            x, truth = sim.leg_emg(3600.0, 256.0, 9, movements=plan, disturbances_per_h=0.0)
            found = compare(emg.detect_leg([(0, x)], 256.0, detector), truth)
            assert found.f1 == 1.0
            assert abs(np.median(found.onset_error_s)) <= 0.05
            assert abs(np.median(found.offset_error_s)) <= 0.05


@pytest.mark.parametrize(("duration_s", "limit_s"), [(0.5, 0.5), (10.0, 10.0)])
def test_the_limits_of_duration_are_met_from_both_sides(
    duration_s: float, limit_s: float, detector: emg.Detector
) -> None:
    onset = np.arange(20.0, 3500.0, 25.0)
    for shift_s, longer in ((-0.1, False), (0.1, True)):
        plan = sim.make_plan(onset, np.full(onset.size, duration_s + shift_s), 4)
        plan = plan._replace(peak_uv=np.maximum(plan.peak_uv, 20.0))
        x, _ = sim.leg_emg(3600.0, 256.0, 5, movements=plan, disturbances_per_h=0.0)
        result = emg.detect_leg([(0, x)], 256.0, detector)
        length = (result.offset_us - result.onset_us) / 1e6
        assert np.mean((length >= limit_s) == longer) >= 0.95


def two_legs(duration_s: float, seed: int) -> tuple[sim.LegPlan, sim.LegPlan]:
    """Left leg as drawn; the right one takes part in half of its movements and has some of its own."""
    rng = np.random.default_rng([seed, 50])
    onset, length = sim.movement_times(duration_s, [seed, 51])
    joins = rng.random(onset.size) < 0.5
    lag = rng.uniform(-0.3, 0.3, onset.size)
    scale = rng.uniform(0.7, 1.0, onset.size)
    other_onset = onset[joins] + lag[joins]
    other_length = np.maximum(0.5, length[joins] * scale[joins])
    return sim.make_plan(onset, length, [seed, 52]), sim.make_plan(other_onset, other_length, [seed, 53])


def plmsi(left: sim.LegTruth | emg.LegResult, right: sim.LegTruth | emg.LegResult, duration_us: int) -> float:
    """PLMS index under wasm2016 of movements of two legs, the whole record asleep."""
    kept = [getattr(leg, "is_kept", np.ones(leg.onset_us.size, dtype=bool)) for leg in (left, right)]
    night = scoring.NightInput(
        scoring.make_movements(
            np.repeat([0, 1], [kept[0].sum(), kept[1].sum()]),
            np.concatenate([left.onset_us[kept[0]], right.onset_us[kept[1]]]),
            np.concatenate([left.offset_us[kept[0]], right.offset_us[kept[1]]]),
        ),
        scoring.make_stages([0], [duration_us], [N2]),
        scoring.make_respiratory(),
        scoring.make_spans(),
        scoring.make_spans(),
        duration_us,
        (None, None),
        "both",
        scoring.evidence_from_mapping(contracts.load_yaml("rules/evidence.yaml")),
    )
    rule_set = scoring.rule_set_from_mapping(contracts.load_yaml("rules/wasm2016.yaml"))
    return float(scoring.score(night, [rule_set])[0].night["plmsi_per_h"])


def assert_night(hours: float, fs_hz: float, seed: int, detector: emg.Detector) -> None:
    plans = two_legs(hours * 3600.0, seed)
    legs = [sim.leg_emg(hours * 3600.0, fs_hz, [seed, k], movements=plans[k]) for k in (0, 1)]
    results = [emg.detect_leg([(0, x)], fs_hz, detector) for x, _ in legs]
    found = [compare(result, truth) for result, (_, truth) in zip(results, legs, strict=True)]
    n_true = sum(truth.onset_us.size for _, truth in legs)
    n_found = sum(int(result.is_kept.sum()) for result in results)
    n_matched = n_true - sum(f.n_missed for f in found)
    assert 2 * n_matched / (n_true + n_found) >= 0.99
    for f in found:
        assert_times(f)
    expected = plmsi(legs[0][1], legs[1][1], round(hours * 3.6e9))
    got = plmsi(*results, round(hours * 3.6e9))
    assert expected > 5.0
    assert abs(got - expected) <= max(0.5, 0.02 * expected)


def test_plms_index_of_both_legs_within_2_percent(detector: emg.Detector) -> None:
    assert_night(3.0, 256.0, 1, detector)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1024))
def test_whole_nights_every_seed(seed: int, detector: emg.Detector) -> None:
    assert_night(8.0, (100.0, 128.0, 200.0, 256.0, 500.0, 512.0)[seed % 6], seed, detector)
