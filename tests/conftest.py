"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plms_pipeline import contracts

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real sample files that are not part of the project; tests that need them skip where they are not."""
    folder = Path(os.environ.get("PLMS_SHARED_DATA", CHECKOUT.parent / "shared" / "data"))
    if not (folder / "PROVENANCE.md").is_file():
        pytest.skip("the folder of real sample files is not here (PLMS_SHARED_DATA)")
    return folder


@pytest.fixture
def own_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the declarations that a test may change; call ``contracts.forget()`` after a change."""
    import shutil

    copy = tmp_path / "schemas"
    shutil.copytree(contracts.schema_root(), copy)
    monkeypatch.setenv("PLMS_SCHEMAS", str(copy))
    contracts.forget()
    yield copy
    monkeypatch.delenv("PLMS_SCHEMAS")
    contracts.forget()
