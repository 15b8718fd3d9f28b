"""Declarations of the store's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plms_pipeline import contracts
from tests.store.fake_store import write_schemas


@pytest.fixture
def fake_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three small tables of nights in place of the real ones, and row groups of 64 rows."""
    schemas = write_schemas(tmp_path / "schemas")
    monkeypatch.setenv("PLMS_SCHEMAS", str(schemas))
    contracts.forget()
    yield schemas
    monkeypatch.delenv("PLMS_SCHEMAS")
    contracts.forget()
