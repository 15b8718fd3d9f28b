"""One recording through the stages detect, score, link; each skipped when its part exists.

Bad input never raises: it becomes the outcome of the recording, stored as data, so that it is not tried again
until bytes, settings or revision change.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.cohort import keys
from plms_pipeline.cohort.duplicates import DUPLICATE, twice
from plms_pipeline.cohort.steps import BadInput, Output, Steps, outcome_of
from plms_pipeline.cohort.work import (
    ANALYSED,
    EXCLUDED,
    FAILED_INPUT,
    RecordingResult,
    RecordingTask,
    redact,
)
from plms_pipeline.store import REVISIONS, STAGES, Part, WorkStore, detect_key, file_state, link_key, score_key


class Passage:
    """One recording on its way through the stages.

    Parameters
    ----------
    task
        What the run planned.
    steps
        What is computed in each stage; the keys, parts and outcomes around it are here.
    crash
        Reason and text to store in place of the first stage that has no part.
    """

    def __init__(self, task: RecordingTask, steps: Steps, crash: tuple[str, str] | None = None) -> None:
        self._task = task
        self._steps = steps
        self._crash = crash
        # A dry run must not create a store where there is none.
        is_there = not task.dry_run or (Path(task.store) / "work").is_dir()
        self._store = WorkStore(Path(task.store)) if is_there else None
        self._remember: dict[str, Any] = {}
        self._recomputed: list[str] = []
        self._why: list[str] = []
        self._record: dict[str, Any] = {}
        self._annotations: Any = None
        self._decision: Any = None
        self._legs_digest: str | None = None

    def result(self) -> RecordingResult:
        """Go through the stages and say how it ended."""
        task = self._task
        digest: tuple[str, str, int] | None = None
        detect: Part | None = None
        score: Part | None = None
        outcome = outcome_of()
        try:
            detect_parts, digest = self._detect_parts()
        except BadInput as bad:
            outcome = bad.outcome("input")
        else:
            detect = self._stage("detect", detect_parts, lambda: self._steps.detect(task, self._decision))
            outcome = detect.outcome
        if task.dry_run and "detect" in self._recomputed:
            # What comes after depends on what was not computed.
            self._recomputed += ["score", "link"]
            return self._result(outcome, digest)
        if detect is not None and outcome["outcome"] != FAILED_INPUT:
            try:
                score_parts = self._score_parts(detect)
            except BadInput as bad:
                outcome = bad.outcome("score")
            else:
                score = self._stage("score", score_parts, lambda: self._score(detect))
                outcome = self._together(outcome, score.outcome)
        if detect is not None:
            self._legs_digest = detect.facts.get("legs_digest")
        if task.same_signal:
            outcome = twice(outcome, task.same_signal, str(task.settings["duplicates"]))
            if outcome["reason"] == DUPLICATE:
                score = None
                self._record.pop("score", None)
        link = self._link(detect, score, digest, outcome)
        outcome = _worse(outcome, link.outcome)
        if not task.dry_run:
            keys.remember(Path(task.store), task.recording_id, self._record)
        return self._result(outcome, digest)

    def _together(self, detect: dict[str, Any], score: dict[str, Any]) -> dict[str, Any]:
        """How a recording ended after both stages: without legs in the signal human marks can still be scored."""
        if self._task.settings.get("movements") == "annotation" and detect["outcome"] == EXCLUDED:
            return outcome_of(**{**score, "findings": [*score["findings"], *detect["findings"]]})
        return _worse(detect, score)

    def _result(self, outcome: dict[str, Any], digest: tuple[str, str, int] | None) -> RecordingResult:
        task = self._task
        return RecordingResult(
            recording_id=task.recording_id,
            cohort=task.cohort,
            subject_id=task.subject_id,
            visit=task.visit,
            outcome=outcome["outcome"],
            stage=outcome["stage"],
            reason=outcome["reason"],
            text=outcome["text"],
            detect_key=self._key("detect"),
            score_key=self._key("score"),
            link_key=self._key("link"),
            digest=digest[0] if digest else None,
            digest_kind=digest[1] if digest else None,
            n_bytes=digest[2] if digest else None,
            findings=tuple(sorted({code for code, _, _ in outcome["findings"]})),
            recomputed=tuple(self._recomputed),
            why=tuple(self._why),
            remember=self._remember,
            legs_digest=self._legs_digest,
        )

    def _key(self, stage: str) -> str | None:
        return (self._record.get(stage) or {}).get("key")

    def _digest(self, path: str) -> tuple[str, str, int]:
        """Digest of a file: remembered, or read now."""
        known = self._task.remembered.get(path)
        if known is None and path in self._remember:
            known = self._remember[path][1]
        if known is None:
            role = "recording" if path == self._task.edf else "annotation"
            try:
                state = file_state(Path(path))
            except FileNotFoundError:
                raise BadInput(
                    FAILED_INPUT, "file_missing", f"the {role} file is not there; correct the sheet or deliver the file"
                ) from None
            if not Path(path).is_file():
                # Trying again would not help, and a pipe would wait for ever.
                raise BadInput(
                    FAILED_INPUT,
                    "file_missing",
                    f"the {role} is a folder, pipe or device, not a file; correct the sheet",
                )
            known = self._steps.digest(path)
            self._remember[path] = (tuple(state), tuple(known))
        return known[0], known[1], known[2]

    def _taken_as_is(self, stage: str) -> bool:
        """Whether the run was asked to begin behind this stage, and the store knows its key."""
        order = (*STAGES, "release")
        first = self._task.from_stage
        last = (self._task.last or {}).get(stage) or {}
        return first is not None and order.index(stage) < order.index(first) and "key" in last

    def _detect_parts(self) -> tuple[dict[str, Any], tuple[str, str, int] | None]:
        task = self._task
        if self._taken_as_is("detect"):
            known = (task.last or {})["detect"]
            return {}, tuple(known["digest"])
        if task.edf is None:
            raise BadInput(FAILED_INPUT, "file_missing", "the sheet names no recording file; name it or drop the row")
        digest = self._digest(task.edf)
        self._decision, channels = self._steps.decide(task)
        return {
            "input_digest": digest[0],
            "channel_decision": channels,
            "detector": self._steps.detector(task, channels),
        }, digest

    def _score_parts(self, detect: Part) -> dict[str, Any]:
        task = self._task
        if self._taken_as_is("score"):
            return {}
        sources = [self._digest(path)[0] for path in task.annotations]
        declared = {key: value for key, value in task.sheet.items() if key.endswith(("_state", "_s"))}
        of = contracts.digest_of(
            {
                "detect": detect.digest,
                "sources": sources,
                "declared": declared,
                "cohort": task.settings["declared"],
                "labels": task.settings["labels"],
                "revision": REVISIONS["score"],
            }
        )
        memo = ((task.last or {}).get("annotations")) or {}
        if memo.get("of") != of:
            self._annotations = self._steps.annotations(task, detect.facts)
            memo = {
                "of": of,
                "annotations": contracts.digest_of(self._annotations.key()),
                "window": self._annotations.window,
            }
        self._record["annotations"] = memo
        return {
            "detect_digest": detect.digest,
            "annotations": memo["annotations"],
            "window": memo["window"],
            "rule_sets": task.settings["rule_sets"],
            "evidence": {"evidence": task.settings["evidence"], "movements": task.settings["movements"]},
        }

    def _score(self, detect: Part) -> Output:
        if self._annotations is None:
            self._annotations = self._steps.annotations(self._task, detect.facts)
        return self._steps.score(self._task, detect, self._annotations)

    def _link(
        self,
        detect: Part | None,
        score: Part | None,
        digest: tuple[str, str, int] | None,
        outcome: Mapping[str, Any],
    ) -> Part:
        task = self._task
        facts = self._steps.link_facts(task, detect, score, digest, outcome)
        parts = {
            "score_digest": score.digest if score else None,
            "facts": facts,
            "covariates": task.covariates,
            "declaration": task.settings["declaration"],
            "settings": task.settings["clinical"],
        }
        return self._stage("link", parts, lambda: self._steps.link(task, detect, score, facts))

    def _stage(self, stage: str, parts: dict[str, Any], compute: Any) -> Part:
        """The part of a stage: read if it exists, else computed and committed."""
        task = self._task
        forced = stage in task.force
        if not parts:
            known = dict((task.last or {})[stage])
            key, digests = known["key"], known["parts"]
        else:
            key = _KEYS[stage](**parts)
            digests = {_SHORT.get(name, name): contracts.digest_of(value) for name, value in parts.items()}
            digests["revision"] = str(REVISIONS[stage])
        part = None if forced else self._read(stage, key)
        if part is None:
            if not parts:
                raise RuntimeError(f"the {stage} part is gone; run without from_stage")
            self._why.append(keys.why(stage, digests, task.last, forced))
            self._recomputed.append(stage)
            if task.dry_run:
                part = Part({}, {}, outcome_of(), "")
            else:
                self._write(stage, key, compute)
                part = self._read(stage, key)
                if part is None:
                    raise OSError(f"the {stage} part cannot be read back")
        self._record[stage] = {"key": key, "parts": digests}
        if stage == "detect" and task.edf is not None:
            digest = self._task.remembered.get(task.edf) or (self._remember.get(task.edf) or (None, None))[1]
            self._record[stage]["digest"] = list(digest) if digest else (task.last or {}).get(stage, {}).get("digest")
        return part

    def _read(self, stage: str, key: str) -> Part | None:
        if self._store is None:
            return None
        ids = {name: getattr(self._task, name) for name in ("recording_id", "cohort", "subject_id", "visit")}
        try:
            return self._store.read(stage, key, ids)
        except KeyError:
            return None

    def _write(self, stage: str, key: str, compute: Any) -> None:
        task = self._task
        if self._crash is not None:
            reason, text = self._crash
            output = Output({}, {}, BadInput(FAILED_INPUT, reason, text).outcome(stage))
        else:
            try:
                output = compute()
            except BadInput as bad:
                output = Output({}, {}, bad.outcome(stage))
        outcome = dict(output.outcome)
        if outcome.get("text"):
            outcome["text"] = redact(outcome["text"], task)
        tables = {name: contracts.to_arrow(name, _with_ids(columns, task)) for name, columns in output.tables.items()}
        assert self._store is not None
        self._store.write(stage, key, tables, output.facts, outcome)


_KEYS: dict[str, Callable[..., str]] = {"detect": detect_key, "score": score_key, "link": link_key}
_SHORT = {
    "input_digest": "input",
    "channel_decision": "channels",
    "detect_digest": "detect",
    "score_digest": "score",
}


def _with_ids(columns: Mapping[str, Any], task: RecordingTask) -> dict[str, Any]:
    n_rows = len(next(iter(columns.values()))) if columns else 0
    ids = {name: [getattr(task, name)] * n_rows for name in ("recording_id", "cohort", "subject_id", "visit")}
    return {**ids, **{name: values for name, values in columns.items() if name not in ids}}


def _worse(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The outcome that decides, with the findings of both."""
    order = (ANALYSED, EXCLUDED, FAILED_INPUT)
    decides = first if order.index(first["outcome"]) >= order.index(second["outcome"]) else second
    return outcome_of(**{**decides, "findings": [*first["findings"], *second["findings"]]})
