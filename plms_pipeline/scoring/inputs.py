"""What a night hands to the scorer: events as integer microseconds from the start of the recording."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.errors import InputError

US_PER_S = 1_000_000
US_PER_H = 3_600 * US_PER_S
STAGE_NAMES = ("W", "N1", "N2", "N3", "R", "S", "U")
WAKE, N1, N2, N3, REM, SLEEP, UNSCORED = range(7)
LEFT, RIGHT, COMBINED = 0, 1, 2
BOTH_LEGS = -1
NO_DURATION = -1
LEGS = ("both", "left", "right", "combined", "none")
STATES = ("scored", "not_scored", "partial", "sleep_wake_only")

Times = NDArray[np.int64]


class Movements(NamedTuple):
    """Monolateral leg movements, in any order.

    Attributes
    ----------
    leg
        int8[n]; 0 left, 1 right, 2 the one combined channel.
    onset_us, offset_us
        int64[n]; ``offset_us`` is -1 for a mark without duration (open point A24).
    has_morphology
        bool[n]; the morphology criterion of WASM/IRLSSG 2016.
    is_truncated
        bool[n]; open at an edge of what was recorded (open point A16).
    """

    leg: NDArray[np.int8]
    onset_us: Times
    offset_us: Times
    has_morphology: NDArray[np.bool_]
    is_truncated: NDArray[np.bool_]


class Stages(NamedTuple):
    """Hypnogram spans; ``stage`` int8[n] indexes `STAGE_NAMES`. Time without a span is unscored."""

    onset_us: Times
    offset_us: Times
    stage: NDArray[np.int8]


class Spans(NamedTuple):
    """Half-open spans; ``leg`` int8[n], -1 for both legs."""

    onset_us: Times
    offset_us: Times
    leg: NDArray[np.int8]


class Respiratory(NamedTuple):
    """Respiratory events; ``is_rera`` bool[n] marks respiratory effort related arousals (open point A19)."""

    onset_us: Times
    offset_us: Times
    is_rera: NDArray[np.bool_]


class EvidenceSettings(NamedTuple):
    """Numbers of evidence classes and descriptive indices; see ``schemas/rules/evidence.yaml``."""

    full_min_scorable_fraction: float
    full_min_scorable_sleep_us: int
    full_min_staged_fraction: float
    one_leg_unscorable_fraction: float
    lo_movements_per_edge: int
    hi_movements_per_edge: int
    epoch_us: int
    sleep_onset: str
    sleep_onset_epochs: int
    periodicity_imi_min_us: int
    periodicity_imi_max_us: int
    periodicity_min_run: int
    imi_typical_min_us: int
    imi_typical_max_us: int
    imi_log_min_us: int
    imi_log_max_us: int
    imi_bin_us: int
    imi_bin_max_us: int
    imi_ln_bin: float
    imi_ln_bin_first: float
    imi_ln_bin_last: float
    duration_typical_min_us: int
    duration_typical_max_us: int
    time_course_bin_us: int
    time_course_min_sleep_us: int
    awakening_within_us: int
    lag_shuffles: int
    agreement_tolerance_us: int


class NightInput(NamedTuple):
    """One night. ``None`` = unknown (not looked for); empty arrays = looked for, none found.

    Attributes
    ----------
    movements
        None when no leg channel is usable; `no_leg_reason` then says why (code list ``index_reason``).
    window
        Lights off and lights on, microseconds, each None when unknown.
    legs
        What was recorded: both, left, right, combined or none.
    window_basis
        Where lights off and on came from (code list ``window_basis``); ``recording`` without them.
    """

    movements: Movements | None
    stages: Stages | None
    respiratory: Respiratory | None
    arousals: Spans | None
    gaps: Spans
    duration_us: int
    window: tuple[int | None, int | None]
    legs: str
    evidence: EvidenceSettings
    stages_state: str = "scored"
    respiratory_state: str = "scored"
    arousals_state: str = "scored"
    window_basis: str = "recording"
    no_leg_reason: str = "no_usable_leg"


def times(values: object) -> Times:
    """Whole microseconds as a contiguous int64 array."""
    return np.ascontiguousarray(np.asarray(values).reshape(-1), dtype=np.int64)


def make_movements(
    leg: object, onset_us: object, offset_us: object, has_morphology: object = None, is_truncated: object = None
) -> Movements:
    """`Movements` from any sequences; movements given without the morphology column have it."""
    onset = times(onset_us)
    true = np.ones(onset.size, dtype=np.bool_)
    return Movements(
        np.asarray(leg, dtype=np.int8).reshape(-1),
        onset,
        times(offset_us),
        true if has_morphology is None else np.asarray(has_morphology, dtype=np.bool_).reshape(-1),
        ~true if is_truncated is None else np.asarray(is_truncated, dtype=np.bool_).reshape(-1),
    )


def pick_movements(found: Movements, rows: NDArray[Any]) -> Movements:
    """The chosen rows, by mask or index."""
    leg, onset, offset, has_morphology, is_truncated = found
    return Movements(leg[rows], onset[rows], offset[rows], has_morphology[rows], is_truncated[rows])


def pick_stages(stages: Stages, rows: NDArray[Any]) -> Stages:
    """The chosen rows, by mask or index."""
    return Stages(stages.onset_us[rows], stages.offset_us[rows], stages.stage[rows])


def make_spans(onset_us: object = (), offset_us: object = (), leg: object = None) -> Spans:
    """`Spans` from any sequences; without ``leg`` they concern both legs."""
    onset = times(onset_us)
    both = np.full(onset.size, BOTH_LEGS, dtype=np.int8)
    return Spans(onset, times(offset_us), both if leg is None else np.asarray(leg, dtype=np.int8).reshape(-1))


def make_stages(onset_us: object, offset_us: object, stage: object) -> Stages:
    """`Stages` from any sequences; ``stage`` holds indices of `STAGE_NAMES` or the names themselves."""
    codes = [STAGE_NAMES.index(value) if isinstance(value, str) else int(value) for value in list(stage)]  # type: ignore[call-overload]
    return Stages(times(onset_us), times(offset_us), np.asarray(codes, dtype=np.int8))


def make_respiratory(onset_us: object = (), offset_us: object = (), is_rera: object = None) -> Respiratory:
    """`Respiratory` from any sequences; without ``is_rera`` no event is a RERA."""
    onset = times(onset_us)
    none = np.zeros(onset.size, dtype=np.bool_)
    return Respiratory(
        onset, times(offset_us), none if is_rera is None else np.asarray(is_rera, dtype=np.bool_).reshape(-1)
    )


def seconds(value_us: int) -> str:
    """Microseconds as seconds for an error text."""
    return f"{value_us / US_PER_S:g} s"


def _ordered(what: str, onset: Times, offset: Times) -> None:
    if onset.size != offset.size:
        raise InputError(f"{what}: {onset.size} onsets but {offset.size} offsets; give one offset per onset")
    if onset.size and int(onset.min()) < 0:
        raise InputError(f"{what}: one begins at {seconds(int(onset.min()))}, before the recording; correct its time")
    backwards = np.flatnonzero(offset < onset)
    if backwards.size:
        at = int(backwards[0])
        raise InputError(
            f"{what}: the one at {seconds(int(onset[at]))} ends at {seconds(int(offset[at]))}, before it begins; "
            "correct its times"
        )


def checked(night: NightInput) -> NightInput:
    """The night in canonical order.

    Returns
    -------
    NightInput
        Movements sorted by onset, offset and leg; stages by onset, empty spans dropped; other spans by onset.

    Raises
    ------
    InputError
        For a negative duration, a time before the recording, overlapping stages, a stage or leg outside its
        list, legs that do not fit the movements, or lights-on that is not after lights-off.
    """
    if night.legs not in LEGS:
        raise InputError(f"legs: '{night.legs}' is none of {', '.join(LEGS)}; say what was recorded")
    for state in (night.stages_state, night.respiratory_state, night.arousals_state):
        if state not in STATES:
            raise InputError(f"state: '{state}' is none of {', '.join(STATES)}; say what was scored")
    if night.duration_us <= 0:
        raise InputError(f"duration: {seconds(night.duration_us)} is not a recording; give its length")
    start, end = night.window
    if start is not None and end is not None and end <= start:
        raise InputError(f"window: lights on at {seconds(end)} is not after lights off at {seconds(start)}")
    _ordered("gaps", night.gaps.onset_us, night.gaps.offset_us)
    if night.arousals is not None:
        _ordered("arousals", night.arousals.onset_us, night.arousals.offset_us)
    if night.respiratory is not None:
        _ordered("respiratory events", night.respiratory.onset_us, night.respiratory.offset_us)
    return night._replace(
        movements=_checked_movements(night), stages=None if night.stages is None else _checked_stages(night.stages)
    )


def _checked_movements(night: NightInput) -> Movements | None:
    found = night.movements
    if found is None or night.legs == "none":
        return None
    has_duration = found.offset_us != NO_DURATION
    _ordered("movements", found.onset_us, np.where(has_duration, found.offset_us, found.onset_us))
    allowed = {"both": (LEFT, RIGHT), "left": (LEFT,), "right": (RIGHT,), "combined": (COMBINED,)}[night.legs]
    if found.leg.size and not np.isin(found.leg, allowed).all():
        raise InputError(
            f"movements: a leg that was not recorded (legs = {night.legs}); L and R go with both, left or right, "
            "C with combined"
        )
    order = np.lexsort((found.is_truncated, found.has_morphology, found.leg, found.offset_us, found.onset_us))
    return pick_movements(found, order)


def _checked_stages(stages: Stages) -> Stages:
    _ordered("stages", stages.onset_us, stages.offset_us)
    if stages.stage.size and (stages.stage.min() < 0 or stages.stage.max() >= len(STAGE_NAMES)):
        raise InputError(f"stages: a stage outside {', '.join(STAGE_NAMES)}; map it first")
    kept = stages.offset_us > stages.onset_us
    order = np.flatnonzero(kept)[np.argsort(stages.onset_us[kept], kind="stable")]
    stages = pick_stages(stages, order)
    overlap = np.flatnonzero(stages.onset_us[1:] < stages.offset_us[:-1])
    if overlap.size:
        at = int(overlap[0])
        raise InputError(
            f"stages: the epoch at {seconds(int(stages.onset_us[at + 1]))} begins before the one at "
            f"{seconds(int(stages.onset_us[at]))} ends; give each moment one stage"
        )
    return stages
