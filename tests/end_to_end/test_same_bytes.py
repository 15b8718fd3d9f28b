"""The same bytes of every file of a release but `_run.json`: whatever the executor, the workers, the kills."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from plms_pipeline import simulate
from plms_pipeline.store import status, verify_release

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
N = 6
N_WORKERS = 2
DRIVER = """
import json, sys
from pathlib import Path
from plms_pipeline import cohort
if __name__ == "__main__":
    root, executor, n_workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    settings = cohort.load_cohort(root / "cohort.yaml", {"n_workers": n_workers, "shard_size": int(sys.argv[4])})
    summary = cohort.run(settings, executor=executor)
    print(json.dumps({"exit_code": summary.exit_code, "recomputed": summary.recomputed, "message": summary.message,
                      "release": str(summary.release), "n_in": summary.n_in}))
"""


def _start(root: Path, executor: str, n_workers: int, shard_size: int = 2) -> "subprocess.Popen[str]":
    driver = root.parent / "driver.py"
    if not driver.exists():
        driver.write_text(DRIVER, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PLMS_S"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "flows")])
    command = [sys.executable, str(driver), str(root), executor, str(n_workers), str(shard_size)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )


def _finish(run: "subprocess.Popen[str]") -> dict[str, object]:
    out, errors = run.communicate(timeout=900)
    assert run.returncode == 0, errors[-2000:]
    summary: dict[str, object] = json.loads(out.strip().splitlines()[-1])
    assert summary["exit_code"] == 0, summary["message"]
    return summary


def _bytes(release: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(release)): path.read_bytes()
        for path in sorted(release.rglob("*"))
        if path.is_file() and path.name != "_run.json"
    }


def _latest(root: Path) -> Path:
    name = json.loads((root / "store" / "releases" / "LATEST").read_text(encoding="utf-8"))["release"]
    return root / "store" / "releases" / str(name)


def _assert_same(release: Path, expected: Mapping[str, bytes]) -> None:
    found = _bytes(release)
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of ten minutes, defects among them."""
    root = tmp_path_factory.mktemp("simulated") / "c"
    simulate.write_cohort(root, n_nights=N, seed=1, hours=10 / 60, workers=1, check_space=False)
    return root


@pytest.fixture(scope="module")
def expected(simulated: Path) -> dict[str, bytes]:
    """The release of an undisturbed run in one process."""
    root = _copy(simulated, simulated.parent / "inline")
    summary = _finish(_start(root, "inline", 1))
    assert summary["n_in"] == N
    release = _latest(root)
    assert verify_release(release, content=True) == []
    return _bytes(release)


def _copy(simulated: Path, folder: Path) -> Path:
    """Another place for the same cohort: no path may reach a byte of the release."""
    shutil.copytree(simulated, folder / "c")
    return folder / "c"


@pytest.mark.parametrize(
    ("executor", "n_workers", "shard_size"), [("dask", 1, 50), ("dask", 4, 1), ("prefect", 2, 2), ("inline", 1, 1)]
)
def test_workers_shards_and_executor_do_not_matter(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path, executor: str, n_workers: int, shard_size: int
) -> None:
    root = _copy(simulated, tmp_path)
    _finish(_start(root, executor, n_workers, shard_size))
    _assert_same(_latest(root), expected)


def test_ten_kills_of_everything_leave_the_same_bytes(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    root = _copy(simulated, tmp_path)
    began = time.monotonic()
    _finish(_start(_copy(simulated, tmp_path / "timing"), "dask", N_WORKERS))
    whole_s = time.monotonic() - began
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed of the kills: {seed}")
    moments = random.Random(seed)
    n_kills = 0
    for _ in range(10):
        run = _start(root, "dask", N_WORKERS)
        try:
            run.wait(timeout=moments.uniform(0.05, 1.1) * whole_s)
        except subprocess.TimeoutExpired:
            before = _commits(root)
            os.killpg(run.pid, signal.SIGKILL)
            n_kills += 1
        else:
            before = _commits(root)
        run.communicate()
        # A kill never costs what was committed before it.
        assert before <= _commits(root)
    committed = _commits(root)
    summary = _finish(_start(root, "dask", N_WORKERS))
    for stage, n in summary["recomputed"].items():  # type: ignore[attr-defined]
        assert n == N - sum(1 for name in committed if name.startswith(f"{stage}/")), stage
    assert n_kills >= 1
    _assert_same(_latest(root), expected)
    assert status(root / "store").releases == [_latest(root).name]


def test_a_kill_costs_only_what_was_in_flight(simulated: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    root = _copy(simulated, tmp_path)
    run = _start(root, "dask", N_WORKERS)
    deadline = time.monotonic() + 300
    while len([name for name in _commits(root) if name.startswith("link/")]) < 2:
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    done = {
        stage: sum(name.startswith(f"{stage}/") for name in _commits(root)) for stage in ("detect", "score", "link")
    }
    # Every recording that was begun is done or was in flight on a worker.
    assert done["detect"] - done["link"] <= N_WORKERS
    summary = _finish(_start(root, "dask", N_WORKERS))
    assert summary["recomputed"] == {stage: N - n for stage, n in done.items()}
    _assert_same(_latest(root), expected)


def test_a_second_run_publishes_nothing(simulated: Path, expected: dict[str, bytes]) -> None:
    root = simulated.parent / "inline" / "c"
    before = {path: path.stat().st_mtime_ns for path in (root / "store" / "releases").rglob("*")}
    summary = _finish(_start(root, "inline", 1))
    assert summary["recomputed"] == {"detect": 0, "score": 0, "link": 0}
    assert {path: path.stat().st_mtime_ns for path in (root / "store" / "releases").rglob("*")} == before


def _commits(root: Path) -> set[str]:
    work = root / "store" / "work"
    return {
        f"{stage}/{path.stem}" for stage in ("detect", "score", "link") for path in (work / stage).glob("??/*.json")
    }
