"""From a row of the sheet to an opened recording: files, time line, channels, annotations, findings."""

from plms_pipeline.ingest.annotation_sources import recognise
from plms_pipeline.ingest.annotations import (
    NO_DURATION,
    Annotations,
    EventSpans,
    StageSpans,
    read_annotations,
)
from plms_pipeline.ingest.channel_rules import archive_exclusion, role_of
from plms_pipeline.ingest.channels import ChannelDecision, ChannelOverrides, decide_channels, overrides_from
from plms_pipeline.ingest.defects import defects_markdown
from plms_pipeline.ingest.digest import file_digest, legs_digest
from plms_pipeline.ingest.edf_bytes import read_ahead
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.edf_signal import Channel, Recording, Segment, open_recording, read_time_line
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding, what_to_do
from plms_pipeline.ingest.identifiers import pseudonymise, read_key, without_free_text
from plms_pipeline.ingest.labels import class_of, own_labels
from plms_pipeline.ingest.policy import check_policy
from plms_pipeline.ingest.score_input import (
    MovementInput,
    SpanInput,
    StageInput,
    holds_annotations,
    read_events_csv,
    read_movements_csv,
    read_stages_csv,
)
from plms_pipeline.ingest.sheet import SheetRow, clock_window, read_sheet

__all__ = [
    "NO_DURATION",
    "Annotations",
    "Channel",
    "ChannelDecision",
    "ChannelOverrides",
    "EdfDefect",
    "EdfHeader",
    "EventSpans",
    "Finding",
    "MovementInput",
    "Recording",
    "Segment",
    "SheetRow",
    "SignalHeader",
    "SpanInput",
    "StageInput",
    "StageSpans",
    "archive_exclusion",
    "check_policy",
    "class_of",
    "clock_window",
    "decide_channels",
    "defects_markdown",
    "file_digest",
    "finding",
    "holds_annotations",
    "legs_digest",
    "open_recording",
    "overrides_from",
    "own_labels",
    "pseudonymise",
    "read_ahead",
    "read_annotations",
    "read_events_csv",
    "read_header",
    "read_key",
    "read_movements_csv",
    "read_sheet",
    "read_stages_csv",
    "read_time_line",
    "recognise",
    "role_of",
    "what_to_do",
    "without_free_text",
]
