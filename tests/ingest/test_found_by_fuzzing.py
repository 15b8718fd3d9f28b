"""Inputs that fuzzing found (tests/fuzz), and what must become of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import ingest
from plms_pipeline.ingest.tal import first_stamps_us
from tests.ingest.edf_bytes import Sig, build, plus, ramp

LEGS = ingest.overrides_from({"combined": "LEG"})


def test_control_characters_of_a_header_never_reach_a_message(tmp_path: Path) -> None:
    content = bytearray(build([Sig("LEG\n\x1b[31m", ramp(2, 4))]))
    at = 256 + 16 + 80 + 8 * 5 + 80
    content[at : at + 8] = b"\x0b \t \n \x0c."
    path = tmp_path / "night.edf"
    path.write_bytes(content)
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(path)
    assert caught.value.code == "bad_samples_per_record"
    assert caught.value.text.isprintable() and "LEG" in caught.value.text


def test_label_after_a_zero_is_rubbish_of_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig("LEG\x00tmp\x01", ramp(2, 4))]))
    assert ingest.read_header(path).signals[0].label == "LEG"
    assert ingest.open_recording(path, LEGS).layout == "combined"


def test_run_that_ends_in_a_cut_record_has_no_gap_behind_it(tmp_path: Path) -> None:
    # records written backwards, the second cut by the first: found by the painted grid
    path = tmp_path / "night.edf"
    path.write_bytes(plus([Sig("LEG", ramp(3, 4))], ["+1.25", "+1", "+0"]))
    recording = ingest.open_recording(path, LEGS)
    assert recording.gaps == () and recording.duration_us == 2_250_000


def test_limits_beyond_any_measurement_are_no_limits(tmp_path: Path) -> None:
    # single precision overflows; a warning is an error here
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig("LEG", ramp(2, 4), pmin="-9e99", pmax="9e99")]))
    codes = [found.code for found in ingest.open_recording(path, LEGS, dtype=np.float32).findings]
    assert "physical_range_empty" in codes


def test_stamps_of_a_signal_of_one_sample_are_none() -> None:
    for width in (0, 1, 2):
        assert not first_stamps_us(np.zeros((3, width), dtype=np.uint8))[1].any()


@pytest.mark.parametrize("stamps", [["+0", "+1"], [None, None]])
def test_record_shorter_than_the_time_line_counts_is_refused(tmp_path: Path, stamps: list[str | None]) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(plus([Sig("LEG", ramp(2, 4))], stamps, kind="C", record_s="1e-9"))
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(path, LEGS)
    assert caught.value.code == "bad_record_duration"
