"""Pipes, devices, huge tables and folders of thousands: an answer at once, in one line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_tables import read_csv_rows
from plms_pipeline.ingest.discover import annotations_beside, discover
from tests.ingest.edf_bytes import Sig, build, ramp

STAGES = "onset_s,duration_s,stage\n0,30,N2\n"


def _folder_with_a_pipe(folder: Path) -> Path:
    edf = folder / "A1.edf"
    edf.write_bytes(build([Sig("LEG", ramp(2, 4))]))
    (folder / "A1_stages.csv").write_text(STAGES)
    for name in ("A1_events.csv", "A2.edf", "notes"):
        os.mkfifo(folder / name)
    return edf


def test_a_pipe_beside_a_recording_is_named_and_never_waited_for(tmp_path: Path) -> None:
    edf = _folder_with_a_pipe(tmp_path)
    assert annotations_beside(edf) == [tmp_path / "A1_stages.csv"]
    found = discover(tmp_path)
    assert [row["edf"] for row in found.rows] == ["A1.edf"]
    assert [note.text for note in found.notes if note.code == "defective"] == [
        f"{name}: is no regular file; not opened" for name in ("A1_events.csv", "A2.edf", "notes")
    ]


def test_a_pipe_or_device_is_refused_as_recording_and_as_annotation(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(InputError, match="no regular file"):
            ingest.read_header(path)
        with pytest.raises(InputError, match="no regular file"):
            ingest.read_annotations([path], duration_us=10**9, recording_start=None)
        with pytest.raises(InputError, match="no regular file"):
            ingest.file_digest(path)


def test_a_header_of_many_equal_columns_is_refused_at_once(tmp_path: Path) -> None:
    table = tmp_path / "wide.csv"
    table.write_text("a," * 200_000 + "\n")
    began = time.process_time()
    with pytest.raises(InputError, match="column 'a' stands twice"):
        read_csv_rows(table)
    assert time.process_time() - began < 5.0


def test_inspect_opens_no_lists_of_other_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edf = tmp_path / "wsc-visit1-10119.edf"
    edf.write_bytes(build([Sig("LEG", ramp(2, 4))]))
    own = tmp_path / "wsc-visit1-10119-stages.csv"
    own.write_text(STAGES)
    for number in range(20):
        (tmp_path / f"wsc-visit1-2{number:04d}-stages.csv").write_text(STAGES)
    opened: list[Path] = []
    recognise = ingest.recognise
    monkeypatch.setattr(
        "plms_pipeline.ingest.discover.recognise", lambda path: (opened.append(path), recognise(path))[1]
    )
    assert annotations_beside(edf) == [own]
    assert opened == [own]
