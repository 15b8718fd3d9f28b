"""The flow `cohort`: a task per shard on the thread runner, Dask futures inside, artifacts with counts.

Prefect's own caching stays off: it sees neither file contents nor called kernels. Resuming rests on the keys of the
work store. Parameters, artifacts and messages hold counts and shard numbers, never ids or paths.
"""

import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner

from plms_pipeline.cohort import RunContext, RunSummary, finish, load_cohort, prepare, process_shard
from plms_pipeline.cohort.cluster import DaskExecutor
from plms_pipeline.cohort.warming import KernelWarming
from plms_pipeline.cohort.work import OUTCOMES, RecordingResult, describe
from plms_pipeline.errors import PlmsError, SystemFailure

PROGRESS_KEY, TABLE_KEY = "cohort-progress", "cohort-recordings"


class _Run:
    """What one flow run works on. It is handed over beside the flow's parameters, which Prefect stores."""

    def __init__(self, ctx: RunContext, warming: KernelWarming) -> None:
        self.ctx = ctx
        self.warming = warming
        self.executor: DaskExecutor | None = None
        self.results: dict[int, list[RecordingResult]] = {}
        self.summary: RunSummary | None = None
        self.error: BaseException | None = None
        self.progress_id: UUID | None = None
        self.mutex = threading.Lock()
        self.at_end = ExitStack()


_current: ContextVar[_Run | None] = ContextVar("plms_run", default=None)


def run_in_flow(ctx: RunContext, warming: KernelWarming) -> RunSummary:
    """Run a prepared cohort in the flow and return its summary; errors of this package come through as they are."""
    run = _Run(ctx, warming)
    token = _current.set(run)
    try:
        runner: Any = ThreadPoolTaskRunner(max_workers=ctx.settings.concurrent_shards)
        cohort.with_options(task_runner=runner)(return_state=True)
    except BaseException:
        # An interruption reaches Prefect as a crash; what it was is told below.
        if run.error is None:
            raise
    finally:
        _current.reset(token)
        run.at_end.close()
    if run.error is not None:
        raise run.error
    if run.summary is None:
        raise SystemFailure("the flow ended before it was finished; run again to resume")
    return run.summary


@flow(
    name="cohort",
    flow_run_name="cohort",
    log_prints=False,
    persist_result=False,
    validate_parameters=True,
)
def cohort(cohort_file: str | None = None, site_file: str | None = None) -> State[Any]:
    """Run a cohort to a release.

    Parameters
    ----------
    cohort_file, site_file
        For a deployment: the COHORT.yaml and SITE.yaml to run, as seen from the worker. Prefect stores parameters
        with the flow run. `plms run` leaves them out and hands the prepared run over in memory.
    """
    run = _current.get()
    if run is not None:
        return _work_through(run)
    if cohort_file is None:
        return Failed(message="no cohort_file: name the COHORT.yaml in the deployment's parameters")
    settings = load_cohort(Path(cohort_file), site=site_file)
    with prepare(settings) as ctx, KernelWarming(settings.is_local) as warming:
        run = _Run(ctx, warming)
        token = _current.set(run)
        try:
            return _work_through(run)
        finally:
            _current.reset(token)


def _work_through(run: _Run) -> State[Any]:
    ctx = run.ctx
    try:
        # Artifacts must not fail a run whose server is slow for a moment.
        run.progress_id = _quietly(create_progress_artifact, progress=0.0, key=PROGRESS_KEY, description=_title(ctx))
        with DaskExecutor(ctx.work, ctx.settings, ctx.scratch, run.warming) as executor:
            run.executor = executor
            with _interruptible(run):
                futures = [process.submit(shard.number) for shard in ctx.shards]
                for future in futures:
                    future.wait()
        failed = [future for future in futures if not future.state.is_completed()]
        if failed:
            raise run.error or SystemFailure(f"{len(failed)} of {len(futures)} shards failed; run again to resume")
        results = [result for number in sorted(run.results) for result in run.results[number]]
        run.summary = finish(ctx, results)
        _quietly(create_table_artifact, table=_table(run.summary), key=TABLE_KEY, description=_title(ctx))
    except PlmsError as error:
        run.error = error
        return Failed(message=describe(error))
    except BaseException as error:
        run.error = error
        raise
    summary = run.summary
    if summary.exit_code:
        return Failed(message=summary.message)
    return Completed(message=summary.message)


@task(
    name="shard",
    task_run_name="shard-{number}",
    retries=1,
    retry_delay_seconds=1,
    cache_policy=NO_CACHE,
    persist_result=False,
    log_prints=False,
)
def process(number: int) -> int:
    """Process the recordings of one shard; returns how many there were.

    Tried once more as a whole: what a first try has finished is in the work store, so the second finds it there.
    """
    run = _current.get()
    if run is None or run.executor is None:
        raise RuntimeError("a shard runs inside the flow cohort only")
    try:
        results = process_shard(run.ctx, run.ctx.shards[number], run.executor.submit)
    except (Exception, CancelledError) as error:
        # Prefect stores the message of what a task raises; ours names no place.
        raise SystemFailure(describe(error)) from None
    with run.mutex:
        run.results[number] = results
        n_done = sum(len(found) for found in run.results.values())
    if run.progress_id is not None:
        _quietly(update_progress_artifact, run.progress_id, progress=round(100.0 * n_done / len(run.ctx.tasks), 1))
    return len(results)


@contextmanager
def _interruptible(run: _Run) -> Iterator[None]:
    """Let an interruption from the terminal end the run: Prefect's private server had taken the signal for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        # Prefect would print the stack of every shard that now ends; the terminal also interrupted its private
        # server, and asking that again and again would hold up the end.
        logging.disable(logging.CRITICAL)
        run.at_end.callback(logging.disable, logging.NOTSET)
        run.at_end.enter_context(temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}))
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def _quietly(function: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except Exception:
        return None


def _title(ctx: RunContext) -> str:
    kind = "simulated" if ctx.settings.simulated else "real"
    return f"{len(ctx.tasks)} {kind} recordings in {len(ctx.shards)} shards"


def _table(summary: RunSummary) -> list[dict[str, Any]]:
    """The flow of recordings: counts per outcome and reason."""
    rows: list[dict[str, Any]] = [{"outcome": "in", "reason": "", "recordings": summary.n_in}]
    counts = {outcome: getattr(summary, f"n_{outcome}") for outcome in OUTCOMES}
    for outcome in OUTCOMES:
        rows.append({"outcome": outcome, "reason": "", "recordings": counts[outcome]})
        reasons = Counter(summary.reasons.get(outcome, {}))
        rows += [{"outcome": outcome, "reason": reason, "recordings": reasons[reason]} for reason in sorted(reasons)]
    rows += [
        {"outcome": f"computed: {stage}", "reason": "", "recordings": n} for stage, n in summary.recomputed.items()
    ]
    return rows
