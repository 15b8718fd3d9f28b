"""Two legs, copies of one, a shared electrode, and how loud a leg is: planted and not planted."""

from __future__ import annotations

import numpy as np
import pytest

from plms_pipeline import contracts, emg, night
from plms_pipeline.simulate import conditions
from plms_pipeline.simulate import emg_signal as sim
from plms_pipeline.simulate.drawing import condition_names

FS_HZ = 200.0
BAND_HZ = (10.0, 100.0)
DURATION_S = 600.0


@pytest.fixture(scope="module")
def checks() -> emg.SignalChecks:
    return night.load_signal_checks()


def legs(seed: int, **options: object) -> tuple[np.ndarray, np.ndarray]:
    left, right = (sim.leg_emg(DURATION_S, FS_HZ, [seed, side], **options)[0] for side in (1, 2))
    return left, right


def compare(a: np.ndarray, b: np.ndarray, checks: emg.SignalChecks, b_fs_hz: float = FS_HZ) -> dict[str, object]:
    return emg.compare_legs([(0, a)], [(0, b)], FS_HZ, b_fs_hz, checks, BAND_HZ)


def test_every_declared_number_is_a_field_with_a_source() -> None:
    rules = contracts.load_yaml("rules/signal_findings.yaml")["rules"]
    assert set(rules) == set(emg.SignalChecks._fields)
    assert all(entry["source"] and "unit" in entry for entry in rules.values())


def test_a_copy_and_a_shared_electrode_are_told_from_two_legs(checks: emg.SignalChecks) -> None:
    a, b = legs(1)
    coarse = 3.0 * np.rint(a)
    cases = {"two": b, "copy": 1.5 * a, "reversed": -a, "rounded": coarse, "shared": 0.7 * a + 0.7 * b, "less": a + b}
    got = {name: compare(a, y, checks) for name, y in cases.items()}
    assert {n: (g["is_duplicate_suspected"], g["is_swap_suspected"]) for n, g in got.items()} == {
        "two": (False, False),
        "copy": (True, False),
        "reversed": (True, False),
        "rounded": (True, False),
        "shared": (False, True),
        "less": (False, True),
    }
    assert got["reversed"]["leg_correlation"] == pytest.approx(-1.0)


def test_other_rates_and_no_common_time_are_unknown(checks: emg.SignalChecks) -> None:
    a, b = legs(2)
    assert set(compare(a, b, checks, 100.0).values()) == {None}
    apart = emg.compare_legs([(0, a)], [(9_000_000_000, b)], FS_HZ, FS_HZ, checks, BAND_HZ)
    assert set(apart.values()) == {None}
    flat = np.zeros(a.size)
    assert set(compare(a, flat, checks).values()) == {None}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mains_uv", [0.0, 8.0, 200.0])
@pytest.mark.parametrize("ecg_uv", [0.0, 40.0])
def test_mains_and_r_waves_in_both_legs_are_no_shared_electrode(
    seed: int, mains_uv: float, ecg_uv: float, checks: emg.SignalChecks
) -> None:
    beats = sim.r_peak_times(DURATION_S, seed)
    a, b = legs(10 + seed, mains_uv=mains_uv, mains_hz=50.0, ecg_uv=ecg_uv, r_peaks_s=beats)
    got = compare(a, b, checks)
    assert not got["is_duplicate_suspected"] and not got["is_swap_suspected"], got


def test_movements_of_both_legs_at_once_are_no_shared_electrode(checks: emg.SignalChecks) -> None:
    plan = sim.make_plan(*sim.movement_times(DURATION_S, 5), 6)
    a, b = legs(5, movements=plan)
    assert abs(float(compare(a, b, checks)["leg_correlation"])) < checks.crosstalk_correlation  # type: ignore[arg-type]


@pytest.mark.parametrize(("factor", "is_large", "is_small"), [(1.0, False, False), (1e3, True, False),
                                                              (1e6, True, False), (1e-3, False, True),
                                                              (1e-6, False, True)])  # fmt: skip
@pytest.mark.parametrize("mains_uv", [0.0, 20.0])
def test_the_level_of_a_leg_tells_a_wrong_unit(
    factor: float, is_large: bool, is_small: bool, mains_uv: float, checks: emg.SignalChecks
) -> None:
    x = legs(7, mains_uv=mains_uv)[0] * factor
    level = emg.signal_level([(0, x)], FS_HZ, checks, BAND_HZ, None)
    assert level is not None
    assert (level.quiet > checks.unit_too_large_uv) is is_large
    assert (level.loud < checks.unit_too_small_uv) is is_small


def test_a_night_without_movements_and_a_loose_electrode_have_a_possible_level(checks: emg.SignalChecks) -> None:
    none = sim.make_plan([], [], 1)
    quiet = sim.leg_emg(DURATION_S, FS_HZ, 3, movements=none, disturbances_per_h=0.0)[0]
    loose = sim.leg_emg(DURATION_S, FS_HZ, 3, tone_uv=[(0.0, DURATION_S, 60.0)])[0]
    for x in (quiet * 0.3, loose):
        level = emg.signal_level([(0, x)], FS_HZ, checks, BAND_HZ, None)
        assert level is not None
        assert level.quiet < checks.unit_too_large_uv and level.loud > checks.unit_too_small_uv


def test_identical_samples_have_no_level(checks: emg.SignalChecks) -> None:
    assert emg.signal_level([(0, np.full(60_000, 3.0))], FS_HZ, checks, BAND_HZ, None) is None
    assert emg.signal_level([(0, np.zeros(0))], FS_HZ, checks, BAND_HZ, None) is None
    assert emg.signal_level([(0, np.ones(600))], 15.0, checks, BAND_HZ, None) is None


@pytest.mark.slow
@pytest.mark.parametrize("condition", condition_names())
def test_no_alarm_on_any_condition_of_the_benchmark(condition: str, checks: emg.SignalChecks) -> None:
    recording = conditions.recording(condition, 77, duration_min=10)
    parts = {
        name: [(start, x.astype(np.float64)) for start, x in
               conditions.segments(leg.samples_uv, recording.fs_hz, recording.gaps)]
        for name, leg in recording.legs.items()
    }  # fmt: skip
    for segments in parts.values():
        level = emg.signal_level(segments, recording.fs_hz, checks, BAND_HZ, None)
        assert level is not None
        assert level.quiet < checks.unit_too_large_uv / 4 and level.loud > checks.unit_too_small_uv * 4
    if parts.keys() == {"left", "right"}:
        got = emg.compare_legs(parts["left"], parts["right"], recording.fs_hz, recording.fs_hz, checks, BAND_HZ)
        assert abs(float(got["leg_correlation"])) < checks.crosstalk_correlation / 2  # type: ignore[arg-type]
