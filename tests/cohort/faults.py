"""Recording functions that fail in every way; importable by name on workers and in the crash lane's child."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from plms_pipeline.cohort.work import FAILED_INPUT, RecordingResult, RecordingTask


def recording(task: RecordingTask) -> RecordingResult:
    """Does what the word before the first _ of the recording's id says."""
    word = task.recording_id.split("_")[0]
    calls = Path(task.store, "calls", task.recording_id)
    calls.parent.mkdir(parents=True, exist_ok=True)
    first = not calls.exists()
    with calls.open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    if word == "raise":
        raise ValueError(f"broken {task.edf} at 0x7f1234567890")
    if word == "segfault":
        ctypes.string_at(0)
    if word == "hang":
        time.sleep(3600)
    if word == "hog":  # what the kernel does to a process that eats the machine's memory
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "diesonce" and first:
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "flaky" and first:
        raise OSError("the file server is away")
    if word == "away":
        raise OSError("the file server is away")
    if word == "bad":
        return done(task, "failed_input", "not_edf")
    if word == "out":
        return done(task, "excluded", "no_leg_channel")
    if word == "slow":
        time.sleep(0.3)
    return done(task)


def done(task: RecordingTask, outcome: str = "analysed", reason: str | None = None) -> RecordingResult:
    """A result without parts."""
    return RecordingResult(
        task.recording_id,
        task.cohort,
        task.subject_id,
        task.visit,
        outcome,
        "link",
        reason,
        None,
        recomputed=("detect",),
    )


def crash(task: RecordingTask, reason: str, text: str) -> RecordingResult:
    """Stores a crash: one file."""
    Path(task.store, f"crash_{task.recording_id}").write_text(reason, encoding="ascii")
    return done(task, FAILED_INPUT, reason)._replace(text=text)


def loaded_modules(task: RecordingTask) -> RecordingResult:
    """Names in the result's text the top-level modules of this process."""
    modules = sorted({name.split(".")[0] for name in sys.modules})
    return done(task)._replace(text=" ".join(modules))
