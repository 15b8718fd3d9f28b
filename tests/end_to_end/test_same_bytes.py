"""The same bytes of every file of a release but `_run.json`: whatever the executor, the workers, the kills."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # killing.py must be importable by name here, in runs and on workers

import killing
from killing import Run

from plms_pipeline import cohort, simulate
from plms_pipeline.store import STAGES, list_releases, status, verify_release

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
N = 6
N_WORKERS = 2
N_KILLS = 10
PYTHONPATH = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "flows"), str(Path(__file__).parent)])


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    """What runs inherit: this checkout, no settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", PYTHONPATH)
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of ten minutes, defects among them."""
    root = tmp_path_factory.mktemp("simulated") / "c"
    simulate.write_cohort(root, n_nights=N, seed=1, hours=10 / 60, workers=1, check_space=False)
    return root


@pytest.fixture(scope="module")
def inline(simulated: Path) -> Path:
    """The cohort after an undisturbed run in one process."""
    root = _copy(simulated, simulated.parent / "inline")
    assert _finish(Run(str(root), "inline", 1))["n_in"] == N
    return root


@pytest.fixture(scope="module")
def expected(inline: Path) -> dict[str, bytes]:
    """The files of its release."""
    assert verify_release(_latest(inline), content=True) == []
    return _bytes(_latest(inline))


def _copy(simulated: Path, folder: Path) -> Path:
    """Another place for the same cohort: no path may reach a byte of the release."""
    shutil.copytree(simulated, folder / "c")
    return folder / "c"


def _finish(run: Run) -> dict[str, Any]:
    if run.executor == "prefect":
        exit_status = killing.start_fresh(run).wait(timeout=900)
    else:
        process = killing.start(run)
        process.join(timeout=900)
        exit_status = process.exitcode
    log = killing.summary_path(run).with_suffix(".log").read_text(encoding="utf-8")
    assert exit_status == 0, log[-2000:]
    summary: dict[str, Any] = json.loads(killing.summary_path(run).read_text(encoding="utf-8"))
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


def _assert_same(root: Path, expected: Mapping[str, bytes]) -> None:
    found = _bytes(_latest(root))
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    assert status(root / "store").releases == [_latest(root).name]


def _commits(root: Path) -> set[str]:
    work = root / "store" / "work"
    return {f"{stage}/{path.stem}" for stage in STAGES for path in (work / stage).glob("??/*.json")}


def _per_stage(commits: set[str]) -> dict[str, int]:
    counts = Counter(name.split("/")[0] for name in commits)
    return {stage: counts[stage] for stage in STAGES}


def _assert_costs_only_what_was_in_flight(root: Path, committed: set[str]) -> None:
    """Right after a kill: what the next run would compute, against commit records and recordings in flight."""
    now = _commits(root)
    assert committed <= now, "a commit was lost"
    done = _per_stage(now)
    in_flight = [path for path in (root / "store" / "work" / "scratch" / "running").glob("*/*") if path.is_file()]
    assert len(in_flight) <= N_WORKERS
    # Only a recording that was running on a worker, now or at an earlier kill, can be begun and not finished.
    before = _per_stage(committed)
    assert (done["detect"] - done["link"]) - (before["detect"] - before["link"]) <= len(in_flight)
    asked = cohort.load_cohort(root / "cohort.yaml", environ={})
    would = cohort.run(asked, executor="inline", dry_run=True).recomputed
    assert would == {stage: N - n for stage, n in done.items()}


def _assert_no_half_release(root: Path) -> None:
    releases = root / "store" / "releases"
    whole = [release.path for release in list_releases(root / "store")]
    assert sorted(path for path in releases.glob("r*") if path.is_dir()) == whole
    assert [problem for release in whole for problem in verify_release(release)] == []
    assert not (releases / "LATEST").exists() or _latest(root) in whole


@pytest.mark.parametrize(("executor", "n_workers", "shard_size"), [("dask", 1, 50), ("dask", 4, 1), ("prefect", 2, 2)])
def test_workers_shards_and_executor_do_not_matter(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path, executor: str, n_workers: int, shard_size: int
) -> None:
    root = _copy(simulated, tmp_path)
    summary = _finish(Run(str(root), executor, n_workers, shard_size))
    assert summary["recomputed"] == dict.fromkeys(STAGES, N)
    _assert_same(root, expected)


def test_ten_kills_at_random_moments_leave_the_same_bytes(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    root = _copy(simulated, tmp_path)
    began = time.monotonic()
    _finish(Run(str(root), "dask", N_WORKERS))
    whole_s = time.monotonic() - began
    _assert_same(root, expected)
    shutil.rmtree(root / "store")
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed of the kills: {seed}; a whole run takes {whole_s:.1f} s")
    moments = random.Random(seed)
    committed: set[str] = set()
    n_kills = 0
    while n_kills < N_KILLS:
        # The first half falls on the recordings, a few commits further each; the second half on any moment.
        process = killing.start(Run(str(root), "dask", N_WORKERS))
        if n_kills < N_KILLS / 2:
            n_commits = len(committed) + moments.randint(1, 4)
            while process.is_alive() and len(_commits(root)) < min(n_commits, len(STAGES) * N):
                time.sleep(0.005)
            process.join(timeout=moments.uniform(0.0, 0.05))
        else:
            process.join(timeout=moments.uniform(0.02, 0.95) * whole_s)
        if process.is_alive():
            killing.kill(process)
            n_kills += 1
            print(f"kill {n_kills}: {_per_stage(_commits(root))} committed")
            _assert_costs_only_what_was_in_flight(root, committed)
            _assert_no_half_release(root)
            committed = _commits(root)
        else:
            assert process.exitcode == 0
            _assert_same(root, expected)
            print("finished before its kill; begins anew")
            shutil.rmtree(root / "store")
            committed = set()
    done = _per_stage(committed)
    summary = _finish(Run(str(root), "dask", N_WORKERS))
    assert summary["recomputed"] == {stage: N - n for stage, n in done.items()}
    _assert_same(root, expected)


def test_kills_at_the_worst_moments_leave_the_same_bytes(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    root = _copy(simulated, tmp_path)
    committed: set[str] = set()
    for moment in (*killing.WORKER_MOMENTS, *killing.RELEASE_MOMENTS):
        after = 2 if moment in killing.WORKER_MOMENTS else 1
        process = killing.start(Run(str(root), "dask", N_WORKERS, moment=moment, after=after))
        process.join(timeout=300)
        assert process.exitcode == -signal.SIGKILL, moment
        torn = [path.suffix for path in (root / "store" / "work").glob("*/??/.*.tmp")]
        parts = {path.stem for path in (root / "store" / "work").glob("*/??/*.arrow")}
        without_record = parts - {name.split("/")[1] for name in _commits(root)}
        candidate = root / "store" / "work" / "candidate"
        assert bool(torn) or moment != "part"
        assert bool(without_record) or moment != "record"
        assert (candidate / "_manifest.json").exists() or moment != "manifest"
        assert (status(root / "store").latest is None) == (moment != "published")
        _assert_costs_only_what_was_in_flight(root, committed)
        _assert_no_half_release(root)
        committed = _commits(root)
        if moment in killing.RELEASE_MOMENTS:
            assert _per_stage(committed) == dict.fromkeys(STAGES, N)
    assert len(list_releases(root / "store")) == 1
    summary = _finish(Run(str(root), "dask", N_WORKERS))
    assert summary["recomputed"] == dict.fromkeys(STAGES, 0)
    assert summary["message"].startswith("unchanged")
    _assert_same(root, expected)


@pytest.mark.parametrize("executor", ["dask", "prefect"])
def test_an_interrupted_command_exits_130_and_the_next_run_resumes(
    simulated: Path, expected: dict[str, bytes], tmp_path: Path, executor: str
) -> None:
    root = _copy(simulated, tmp_path)
    token = uuid.uuid4().hex
    run = subprocess.Popen(
        [sys.executable, "-m", "plms_pipeline", "run", str(root / "cohort.yaml"), "--executor", executor],
        env={**os.environ, "RUN_TOKEN": token},
        # A shell that runs the tests in the background has the signal ignored, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    # The first commit of all: the last stage of six short recordings may be done before a signal arrives.
    while not _commits(root):
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)  # as the terminal does: to the whole foreground group
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    assert _with_token(token) == []
    committed = _per_stage(_commits(root))
    summary = _finish(Run(str(root), "inline", 1))
    assert summary["recomputed"] == {stage: N - n for stage, n in committed.items()}
    _assert_same(root, expected)


def _with_token(token: str) -> list[str]:
    """Commands of processes that the run started and left behind, wherever they sit in the tree of processes."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if token.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def test_a_second_run_publishes_nothing(inline: Path, expected: dict[str, bytes]) -> None:
    releases = inline / "store" / "releases"
    before = {path: path.stat().st_mtime_ns for path in releases.rglob("*")}
    summary = _finish(Run(str(inline), "inline", 1))
    assert summary["recomputed"] == dict.fromkeys(STAGES, 0)
    assert {path: path.stat().st_mtime_ns for path in releases.rglob("*")} == before
    _assert_same(inline, expected)
