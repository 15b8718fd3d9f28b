"""What is computed in each stage of a recording, as the stages see it; `recording.py` has the real ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from plms_pipeline.cohort.work import ANALYSED, RecordingTask
from plms_pipeline.store import Part


class Output(NamedTuple):
    """Output of a stage: columns of its tables (ids may be left out), facts and outcome (JSON-able)."""

    tables: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]
    outcome: Mapping[str, Any]


class BadInput(Exception):
    """A recording ends here, for a reason in its files or declarations."""

    def __init__(self, outcome: str, reason: str, text: str, findings: Iterable[Sequence[str]] = ()) -> None:
        super().__init__(outcome, reason, text, findings)
        self._outcome, self._reason, self._text, self._findings = outcome, reason, text, findings

    def outcome(self, stage: str) -> dict[str, Any]:
        """The outcome as it is stored."""
        return outcome_of(self._outcome, stage, self._reason, self._text, self._findings)


def outcome_of(
    outcome: str = ANALYSED,
    stage: str | None = None,
    reason: str | None = None,
    text: str | None = None,
    findings: Iterable[Sequence[str]] = (),
) -> dict[str, Any]:
    """An outcome as it is stored with a part; findings are (code, severity, text)."""
    noticed = [list(item) for item in sorted({tuple(item) for item in findings})]
    return {"outcome": outcome, "stage": stage, "reason": reason, "text": text, "findings": noticed}


class AnnotationsOf(Protocol):
    """Annotations and analysis window of a recording."""

    @property
    def window(self) -> list[Any]: ...

    def key(self) -> Any: ...


class Steps(Protocol):
    """The computing of every stage. Bad input raises BadInput; a failing file system OSError."""

    def digest(self, path: str) -> tuple[str, str, int]: ...

    def decide(self, task: RecordingTask) -> tuple[Any, Any]:
        """The channel decision from the header alone, and its JSON-able content."""

    def detector(self, task: RecordingTask, channels: Any) -> Any:
        """The settings of the signal stage that this recording depends on, from the content of its decision."""

    def detect(self, task: RecordingTask, decision: Any) -> Output: ...

    def annotations(self, task: RecordingTask, facts: Mapping[str, Any]) -> AnnotationsOf: ...

    def score(self, task: RecordingTask, detect: Part, annotations: Any) -> Output: ...

    def link_facts(
        self,
        task: RecordingTask,
        detect: Part | None,
        score: Part | None,
        digest: tuple[str, str, int] | None,
        outcome: Mapping[str, Any],
    ) -> dict[str, Any]: ...

    def link(self, task: RecordingTask, detect: Part | None, score: Part | None, facts: dict[str, Any]) -> Output: ...
