"""``plms discover``, ``inspect`` and ``deidentify``: flags reach the call; end to end on tiny files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import ingest
from tests.ingest.edf_bytes import Sig, build, ramp, tal
from tests.ingest.test_deidentify import named_night

STAGES = "onset_s,duration_s,stage\n0,2,N2\n"


def night(path: Path, start: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(build([Sig("LAT", ramp(3, 8, start)), Sig("RAT", ramp(3, 8)), Sig("SpO2", ramp(3, 1), unit="%")]))
    return path


def test_discover_writes_a_sheet_that_run_reads(tmp_path: Path, plms: Callable[..., object]) -> None:
    night(tmp_path / "edf" / "s1_v1.edf")
    night(tmp_path / "edf" / "s1_v2.edf", 5)
    night(tmp_path / "edf" / "s2_v1.edf", 5)
    (tmp_path / "s1_v1-stages.csv").write_text(STAGES)
    done = plms("discover", tmp_path)
    assert done.code == 0
    assert done.out.startswith("3 recordings of 2 subjects, 1 with annotations: ")
    assert "2 × recordings without annotations" in done.out and "1 × the same signal twice" in done.out
    rows = ingest.read_sheet(tmp_path / "sheet.csv", cohort="c")
    assert [row.recording_id for row in rows] == ["c_s1_v1", "c_s1_v2", "c_s2_v1"]
    assert all(row.edf is not None and row.edf.is_file() for row in rows)
    assert rows[0].annotations == (tmp_path / "s1_v1-stages.csv",)
    again = plms("discover", tmp_path)
    assert again.code == 2 and "is there already; --overwrite" in again.err
    assert plms("discover", tmp_path, "--overwrite").code == 0


@pytest.mark.parametrize("form", ["csv", "parquet", "lst"])
def test_discover_elsewhere_and_back(tmp_path: Path, plms: Callable[..., object], form: str) -> None:
    night(tmp_path / "data" / "s1.edf")
    (tmp_path / "data" / "s1.csv").write_text(STAGES)
    sheet = tmp_path / "lists" / f"s.{form}"
    assert plms("discover", tmp_path / "data", "--out", sheet).code == 0
    again = tmp_path / "back" / "sheet.csv"
    assert plms("discover", sheet, "--out", again).code == 0
    row = ingest.read_sheet(again, cohort="c")[0]
    assert row.edf is not None and row.edf.resolve() == (tmp_path / "data" / "s1.edf").resolve()
    assert [file.resolve() for file in row.annotations] == [(tmp_path / "data" / "s1.csv").resolve()]


@pytest.mark.parametrize(
    ("header", "said"), [("a,b", "column 'a' is not known"), ("subject_id,visit", "column 'edf' is missing")]
)
def test_discover_refuses_a_table_that_is_no_sheet(
    tmp_path: Path, plms: Callable[..., object], header: str, said: str
) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1,2\n")
    done = plms("discover", tmp_path / "t.csv", "--out", tmp_path / "x.csv")
    assert done.code == 2 and said in done.err
    assert not (tmp_path / "x.csv").exists()


def test_discover_of_a_sheet_needs_a_target(tmp_path: Path, plms: Callable[..., object]) -> None:
    (tmp_path / "s.lst").write_text("a\tb.edf\n")
    done = plms("discover", tmp_path / "s.lst")
    assert done.code == 2 and "name with --out what it should become" in done.err


def test_inspect_says_what_a_run_would_see(tmp_path: Path, plms: Callable[..., object]) -> None:
    path = night(tmp_path / "s1.edf")
    (tmp_path / "s1-stages.csv").write_text(STAGES)
    done = plms("inspect", path)
    assert done.code == 0
    for text in (
        "EDF, 0.0 MB, 3 signals", "start 1989-04-24 22:30:00, 0:00:03, 3 records of 1 s",
        "left     LAT", "right    RAT", "layout bipolar, by rule 'bipolar', sensor unknown",
        "-1000 … 1000 uV       10–100  left", "s1-stages.csv (csv)", "stages scored: sleep 0.0 min (N2 0.0)",
        "warning  sensor_unknown", "→ declare it: `sensor: emg`",
    ):  # fmt: skip
        assert text in done.out, text


def test_inspect_with_declarations_and_as_json(tmp_path: Path, plms: Callable[..., object]) -> None:
    path = night(tmp_path / "s1.edf")
    done = plms("inspect", path, "--combined", "LAT;RAT", "--sensor", "assumed_emg", "--json")
    found = json.loads(done.out)
    assert (found["layout"], found["rule"], found["sensor"]) == ("combined", "declared", "assumed_emg")
    assert [row["used_as"] for row in found["channels"]] == ["combined +", "combined -", ""]
    assert found["duration_s"] == 3.0 and found["annotation_files"] == []
    assert plms("inspect", path, "--archive", "nowhere").code == 2


def test_inspect_never_prints_patient_data(tmp_path: Path, plms: Callable[..., object]) -> None:
    path = named_night(tmp_path / "s1.edf")
    for options in ((), ("--json",)):
        done = plms("inspect", path, *options)
        assert "birth date" in done.out
        for word in ("Harry_", "MCH", "1951", "PSG-77", "Device", "room of"):
            assert word not in done.out


def test_inspect_of_a_file_that_cannot_be_opened(tmp_path: Path, plms: Callable[..., object]) -> None:
    (tmp_path / "bad.edf").write_bytes(b"no recording" * 30)
    done = plms("inspect", tmp_path / "bad.edf")
    assert done.code == 2 and "error    not_edf" in done.out


def test_inspect_shows_the_rest_when_annotations_cannot_be_read(tmp_path: Path, plms: Callable[..., object]) -> None:
    path = night(tmp_path / "s1.edf")
    (tmp_path / "wrong.csv").write_text("onset_s,duration_s,stage\n0,many,N2\n")
    done = plms("inspect", path, "--annotations", tmp_path / "wrong.csv")
    assert done.code == 2
    assert "left     LAT" in done.out and "cannot be read: " in done.out and "'many' is no number" in done.out


def test_inspect_of_a_whole_night_takes_a_moment(tmp_path: Path, plms: Callable[..., object]) -> None:
    """Half a second is what a person waits for; the limit here leaves room for a busy machine."""
    n_records = 28_800
    legs = [Sig(label, np.zeros((n_records, 100), dtype=np.int16)) for label in ("LAT", "RAT", "ECG")]
    path = tmp_path / "night.edf"
    path.write_bytes(build(legs, tals=[tal(f"+{second}", "") for second in range(n_records)], reserved="EDF+C"))
    plms("inspect", path)
    began = time.process_time()
    assert plms("inspect", path).code == 0
    assert time.process_time() - began < 1.5


def test_deidentify_copies_and_proves(tmp_path: Path, plms: Callable[..., object]) -> None:
    path = named_night(tmp_path / "Haagse.edf")
    done = plms("deidentify", path, "--out", tmp_path / "copies")
    assert done.code == 0
    assert "patient name" in done.out and "signal bytes unchanged, xxh3_128 " in done.out
    assert "annotation texts: 1 kept, 2 replaced" in done.out
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    key.chmod(0o600)
    done = plms("deidentify", path, "--out", tmp_path / "coded", "--key-file", key)
    names = [file.name for file in (tmp_path / "coded").iterdir()]
    assert done.code == 0 and len(names) == 1 and "Haagse" not in names[0] and names[0].endswith(".edf")


def test_deidentify_of_several_files_goes_on_after_a_bad_one(tmp_path: Path, plms: Callable[..., object]) -> None:
    (tmp_path / "bad.edf").write_bytes(b"x" * 300)
    done = plms("deidentify", tmp_path / "bad.edf", night(tmp_path / "good.edf"), "--out", tmp_path / "copies")
    assert done.code == 1 and "not an EDF or BDF file" in done.err
    assert [file.name for file in (tmp_path / "copies").iterdir()] == ["good.edf"]
