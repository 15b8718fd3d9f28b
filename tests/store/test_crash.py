"""A kill at any moment leaves the old release or the new one, and a restart ends in the same bytes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from plms_pipeline.store import WorkStore, latest_release, list_releases, verify_release
from tests.store import fake_store
from tests.store.test_release import bytes_of

pytestmark = pytest.mark.usefixtures("fake_schemas")
N = 6
CHECKOUT = Path(__file__).resolve().parents[2]


class Reference(NamedTuple):
    """Bytes of a run that nobody disturbed, and its steps as (number, label)."""

    releases: dict[str, bytes]
    work: dict[str, bytes]
    steps: list[tuple[int, str]]
    duration_s: float


def start(root: Path, *step: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.fake_store", str(root), str(N), *step]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def reference(tmp_path: Path, fake_schemas: Path) -> Reference:
    root = tmp_path / "reference"
    begun = time.monotonic()
    out, _ = start(root, "count").communicate(timeout=120)
    duration_s = time.monotonic() - begun
    steps = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith("move ")]
    assert len(steps) > 100, out
    return Reference(
        bytes_of(root / "releases"), bytes_of(root / "work"), [(int(n), label) for _, n, label in steps], duration_s
    )


def check_and_restart(root: Path, reference: Reference, out: str) -> int:
    """Look at a store as a reader, run again, compare. Returns the number of releases the reader saw."""
    seen = list_releases(root)
    found = latest_release(root)
    if found is not None:
        assert verify_release(found, content=True) == []
    n_committed = sum(WorkStore(root).counts().values())
    assert n_committed >= 3 * out.count("done "), "only the recording in flight may be lost"
    n_written = fake_store.whole_run(root, N)
    assert n_written == 3 * N - n_committed, "what is committed is not computed again"
    assert bytes_of(root / "releases") == reference.releases
    assert bytes_of(root / "work") == reference.work
    return len(seen)


def kill_at_steps(tmp_path: Path, reference: Reference, steps: list[int]) -> None:
    seen = set()
    for step in steps:
        root = tmp_path / f"killed{step}"
        process = start(root, str(step))
        out, _ = process.communicate(timeout=120)
        assert process.returncode == -9, (step, out)
        seen.add(check_and_restart(root, reference, out))
    assert seen == {0, 1}


def test_kill_before_each_kind_of_step(tmp_path: Path, reference: Reference) -> None:
    words = ("replace", "rename", "link LOCK", "unlink LOCK", "rmdir")
    kinds = {label: step for step, label in reference.steps if any(word in label for word in words)}
    labels = " ".join(kinds)
    for expected in ("#.arrow", "#.json", "_manifest.json", "LATEST", "LOCK"):
        assert expected in labels
    kill_at_steps(tmp_path, reference, sorted(kinds.values()))


@pytest.mark.slow
def test_kill_before_every_third_step(tmp_path: Path, reference: Reference) -> None:
    kill_at_steps(tmp_path, reference, [step for step, _ in reference.steps][::3])


def kill_at_times(tmp_path: Path, reference: Reference, n: int, seed: int) -> None:
    moments = random.Random(seed)
    for round_ in range(n):
        root = tmp_path / f"random{round_}"
        process = start(root)
        time.sleep(moments.uniform(0.3, 1.0) * reference.duration_s)
        process.kill()
        out, _ = process.communicate(timeout=120)
        check_and_restart(root, reference, out)


def test_kill_at_random_moments(tmp_path: Path, reference: Reference) -> None:
    kill_at_times(tmp_path, reference, 2, seed=1)


@pytest.mark.slow
def test_kill_at_many_random_moments(tmp_path: Path, reference: Reference) -> None:
    kill_at_times(tmp_path, reference, 20, seed=2)
