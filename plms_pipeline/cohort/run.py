"""A whole run: prepare → shards → finish. The flow of plms_flows calls exactly these three."""

import importlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.cohort.duplicates import settle
from plms_pipeline.cohort.inline import InlineExecutor
from plms_pipeline.cohort.plan import Progress, RunContext, RunOptions, Shard, no_progress, prepare
from plms_pipeline.cohort.settings import CohortSettings
from plms_pipeline.cohort.work import OUTCOMES, Executor, RecordingResult, Work, attempt
from plms_pipeline.errors import InputError, SystemFailure
from plms_pipeline.store import STAGES

LOGGER = logging.getLogger("plms_pipeline.cohort")
# The same names as in pyproject.toml: a checkout on the path is not installed and has no entry points.
EXECUTORS = {
    "inline": "plms_pipeline.cohort:run_inline",
    "dask": "plms_pipeline.cohort:run_dask",
    "prefect": "plms_flows.cohort:run_prefect",
}
DONE, FAILED, GATE_CLOSED = 0, 1, 3


class RunSummary(NamedTuple):
    """How a run ended.

    Attributes
    ----------
    n_in, n_analysed, n_excluded, n_failed_input, n_failed_system
        The flow of recordings; n_in is the sum of the others.
    exit_code
        0 done, 1 some recordings failed for reasons of the system or above the limit, 3 a quality gate closed.
    release
        Folder of the release that now holds this content; None when nothing was published.
    report
        The quality report: in the release, or in the candidate when the gate closed.
    figures
        Main figures of the release by name; a value is None where it is unknown.
    recomputed
        Stage → recordings that it was computed for.
    reasons
        Outcome → reason → recordings.
    why
        Why stages were computed → recordings.
    closed
        Checks that closed the gate.
    message
        One line about what was or was not published.
    """

    cohort: str
    simulated: bool
    n_in: int
    n_analysed: int
    n_excluded: int
    n_failed_input: int
    n_failed_system: int
    exit_code: int
    release: Path | None
    report: Path | None
    figures: dict[str, Any]
    recomputed: dict[str, int]
    reasons: dict[str, dict[str, int]]
    why: dict[str, int]
    closed: tuple[str, ...]
    message: str
    store: Path
    run_id: str


def run(
    settings: CohortSettings,
    executor: str = "prefect",
    *,
    progress: Progress = no_progress,
    work: Work | None = None,
    **options: Any,
) -> RunSummary:
    """Run a cohort from its sheet to a release.

    Parameters
    ----------
    settings
        From `load_cohort`.
    executor
        ``prefect``, ``dask`` or ``inline``.
    progress
        Called with phase, done, total.
    work
        The recording function; the real one by default.
    options
        Fields of `RunOptions`.

    Returns
    -------
    RunSummary

    Raises
    ------
    InputError, LockedError
        Nothing was started.
    KeyboardInterrupt
        Interrupted; the next run resumes.
    """
    asked = RunOptions(**options)
    if asked.dry_run:
        executor = "inline"
    try:
        return _executor(executor)(settings, asked, progress=progress, work=work)
    except ModuleNotFoundError as error:
        if error.name not in ("prefect", "plms_flows"):
            raise
        raise InputError(
            f"executor: {executor} needs the package {error.name}; install it or use --executor dask or inline"
        ) from None


def _executor(name: str) -> Callable[..., RunSummary]:
    if name not in EXECUTORS:
        raise InputError(f"executor: no executor {name}; there are {', '.join(EXECUTORS)}")
    installed = {point.name: point.value for point in entry_points(group="plms.executors")}
    target = installed.get(name, EXECUTORS[name])
    module, _, attribute = target.partition(":")
    function: Callable[..., RunSummary] = getattr(importlib.import_module(module), attribute)
    return function


def run_inline(
    settings: CohortSettings,
    options: RunOptions | None = None,
    *,
    progress: Progress = no_progress,
    work: Work | None = None,
) -> RunSummary:
    """Run in this process, one recording after the other; a crash of a recording ends the run."""
    with (
        prepare(settings, options, progress=progress, work=work) as ctx,
        InlineExecutor(ctx.work, settings.retries) as executor,
    ):
        return _run_shards(ctx, executor)


def run_dask(
    settings: CohortSettings,
    options: RunOptions | None = None,
    *,
    progress: Progress = no_progress,
    work: Work | None = None,
) -> RunSummary:
    """Run on a Dask cluster without Prefect."""
    from plms_pipeline.cohort.cluster import DaskExecutor
    from plms_pipeline.cohort.warming import KernelWarming

    with (
        prepare(settings, options, progress=progress, work=work) as ctx,
        KernelWarming(settings.is_local and ctx.computes_nights) as warming,
        DaskExecutor(ctx.work, settings, ctx.scratch, warming) as executor,
    ):
        return _run_shards(ctx, executor)


def _run_shards(ctx: RunContext, executor: Executor) -> RunSummary:
    results = [result for shard in ctx.shards for result in process_shard(ctx, shard, executor.submit)]
    return finish(ctx, results)


def process_shard(
    ctx: RunContext, shard: Shard, submit: Callable[[Sequence[Any]], Iterable[RecordingResult]]
) -> list[RecordingResult]:
    """Run the recordings of one shard; may be called from several threads.

    Returns
    -------
    list of RecordingResult
        Sorted by recording_id, exactly one per task.

    Raises
    ------
    SystemFailure
        When a recording vanished or came back twice.
    """
    results = []
    for result in submit(shard.tasks):
        ctx.note(result)
        results.append(result)
    _assert_same([task.recording_id for task in shard.tasks], results, f"shard {shard.number}")
    return sorted(results, key=lambda result: result.recording_id)


def finish(ctx: RunContext, results: Sequence[RecordingResult]) -> RunSummary:
    """Account for every recording, build the candidate, ask the gate, publish.

    Raises
    ------
    SystemFailure
        When ids in and ids out differ.
    """
    _assert_same([task.recording_id for task in ctx.tasks], results, "the run")
    ordered = sorted(results, key=lambda result: result.recording_id)
    if not ctx.options.dry_run:
        ordered = settle(ordered, ctx.tasks, lambda task: attempt(ctx.work.function, task, ctx.settings.retries))
    counts = Counter(result.outcome for result in ordered)
    ended = _Ended(DONE, None, None, {}, (), "")
    if ctx.options.dry_run:
        ended = ended._replace(message="dry run: nothing was written")
    elif counts["failed_system"]:
        # Their rows are missing, so a candidate would say nothing about the quality of the data.
        ended = ended._replace(exit_code=FAILED, message=str(_complaint(ctx, counts)))
    elif ctx.is_partial and not ctx.options.allow_partial:
        complaint = _complaint(ctx, counts)
        message = complaint or "not published: a part of the sheet only; --allow-partial publishes it"
        ended = ended._replace(exit_code=DONE if complaint is None else FAILED, message=message)
    else:
        ended = _release(ctx, ordered)
    reasons: dict[str, dict[str, int]] = {}
    for outcome in OUTCOMES:
        found = Counter(result.reason for result in ordered if result.outcome == outcome and result.reason)
        if found:
            reasons[outcome] = dict(sorted(found.items()))
    return RunSummary(
        cohort=ctx.settings.cohort,
        simulated=ctx.settings.simulated,
        n_in=len(ctx.tasks),
        n_analysed=counts["analysed"],
        n_excluded=counts["excluded"],
        n_failed_input=counts["failed_input"],
        n_failed_system=counts["failed_system"],
        exit_code=ended.exit_code,
        release=ended.release,
        report=ended.report,
        figures=ended.figures,
        recomputed={stage: sum(stage in result.recomputed for result in ordered) for stage in STAGES},
        reasons=reasons,
        why=dict(sorted(Counter(line for result in ordered for line in result.why).items())),
        closed=ended.closed,
        message=ended.message,
        store=ctx.store_root,
        run_id=ctx.run_id,
    )


class _Ended(NamedTuple):
    exit_code: int
    release: Path | None
    report: Path | None
    figures: dict[str, Any]
    closed: tuple[str, ...]
    message: str


def _complaint(ctx: RunContext, counts: Counter[str]) -> str | None:
    """Why these outcomes may not be published, if so."""
    n_in, n_system, n_input = len(ctx.tasks), counts["failed_system"], counts["failed_input"]
    if n_system:
        return f"not published: {n_system} of {n_in} recordings failed for reasons of the system; run again"
    if n_in and n_input / n_in > ctx.settings.max_failed_fraction:
        return (
            f"not published: {n_input} of {n_in} recordings have unusable files, more than max_failed_fraction "
            f"({ctx.settings.max_failed_fraction:g}) allows; see the ledger"
        )
    return None


def _release(ctx: RunContext, ordered: Sequence[RecordingResult]) -> _Ended:
    counts = Counter(result.outcome for result in ordered)
    # Great Expectations takes ten seconds to import; a run that publishes nothing does not pay them.
    from plms_pipeline.cohort.figures import main_figures
    from plms_pipeline.cohort.release import build, publish_candidate, report_name

    ctx.progress("building the release", 0, 0)
    candidate, gate = build(ctx, ordered)
    report = Path("reports") / report_name(simulated=ctx.settings.simulated)
    figures = main_figures(candidate)
    if not gate.open:
        names = ", ".join(gate.closed)
        message = f"not published: the quality gate is closed by {names}"
        return _Ended(GATE_CLOSED, None, candidate / report, figures, tuple(gate.closed), message)
    complaint = _complaint(ctx, counts)
    if complaint is not None:
        return _Ended(FAILED, None, candidate / report, figures, (), complaint)
    ctx.progress("publishing", 0, 0)
    release, is_new = publish_candidate(ctx, candidate)
    message = "published" if is_new else "unchanged: the latest release already holds this content"
    return _Ended(DONE, release, release / report, figures, (), message)


def _assert_same(expected: Sequence[str], results: Sequence[RecordingResult], where: str) -> None:
    """Ids in are ids out, each once; an iterator mistake must not lose a recording silently."""
    wanted, found = Counter(expected), Counter(result.recording_id for result in results)
    if wanted != found:
        n_lost, n_extra = (wanted - found).total(), (found - wanted).total()
        raise SystemFailure(
            f"{where}: {n_lost} recordings were lost and {n_extra} came too often; nothing is published"
        )
    if any(result.outcome not in OUTCOMES for result in results):
        raise SystemFailure(f"{where}: a recording came back without an outcome; nothing published")
