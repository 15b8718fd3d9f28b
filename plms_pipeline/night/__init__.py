"""One night: `detect_night` sees the signal and never annotations, `score_night` sees events and never the signal."""

from plms_pipeline.night.detect import detect_night, exclusion
from plms_pipeline.night.part import NightPart
from plms_pipeline.night.recording import recording_columns
from plms_pipeline.night.score import Window, gaps_of, movements_of, score_night, scored_tables, window_of
from plms_pipeline.night.settings import (
    available_rule_sets,
    effective_evidence,
    load_detector,
    load_evidence,
    load_rule_sets,
    rule_files,
    rule_set_file,
)

__all__ = [
    "NightPart",
    "Window",
    "available_rule_sets",
    "detect_night",
    "effective_evidence",
    "exclusion",
    "gaps_of",
    "load_detector",
    "load_evidence",
    "load_rule_sets",
    "movements_of",
    "recording_columns",
    "rule_files",
    "rule_set_file",
    "score_night",
    "scored_tables",
    "window_of",
]
