"""What happens in a simulated night, event by event: stages, movements, respiratory events, arousals.

The truth of a night is built, not scored: series are laid down as series, and everything else is laid down so
far from the limits of the rules that it cannot be one. No function of the scoring room is used.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plms_pipeline.errors import InputError
from plms_pipeline.simulate.movement_layout import Layout
from plms_pipeline.simulate.night_events import arousal_events, respiratory_events
from plms_pipeline.simulate.planned import SLEEP, US, PlannedNight, night_model


def plan_night(
    seed: int | tuple[int, ...],
    *,
    hours: float = 8.0,
    plmsi_per_h: float = 20.0,
    ahi_per_h: float = 3.0,
    min_movements: int | None = None,
) -> PlannedNight:
    """Plan one night.

    Parameters
    ----------
    seed : int or tuple of int
        Every seed gives a night; the same seed gives the same night.
    hours : float
        Length of the recording, at least 0.1.
    plmsi_per_h : float
        PLMS per hour of sleep aimed at, 0 to 90.
    ahi_per_h : float
        Respiratory events per hour of sleep aimed at, 0 to 60.
    min_movements : int, optional
        Least number of monolateral movements; by default 170 in 8 hours and in proportion.

    Returns
    -------
    PlannedNight
        Its `n_plms` is the number aimed at whenever that fits into the sleep of the night (always from half an
        hour of recording on); the truth is what was planned, never what was aimed at.

    Raises
    ------
    InputError
        When `hours`, `plmsi_per_h` or `ahi_per_h` is outside its range.
    """
    if not 0.1 <= hours <= 24.0:
        raise InputError(f"hours {hours:g}: a simulated night lasts 0.1 to 24 hours; give another length")
    if not 0.0 <= plmsi_per_h <= 90.0:
        raise InputError(f"PLMS index {plmsi_per_h:g}/h: only 0 to 90 can be simulated; give another index")
    if not 0.0 <= ahi_per_h <= 60.0:
        raise InputError(f"AHI {ahi_per_h:g}/h: only 0 to 60 can be simulated; give another index")
    words = (seed,) if isinstance(seed, int) else tuple(seed)
    rng = np.random.default_rng([abs(int(word)) for word in words])
    model = night_model()
    epoch_us = int(model["epoch_s"]) * US
    n_epochs = int(hours * 3600 * US) // epoch_us
    duration_us = n_epochs * epoch_us
    lights_off_us, lights_on_us, stages = _hypnogram(rng, model, n_epochs, hours)
    is_sleep = np.array([stage in SLEEP for stage in stages])
    tst_h = float(is_sleep.sum() * model["epoch_s"] / 3600)
    wanted = round(plmsi_per_h * tst_h)
    wanted = 0 if wanted < 4 else wanted
    if min_movements is None:
        min_movements = math.ceil(model["movements_per_8h"] * hours / 8)
    best: Layout | None = None
    for _ in range(12):
        layout = Layout(rng, model, is_sleep, lights_off_us, lights_on_us, wanted, min_movements)
        layout.run()
        if best is None or abs(layout.n_plms - wanted) < abs(best.n_plms - wanted):
            best = layout
        if best.n_plms == wanted:
            break
    assert best is not None
    if hours >= 2:
        best.biocalibration()
    movements = best.movements()
    respiratory = respiratory_events(rng, model, movements, is_sleep, epoch_us, round(ahi_per_h * tst_h))
    arousals = arousal_events(rng, model, movements, respiratory, is_sleep, epoch_us, tst_h)
    return PlannedNight(
        duration_us=duration_us,
        epoch_us=epoch_us,
        stages=tuple(stages),
        lights_off_us=lights_off_us,
        lights_on_us=lights_on_us,
        movements=movements,
        respiratory=respiratory,
        arousals=arousals,
        tst_h=tst_h,
        n_plms=best.n_plms,
        plmsi_per_h=best.n_plms / tst_h if tst_h else math.nan,
        ahi_per_h=len(respiratory.type) / tst_h if tst_h else math.nan,
    )


def _hypnogram(
    rng: np.random.Generator, model: dict[str, Any], n_epochs: int, hours: float
) -> tuple[int, int, list[str]]:
    """Stages per epoch: wake, then cycles with less N3 and more REM towards the morning."""
    epoch_s = int(model["epoch_s"])
    shrink = min(1.0, hours / 4)

    def epochs(bounds: list[float], scale: float = shrink) -> int:
        return max(1, round(float(rng.uniform(bounds[0], bounds[1])) * scale / epoch_s))

    n_off = min(epochs(model["lights_off_s"]), max(1, n_epochs // 10))
    n_on = n_epochs - min(epochs(model["lights_on_margin_s"]), max(1, n_epochs // 10))
    stages = ["W"] * (n_off + min(epochs(model["sleep_latency_s"]), max(1, n_epochs // 8)))
    cycle = 0
    while len(stages) < n_on:
        length = epochs(model["cycle_s"], 1.0)
        n3_share = max(0.0, 0.32 - 0.09 * cycle + float(rng.uniform(-0.04, 0.04)))
        rem_share = min(0.32, 0.1 + 0.06 * cycle + float(rng.uniform(-0.03, 0.03)))
        n1 = max(2, round(length * float(rng.uniform(0.03, 0.06))))
        n3, rem = round(length * n3_share), round(length * rem_share)
        n2 = max(2, length - n1 - n3 - rem)
        first = round(n2 * float(rng.uniform(0.4, 0.6)))
        stages += ["N1"] * n1 + ["N2"] * first + ["N3"] * n3 + ["N2"] * (n2 - first) + ["R"] * rem
        stages += ["W"] * epochs(model["wake_bout_s"], 1.0)
        cycle += 1
    stages = stages[:n_on]
    # A few awakenings inside the cycles, as in every night.
    n_awakenings = round(len(stages) * epoch_s / 3600 * 1.2)
    for where in rng.integers(0, len(stages), size=n_awakenings):
        for k in range(int(where), min(int(where) + int(rng.integers(1, 4)), len(stages))):
            stages[k] = "W"
    stages += ["W"] * (n_epochs - len(stages))
    return n_off * epoch_s * US, n_on * epoch_s * US, stages
