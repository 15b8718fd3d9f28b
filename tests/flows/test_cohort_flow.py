"""The flow on a real server and a real cluster: task runs, artifacts, what Prefect gets to know."""

import os
from pathlib import Path
from typing import Any

import faults
import pytest

from plms_pipeline import cohort
from plms_pipeline.cohort import RunSummary, Work, load_cohort

pytestmark = pytest.mark.slow

NAMES = [
    "ok_1",
    "ok_2",
    "slow_1",
    "slow_2",
    "slow_3",
    "slow_4",
    "raise_secret",
    "segfault_1",
    "out_1",
    "flaky_1",
    "ok_3",
]


class _Seen:
    """One run of the flow and what the server knows about it afterwards."""

    def __init__(self, summary: RunSummary, results: list[Any], root: Path) -> None:
        from prefect.client.orchestration import get_client

        self.summary = summary
        self.results = results
        self.root = root
        with get_client(sync_client=True) as client:
            self.flow_runs = client.read_flow_runs()
            self.task_runs = client.read_task_runs()
            self.artifacts = client.read_artifacts()


@pytest.fixture(scope="module")
def seen(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> _Seen:
    root = tmp_path_factory.mktemp("secret_place")
    lines = [f"{name},{name},{name}.edf" for name in NAMES]
    (root / "sheet.csv").write_text("\n".join(["recording_id,subject_id,edf", *lines]) + "\n", encoding="utf-8")
    (root / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
    settings = load_cohort(
        root / "cohort.yaml", {"n_workers": 2, "memory_limit": "0", "time_limit_s": 60, "shard_size": 3}, environ={}
    )
    handed: list[Any] = []

    def finish(ctx: Any, results: list[Any]) -> RunSummary:
        handed.extend(sorted(results, key=lambda result: result.recording_id))
        return cohort.finish(ctx, results)

    from plms_flows import cohort_flow

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort_flow, "finish", finish)
        summary = cohort.run(settings, executor="prefect", work=Work(faults.recording, faults.crash))
    return _Seen(summary, handed, root)


def test_task_runs_are_shards(seen: _Seen) -> None:
    assert len(seen.flow_runs) == 1
    assert sorted(run.name for run in seen.task_runs) == [f"shard-{n}" for n in range(4)]
    assert {run.state_name for run in seen.task_runs} == {"Completed"}


def test_work_is_done_by_at_least_two_processes_other_than_this(seen: _Seen) -> None:
    healthy = {result.pid for result in seen.results if result.outcome == "analysed"}
    assert len(healthy) >= 2
    assert os.getpid() not in {result.pid for result in seen.results}


def test_every_recording_comes_out_of_the_flow(seen: _Seen) -> None:
    assert [result.recording_id for result in seen.results] == sorted(NAMES)
    summary = seen.summary
    assert (summary.n_in, summary.n_analysed, summary.n_excluded) == (11, 8, 1)
    assert (summary.n_failed_input, summary.n_failed_system, summary.exit_code) == (1, 1, 1)


def test_a_run_that_published_nothing_is_failed_in_prefect(seen: _Seen) -> None:
    assert [run.state_name for run in seen.flow_runs] == ["Failed"]
    assert "1 of 11" in str(seen.flow_runs[0].state.message)


def test_artifacts_hold_the_flow_of_recordings(seen: _Seen) -> None:
    by_type = {artifact.type: artifact for artifact in seen.artifacts}
    assert set(by_type) == {"table", "progress"}
    assert float(by_type["progress"].data) == 100.0
    assert '{"outcome": "analysed", "reason": "", "recordings": 8}' in str(by_type["table"].data)
    assert '"reason": "crashed_reader", "recordings": 1' in str(by_type["table"].data)


def test_prefect_knows_no_ids_and_no_paths(seen: _Seen) -> None:
    stored = [run.model_dump_json() for run in (*seen.flow_runs, *seen.task_runs, *seen.artifacts)]
    for text in stored:
        assert not any(name in text for name in NAMES)
        assert "secret_place" not in text
        assert str(seen.root.parent) not in text


def test_telemetry_is_off_by_both_switches(seen: _Seen) -> None:
    from prefect.settings import get_current_settings

    assert get_current_settings().server.analytics_enabled is False
    assert os.environ["DO_NOT_TRACK"] == "1"
