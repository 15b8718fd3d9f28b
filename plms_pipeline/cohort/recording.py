"""The recording function of a run: what is read and computed for one recording on a worker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, emg, ingest, night, phenotypes, scoring
from plms_pipeline.cohort.identity import PSEUDONYMISE
from plms_pipeline.cohort.stages import Passage
from plms_pipeline.cohort.steps import BadInput, Output, outcome_of
from plms_pipeline.cohort.work import EXCLUDED, FAILED_INPUT, RecordingResult, RecordingTask, Work, redact
from plms_pipeline.errors import InputError
from plms_pipeline.store import Part

STATES = ("stages_state", "respiratory_state", "arousals_state")
# Readable recordings that the rules are not defined for; any other reason is a defect of file or sheet.
NOT_SCORABLE = ("no_leg_channel", "sensor_unknown")


def process_recording(task: RecordingTask) -> RecordingResult:
    """Worker entry: everything for one recording, each stage skipped when its part exists.

    Raises
    ------
    OSError
        When a file fails to be read although it is there: the caller tries again.
    """
    return Passage(task, NightSteps()).result()


def store_crash(task: RecordingTask, reason: str, text: str) -> RecordingResult:
    """Store that the process died on this recording, as the output of the stage it died in."""
    return Passage(task, NightSteps(), crash=(reason, text)).result()


WORK = Work(process_recording, store_crash)


class NightAnnotations(NamedTuple):
    """Annotations of a night with its analysis window and what was noticed while placing that."""

    annotations: ingest.Annotations
    lights: night.Window
    findings: tuple[ingest.Finding, ...]

    @property
    def window(self) -> list[Any]:
        """The analysis window, JSON-able."""
        return list(self.lights)

    def key(self) -> Any:
        """What enters the key of the scoring stage; sources and findings do, for they are stored."""
        return {
            "normalised": self.annotations.normalised(),
            "sources": list(self.annotations.sources),
            "findings": sorted(list(item) for item in {*self.annotations.findings, *self.findings}),
        }


class NightSteps:
    """The stages of a real recording."""

    def digest(self, path: str) -> tuple[str, str, int]:
        """xxh3_128 over all bytes."""
        try:
            return ingest.file_digest(path)
        except InputError:
            # The file was there a moment ago: let the caller try again.
            raise OSError("an input file cannot be read") from None

    def decide(self, task: RecordingTask) -> tuple[Any, Any]:
        """Channels by the sheet, else by the cohort, else by the alias rules; from the header alone."""
        excluded = ingest.archive_exclusion(channel_overrides(task).archive, task.visit)
        if excluded is not None:
            raise BadInput(EXCLUDED, "excluded_by_sheet", f"{excluded}; take the archive out of the sheet to use it")
        try:
            decision = ingest.decide_channels(ingest.read_header(str(task.edf)), channel_overrides(task))
        except ingest.EdfDefect as defect:
            # No decision is possible; the key then rests on the bytes, and detect meets the defect again.
            return None, {"defect": defect.code}
        refused = task.settings["defects"]
        return decision, decision.key() | ({"defects": sorted(refused)} if refused else {})

    def detector(self, task: RecordingTask, channels: Any) -> Any:
        """The settings of the detector for the sensor, and those of the findings about the signal."""
        name = "detector_piezo" if channels.get("sensor") == "piezo" else "detector"
        return {"detector": task.settings[name], "signal_findings": task.settings["signal_findings"]}

    def detect(self, task: RecordingTask, decision: Any) -> Output:
        """From the signal to leg movements."""
        try:
            recording = ingest.open_recording(
                str(task.edf),
                decision or channel_overrides(task),
                dtype=np.float32,
                policy=task.settings["defects"],
            )
        except ingest.EdfDefect as defect:
            noticed = ingest.Finding(defect.code, "error", defect.text)
            raise BadInput(FAILED_INPUT, defect.code, defect.text, (noticed,)) from None
        settings = night.Settings(
            emg.Detector(**task.settings["detector"]),
            emg.PiezoDetector(**task.settings["detector_piezo"]),
            emg.SignalChecks(**task.settings["signal_findings"]),
        )
        part = night.detect_night(_ids(task), recording, settings)
        reason = part.facts["exclusion"]
        outcome = outcome_of(findings=part.facts["findings"])
        if reason is not None:
            kind = EXCLUDED if reason in NOT_SCORABLE else FAILED_INPUT
            outcome = outcome_of(kind, "detect", reason, _advice(reason), recording.findings)
        return Output(part.tables, part.facts, outcome)

    def annotations(self, task: RecordingTask, facts: Mapping[str, Any]) -> NightAnnotations:
        """Annotation files and lights of the night."""
        declared = {name: task.sheet[name] or task.settings["declared"][name] for name in STATES}
        duration_us, start = int(facts["declared_us"]), facts["start"]
        try:
            found = ingest.read_annotations(
                [Path(path) for path in task.annotations],
                duration_us=duration_us,
                recording_start=start,
                declared=declared,
                labels=task.settings["labels"],
            )
        except InputError as error:
            raise BadInput(FAILED_INPUT, "annotations_unreadable", redact(str(error), task)) from None
        if task.settings["identifiers"] == PSEUDONYMISE:
            found = ingest.without_free_text(found, task.settings["labels"])
        off_us, on_us, findings = ingest.clock_window(
            task.sheet["lights_off_s"], task.sheet["lights_on_s"], start=start, duration_us=duration_us
        )
        return NightAnnotations(found, night.window_of(found, (off_us, on_us)), findings)

    def score(self, task: RecordingTask, detect: Part, annotations: NightAnnotations) -> Output:
        """From movements and annotations to indices."""
        tables = {
            name: {column: table.column(column).to_pylist() for column in table.column_names}
            for name, table in detect.tables.items()
            if name in ("leg_movement", "unusable_span")
        }
        rule_sets = [scoring.RuleSet(**rules) for rules in task.settings["rule_sets"].values()]
        part = night.score_night(
            _ids(task),
            night.NightPart(tables, dict(detect.facts)),
            annotations.annotations,
            annotations.lights,
            rule_sets,
            scoring.EvidenceSettings(**task.settings["evidence"]),
            task.settings["movements"],
        )
        heard = [ingest.Finding(*item) for item in part.facts["findings"]]
        findings = (*heard, *annotations.findings)
        outcome = outcome_of(findings=findings)
        if task.settings["movements"] == "annotation" and part.facts["n_leg_marks"] is None:
            reason = "legs_not_marked"
            text = f"{contracts.codes('outcome_reason').get(reason).label}; give them, or set movements: detector"
            outcome = outcome_of(EXCLUDED, "score", reason, text, findings)
        return Output(part.tables, part.facts, outcome)

    def link_facts(
        self,
        task: RecordingTask,
        detect: Part | None,
        score: Part | None,
        digest: tuple[str, str, int] | None,
        outcome: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What the linking stage is told about the night beyond its rows."""
        detected: Mapping[str, Any] = detect.facts if detect is not None else {}
        scored: Mapping[str, Any] = score.facts if score is not None else {}
        return {
            "recording_date": task.sheet["recording_date"],
            "pap_this_night": task.sheet["pap_this_night"],
            "outcome": outcome["outcome"],
            "reason": outcome["reason"],
            "sensor": detected.get("sensor"),
            "layout": detected.get("layout"),
            **{name: scored.get(name) or task.sheet[name] or "not_scored" for name in STATES},
            "ahi_per_h": scored.get("ahi_per_h"),
            "ahi_definition": task.settings["declaration"].get("ahi_definition"),
            "digest": list(digest) if digest else [None, None, None],
            "findings": outcome["findings"],
            "detect_digest": detect.digest if detect is not None else None,
        }

    def link(self, task: RecordingTask, detect: Part | None, score: Part | None, facts: dict[str, Any]) -> Output:
        """From indices and clinical rows to phenotypes; also the row of table `recording`."""
        rows = score.tables["night"].to_pylist() if score is not None and "night" in score.tables else []
        rows = [row for row in rows if row["is_main"]]
        tables = dict(
            phenotypes.link_recording(
                _ids(task), dict(task.covariates), rows, facts, task.settings["declaration"], task.settings["clinical"]
            )
        )
        tables["recording"] = night.recording_columns(
            _ids(task),
            outcome=facts["outcome"],
            outcome_reason=facts["reason"],
            pap_this_night=facts["pap_this_night"],
            digest=tuple(facts["digest"]),
            detected=detect.facts if detect is not None and detect.facts else None,
            scored=score.facts if score is not None and score.facts else None,
            findings=facts["findings"],
        )
        return Output(tables, {}, outcome_of())


def _ids(task: RecordingTask) -> dict[str, str]:
    return {name: getattr(task, name) for name in ("recording_id", "cohort", "subject_id", "visit")}


def _advice(reason: str) -> str:
    """One line: what is wrong and what to do."""
    declared = contracts.codes("finding").get(reason)
    return f"{declared.label}; {ingest.what_to_do(reason)}"


def channel_overrides(task: RecordingTask) -> ingest.ChannelOverrides:
    """What the sheet's row declares about channels, else what the cohort does."""
    declared = {key: value for key, value in task.settings["channels"].items() if value}
    cohort = ingest.overrides_from(declared, "COHORT.yaml")
    row = ingest.ChannelOverrides(**task.sheet["channels"])
    legs = row if row.names_legs else cohort
    return ingest.ChannelOverrides(
        legs.left,
        legs.right,
        legs.combined,
        row.ecg or cohort.ecg,
        row.sensor or cohort.sensor,
        row.unit or cohort.unit,
        row.archive or cohort.archive,
    )
