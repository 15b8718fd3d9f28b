"""An archive in which every shape of leg channels and every layout of folders counted in real archives stands once.

Signals and scorings are simulated; labels, montages and folders are real.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.ingest.edf_bytes import Sig, build, tal

MINUTES, LEG_HZ = 20, 128
SECONDS = MINUTES * 60
EPOCHS = MINUTES * 2
_UV = 32.767  # digital values per microvolt at ±1000 µV on 16 bit


class Shape(NamedTuple):
    """One recording of the archive, and what must come of it.

    ``folder`` is the layout it stands in; ``reason`` is None when it must be analysed.
    """

    archive: str
    labels: tuple[str, ...]
    layout: str
    folder: str
    reason: str | None = None


def _shape(archive: str, labels: str, layout: str, folder: str, reason: str | None = None) -> Shape:
    return Shape(archive, tuple(labels.split(" + ")) if labels else (), layout, folder, reason)


SHAPES = [
    _shape("mros", "Leg L + Leg R", "bipolar", "nsrr"),
    _shape("mros", "LegL + LegR", "bipolar", "nsrr_visit_2", "excluded_by_sheet"),
    _shape("stages", "Leg_1 + Leg_2", "bipolar", "csv"),
    _shape("stages", "LAT + RAT", "bipolar", "csv"),
    _shape("stages", "L-Leg1 + L-Leg2 + R-Leg1 + R-Leg2", "monopolar", "csv"),
    _shape("stages", "Leg_1 + Leg_12 + Leg_2 + Leg_22", "bipolar", "csv"),
    _shape("stages", "LAT1-LAT2 + RAT1-RAT2", "bipolar", "annot"),
    _shape("stages", "L-LEG1 + L-LEG2 + R-LEG1 + R-LEG2", "monopolar", "annot"),
    _shape("stages", "LLEG + RLEG", "bipolar", "own"),
    _shape("stages", "L-LEG_1 + L-LEG_2 + R-LEG_1 + R-LEG_2", "monopolar", "own"),
    _shape("stages", "PLMl + PLMr", "bipolar", "domino"),
    _shape("stages", "PLMl. + PLMr. + WPLM_ST + WPLM_ST.1", "bipolar", "domino"),
    _shape("stages", "L-Leg2 + LegsL-Leg1 + R-Leg1 + R-Leg2", "monopolar", "csv"),
    _shape("stages", "L-Leg2 + LLeg3 + LLeg4 + LegsL-Leg1 + R-Leg1 + R-Leg2 + RLeg5 + RLeg6", "monopolar", "csv"),
    _shape("stages", "wPLMl + wPLMl_Sta + wPLMr + wPLMr_Sta", "bipolar", "domino", "sensor_unknown"),
    _shape("stages", "PLMl. + WPLM_ST", "one_leg", "domino"),
    _shape("stages", "PLM3. + PLM4. + PLMl. + PLMr. + WPLM_ST + WPLM_ST.1", "bipolar", "domino"),
    _shape("stages", "PLM3. + PLMr.", "one_leg", "domino"),
    _shape("stages", "PLMl. + PLMr.", "bipolar", "domino"),
    _shape("stages", "", "none", "csv", "no_leg_channel"),
    _shape("apples", "LEG", "combined", "nsrr"),
    _shape("apples", "", "none", "nsrr", "no_leg_channel"),
    _shape("", "LEG(L) + LEG(R)", "bipolar", "nsrr", "sensor_unknown"),
    _shape("mesa", "Leg", "combined", "nsrr"),
    _shape("sof", "Leg/L + Leg/R", "bipolar", "nsrr"),
    _shape("cfs", "L Leg + R Leg", "bipolar", "nsrr"),
    _shape("ccshs", "LEFT_LEG1 + LEFT_LEG2 + RIGHT_LEG1 + RIGHT_LEG2", "monopolar", "nsrr", "sensor_unknown"),
    _shape("ccshs", "L_Leg + R_Leg", "bipolar", "nsrr", "sensor_unknown"),
    _shape("chat", "Lleg1 + Lleg2 + RLEG1 + RLEG2", "monopolar", "nsrr"),
    _shape("chat", "LAT + RAT", "bipolar", "nsrr"),
    _shape("abc", "LLeg1 + LLeg2 + RLeg1 + RLeg2", "monopolar", "nsrr"),
    _shape("wsc", "Leg_L-LEG + R-Leg", "bipolar", "wsc"),
    _shape("wsc", "LLEG1-LLEG2 + RLEG1-RLEG2", "bipolar", "wsc"),
    _shape("wsc", "LEG_EMG", "combined", "wsc"),
    _shape("wsc", "LEGS", "combined", "wsc"),
    _shape("wsc", "LLEG1-RLEG1", "combined", "wsc"),
    _shape("mnc", "EMG_TIB_L + EMG_TIB_R", "bipolar", "annot"),
    _shape("mnc", "Tib-L + Tib-R", "bipolar", "annot"),
    _shape("mnc", "LAT-U + LAT-L + RAT-U + RAT-L", "monopolar", "annot"),
    _shape("mnc", "L/RAT", "combined", "annot"),
    _shape("nchsdb", "EMG_LLEG+-LLEG- + EMG_RLEG+-RLEG-", "bipolar", "bids"),
    _shape("nchsdb", "EMG_LAT1-LAT2 + EMG_RAT1-RAT2", "bipolar", "bids"),
    _shape("nchsdb", "EMG_LLeg-RLeg", "combined", "bids"),
    _shape("pats", "LLEG1-LLEG2 + RLEG1-RLEG2", "bipolar", "nsrr", "sensor_unknown"),
    _shape("bestair", "X15 + X16 + X17", "bipolar", "nsrr", "sensor_unknown"),
    _shape("hsp", "EMG Ant Tibial L + EMG Ant Tibial R", "bipolar", "bids"),
]


class Made(NamedTuple):
    """Files of one recording, relative to the archive, and its shape."""

    edf: str
    shape: Shape


def _leg(seed: int) -> np.ndarray:
    """Microvolts: resting EMG with a movement of two seconds about every half minute."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0.0, 1.5, SECONDS * LEG_HZ)
    for onset_s in range(20, SECONDS - 10, 27):
        at = (onset_s + int(rng.integers(0, 4))) * LEG_HZ
        samples[at : at + 2 * LEG_HZ] += rng.normal(0.0, 30.0, 2 * LEG_HZ)
    return samples


def _signals(shape: Shape, number: int) -> list[Sig]:
    """Legs as the labels say: of a pair the first electrode holds the leg and both hold what they share."""
    rng = np.random.default_rng(1000 + number)
    shared = rng.normal(0.0, 20.0, SECONDS * LEG_HZ)
    signals = [Sig("C4-M1", _digital(rng.normal(0.0, 20.0, SECONDS * LEG_HZ)))]
    for place, label in enumerate(shape.labels):
        samples = _leg(100 * number + place)
        if shape.layout == "monopolar":
            is_first = label[-1] in "1U35" and "leg2" not in label.casefold()
            samples = shared + samples if is_first else shared
        signals.append(Sig(label, _digital(samples)))
    return signals


def _digital(samples_uv: np.ndarray) -> np.ndarray:
    return np.clip(np.round(samples_uv * _UV), -32768, 32767).astype(np.int64).reshape(SECONDS, LEG_HZ)


def _stage(epoch: int) -> str:
    return "W" if epoch < 4 else "R" if epoch % 10 == 9 else "N2"


def make_archive(folder: Path) -> list[Made]:
    """Write the archive; clean recordings only."""
    made = []
    for number, shape in enumerate(SHAPES, start=1):
        edf = _WRITERS[shape.folder](folder, shape, number)
        made.append(Made(edf.relative_to(folder).as_posix(), shape))
    return made


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def _recording(path: Path, shape: Shape, number: int) -> Path:
    _write(path, build(_signals(shape, number), date="01.01.85", time="22.00.00", recording=""))
    return path


def _nsrr_visit_2(folder: Path, shape: Shape, number: int) -> Path:
    return _nsrr(folder, shape, number, visit=2)


def _nsrr(folder: Path, shape: Shape, number: int, visit: int = 1) -> Path:
    study = shape.archive or "shhs"
    stem = {"mesa": f"mesa-sleep-{number:04d}", "shhs": f"shhs1-{200000 + number}", "apples": f"apples-{number}"}.get(
        study, f"{study}-visit{visit}-{number:06d}"
    )
    events = []
    for epoch in range(EPOCHS):
        concept = {"W": "Wake|0", "N2": "Stage 2 sleep|2", "R": "REM sleep|5"}[_stage(epoch)]
        events.append(("Stages|Stages", concept, epoch * 30, 30))
    events += [
        ("Respiratory|Respiratory", "Hypopnea|Hypopnea", 300, 15),
        ("Arousals|Arousals", "Arousal|Arousal ()", 316, 4),
    ]
    scored = "\n".join(
        f"<ScoredEvent>\n<EventType>{kind}</EventType>\n<EventConcept>{concept}</EventConcept>\n"
        f"<Start>{start}</Start>\n<Duration>{length}</Duration>\n</ScoredEvent>"
        for kind, concept, start, length in events
    )
    xml = (
        f"<PSGAnnotation>\n<EpochLength>30</EpochLength>\n<ScoredEvents>\n{scored}\n</ScoredEvents>\n</PSGAnnotation>\n"
    )
    _write(folder / study / "annotations-events-nsrr" / f"{stem}-nsrr.xml", xml)
    return _recording(folder / study / "edfs" / f"{stem}.edf", shape, number)


def _csv(folder: Path, shape: Shape, number: int) -> Path:
    stem = f"BOGN{number:05d}"
    rows = [f"{30 * epoch},30,{_stage(epoch)}" for epoch in range(EPOCHS)]
    _write(
        folder / shape.archive / "scoring" / f"{stem}_stages.csv", "\n".join(["onset_s,duration_s,stage", *rows]) + "\n"
    )
    _write(folder / shape.archive / "scoring" / f"{stem}_arousals.csv", "onset_s,offset_s,type\n400,405,arousal\n")
    return _recording(folder / shape.archive / "psg" / f"{stem}.edf", shape, number)


def _annot(folder: Path, shape: Shape, number: int) -> Path:
    place = folder / shape.archive / "luna"
    rows = [f"{_stage(epoch)}\t.\t.\t{30 * epoch}\t{30 * epoch + 30}\t." for epoch in range(EPOCHS)]
    _write(
        place / f"P{number}.annot",
        "\n".join(["# N2 | stage", "class\tinstance\tchannel\tstart\tstop\tmeta", *rows]) + "\n",
    )
    return _recording(place / f"P{number}.edf", shape, number)


def _own(folder: Path, shape: Shape, number: int) -> Path:
    path = folder / shape.archive / "edfplus" / f"E{number}_v2.edf"
    lists = [tal(f"+{second}", "") for second in range(SECONDS)]
    for epoch in range(EPOCHS):
        lists[30 * epoch] += tal(f"+{30 * epoch}", f"Sleep stage {_stage(epoch)}", duration="30")
    _write(
        path,
        build(_signals(shape, number), tals=lists, reserved="EDF+C", date="01.01.85", time="22.00.00", recording=""),
    )
    return path


def _domino(folder: Path, shape: Shape, number: int) -> Path:
    name = f"D{number}"
    names = {"W": "Wake", "N2": "N2", "R": "REM"}
    rows = []
    for epoch in range(EPOCHS):
        at = 22 * 3600 + 30 * epoch
        rows.append(f"{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d},000; {names[_stage(epoch)]}")
    head = (
        "Signal ID: SchlafProfil\\profil\nStart Time: 01.01.1985 22:00:00\nUnit: \nSignal Type: Discret\n"
        "Events list: N4,N3,N2,N1,REM,Wake,Movement\nRate: 30 s\n\n"
    )
    _write(folder / "somno" / name / f"Sleep profile - {name} Unbekannt.txt", head + "\n".join(rows) + "\n")
    return _recording(folder / "somno" / name / f"{name}.edf", shape, number)


def _wsc(folder: Path, shape: Shape, number: int) -> Path:
    place = folder / "wsc" / "polysomnography"
    codes = {"W": 0, "N2": 2, "R": 5}
    rows = [f"{epoch + 1}\t{codes[_stage(epoch)]}" for epoch in range(EPOCHS)]
    _write(place / f"wsc-visit1-{number}stg.txt", "\n".join(["Epoch\tUser-Defined Stage", *rows]) + "\n")
    return _recording(place / f"wsc-visit1-{number}.edf", shape, number)


def _bids(folder: Path, shape: Shape, number: int) -> Path:
    place = folder / "bids" / f"sub-{number}" / "ses-1" / "eeg"
    stem = f"sub-{number}_ses-1_task-Sleep"
    codes = {"W": 0, "N2": 2, "R": 4}
    rows = [f"{30 * epoch}\t30\t{codes[_stage(epoch)]}" for epoch in range(EPOCHS)]
    _write(place / f"{stem}_events.tsv", "\n".join(["onset\tduration\tstage_hum", *rows]) + "\n")
    return _recording(place / f"{stem}_eeg.edf", shape, number)


_WRITERS = {
    "nsrr": _nsrr,
    "nsrr_visit_2": _nsrr_visit_2,
    "csv": _csv,
    "annot": _annot,
    "own": _own,
    "domino": _domino,
    "wsc": _wsc,
    "bids": _bids,
}
