"""From marks of sources to rows of stages and of events: labels get their meaning, defects are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from plms_pipeline.ingest.annotation_marks import Mark, Source, printable
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.labels import class_of, event_type_of, is_ignored, legs_of, stage_of

NO_DURATION = -1
_LABELS_TOLD = 20


class StageRow(NamedTuple):
    """A stretch of one stage, microseconds from the start of the recording."""

    onset_us: int
    offset_us: int
    stage: str
    label: str
    source: str


class EventRow(NamedTuple):
    """An event of one leg or none; offset -1 = no duration known."""

    onset_us: int
    offset_us: int
    type: str
    leg: str
    label: str
    source: str
    event_class: str


class _Meaning(NamedTuple):
    stage: str | None
    event_type: str | None
    event_class: str
    is_ignored: bool


_COUNTED = (
    "unknown_label",
    "unknown_stage",
    "negative_duration",
    "event_without_onset",
    "stage_without_duration",
    "ignored_label",
)


def classify(
    sources: Sequence[Source], label_chars: int, findings: list[Finding]
) -> tuple[list[StageRow], list[EventRow], Counter[str]]:
    """Rows of stages and of events, each sorted; and of each class of events how many have no usable onset.

    Parameters
    ----------
    sources : sequence of Source
    label_chars : int
        Longer labels are cut; control characters become blanks.
    findings : list of Finding
        Gets labels that are in no code list with their counts, and defects of single marks.
    """
    stage_rows: list[StageRow] = []
    event_rows: list[EventRow] = []
    counts: dict[str, Counter[str]] = {code: Counter() for code in _COUNTED}
    n_lost: Counter[str] = Counter()
    known: dict[tuple[str, str], _Meaning] = {}
    for source in sources:
        for mark in source.marks:
            label = _clean(mark.label, label_chars)
            if label == "Recording Start Time" and mark.onset_us is None:
                continue  # NSRR: the first event carries the clock of the start, often without times
            if (label, mark.column) not in known:
                known[label, mark.column] = _meaning(label, mark.column)
            meaning = known[label, mark.column]
            if meaning.is_ignored:
                counts["ignored_label"][label] += 1
                continue
            if mark.onset_us is None:
                counts["event_without_onset"][label] += 1
                n_lost[meaning.event_class] += 1
                continue
            onset = mark.onset_us + source.shift_us
            duration = mark.duration_us
            if duration is not None and duration < 0:
                counts["negative_duration"][label] += 1
                duration = None
            if meaning.stage is not None or mark.column == "stage":
                if meaning.stage is None:
                    counts["unknown_stage"][label] += 1
                if duration:
                    stage_rows.append(StageRow(onset, onset + duration, meaning.stage or "U", label, source.kind))
                else:
                    counts["stage_without_duration"][label] += 1
                continue
            event_rows.extend(_event_rows(mark, label, meaning, onset, duration, source.kind))
            if meaning.event_type is None:
                counts["unknown_label"][label] += 1
    for code, seen in counts.items():
        if seen:
            detail = ", ".join(f"'{label}' × {n}" for label, n in sorted(seen.items())[:_LABELS_TOLD])
            more = len(seen) - _LABELS_TOLD
            findings.append(finding(code, detail + (f" and {more} more labels" if more > 0 else "")))
    return sorted(stage_rows), sorted(event_rows), n_lost


def _clean(label: str, n_chars: int) -> str:
    plain = printable(label)
    return plain if len(plain) <= n_chars else plain[: n_chars - 1] + "…"


def _meaning(label: str, column: str) -> _Meaning:
    stage = None
    if column in ("stage", "label"):
        stage = stage_of(label, in_stage_column=column == "stage")
    event_type = event_type_of(label)
    return _Meaning(stage, event_type, class_of(event_type or "other"), column != "stage" and is_ignored(label))


def _event_rows(
    mark: Mark, label: str, meaning: _Meaning, onset: int, duration: int | None, source: str
) -> list[EventRow]:
    offset = NO_DURATION if duration is None else onset + duration
    if meaning.event_class == "lights":
        offset = onset
    legs = legs_of(label, mark.location) if meaning.event_class == "movement" else [""]
    kind = meaning.event_type or "other"
    return [EventRow(onset, offset, kind, leg, label, source, meaning.event_class) for leg in legs]
