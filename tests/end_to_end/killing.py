"""Runs of a cohort in a process group of their own, which SIGKILL ends as a whole at a chosen moment.

The test picks the moment: ``moment`` of a `Run` names a place in the code where the run kills its own group, in a
worker or in the process that publishes; without one the test kills it from outside whenever it likes. Runs are
forked from one process that has imported the slow libraries, as ten of them would spend a minute on imports.
"""

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

WORKER_MOMENTS = ("part", "record", "committed")
RELEASE_MOMENTS = ("candidate", "gate", "report", "manifest", "renamed", "published")
SITE = "cluster_kwargs: {preload: [plms_pipeline.cohort.worker, killing]}\n"
PRELOAD = ["plms_pipeline.cohort.cluster", "plms_pipeline.cohort.release", "great_expectations", "matplotlib.figure"]


class Run(NamedTuple):
    """What to run; ``moment`` is met for the ``after``-th time by one process when the group is killed."""

    root: str
    executor: str
    n_workers: int
    shard_size: int = 2
    moment: str = ""
    after: int = 1


def start(run: Run) -> Any:
    """Start a run; returns when it leads a process group of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=_main, args=(run,))
    process.start()
    deadline = time.monotonic() + 120
    while process.is_alive() and os.getpgid(process.pid) != process.pid:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return process


def kill(process: Any) -> None:
    """SIGKILL everything the run has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.join()


def start_fresh(run: Run) -> "subprocess.Popen[bytes]":
    """Start a run in a new interpreter, which ends as programs do (a forked run leaves out what stands in atexit)."""
    return subprocess.Popen([sys.executable, str(Path(__file__)), json.dumps(run)])


def summary_path(run: Run) -> Path:
    """Where a run that ends by itself leaves what it says; what it prints stands beside it."""
    return Path(run.root).parent / "summary.json"


def _main(run: Run) -> None:
    os.setsid()
    os.environ.update(KILL_GROUP=str(os.getpid()), KILL_MOMENT=run.moment, KILL_AFTER=str(run.after))
    out = summary_path(run)
    out.unlink(missing_ok=True)
    with out.with_suffix(".log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    from plms_pipeline import cohort
    from plms_pipeline.store import provenance

    # A commit made while the tests run must not differ from one release to the next.
    provenance.git_commit = lambda: "0" * 40  # type: ignore[assignment]
    if run.moment in RELEASE_MOMENTS:
        _arm_release(run.moment)
    site = out.with_name("site.yaml")
    site.write_text(SITE, encoding="utf-8")
    settings = cohort.load_cohort(
        Path(run.root) / "cohort.yaml",
        {"n_workers": run.n_workers, "shard_size": run.shard_size},
        site=site,
        environ={},
    )
    summary = cohort.run(settings, executor=run.executor)
    told = {name: getattr(summary, name) for name in ("exit_code", "recomputed", "message", "n_in", "n_failed_system")}
    out.write_text(json.dumps(told), encoding="utf-8")
    sys.exit(summary.exit_code)


def dask_setup(worker: Any) -> None:
    """Arm a worker process of the cluster."""
    if os.environ["KILL_MOMENT"] in WORKER_MOMENTS:
        _arm_worker(os.environ["KILL_MOMENT"])


class _Fuse:
    """Kills the group when it is met for the n-th time."""

    def __init__(self) -> None:
        self._left = int(os.environ["KILL_AFTER"])

    def burns_down(self) -> bool:
        self._left -= 1
        return self._left <= 0

    def __call__(self, *_: Any, **__: Any) -> None:
        os.killpg(int(os.environ["KILL_GROUP"]), signal.SIGKILL)
        time.sleep(60)


def _arm_worker(moment: str) -> None:
    from plms_pipeline.store import files, work

    fuse = _Fuse()

    def write_atomic(path: Path, data: bytes) -> None:
        if moment == "part" and path.suffix == ".arrow" and fuse.burns_down():
            files.temporary_beside(path).write_bytes(data[: len(data) // 2])
            fuse()
        if moment == "record" and path.suffix == ".json" and fuse.burns_down():
            fuse()
        files.write_atomic(path, data)
        if moment == "committed" and path.suffix == ".json" and fuse.burns_down():
            fuse()

    work.write_atomic = write_atomic  # type: ignore[assignment]


def _arm_release(moment: str) -> None:
    release: Any = importlib.import_module("plms_pipeline.cohort.release")
    candidate: Any = importlib.import_module("plms_pipeline.store.candidate")
    publish: Any = importlib.import_module("plms_pipeline.store.publish")
    fuse = _Fuse()
    if moment == "candidate":  # its nights are written, its single tables are not complete
        candidate.write_single = _before(candidate.write_single, lambda _, name, *__, **___: name == "domain", fuse)
    elif moment == "gate":  # the candidate is complete, the verdict is not in it
        release.store.add_table = fuse
    elif moment == "report":
        release.render_report = _after(release.render_report, fuse)
    elif moment == "manifest":  # the manifest is written, the folder has not its name yet
        Path.rename = _before(Path.rename, lambda path, _: path.name == "candidate", fuse)  # type: ignore[method-assign]
    elif moment == "renamed":  # the release is there, LATEST does not name it
        publish._point_latest = fuse
    else:
        publish._point_latest = _after(publish._point_latest, fuse)


def _before(function: Callable[..., Any], when: Callable[..., bool], fuse: _Fuse) -> Callable[..., Any]:
    def armed(*arguments: Any, **named: Any) -> Any:
        if when(*arguments, **named):
            fuse()
        return function(*arguments, **named)

    return armed


def _after(function: Callable[..., Any], fuse: _Fuse) -> Callable[..., Any]:
    def armed(*arguments: Any, **named: Any) -> None:
        function(*arguments, **named)
        fuse()

    return armed


if __name__ == "__main__":
    _main(Run(*json.loads(sys.argv[1])))
