"""Human leg marks on the command line: `plms detect --leg-marks`, and comparing both sources of one output."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from plms_pipeline import simulate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A recording, its stages and a perfect scorer's marks."""
    made = simulate.write_cohort(
        tmp_path_factory.mktemp("sim"), n_nights=1, seed=11, hours=0.25, only_clean=True, workers=1
    )
    [recording] = (made.cohort_yaml.parent / "edf").glob("*.edf")
    stages = tmp_path_factory.mktemp("s") / "s.csv"
    stages.write_text("onset_s,duration_s,stage\n0,900,N2\n", encoding="utf-8")
    return recording, stages, made.truth / f"{recording.stem}_movements.csv"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_detect_scores_marks_beside_and_says_how_far_they_agree(plms, files, tmp_path: Path) -> None:
    recording, stages, marks = files
    out = tmp_path / "o"
    done = plms(
        "detect", recording, "--sensor", "emg", "--stages", stages, "--leg-marks", marks, "--out", out, "--plot"
    )
    assert done.code == 0, done.err
    nights = _rows(out / "night.csv")
    assert [(row["source"], row["is_main"]) for row in nights] == [("detector", "true"), ("annotation", "false")]
    [agreed] = _rows(out / "movement_agreement.csv")
    assert float(agreed["f1"]) > 0.8 and int(agreed["n_annotation"]) > 5
    assert "PLMS index of the human marks" in done.err
    assert f"F1 {float(agreed['f1']):.2f}, {agreed['n_matched']} pairs of" in done.err
    inputs = {row["name"] for row in _rows(out / "provenance.csv") if row["section"] == "input"}
    assert any(name.startswith("leg_marks") for name in inputs)

    compared = plms("score-compare", out, "--rules", "wasm2016:detector,wasm2016:annotation")
    assert compared.code == 0, compared.err
    assert f"{agreed['n_detector']} and {agreed['n_annotation']} combined movements" in compared.out


def test_marks_alone_give_the_row_of_the_annotation(plms, files, tmp_path: Path) -> None:
    recording, stages, marks = files
    plms("detect", recording, "--sensor", "emg", "--stages", stages, "--leg-marks", marks, "--out", tmp_path / "d")
    done = plms("score", "--movements", marks, "--stages", stages, "--out", tmp_path / "s")
    assert done.code == 0, done.err
    [row] = _rows(tmp_path / "s" / "night.csv")
    assert (row["source"], row["is_main"]) == ("annotation", "true")
    same = ("n_lm", "n_clm", "n_plm", "n_plms", "plmsi_per_h")
    beside = _rows(tmp_path / "d" / "night.csv")[1]
    assert [row[name] for name in same] == [beside[name] for name in same]


def test_marks_belong_to_one_recording(plms, files, tmp_path: Path) -> None:
    recording, _, marks = files
    other = tmp_path / "other.edf"
    other.write_bytes(recording.read_bytes())
    done = plms("detect", recording, other, "--leg-marks", marks, "--out", tmp_path / "o")
    assert done.code == 2 and "--leg-marks" in done.err


def test_a_file_without_marks_is_said(plms, files, tmp_path: Path) -> None:
    recording, stages, _ = files
    done = plms("detect", recording, "--sensor", "emg", "--leg-marks", stages, "--out", tmp_path / "o")
    assert done.code == 2 and "s.csv" in done.err
