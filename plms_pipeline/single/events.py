"""Events of one recording from tables or annotation files, each whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline import contracts, ingest, scoring
from plms_pipeline.errors import InputError
from plms_pipeline.night.part import LEG_CODE

_SLEEP_STAGES = {"N1", "N2", "N3", "R"}
# Annotation files are cut to the recording; where only they say how long it was, they are first read whole.
_UNBOUNDED_US = 2**62
_TABLES = {
    "movements": ("leg", "onset_s", "offset_s"),
    "stages": ("onset_s", "duration_s", "stage"),
    "respiratory": ("onset_s", "offset_s", "type"),
    "arousals": ("onset_s", "offset_s"),
    "gaps": ("onset_s", "offset_s"),
}
_WHAT = {
    "movements": ("leg movement", "leg,onset_s,offset_s"),
    "respiratory": ("respiratory event", "onset_s,offset_s,type"),
    "arousals": ("arousal", "onset_s,offset_s"),
}
# A file need not hold stages to hold movements; options say what is meant to be in which file.
_SAID_BY_OPTIONS = ("no_stages",)


class GivenMovements(NamedTuple):
    """Monolateral movements, what legs they name, and who found them (code list ``movement_source``)."""

    movements: scoring.Movements
    legs: frozenset[str]
    source: str
    ids: dict[str, str]


class EventFiles:
    """Files of one recording's events; says with `notices` what the reader should hear about them.

    Parameters
    ----------
    files
        Role (movements, stages, respiratory, arousals, gaps) → path; None = not given, so unknown.
    duration_us
        Length of the recording, None when the stages say it.
    recording_start
        ``Recording.start``; aligns EDF+ annotations. None: their times count from their own start.

    Raises
    ------
    InputError
        From every method: one line, which file, what is wrong, what to do.
    """

    def __init__(
        self, files: dict[str, Path | None], *, duration_us: int | None = None, recording_start: str | None = None
    ) -> None:
        self.files = {role: path for role, path in files.items() if path is not None}
        self.notices: list[str] = []
        self._start = recording_start
        self._read: dict[tuple[Path, int], ingest.Annotations] = {}
        self._told: set[str] = set()
        self._is_annotation = {
            role: role != "gaps" and ingest.holds_annotations(path, _TABLES[role]) for role, path in self.files.items()
        }
        if recording_start is None:
            self._check_one_start()
        self._stage_input = self._table_stages()
        self.duration_us = duration_us if duration_us is not None else self._end_of_stages()

    def _check_one_start(self) -> None:
        starts: dict[object, Path] = {}
        for role in self._annotation_roles():
            path = self.files[role]
            with path.open("rb") as handle:
                is_edf = handle.read(8) in (b"0       ", b"\xffBIOSEMI")
            if is_edf:
                try:
                    header = ingest.read_header(path)
                except ingest.EdfDefect as defect:
                    raise InputError(f"{path}: {defect.text}; export the annotations again") from None
                starts.setdefault((header.start_date, header.start_time_us), path)
        if len(starts) > 1:
            first, second = list(starts.values())[:2]
            raise InputError(
                f"{first} and {second}: EDF+ annotations that start at different times; give one file, or tables with "
                "seconds from the start of the recording"
            )

    def _annotation_roles(self) -> list[str]:
        return [role for role in _TABLES if self._is_annotation.get(role)]

    def _table_stages(self) -> ingest.StageInput | None:
        if "stages" not in self.files or self._is_annotation["stages"]:
            return None
        return ingest.read_stages_csv(self.files["stages"])

    def _end_of_stages(self) -> int:
        offsets: np.ndarray | None = None
        if self._stage_input is not None:
            offsets = self._stage_input.offset_us
        elif "stages" in self.files:
            found = self._annotations("stages", _UNBOUNDED_US).stages
            offsets = None if found is None else found.onset_us + found.duration_us
        if offsets is None or not len(offsets):
            if "stages" in self.files and self._is_annotation["stages"]:
                raise self._nothing_found("stages", "stages of sleep")
            where = self.files.get("movements") or next(iter(self.files.values()))
            raise InputError(f"{where}: the end of the recording is unknown; give --stages or --duration")
        return int(offsets.max())

    def _annotations(self, role: str, duration_us: int) -> ingest.Annotations:
        path = self.files[role]
        key = (path, duration_us)
        if key not in self._read:
            # Naming a file as one of respiratory events or arousals says that they were looked for.
            declared = {"respiratory_state": "scored", "arousals_state": "scored"}
            self._read[key] = ingest.read_annotations(
                [path], duration_us=duration_us, recording_start=self._start, declared=declared
            )
        found = self._read[key]
        if duration_us != _UNBOUNDED_US:
            for item in found.findings:
                text = f"{path.name}: {item.text}"
                if item.severity != "info" and item.code not in _SAID_BY_OPTIONS and text not in self._told:
                    self._told.add(text)
                    self.notices.append(text)
        return found

    def _nothing_found(self, role: str, what: str) -> InputError:
        unknown = [
            item.text for found in self._read.values() for item in found.findings if item.code == "unknown_label"
        ]
        header = f", or a table with the header {_WHAT[role][1]} alone if there was none" if role in _WHAT else ""
        return InputError(
            f"{self.files[role]}: holds no {what} with a label that is known"
            f"{f' ({unknown[0]})' if unknown else ''}; give another file{header}"
        )

    def movements(self) -> GivenMovements:
        """Movements of a table or human leg marks; a mark for both legs is one of the left and one of the right leg.

        A mark without a duration, or with one of 0 s, only says where a movement began (open point A24).
        """
        path = self.files["movements"]
        ids = local_ids(path)
        if not self._is_annotation["movements"]:
            read = ingest.read_movements_csv(path)
            self.notices.extend(read.notices)
            if read.n_not_kept:
                self.notices.append(f"{path.name}: {read.n_not_kept} rows with is_kept = false are not scored")
            known = [name for name in read.sources if name in contracts.codes("movement_source").values]
            legs = [LEG_CODE[leg] for leg in read.leg]
            given = scoring.make_movements(legs, read.onset_us, read.offset_us, read.has_morphology, read.is_truncated)
            return GivenMovements(given, frozenset(read.leg), ", ".join(known) or "annotation", ids | read.ids)
        marks = self._annotations("movements", self.duration_us).movements
        if marks is None or not marks.leg:
            raise self._nothing_found("movements", "leg movement")
        found = frozenset(marks.leg)
        if "C" in found and found != {"C"}:
            n = marks.leg.count("C")
            raise InputError(
                f"{path}: {n} leg marks have no side, {len(marks.leg) - n} have one; give a table "
                "leg,onset_s,offset_s with L or R for each, or C for all"
            )
        offset = np.where(marks.offset_us > marks.onset_us, marks.offset_us, ingest.NO_DURATION)
        legs = [LEG_CODE[leg] for leg in marks.leg]
        return GivenMovements(scoring.make_movements(legs, marks.onset_us, offset), found, "annotation", ids)

    def stages(self) -> tuple[scoring.Stages | None, str]:
        """Sleep stages and their state."""
        if "stages" not in self.files:
            return None, "not_scored"
        if self._stage_input is None:
            read = self._annotations("stages", self.duration_us)
            if read.stages is None:
                raise self._nothing_found("stages", "stages of sleep")
            spans = read.stages
            staged = scoring.make_stages(spans.onset_us, spans.onset_us + spans.duration_us, spans.stage)
            return staged, read.stages_state
        table = self._stage_input
        self.notices.extend(table.notices)
        found = set(table.stage)
        state = "scored"
        if "S" in found:
            state = "partial" if found & _SLEEP_STAGES else "sleep_wake_only"
        return scoring.make_stages(table.onset_us, table.offset_us, table.stage), state

    def respiratory(self) -> tuple[scoring.Respiratory | None, str]:
        """Respiratory events and their state."""
        if "respiratory" not in self.files:
            return None, "not_scored"
        if self._is_annotation["respiratory"]:
            read = self._annotations("respiratory", self.duration_us)
            spans = read.respiratory
            if spans is None or not spans.type:
                raise self._nothing_found("respiratory", "respiratory event with a duration")
            is_rera = [kind == "rera" for kind in spans.type]
            return scoring.make_respiratory(spans.onset_us, spans.offset_us, is_rera), read.respiratory_state
        table = ingest.read_events_csv(self.files["respiratory"], "respiratory")
        self.notices.extend(table.notices)
        is_rera = [kind == "rera" for kind in table.type]
        return scoring.make_respiratory(table.onset_us, table.offset_us, is_rera), "scored"

    def arousals(self) -> tuple[scoring.Spans | None, str]:
        """Arousals and their state."""
        if "arousals" not in self.files:
            return None, "not_scored"
        if self._is_annotation["arousals"]:
            read = self._annotations("arousals", self.duration_us)
            spans = read.arousals
            if spans is None or not spans.type:
                raise self._nothing_found("arousals", "arousal with a duration")
            return scoring.make_spans(spans.onset_us, spans.offset_us), read.arousals_state
        return self._spans("arousals"), "scored"

    def gaps(self) -> scoring.Spans:
        """Stretches without usable signal; none when not given."""
        return self._spans("gaps") if "gaps" in self.files else scoring.make_spans()

    def _spans(self, role: str) -> scoring.Spans:
        table = ingest.read_events_csv(self.files[role], role)
        self.notices.extend(table.notices)
        return scoring.make_spans(table.onset_us, table.offset_us, [LEG_CODE[leg] for leg in table.leg])

    def lights(self) -> Sequence[ingest.Annotations]:
        """The annotation files read, in the order of their roles: any of them may hold lights off and on."""
        return [self._annotations(role, self.duration_us) for role in self._annotation_roles()]


def local_ids(path: Path) -> dict[str, str]:
    """Ids of a file that belongs to no cohort: its stem, cohort ``local``, visit ``single``."""
    return {"recording_id": path.stem, "cohort": "local", "subject_id": path.stem, "visit": "single"}
