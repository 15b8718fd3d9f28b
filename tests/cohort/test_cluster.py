"""The Dask executor on a real cluster of processes: worker deaths, hangs, the crash lane."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faults
import pytest

from plms_pipeline.cohort.cluster import DaskExecutor, refuse_open_scheduler
from plms_pipeline.cohort.lane import run_alone
from plms_pipeline.cohort.settings import CohortSettings, load_cohort
from plms_pipeline.cohort.work import RecordingResult, RecordingTask, Work
from plms_pipeline.errors import InputError, SystemFailure

WORK = Work(faults.recording, faults.crash)


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskExecutor]:
    root = tmp_path_factory.mktemp("cluster")
    (root / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    overrides = {"n_workers": 2, "memory_limit": "0", "time_limit_s": 8}
    with DaskExecutor(WORK, load_cohort(root / "cohort.yaml", overrides, environ={}), root) as one:
        yield one


def _run(executor: DaskExecutor, tasks: list[RecordingTask]) -> dict[str, RecordingResult]:
    results = list(executor.submit(tasks))
    by_id = {result.recording_id: result for result in results}
    assert sorted(by_id) == sorted(task.recording_id for task in tasks)
    assert len(results) == len(tasks)
    return by_id


def _outcomes(results: dict[str, RecordingResult]) -> dict[str, tuple[str, str | None]]:
    return {name: (result.outcome, result.reason) for name, result in results.items()}


HEALTHY = ("analysed", None)


def test_work_is_done_by_at_least_two_processes_other_than_this(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask]
) -> None:
    results = _run(executor, [make_task(f"slow_{n}") for n in range(8)])
    pids = {result.pid for result in results.values()}
    assert len(pids) >= 2
    assert os.getpid() not in pids


def test_workers_import_neither_prefect_nor_great_expectations(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask]
) -> None:
    _run(executor, [make_task("ok_1")])
    for modules in executor.client.run(_modules).values():
        assert "plms_pipeline" in modules
        assert not {"prefect", "great_expectations"} & modules


def _http_of(dask_scheduler: Any) -> tuple[set[str], int]:
    """Addresses the scheduler's HTTP server listens on, and the number of pages it serves."""
    sockets = dask_scheduler.http_server._sockets.values()
    routes = [rule.target for rule in dask_scheduler.http_application.wildcard_router.rules]
    return {one.getsockname()[0] for one in sockets}, len(routes)


def _modules() -> set[str]:
    return {name.split(".")[0] for name in sys.modules}


def test_scheduler_listens_on_loopback_without_a_dashboard(executor: DaskExecutor) -> None:
    assert executor.client.scheduler.address.startswith("tcp://127.0.0.1:")
    listening = executor.client.run_on_scheduler(_http_of)
    assert listening == ({"127.0.0.1"}, 0)


def test_one_exception_fails_one_recording_and_its_text_names_no_place(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask]
) -> None:
    results = _run(executor, [make_task(name) for name in ("ok_1", "raise_1", "bad_1", "ok_2")])
    assert _outcomes(results) == {
        "ok_1": HEALTHY,
        "ok_2": HEALTHY,
        "raise_1": ("failed_system", "unexpected_error"),
        "bad_1": ("failed_input", "not_edf"),
    }
    assert results["raise_1"].text == "ValueError: broken <path> at <address>"


def test_input_output_errors_are_tried_again(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask], tmp_path: Path
) -> None:
    results = _run(executor, [make_task("flaky_1"), make_task("away_1")])
    assert _outcomes(results) == {"flaky_1": HEALTHY, "away_1": ("failed_system", "io_error")}
    assert len((tmp_path / "calls/flaky_1").read_text().split()) == 2
    assert len((tmp_path / "calls/away_1").read_text().split()) == 1 + executor._settings.retries


@pytest.mark.slow
def test_segfault_is_the_verdict_of_a_child_and_neighbours_come_out_healthy(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask], tmp_path: Path
) -> None:
    names = [f"slow_{n}" for n in range(6)] + ["segfault_1", "ok_1", "ok_2"]
    results = _run(executor, [make_task(name) for name in names])
    assert _outcomes(results) == dict.fromkeys(names, HEALTHY) | {"segfault_1": ("failed_input", "crashed_reader")}
    assert "SIGSEGV" in str(results["segfault_1"].text)
    assert (tmp_path / "crash_segfault_1").read_text() == "crashed_reader"
    # Once on the worker, once alone: KilledWorker was no verdict, and one death was enough to suspect it.
    assert len((tmp_path / "calls/segfault_1").read_text().split()) == 2


@pytest.mark.slow
def test_hang_ends_with_the_time_limit(executor: DaskExecutor, make_task: Callable[[str], RecordingTask]) -> None:
    names = ["hang_1", *[f"slow_{n}" for n in range(4)]]
    results = _run(executor, [make_task(name) for name in names])
    assert _outcomes(results) == dict.fromkeys(names, HEALTHY) | {"hang_1": ("failed_system", "time_limit")}


@pytest.mark.slow
def test_sigkill_of_a_recording_is_a_failure_of_the_system(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask]
) -> None:
    results = _run(executor, [make_task("hog_1"), make_task("diesonce_1"), make_task("ok_1")])
    assert _outcomes(results) == {
        "hog_1": ("failed_system", "out_of_memory"),
        "diesonce_1": HEALTHY,
        "ok_1": HEALTHY,
    }


def test_a_worker_killed_from_outside_costs_no_recording(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask]
) -> None:
    pids = list(executor.client.run(os.getpid).values())
    killer = threading.Timer(0.5, os.kill, (pids[0], 9))
    killer.start()
    names = [f"slow_{n}" for n in range(12)]
    results = _run(executor, [make_task(name) for name in names])
    killer.join()
    assert _outcomes(results) == dict.fromkeys(names, HEALTHY)
    assert pids[0] not in executor.client.run(os.getpid).values()


@pytest.mark.slow
@pytest.mark.slow
def test_a_cluster_that_lost_all_its_workers_is_given_up(
    make_task: Callable[[str], RecordingTask], tmp_path: Path
) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    overrides = {"n_workers": 1, "memory_limit": "0", "wait_workers_s": 20, "time_limit_s": 8}
    with DaskExecutor(WORK, load_cohort(tmp_path / "cohort.yaml", overrides, environ={}), tmp_path) as executor:
        executor.client.cluster.scale(0)
        with pytest.raises(SystemFailure, match="no worker for 20 s"):
            list(executor.submit([make_task(f"slow_{n}") for n in range(200)]))


def test_memory_limit_of_the_lane(make_task: Callable[[str], RecordingTask], tmp_path: Path) -> None:
    verdict = run_alone(WORK, make_task("hang_1"), scratch=tmp_path, time_limit_s=30, memory_limit_bytes=1_000_000)
    assert (verdict.outcome, verdict.reason) == ("failed_system", "out_of_memory")


@pytest.mark.parametrize(
    "site",
    [
        "address: tcp://10.0.0.5:8786",
        "address: tls://10.0.0.5:8786",
        "cluster_kwargs: {host: 0.0.0.0}",
        "cluster_class: dask_jobqueue.SLURMCluster",
    ],
)
def test_a_scheduler_open_to_the_network_is_refused(site: str, tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
    with pytest.raises(InputError, match="tls"):
        refuse_open_scheduler(load_cohort(tmp_path / "cohort.yaml", site=tmp_path / "site.yaml", environ={}))
    (tmp_path / "site.yaml").write_text(site + "\ninsecure: true\n", encoding="utf-8")
    refuse_open_scheduler(load_cohort(tmp_path / "cohort.yaml", site=tmp_path / "site.yaml", environ={}))


@pytest.mark.slow
def test_a_running_scheduler_named_by_a_site_file(
    executor: DaskExecutor, make_task: Callable[[str], RecordingTask], tmp_path: Path
) -> None:
    (tmp_path / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    (tmp_path / "site.yaml").write_text(f"address: {executor.client.scheduler.address}\n", encoding="utf-8")
    settings: CohortSettings = load_cohort(tmp_path / "cohort.yaml", site=tmp_path / "site.yaml", environ={})
    with DaskExecutor(WORK, settings, tmp_path / "scratch") as other:
        assert _outcomes(_run(other, [make_task("ok_1")])) == {"ok_1": HEALTHY}


def test_the_lane_is_a_command(tmp_path: Path) -> None:
    """`python -m plms_pipeline.cohort.lane` imports neither the cluster nor a flow library."""
    command = "import sys, plms_pipeline.cohort.lane; print(*{m.split('.')[0] for m in sys.modules})"
    out = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert not {"distributed", "prefect", "pandas", "great_expectations"} & set(out.stdout.split())
