"""A run with a recording function of the test: accounting, exit codes, lock, interruption, partial runs."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults
import pytest

from plms_pipeline import cohort
from plms_pipeline.cohort import CohortSettings, Work, load_cohort
from plms_pipeline.cohort import release as release_module
from plms_pipeline.cohort.work import RecordingResult
from plms_pipeline.errors import InputError, LockedError, SystemFailure
from plms_pipeline.store import StoreLock

WORK = Work(faults.recording, faults.crash)
SLOW = pytest.mark.slow
MakeCohort = Callable[..., CohortSettings]


class Gate:
    """Stands in for the verdict of the quality checks."""

    def __init__(self, closed: tuple[str, ...] = ()) -> None:
        self.closed = list(closed)
        self.open = not closed


@pytest.fixture
def make_cohort(tmp_path: Path) -> MakeCohort:
    """A cohort of recordings with the given ids; the files are not there, the recording function reads none."""

    def make(*recording_ids: str, **values: Any) -> CohortSettings:
        lines = [f"{name},{name},{name}.edf" for name in recording_ids]
        (tmp_path / "sheet.csv").write_text("\n".join(["recording_id,subject_id,edf", *lines]) + "\n", encoding="utf-8")
        (tmp_path / "cohort.yaml").write_text("cohort: test\nsheet: sheet.csv\n", encoding="utf-8")
        overrides = {"n_workers": 2, "memory_limit": "0", "time_limit_s": 20, "shard_size": 3, **values}
        return load_cohort(tmp_path / "cohort.yaml", overrides, environ={})

    return make


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replaces building and publishing; holds what was handed over and the verdict of the gate."""
    seen: dict[str, Any] = {"gate": Gate(), "results": None, "published": 0}

    def build(ctx: Any, results: list[RecordingResult]) -> tuple[Path, Gate]:
        seen["results"] = results
        return ctx.store_root / "work" / "candidate", seen["gate"]

    def publish(ctx: Any, candidate: Path) -> tuple[Path, bool]:
        seen["published"] += 1
        return ctx.store_root / "releases" / "r1", True

    monkeypatch.setattr(release_module, "build", build)
    monkeypatch.setattr(release_module, "publish_candidate", publish)
    return seen


def test_in_is_analysed_and_excluded_and_failed(
    make_cohort: MakeCohort, built: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("plms_pipeline"), "propagate", True)  # a command of another test ends it
    names = ["ok_1", "raise_1", "bad_1", "flaky_1", "away_1", "out_1", "ok_2", "ok_3"]
    summary = cohort.run(make_cohort(*names), executor="inline", work=WORK)
    flow = (summary.n_analysed, summary.n_excluded, summary.n_failed_input, summary.n_failed_system)
    assert flow == (4, 1, 1, 2)
    assert summary.n_in == sum(flow) == len(names)
    assert (summary.exit_code, built["results"], built["published"]) == (1, None, 0)
    # Another test may have left a second handler on the logger.
    told = list(dict.fromkeys(record.getMessage() for record in caplog.records if record.levelname == "ERROR"))
    assert told == [
        "away_1: io_error: OSError: the file server is away",
        "raise_1: unexpected_error: ValueError: broken <path> at <address>",
    ]


@pytest.mark.slow
def test_every_recording_is_accounted_for_with_failures_of_every_kind(
    make_cohort: MakeCohort, built: dict[str, Any]
) -> None:
    names = ["ok_1", "raise_1", "segfault_1", "hog_1", "bad_1", "flaky_1", "away_1", "out_1", "ok_2", "ok_3"]
    summary = cohort.run(make_cohort(*names), executor="dask", work=WORK)
    flow = (summary.n_analysed, summary.n_excluded, summary.n_failed_input, summary.n_failed_system)
    assert flow == (4, 1, 2, 3)
    assert summary.n_in == sum(flow) == len(names)
    assert summary.reasons["failed_system"] == {"io_error": 1, "out_of_memory": 1, "unexpected_error": 1}
    assert summary.reasons["failed_input"] == {"crashed_reader": 1, "not_edf": 1}
    assert (summary.exit_code, built["results"], built["published"]) == (1, None, 0)


def test_inline_runs_the_same_way(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    summary = cohort.run(make_cohort("ok_1", "ok_2", "flaky_1"), executor="inline", work=WORK)
    assert {result.pid for result in built["results"]} == {os.getpid()}
    assert (summary.n_analysed, summary.exit_code, summary.message) == (3, 0, "published")
    assert summary.recomputed == {"detect": 3, "score": 0, "link": 0}


def test_failed_input_above_the_limit_is_not_published(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    names = ["bad_1", "bad_2", "ok_1", "ok_2"]
    summary = cohort.run(make_cohort(*names, max_failed_fraction=0.4), executor="inline", work=WORK)
    assert (summary.exit_code, built["published"]) == (1, 0)
    assert "max_failed_fraction (0.4)" in summary.message
    summary = cohort.run(make_cohort(*names, max_failed_fraction=0.5), executor="inline", work=WORK)
    assert (summary.exit_code, built["published"]) == (0, 1)


def test_closed_gate_wins_over_failed_recordings(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    built["gate"] = Gate(("declared_range",))
    summary = cohort.run(make_cohort("bad_1", "ok_1"), executor="inline", work=WORK)
    assert (summary.exit_code, summary.closed, built["published"]) == (3, ("declared_range",), 0)
    assert "declared_range" in summary.message


def test_a_part_of_the_sheet_is_published_on_request_only(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    settings = make_cohort("ok_1", "ok_2", "ok_3")
    summary = cohort.run(settings, executor="inline", work=WORK, limit=2)
    assert (summary.n_in, summary.exit_code, built["published"]) == (2, 0, 0)
    summary = cohort.run(settings, executor="inline", work=WORK, only=("ok_3",), allow_partial=True)
    assert (summary.n_in, summary.exit_code, built["published"]) == (1, 0, 1)
    with pytest.raises(InputError, match="ok_9"):
        cohort.run(settings, executor="inline", work=WORK, only=("ok_9",))


@pytest.mark.parametrize("options", [{"from_stage": "detection"}, {"force": ("release",)}])
def test_unknown_stages_are_refused(make_cohort: MakeCohort, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no stage"):
        cohort.run(make_cohort("ok_1"), executor="inline", work=WORK, **options)


def test_a_lost_recording_stops_the_run(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    with cohort.prepare(make_cohort("ok_1", "ok_2"), work=WORK) as ctx:
        with pytest.raises(SystemFailure, match="1 recordings were lost"):
            cohort.process_shard(ctx, ctx.shards[0], lambda tasks: [faults.done(task) for task in tasks[1:]])
        with pytest.raises(SystemFailure, match="1 came too often"):
            cohort.process_shard(ctx, ctx.shards[0], lambda tasks: [faults.done(task) for task in (*tasks, tasks[0])])
        with pytest.raises(SystemFailure, match="2 recordings were lost"):
            cohort.finish(ctx, [])


def test_a_locked_store_is_exit_4(make_cohort: MakeCohort) -> None:
    settings = make_cohort("ok_1")
    with StoreLock(settings.store, "another"), pytest.raises(LockedError, match="another") as error:
        cohort.run(settings, executor="inline", work=WORK)
    assert error.value.exit_code == 4


def test_shards_do_not_matter_to_the_order_of_results(make_cohort: MakeCohort, built: dict[str, Any]) -> None:
    names = [f"ok_{n}" for n in range(7)]
    orders = []
    for size in (1, 3, 50):
        cohort.run(make_cohort(*names, shard_size=size), executor="inline", work=WORK)
        orders.append([result._replace(recomputed=()) for result in built["results"]])
    assert orders[0] == orders[1] == orders[2]


def test_executors_are_those_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["plms.executors"] == cohort.EXECUTORS


DRIVER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
import sys
sys.path[:0] = {path!r}
import faults
from plms_pipeline import cohort
if __name__ == "__main__":
    settings = cohort.load_cohort({yaml!r}, {overrides!r}, environ={{}})
    try:
        cohort.run(settings, executor={executor!r}, work=cohort.Work(faults.recording, faults.crash))
    except KeyboardInterrupt:
        sys.exit(130)
"""


# So many that one process of a machine under load is not done with them before it is interrupted.
N_SLOW = {"inline": 400, "dask": 100, "prefect": 100}


@pytest.mark.parametrize("executor", ["inline", *(pytest.param(name, marks=SLOW) for name in ("dask", "prefect"))])
def test_interrupt_ends_soon_and_leaves_the_store_free(make_cohort: MakeCohort, tmp_path: Path, executor: str) -> None:
    settings = make_cohort(*[f"slow_{n}" for n in range(N_SLOW[executor])])
    script = tmp_path / "driver.py"
    checkout = Path(__file__).parents[2]
    path = [str(Path(__file__).parent), str(checkout), str(checkout / "flows")]
    overrides = {"n_workers": 2, "memory_limit": "0"}
    text = DRIVER.format(path=path, yaml=str(settings.source), overrides=overrides, executor=executor)
    script.write_text(text, encoding="utf-8")
    run = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 180
    while not (settings.store / "calls").is_dir():
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    os.killpg(run.pid, signal.SIGINT)  # as the terminal does: to the whole foreground group
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert len(list((settings.store / "calls").iterdir())) < N_SLOW[executor]
    with StoreLock(settings.store, "next"):
        pass
