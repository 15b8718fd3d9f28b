"""Single recordings and given movements from the command line, without cohort, store or clinical data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, emg, ingest, night, scoring
from plms_pipeline.errors import InputError
from plms_pipeline.night.part import LEG_CODE, with_ids

_SLEEP_STAGES = {"N1", "N2", "N3", "R"}


class Given(NamedTuple):
    """Events read from files, ready to be scored, and what the reader wants to say about them."""

    night: scoring.NightInput
    notices: tuple[str, ...]


def local_ids(path: Path) -> dict[str, str]:
    """Ids of a file that belongs to no cohort: its stem, cohort ``local``, visit ``single``."""
    return {"recording_id": path.stem, "cohort": "local", "subject_id": path.stem, "visit": "single"}


def given_ids(path: Path) -> dict[str, str]:
    """Ids that stand in a movement table, else those of :func:`local_ids`."""
    return local_ids(path) | ingest.read_movements_csv(path).ids


def _stages(path: Path | None) -> tuple[scoring.Stages | None, str, tuple[str, ...]]:
    if path is None:
        return None, "not_scored", ()
    read = ingest.read_stages_csv(path)
    found = set(read.stage)
    state = "scored"
    if "S" in found:
        state = "partial" if found & _SLEEP_STAGES else "sleep_wake_only"
    return scoring.make_stages(read.onset_us, read.offset_us, read.stage), state, read.notices


def _respiratory(path: Path | None) -> tuple[scoring.Respiratory | None, str, tuple[str, ...]]:
    if path is None:
        return None, "not_scored", ()
    read = ingest.read_events_csv(path, "respiratory")
    is_rera = [kind == "rera" for kind in read.type]
    return scoring.make_respiratory(read.onset_us, read.offset_us, is_rera), "scored", read.notices


def _spans(path: Path | None, kind: str) -> tuple[scoring.Spans | None, str, tuple[str, ...]]:
    if path is None:
        return None, "not_scored", ()
    read = ingest.read_events_csv(path, kind)
    legs = [LEG_CODE[leg] for leg in read.leg]
    return scoring.make_spans(read.onset_us, read.offset_us, legs), "scored", read.notices


def _legs(declared: str | None, found: set[str], where: Path) -> str:
    if declared is not None:
        return declared
    if found == {"L", "R"}:
        return "both"
    if found == {"C"}:
        return "combined"
    raise InputError(
        f"{where}: holds movements of {'one leg' if found else 'no leg'} only; say with --legs what was recorded "
        "(a quiet leg is not a missing one)"
    )


def read_given(
    movements: Path,
    *,
    stages: Path | None = None,
    respiratory: Path | None = None,
    arousals: Path | None = None,
    gaps: Path | None = None,
    legs: str | None = None,
    duration_s: float | None = None,
    lights_off_s: float | None = None,
    lights_on_s: float | None = None,
) -> Given:
    """Read the tables of ``plms score``; a file that is not given means unknown, an empty one none found.

    Raises
    ------
    InputError
        One line: which file, which line, what is wrong, what to do.
    """
    read = ingest.read_movements_csv(movements)
    staged, stages_state, stage_notices = _stages(stages)
    breathing, respiratory_state, respiratory_notices = _respiratory(respiratory)
    waking, arousals_state, arousal_notices = _spans(arousals, "arousals")
    unusable, _, gap_notices = _spans(gaps, "gaps")
    if duration_s is None and (staged is None or not len(staged.offset_us)):
        raise InputError(f"{movements}: the end of the recording is unknown; give --stages or --duration")
    duration_us = round(duration_s * 1e6) if duration_s is not None else int(np.max(staged.offset_us))  # type: ignore[union-attr]
    window = tuple(None if value is None else round(value * 1e6) for value in (lights_off_s, lights_on_s))
    given = scoring.NightInput(
        movements=scoring.make_movements(
            [LEG_CODE[leg] for leg in read.leg], read.onset_us, read.offset_us, read.has_morphology, read.is_truncated
        ),
        stages=staged,
        respiratory=breathing,
        arousals=waking,
        gaps=scoring.make_spans() if unusable is None else unusable,
        duration_us=duration_us,
        window=(window[0], window[1]),
        legs=_legs(legs, set(read.leg), movements),
        evidence=night.load_evidence(),
        stages_state=stages_state,
        respiratory_state=respiratory_state,
        arousals_state=arousals_state,
        window_basis="recording" if window == (None, None) else "sheet",
    )
    left_out = (f"{movements.name}: {read.n_not_kept} rows with is_kept = false are not scored",) * bool(
        read.n_not_kept
    )
    notices = (*read.notices, *left_out, *stage_notices, *respiratory_notices, *arousal_notices, *gap_notices)
    return Given(given, notices)


def score_given(ids: Mapping[str, str], given: Given, rule_sets: Sequence[scoring.RuleSet]) -> night.NightPart:
    """Tables ``scored_movement`` and ``night`` of given events under every rule set."""
    tables = night.scored_tables(scoring.score(given.night, rule_sets))
    return night.NightPart({name: with_ids(name, ids, rows) for name, rows in tables.items()}, {})


def detect_file(
    path: Path,
    channels: Mapping[str, Any],
    detector: emg.Detector,
    rule_sets: Sequence[scoring.RuleSet],
    *,
    stages: Path | None = None,
    respiratory: Path | None = None,
    arousals: Path | None = None,
) -> night.NightPart:
    """Detect the movements of one recording and score them.

    Parameters
    ----------
    path
        EDF, EDF+, BDF or BDF+.
    channels
        ``left``, ``right``, ``combined``: labels (two = subtract); ``sensor``. Naming a channel declares it EMG.

    Returns
    -------
    NightPart
        The tables of the detection and of the scoring; facts of the detection.

    Raises
    ------
    InputError
        The recording cannot be opened or has no leg that EMG criteria apply to; says which and what to do.
    """
    declared = {role: [";".join(labels)] if labels else [] for role, labels in channels.items() if role != "sensor"}
    overrides = ingest.overrides_from({**declared, "sensor": channels.get("sensor")}, where="options")
    try:
        recording = ingest.open_recording(path, overrides)
    except ingest.EdfDefect as defect:
        raise InputError(f"{path}: {defect.text}; {ingest.what_to_do(defect.code)}") from None
    if excluded := night.exclusion(recording):
        text = next((item.text for item in recording.findings if item.code == excluded), excluded)
        advice = {
            "sensor_unknown": "declare it with --sensor emg, or name the channels with --left, --right or --combined",
            "sensor_piezo": "the +8/+2 µV rule is not defined for it; only leg EMG can be detected",
        }.get(excluded, "name the channels with --left and --right, or --combined")
        raise InputError(f"{path}: {text}; {advice}")
    ids = local_ids(path)
    detected = night.detect_night(ids, recording, detector)
    staged, stages_state, _ = _stages(stages)
    breathing, respiratory_state, _ = _respiratory(respiratory)
    waking, arousals_state, _ = _spans(arousals, "arousals")
    events = scoring.NightInput(
        movements=night.movements_of(detected),
        stages=staged,
        respiratory=breathing,
        arousals=waking,
        gaps=night.gaps_of(detected),
        duration_us=recording.duration_us,
        window=(None, None),
        legs=detected.facts["legs_used"],
        evidence=night.load_evidence(),
        stages_state=stages_state,
        respiratory_state=respiratory_state,
        arousals_state=arousals_state,
    )
    scored = night.scored_tables(scoring.score(events, rule_sets))
    tables = {name: with_ids(name, ids, rows) for name, rows in scored.items()}
    if staged is not None:
        names = [scoring.STAGE_NAMES[code] for code in staged.stage.tolist()]
        tables["hypnogram"] = {
            "onset_s": staged.onset_us / 1e6,
            "offset_s": staged.offset_us / 1e6,
            "stage": names,
        }
    return night.NightPart({**detected.tables, **tables}, detected.facts)


def declared_tables(part: night.NightPart, names: Sequence[str]) -> dict[str, Any]:
    """Tables of a part as Arrow tables that follow their declaration."""
    return {name: contracts.to_arrow(name, part.tables[name]) for name in names}
