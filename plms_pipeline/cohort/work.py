"""What travels to a worker and back, and how one recording is tried there. Imports nothing heavy: a crash-lane
child and every Dask worker import this module first."""

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from plms_pipeline.redact import redact_paths

ANALYSED, EXCLUDED, FAILED_INPUT, FAILED_SYSTEM = "analysed", "excluded", "failed_input", "failed_system"
OUTCOMES = (ANALYSED, EXCLUDED, FAILED_INPUT, FAILED_SYSTEM)


class RecordingTask(NamedTuple):
    """Everything a worker needs for one recording; picklable. Paths serve reading only and enter no row."""

    recording_id: str
    cohort: str
    subject_id: str
    visit: str
    edf: str | None
    annotations: tuple[str, ...]
    sheet: Mapping[str, Any]  # the rest of the sheet's row
    covariates: Mapping[str, Any]  # normalised rows of this subject, canonical order
    settings: Mapping[str, Any]  # science settings, the same object for every task of a run
    store: str
    remembered: Mapping[str, Any]  # file → (digest, kind, bytes) where the file was not touched since
    force: tuple[str, ...] = ()  # stages to compute again although their part exists
    from_stage: str | None = None  # stages before it are taken as the store knows them
    dry_run: bool = False
    last: Mapping[str, Any] | None = None  # what this recording's keys were made of in the last run
    same_signal: tuple[str, ...] = ()  # other recordings of this run whose legs hold the same signal


class RecordingResult(NamedTuple):
    """Outcome of one recording. Only `pid` depends on the run; it reaches no release."""

    recording_id: str
    cohort: str
    subject_id: str
    visit: str
    outcome: str
    stage: str
    reason: str | None
    text: str | None
    detect_key: str | None = None
    score_key: str | None = None
    link_key: str | None = None
    digest: str | None = None
    digest_kind: str | None = None
    n_bytes: int | None = None
    findings: tuple[str, ...] = ()
    recomputed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()  # per recomputed stage: what changed since the last run
    remember: Mapping[str, Any] | None = None
    legs_digest: str | None = None
    pid: int = 0


class Work(NamedTuple):
    """The recording function and what stores a crash of it as data; both module-level, hence importable."""

    function: Callable[[RecordingTask], RecordingResult]
    on_crash: Callable[[RecordingTask, str, str], RecordingResult] | None = None


class Executor(Protocol):
    """Something that runs recordings; results come in any order, exactly one per task."""

    def submit(self, tasks: Sequence[RecordingTask]) -> Iterator[RecordingResult]: ...


def failed(task: RecordingTask, outcome: str, reason: str, text: str, stage: str = "detect") -> RecordingResult:
    """A result without any part."""
    return RecordingResult(
        task.recording_id, task.cohort, task.subject_id, task.visit, outcome, stage, reason, text, pid=os.getpid()
    )


def attempt(
    function: Callable[[RecordingTask], RecordingResult],
    task: RecordingTask,
    retries: int = 2,
    marker: str | None = None,
) -> RecordingResult:
    """Run one recording; one exception fails one recording.

    An input/output error is tried again `retries` times, because network file systems fail for moments; any
    other exception is a fault of code or system and becomes ``failed_system``, which the next run tries again.

    Parameters
    ----------
    function
        The recording function.
    task
        The recording.
    retries
        Repeats after an OSError.
    marker
        File that exists while the function runs. After the death of the worker it tells the recording that was
        running from those that only waited there.
    """
    mark = Path(marker) if marker else None
    if mark:
        mark.write_text(str(os.getpid()), encoding="ascii")
    try:
        for round_ in range(retries + 1):
            try:
                result = function(task)
                if result.recording_id != task.recording_id:
                    raise RuntimeError("the recording function returned another recording's result")
                return result._replace(pid=os.getpid())
            except OSError as error:
                if round_ == retries:
                    return failed(task, FAILED_SYSTEM, "io_error", describe(error, task))
                time.sleep(0.1 * 2**round_)
            except MemoryError as error:
                return failed(task, FAILED_SYSTEM, "out_of_memory", describe(error, task))
            except Exception as error:  # one exception fails one recording, whatever it is
                return failed(task, FAILED_SYSTEM, "unexpected_error", describe(error, task))
        raise AssertionError("unreachable")
    finally:
        if mark:
            mark.unlink(missing_ok=True)


def describe(error: BaseException, task: RecordingTask | None = None) -> str:
    """One line about an exception for the ledger: its type, its text and the function it came from."""
    ours = str(Path(__file__).parent.parent)
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(ours) and f.name != "attempt"
    ]
    place = f" in {Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else ""
    return redact(f"{type(error).__name__}: {error}{place}", task)


def redact(text: str, task: RecordingTask | None = None) -> str:
    """The text on one line without paths, addresses, object ids, times and process ids.

    A stored text with any of these would differ in a resumed run, and paths carry names of subjects.
    """
    if task is not None:
        for path in sorted({p for p in (task.edf, *task.annotations, task.store) if p}, key=len, reverse=True):
            text = text.replace(path, "<path>")
    return redact_paths(text)[:500]
