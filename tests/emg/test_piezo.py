"""The detector of piezo-electric sensors: relative to its own baseline, whatever the unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from plms_pipeline import contracts, emg, night
from plms_pipeline.emg import piezo_kernels as kernels
from plms_pipeline.simulate.emg_signal import movement_times
from plms_pipeline.simulate.piezo_signal import piezo_leg

from .conftest import compare

FS_HZ = 32.0


@pytest.fixture(scope="module")
def piezo() -> emg.PiezoDetector:
    return night.load_piezo_detector()


def leg(duration_s: float = 3600.0, seed: int = 1, fs_hz: float = FS_HZ, **options: object):
    onset, length = movement_times(duration_s, [seed, 9])
    return piezo_leg(duration_s, fs_hz, seed, onset, length, **options)


def test_every_declared_number_is_a_field_with_a_source() -> None:
    rules = contracts.load_yaml("rules/detector_piezo.yaml")["rules"]
    assert set(rules) == set(emg.PiezoDetector._fields)
    assert all(entry["source"] and "unit" in entry for entry in rules.values())


CONDITIONS = {
    "plain": {},
    "weak movements": {"peak_ratio": (5.0, 8.0)},
    "deep breathing": {"breathing": 10.0},
    "8-bit": {"levels": 256},
    "restless seat": {"posture_changes": 12},
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("fs_hz", [32.0, 64.0])
def test_simulated_nights_with_known_movements(condition: str, fs_hz: float, piezo: emg.PiezoDetector) -> None:
    found = []
    for seed in (21, 22):
        x, truth = leg(3600.0, seed, fs_hz, **CONDITIONS[condition])
        found.append(compare(emg.detect_piezo_leg([(0, x)], fs_hz, piezo), truth))
    assert np.mean([one.f1 for one in found]) >= 0.96
    for errors in ("onset_error_s", "offset_error_s"):
        assert abs(np.median(np.concatenate([getattr(one, errors) for one in found]))) <= 0.1


def test_short_twitches_are_mostly_left_out(piezo: emg.PiezoDetector) -> None:
    x, truth = leg(3600.0, 23, twitches_per_h=120.0)
    result = emg.detect_piezo_leg([(0, x)], FS_HZ, piezo)
    assert compare(result, truth).f1 >= 0.9
    assert (~result.is_kept).sum() > 20
    assert set(result.reject_reason) == {None, "too_short"}


@settings(max_examples=8, deadline=None)
@given(st.floats(1e-6, 1e6), st.booleans(), st.integers(0, 10**9))
def test_gain_polarity_and_start_change_nothing(gain: float, is_inverted: bool, start_us: int) -> None:
    detector = night.load_piezo_detector()
    x, _ = leg(600.0, 3)
    plain = emg.detect_piezo_leg([(0, x)], FS_HZ, detector)
    other = emg.detect_piezo_leg([(start_us, x * (-gain if is_inverted else gain))], FS_HZ, detector)
    assert np.abs(other.onset_us - start_us - plain.onset_us).max() <= 1
    assert np.abs(other.offset_us - start_us - plain.offset_us).max() <= 1
    assert np.allclose(other.peak_over_rest_piezo, plain.peak_over_rest_piezo, rtol=1e-6)


def test_a_quiet_night_has_no_movement_and_that_is_zero_not_unknown(piezo: emg.PiezoDetector) -> None:
    x, _ = piezo_leg(3600.0, FS_HZ, 5, np.zeros(0), np.zeros(0), twitches_per_h=0.0)
    result = emg.detect_piezo_leg([(0, x)], FS_HZ, piezo)
    assert result.quality["n_movements"] == 0
    assert result.unusable == [] and result.quality["scorable_min"] == pytest.approx(60.0)


def test_nothing_crosses_a_gap_and_open_ends_are_truncated(piezo: emg.PiezoDetector) -> None:
    onset, length = np.array([100.0, 296.0]), np.array([3.0, 8.0])
    x, _ = piezo_leg(600.0, FS_HZ, 6, onset, length, twitches_per_h=0.0, posture_changes=0)
    cut = round(300 * FS_HZ)
    result = emg.detect_piezo_leg([(0, x[:cut]), (320_000_000, x[cut:])], FS_HZ, piezo)
    assert result.unusable == [(300_000_000, 320_000_000, "gap")]
    assert result.is_truncated[result.is_kept].tolist() == [False, True, True]
    assert result.offset_us[result.is_kept][1] == 300_000_000
    assert result.onset_us[result.is_kept][2] == 320_000_000


@pytest.mark.parametrize(("spoil", "reason"), [("flat", "flat"), ("railed", "railed"), ("nan", "missing_samples")])
def test_a_stretch_without_signal_is_a_span_with_its_reason(spoil: str, reason: str, piezo: emg.PiezoDetector) -> None:
    x, _ = leg(1800.0, 7)
    first, last = round(600 * FS_HZ), round(900 * FS_HZ)
    x[first:last] = {"flat": 0.5, "railed": 100.0, "nan": np.nan}[spoil]
    result = emg.detect_piezo_leg([(0, x)], FS_HZ, piezo, rail_low=-100.0, rail_high=100.0)
    ((onset, offset, _),) = [span for span in result.unusable if span[2] == reason]
    assert abs(onset - 600e6) <= 2e6 and abs(offset - 900e6) <= 2e6
    assert result.quality["scorable_min"] == pytest.approx(25.0, abs=0.1)
    inside = (result.onset_us >= onset) & (result.onset_us < offset)
    assert not inside.any()


@pytest.mark.parametrize("spoil", ["flat", "railed", "nan", "narrow", "short"])
def test_a_leg_without_any_signal_has_no_scorable_time(spoil: str, piezo: emg.PiezoDetector) -> None:
    x, _ = leg(600.0, 8)
    options = {"lowpass_hz": 3.0} if spoil == "narrow" else {}
    if spoil == "short":
        x = x[: round(20 * FS_HZ)]
    elif spoil != "narrow":
        x[:] = {"flat": 0.0, "railed": 100.0, "nan": np.nan}[spoil]
    result = emg.detect_piezo_leg([(0, x)], FS_HZ, piezo, rail_low=-100.0, rail_high=100.0, **options)
    assert result.quality["scorable_min"] == 0.0
    assert result.onset_us.size == 0 and len(result.unusable) == 1


def test_segments_must_be_in_order(piezo: emg.PiezoDetector) -> None:
    x = np.zeros(2000)
    with pytest.raises(ValueError, match="overlap"):
        emg.detect_piezo_leg([(0, x), (1_000_000, x)], FS_HZ, piezo)
    with pytest.raises(ValueError, match="one-dimensional"):
        emg.detect_piezo_leg([(0, x.reshape(2, -1))], FS_HZ, piezo)
    with pytest.raises(ValueError, match="positive"):
        emg.detect_piezo_leg([(0, x)], 0.0, piezo)


# --- kernels against plain numpy and scipy ---------------------------------------------------------------------------

signals = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).standard_normal(200))


@settings(max_examples=50, deadline=None)
@given(signals, st.integers(0, 6), st.integers(7, 20))
def test_running_rms_is_the_smaller_of_two_windows(y: np.ndarray, short: int, long: int) -> None:
    def rms(half: int) -> np.ndarray:
        return np.array([np.sqrt(np.mean(y[max(0, i - half) : i + half + 1] ** 2)) for i in range(y.size)])

    got = kernels.running_rms(y, 2 * short + 1, 2 * long + 1)
    assert np.allclose(got, np.minimum(rms(short), rms(long)), rtol=1e-12, atol=0)


@settings(max_examples=50, deadline=None)
@given(signals, st.integers(1, 60), st.floats(0.0, 1.0))
def test_running_quantile_is_that_of_a_window_moved_inside(y: np.ndarray, n_window: int, q: float) -> None:
    got = kernels.running_quantile(y, n_window, q)
    size = min(n_window, y.size)
    inner = ndimage.rank_filter(y, rank=int(q * (size - 1)), size=size)
    whole = slice(size // 2, y.size - (size - size // 2) + 1)
    assert np.array_equal(got[whole], inner[whole])
    assert (got[: size // 2] == got[size // 2]).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 9))
def test_relative_movements_agree_with_a_plain_reading_of_the_rule(seed: int, n_block: int, n_quiet: int) -> None:
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.choice([0.5, 2.0, 2.4, 2.6, 3.9, 4.0, 9.0], 60), rng.integers(1, 8, 60))
    rest = rng.choice([1.0, 1.2], -(-envelope.size // n_block))
    table, top = kernels.relative_movements(envelope, rest, n_block, 4.0, 2.5, n_quiet)
    ratio = envelope / np.repeat(rest, n_block)[: envelope.size]
    expected, i, is_open = [], 0, True
    while i < ratio.size:
        if ratio[i] <= 2.5:
            is_open = False
        if ratio[i] < 4.0:
            i += 1
            continue
        quiet = [j for j in range(i + 1, ratio.size - n_quiet + 1) if (ratio[j : j + n_quiet] <= 2.5).all()]
        if quiet:
            end, past, ends_open = quiet[0], quiet[0] + n_quiet, is_open
        else:
            past, ends_open = ratio.size, True
            end = past
            while ratio[end - 1] <= 2.5:
                end -= 1
        expected.append((i, end, ends_open, ratio[i:end].max()))
        is_open, i = False, past
    assert [tuple(row) for row in table.tolist()] == [(a, b, int(c)) for a, b, c, _ in expected]
    assert top.tolist() == [height for *_, height in expected]


def test_the_smallest_step_is_the_digital_one() -> None:
    x = np.rint(np.random.default_rng(1).standard_normal(1000) * 40) * 0.125
    assert kernels.smallest_step(x) == pytest.approx(0.125)
    assert kernels.smallest_step(np.full(10, 3.0)) == 0.0
