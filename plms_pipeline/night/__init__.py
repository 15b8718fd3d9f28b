"""One night: `detect_night` sees the signal and never annotations, `score_night` sees events and never the signal."""

from plms_pipeline.night.detect import Settings, detect_night, exclusion
from plms_pipeline.night.family import EMG, NO_FAMILY, PIEZO, family_of, score_family, source_of
from plms_pipeline.night.human import ANNOTATION, HumanMarks, marks_of
from plms_pipeline.night.part import NightPart
from plms_pipeline.night.recording import recording_columns
from plms_pipeline.night.score import Window, gaps_of, movements_of, no_leg_reason, score_night, window_of
from plms_pipeline.night.settings import (
    available_rule_sets,
    effective_evidence,
    load_detector,
    load_evidence,
    load_piezo_detector,
    load_rule_sets,
    load_signal_checks,
    rule_files,
    rule_set_file,
)
from plms_pipeline.night.sources import DETECTOR, of_source, score_sources, with_source

__all__ = [
    "ANNOTATION",
    "DETECTOR",
    "EMG",
    "NO_FAMILY",
    "PIEZO",
    "HumanMarks",
    "NightPart",
    "Settings",
    "Window",
    "available_rule_sets",
    "detect_night",
    "effective_evidence",
    "exclusion",
    "family_of",
    "gaps_of",
    "load_detector",
    "load_evidence",
    "load_piezo_detector",
    "load_rule_sets",
    "load_signal_checks",
    "marks_of",
    "movements_of",
    "no_leg_reason",
    "of_source",
    "recording_columns",
    "rule_files",
    "rule_set_file",
    "score_family",
    "score_night",
    "score_sources",
    "source_of",
    "window_of",
    "with_source",
]
