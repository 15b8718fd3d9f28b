"""Single recordings and given movements from the command line, without cohort, store or clinical data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, ingest, night, scoring
from plms_pipeline.errors import InputError
from plms_pipeline.night.part import with_ids
from plms_pipeline.single.events import EventFiles, local_ids
from plms_pipeline.single.picture import is_simulated, leg_amplitude, night_picture

__all__ = [
    "Given",
    "declared_tables",
    "detect_file",
    "detected_settings",
    "given_settings",
    "night_picture",
    "read_given",
    "score_given",
]


class Given(NamedTuple):
    """Events read from files, ready to be scored.

    Attributes
    ----------
    night : NightInput
    ids : dict of str to str
        recording_id, cohort, subject_id, visit.
    source : str
        Who found the movements (code list ``movement_source``).
    family : str
        What they were measured with (code list ``index_family``).
    notices : tuple of str
        What the reader wants to say.
    """

    night: scoring.NightInput
    ids: dict[str, str]
    source: str
    family: str
    notices: tuple[str, ...]


def _legs(declared: str | None, found: frozenset[str], where: Path) -> str:
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
    """Read the files of ``plms score``: tables or annotation files, also one annotation file for several of them.

    A file that is not given means unknown, a table with its header only none found. Lights off and on come from the
    options, else from the annotation files.

    Raises
    ------
    InputError
        One line: which file, which line, what is wrong, what to do.
    """
    files = {
        "movements": movements,
        "stages": stages,
        "respiratory": respiratory,
        "arousals": arousals,
        "gaps": gaps,
    }
    read = EventFiles(files, duration_us=None if duration_s is None else round(duration_s * 1e6))
    found = read.movements()
    staged, stages_state = read.stages()
    breathing, respiratory_state = read.respiratory()
    waking, arousals_state = read.arousals()
    window = _window(read, (lights_off_s, lights_on_s))
    given = scoring.NightInput(
        movements=found.movements,
        stages=staged,
        respiratory=breathing,
        arousals=waking,
        gaps=read.gaps(),
        duration_us=read.duration_us,
        window=(window.lights_off_us, window.lights_on_us),
        legs=_legs(legs, found.legs, movements),
        evidence=night.load_evidence(),
        stages_state=stages_state,
        respiratory_state=respiratory_state,
        arousals_state=arousals_state,
        window_basis=window.basis,
    )
    return Given(given, found.ids, found.source, _family(found.source, movements), tuple(read.notices))


def _family(source: str, where: Path) -> str:
    families = {night.family_of(name) for name in source.split(", ")}
    if len(families) > 1:
        raise InputError(f"{where}: holds movements of EMG and of a piezo sensor; score them in two runs")
    return families.pop()


def _window(read: EventFiles, given_s: tuple[float | None, float | None]) -> night.Window:
    off_us, on_us = (None if value is None else round(value * 1e6) for value in given_s)
    marked = [one for one in read.lights() if one.lights_off_us is not None or one.lights_on_us is not None]
    if marked:
        return night.window_of(marked[0], (off_us, on_us))
    return night.Window(off_us, on_us, "recording" if off_us is None and on_us is None else "sheet")


def score_given(given: Given, rule_sets: Sequence[scoring.RuleSet]) -> night.NightPart:
    """Tables ``scored_movement`` and ``night`` of given events under every rule set."""
    source = given.source if given.source in contracts.codes("movement_source").values else night.ANNOTATION
    tables = night.with_source(night.score_family(given.night, rule_sets, given.family), source, is_main=True)
    return night.NightPart({name: with_ids(name, given.ids, rows) for name, rows in tables.items()}, {})


def _settings(given: scoring.NightInput, source: str) -> dict[str, Any]:
    """What was given or found out about the recording as a whole, for its provenance."""
    off_us, on_us = given.window
    return {
        "movements_source": source,
        "legs": given.legs,
        "duration_s": given.duration_us / 1e6,
        "lights_off_s": None if off_us is None else off_us / 1e6,
        "lights_on_s": None if on_us is None else on_us / 1e6,
        "window_basis": given.window_basis,
        "stages_state": given.stages_state,
        "respiratory_state": given.respiratory_state,
        "arousals_state": given.arousals_state,
    }


def given_settings(given: Given) -> dict[str, Any]:
    """Rows of provenance about a scoring of given movements."""
    return _settings(given.night, given.source)


def detected_settings(part: night.NightPart, channels: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of provenance about a detection: as `given_settings`, and the channels that were named."""
    named = {f"channels.{role}": list(labels) for role, labels in channels.items() if role != "sensor"}
    return {**part.facts["settings"], **named, "sensor": channels.get("sensor")}


def _said(findings: Sequence[Sequence[str]]) -> list[str]:
    """What the user of one file should know about it; how the sides were taken stands in the tables."""
    return [text for code, severity, text in findings if severity != "info"]


def detect_file(
    path: Path,
    channels: Mapping[str, Any],
    settings: night.Settings,
    rule_sets: Sequence[scoring.RuleSet],
    *,
    stages: Path | None = None,
    respiratory: Path | None = None,
    arousals: Path | None = None,
    leg_marks: Path | None = None,
    with_picture: bool = False,
) -> night.NightPart:
    """Detect the movements of one recording and score them; human leg marks of a file are scored beside them.

    Parameters
    ----------
    path
        EDF, EDF+, BDF or BDF+.
    channels
        ``left``, ``right``, ``combined``: labels (two = subtract); ``sensor``. Naming a channel declares it EMG,
        unless the sensor says otherwise.
    settings
        All numbers of the detectors.
    with_picture
        Whether `night_picture` will be asked for: keeps what only the picture needs.

    Returns
    -------
    NightPart
        The tables of the detection and of the scoring; facts of the detection.

    Raises
    ------
    InputError
        The recording cannot be opened or has no leg that can be scored; says which and what to do.
    """
    declared = {role: [";".join(labels)] if labels else [] for role, labels in channels.items() if role != "sensor"}
    overrides = ingest.overrides_from({**declared, "sensor": channels.get("sensor")}, where="options")
    try:
        recording = ingest.open_recording(path, overrides, dtype=np.float32)
    except ingest.EdfDefect as defect:
        raise InputError(f"{path}: {defect.text}; {ingest.what_to_do(defect.code)}") from None
    if excluded := night.exclusion(recording):
        text = next((item.text for item in recording.findings if item.code == excluded), excluded)
        advice = {
            "sensor_unknown": "declare it with --sensor emg (or piezo), or name the channels with --left, --right or "
            "--combined",
        }.get(excluded, "name the channels with --left and --right, or --combined")
        raise InputError(f"{path}: {text}; {advice}")
    ids = local_ids(path)
    detected = night.detect_night(ids, recording, settings)
    read = EventFiles(
        {"stages": stages, "respiratory": respiratory, "arousals": arousals, "movements": leg_marks},
        duration_us=recording.duration_us,
        recording_start=recording.start,
    )
    staged, stages_state = read.stages()
    breathing, respiratory_state = read.respiratory()
    waking, arousals_state = read.arousals()
    window = _window(read, (None, None))
    events = scoring.NightInput(
        movements=night.movements_of(detected),
        stages=staged,
        respiratory=breathing,
        arousals=waking,
        gaps=night.gaps_of(detected),
        duration_us=recording.duration_us,
        window=(window.lights_off_us, window.lights_on_us),
        legs=detected.facts["legs_used"],
        evidence=night.load_evidence(),
        stages_state=stages_state,
        respiratory_state=respiratory_state,
        arousals_state=arousals_state,
        window_basis=window.basis,
        no_leg_reason=night.no_leg_reason(detected.facts),
    )
    family = detected.facts["family"]
    marks = None if leg_marks is None else _leg_marks(read, detected.facts["legs_used"])
    scored = night.score_sources(events, rule_sets, detected.facts, marks, night.DETECTOR)
    tables = {name: with_ids(name, ids, rows) for name, rows in scored.tables.items()}
    if staged is not None:
        names = [scoring.STAGE_NAMES[code] for code in staged.stage.tolist()]
        tables["hypnogram"] = {
            "onset_s": staged.onset_us / 1e6,
            "offset_s": staged.offset_us / 1e6,
            "stage": names,
        }
    if with_picture:
        tables["amplitude"] = leg_amplitude(recording, settings, family)
    facts = {
        **detected.facts,
        "is_simulated": is_simulated(path),
        "notices": [*_said([*detected.facts["findings"], *scored.findings]), *read.notices],
        "settings": _settings(events, night.source_of(family)),
    }
    return night.NightPart({**detected.tables, **tables}, facts)


def _leg_marks(read: EventFiles, recorded: str) -> night.HumanMarks:
    given = read.movements()
    names = {scoring.LEFT: "L", scoring.RIGHT: "R", scoring.COMBINED: "C"}
    legs = [names[int(code)] for code in given.movements.leg]
    return night.marks_of(legs, given.movements.onset_us, given.movements.offset_us, recorded)


def declared_tables(part: night.NightPart, names: Sequence[str]) -> dict[str, Any]:
    """Tables of a part as Arrow tables that follow their declaration."""
    return {name: contracts.to_arrow(name, part.tables[name]) for name in names}
