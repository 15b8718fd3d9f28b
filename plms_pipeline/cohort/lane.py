"""The crash lane: one recording alone in a child process with a time and a memory limit.

The death of a Dask worker also blames healthy recordings on it (dask/distributed#5234), so it is never a verdict.
The exit status of a child that held one recording and nothing else is.
"""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.cohort.work import (
    FAILED_INPUT,
    FAILED_SYSTEM,
    RecordingResult,
    RecordingTask,
    Work,
    attempt,
    failed,
)

# Signals that a process raises on itself: the same bytes through the same code end the same way again.
CRASH_SIGNALS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP)
POLL_S = 0.05
START_UP_S = 120.0  # an interpreter that has not begun by then does not begin
STARTED = ".started"


def run_alone(
    work: Work,
    task: RecordingTask,
    *,
    scratch: Path,
    time_limit_s: float,
    memory_limit_bytes: int = 0,
    retries: int = 0,
    stop: threading.Event | None = None,
) -> RecordingResult:
    """Run one recording in a child process and return its result or the verdict on its death.

    Parameters
    ----------
    work
        Recording function and what stores a crash as data.
    task
        The suspect.
    scratch
        Private folder on this machine for the request and the answer.
    time_limit_s
        Time after which the child is killed: ``failed_system``, ``time_limit``.
    memory_limit_bytes
        Resident memory above which the child is killed: ``failed_system``, ``out_of_memory``; 0 for no limit.
        SIGKILL from elsewhere (the kernel's killer) means the same.
    retries
        Repeats after an OSError inside the child.
    stop
        When set, the child is killed and there is no verdict (``interrupted``).

    Returns
    -------
    RecordingResult
        A crash signal gives ``failed_input``, ``crashed_reader``: stored as data, not tried again until bytes,
        settings or REVISION change.
    """
    limits = _Limits(time_limit_s, memory_limit_bytes, stop or threading.Event())
    verdict = _run_child(_name(work.function), (task,), scratch, limits, retries)
    if isinstance(verdict, RecordingResult):
        return verdict
    outcome, reason, text = verdict
    if outcome == FAILED_INPUT and work.on_crash is not None:
        # In a child again: whatever the reader met when it crashed, it may meet while the key is computed.
        stored = _run_child(_name(work.on_crash), (task, reason, text), scratch, limits, retries)
        if isinstance(stored, RecordingResult):
            return stored
    return failed(task, outcome, reason, text)


class _Limits(NamedTuple):
    time_s: float
    memory_bytes: int
    stop: threading.Event


def _run_child(
    function: str, arguments: tuple[Any, ...], scratch: Path, limits: _Limits, retries: int
) -> RecordingResult | tuple[str, str, str]:
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        request, answer = Path(folder, "request.pickle"), Path(folder, "answer.pickle")
        request.write_bytes(pickle.dumps((function, arguments, retries)))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        command = [sys.executable, "-m", "plms_pipeline.cohort.lane", str(request), str(answer)]
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            killed_for = _watch(child, limits, answer.with_suffix(STARTED))
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
        if killed_for == "interrupted":
            return FAILED_SYSTEM, "interrupted", "the run was stopped before this recording was done"
        if killed_for == "time_limit":
            return FAILED_SYSTEM, "time_limit", "no end within the time limit, alone in a process"
        if killed_for == "out_of_memory" or child.returncode == -signal.SIGKILL:
            return FAILED_SYSTEM, "out_of_memory", "killed for its memory, alone in a process"
        if -child.returncode in CRASH_SIGNALS:
            name = signal.Signals(-child.returncode).name
            return FAILED_INPUT, "crashed_reader", f"the process ended with {name}, alone with this recording"
        if child.returncode == 0 and answer.is_file():
            return pickle.loads(answer.read_bytes())  # our own file in a private folder
        return FAILED_SYSTEM, "unexpected_error", f"the child process ended with exit status {child.returncode}"


def _watch(child: "subprocess.Popen[bytes]", limits: _Limits, started: Path) -> str | None:
    end = time.monotonic() + START_UP_S + limits.time_s
    is_started = False
    while True:
        try:
            child.wait(timeout=POLL_S)
            return None
        except subprocess.TimeoutExpired:
            pass
        if not is_started and started.exists():
            # The limit is the recording's; imports on a busy machine are not its fault.
            is_started, end = True, time.monotonic() + limits.time_s
        reason = None
        if limits.stop.is_set():
            reason = "interrupted"
        elif time.monotonic() > end:
            reason = "time_limit"
        elif limits.memory_bytes and _resident_bytes(child.pid) > limits.memory_bytes:
            reason = "out_of_memory"
        if reason is not None:
            child.kill()
            return reason


def _resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 where /proc does not tell (then only the kernel limits the child)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def resolve(name: str) -> Callable[..., Any]:
    """The function behind ``module:name``."""
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def main(request: str, answer: str) -> None:
    """Child: run the request, leave the answer whole or not at all."""
    name, arguments, retries = pickle.loads(Path(request).read_bytes())
    function = resolve(name)
    task: RecordingTask = arguments[0]
    Path(answer).with_suffix(STARTED).touch()
    result = attempt(lambda one: function(one, *arguments[1:]), task, retries)
    partial = Path(answer).with_suffix(".tmp")
    partial.write_bytes(pickle.dumps(result))
    partial.rename(answer)


if __name__ == "__main__":
    main(*sys.argv[1:3])
