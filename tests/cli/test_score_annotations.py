"""``plms score`` with human leg marks: the same night in every annotation format gives the same bytes as tables."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from plms_pipeline.simulate.edf_writer import EdfAnnotation, EdfFile, write_annotation_file

STAGES = [(0.0, 600.0, "W"), (600.0, 9000.0, "N2"), (9600.0, 1200.0, "R")]
# Left alone, right alone, both legs at once (one L and one R row), and one that lasts 12 s.
MARKS = [*((700.0 + 30 * i, 2.5, "L") for i in range(6)), (890.0, 1.5, "R"), (930.0, 3.0, "LR"), (960.0, 12.0, "R")]
RESPIRATORY = [(705.0, 23.0)]
AROUSALS = [(760.5, 4.0)]
LEG_LABEL = {"L": "Limb Movement (Left)", "R": "Limb Movement (Right)", "LR": "both leg"}
NSRR_STAGE = {"W": "Wake|0", "N2": "Stage 2 sleep|2", "R": "REM sleep|5"}
PROFUSION_STAGE = {"W": 0, "N2": 2, "R": 5}


def _tables(folder: Path) -> dict[str, Path]:
    rows = {
        "movements": ["leg,onset_s,offset_s"]
        + [f"{leg},{onset},{onset + length}" for onset, length, legs in MARKS for leg in legs],
        "stages": ["onset_s,duration_s,stage"] + [f"{a},{n},{stage}" for a, n, stage in STAGES],
        "respiratory": ["onset_s,offset_s,type"] + [f"{a},{a + n},hypopnea" for a, n in RESPIRATORY],
        "arousals": ["onset_s,offset_s"] + [f"{a},{a + n}" for a, n in AROUSALS],
    }
    paths = {}
    for role, lines in rows.items():
        (folder / role).mkdir()
        paths[role] = folder / role / "night.csv"
        paths[role].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def _events() -> list[tuple[float, float, str]]:
    marks = [(onset, length, LEG_LABEL[legs]) for onset, length, legs in MARKS]
    return [*marks, *((a, n, "Hypopnea") for a, n in RESPIRATORY), *((a, n, "Arousal ()") for a, n in AROUSALS)]


def _labelled_csv(folder: Path) -> Path:
    path = folder / "night.csv"
    rows = [*_events(), *((a, n, f"Sleep stage {stage}") for a, n, stage in STAGES)]
    lines = ["onset_s,duration_s,label", *(f"{a},{n},{label}" for a, n, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _nsrr_xml(folder: Path) -> Path:
    def event(group: str, concept: str, onset: float, length: float) -> str:
        return (
            f"<ScoredEvent><EventType>{group}</EventType><EventConcept>{concept}</EventConcept><Start>{onset}</Start>"
            f"<Duration>{length}</Duration></ScoredEvent>"
        )

    parts = [event("Any|Any", label, a, n) for a, n, label in _events()]
    parts += [event("Stages|Stages", NSRR_STAGE[stage], a, n) for a, n, stage in STAGES]
    path = folder / "night.xml"
    text = f"<PSGAnnotation><ScoredEvents>{''.join(parts)}</ScoredEvents></PSGAnnotation>"
    path.write_text(text, encoding="utf-8")
    return path


def _profusion_xml(folder: Path) -> Path:
    events = "".join(
        f"<ScoredEvent><Name>{label}</Name><Start>{a}</Start><Duration>{n}</Duration></ScoredEvent>"
        for a, n, label in _events()
    )
    epochs = "".join(
        f"<SleepStage>{PROFUSION_STAGE[stage]}</SleepStage>" for _, n, stage in STAGES for _ in range(int(n / 30))
    )
    path = folder / "night.xml"
    path.write_text(
        f"<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents>{events}</ScoredEvents>"
        f"<SleepStages>{epochs}</SleepStages></CMPStudyConfig>",
        encoding="utf-8",
    )
    return path


def _edf(folder: Path, time: str = "22.00.00") -> Path:
    notes = [EdfAnnotation(a, n, label) for a, n, label in _events()]
    notes += [EdfAnnotation(a, n, f"Sleep stage {stage}") for a, n, stage in STAGES]
    path = folder / "night.edf"
    write_annotation_file(path, EdfFile("EDF+C", "X X X X", "Startdate X X X X", "01.01.85", time, 30.0), sorted(notes))
    return path


FORMATS: dict[str, Callable[[Path], Path]] = {
    "csv with labels": _labelled_csv,
    "NSRR XML": _nsrr_xml,
    "Profusion XML": _profusion_xml,
    "EDF+": _edf,
}


def _row(folder: Path) -> dict[str, str]:
    with (folder / "night.csv").open(encoding="utf-8", newline="") as handle:
        return next(csv.DictReader(handle))


def _provenance(folder: Path) -> dict[str, str]:
    with (folder / "provenance.csv").open(encoding="utf-8", newline="") as handle:
        return {row["name"]: row["value"] for row in csv.DictReader(handle)}


@pytest.mark.parametrize("form", FORMATS)
def test_human_marks_take_the_same_path_whatever_their_format(plms, tmp_path: Path, form: str) -> None:
    tables = _tables(tmp_path)
    options = [part for role, path in tables.items() for part in (f"--{role}", path)]
    assert plms("score", *options, "--rules", "wasm2016,aasm3", "--out", tmp_path / "t").code == 0
    one = FORMATS[form](tmp_path)
    options = [part for role in tables for part in (f"--{role}", one)]
    done = plms("score", *options, "--rules", "wasm2016,aasm3", "--out", tmp_path / "a")
    assert done.code == 0, done.err
    for name in ("night.csv", "scored_movement.csv"):
        assert (tmp_path / "t" / name).read_bytes() == (tmp_path / "a" / name).read_bytes(), name
    row = _row(tmp_path / "a")
    assert (row["recording_id"], row["n_plms"], row["n_clm"]) == ("night", "8", "8")
    assert (row["n_plms_nr"], row["n_arousal_with_plms"]) == ("7", "1")
    provenance = _provenance(tmp_path / "a")
    assert provenance["movements_source"] == "annotation"
    assert provenance["movements.file"] == provenance["arousals.file"] == one.name


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("length", ["", "0"])
def test_a24_a_start_only_mark_is_kept_and_no_candidate(plms, tmp_path: Path, length: str) -> None:
    marks = _write(
        tmp_path / "m.csv", "onset_s,duration_s,label", *(f"{at},{length},left leg" for at in (100, 130, 160, 190))
    )
    stages = _write(tmp_path / "s.csv", "onset_s,duration_s,stage", "0,3600,N2")
    done = plms("score", "--movements", marks, "--stages", stages, "--legs", "both", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    with (tmp_path / "o" / "scored_movement.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["candidate_reason"], row["offset_s"]) for row in rows] == [("no_duration", "")] * 4
    assert _row(tmp_path / "o")["plmsi_per_h"] == ""


def test_marks_without_a_side_are_one_combined_channel(plms, tmp_path: Path) -> None:
    marks = _write(tmp_path / "m.csv", "onset_s,duration_s,label", *(f"{100 + 30 * i},2,PLM" for i in range(5)))
    done = plms("score", "--movements", marks, "--duration", "3600", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    assert _provenance(tmp_path / "o")["legs"] == "combined"


def test_lights_of_the_annotations_are_the_window_unless_options_say_otherwise(plms, tmp_path: Path) -> None:
    marks = _write(tmp_path / "m.csv", "onset_s,duration_s,label", "100,2,left leg", "130,2,right leg",
                   "60,,Lights off", "3000,,Lights on", "0,3600,Sleep stage N2")  # fmt: skip
    common = ("score", "--movements", marks, "--stages", marks)
    assert plms(*common, "--out", tmp_path / "a").code == 0
    found = _provenance(tmp_path / "a")
    assert (found["lights_off_s"], found["lights_on_s"], found["window_basis"]) == ("60.0", "3000.0", "annotations")
    assert plms(*common, "--lights-off", "90", "--out", tmp_path / "b").code == 0
    found = _provenance(tmp_path / "b")
    assert (found["lights_off_s"], found["lights_on_s"], found["window_basis"]) == ("90.0", "3000.0", "sheet")


ERRORS = {
    "no leg mark": (("onset_s,duration_s,label", "1,2,Beinzucken", "0,600,Sleep stage N2"), "", "no leg movement"),
    "its label is named": (("onset_s,duration_s,label", "1,2,Beinzucken", "0,600,Sleep stage N2"), "", "Beinzucken"),
    "sides mixed": (
        ("onset_s,duration_s,label", "1,2,left leg", "50,2,PLM", "0,600,Sleep stage N2"), "", "have no side",
    ),
    "no stages": (("onset_s,duration_s,label", "1,2,left leg"), "", "no stages of sleep"),
    "no arousal": (("onset_s,duration_s,label", "1,2,left leg", "0,600,Sleep stage N2"), "arousals", "no arousal"),
    "no respiratory event": (
        ("onset_s,duration_s,label", "1,2,left leg", "0,600,Sleep stage N2"), "respiratory", "no respiratory event",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_what_an_annotation_file_does_not_hold_is_no_zero(plms, tmp_path: Path, case: str) -> None:
    lines, role, message = ERRORS[case]
    marks = _write(tmp_path / "m.csv", *lines)
    more = (f"--{role}", marks) if role else ()
    done = plms("score", "--movements", marks, "--stages", marks, *more, "--legs", "both", "--out", tmp_path / "o")
    assert done.code == 2 and message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_edf_annotations_that_start_at_different_times_are_refused(plms, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = _edf(tmp_path / "a"), _edf(tmp_path / "b", "23.00.00")
    done = plms("score", "--movements", first, "--stages", second, "--out", tmp_path / "o")
    assert done.code == 2 and "start at different times" in done.err and done.err.count("\n") == 1


def test_a_real_profusion_file_gives_its_stages_and_events(plms, tmp_path: Path, shared_data: Path) -> None:
    real = shared_data / "annot" / "luna-api" / "learn-nsrr01-profusion.xml"
    none = _write(tmp_path / "m.csv", "leg,onset_s,offset_s")
    done = plms("score", "--movements", none, "--stages", real, "--respiratory", real, "--arousals", real, "--legs",
                "both", "--out", tmp_path / "o")  # fmt: skip
    assert done.code == 0, done.err
    row = _row(tmp_path / "o")
    assert row["plmsi_per_h"] == row["plmsi_nr_per_h"] == row["plms_arousal_index_per_h"] == "0"
    done = plms("score", "--movements", real, "--stages", real, "--out", tmp_path / "p")
    assert done.code == 2 and "no leg movement" in done.err
