"""What happens in a simulated night, event by event: stages, movements, respiratory events, arousals.

The truth of a night is built, not scored: series are laid down as series, and everything else is laid down so
far from the limits of the rules that it cannot be one. No function of the scoring room is used.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from plms_pipeline.errors import InputError

LEFT, RIGHT = 0, 1
SLEEP = frozenset({"N1", "N2", "N3", "R"})
_US = 1_000_000


class PlannedMovements(NamedTuple):
    """Monolateral movements of both legs, sorted by onset then leg.

    Attributes
    ----------
    leg : numpy.ndarray
        int8[n], 0 left, 1 right.
    onset_us, offset_us : numpy.ndarray
        int64[n], microseconds from the start of the recording, half-open.
    peak_uv : numpy.ndarray
        float64[n], peak of the amplitude, resting level included, µV RMS.
    movement : numpy.ndarray
        int32[n], number of the (combined) movement the row is part of.
    kind : tuple of str
        ``series``, ``isolated``, ``triple``, ``short``, ``long``, ``broken`` or ``biocalibration``.
    is_plm, is_plms : numpy.ndarray
        bool[n], true by construction (a series of at least four candidates; onset in sleep).
    """

    leg: np.ndarray
    onset_us: np.ndarray
    offset_us: np.ndarray
    peak_uv: np.ndarray
    movement: np.ndarray
    kind: tuple[str, ...]
    is_plm: np.ndarray
    is_plms: np.ndarray


class PlannedSpans(NamedTuple):
    """Respiratory events or arousals: int64 microseconds, half-open, sorted, with a type each."""

    onset_us: np.ndarray
    offset_us: np.ndarray
    type: tuple[str, ...]


class PlannedNight(NamedTuple):
    """One simulated night with its truth.

    Attributes
    ----------
    duration_us : int
    epoch_us : int
    stages : tuple of str
        One stage (W, N1, N2, N3, R) per epoch from the start of the recording.
    lights_off_us, lights_on_us : int
    movements : PlannedMovements
    respiratory, arousals : PlannedSpans
    tst_h : float
        Sleep between lights off and lights on, hours.
    n_plms : int
        Combined movements that are PLM with onset in sleep.
    plmsi_per_h, ahi_per_h : float
        ``n_plms`` and the number of respiratory events, divided by `tst_h`; NaN without sleep.
    """

    duration_us: int
    epoch_us: int
    stages: tuple[str, ...]
    lights_off_us: int
    lights_on_us: int
    movements: PlannedMovements
    respiratory: PlannedSpans
    arousals: PlannedSpans
    tst_h: float
    n_plms: int
    plmsi_per_h: float
    ahi_per_h: float


@functools.cache
def night_model() -> dict[str, Any]:
    """Numbers of the simulated night (``night_model.yaml`` beside this module)."""
    text = Path(__file__).with_name("night_model.yaml").read_text(encoding="utf-8")
    model: dict[str, Any] = yaml.safe_load(text)
    return model


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
    epoch_us = int(model["epoch_s"]) * _US
    n_epochs = int(hours * 3600 * _US) // epoch_us
    duration_us = n_epochs * epoch_us
    lights_off_us, lights_on_us, stages = _hypnogram(rng, model, n_epochs, hours)
    is_sleep = np.array([stage in SLEEP for stage in stages])
    tst_h = float(is_sleep.sum() * model["epoch_s"] / 3600)
    wanted = round(plmsi_per_h * tst_h)
    wanted = 0 if wanted < 4 else wanted
    if min_movements is None:
        min_movements = math.ceil(model["movements_per_8h"] * hours / 8)
    best: _Layout | None = None
    for _ in range(12):
        layout = _Layout(rng, model, is_sleep, lights_off_us, lights_on_us, wanted, min_movements)
        layout.run()
        if best is None or abs(layout.n_plms - wanted) < abs(best.n_plms - wanted):
            best = layout
        if best.n_plms == wanted:
            break
    assert best is not None
    if hours >= 2:
        best.biocalibration()
    movements = best.movements()
    respiratory = _respiratory(rng, model, movements, is_sleep, epoch_us, round(ahi_per_h * tst_h))
    arousals = _arousals(rng, model, movements, respiratory, is_sleep, epoch_us, tst_h)
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
        return max(1, round(float(rng.uniform(*bounds)) * scale / epoch_s))

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
    return n_off * epoch_s * _US, n_on * epoch_s * _US, stages


class _Layout:
    """Lays movements along the night, block after block, each more than 90 s after the one before."""

    def __init__(
        self,
        rng: np.random.Generator,
        model: dict[str, Any],
        is_sleep: np.ndarray,
        lights_off_us: int,
        lights_on_us: int,
        wanted: int,
        min_movements: int,
    ) -> None:
        self.rng, self.model, self.is_sleep = rng, model, is_sleep
        self.start_s, self.end_s = lights_off_us / _US, lights_on_us / _US
        self.wanted, self.min_movements = wanted, min_movements
        self.epoch_s = float(model["epoch_s"])
        self.sleep_before = np.concatenate([[0], np.cumsum(is_sleep)])
        self.rows: list[tuple[int, int, int, float, int, str, bool, bool]] = []
        self.n_movements = 0
        self.n_plms = 0

    def uniform(self, bounds: list[float]) -> float:
        return float(self.rng.uniform(bounds[0], bounds[1]))

    def lognormal(self, shape: dict[str, float]) -> float:
        value = shape["median"] * math.exp(shape["sigma_ln"] * float(self.rng.standard_normal()))
        return min(max(value, shape["min"]), shape["max"])

    def clear_of_border(self, at_s: float) -> float:
        """Move an onset out of the guard around an epoch border: the stage at onset must not be in doubt."""
        guard = float(self.model["border_guard_s"])
        inside = at_s % self.epoch_s
        if inside < guard:
            return at_s + guard - inside
        if inside > self.epoch_s - guard:
            return at_s + self.epoch_s - inside + guard
        return at_s

    def sleeping(self, at_s: float) -> bool:
        epoch = int(at_s // self.epoch_s)
        return epoch < len(self.is_sleep) and bool(self.is_sleep[epoch])

    def sleep_share(self, at_s: float) -> float:
        total = int(self.sleep_before[-1])
        epoch = min(int(at_s // self.epoch_s), len(self.is_sleep))
        return float(self.sleep_before[epoch]) / total if total else 1.0

    def add(self, at_s: float, kind: str, *, duration_s: float, is_plm: bool) -> None:
        """One combined movement: one leg, or both legs overlapping."""
        is_plms = is_plm and self.sleeping(at_s)
        first = int(self.rng.integers(0, 2))
        legs = [(first, 0.0, duration_s)]
        if self.rng.random() < self.model["bilateral_share"]:
            lag_s = self.uniform(self.model["bilateral_lag_s"])
            other_s = max(duration_s * float(self.rng.uniform(0.8, 1.0)) - lag_s, 0.9)
            legs.append((1 - first, lag_s, other_s))
        low, high = self.model["peak_uv"]
        for leg, lag_s, length_s in legs:
            onset_us = round((at_s + lag_s) * 1000) * 1000
            offset_us = onset_us + round(length_s * 1000) * 1000
            peak_uv = low * math.exp(float(self.rng.random()) * math.log(high / low))
            self.rows.append((leg, onset_us, offset_us, peak_uv, self.n_movements, kind, is_plm, is_plms))
        self.n_movements += 1
        self.n_plms += int(is_plms)

    def plan_series(self, at_s: float, size: int) -> list[float] | None:
        """Onsets of a series with `size` of them in sleep, or None when the night ends before."""
        onsets: list[float] = []
        n_sleep, t = 0, self.clear_of_border(at_s)
        limit = self.end_s - 20.0
        while n_sleep < size:
            if t > limit or (len(onsets) > 3 * size + 12):
                return None
            onsets.append(t)
            n_sleep += int(self.sleeping(t))
            t = self.clear_of_border(t + self.lognormal(self.model["series_interval_s"]))
        return onsets

    def run(self) -> None:
        model = self.model
        t = self.start_s + self.uniform([30.0, 60.0])
        density = self.wanted / max(1.0, float(self.is_sleep.sum()) * self.epoch_s / 3600)
        longest = 6 + round(density)
        while t < self.end_s - 60:
            done = self.sleep_share(t) / model["series_end_share"]
            due = self.wanted * (1 - max(0.0, 1 - done) ** model["series_front_exponent"])
            left = self.wanted - self.n_plms
            placed: float | None = None
            if left >= 4 and self.sleeping(t) and (self.n_plms <= due or self.rng.random() < 0.25):
                size = int(self.rng.integers(4, longest + 1))
                size = left if left - size < 4 else size
                placed = self.series(t, size)
            if placed is None:
                placed = self.filler(t)
            t = placed + self.uniform(model["apart_s"])

    def series(self, at_s: float, size: int) -> float | None:
        while size >= 4:
            onsets = self.plan_series(at_s, size)
            left_over = self.wanted - self.n_plms - size
            if onsets is not None and len(onsets) >= 4 and (left_over == 0 or left_over >= 4):
                for t in onsets:
                    self.add(t, "series", duration_s=self.lognormal(self.model["duration_s"]), is_plm=True)
                return onsets[-1]
            size -= 1
        return None

    def filler(self, at_s: float) -> float:
        """A block without PLM; the more of them are still owed, the fuller the block."""
        model, rng = self.model, self.rng
        t = self.clear_of_border(at_s)
        hours_left = max(self.end_s - t, 60.0) / 3600
        owed = (self.min_movements - len(self.rows)) / hours_left
        kinds = ["isolated", "triple", "short", "long", "broken"]
        shares = [0.5, 0.25, 0.15, 0.05, 0.05] if owed < 25 else [0.05, 0.6, 0.15, 0.05, 0.15]
        kind = kinds[int(rng.choice(len(kinds), p=shares))]
        room = self.end_s - 20.0 - t
        if (kind == "broken" and room < 260) or (kind == "triple" and room < 130) or room < 40:
            kind = "isolated"
        if kind == "triple":
            for k in range(3):
                t = t if k == 0 else self.clear_of_border(t + self.lognormal(model["series_interval_s"]))
                self.add(t, kind, duration_s=self.lognormal(model["duration_s"]), is_plm=False)
        elif kind == "short":
            for k in range(int(rng.integers(2, 4))):
                t = t if k == 0 else t + self.uniform(model["short_interval_s"])
                self.add(t, kind, duration_s=self.uniform(model["short_duration_s"]), is_plm=False)
        elif kind == "long":
            self.add(t, kind, duration_s=self.uniform(model["long_duration_s"]), is_plm=False)
        elif kind == "broken":
            # Three candidates on either side of a too-long movement: six in a row, and no series.
            for k in range(7):
                long = k == 3
                bounds = "long_duration_s" if long else None
                length_s = self.uniform(model[bounds]) if bounds else self.lognormal(model["duration_s"])
                self.add(t, kind, duration_s=length_s, is_plm=False)
                if k < 6:
                    t = self.clear_of_border(t + self.uniform(model["long_block_rest_s"]))
        else:
            self.add(t, kind, duration_s=self.lognormal(model["duration_s"]), is_plm=False)
        return t

    def biocalibration(self) -> None:
        """Commanded foot flexions before lights off: regular as a series, and outside the window."""
        t = 60.0
        for _ in range(int(self.model["biocalibration_movements"])):
            t = self.clear_of_border(t)
            if t + 15 > self.start_s:
                return
            self.add(t, "biocalibration", duration_s=self.uniform([1.5, 3.0]), is_plm=False)
            t += self.uniform([15.0, 25.0])

    def movements(self) -> PlannedMovements:
        rows = sorted(self.rows, key=lambda row: (row[1], row[0]))
        return PlannedMovements(
            leg=np.array([row[0] for row in rows], dtype=np.int8),
            onset_us=np.array([row[1] for row in rows], dtype=np.int64),
            offset_us=np.array([row[2] for row in rows], dtype=np.int64),
            peak_uv=np.array([row[3] for row in rows], dtype=np.float64),
            movement=np.array([row[4] for row in rows], dtype=np.int32),
            kind=tuple(row[5] for row in rows),
            is_plm=np.array([row[6] for row in rows], dtype=bool),
            is_plms=np.array([row[7] for row in rows], dtype=bool),
        )


def _spans(rows: list[tuple[int, int, str]]) -> PlannedSpans:
    rows = sorted(rows)
    return PlannedSpans(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        tuple(row[2] for row in rows),
    )


def _tenth(at_s: float) -> int:
    """Annotations are written to the tenth of a second."""
    return round(at_s * 10) * (_US // 10)


def _asleep_throughout(is_sleep: np.ndarray, epoch_us: int, onset_us: int, offset_us: int) -> bool:
    first, last = onset_us // epoch_us, (offset_us - 1) // epoch_us
    return 0 <= first and last < len(is_sleep) and bool(is_sleep[first : last + 1].all())


def _respiratory(
    rng: np.random.Generator,
    model: dict[str, Any],
    movements: PlannedMovements,
    is_sleep: np.ndarray,
    epoch_us: int,
    wanted: int,
) -> PlannedSpans:
    """Apnoeas and hypopnoeas in sleep, some ending at a movement, the others clear of every movement's limits."""
    rows: list[tuple[int, int, str]] = []
    taken = np.zeros(len(is_sleep) * int(model["epoch_s"]) + 1, dtype=bool)
    before, after = model["respiratory_window_s"]
    guard_us = int(model["guard_s"] * _US)

    def place(end_s: float) -> bool:
        offset_us = _tenth(end_s)
        onset_us = offset_us - _tenth(float(rng.uniform(*model["respiratory_duration_s"])))
        if onset_us < 0 or not _asleep_throughout(is_sleep, epoch_us, onset_us, offset_us):
            return False
        low = int(onset_us // _US - model["respiratory_spacing_s"])
        high = int(offset_us // _US + model["respiratory_spacing_s"])
        if taken[max(low, 0) : high].any():
            return False
        for edge_us in (offset_us + int(before * _US), offset_us + int(after * _US)):
            near_start = np.abs(movements.onset_us - edge_us) < guard_us
            near_end = np.abs(movements.offset_us - edge_us) < guard_us
            if (near_start | near_end).any():
                return False
        taken[max(low, 0) : high] = True
        kind = ("hypopnea", "apnea_obstructive", "apnea_central")[int(rng.choice(3, p=[0.6, 0.33, 0.07]))]
        rows.append((onset_us, offset_us, kind))
        return True

    if wanted and len(movements.onset_us) and is_sleep.any():
        anchors = rng.permutation(len(movements.onset_us))
        for k in anchors[: round(wanted * model["respiratory_after_movement_share"])]:
            place(float(movements.onset_us[k]) / _US + float(rng.uniform(*model["respiratory_lead_s"])))
    epochs = np.flatnonzero(is_sleep)
    for _ in range(wanted * 60):
        if len(rows) >= wanted:
            break
        place((float(rng.choice(epochs)) + float(rng.random())) * float(model["epoch_s"]))
    return _spans(rows)


def _arousals(
    rng: np.random.Generator,
    model: dict[str, Any],
    movements: PlannedMovements,
    respiratory: PlannedSpans,
    is_sleep: np.ndarray,
    epoch_us: int,
    tst_h: float,
) -> PlannedSpans:
    """Arousals that clearly belong to a movement, to a respiratory event, or to neither."""
    rows: list[tuple[int, int, str]] = []
    clear_us = int(model["arousal_clear_s"] * _US)

    def free(onset_us: int, offset_us: int) -> bool:
        return all(offset_us + clear_us < a or b + clear_us < onset_us for a, b, _ in rows)

    def touches(onset_us: int, offset_us: int) -> np.ndarray:
        found: np.ndarray = (movements.onset_us < offset_us + clear_us) & (
            movements.offset_us > onset_us - clear_us
        )
        return found

    numbers = movements.movement
    for number in np.unique(numbers):
        rows_of = np.flatnonzero(numbers == number)
        if rng.random() >= model["arousal_with_movement_share"]:
            continue
        onset_us = _tenth((float(movements.onset_us[rows_of].min()) / _US) + float(rng.uniform(0.2, 0.6)))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        hit = touches(onset_us, offset_us)
        if not _asleep_throughout(is_sleep, epoch_us, onset_us, onset_us + 1) or hit.sum() != len(rows_of):
            continue
        if hit[rows_of].all() and free(onset_us, offset_us):
            rows.append((onset_us, offset_us, "arousal"))
    for end_us in respiratory.offset_us:
        onset_us = int(end_us) + _tenth(float(rng.uniform(0.0, 1.0)))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        if rng.random() < model["arousal_with_event_share"] and not touches(onset_us, offset_us).any():
            if free(onset_us, offset_us) and offset_us < len(is_sleep) * epoch_us:
                rows.append((onset_us, offset_us, "arousal_respiratory"))
    epochs = np.flatnonzero(is_sleep)
    for _ in range(round(model["spontaneous_arousals_per_h"] * tst_h)):
        onset_us = _tenth((float(rng.choice(epochs)) + float(rng.random())) * float(model["epoch_s"]))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        if not touches(onset_us, offset_us).any() and free(onset_us, offset_us):
            if offset_us < len(is_sleep) * epoch_us:
                rows.append((onset_us, offset_us, "arousal"))
    return _spans(rows)
