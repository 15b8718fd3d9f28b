"""Fixtures of the cohort tests: one cluster of real processes for the module that shares it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # faults.py must be importable by name here and on workers

from plms_pipeline.cohort.settings import CohortSettings, load_cohort
from plms_pipeline.cohort.work import RecordingTask

MakeTask = Callable[[str], RecordingTask]


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """A task whose recording_id says what should happen to it."""

    def make(recording_id: str) -> RecordingTask:
        return RecordingTask(
            recording_id, "test", recording_id, "single", "/data/secret name/x.edf", (), {}, {}, {}, str(tmp_path), {}
        )

    return make


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., CohortSettings]:
    """Settings with the given values."""
    path = tmp_path / "cohort.yaml"
    path.write_text("cohort: test\nsheet: sheet.csv\nmax_failed_fraction: 1.0\n", encoding="utf-8")

    def make(**values: object) -> CohortSettings:
        return load_cohort(path, {"n_workers": 2, "memory_limit": "0", "time_limit_s": 60, **values}, environ={})

    return make
