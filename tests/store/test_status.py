"""What anyone may ask a store without a lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline.errors import InputError
from plms_pipeline.store import RunFolder, StoreLock, latest_release, status
from tests.store import fake_store
from tests.store.test_lock import dead_lock

pytestmark = pytest.mark.usefixtures("fake_schemas")


def test_status_while_and_after_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store"):
        status(tmp_path)
    fake_store.whole_run(tmp_path, 3)
    with StoreLock(tmp_path, "run-1"):
        folder = RunFolder(tmp_path, "run-1")
        folder.update(n_done=2, n_in=3)
        now = status(tmp_path)
        assert now.writer is not None and now.writer.startswith("run run-1 (host ")
        assert now.heartbeat_age_s is not None and now.heartbeat_age_s < 60
        assert now.run == {"run": "run-1", "n_done": 2, "n_in": 3}
    after = status(tmp_path)
    assert after.writer is None and not after.is_writer_gone
    assert after.run == {"run": "run-1", "n_done": 2, "n_in": 3}
    assert after.parts == {"detect": 3, "score": 3, "link": 3}
    release = latest_release(tmp_path)
    assert release is not None
    assert (after.releases, after.latest) == ([release.name], release.name)
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_status_tells_a_dead_writer_from_a_living_one(tmp_path: Path) -> None:
    dead_lock(tmp_path)
    found = status(tmp_path)
    assert found.writer is None
    assert found.is_writer_gone


def test_run_names_stay_inside_their_folder(tmp_path: Path) -> None:
    for name in ("../x", "", "a/b", ".hidden", "a b"):
        with pytest.raises(InputError, match="run name"):
            RunFolder(tmp_path, name)
