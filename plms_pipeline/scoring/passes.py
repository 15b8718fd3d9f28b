"""What scoring a night under one rule set leaves behind, before it becomes columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring.candidates import Combined
from plms_pipeline.scoring.inputs import Times


class Pass(NamedTuple):
    """Series of one pass: intervals (-1 = none), series numbers (0 = none), why a candidate is no PLM."""

    imi_us: Times
    series: NDArray[np.int32]
    reason: NDArray[np.int8]
    in_pass: NDArray[np.bool_]


class Scoring(NamedTuple):
    """Everything a night's indices are computed from."""

    found: Combined
    inclusive: Pass
    without_respiratory: Pass
    is_respiratory: NDArray[np.bool_]
    is_arousal: NDArray[np.bool_]
    unknown: str | None
    unknown_nr: str | None
    respiratory_unknown: str | None
    arousal_unknown: str | None
