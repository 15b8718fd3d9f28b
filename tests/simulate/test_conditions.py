"""Leg EMG under named conditions: the signal is what its formula says; the truth is the rule on what has no noise."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from plms_pipeline import simulate
from plms_pipeline.errors import InputError
from plms_pipeline.simulate.conditions import Recording
from plms_pipeline.simulate.drawing import conditions_file, settings_of
from plms_pipeline.simulate.envelopes import SHAPES, Burst, envelope, rule_on_envelope

TRUTH = conditions_file()["truth"]
# Exactly the noise b and b + x: nothing is added, filtered or cut.
WITHOUT_ARTEFACTS = ("clean", "noise_3", "tonic", "crackle", "bursts", "weak", "twitches", "fs_100", "combined")


def digest(made: Recording) -> str:
    found = hashlib.sha256()
    for leg in made.legs.values():
        found.update(leg.samples_uv.tobytes())
        for column in leg.events:
            found.update(column.tobytes())
    if made.ecg_uv is not None:
        found.update(made.ecg_uv.tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("condition", WITHOUT_ARTEFACTS)
def test_local_rms_is_rest_plus_excess(condition: str) -> None:
    made = simulate.recording(condition, 3, duration_min=30)
    for leg in made.legs.values():
        unit = np.square(leg.samples_uv.astype(np.float64) / (leg.rest_uv + leg.excess_uv))
        assert np.mean(unit) == pytest.approx(1.0, abs=0.02)
        minutes = unit[: unit.size // 30 * 30].reshape(30, -1).mean(axis=1)
        # A minute of 50 Hz of bandwidth has a relative error of power near 2 %.
        assert np.all(np.abs(minutes - 1.0) < 0.12)
        moving = leg.excess_uv > TRUTH["onset_uv"]
        assert np.mean(unit[moving]) == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(("condition", "low_hz", "high_hz"), [("clean", 10.0, 110.0), ("lowpass_70", 10.0, 70.0)])
def test_carrier_stays_in_its_band(condition: str, low_hz: float, high_hz: float) -> None:
    made = simulate.recording(condition, 5, duration_min=20)
    leg = made.legs["left"]
    rest = np.where(leg.excess_uv > 0, 0.0, leg.samples_uv / leg.rest_uv)
    f, power = signal.welch(rest, made.fs_hz, nperseg=1024)
    outside = power[(f < 0.6 * low_hz) | (f > 1.35 * high_hz)].sum() / power.sum()
    assert outside < 0.03


def plain_rule(x: np.ndarray, fs: float) -> list[tuple[int, int]]:
    """The rule once more, sample by sample: onset at +8, offset at the start of the first 0.5 s at or below +2."""
    quiet_samples = 0.5 * fs
    movements, onset, quiet_from = [], None, None
    for i in range(x.size + 1):
        value = x[i] if i < x.size else 0.0
        if onset is None:
            if value >= 8.0:
                onset, quiet_from = i, None
        elif value > 2.0:
            quiet_from = None
        else:
            quiet_from = i if quiet_from is None else quiet_from
            if i == x.size or i + 1 - quiet_from >= quiet_samples:
                movements.append((onset, quiet_from))
                onset = None
    return [(a, b) for a, b in movements if b - a >= quiet_samples]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 2.0, 2.5, 5.0, 7.9, 8.0, 12.0, 40.0]), st.integers(1, 25)), max_size=25
    )
)
def test_truth_equals_the_rule_sample_by_sample(pieces: list[tuple[float, int]]) -> None:
    fs = 20.0
    x = np.concatenate([[0.0], *(np.full(n, level) for level, n in pieces)])
    events = rule_on_envelope(x, np.full(x.size, 0.5), fs, TRUTH)
    keep = events.is_movement
    found = list(zip(events.onset_us[keep] * fs / 1e6, events.offset_us[keep] * fs / 1e6, strict=True))
    assert found == plain_rule(x, fs)


def steps(*pieces: tuple[float, float], fs: float = 100.0) -> np.ndarray:
    return np.concatenate([np.full(round(seconds * fs), level) for level, seconds in pieces])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0, 1), (20, 2), (0, 1)], [(1.0, 3.0, True, False)]),
        ([(0, 1), (5, 1), (20, 2), (2.0, 1)], [(2.0, 4.0, True, False)]),
        ([(0, 1), (20, 1), (1, 0.49), (5, 0.5), (0, 1)], [(1.0, 2.99, True, False)]),
        ([(0, 1), (20, 1), (1, 0.5), (20, 1), (0, 1)], [(1.0, 2.0, True, False), (2.5, 3.5, True, False)]),
        ([(0, 1), (20, 0.3), (0, 1)], [(1.0, 1.3, False, False)]),
        ([(0, 1), (20, 0.45), (0, 1)], [(1.0, 1.45, False, True)]),
        ([(0, 1), (20, 0.6), (0, 1)], [(1.0, 1.6, True, True)]),
        ([(0, 1), (9, 2), (0, 1)], [(1.0, 3.0, True, True)]),
        ([(0, 1), (4, 2), (0, 1)], [(1.0, 3.0, False, True)]),
        ([(0, 1), (2.2, 2), (0, 1)], []),
        ([(0, 1), (20, 2)], [(1.0, 3.0, True, False)]),
    ],
    ids=[
        "movement", "slow start: onset at +8", "0.49 s below joins", "0.5 s below parts", "twitch",
        "0.45 s is doubtful", "0.6 s is doubtful", "peak 9 is doubtful", "peak 4 is doubtful", "peak 2.2 is nothing",
        "open at the end",
    ],
)  # fmt: skip
def test_wasm_2016_rule_on_hand_made_envelopes(
    pieces: list[tuple[float, float]], expected: list[tuple[float, float, bool, bool]]
) -> None:
    x = steps(*pieces)
    e = rule_on_envelope(x, np.full(x.size, 0.7), 100.0, TRUTH)
    rows = zip(e.onset_us / 1e6, e.offset_us / 1e6, e.is_movement.tolist(), e.is_doubtful.tolist(), strict=True)
    assert list(rows) == expected
    assert np.all(e.resting_uv == 0.7)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_its_peak_and_its_length(shape: str) -> None:
    burst = Burst(1.0, 3.0, 40.0, 0.2, 0.4, shape)
    x = envelope([burst], 500, 100.0)
    assert x.max() == pytest.approx(40.0)
    assert x.min() == 0.0
    inside = np.flatnonzero(x)
    assert 95 <= inside[0] <= 105 and 390 <= inside[-1] <= 400


@pytest.mark.parametrize("condition", simulate.condition_names())
def test_every_condition_is_made(condition: str) -> None:
    made = simulate.recording(condition, 2, duration_min=12)
    how = settings_of(condition)
    n = round(made.duration_s * made.fs_hz)
    assert set(made.legs) == ({"left", "right"} if how["legs"] == "both" else {how["legs"]})
    assert len(made.stages) == 24 and set(made.stages) <= {"W", "N2", "R"}
    for leg in made.legs.values():
        assert leg.samples_uv.shape == (n,) and leg.samples_uv.dtype == np.float32
        assert np.all(np.abs(leg.samples_uv) <= made.channel.range_uv * 1.0001)
        assert len(np.unique(leg.samples_uv)) <= 2**made.channel.bits
        e = leg.events
        assert np.all(e.offset_us > e.onset_us)
        assert np.all(e.onset_us[1:] - e.offset_us[:-1] >= 0.5e6)
        sure = e.is_movement & ~e.is_doubtful
        at = np.rint(e.onset_us[sure] * made.fs_hz / 1e6).astype(int)
        assert np.all(leg.excess_uv[at] >= TRUTH["onset_uv"])
        for onset, offset, _ in leg.unusable:
            assert 0 <= onset < offset <= made.duration_s * 1e6


def test_a_seed_is_a_recording_and_another_seed_another() -> None:
    made = [simulate.recording("mixture_2", seed, duration_min=5) for seed in (7, 7, 8)]
    assert digest(made[0]) == digest(made[1]) != digest(made[2])


def test_recordings_of_seed_1_stay_what_they_are() -> None:
    # Published figures hang on them. A wanted change of the generator changes these and the benchmark's table.
    made = simulate.recording("clean", 1, duration_min=10)
    e = made.legs["left"].events
    assert (made.fs_hz, int(e.is_movement.sum()), int(e.onset_us[0])) == (200.0, 12, 93_865_000)


def test_conditions_hold_what_their_names_say() -> None:
    def leg(condition: str, name: str = "left") -> tuple[Recording, np.ndarray, np.ndarray]:
        made = simulate.recording(condition, 4, duration_min=30)
        one = made.legs[name]
        return made, np.where(one.excess_uv > 0, 0.0, one.samples_uv), one.rest_uv

    made, quiet, rest = leg("mains_50")
    f, power = signal.welch(quiet, made.fs_hz, nperseg=int(4 * made.fs_hz))
    near = np.abs(f - 50.0) < 1.0
    amplitude = np.sqrt(2 * power[near].sum() * (f[1] - f[0]))
    assert 2.0 < amplitude < 9.0
    made, quiet, rest = leg("noise_step")
    first, second = np.median(rest[: rest.size // 3]), np.median(rest[2 * rest.size // 3 :])
    assert max(second / first, first / second) > 2.0
    made, quiet, rest = leg("ecg_40")
    assert 25.0 < np.quantile(np.abs(quiet), 0.998) < 60.0
    made, quiet, rest = leg("sweat")
    assert 40.0 < np.quantile(np.abs(quiet), 0.99) < 200.0
    made, quiet, rest = leg("dropout")
    assert any(reason == "flat" for one in made.legs.values() for _, _, reason in one.unusable)
    made, quiet, rest = leg("saturation")
    stuck = [(a, b) for a, b, reason in made.legs["left"].unusable if reason == "railed"]
    for a, b in stuck:
        part = made.legs["left"].samples_uv[int(a * made.fs_hz / 1e6) + 1 : int(b * made.fs_hz / 1e6) - 1]
        assert np.all(np.abs(part) > 0.999 * made.channel.range_uv)
    made, quiet, rest = leg("too_noisy")
    assert any(reason == "rest_above_limit" for one in made.legs.values() for _, _, reason in one.unusable)
    made, quiet, rest = leg("inverted")
    assert made.channel.polarity == -1


def test_a_movement_beside_an_unusable_stretch_is_doubtful() -> None:
    touched = 0
    for seed in range(1, 9):
        for leg in simulate.recording("dropout", seed, duration_min=60).legs.values():
            for onset, offset, _ in leg.unusable:
                e = leg.events
                near = (e.onset_us < offset) & (e.offset_us > onset)
                touched += int(near.sum())
                assert np.all(e.is_doubtful[near])
    assert touched > 0


def test_segments_leave_gaps_out() -> None:
    made = simulate.recording("gap", 1, duration_min=20)
    ((onset, offset),) = made.gaps
    samples = np.arange(round(made.duration_s * made.fs_hz))
    (first, a), (second, b) = simulate.segments(samples, made.fs_hz, made.gaps)
    assert first == 0 and a.size == round(onset * made.fs_hz / 1e6)
    assert second == offset and b[0] == round(offset * made.fs_hz / 1e6) and b[-1] == samples[-1]


def test_unknown_condition_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="cleen: no such condition; there are clean, "):
        simulate.recording("cleen", 1)
    with pytest.raises(InputError, match="nothing: no such condition"):
        simulate.chosen_conditions("clean,nothing")
    assert simulate.chosen_conditions("rest_moving") == ["tonic", "crackle"]
    assert set(simulate.chosen_conditions("targets")) < set(simulate.chosen_conditions("all"))
