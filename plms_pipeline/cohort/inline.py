"""The executor without a cluster: every recording in this process, one after the other.

There is no isolation: a recording that crashes the interpreter ends the run (the next run resumes), and nothing
ends a hanging one. The Dask executor has both.
"""

import itertools
from collections.abc import Iterator, Sequence

from plms_pipeline import ingest
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
        for task, following in itertools.zip_longest(tasks, tasks[1:]):
            if following is not None and following.edf is not None and following.edf not in following.remembered:
                # The storage works while the processor does; with several workers it does so anyway.
                ingest.read_ahead(following.edf)
            yield attempt(self._work.function, task, self._retries)
