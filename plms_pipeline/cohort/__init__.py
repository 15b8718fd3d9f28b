"""A cohort run: settings, plan, executors, resume, release."""

from plms_pipeline.cohort.plan import RunContext, RunOptions, Shard, prepare
from plms_pipeline.cohort.run import (
    EXECUTORS,
    RunSummary,
    finish,
    process_shard,
    run,
    run_dask,
    run_inline,
)
from plms_pipeline.cohort.settings import CohortSettings, Setting, declared, load_cohort
from plms_pipeline.cohort.work import RecordingResult, RecordingTask, Work

__all__ = [
    "EXECUTORS",
    "CohortSettings",
    "RecordingResult",
    "RecordingTask",
    "RunContext",
    "RunOptions",
    "RunSummary",
    "Setting",
    "Shard",
    "Work",
    "declared",
    "finish",
    "load_cohort",
    "prepare",
    "process_shard",
    "run",
    "run_dask",
    "run_inline",
]
