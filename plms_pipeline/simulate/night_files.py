"""Write the files of one simulated night: EDF, annotations, true movements."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from plms_pipeline.simulate import annotation_files, emg_signal
from plms_pipeline.simulate.edf_writer import EdfAnnotation, EdfFile, EdfSignal, write_annotation_file, write_edf
from plms_pipeline.simulate.night_plan import plan_night
from plms_pipeline.simulate.personas import persona_of, write_csv
from plms_pipeline.simulate.planned import PlannedNight

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# Below this length a night holds too little sleep for the thresholds of the hand-written expectations.
LEAST_HOURS_OF_A_NIGHT = 6.0


class NightFiles(NamedTuple):
    """One simulated recording: what was written and what must come out.

    `defect` is None for a clean night; `is_asserted` says whether the expectations that hang on the night's signal
    (`personas.NIGHT_FIELDS`) hold for it: a clean whole night.
    """

    number: int
    recording_id: str
    subject_id: str
    visit: str
    persona: str
    shape: str
    defect: str | None
    expected_outcome: str
    expected_reason: str | None
    expected_finding: str | None
    is_asserted: bool
    n_bytes: int
    duration_s: float
    tst_h: float
    n_plms: int
    plmsi_per_h: float
    ahi_per_h: float
    n_movements: int
    sheet_row: tuple[str, ...]


class NightTask(NamedTuple):
    """All a worker process needs to write one night."""

    directory: Path
    cohort: str
    number: int
    seed: int
    hours: float
    defect: str | None


@functools.cache
def recording_shapes() -> dict[str, Any]:
    """Shapes and defects of the simulated recordings (``recording_shapes.yaml`` beside this module)."""
    text = Path(__file__).with_name("recording_shapes.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def write_night(task: NightTask) -> NightFiles:
    """Write the EDF, the annotations and the true movements of one night; runs in a worker process."""
    config = recording_shapes()
    shape = dict(config["shapes"][task.number % len(config["shapes"])])
    defect = next((d for d in config["defects"] if d["name"] == task.defect), None)
    persona, subject_id = persona_of(task.number)
    if persona.recording_date is None and shape["date"] == "real":
        # Without a known date none may stand in the file either.
        shape.update(date="1985")
    if task.defect == "gap":
        shape.update(kind="EDF+D", record_s=1, annotations="edf", date="real" if shape["date"] != "1985" else "1985")
    if shape["kind"] != "EDF" and shape["date"] == "zero":
        shape.update(date="1985")
    seed = (abs(task.seed), task.number)
    night = plan_night(seed, hours=task.hours, plmsi_per_h=persona.plmsi_per_h, ahi_per_h=persona.ahi_per_h)
    stem = f"sim_{task.number + 1:04d}"
    start = _start_time(seed)
    header, date_text = _edf_header(shape, persona.recording_date, start)
    notes = annotation_files.edf_annotations(
        night, lights=shape["lights"] == "annotation", respiratory=persona.respiratory_scored
    )
    edf = task.directory / "edf" / f"{stem}.edf"
    n_bytes = 0
    if task.defect != "missing_file":
        signals = _signals(task, shape, night, seed)
        gap = None
        if task.defect == "gap":
            n_records = night.duration_us / 1e6 / shape["record_s"]
            gap = (int(n_records * config["gap_share"][0]), int(n_records * config["gap_share"][1]))
        own = notes if shape["annotations"] == "channel" and task.defect != "no_staging" else []
        n_bytes = write_edf(edf, header, signals, own, missing_records=gap)
        n_bytes = _spoil(edf, task.defect, n_bytes)
    legs = {"no_leg_channel": (), "one_leg": (0,)}.get(task.defect or "", (0, 1))
    marks = annotation_files.human_marks(night, seed, config["scorer"], legs) if legs else None
    paths = _annotations(task, shape, night, stem, header, date_text, start, persona.respiratory_scored, notes, marks)
    _write_movements(task.directory / "truth" / f"{stem}_movements.csv", night)
    lights = ("", "")
    if shape["lights"] == "sheet":
        lights = (_clock(start, night.lights_off_us), _clock(start, night.lights_on_us))
    scored = "not_scored" if task.defect == "no_staging" else "scored"
    respiratory = scored if persona.respiratory_scored else "not_scored"
    row = (
        subject_id, persona.visit, f"edf/{stem}.edf", ";".join(paths), persona.recording_date or "", *lights,
        persona.pap_this_night, scored, respiratory, scored,
    )  # fmt: skip
    return NightFiles(
        number=task.number,
        recording_id=f"{task.cohort}_{subject_id}_{persona.visit}",
        subject_id=subject_id,
        visit=persona.visit,
        persona=persona.key,
        shape=shape["name"],
        defect=task.defect,
        expected_outcome=defect["outcome"] if defect else "analysed",
        expected_reason=defect.get("reason") if defect else None,
        expected_finding=defect["finding"] if defect else None,
        is_asserted=defect is None and task.hours >= LEAST_HOURS_OF_A_NIGHT,
        n_bytes=n_bytes,
        duration_s=night.duration_us / 1e6,
        tst_h=night.tst_h,
        n_plms=night.n_plms,
        plmsi_per_h=night.plmsi_per_h,
        ahi_per_h=night.ahi_per_h,
        n_movements=len(night.movements.leg),
        sheet_row=row,
    )


def _start_time(seed: tuple[int, ...]) -> int:
    """Start of the recording, seconds of the day: between 21:30 and 23:00."""
    return int(np.random.default_rng([*seed, 5]).integers(21 * 3600 + 1800, 23 * 3600))


def _clock(start_s: int, at_us: int, separator: str = ":") -> str:
    at = (start_s + at_us // 1_000_000) % 86400
    return separator.join(f"{part:02d}" for part in (at // 3600, at // 60 % 60, at % 60))


def _edf_header(shape: dict[str, Any], recording_date: str | None, start_s: int) -> tuple[EdfFile, str]:
    year, month, day = (int(part) for part in (recording_date or "1985-01-01").split("-"))
    if shape["date"] == "1985":
        year, month, day = 1985, 1, 1
    date = "00.00.00" if shape["date"] == "zero" else f"{day:02d}.{month:02d}.{year % 100:02d}"
    plus_date = f"{day:02d}-{_MONTHS[month - 1]}-{year}"
    recording = f"Startdate {plus_date} simulated X plms_simulator"
    if shape["date"] == "zero":
        recording = "Startdate X simulated X plms_simulator"
    kind = shape["kind"]
    return EdfFile(kind, "X X X X", recording, date, _clock(start_s, 0, "."), float(shape["record_s"])), date


def _leg_plan(night: PlannedNight, leg: int, seed: tuple[int, ...]) -> emg_signal.LegPlan:
    mine = night.movements.leg == leg
    onset_s = night.movements.onset_us[mine] / 1e6
    duration_s = (night.movements.offset_us[mine] - night.movements.onset_us[mine]) / 1e6
    return emg_signal.make_plan(onset_s, duration_s, [*seed, 10 + leg], peak_uv=night.movements.peak_uv[mine])


def _signals(task: NightTask, shape: dict[str, Any], night: PlannedNight, seed: tuple[int, ...]) -> list[EdfSignal]:
    config = recording_shapes()
    seconds, leg_hz, other_hz = night.duration_us / 1e6, int(shape["leg_hz"]), int(shape["other_hz"])

    def signal(label: str, hz: int, limit_uv: float, prefilter: str, samples: np.ndarray) -> EdfSignal:
        unit = shape["unit"] if limit_uv == config["leg_range_uv"] else "uV"
        return EdfSignal(label, "AgAgCl electrode", prefilter, unit, hz, limit_uv, samples)

    legs: list[EdfSignal] = []
    halves = []
    for leg, side in enumerate(("left", "right")):
        if task.defect == "no_leg_channel" or (task.defect == "one_leg" and side == "right"):
            continue
        plan = _leg_plan(night, leg, seed)
        samples, _ = emg_signal.leg_emg(seconds, leg_hz, [*seed, 20 + leg], movements=plan)
        labels = shape[side]
        if task.defect == "combined_channel":
            halves.append(samples)
        elif len(labels) == 1:
            legs.append(signal(labels[0], leg_hz, config["leg_range_uv"], config["prefilter"], samples))
        else:
            # What both electrodes share is gone when they are subtracted.
            shared = emg_signal.eeg_signal(seconds, leg_hz, [*seed, 30 + leg])
            for label, part in zip(labels, (shared + samples / 2, shared - samples / 2), strict=True):
                legs.append(signal(label, leg_hz, config["leg_range_uv"], config["prefilter"], part))
    if halves:
        both = halves[0] + halves[1]
        legs = [signal(config["combined_label"], leg_hz, config["leg_range_uv"], config["prefilter"], both)]
    labels = config["other_labels"]
    limit_uv, prefilter = config["other_range_uv"], config["other_prefilter"]
    # ECG and EEG carry no truth: a stretch of them is repeated, which halves the time a night takes.
    stretch_s, n = min(seconds, float(config["other_stretch_s"])), round(seconds * other_hz)
    ecg = np.resize(emg_signal.ecg_signal(stretch_s, other_hz, [*seed, 40]), n)
    eeg = np.resize(emg_signal.eeg_signal(stretch_s, other_hz, [*seed, 41]), n)
    return [
        signal(labels["eeg"], other_hz, limit_uv, prefilter, eeg),
        signal(labels["ecg"], other_hz, limit_uv, prefilter, ecg),
        *legs,
    ]


def _spoil(path: Path, defect: str | None, n_bytes: int) -> int:
    """Damage a file the way archives have it."""
    if defect == "truncated":
        n_bytes = int(n_bytes * recording_shapes()["truncated_share"]) | 1
        os.truncate(path, n_bytes)
    elif defect == "wrong_header":
        with path.open("r+b") as out:
            out.seek(252)
            out.write(b"X?  ")
    return n_bytes


def _annotations(
    task: NightTask,
    shape: dict[str, Any],
    night: PlannedNight,
    stem: str,
    header: EdfFile,
    date_text: str,
    start_s: int,
    respiratory: bool,
    notes: list[EdfAnnotation],
    marks: annotation_files.LegMarks | None,
) -> list[str]:
    if task.defect == "no_staging":
        return []
    if shape["annotations"] == "channel":
        # The recording is its own annotation file; one that cannot be opened is none.
        return [] if task.defect in ("missing_file", "wrong_header") else [f"edf/{stem}.edf"]
    folder = task.directory / "annotations"
    if shape["annotations"] == "edf":
        path = folder / f"{stem}_annotations.edf"
        write_annotation_file(path, header._replace(kind="EDF+C"), notes)
        paths = [path]
    elif shape["annotations"] == "nsrr_xml":
        path = folder / f"{stem}-nsrr.xml"
        clock = f"{date_text} {_clock(start_s, 0, '.')}"
        annotation_files.write_nsrr_xml(path, night, start_clock=clock, respiratory=respiratory, marks=marks)
        paths = [path]
    else:
        paths = annotation_files.write_csv_annotations(folder, stem, night, respiratory=respiratory)
    return [f"annotations/{path.name}" for path in paths]


def _write_movements(path: Path, night: PlannedNight) -> None:
    m = night.movements
    rows = [
        (
            "LR"[m.leg[k]], f"{m.onset_us[k] / 1e6:.6f}", f"{m.offset_us[k] / 1e6:.6f}", f"{m.peak_uv[k]:.2f}",
            int(m.movement[k]), m.kind[k], word(m.is_plm[k]), word(m.is_plms[k]),
        )
        for k in range(len(m.leg))
    ]  # fmt: skip
    header = ("leg", "onset_s", "offset_s", "peak_uv", "movement", "kind", "is_plm", "is_plms")
    write_csv(path, header, rows)


def word(value: object) -> str:
    return "true" if value else "false"
