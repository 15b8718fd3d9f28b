"""From marks of sources to rows of stages and of events: labels get their meaning, defects are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plms_pipeline.ingest.annotation_marks import Mark, Source, printable
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.labels import Meaning, class_of, event_type_of, form, is_ignored, legs_of, stage_of

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


_COUNTED = (
    "unknown_label",
    "unknown_stage",
    "negative_duration",
    "event_without_onset",
    "stage_without_duration",
    "ignored_label",
)


def classify(
    sources: Sequence[Source], label_chars: int, own: Mapping[str, Meaning], findings: list[Finding]
) -> tuple[list[StageRow], list[EventRow], Counter[str]]:
    """Rows of stages and of events, each sorted; and of each class of events how many have no usable onset.

    Parameters
    ----------
    sources : sequence of Source
    label_chars : int
        Longer labels are cut; control characters become blanks.
    own : mapping
        Meanings of labels by their compared form that win over the code lists (`own_labels`).
    findings : list of Finding
        Gets labels that are in no code list with their counts, and defects of single marks.
    """
    stage_rows: list[StageRow] = []
    event_rows: list[EventRow] = []
    counts: dict[str, Counter[str]] = {code: Counter() for code in _COUNTED}
    n_lost: Counter[str] = Counter()
    known: dict[tuple[str, str], Meaning] = {}
    for source in sources:
        for mark in source.marks:
            label = _clean(mark.label, label_chars)
            if label == "Recording Start Time" and mark.onset_us is None:
                continue  # NSRR: the first event carries the clock of the start, often without times
            if (label, mark.column) not in known:
                known[label, mark.column] = own.get(form(label)) or _meaning(label, mark.column)
            meaning = known[label, mark.column]
            if meaning.is_ignored:
                counts["ignored_label"][label] += 1
                continue
            if mark.onset_us is None:
                counts["event_without_onset"][label] += 1
                n_lost[class_of(meaning.event_type or "other")] += 1
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


def _meaning(label: str, column: str) -> Meaning:
    stage = stage_of(label, in_stage_column=column == "stage") if column in ("stage", "label") else None
    return Meaning(stage, event_type_of(label), "", column != "stage" and is_ignored(label))


def _event_rows(
    mark: Mark, label: str, meaning: Meaning, onset: int, duration: int | None, source: str
) -> list[EventRow]:
    kind = meaning.event_type or "other"
    event_class = class_of(kind)
    offset = NO_DURATION if duration is None else onset + duration
    if event_class == "lights":
        offset = onset
    legs: Sequence[str] = [""]
    if event_class == "movement":
        legs = meaning.legs or legs_of(label, mark.location)
    return [EventRow(onset, offset, kind, leg, label, source, event_class) for leg in legs]
