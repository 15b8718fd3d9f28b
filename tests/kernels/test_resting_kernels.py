"""Resting level: what counts as activity, and the mean of the rest."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plms_pipeline.emg.resting_kernels import low_quantile, mark_activity, rest_power

BLOCKS = hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(0.5, 60.0))


def marks(a: np.ndarray, *, n_burst: int = 20) -> tuple[np.ndarray, np.ndarray]:
    return mark_activity(a, 2.0, 1.5, 10.0, 2, n_burst, 4, 30, 0.2)


@settings(deadline=None)
@given(BLOCKS, st.floats(0.0, 1.0))
def test_low_quantile_is_numpys_lower(a: np.ndarray, q: float) -> None:
    assert low_quantile(a, q) == np.sort(a)[int(q * (a.size - 1))]


@settings(max_examples=60, deadline=None)
@given(BLOCKS, st.integers(1, 10), st.data())
def test_rest_is_the_mean_of_resting_blocks_in_the_window_and_regime(
    a: np.ndarray, half: int, data: st.DataObject
) -> None:
    flags = st.lists(st.booleans(), min_size=a.size, max_size=a.size)
    active, regime = np.array(data.draw(flags)), np.array(data.draw(flags))
    near = active | np.append(active[1:], False) | np.insert(active[:-1], 0, False)
    got = rest_power(a, active, regime, half, 1)
    kind = np.cumsum(np.insert(regime[1:], 0, False))
    for b in range(a.size):
        inside = (kind == kind[b]) & (np.abs(np.arange(a.size) - b) <= half) & ~near
        if inside.any():
            np.testing.assert_allclose(got[b], a[inside].mean(), rtol=1e-5)


@given(BLOCKS)
@settings(max_examples=60, deadline=None)
def test_every_input_ends(a: np.ndarray) -> None:
    active, regime = marks(a)
    assert active.shape == regime.shape == a.shape
    assert regime[0]


def test_nothing_gives_nothing() -> None:
    active, regime = marks(np.zeros(0))
    assert active.size == regime.size == 0


def test_a_burst_is_activity_up_to_the_limit_and_a_change_of_tone_beyond() -> None:
    burst = np.concatenate([np.full(40, 1.0), np.full(20, 30.0), np.full(40, 1.0)])
    active, regime = marks(burst)
    assert np.array_equal(active, burst > 1.0)
    assert np.flatnonzero(regime).tolist() == [0]
    tone = np.concatenate([np.full(40, 1.0), np.full(40, 30.0), np.full(40, 1.0)])
    active, regime = marks(tone)
    assert not active.any()
    assert np.flatnonzero(regime).tolist() == [0, 40, 80]


def test_a_slow_rise_is_followed() -> None:
    active, _ = marks(np.linspace(1.0, 10.0, 400))
    assert not active.any()
