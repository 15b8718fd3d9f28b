"""Scoring of leg movements: events in, movements and indices out; a rule set is an argument.

Times are int64 microseconds from the start of the recording, spans half-open; ``None`` = unknown, empty = none found.
"""

from plms_pipeline.scoring.agreement import match
from plms_pipeline.scoring.engine import Scored, score
from plms_pipeline.scoring.inputs import (
    BOTH_LEGS,
    COMBINED,
    LEFT,
    LEGS,
    NO_DURATION,
    RIGHT,
    STAGE_NAMES,
    EvidenceSettings,
    Movements,
    NightInput,
    Respiratory,
    Spans,
    Stages,
    make_movements,
    make_respiratory,
    make_spans,
    make_stages,
)
from plms_pipeline.scoring.rules import (
    RuleSet,
    effective_settings,
    evidence_from_mapping,
    evidence_settings,
    rule_set_from_mapping,
    rule_set_name,
)
from plms_pipeline.scoring.timeline import (
    Hypnogram,
    SleepTimes,
    apnea_hypopnea_per_h,
    frame,
    hypnogram,
    sleep_times,
)

__all__ = [
    "BOTH_LEGS",
    "COMBINED",
    "LEFT",
    "LEGS",
    "NO_DURATION",
    "RIGHT",
    "STAGE_NAMES",
    "EvidenceSettings",
    "Hypnogram",
    "Movements",
    "NightInput",
    "Respiratory",
    "RuleSet",
    "Scored",
    "SleepTimes",
    "Spans",
    "Stages",
    "apnea_hypopnea_per_h",
    "effective_settings",
    "evidence_from_mapping",
    "evidence_settings",
    "frame",
    "hypnogram",
    "make_movements",
    "make_respiratory",
    "make_spans",
    "make_stages",
    "match",
    "rule_set_from_mapping",
    "rule_set_name",
    "score",
    "sleep_times",
]
