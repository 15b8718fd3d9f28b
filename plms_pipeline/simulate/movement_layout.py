"""Lay the movements of a night down, series as series and everything else where it cannot be one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plms_pipeline.simulate.planned import US, PlannedMovements


class Layout:
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
        self.start_s, self.end_s = lights_off_us / US, lights_on_us / US
        self.wanted, self.min_movements = wanted, min_movements
        self.epoch_s = float(model["epoch_s"])
        self.sleep_before = np.concatenate([[0], np.cumsum(is_sleep)])
        self.rows: list[tuple[int, int, int, float, int, str, bool, bool]] = []
        self.n_movements = 0
        self.n_plms = 0
        self.broken_left = max(1, round(model["broken_per_8h"] * (self.end_s - self.start_s) / (8 * 3600)))

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
            # Beside a too-long movement the other leg's is a short one: neither may come near 10 s.
            share = self.model["other_leg_share" if duration_s < 10 else "other_leg_share_of_long"]
            other_s = max(duration_s * self.uniform(share) - lag_s, 0.9)
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
        """Lay the whole window out.

        One movement too many or too few (a detector's error, not a truth) must not make or unmake a series: a run of
        candidates outside series is two at most, runs lie too far apart for one movement to bridge them, and a series
        that is cut has parts that stay series.
        """
        model = self.model
        t = self.start_s + self.uniform([30.0, 60.0])
        density = self.wanted / max(1.0, float(self.is_sleep.sum()) * self.epoch_s / 3600)
        longest = int(model["series_least"]) + 4 + round(density)
        near = False
        while t < self.end_s - 60:
            done = self.sleep_share(t) / model["series_end_share"]
            due = self.wanted * (1 - max(0.0, 1 - done) ** model["series_front_exponent"])
            left = self.wanted - self.n_plms
            placed: float | None = None
            kind = "series"
            if left >= 4 and self.sleeping(t) and (self.n_plms <= due or self.rng.random() < 0.25):
                placed = self.series(t, int(self.rng.integers(model["series_least"], longest + 1)))
            if placed is None:
                kind = self.filler_kind(t, near)
                placed = self.filler(t, kind)
            near = kind == "series" or (kind in ("isolated", "short") and self.rng.random() < 0.5)
            t = placed + self.uniform(model["apart_s" if near else "far_apart_s"])
            near = near and kind != "series"

    def series(self, at_s: float, size: int) -> float | None:
        """A series of about `size` PLMS; what is left for later is nothing or enough for another one."""
        least = int(self.model["series_least"])
        left = self.wanted - self.n_plms
        size = left if left - size < least else size
        while size >= min(least, left):
            onsets = self.plan_series(at_s, size)
            if onsets is not None and len(onsets) >= 4 and (left == size or left - size >= least):
                for t in onsets:
                    self.add(t, "series", duration_s=self.lognormal(self.model["duration_s"]), is_plm=True)
                return onsets[-1]
            size -= 1
        return None

    def filler_kind(self, at_s: float, near: bool) -> str:
        """Which block without PLM comes next; the more movements are owed, the fuller. Near a single one: no run."""
        room = self.end_s - 20.0 - at_s
        owed = (self.min_movements - len(self.rows)) / (max(self.end_s - at_s, 60.0) / 3600)
        shares = self.model["filler_shares" if owed < self.model["owed_per_h"] else "filler_shares_when_owed"]
        kinds = list(shares)
        kind = kinds[int(self.rng.choice(len(kinds), p=[shares[name] for name in kinds]))]
        if kind == "broken" and self.broken_left == 0:
            kind = "pair"
        if kind in ("pair", "broken") and (near or room < (260 if kind == "broken" else 130)):
            return "short" if near and room > 60 else "isolated"
        return kind if room > 60 else "isolated"

    def filler(self, at_s: float, kind: str) -> float:
        """A block without PLM; returns the last onset."""
        model, rng = self.model, self.rng
        t = self.clear_of_border(at_s)
        if kind == "pair":
            for k in range(2):
                t = t if k == 0 else self.clear_of_border(t + self.lognormal(model["series_interval_s"]))
                self.add(t, kind, duration_s=self.lognormal(model["duration_s"]), is_plm=False)
        elif kind == "short":
            for k in range(int(rng.integers(2, 4))):
                t = t if k == 0 else t + self.uniform(model["short_interval_s"])
                self.add(t, kind, duration_s=self.uniform(model["short_duration_s"]), is_plm=False)
        elif kind == "long":
            self.add(t, kind, duration_s=self.uniform(model["long_duration_s"]), is_plm=False)
        elif kind == "broken":
            # Two candidates on either side of a too-long movement: four in a row, and no series.
            self.broken_left -= 1
            for k in range(5):
                length_s = self.uniform(model["long_duration_s"]) if k == 2 else self.lognormal(model["duration_s"])
                self.add(t, kind, duration_s=length_s, is_plm=False)
                if k < 4:
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
