"""What holds for any leg: edges, gaps, tone, interference, determinism."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, emg, night
from plms_pipeline.emg.quality import FLAG_BITS
from plms_pipeline.simulate import emg_signal as sim

from .conftest import compare

FS_HZ = 200.0


def leg(
    times_s: list[tuple[float, float]], duration_s: float = 300.0, peak_uv: float = 40.0, **options: object
) -> np.ndarray:
    """EMG with movements at given onset and duration and nothing else."""
    onset, length = np.array(times_s).reshape(-1, 2).T
    plan = sim.make_plan(onset, length, 1, peak_uv=np.full(onset.size, peak_uv))
    return sim.leg_emg(duration_s, FS_HZ, 2, movements=plan, disturbances_per_h=0.0, **options)[0]


def kept(result: emg.LegResult) -> list[tuple[float, float]]:
    return [
        (a / 1e6, b / 1e6)
        for a, b in zip(result.onset_us[result.is_kept], result.offset_us[result.is_kept], strict=True)
    ]


def close(got: list[tuple[float, float]], expected: list[tuple[float, float]], within_s: float = 0.2) -> bool:
    return len(got) == len(expected) and bool(np.all(np.abs(np.array(got) - np.array(expected)) <= within_s))


def same(a: emg.LegResult, b: emg.LegResult) -> bool:
    text = [json.dumps([np.asarray(v).tolist() if not isinstance(v, dict) else None for v in r]) for r in (a, b)]
    return text[0] == text[1]


def test_every_declared_number_is_a_field_with_a_source() -> None:
    rules = contracts.load_yaml("rules/detector_emg.yaml")["rules"]
    assert set(rules) == set(emg.Detector._fields)
    assert all(entry["source"] and "unit" in entry for entry in rules.values())


def test_quality_and_epoch_columns_are_the_declared_ones(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0)])
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    ids = ("recording_id", "cohort", "subject_id", "visit", "leg")
    comparison = {"leg_correlation", "is_duplicate_suspected", "is_swap_suspected"}
    declared = {name for name in contracts.table("signal_quality").column_names if not name.endswith("_piezo")}
    assert {*ids, *result.quality, *comparison} == declared
    assert {*ids, *result.epochs} == set(contracts.table("signal_quality_epoch").column_names)
    n = len(result.epochs["epoch_index"])
    values = {name: ["r"] * n for name in ids} | {"leg": ["L"] * n, "visit": ["single"] * n} | result.epochs
    assert contracts.to_arrow("signal_quality_epoch", values).num_rows == n


def test_epoch_flags_are_the_declared_bits() -> None:
    declared = {
        v["value"]: int(v["label"].split(":")[0]) for v in contracts.load_yaml("codes/epoch_flag.yaml")["values"]
    }
    assert declared == FLAG_BITS


def test_two_runs_agree_to_the_last_bit(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (90.0, 3.0)])
    assert same(emg.detect_leg([(0, x)], FS_HZ, detector), emg.detect_leg([(0, x.copy())], FS_HZ, detector))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**10))
def test_a_later_start_moves_every_time_by_as_much(shift_us: int) -> None:
    detector = night.load_detector()
    x = leg([(20.0, 2.0), (40.0, 1.0)], 60.0)
    early, late = (emg.detect_leg([(start, x)], FS_HZ, detector) for start in (0, shift_us))
    assert np.array_equal(early.onset_us + shift_us, late.onset_us)
    assert np.array_equal(early.offset_us + shift_us, late.offset_us)
    assert np.array_equal(early.peak_uv, late.peak_uv)
    assert late.unusable == ([(0, shift_us, "gap")] if shift_us else [])


def test_segments_are_what_each_gives_alone(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (150.0, 30.0), (240.0, 2.0)])
    cut = round(160.0 * FS_HZ)
    parts = [(0, x[:cut]), (170_000_000, x[cut:])]
    whole = emg.detect_leg(parts, FS_HZ, detector)
    alone = [emg.detect_leg([part], FS_HZ, detector) for part in parts]
    assert np.array_equal(whole.onset_us, np.concatenate([r.onset_us for r in alone]))
    assert np.array_equal(whole.offset_us, np.concatenate([r.offset_us for r in alone]))


def test_a15_a16_nothing_crosses_a_gap_and_open_ends_are_truncated(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (150.0, 10.0), (250.0, 2.0)])
    cut = round(155.0 * FS_HZ)
    result = emg.detect_leg([(0, x[:cut]), (165_000_000, x[cut:])], FS_HZ, detector)
    assert result.unusable == [(155_000_000, 165_000_000, "gap")]
    assert close(kept(result), [(50.0, 52.0), (150.0, 155.0), (165.0, 170.0), (260.0, 262.0)])
    assert result.is_truncated[result.is_kept].tolist() == [False, True, True, False]


def test_a16_open_at_the_start_and_the_end_of_the_record(detector: emg.Detector) -> None:
    result = emg.detect_leg([(0, leg([(-2.0, 5.0), (100.0, 2.0), (298.0, 5.0)]))], FS_HZ, detector)
    assert close(kept(result), [(0.0, 3.0), (100.0, 102.0), (298.0, 300.0)])
    assert result.is_truncated[result.is_kept].tolist() == [True, False, True]


@pytest.mark.parametrize("length_s", [12.0, 15.0, 25.0, 38.0])
def test_a_long_burst_stays_one_movement_and_does_not_raise_the_resting_level(
    length_s: float, detector: emg.Detector
) -> None:
    result = emg.detect_leg([(0, leg([(60.0, 2.0), (130.0, length_s), (200.0, 2.0)]))], FS_HZ, detector)
    assert close(kept(result), [(60.0, 62.0), (130.0, 130.0 + length_s), (200.0, 202.0)])
    assert result.resting_uv.max() < 3.0
    assert result.unusable == []


def test_shorter_than_half_a_second_is_kept_as_a_rejected_row(detector: emg.Detector) -> None:
    result = emg.detect_leg([(0, leg([(50.0, 0.3), (90.0, 2.0)]))], FS_HZ, detector)
    assert result.is_kept.tolist() == [False, True]
    assert result.reject_reason == ["too_short", None]


def jerks(at_s: float, length_s: float, every_s: float, n: int, *, peak_uv: float = 60.0, seed: int = 2) -> np.ndarray:
    """Two minutes of EMG at rest of 0.7 µV with a row of sharp jerks."""
    onset = at_s + every_s * np.arange(n)
    ramps = np.full(n, min(0.02, 0.1 * length_s))
    plan = sim.LegPlan(onset, np.full(n, length_s), np.full(n, peak_uv), ramps, ramps)
    tone = [(0.0, 120.0, 0.7)]
    return sim.leg_emg(120.0, FS_HZ, seed, movements=plan, disturbances_per_h=0.0, tone_uv=tone)[0]


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_wasm2016_failing_only_morphology_is_kept(seed: int, detector: emg.Detector) -> None:
    # Every hole is shorter than 0.5 s, so they are one movement; every half second is mostly at rest.
    result = emg.detect_leg([(0, jerks(50.0, 0.16, 0.66, 8, seed=seed))], FS_HZ, detector)
    assert close(kept(result), [(50.0, 54.78)])
    assert result.has_morphology.tolist() == [False]


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_rapid_jerks_are_rejected_as_broken(seed: int, detector: emg.Detector) -> None:
    result = emg.detect_leg([(0, jerks(50.0, 0.1, 0.25, 20, peak_uv=80.0, seed=seed))], FS_HZ, detector)
    assert result.onset_us.size > 0
    assert not result.is_kept.any()
    assert "broken" in result.reject_reason
    assert set(result.reject_reason) <= {"broken", "too_short"}
    assert np.all((result.onset_us > 49_500_000) & (result.offset_us < 55_500_000))


def test_activity_that_stays_below_the_onset_on_average_is_rejected(detector: emg.Detector) -> None:
    onset = np.arange(20.0, 880.0, 6.0)
    flat = np.full(onset.size, 0.05)
    plan = sim.LegPlan(onset, np.full(onset.size, 3.0), np.full(onset.size, 8.2), flat, flat)
    x = sim.leg_emg(900.0, FS_HZ, 2, movements=plan, disturbances_per_h=0.0, tone_uv=[(0.0, 900.0, 2.0)])[0]
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    below = np.array([reason == "below_onset" for reason in result.reject_reason])
    length_s = (result.offset_us - result.onset_us) / 1e6
    assert below.any()
    assert (length_s[below] >= 0.5).all()
    assert (result.peak_uv[below] >= result.resting_uv[below] + 8.0).all()
    assert not result.is_kept[below].any()


@pytest.mark.parametrize("peak_uv", [50.0, 300.0])
@pytest.mark.parametrize("length_s", [20.0, 30.0, 40.0])
def test_a_burst_of_20_to_40_s_is_one_movement_and_not_tone(
    length_s: float, peak_uv: float, detector: emg.Detector
) -> None:
    x = leg([(60.0, 2.0), (110.0, length_s), (190.0, 2.0)], 240.0, peak_uv)
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert close(kept(result), [(60.0, 62.0), (110.0, 110.0 + length_s), (190.0, 192.0)])
    assert not np.any(result.epochs["flags"] & FLAG_BITS["tone_change"])


@pytest.mark.parametrize("seed", [2, 5, 7])
def test_a_movement_on_20_s_of_tone_is_found_alone(seed: int, detector: emg.Detector) -> None:
    plan = sim.LegPlan(*(np.array([v]) for v in (108.0, 2.0, 40.0, 0.05, 0.05)))
    x = sim.leg_emg(240.0, FS_HZ, seed, movements=plan, disturbances_per_h=0.0, tone_uv=[(100.0, 120.0, 5.0)])[0]
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert close(kept(result), [(108.0, 110.0)])
    assert result.resting_uv[result.is_kept] == pytest.approx([5.0], rel=0.1)


def test_tone_fast_changes_are_followed_on_both_sides(detector: emg.Detector) -> None:
    times = [(30.0 + 20.0 * k, 2.0) for k in range(28)]
    x = leg(times, 600.0, tone_uv=[(200.0, 400.0, 7.0)])
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert close(kept(result), [(a, a + b) for a, b in times], 0.3)
    rest = result.epochs["rest_uv"]
    assert rest[:6].max() < 3.0
    np.testing.assert_allclose(rest[7:13], 7.0, rtol=0.1)
    assert rest[14:].max() < 3.0


def test_tone_slow_changes_are_followed(detector: emg.Detector) -> None:
    t = np.arange(round(900.0 * FS_HZ)) / FS_HZ
    level = np.interp(t, [0.0, 200.0, 450.0, 700.0, 900.0], [1.5, 1.5, 8.0, 1.5, 1.5])
    x = level * sim.band_noise(t.size, FS_HZ, 3)
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert kept(result) == []
    middle = (np.arange(30) + 0.5) * 30.0
    np.testing.assert_allclose(result.epochs["rest_uv"], np.interp(middle, t, level), rtol=0.25)


def test_rest_above_16_uv_is_unscorable_not_without_movements(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (550.0, 2.0)], 600.0, tone_uv=[(200.0, 400.0, 25.0)])
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert close(kept(result), [(50.0, 52.0), (550.0, 552.0)])
    (onset, offset, reason) = result.unusable[0]
    assert reason == "rest_above_limit"
    assert abs(onset / 1e6 - 200.0) < 2.0
    assert abs(offset / 1e6 - 400.0) < 2.0
    assert abs(result.quality["rest_above_limit_min"] - 200.0 / 60.0) < 0.1


def test_flat_railed_missing_and_short_stretches_are_said_so(detector: emg.Detector) -> None:
    x = leg([(20.0, 2.0), (280.0, 2.0)])
    x[round(60 * FS_HZ) : round(80 * FS_HZ)] = 0.7
    x[round(120 * FS_HZ) : round(130 * FS_HZ)] = 250.0
    x[round(160 * FS_HZ) : round(162 * FS_HZ)] = np.nan
    x[round(166 * FS_HZ) : round(168 * FS_HZ)] = np.nan
    result = emg.detect_leg([(0, x)], FS_HZ, detector, rail_low_uv=-250.0, rail_high_uv=250.0)
    spans = [(a // 1_000_000, b // 1_000_000, reason) for a, b, reason in result.unusable]
    assert spans == [
        (60, 80, "flat"),
        (120, 130, "railed"),
        (160, 162, "missing_samples"),
        (162, 166, "segment_too_short"),
        (166, 168, "missing_samples"),
    ]
    assert close(kept(result), [(20.0, 22.0), (280.0, 282.0)])
    assert result.quality["clipped_fraction"] == pytest.approx(10.0 / 300.0)


def test_times_rounded_to_the_microsecond_are_neither_gap_nor_overlap(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (200.0, 2.0)])
    half = x.size // 2
    for slip_us in (-1, 0, 1):
        result = emg.detect_leg([(0, x[:half]), (150_000_000 + slip_us, x[half:])], FS_HZ, detector)
        assert result.unusable == []
        assert len(kept(result)) == 2


def test_a_clipped_movement_is_still_a_movement(detector: emg.Detector) -> None:
    x = leg([(50.0, 3.0)], peak_uv=200.0, limit_uv=100.0)
    result = emg.detect_leg([(0, x)], FS_HZ, detector, rail_low_uv=-100.0, rail_high_uv=100.0)
    assert close(kept(result), [(50.0, 53.0)])
    assert result.quality["clipped_fraction"] > 0.0


def test_dead_input_of_tiny_noise_is_flat(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0)])
    x[round(100 * FS_HZ) : round(200 * FS_HZ)] = 0.01 * sim.band_noise(round(100 * FS_HZ), FS_HZ, 1)
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert [reason for _, _, reason in result.unusable] == ["flat"]


@pytest.mark.parametrize(("fs_hz", "lowpass_hz"), [(32.0, None), (256.0, 15.0), (20.0, None)])
def test_too_narrow_a_band_is_unscorable(fs_hz: float, lowpass_hz: float | None, detector: emg.Detector) -> None:
    x = np.random.default_rng(1).standard_normal(round(60 * fs_hz))
    result = emg.detect_leg([(0, x)], fs_hz, detector, lowpass_hz=lowpass_hz)
    assert result.unusable == [(0, 60_000_000, "band_too_narrow")]
    assert result.quality["scorable_min"] == 0.0
    assert result.quality["rest_p50_uv"] is None


@pytest.mark.parametrize("mains_uv", [3.0, 30.0])
@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_is_found_and_removed(mains_uv: float, mains_hz: float, detector: emg.Detector) -> None:
    x, truth = sim.leg_emg(1800.0, 256.0, 11, mains_uv=mains_uv, mains_hz=mains_hz)
    result = emg.detect_leg([(0, x)], 256.0, detector)
    assert result.quality["mains_hz"] == mains_hz
    assert compare(result, truth).f1 >= 0.98
    assert result.quality["rest_p50_uv"] < 2.6


def test_mains_is_not_found_where_it_is_not(detector: emg.Detector) -> None:
    for seed in range(5):
        x, _ = sim.leg_emg(900.0, 256.0, seed)
        assert emg.detect_leg([(0, x)], 256.0, detector).quality["mains_hz"] is None


@pytest.fixture(scope="module")
def with_r_waves() -> tuple[np.ndarray, sim.LegTruth]:
    """Half an hour of a leg into which R waves of 50 µV leak."""
    return sim.leg_emg(1800.0, 256.0, 12, ecg_uv=50.0)


def ecg_beats(kind: str, detector: emg.Detector) -> np.ndarray | None:
    """R peaks of an ECG channel as recorded, of one whose electrode fell off, and of none."""
    if kind == "no channel":
        return None
    n = round(1800.0 * 200.0)
    recorded = {
        "channel": sim.ecg_signal(1800.0, 200.0, [12]),
        "noise": 5.0 * np.random.default_rng(1).standard_normal(n),
        "flat": np.zeros(n),
    }
    return emg.r_peaks_us([(0, recorded[kind])], 200.0, detector)


@pytest.mark.parametrize("kind", ["channel", "no channel", "noise", "flat"])
def test_r_waves_are_removed_with_and_without_an_ecg_and_when_its_electrode_fell_off(
    kind: str, with_r_waves: tuple[np.ndarray, sim.LegTruth], detector: emg.Detector
) -> None:
    x, truth = with_r_waves
    beats = ecg_beats(kind, detector)
    result = emg.detect_leg([(0, x)], 256.0, detector, beats_us=beats)
    assert result.quality["is_ecg_removed"] is True
    assert result.quality["ecg_uv"] > 10.0
    assert result.quality["n_r_peaks"] == (None if beats is None else beats.size)
    if kind == "channel":
        assert abs(beats.size - sim.r_peak_times(1800.0, [12, 6]).size) <= 2
    assert compare(result, truth).f1 >= 0.98
    assert np.all(result.epochs["flags"] & FLAG_BITS["ecg"])


def test_r_waves_that_stay_are_movements_without_removal(
    with_r_waves: tuple[np.ndarray, sim.LegTruth], detector: emg.Detector
) -> None:
    x, truth = with_r_waves
    kept_in = detector._replace(ecg_min_uv=1e9)
    result = emg.detect_leg([(0, x)], 256.0, kept_in, beats_us=ecg_beats("channel", detector))
    assert result.quality["is_ecg_removed"] is False
    cleaned = emg.detect_leg([(0, x)], 256.0, detector, beats_us=ecg_beats("channel", detector))
    assert result.quality["rest_p50_uv"] > cleaned.quality["rest_p50_uv"]
    assert compare(result, truth).f1 <= compare(cleaned, truth).f1


def test_ecg_that_does_not_leak_changes_nothing(detector: emg.Detector) -> None:
    x, _ = sim.leg_emg(900.0, 256.0, 13)
    ecg = sim.ecg_signal(900.0, 256.0, [13])
    with_ecg = emg.detect_leg([(0, x)], 256.0, detector, beats_us=emg.r_peaks_us([(0, ecg)], 256.0, detector))
    assert with_ecg.quality["is_ecg_removed"] is False
    assert np.array_equal(with_ecg.onset_us, emg.detect_leg([(0, x)], 256.0, detector).onset_us)


EPOCHS_S = 960.0


@pytest.fixture(scope="module")
def plain_leg() -> np.ndarray:
    """A leg of 16 minutes with two movements (epochs 3 and 23) and nothing planted."""
    return leg([(100.0, 2.0), (700.0, 2.0)], EPOCHS_S)


def planted(x: np.ndarray, kind: str) -> tuple[np.ndarray, dict[str, object], range, range]:
    """The leg with an interference; options of the detector; epochs that must be flagged, and those that may."""
    t = np.arange(x.size) / FS_HZ
    y = x.copy()
    if kind == "mains":
        y += np.where((t >= 300.0) & (t < 600.0), 6.0 * np.sin(2 * np.pi * 50.0 * t), 0.0)
        return y, {}, range(10, 20), range(9, 21)
    if kind == "ecg":
        y += sim.qrs_train(t.size, FS_HZ, sim.r_peak_times(EPOCHS_S, [8, 6]), 30.0) * (t >= EPOCHS_S / 2)
        return y, {"ecg": sim.ecg_signal(EPOCHS_S, FS_HZ, [8])}, range(16, 32), range(15, 32)
    if kind == "clipped":
        y[round(400.0 * FS_HZ)] = 250.0
        return y, {"rail_low_uv": -250.0, "rail_high_uv": 250.0}, range(13, 14), range(13, 14)
    for at in np.arange(602.0, 628.0, 0.8):
        y[round(at * FS_HZ) + np.arange(3)] += (30.0, -30.0, 15.0)
    return y, {}, range(20, 21), range(20, 21)


@pytest.mark.parametrize("kind", ["mains", "ecg", "clipped", "crackle"])
def test_epochs_are_flagged_where_an_interference_is_and_nowhere_else(
    kind: str, plain_leg: np.ndarray, detector: emg.Detector
) -> None:
    x, options, must, may = planted(plain_leg, kind)
    ecg = options.pop("ecg", None)
    if ecg is not None:
        options["beats_us"] = emg.r_peaks_us([(0, ecg)], FS_HZ, detector)
    result = emg.detect_leg([(0, x)], FS_HZ, detector, **options)
    flagged = {name: set(np.flatnonzero(result.epochs["flags"] & bit).tolist()) for name, bit in FLAG_BITS.items()}
    assert set(must) <= flagged[kind] <= set(may)
    assert flagged["movement"] == {3, 23}
    assert not any(flagged[name] for name in ("mains", "ecg", "clipped", "crackle") if name != kind)
    assert close(kept(result), [(100.0, 102.0), (700.0, 702.0)])


def test_nothing_planted_nothing_flagged(plain_leg: np.ndarray, detector: emg.Detector) -> None:
    result = emg.detect_leg([(0, plain_leg)], FS_HZ, detector, rail_low_uv=-250.0, rail_high_uv=250.0)
    assert np.flatnonzero(result.epochs["flags"]).tolist() == [3, 23]
    assert np.all(result.epochs["flags"][[3, 23]] == FLAG_BITS["movement"])
    assert result.quality["crackle_min"] == 0.0


def test_a_doubled_signal_doubles_amplitudes_and_loses_no_movement(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (90.0, 3.0), (150.0, 1.0)])
    one, two = (emg.detect_leg([(0, gain * x)], FS_HZ, detector) for gain in (1.0, 2.0))
    np.testing.assert_allclose(two.peak_uv, 2.0 * one.peak_uv, rtol=1e-3)
    np.testing.assert_allclose(two.resting_uv, 2.0 * one.resting_uv, rtol=1e-2)
    assert len(kept(one)) == len(kept(two)) == 3


def test_polarity_and_offset_do_not_matter(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0), (90.0, 3.0)])
    a, b, c = (emg.detect_leg([(0, y)], FS_HZ, detector) for y in (x, -x, x + 300.0))
    assert np.array_equal(a.onset_us, b.onset_us)
    assert np.array_equal(a.onset_us, c.onset_us)


def test_the_resting_level_above_the_standard_is_flagged(detector: emg.Detector) -> None:
    x = leg([(50.0, 2.0)], tone_uv=[(0.0, 300.0, 8.0)])
    result = emg.detect_leg([(0, x)], FS_HZ, detector)
    assert result.quality["resting_above_standard"] is True
    assert np.all(result.epochs["flags"] & FLAG_BITS["resting_above_standard"])


def test_mean_rectified_envelope_is_20_percent_lower(detector: emg.Detector) -> None:
    x = leg([(50.0, 5.0)])
    rms, rectified = (emg.detect_leg([(0, x)], FS_HZ, detector._replace(envelope=k)) for k in ("rms", "mean_rectified"))
    ratio = rectified.quality["rest_p50_uv"] / rms.quality["rest_p50_uv"]
    assert abs(ratio - 0.798) < 0.01


def test_no_segment_gives_nothing(detector: emg.Detector) -> None:
    result = emg.detect_leg([], FS_HZ, detector)
    assert result.onset_us.size == result.epochs["epoch_index"].size == 0
    assert result.quality["clipped_fraction"] is None


@pytest.mark.parametrize(
    ("segments", "fs_hz", "text"),
    [
        ([(0, np.zeros(400)), (1, np.zeros(400))], FS_HZ, "overlap"),
        ([(0, np.zeros((2, 400)))], FS_HZ, "one-dimensional"),
        ([(0, np.zeros(400))], 0.0, "positive"),
    ],
)
def test_wrong_input_is_an_error(segments: list, fs_hz: float, text: str, detector: emg.Detector) -> None:
    with pytest.raises(ValueError, match=text):
        emg.detect_leg(segments, fs_hz, detector)
