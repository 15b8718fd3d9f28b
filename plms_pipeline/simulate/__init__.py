"""Cohorts with known truth: what happens in a night, how it looks in files, and who the people are."""

from plms_pipeline.simulate.cohort_files import (
    SimulatedCohort,
    planned_defects,
    require_space,
    required_bytes,
    write_cohort,
)
from plms_pipeline.simulate.condition_files import write_benchmark
from plms_pipeline.simulate.conditions import Recording, recording, segments
from plms_pipeline.simulate.drawing import chosen_conditions, condition_names
from plms_pipeline.simulate.emg_signal import leg_emg
from plms_pipeline.simulate.night_files import NightFiles
from plms_pipeline.simulate.night_plan import plan_night
from plms_pipeline.simulate.personas import (
    NIGHT_FIELDS,
    Expectation,
    Persona,
    narrow_cohort,
    persona_of,
    personas,
    write_clinical_tables,
)
from plms_pipeline.simulate.planned import PlannedMovements, PlannedNight, PlannedSpans

__all__ = [
    "NIGHT_FIELDS",
    "Expectation",
    "NightFiles",
    "Persona",
    "PlannedMovements",
    "PlannedNight",
    "PlannedSpans",
    "Recording",
    "SimulatedCohort",
    "chosen_conditions",
    "condition_names",
    "leg_emg",
    "narrow_cohort",
    "persona_of",
    "personas",
    "plan_night",
    "planned_defects",
    "recording",
    "require_space",
    "required_bytes",
    "segments",
    "write_benchmark",
    "write_clinical_tables",
    "write_cohort",
]
