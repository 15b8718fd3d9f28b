"""Recordings of one run whose legs hold the same signal: said in both, and left out if the cohort wants so."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.cohort.steps import outcome_of
from plms_pipeline.cohort.work import ANALYSED, EXCLUDED, RecordingResult, RecordingTask

DUPLICATE = "duplicate_signal"
EXCLUDE = "exclude"


def groups(results: Sequence[RecordingResult]) -> dict[str, tuple[str, ...]]:
    """Per recording that is not alone with its signal the others, sorted."""
    by_digest: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if result.legs_digest is not None:
            by_digest[result.legs_digest].append(result.recording_id)
    return {
        name: tuple(sorted(set(names) - {name})) for names in by_digest.values() if len(names) > 1 for name in names
    }


def settle(
    results: Sequence[RecordingResult],
    tasks: Sequence[RecordingTask],
    compute: Callable[[RecordingTask], RecordingResult],
) -> list[RecordingResult]:
    """Let recordings that share a signal end anew, each knowing of the others.

    Only their last stage is computed: the signal is not read again.

    Parameters
    ----------
    results, tasks
        Of the whole run.
    compute
        The recording function, as the executor calls it.
    """
    shared = groups(results)
    of_task = {task.recording_id: task for task in tasks}
    settled = []
    for result in results:
        if result.recording_id not in shared:
            settled.append(result)
            continue
        task = of_task[result.recording_id]._replace(same_signal=shared[result.recording_id], force=())
        again = compute(task)
        recomputed = tuple(dict.fromkeys((*result.recomputed, *again.recomputed)))
        settled.append(again._replace(recomputed=recomputed, why=(*result.why, *again.why), remember=result.remember))
    return settled


def twice(outcome: Mapping[str, Any], others: Sequence[str], policy: str) -> dict[str, Any]:
    """The outcome of a recording that shares its signal with others: a finding that names them, or excluded."""
    declared = contracts.codes("finding").get(DUPLICATE)
    text = f"{declared.label} ({', '.join(others)})"
    findings = [*outcome["findings"], [DUPLICATE, declared.extra["severity"], text]]
    if policy == EXCLUDE and outcome["outcome"] == ANALYSED:
        return outcome_of(EXCLUDED, "detect", DUPLICATE, f"{text}; {declared.extra['action']}", findings)
    return outcome_of(**{**outcome, "findings": findings})
