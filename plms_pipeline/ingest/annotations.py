"""Stages, events, human leg marks and lights of a recording, normalised; and what was looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_marks import Bounds, Source, bounds
from plms_pipeline.ingest.annotation_meaning import NO_DURATION, EventRow, StageRow, classify
from plms_pipeline.ingest.annotation_sources import read_source
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.labels import Meaning, own_labels


class EventSpans(NamedTuple):
    """Events in canonical order: onset, offset, type, leg, label.

    Attributes
    ----------
    onset_us, offset_us : ndarray of int64
        Half-open, from the start of the recording; offset -1 = no duration known.
    type : tuple of str
        Values of ``schemas/codes/event.yaml``.
    label : tuple of str
        As in the source.
    leg : tuple of str
        L, R, C for movements, empty otherwise.
    source : tuple of str
        Kind of file, a value of ``schemas/codes/annotation_source.yaml``.
    """

    onset_us: np.ndarray
    offset_us: np.ndarray
    type: tuple[str, ...]
    label: tuple[str, ...]
    leg: tuple[str, ...]
    source: tuple[str, ...]


class StageSpans(NamedTuple):
    """Stages in the order of time, not overlapping, inside the recording; equal neighbours of one label are one span.

    Attributes
    ----------
    onset_us, duration_us : ndarray of int64
    stage : tuple of str
        W, N1, N2, N3, R, S (sleep of unknown stage), U (unscored).
    label : tuple of str
        As in the source.
    source : tuple of str
    """

    onset_us: np.ndarray
    duration_us: np.ndarray
    stage: tuple[str, ...]
    label: tuple[str, ...]
    source: tuple[str, ...]


class Annotations(NamedTuple):
    """What the annotation files of a recording hold.

    ``None`` = not looked for, an empty EventSpans = looked for and none found.

    Attributes
    ----------
    stages : StageSpans or None
    stages_state : str
        scored, not_scored, partial or sleep_wake_only.
    respiratory : EventSpans or None
        Apneas, hypopneas and RERAs with a duration, inside the recording.
    respiratory_state : str
    arousals : EventSpans or None
    arousals_state : str
    movements : EventSpans or None
        Human leg marks.
    events : EventSpans
        Every annotation that is no stage, also those above and those of unknown label (type `other`).
    lights_off_us, lights_on_us : int or None
    findings : tuple of Finding
    sources : tuple of str
        Kinds of the files, in the order given.
    """

    stages: StageSpans | None
    stages_state: str
    respiratory: EventSpans | None
    respiratory_state: str
    arousals: EventSpans | None
    arousals_state: str
    movements: EventSpans | None
    events: EventSpans
    lights_off_us: int | None
    lights_on_us: int | None
    findings: tuple[Finding, ...]
    sources: tuple[str, ...]

    def normalised(self) -> dict[str, Any]:
        """JSON-able content, the same for the same annotations in whatever order or file format they came."""

        def spans(events: EventSpans | None) -> list[list[Any]] | None:
            if events is None:
                return None
            columns = (events.onset_us.tolist(), events.offset_us.tolist(), events.type, events.leg, events.label)
            return [list(row) for row in zip(*columns, strict=True)]

        stages = None
        if self.stages is not None:
            found = self.stages
            rows = (found.onset_us.tolist(), found.duration_us.tolist(), found.stage, found.label)
            stages = [list(row) for row in zip(*rows, strict=True)]
        return {
            "stages": stages,
            "states": [self.stages_state, self.respiratory_state, self.arousals_state],
            "respiratory": spans(self.respiratory),
            "arousals": spans(self.arousals),
            "movements": spans(self.movements),
            "events": spans(self.events),
            "lights": [self.lights_off_us, self.lights_on_us],
        }


def read_annotations(
    paths: Sequence[Path],
    *,
    duration_us: int,
    recording_start: str | None = None,
    declared: Mapping[str, str | None] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> Annotations:
    """Read and normalise the annotation files of one recording.

    Parameters
    ----------
    paths : sequence of path
        Of any format of ``schemas/codes/annotation_source.yaml``, recognised by content; together they describe the
        night.
    duration_us : int
        Length of the recording; stages are cut to it.
    recording_start : str, optional
        ``Recording.start``; aligns files that have a start of their own, and places clock times.
    declared : mapping, optional
        `stages_state`, `respiratory_state`, `arousals_state` as the sheet or cohort declares them; empty = not.
    labels : mapping, optional
        Labels of this cohort and what they mean (`own_labels`); they win over the code lists.

    Returns
    -------
    Annotations

    Raises
    ------
    InputError
        A file cannot be read or understood.

    Notes
    -----
    States: declared ones win. Otherwise respiratory events (arousals) are `scored` if a source holds at least one
    that can be used; `partial` if some of them have no onset or no duration; else `not_scored`, because not looked
    for and looked for but not found cannot be told apart. Stages are `not_scored` without any stage,
    `sleep_wake_only` if sleep has no stages anywhere, `partial` if it has them in part, else `scored`.
    """
    limit = bounds()
    sources = [read_source(Path(path), recording_start, limit) for path in paths]
    return _normalise(sources, limit, own_labels(labels or {}), duration_us=duration_us, declared=declared)


def _normalise(
    sources: Sequence[Source],
    limit: Bounds,
    own: Mapping[str, Meaning],
    *,
    duration_us: int,
    declared: Mapping[str, str | None] | None,
) -> Annotations:
    states = {key: value for key, value in (declared or {}).items() if value}
    _check_declared(states)
    findings = [item for source in sources for item in source.findings]
    stage_rows, event_rows, n_lost = classify(sources, limit.label_chars, own, findings)
    looked_for = frozenset().union(*(source.looked_for for source in sources)) if sources else frozenset()
    stages = _stages(stage_rows, duration_us, limit.cover_us, findings)
    stages_state = _stages_state(stages, states.get("stages_state"), findings)
    if stages_state == "not_scored":
        stages = None
    events = _spans(event_rows)
    n_outside = sum(not _inside(row, duration_us) for row in event_rows if row.event_class != "other")
    if n_outside:
        findings.append(finding("event_outside_recording", f"{n_outside} events"))
    usable = _cut(event_rows, duration_us)
    respiratory, respiratory_state = _looked_for(
        "respiratory", usable, n_lost["respiratory"], states.get("respiratory_state"), bool(sources), findings
    )
    arousals, arousals_state = _looked_for(
        "arousal", usable, n_lost["arousal"], states.get("arousals_state"), bool(sources), findings
    )
    marks = [row for row in usable if row.event_class == "movement"]
    movements = _spans(marks) if marks or "movements" in looked_for else None
    lights_off_us, lights_on_us = _lights(event_rows, duration_us, findings)
    return Annotations(
        stages,
        stages_state,
        respiratory,
        respiratory_state,
        arousals,
        arousals_state,
        movements,
        events,
        lights_off_us,
        lights_on_us,
        tuple(findings),
        tuple(source.kind for source in sources),
    )


def _check_declared(declared: Mapping[str, str]) -> None:
    for key, value in declared.items():
        allowed = list(contracts.codes("recording_state").values)
        if key != "stages_state":
            allowed.remove("sleep_wake_only")
        if value not in allowed:
            raise InputError(f"{key} '{value}' is none of {', '.join(allowed)}; correct the sheet or cohort file")


def _spans(rows: Sequence[EventRow]) -> EventSpans:
    ordered = sorted(rows)
    return EventSpans(
        np.array([row.onset_us for row in ordered], dtype=np.int64),
        np.array([row.offset_us for row in ordered], dtype=np.int64),
        tuple(row.type for row in ordered),
        tuple(row.label for row in ordered),
        tuple(row.leg for row in ordered),
        tuple(row.source for row in ordered),
    )


def _inside(row: EventRow, duration_us: int) -> bool:
    onset, offset = row.onset_us, row.offset_us
    return onset < duration_us and (onset >= 0 if offset == NO_DURATION else max(offset, onset + 1) > 0)


def _cut(rows: Sequence[EventRow], duration_us: int) -> list[EventRow]:
    """Events inside the recording, cut to it; one that several files hold counts once."""
    kept: dict[tuple[int, int, str, str], EventRow] = {}
    for row in rows:
        if _inside(row, duration_us):
            offset = row.offset_us if row.offset_us == NO_DURATION else min(row.offset_us, duration_us)
            cut = row._replace(onset_us=max(row.onset_us, 0), offset_us=offset)
            kept.setdefault((cut.onset_us, cut.offset_us, cut.type, cut.leg), cut)
    return list(kept.values())


def _looked_for(
    event_class: str,
    rows: Sequence[EventRow],
    n_lost: int,
    declared: str | None,
    any_source: bool,
    findings: list[Finding],
) -> tuple[EventSpans | None, str]:
    mine = [row for row in rows if row.event_class == event_class]
    usable = [row for row in mine if row.offset_us > row.onset_us]
    n_without = len(mine) - len(usable)
    if n_without:
        findings.append(finding("event_without_duration", f"{n_without} × {event_class}"))
    if declared == "not_scored":
        if mine:
            findings.append(finding("declared_state_contradicts", f"{len(mine)} × {event_class}"))
        return None, "not_scored"
    if declared and not any_source:
        findings.append(finding("declared_without_source", event_class))
        return None, "not_scored"
    if declared:
        return _spans(usable), "partial" if n_without or n_lost else declared
    if mine or n_lost:
        return _spans(usable), "partial" if n_without or n_lost else "scored"
    if any_source:
        code = "respiratory_not_looked_for" if event_class == "respiratory" else "arousals_not_looked_for"
        findings.append(finding(code))
    return None, "not_scored"


def _stages(rows: Sequence[StageRow], duration_us: int, cover_us: int, findings: list[Finding]) -> StageSpans | None:
    unique = sorted(set(rows))
    n_cut = 0
    merged: list[list[Any]] = []
    for onset, offset, stage, label, source in unique:
        begin, end = max(onset, 0), min(offset, duration_us)
        n_cut += (begin, end) != (onset, offset)
        if end <= begin:
            continue
        last = merged[-1] if merged else None
        if last is not None and begin < last[1]:
            if stage != last[2]:
                code = "stages_overlap" if source == last[4] else "stages_conflicting_sources"
                detail = f"{last[2]} until {last[1] / 1e6:.6g} s, {stage} from {begin / 1e6:.6g} s"
                findings.append(finding(code, detail))
                return None
            last[1] = max(last[1], end)
            continue
        if last is not None and begin == last[1] and (stage, label, source) == tuple(last[2:]):
            last[1] = end
            continue
        merged.append([begin, end, stage, label, source])
    if n_cut:
        findings.append(finding("stages_beyond_recording", f"{n_cut} entries"))
    if not merged:
        return None
    onset_us = np.array([row[0] for row in merged], dtype=np.int64)
    offset_us = np.array([row[1] for row in merged], dtype=np.int64)
    without_us = duration_us - int((offset_us - onset_us).sum())
    if without_us > cover_us:
        findings.append(finding("stages_do_not_cover", f"{without_us / 3.6e9:.2f} of {duration_us / 3.6e9:.2f} h"))

    def column(position: int) -> tuple[str, ...]:
        return tuple(row[position] for row in merged)

    return StageSpans(onset_us, offset_us - onset_us, column(2), column(3), column(4))


def _stages_state(stages: StageSpans | None, declared: str | None, findings: list[Finding]) -> str:
    present = set(stages.stage) if stages is not None else set()
    if declared == "not_scored" and present - {"U"}:
        findings.append(finding("declared_state_contradicts", "stages"))
    if not present - {"U"}:
        findings.append(finding("no_stages"))
        return "not_scored"
    if declared:
        return declared
    if "S" in present:
        return "partial" if present & {"N1", "N2", "N3", "R"} else "sleep_wake_only"
    return "scored"


def _lights(rows: Sequence[EventRow], duration_us: int, findings: list[Finding]) -> tuple[int | None, int | None]:
    def times(event_type: str) -> list[int]:
        return sorted({row.onset_us for row in rows if row.type == event_type})

    offs, ons = times("lights_off"), times("lights_on")
    if len(offs) > 1 or len(ons) > 1:
        findings.append(finding("lights_repeated", f"{len(offs)} × off, {len(ons)} × on"))
    return check_window(offs[0] if offs else None, ons[-1] if ons else None, duration_us, findings)


def check_window(
    off_us: int | None, on_us: int | None, duration_us: int, findings: list[Finding]
) -> tuple[int | None, int | None]:
    """Lights off and on cut to the recording; both None (and a finding) when they contradict each other."""
    begin = 0 if off_us is None else max(off_us, 0)
    end = duration_us if on_us is None else min(on_us, duration_us)
    if (off_us is not None or on_us is not None) and begin >= end:
        findings.append(finding("lights_contradictory"))
        return None, None
    return (None if off_us is None else begin), (None if on_us is None else end)
