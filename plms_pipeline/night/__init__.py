"""One night: `detect_night` sees the signal and never annotations, `score_night` sees events and never the signal."""

from plms_pipeline.night.detect import detect_night, exclusion
from plms_pipeline.night.part import NightPart
from plms_pipeline.night.recording import recording_columns
from plms_pipeline.night.score import Window, gaps_of, movements_of, score_night, scored_tables, window_of
from plms_pipeline.night.settings import (
    available_rule_sets,
    load_detector,
    load_evidence,
    load_rule_sets,
    rule_files,
)

__all__ = [
    "NightPart",
    "Window",
    "available_rule_sets",
    "detect_night",
    "exclusion",
    "gaps_of",
    "load_detector",
    "load_evidence",
    "load_rule_sets",
    "movements_of",
    "recording_columns",
    "rule_files",
    "score_night",
    "scored_tables",
    "window_of",
]
