"""Movements of a run against a slow reading of the rule over the whole run, and each part of it for itself."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline import night
from plms_pipeline.emg.activity_kernels import (
    broken_share,
    envelope_between,
    has_half_median,
    highest_mean,
    level_at,
    loud_ticks,
    pedestal,
    regions,
    scan,
    solid_cores,
)
from plms_pipeline.emg.envelope import LIMIT_UV, make_grid
from plms_pipeline.emg.envelope_kernels import tick_power
from plms_pipeline.emg.movements import run_movements, usable_parts

from . import plain_rule as plain

DETECTOR = night.load_detector()

# Levels around the two thresholds, thresholds themselves included.
ABOVE = hnp.arrays(np.float64, st.integers(1, 70), elements=st.sampled_from([-1.0, 2.0, 2.1, 7.9, 8.0, 12.0, 40.0]))
LEVELS = st.sampled_from([0.0, 0.4, 1.0, 2.6, 4.0, 6.0, 9.0, 12.0, 30.0, 400.0, 8000.0])
KINDS = ("noise", "noise", "noise", "quiet", "quiet", "constant", "square", "spikes", "crackle", "tonic", "steps")


def piece(kind: str, level_uv: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """A stretch of signal that leads into one of the branches of the rule."""
    noise = rng.standard_normal(n)
    i = np.arange(n)
    if kind == "quiet":
        return 0.5 * noise
    if kind == "constant":
        return np.full(n, level_uv)
    if kind == "square":
        return np.where(i % 2 == 0, level_uv, -level_uv)
    if kind == "spikes":
        return np.where(i % rng.integers(7, 40) == 0, level_uv, 0.5 * noise)
    if kind == "crackle":
        return np.where(i % 16 < rng.integers(5, 12), level_uv + 10.0, 0.4) * np.where(i % 2 == 0, 1.0, -1.0)
    if kind == "tonic":
        loud = (i > 0.3 * n) & (i < 0.6 * n)
        return np.where(loud, 30.0, 5.0) * np.where(i % 2 == 0, 1.0, -1.0) * (1.0 + 0.1 * noise)
    if kind == "steps":
        return noise * np.linspace(0.0, level_uv, n)
    return level_uv * noise


def on_grid(x: np.ndarray) -> np.ndarray:
    """float32 signal whose squares and their sums are exact."""
    return (np.round(np.clip(x, -8000.0, 8000.0) * plain.GRID_PER_UV) / plain.GRID_PER_UV).astype(np.float32)


def compare(
    y: np.ndarray, rest_uv: np.ndarray, is_usable: np.ndarray, fs_hz: float, width_hz: float, kind: str
) -> Counter:
    """Assert that kernel and slow reading agree in every column; branches and reasons met."""
    s = DETECTOR._replace(envelope=kind)
    grid = make_grid(fs_hz, width_hz, s)
    assert grid.n_tick == 2
    n_blocks = max(1, y.size // grid.n_block)
    rest, usable = np.resize(rest_uv, n_blocks), np.resize(is_usable, n_blocks)
    tick = tick_power(y, grid.n_tick, kind == "rms", LIMIT_UV)
    got = run_movements(y, tick, rest, usable, grid, fs_hz, s)
    parts = [tuple(p) for p in usable_parts(usable, grid.n_block, y.size).tolist()]
    expected = plain.plain_movements(y, tick, rest, parts, grid, fs_hz, s)
    # Times, flags and reasons are the same; amplitudes to within the last bits of a division.
    for k, column in enumerate(got):
        wanted = [event[k] for event in expected]
        if k in (2, 3):
            np.testing.assert_allclose(column, wanted, rtol=1e-12)
        else:
            assert column.tolist() == wanted
    return (
        Counter(e.branch for e in expected)
        + Counter(f"reason {e.reason}" for e in expected)
        + Counter(f"open {e.is_truncated}, shape {e.has_morphology}" for e in expected)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), LEVELS, st.integers(2, 160)), min_size=1, max_size=9),
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([0.2, 0.5, 1.0, 1.5, 3.0, 6.0]), min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=1, max_size=9) | st.just([True]),
    st.sampled_from([(50.0, 15.0), (50.0, 90.0), (64.0, 30.0), (100.0, 60.0)]),
    st.sampled_from(["rms", "rms", "mean_rectified"]),
)
def test_wasm2016_movements_equal_a_scan_of_the_whole_run(
    pieces: list, seed: int, rest: list[float], usable: list[bool], rate: tuple[float, float], kind: str
) -> None:
    rng = np.random.default_rng(seed)
    y = on_grid(np.concatenate([piece(*p, rng) for p in pieces]))
    compare(y, np.array(rest), np.array(usable), *rate, kind)


def drawn(seed: int, n_pieces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A run of drawn pieces, with resting level and usable blocks."""
    rng = np.random.default_rng(seed)
    level = [0.0, 1.0, 4.0, 6.0, 9.0, 12.0, 40.0, 8000.0]
    parts = [
        piece(KINDS[rng.integers(len(KINDS))], level[rng.integers(8)], int(rng.integers(20, 400)), rng)
        for _ in range(n_pieces)
    ]
    rest = rng.choice([0.3, 0.5, 1.0], rng.integers(1, 9))
    return on_grid(np.concatenate(parts)), rest, rng.random(rng.integers(1, 60)) < 0.98


@pytest.mark.slow
def test_every_branch_of_the_rule_is_met_and_agrees_in_long_runs() -> None:
    met: Counter = Counter()
    for seed in range(60):
        met += compare(*drawn(seed, 40), 64.0, 30.0, "rms")
    assert {"whole", "core", "broken", "pedestal", "reason 0", "reason 1", "reason 2", "reason 3"} <= set(met)


@settings(max_examples=100, deadline=None)
@given(ABOVE, st.integers(1, 6), st.integers(0, 3), st.booleans(), st.booleans())
def test_wasm2016_onset_at_8_offset_at_2_until_it_stays_quiet(
    above: np.ndarray, n_quiet: int, half: int, before: bool, after: bool
) -> None:
    out = np.empty((above.size // n_quiet + 2, 3), np.int64)
    n = scan(above, 8.0, 2.0, n_quiet, half, before, after, out)
    got = [(a, b, bool(c)) for a, b, c in out[:n].tolist()]
    assert got == plain.plain_scan(above, 8.0, 2.0, n_quiet, half, (before, after))


def test_equal_to_the_thresholds_onset_counts_offset_does_not_exceed() -> None:
    above = np.array([0.0] * 10 + [8.0] + [2.0] * 10)
    out = np.empty((8, 3), np.int64)
    assert scan(above, 8.0, 2.0, 5, 0, False, False, out) == 1
    assert out[0].tolist() == [10, 11, 0]


@settings(max_examples=60, deadline=None)
@given(ABOVE, st.integers(1, 9))
def test_wasm2016_morphology_median_of_some_window(above: np.ndarray, n: int) -> None:
    assert has_half_median(above, 2.1, n) == plain.plain_morphology(above, 2.1, n)


@settings(max_examples=60, deadline=None)
@given(ABOVE, st.sampled_from([0.0, 1.0]))
def test_share_and_number_of_stretches_above_the_level(short: np.ndarray, rest_uv: float) -> None:
    assert broken_share(short, rest_uv, 2.0) == plain.plain_broken(short, rest_uv + 2.0)


@settings(max_examples=100, deadline=None)
@given(ABOVE, st.data(), st.integers(0, 3), st.integers(1, 6))
def test_solid_cores_begin_at_8_and_bridge_small_holes(
    short: np.ndarray, data: st.DataObject, n_hole: int, n_least: int
) -> None:
    envelope = data.draw(hnp.arrays(np.float64, short.size, elements=st.sampled_from([1.0, 7.9, 8.0, 40.0])))
    out = np.empty((short.size // n_least + 2, 2), np.int64)
    n = solid_cores(short, envelope, 0.0, 8.0, 2.0, n_hole, n_least, out)
    assert [tuple(row) for row in out[:n].tolist()] == plain.plain_cores(short, envelope, 2.0, 8.0, n_hole, n_least)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(0.5, 30.0)),
    st.integers(1, 3),
    st.sampled_from([1.0, 1.2, 1.6, 4.0]),
    st.sampled_from([0.1, 0.42, 0.9]),
)
def test_pedestal_is_the_fullest_band(envelope: np.ndarray, step: int, ratio: float, share: float) -> None:
    assert pedestal(envelope, step, ratio, share) == plain.plain_pedestal(envelope, step, ratio, share)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 900)), st.integers(1, 12), st.booleans())
def test_highest_mean_of_ticks_in_a_row(tick: np.ndarray, n: int, is_rms: bool) -> None:
    assert highest_mean(tick, 0, tick.size, n, is_rms) == plain.plain_highest(tick, n, is_rms)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(0.5, 20.0)), st.integers(1, 9))
def test_level_is_linear_between_block_centres(rest: np.ndarray, n_block: int) -> None:
    centres = (np.arange(rest.size) + 0.5) * n_block - 0.5
    samples = np.arange(rest.size * n_block)
    got = [level_at(int(i), rest, n_block) for i in samples]
    np.testing.assert_allclose(got, np.interp(samples, centres, rest), rtol=1e-9)
    np.testing.assert_array_equal(got, plain.between_centres(rest, n_block, samples.size))


POWERS = hnp.arrays(
    np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 0.25, 1.0, 4.0, 9.0, 16.0, 900.0, 2.0**26])
)


@settings(max_examples=100, deadline=None)
@given(POWERS, st.data(), st.integers(0, 8), st.integers(0, 4), st.sampled_from([1.0, 1.5, 3.0]), st.booleans())
def test_loud_ticks_are_those_whose_robust_amplitude_is_above_the_lowest_level_near(
    p: np.ndarray, data: st.DataObject, half: int, n_top: int, gain: float, is_rms: bool
) -> None:
    level = data.draw(hnp.arrays(np.float64, p.size, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, 30.0])))
    expected = []
    for j in range(p.size):
        bound = level[max(0, j - 1) : j + 2].min() + 2.0
        around = p[max(0, j - half) : j + half + 1]
        expected.append(plain.robust(around, n_top, gain) > (bound * bound if is_rms else bound))
    assert loud_ticks(p, level, 2.0, half, n_top, gain, is_rms).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 12), st.integers(0, 6), st.integers(0, 1))
def test_regions_are_loud_ticks_widened_and_joined(flags: list[bool], n_apart: int, n_margin: int, n_over: int) -> None:
    loud, n_tick = np.array(flags), 2
    n = n_tick * loud.size + n_over
    wanted = np.zeros(n, dtype=bool)
    ticks = np.flatnonzero(loud)
    for a, b in [(t, t) for t in ticks] + [(a, b) for a, b in pairwise(ticks) if b - a <= n_apart]:
        last = n if b + 1 + n_margin >= loud.size else (b + 1 + n_margin) * n_tick
        wanted[max(0, a - n_margin) * n_tick : last] = True
    got = regions(loud, n_apart, n_margin, n_tick, n)
    marked = np.zeros(n, dtype=bool)
    for a, b in got.tolist():
        assert not marked[a:b].any()
        marked[a:b] = True
    assert np.array_equal(marked, wanted)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), LEVELS, st.integers(1, 40)), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.data(),
    st.booleans(),
)
def test_envelope_between_two_samples_is_that_of_the_whole_run(
    pieces: list, seed: int, data: st.DataObject, is_rms: bool
) -> None:
    rng = np.random.default_rng(seed)
    y = on_grid(np.concatenate([np.zeros(2), *(piece(*p, rng) for p in pieces)]))
    grid = make_grid(64.0, 30.0, DETECTOR)
    tick = tick_power(y, 2, is_rms, LIMIT_UV)
    first = data.draw(st.integers(0, y.size - 1))
    last = data.draw(st.integers(first + 1, y.size))
    envelope, short = np.empty(last - first), np.empty(last - first)
    envelope_between(
        y, tick, first, last, 2, grid.ticks_of_long // 2, grid.n_top, grid.gain_long, grid.half_short,
        grid.half_middle, 1.14, 1.05, is_rms, LIMIT_UV, envelope, short,
    )  # fmt: skip
    expected = plain.full_envelope(y, tick, grid, 1.14, 1.05, is_rms)
    np.testing.assert_allclose(envelope, expected[0][first:last], rtol=1e-12)
    np.testing.assert_allclose(short, expected[1][first:last], rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3e4, 1e9, 3e38]), st.sampled_from([0.0, 1e-30, 1e-5]))
def test_quiet_stretches_beside_very_loud_ones_are_finite_and_no_movement_is_lost(
    seed: int, huge_uv: float, quiet_uv: float
) -> None:
    noise = np.random.default_rng(seed).standard_normal(1200)
    level = np.full(noise.size, quiet_uv)
    level[100:300] = huge_uv
    level[600:700] = 20.0
    y = np.clip(level * noise, -3.4e38, 3.4e38).astype(np.float32)
    grid = make_grid(64.0, 30.0, DETECTOR)
    tick = tick_power(y, grid.n_tick, True, LIMIT_UV)
    rest = np.full(y.size // grid.n_block, quiet_uv)
    got = run_movements(y, tick, rest, np.ones(rest.size, dtype=np.bool_), grid, 64.0, DETECTOR)
    assert np.isfinite(got.peak_uv).all()
    np.testing.assert_allclose(got.onset, [100, 600], atol=8)
    np.testing.assert_allclose(got.offset, [300, 700], atol=8)
    alone = y.copy()
    alone[:400] = quiet_uv
    quiet = run_movements(alone, tick_power(alone, 2, True, LIMIT_UV), rest, rest >= 0.0, grid, 64.0, DETECTOR)
    assert [c[1] for c in got[:2]] == [c[0] for c in quiet[:2]]
    assert got.peak_uv[1] == quiet.peak_uv[0]
