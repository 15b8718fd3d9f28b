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


@pytest.fixture(scope="session")
def demo_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COHORT.yaml of six simulated recordings of twenty minutes, some of them defective."""
    from plms_pipeline import simulate

    return simulate.write_cohort(tmp_path_factory.mktemp("sim"), n_nights=6, seed=5, hours=1 / 3).cohort_yaml


@pytest.fixture(scope="session")
def demo_release(demo_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published release of those recordings, made in this process."""
    from plms_pipeline import cohort

    store = tmp_path_factory.mktemp("store")
    settings = cohort.load_cohort(demo_cohort, {"store": str(store)})
    summary = cohort.run(settings, executor="inline")
    assert summary.release is not None, summary.message
    return summary.release
