"""The deployment of infra/prefect.yaml as a site uses it: registered by the command line, run by a process worker."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plms_pipeline import simulate
from plms_pipeline.store import latest_release

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]


def test_the_nightly_deployment_runs_a_cohort_on_a_process_worker(prefect_server: None, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    simulate.write_cohort(tmp_path / "data", n_nights=1, seed=3, hours=0.1, defects=False, check_space=False)
    shutil.copytree(CHECKOUT / "infra", tmp_path / "infra")
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PREFECT_HOME": str(tmp_path / "home"),
        "PLMS_WORK_DIRECTORY": str(tmp_path / "data"),
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "flows")]),
    }

    def prefect(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            env=environment,
            cwd=tmp_path / "infra",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    prefect("work-pool", "create", "--type", "process", "plms")
    prefect("--no-prompt", "deploy", "--all")
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("cohort/nightly")
        assert [schedule.active for schedule in deployment.schedules] == [False]
        ordered = client.create_flow_run_from_deployment(deployment.id)
        log = prefect("worker", "start", "--pool", "plms", "--run-once", "--limit", "1")
        run = client.read_flow_run(ordered.id)
    assert run.state is not None and run.state.is_completed(), f"{run.state}\n{log}"
    assert run.state.message == "published"
    assert latest_release(tmp_path / "data" / "store") is not None
