"""A small cohort of clinical tables, written to disk by tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plms_pipeline.exposures import clinical_rules

MAPPING = """\
format: plms-clinical-mapping/1
age_precision: exact
missing: ["NA", "."]
collected: [medication, ferritin, crp, creatinine, dialysis, ckd_stage, neuropathy, ahi, narcolepsy, rbd, rls_criteria,
  rls_screen, rls_physician, cramp_questions, insomnia, unrefreshing, sleepiness, fatigue, clinician_disturbance]
files:
"""

CohortWriter = Callable[..., Path]


@pytest.fixture
def write_tables(tmp_path: Path) -> CohortWriter:
    """Writes CSV files given as text and a mapping with canonical headers; returns the path of the mapping."""

    def write(mapping: str = MAPPING, undated: str = "unknown", **files: str) -> Path:
        text = mapping
        for table, content in files.items():
            (tmp_path / f"{table}.csv").write_text(content, encoding="utf-8")
            text += f"  - {{table: {table}, path: {table}.csv, undated: {undated}}}\n"
        path = tmp_path / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def rules() -> dict[str, Any]:
    """The declared clinical rules."""
    return clinical_rules()
