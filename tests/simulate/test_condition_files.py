"""Recordings of the detector benchmark as files: the same samples in every form, the truth beside them."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import edfio
import numpy as np
import pytest
from click.testing import CliRunner

from plms_pipeline import simulate
from plms_pipeline.cli import cli
from plms_pipeline.simulate.condition_files import write_recording

MINUTES = 6.0


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("condition", "per_uv", "labels"),
    [
        ("clean", 1.0, ["LAT", "RAT", "ECG"]),
        ("unit_mv", 1e-3, ["LAT", "RAT", "ECG"]),
        ("unit_v", 1e-6, ["LAT", "RAT", "ECG"]),
        ("records_30s", 1.0, ["LAT", "RAT", "ECG"]),
        ("one_leg", 1.0, ["LAT", "ECG"]),
        ("combined", 1.0, ["LEG", "ECG"]),
        ("ecg_no_channel", 1.0, ["LAT", "RAT"]),
    ],
)
def test_a_file_holds_the_samples_to_the_last_digit(
    condition: str, per_uv: float, labels: list[str], tmp_path: Path
) -> None:
    made = simulate.recording(condition, 1, duration_min=MINUTES)
    stem, n_bytes = write_recording(tmp_path, made)
    path = tmp_path / f"{stem}.edf"
    assert path.stat().st_size == n_bytes
    edf = edfio.read_edf(path)
    assert [s.label for s in edf.signals] == labels
    assert edf.data_record_duration == made.channel.record_s
    step_uv = 2 * made.channel.range_uv / 65535
    for one, leg in zip(edf.signals, made.legs.values(), strict=False):
        assert one.sampling_frequency == made.fs_hz
        assert np.max(np.abs(one.data / per_uv - leg.samples_uv)) < 0.01 * step_uv


def test_variants_of_one_recording_have_the_same_digital_samples(tmp_path: Path) -> None:
    made = simulate.recording("clean", 1, duration_min=MINUTES)
    digital = {}
    for name, channel in {
        "as_is": made.channel,
        "mv": made.channel._replace(unit="mV"),
        "v": made.channel._replace(unit="V"),
        "records": made.channel._replace(record_s=30),
    }.items():
        stem, _ = write_recording(tmp_path, made._replace(condition=name, channel=channel))
        digital[name] = edfio.read_edf(tmp_path / f"{stem}.edf").signals[0].digital
    for other in ("mv", "v", "records"):
        np.testing.assert_array_equal(digital["as_is"], digital[other])


def test_a_gap_is_not_in_the_file(tmp_path: Path) -> None:
    made = simulate.recording("gap", 1, duration_min=20)
    stem, _ = write_recording(tmp_path, made)
    with (tmp_path / f"{stem}.edf").open("rb") as file:
        header = file.read(256)
    ((onset, offset),) = made.gaps
    assert header[192:197] == b"EDF+D"
    assert int(header[236:244]) == made.duration_s - (offset - onset) / 1e6


def test_truth_files_hold_the_truth(tmp_path: Path) -> None:
    made = simulate.recording("dropout", 2, duration_min=30)
    stem, _ = write_recording(tmp_path, made)
    rows = rows_of(tmp_path / f"{stem}_movements.csv")
    for letter, leg in zip("LR", made.legs.values(), strict=True):
        mine = [row for row in rows if row["leg"] == letter]
        assert [round(float(row["onset_s"]) * 1e6) for row in mine] == leg.events.onset_us.tolist()
        assert [round(float(row["offset_s"]) * 1e6) for row in mine] == leg.events.offset_us.tolist()
        assert [row["is_movement"] == "true" for row in mine] == leg.events.is_movement.tolist()
        assert [row["is_doubtful"] == "true" for row in mine] == leg.events.is_doubtful.tolist()
    spans = rows_of(tmp_path / f"{stem}_unusable.csv")
    assert len(spans) == sum(len(leg.unusable) for leg in made.legs.values())
    stages = rows_of(tmp_path / f"{stem}_stages.csv")
    assert sum(float(row["duration_s"]) for row in stages) == made.duration_s


def test_plms_simulate_writes_conditions_the_same_every_time(tmp_path: Path) -> None:
    def run(name: str) -> dict[str, str]:
        given = [
            str(tmp_path / name),
            "--conditions",
            "tight,combined",
            "--seeds",
            "2",
            "--seed",
            "5",
            "--hours",
            "0.1",
        ]
        done = CliRunner().invoke(cli, ["simulate", *given])
        assert done.exit_code == 0, done.output
        assert (tmp_path / name / "recordings.csv").is_file()
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((tmp_path / name).iterdir())}

    first = run("a")
    assert len(first) == 4 * 4 + 1
    assert first == run("b")
    listed = rows_of(tmp_path / "a" / "recordings.csv")
    assert [(row["condition"], row["seed"]) for row in listed] == [
        ("tight", "5"), ("tight", "6"), ("combined", "5"), ("combined", "6"),
    ]  # fmt: skip
    assert {row["duration_s"] for row in listed} == {"360"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--conditions", "cleen"], "cleen: no such condition"),
        (["--conditions", "clean", "--nights", "3"], "--nights does not go with --conditions"),
        (["--conditions", "clean", "--clean-only"], "--clean-only does not go with --conditions"),
        (["--seeds", "3"], "--seeds needs --conditions"),
    ],
)
def test_plms_simulate_says_which_options_do_not_fit(options: list[str], message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["simulate", str(tmp_path / "new"), *options])
    assert done.exit_code != 0
    assert message in str(done.output) + str(done.exception)
