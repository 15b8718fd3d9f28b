"""Rows of the tables recording, sleep_stage and event, and the facts from which they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plms_pipeline.ingest.annotations import NO_DURATION, Annotations
from plms_pipeline.ingest.channels import ChannelDecision
from plms_pipeline.ingest.edf_signal import Recording
from plms_pipeline.ingest.findings import Finding
from plms_pipeline.ingest.labels import class_of

Columns = dict[str, list[Any]]


def finding_records(findings: Sequence[Finding]) -> list[list[str]]:
    """Findings as JSON-able [code, severity, text], each once, sorted."""
    return [list(item) for item in sorted(set(findings))]


def recording_facts(recording: Recording) -> dict[str, Any]:
    """What table `recording` says about the file and its channels, JSON-able; no date, no path.

    The keys are columns of ``schemas/tables/recording.yaml``, and `findings` as :func:`finding_records`.
    """
    clock = None
    if recording.start is not None:
        clock = recording.start.rpartition("T")[2]
    gap_us = sum(end - begin for begin, end in recording.gaps)
    return {
        "n_bytes": recording.header["n_bytes"],
        "file_format": recording.header["format"],
        "n_signals": recording.header["n_signals"],
        "n_records": recording.header["n_records"],
        "record_duration_s": recording.header["record_duration_s"],
        "start_time_of_day": clock,
        "duration_s": recording.duration_us / 1e6,
        "n_gaps": len(recording.gaps),
        "gap_s": gap_us / 1e6,
        "leg_fs_hz": [leg.fs_hz for leg in recording.legs],
        "leg_unit": [leg.unit for leg in recording.legs],
        **decision_facts(recording.decision),
        "findings": finding_records(recording.findings),
    }


def decision_facts(decision: ChannelDecision) -> dict[str, Any]:
    """Columns of table `recording` that the channel decision fills."""

    def label(role: str) -> str | None:
        labels = getattr(decision, role)
        return None if labels is None else " - ".join(labels)

    return {
        "layout": decision.layout,
        "channel_left": label("left"),
        "channel_right": label("right"),
        "channel_combined": label("combined"),
        "channel_ecg": label("ecg"),
        "channel_rule": decision.rule,
        "channel_choice": decision.reason,
        "sensor": decision.sensor,
    }


def annotation_facts(annotations: Annotations) -> dict[str, Any]:
    """Columns of table `recording` that the annotations fill, JSON-able."""
    return {
        "stages_state": annotations.stages_state,
        "respiratory_state": annotations.respiratory_state,
        "arousals_state": annotations.arousals_state,
        "annotation_sources": list(annotations.sources),
        "findings": finding_records(annotations.findings),
    }


_FACT_COLUMNS = (
    "digest", "digest_kind", "n_bytes", "file_format", "n_signals", "n_records", "record_duration_s",
    "start_time_of_day", "duration_s", "n_gaps", "gap_s", "layout", "channel_left", "channel_right", "channel_combined",
    "channel_ecg", "channel_rule", "channel_choice", "sensor", "legs_used", "leg_fs_hz", "leg_unit", "window_start_s",
    "window_end_s", "window_basis", "stages_state", "respiratory_state", "arousals_state", "annotation_sources",
)  # fmt: skip


def recording_row(
    ids: Mapping[str, str],
    *facts: Mapping[str, Any],
    outcome: str,
    outcome_reason: str | None = None,
    pap_this_night: str = "unknown",
) -> Columns:
    """The one row of table `recording`.

    Parameters
    ----------
    ids : mapping
        recording_id, cohort, subject_id, visit.
    *facts : mapping
        :func:`recording_facts`, :func:`annotation_facts`, and further columns such as `digest`, `legs_used`,
        `window_start_s`; keys that are no column are ignored. Findings of all are joined. Without facts (a file that
        could not be read) everything about the file is null.
    outcome, outcome_reason : str
    pap_this_night : {"yes", "no", "unknown"}
    """
    known: dict[str, Any] = {}
    findings: set[tuple[str, str, str]] = set()
    for part in facts:
        known.update({key: value for key, value in part.items() if key != "findings"})
        findings.update((item[0], item[1], item[2]) for item in part.get("findings", ()))
    ordered = sorted(findings)
    row: Columns = {name: [ids[name]] for name in ("recording_id", "cohort", "subject_id", "visit")}
    row["outcome"] = [outcome]
    row["outcome_reason"] = [outcome_reason]
    row.update({name: [known.get(name)] for name in _FACT_COLUMNS})
    row["pap_this_night"] = [pap_this_night]
    row["n_findings"] = [len(ordered)]
    row["findings"] = [sorted({code for code, _, _ in ordered})]
    row["finding_texts"] = [[f"{code} ({severity}): {text}" for code, severity, text in ordered]]
    return row


def sleep_stage_columns(ids: Mapping[str, str], annotations: Annotations) -> Columns:
    """Table `sleep_stage` of one recording; no row when stages are unknown."""
    spans = annotations.stages
    n = 0 if spans is None else len(spans.stage)
    columns = {name: [ids[name]] * n for name in ("recording_id", "cohort", "subject_id", "visit")}
    return columns | {
        "onset_s": [] if spans is None else (spans.onset_us / 1e6).tolist(),
        "duration_s": [] if spans is None else (spans.duration_us / 1e6).tolist(),
        "stage": [] if spans is None else list(spans.stage),
        "source_label": [] if spans is None else list(spans.label),
        "scorer": [None] * n,
        "source": [] if spans is None else list(spans.source),
    }


def event_columns(ids: Mapping[str, str], annotations: Annotations) -> Columns:
    """Table `event` of one recording."""
    events = annotations.events
    n = len(events.type)
    columns = {name: [ids[name]] * n for name in ("recording_id", "cohort", "subject_id", "visit")}
    return columns | {
        "event_index": list(range(n)),
        "onset_s": (events.onset_us / 1e6).tolist(),
        "offset_s": [None if at == NO_DURATION else at / 1e6 for at in events.offset_us.tolist()],
        "type": list(events.type),
        "event_class": [class_of(kind) for kind in events.type],
        "leg": [leg or None for leg in events.leg],
        "source_label": list(events.label),
        "source": list(events.source),
    }
