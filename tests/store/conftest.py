"""Declarations of the store's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.store import provenance
from tests.store import fake_store


@pytest.fixture
def fake_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three small tables of nights in place of the real ones, and row groups of 64 rows."""
    schemas = fake_store.write_schemas(tmp_path / "schemas")
    monkeypatch.setenv("PLMS_SCHEMAS", str(schemas))
    monkeypatch.setattr(provenance, "git_commit", fake_store.fixed_commit)
    contracts.forget()
    yield schemas
    monkeypatch.delenv("PLMS_SCHEMAS")
    contracts.forget()
