"""Annotations of a planned night in the forms archives use: EDF+ texts, NSRR XML, CSV."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.simulate.edf_writer import EdfAnnotation
from plms_pipeline.simulate.planned import PlannedNight, PlannedSpans

# What the forms call the same thing: EDF+ standard texts, and concept|original of the NSRR exports.
_EDF_TEXT = {
    "hypopnea": "Hypopnea",
    "apnea_obstructive": "Obstructive apnea",
    "apnea_central": "Central apnea",
    "arousal": "EEG arousal",
    "arousal_respiratory": "Respiratory Arousal (EEG)",
}
_XML_CONCEPT = {
    "hypopnea": "Hypopnea|Hypopnea",
    "apnea_obstructive": "Obstructive apnea|Obstructive Apnea",
    "apnea_central": "Central apnea|Central Apnea",
    "arousal": "Arousal|Arousal ()",
    "arousal_respiratory": "Arousal resulting from respiratory effort|Arousal (ARO RES)",
}
_XML_LEG = ("Limb movement - left|Limb Movement (Left)", "Limb movement - right|Limb Movement (Right)")
_STREAM = int.from_bytes(b"marks", "big")  # of the simulated scorer; no other draw of a night is moved by it
_XML_STAGE = {
    "W": "Wake|0",
    "N1": "Stage 1 sleep|1",
    "N2": "Stage 2 sleep|2",
    "N3": "Stage 3 sleep|3",
    "R": "REM sleep|5",
}


def stage_runs(night: PlannedNight) -> Iterator[tuple[float, float, str]]:
    """Runs of equal epochs: onset and duration in seconds, stage."""
    epoch_s = night.epoch_us / 1e6
    at = 0
    for stage, run in itertools.groupby(night.stages):
        n = len(list(run))
        yield at * epoch_s, n * epoch_s, stage
        at += n


def _spans(spans: PlannedSpans) -> Iterator[tuple[float, float, str]]:
    for onset_us, offset_us, kind in zip(spans.onset_us, spans.offset_us, spans.type, strict=True):
        yield int(onset_us) / 1e6, int(offset_us) / 1e6, kind


def edf_annotations(night: PlannedNight, *, lights: bool, respiratory: bool) -> list[EdfAnnotation]:
    """EDF+ annotations of a night: one per epoch (as scoring programs export), events, lights."""
    epoch_s = night.epoch_us / 1e6
    notes = [EdfAnnotation(k * epoch_s, epoch_s, f"Sleep stage {stage}") for k, stage in enumerate(night.stages)]
    groups = [night.arousals, night.respiratory] if respiratory else [night.arousals]
    for spans in groups:
        notes += [EdfAnnotation(a, round(b - a, 1), _EDF_TEXT[kind]) for a, b, kind in _spans(spans)]
    if lights:
        notes.append(EdfAnnotation(night.lights_off_us / 1e6, None, "Lights off"))
        notes.append(EdfAnnotation(night.lights_on_us / 1e6, None, "Lights on"))
    return sorted(notes, key=lambda note: (note.onset_s, note.text))


class LegMarks(NamedTuple):
    """Leg movements as a simulated human marked them, on a grid of a tenth of a second; leg 0 left, 1 right."""

    leg: np.ndarray
    onset_s: np.ndarray
    duration_s: np.ndarray


def human_marks(night: PlannedNight, seed: Sequence[int], scorer: Mapping[str, Any], legs: Sequence[int]) -> LegMarks:
    """Marks of a human who misses some movements and is a little off at both ends; on the grid of NSRR files.

    Parameters
    ----------
    night : PlannedNight
    seed : sequence of int
        Of the night; the marks have a stream of their own.
    scorer : mapping
        `marked_share`, and `error_s` as least and largest error of an end.
    legs : sequence of int
        Legs that the recording holds.
    """
    true = night.movements
    draw = np.random.default_rng([*seed, _STREAM])
    n = len(true.onset_us)
    is_marked = (draw.random(n) < scorer["marked_share"]) & np.isin(true.leg, legs)
    least, largest = scorer["error_s"]
    errors = draw.uniform(least, largest, (2, n))
    onset = np.round(np.maximum(true.onset_us / 1e6 + errors[0], 0.0), 1)
    offset = np.round(np.maximum(true.offset_us / 1e6 + errors[1], onset + 0.1), 1)
    return LegMarks(true.leg[is_marked], onset[is_marked], (offset - onset)[is_marked])


def write_nsrr_xml(
    path: Path, night: PlannedNight, *, start_clock: str, respiratory: bool, marks: LegMarks | None = None
) -> None:
    """NSRR XML (PSGAnnotation), one element a line; `start_clock` as ``01.01.85 22.30.00``."""

    def event(group: str, concept: str, onset_s: float, length_s: float, where: str = "") -> str:
        place = f"<SignalLocation>{where}</SignalLocation>\n" if where else ""
        return (
            f"<ScoredEvent>\n<EventType>{group}</EventType>\n<EventConcept>{concept}</EventConcept>\n"
            f"<Start>{onset_s:.1f}</Start>\n<Duration>{length_s:.1f}</Duration>\n{place}</ScoredEvent>\n"
        )

    length_s = night.duration_us / 1e6
    parts = [
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<PSGAnnotation>\n'
        "<SoftwareVersion>simulated</SoftwareVersion>\n"
        f"<EpochLength>{night.epoch_us // 1_000_000}</EpochLength>\n<ScoredEvents>\n"
        "<ScoredEvent>\n<EventType/>\n<EventConcept>Recording Start Time</EventConcept>\n"
        f"<Start>0</Start>\n<Duration>{length_s:.1f}</Duration>\n<ClockTime>{start_clock}</ClockTime>\n</ScoredEvent>\n"
    ]
    events: list[tuple[float, str]] = []
    if respiratory:
        for a, b, kind in _spans(night.respiratory):
            text = event("Respiratory|Respiratory", _XML_CONCEPT[kind], a, b - a, "Thermistor")
            events.append((a, text))
    for a, b, kind in _spans(night.arousals):
        events.append((a, event("Arousals|Arousals", _XML_CONCEPT[kind], a, b - a, "EEG")))
    if marks is not None:
        for leg, a, length in zip(*(column.tolist() for column in marks), strict=True):
            events.append((a, event("Limb Movement|Limb Movement", _XML_LEG[leg], a, length)))
    parts += [text for _, text in sorted(events)]
    parts += [event("Stages|Stages", _XML_STAGE[stage], a, length) for a, length, stage in stage_runs(night)]
    parts.append("</ScoredEvents>\n</PSGAnnotation>\n")
    path.write_text("".join(parts), encoding="utf-8", newline="\n")


def write_csv_annotations(folder: Path, stem: str, night: PlannedNight, *, respiratory: bool) -> list[Path]:
    """CSV files of stages, respiratory events and arousals; without respiratory scoring no such file."""
    tables: list[tuple[str, list[str]]] = [
        ("stages", ["onset_s,duration_s,stage"] + [f"{a:g},{n:g},{s}" for a, n, s in stage_runs(night)]),
        ("arousals", _rows(night.arousals)),
    ]
    if respiratory:
        tables.insert(1, ("respiratory", _rows(night.respiratory)))
    paths = []
    for name, lines in tables:
        path = folder / f"{stem}_{name}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def _rows(spans: PlannedSpans) -> list[str]:
    return ["onset_s,offset_s,type"] + [f"{a:.1f},{b:.1f},{kind}" for a, b, kind in _spans(spans)]
