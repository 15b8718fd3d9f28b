"""Cohorts with known truth: what happens in a night, how it looks in files, and who the people are."""

from plms_pipeline.simulate.cohort_files import (
    NightFiles,
    SimulatedCohort,
    planned_defects,
    required_bytes,
    write_cohort,
)
from plms_pipeline.simulate.emg_signal import leg_emg
from plms_pipeline.simulate.night_plan import PlannedMovements, PlannedNight, PlannedSpans, plan_night
from plms_pipeline.simulate.personas import (
    NIGHT_FIELDS,
    Expectation,
    Persona,
    persona_of,
    personas,
    write_clinical_tables,
)

__all__ = [
    "NIGHT_FIELDS",
    "Expectation",
    "NightFiles",
    "Persona",
    "PlannedMovements",
    "PlannedNight",
    "PlannedSpans",
    "SimulatedCohort",
    "leg_emg",
    "persona_of",
    "personas",
    "plan_night",
    "planned_defects",
    "required_bytes",
    "write_clinical_tables",
    "write_cohort",
]
