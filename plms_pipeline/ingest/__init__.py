"""From a row of the sheet to an opened recording: files, time line, channels, annotations, findings."""

from plms_pipeline.ingest.annotations import (
    NO_DURATION,
    Annotations,
    EventSpans,
    StageSpans,
    read_annotations,
)
from plms_pipeline.ingest.channel_rules import role_of
from plms_pipeline.ingest.channels import ChannelDecision, ChannelOverrides, decide_channels, overrides_from
from plms_pipeline.ingest.digest import file_digest
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.edf_signal import Channel, Recording, Segment, open_recording
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding, what_to_do
from plms_pipeline.ingest.labels import class_of
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
    "class_of",
    "clock_window",
    "decide_channels",
    "file_digest",
    "finding",
    "holds_annotations",
    "open_recording",
    "overrides_from",
    "read_annotations",
    "read_events_csv",
    "read_header",
    "read_movements_csv",
    "read_sheet",
    "read_stages_csv",
    "role_of",
    "what_to_do",
]
