"""The executor without a cluster: every recording in this process, one after the other.

There is no isolation: a recording that crashes the interpreter ends the run (the next run resumes), and nothing
ends a hanging one. The Dask executor has both.
"""

from collections.abc import Iterator, Sequence

from plms_pipeline.cohort.work import RecordingResult, RecordingTask, Work, attempt


class InlineExecutor:
    """Runs recordings in this process."""

    description = "inline: one process, no isolation"

    def __init__(self, work: Work, retries: int = 2) -> None:
        self._work = work
        self._retries = retries

    def __enter__(self) -> "InlineExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, tasks: Sequence[RecordingTask]) -> Iterator[RecordingResult]:
        """Run the tasks in their order."""
        for task in tasks:
            yield attempt(self._work.function, task, self._retries)
