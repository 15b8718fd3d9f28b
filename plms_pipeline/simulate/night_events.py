"""Respiratory events and arousals of a night, each clearly with or clearly without a movement."""

from __future__ import annotations

from typing import Any

import numpy as np

from plms_pipeline.simulate.planned import US, PlannedMovements, PlannedSpans


def _spans(rows: list[tuple[int, int, str]]) -> PlannedSpans:
    rows = sorted(rows)
    return PlannedSpans(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        tuple(row[2] for row in rows),
    )


def _tenth(at_s: float) -> int:
    """Annotations are written to the tenth of a second."""
    return round(at_s * 10) * (US // 10)


def _asleep_throughout(is_sleep: np.ndarray, epoch_us: int, onset_us: int, offset_us: int) -> bool:
    first, last = onset_us // epoch_us, (offset_us - 1) // epoch_us
    return first >= 0 and last < len(is_sleep) and bool(is_sleep[first : last + 1].all())


def respiratory_events(
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
    guard_us = int(model["guard_s"] * US)

    def place(end_s: float) -> bool:
        offset_us = _tenth(end_s)
        onset_us = offset_us - _tenth(float(rng.uniform(*model["respiratory_duration_s"])))
        if onset_us < 0 or not _asleep_throughout(is_sleep, epoch_us, onset_us, offset_us):
            return False
        low = int(onset_us // US - model["respiratory_spacing_s"])
        high = int(offset_us // US + model["respiratory_spacing_s"])
        if taken[max(low, 0) : high].any():
            return False
        for edge_us in (offset_us + int(before * US), offset_us + int(after * US)):
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
            place(float(movements.onset_us[k]) / US + float(rng.uniform(*model["respiratory_lead_s"])))
    epochs = np.flatnonzero(is_sleep)
    for _ in range(wanted * 60):
        if len(rows) >= wanted:
            break
        place((float(rng.choice(epochs)) + float(rng.random())) * float(model["epoch_s"]))
    return _spans(rows)


def arousal_events(
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
    clear_us = int(model["arousal_clear_s"] * US)

    def free(onset_us: int, offset_us: int) -> bool:
        return all(offset_us + clear_us < a or b + clear_us < onset_us for a, b, _ in rows)

    def touches(onset_us: int, offset_us: int) -> np.ndarray:
        found: np.ndarray = (movements.onset_us < offset_us + clear_us) & (movements.offset_us > onset_us - clear_us)
        return found

    def alone(onset_us: int, offset_us: int) -> bool:
        inside = offset_us < len(is_sleep) * epoch_us
        return inside and free(onset_us, offset_us) and not touches(onset_us, offset_us).any()

    numbers = movements.movement
    for number in np.unique(numbers):
        rows_of = np.flatnonzero(numbers == number)
        if rng.random() >= model["arousal_with_movement_share"]:
            continue
        onset_us = _tenth((float(movements.onset_us[rows_of].min()) / US) + float(rng.uniform(0.2, 0.6)))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        hit = touches(onset_us, offset_us)
        if not _asleep_throughout(is_sleep, epoch_us, onset_us, onset_us + 1) or hit.sum() != len(rows_of):
            continue
        if hit[rows_of].all() and free(onset_us, offset_us):
            rows.append((onset_us, offset_us, "arousal"))
    for end_us in respiratory.offset_us:
        onset_us = int(end_us) + _tenth(float(rng.uniform(0.0, 1.0)))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        if rng.random() < model["arousal_with_event_share"] and alone(onset_us, offset_us):
            rows.append((onset_us, offset_us, "arousal_respiratory"))
    epochs = np.flatnonzero(is_sleep)
    for _ in range(round(model["spontaneous_arousals_per_h"] * tst_h)):
        onset_us = _tenth((float(rng.choice(epochs)) + float(rng.random())) * float(model["epoch_s"]))
        offset_us = onset_us + _tenth(float(rng.uniform(*model["arousal_duration_s"])))
        if alone(onset_us, offset_us):
            rows.append((onset_us, offset_us, "arousal"))
    return _spans(rows)
