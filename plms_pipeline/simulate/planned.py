"""What a planned night is made of."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

SLEEP = frozenset({"N1", "N2", "N3", "R"})
US = 1_000_000


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
        ``series``, ``isolated``, ``pair``, ``short``, ``long``, ``broken`` or ``biocalibration``.
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
