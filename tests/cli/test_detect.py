"""``plms detect``: recordings to movements and indices; what it writes feeds ``plms score`` unchanged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from plms_pipeline import simulate


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate.write_cohort(
        tmp_path_factory.mktemp("sim"), n_nights=3, seed=11, hours=0.25, only_clean=True, workers=1
    ).cohort_yaml.parent


def _recordings(cohort: Path) -> list[Path]:
    return sorted((cohort / "edf").glob("*.edf"))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_one_recording_writes_its_tables_and_a_picture(plms, cohort: Path, tmp_path: Path) -> None:
    recording = _recordings(cohort)[0]
    done = plms("detect", recording, "--sensor", "emg", "--out", tmp_path / "o", "--plot")
    assert done.code == 0, done.err
    written = {path.name for path in (tmp_path / "o").iterdir()}
    assert written == {"leg_movement.csv", "unusable_span.csv", "signal_quality.csv", "signal_quality_epoch.csv",
                       "scored_movement.csv", "night.csv", "provenance.csv", "night.svg"}  # fmt: skip
    movements = _rows(tmp_path / "o" / "leg_movement.csv")
    assert sum(row["is_kept"] == "true" for row in movements) > 5
    assert {row["source"] for row in movements} == {"detector"}
    svg = (tmp_path / "o" / "night.svg").read_text(encoding="utf-8")
    assert "<svg" in svg and "<dc:date>" not in svg


def test_detect_feeds_score_unchanged(plms, cohort: Path, tmp_path: Path) -> None:
    recording = _recordings(cohort)[0]
    stages = tmp_path / "s.csv"
    stages.write_text("onset_s,duration_s,stage\n0,900,N2\n", encoding="utf-8")
    assert plms("detect", recording, "--sensor", "emg", "--stages", stages, "--out", tmp_path / "d").code == 0
    done = plms("score", "--movements", tmp_path / "d" / "leg_movement.csv", "--stages", stages, "--gaps",
                tmp_path / "d" / "unusable_span.csv", "--legs", "both", "--out", tmp_path / "s")  # fmt: skip
    assert done.code == 0, done.err
    for name in ("night.csv", "scored_movement.csv"):
        assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "s" / name).read_bytes()


def test_several_recordings_get_a_folder_each_and_one_bad_file_stops_nothing(
    plms, cohort: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.edf"
    bad.write_bytes(b"this is no EDF")
    good = _recordings(cohort)[:2]
    done = plms("detect", good[0], bad, good[1], "--sensor", "emg", "--out", tmp_path / "o")
    assert done.code == 1
    assert "bad.edf" in done.err and "1 of 3 files could not be scored" in done.err
    assert {path.name for path in (tmp_path / "o").iterdir()} == {path.stem for path in good}


def test_naming_a_channel_declares_it_emg(plms, cohort: Path, tmp_path: Path) -> None:
    from plms_pipeline import ingest

    recording = _recordings(cohort)[0]
    labels = ingest.open_recording(recording).decision
    left, right = labels.left, labels.right
    assert left and right
    options = [
        part for side, names in (("--left", left), ("--right", right)) for name in names for part in (side, name)
    ]
    done = plms("detect", recording, *options, "--out", tmp_path / "o")
    assert done.code == 0, done.err


ERRORS = {
    "no such file": (("nowhere.edf",), "nowhere.edf"),
    "no EDF": (("bad.edf",), "bad.edf"),
    "sensor not declared": (("night.edf",), "--sensor emg"),
    "no such channel": (("night.edf", "--left", "Banana"), "Banana"),
    "both layouts": (("night.edf", "--left", "A", "--combined", "B"), "combined"),
    "events of one night for two": (("night.edf", "other.edf", "--stages", "s.csv"), "one file at a time"),
    "equal stems": (("night.edf", "sub/night.edf"), "same name"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line_and_exit_2(
    plms, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arguments, message = ERRORS[case]
    monkeypatch.chdir(tmp_path)
    Path("bad.edf").write_bytes(b"this is no EDF")
    Path("s.csv").write_text("onset_s,duration_s,stage\n0,900,N2\n", encoding="utf-8")
    for name in ("night.edf", "other.edf"):
        Path(name).symlink_to(_recordings(cohort)[0])
    done = plms("detect", *arguments, "--out", "o")
    assert done.code == 2
    assert message in done.err
    assert len([line for line in done.err.splitlines() if not line.startswith("plms: detect ")]) == 1


def test_events_of_an_annotation_file_are_those_of_tables(plms, cohort: Path, tmp_path: Path) -> None:
    recording = _recordings(cohort)[0]
    tables = {
        "stages": "onset_s,duration_s,stage\n0,900,N2\n",
        "respiratory": "onset_s,offset_s,type\n100,120,hypopnea\n",
        "arousals": "onset_s,offset_s\n200,204\n",
    }
    options: list[object] = []
    for role, text in tables.items():
        path = tmp_path / f"{role}.csv"
        path.write_text(text, encoding="utf-8")
        options += [f"--{role}", path]
    marks = tmp_path / "marks.csv"
    marks.write_text(
        "onset_s,duration_s,label\n0,900,Sleep stage N2\n100,20,Hypopnea\n200,4,Arousal ()\n", encoding="utf-8"
    )
    common = ("detect", recording, "--sensor", "emg")
    assert plms(*common, *options, "--out", tmp_path / "t").code == 0
    done = plms(*common, "--stages", marks, "--respiratory", marks, "--arousals", marks, "--out", tmp_path / "a")
    assert done.code == 0, done.err
    for name in ("night.csv", "scored_movement.csv"):
        assert (tmp_path / "t" / name).read_bytes() == (tmp_path / "a" / name).read_bytes()
    assert _rows(tmp_path / "a" / "night.csv")[0]["plmsi_nr_per_h"] != ""
