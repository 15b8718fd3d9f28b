"""A valid synthetic release, written once, and copies of it to plant defects in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.quality.cohort import valid_release
from tests.quality.synthetic import Release


@pytest.fixture(scope="session")
def release() -> Release:
    """Rows of a release that passes every check; copy before changing."""
    return valid_release()


@pytest.fixture(scope="session")
def candidate(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The valid release as files; not to be changed."""
    return release.write(tmp_path_factory.mktemp("release") / "candidate")


@pytest.fixture
def planted(release: Release, candidate: Path, tmp_path: Path) -> Callable[[Callable[[Release], None]], Path]:
    """Writes the release with a defect: only the tables that a plant changed are written anew."""

    def write(plant: Callable[[Release], None]) -> Path:
        changed = release.copy()
        plant(changed)
        target = tmp_path / "candidate"
        shutil.copytree(candidate, target)
        touched = {name for name, rows in changed.rows.items() if rows != release.rows.get(name)}
        touched |= changed.metadata.keys() | changed.file_names.keys() | changed.absent
        touched |= {table for table, _ in changed.types}
        for name in touched:
            shutil.rmtree(target / name, ignore_errors=True)
            (target / f"{name}.parquet").unlink(missing_ok=True)
        return changed.write(target, touched)

    return write
