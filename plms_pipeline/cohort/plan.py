"""From settings to tasks: lock the store, read sheet and clinical tables, cut the recordings into shards."""

import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from plms_pipeline import contracts, exposures, ingest, night
from plms_pipeline.cohort.identity import identify, remember_names
from plms_pipeline.cohort.keys import last_known
from plms_pipeline.cohort.recording import WORK
from plms_pipeline.cohort.settings import CohortSettings
from plms_pipeline.cohort.work import FAILED_SYSTEM, RecordingResult, RecordingTask, Work
from plms_pipeline.errors import InputError
from plms_pipeline.store import STAGES, InputMemory, RunFolder, StoreLock
from plms_pipeline.store.memory import FileState, InputDigest

LOGGER = logging.getLogger("plms_pipeline.cohort")
Progress = Callable[[str, int, int], None]
FROM_STAGES = (*STAGES, "release")


class RunOptions(NamedTuple):
    """What a run is asked for beyond its settings.

    Attributes
    ----------
    only
        Recording ids; empty: all.
    limit
        The first so many recordings, by recording_id.
    from_stage
        Take what the store knows of the stages before this one as it is and do not look at their inputs. A
        recording of which the store knows nothing goes the whole way.
    force
        Stages to compute again although their part exists.
    allow_partial
        Publish although `only` or `limit` left recordings out.
    dry_run
        Say what would be computed; write nothing.
    verify_inputs
        Digest every input again instead of trusting size, times and inode.
    """

    only: tuple[str, ...] = ()
    limit: int | None = None
    from_stage: str | None = None
    force: tuple[str, ...] = ()
    allow_partial: bool = False
    dry_run: bool = False
    verify_inputs: bool = False


class Shard(NamedTuple):
    """A unit of scheduling; it enters no key and no byte of output."""

    number: int
    tasks: tuple[RecordingTask, ...]


def no_progress(phase: str, done: int, total: int) -> None:
    """Report nothing."""


class RunContext:
    """A prepared run: locked store, tasks, shards. A context manager; leaving it releases the store."""

    def __init__(
        self, settings: CohortSettings, options: RunOptions, progress: Progress, work: Work, run_id: str
    ) -> None:
        self.settings = settings
        self.options = options
        self.progress = progress
        self.work = work
        self.run_id = run_id
        self.store_root: Path = settings.store
        self.tasks: tuple[RecordingTask, ...] = ()
        self.shards: tuple[Shard, ...] = ()
        self.n_sheet = 0
        self.science: dict[str, Any] = {}
        self.extra_tables: dict[str, Any] = {}
        self.medication_counts: dict[str, int] = {}
        self.began = datetime.now(UTC)
        self.findings: list[str] = []
        self.memory: InputMemory | None = None
        self.lock: StoreLock | None = None
        self.folder: RunFolder | None = None
        self._done: set[str] = set()
        self._mutex = threading.Lock()
        self.stack = ExitStack()

    def __enter__(self) -> "RunContext":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.folder is not None:
            self.folder.update(now=True, state="ended" if error is None else f"stopped by {type(error).__name__}")
        self.stack.close()

    @property
    def scratch(self) -> Path:
        """Private folder for the cluster's files."""
        return self.store_root / "work" / "scratch"

    @property
    def computes_nights(self) -> bool:
        """Whether the run's recording function is the real one, which calls the kernels."""
        return self.work is WORK

    @property
    def is_partial(self) -> bool:
        """Whether recordings of the sheet were left out."""
        return len(self.tasks) < self.n_sheet

    def note(self, result: RecordingResult) -> None:
        """Count one finished recording and remember its input digests; called from any thread."""
        with self._mutex:
            is_new = result.recording_id not in self._done
            self._done.add(result.recording_id)
            n_done = len(self._done)
            if self.memory is not None and not self.options.dry_run:
                for path, (state, digest) in (result.remember or {}).items():
                    self.memory.remember(Path(path), FileState(*state), InputDigest(*digest))
            self.progress("recordings", n_done, len(self.tasks))
            if self.folder is not None:
                self.folder.update(phase="recordings", done=n_done, total=len(self.tasks))
        if result.outcome == FAILED_SYSTEM and is_new:
            LOGGER.error("%s: %s: %s", result.recording_id, result.reason, result.text)
        if result.recomputed:
            reasons = "; ".join(result.why) or "new"
            LOGGER.info("%s: computed %s (%s)", result.recording_id, ", ".join(result.recomputed), reasons)


def prepare(
    settings: CohortSettings,
    options: RunOptions | None = None,
    *,
    progress: Progress = no_progress,
    work: Work | None = None,
) -> RunContext:
    """Lock the store, read the sheet and the clinical tables, plan the shards.

    Returns
    -------
    RunContext
        To be used as a context manager: it holds the lock.

    Raises
    ------
    InputError
        For bad settings, sheet, mapping or options; nothing was started.
    LockedError
        When another run writes to the store.
    """
    options = options or RunOptions()
    _check(options)
    run_id = f"{datetime.now(UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(3)}"
    ctx = RunContext(settings, options, progress, work or WORK, run_id)
    progress("reading the sheet", 0, 0)
    sheet = ingest.read_sheet(settings.sheet, cohort=settings.cohort)
    names = identify(settings, sheet)
    rows = list(names.rows)
    covariates = exposures.read_covariates(settings.mapping) if settings.mapping is not None else None
    ctx.science = science_settings(settings, dict(covariates.declaration) if covariates else {"mapped": False})
    if covariates is not None:
        ctx.extra_tables = {
            "unmapped_medication": contracts.to_arrow("unmapped_medication", covariates.unmapped_medication())
        }
        ctx.medication_counts = covariates.medication_counts()
    else:
        ctx.extra_tables = {"unmapped_medication": contracts.empty("unmapped_medication")}
    with ctx.stack:
        if not options.dry_run:
            ctx.lock = ctx.stack.enter_context(StoreLock(ctx.store_root, run_id))
            if ctx.lock.finding is not None:
                ctx.findings.append(ctx.lock.finding.text)
                LOGGER.warning("%s", ctx.lock.finding.text)
            shutil.rmtree(ctx.scratch, ignore_errors=True)  # of a killed run
            ctx.folder = RunFolder(ctx.store_root, run_id)
            ctx.folder.update(now=True, phase="planned", done=0, total=len(rows), state="running")
            ctx.memory = ctx.stack.enter_context(InputMemory(ctx.store_root))
        elif (ctx.store_root / "work").is_dir():
            ctx.memory = InputMemory(ctx.store_root)
        ctx.n_sheet = len(rows)
        if ctx.lock is not None:
            remember_names(ctx.store_root, names)
        chosen = _chosen(rows, options, names.of_recording)
        ctx.tasks = tuple(_task(ctx, row, names.subject_of[row.recording_id], covariates) for row in chosen)
        size = settings.shard_size
        ctx.shards = tuple(
            Shard(number, ctx.tasks[start : start + size])
            for number, start in enumerate(range(0, len(ctx.tasks), size))
        )
        kept = ctx.stack.pop_all()
    ctx.stack = kept
    return ctx


def _checked_labels(labels: Mapping[str, Any]) -> dict[str, Any]:
    """Labels of the cohort, refused before anything starts when one has an impossible meaning."""
    ingest.own_labels(labels)
    return dict(labels)


def science_settings(settings: CohortSettings, declaration: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that may change a number, JSON-able: rule sets and settings in full, not by name.

    Raises
    ------
    InputError
        For a rule set or a detector or clinical setting that does not exist.
    """
    base = settings.source.parent
    names = [str(base / name) if "/" in name or name.endswith((".yaml", ".yml")) else name for name in settings.rules]
    return {
        "rule_sets": {rules.name: rules._asdict() for rules in sorted(night.load_rule_sets(names))},
        "detector": night.load_detector(settings.detector)._asdict(),
        "detector_piezo": night.load_piezo_detector(settings.detector_piezo)._asdict(),
        "signal_findings": night.load_signal_checks()._asdict(),
        "evidence": night.load_evidence()._asdict(),
        "movements": settings.movements,
        "labels": _checked_labels(settings.labels),
        "clinical": exposures.clinical_rules(settings.clinical),
        "channels": settings.group("channels") | {"sensor": settings.sensor, "archive": settings.archive},
        "declared": {f"{name}_state": value for name, value in settings.group("declared").items()},
        "defects": ingest.check_policy(settings.defects, f"{settings.source.name}: defects"),
        "declaration": dict(declaration),
        "identifiers": settings.identifiers,
        "duplicates": settings.duplicates,
    }


def _check(options: RunOptions) -> None:
    if options.from_stage is not None and options.from_stage not in FROM_STAGES:
        raise InputError(f"from: no stage {options.from_stage}; the stages are {', '.join(FROM_STAGES)}")
    for stage in options.force:
        if stage not in STAGES:
            raise InputError(f"force: no stage {stage}; the stages are {', '.join(STAGES)}")


def _chosen(
    rows: Sequence[ingest.SheetRow], options: RunOptions, of_recording: Mapping[str, str]
) -> list[ingest.SheetRow]:
    ordered = sorted(rows, key=lambda row: row.recording_id)
    if options.only:
        only = {of_recording.get(name, name) for name in options.only}
        missing = sorted(only - {row.recording_id for row in ordered})
        if missing:
            raise InputError(f"only: the sheet has no recording {missing[0]}; look at its recording_id")
        ordered = [row for row in ordered if row.recording_id in only]
    return ordered[: options.limit] if options.limit is not None else ordered


def _task(ctx: RunContext, row: ingest.SheetRow, subject_id: str, covariates: Any) -> RecordingTask:
    files = [row.edf, *row.annotations] if row.edf is not None else list(row.annotations)
    remembered = {}
    if ctx.memory is not None and not ctx.options.verify_inputs:
        for path in files:
            known = ctx.memory.lookup(path)
            if known is not None:
                remembered[str(path)] = tuple(known)
    return RecordingTask(
        recording_id=row.recording_id,
        cohort=row.cohort,
        subject_id=row.subject_id,
        visit=row.visit,
        edf=str(row.edf) if row.edf is not None else None,
        annotations=tuple(str(path) for path in row.annotations),
        sheet={
            "recording_date": row.recording_date,
            "lights_off_s": row.lights_off_s,
            "lights_on_s": row.lights_on_s,
            "pap_this_night": row.pap_this_night,
            "stages_state": row.stages_state,
            "respiratory_state": row.respiratory_state,
            "arousals_state": row.arousals_state,
            "channels": row.channels._asdict(),
        },
        covariates=covariates.for_subject(subject_id, row.visit) if covariates is not None else {},
        settings=ctx.science,
        store=str(ctx.store_root),
        remembered=remembered,
        force=ctx.options.force,
        from_stage=ctx.options.from_stage,
        dry_run=ctx.options.dry_run,
        last=last_known(ctx.store_root, row.recording_id),
    )
