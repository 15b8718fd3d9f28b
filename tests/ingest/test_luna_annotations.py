"""Luna .annot and .eannot: Luna documentation, "Interval annotations" and "Specifying annotation intervals"."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest.annotation_files import codes, events, read, stages

HEAD = "# apnea_obstructive | obstructive apnea\n# N2 | stage | note[txt]\n"


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("120", "150"),
        ("120", "+30"),
        ("22:30:15", "22:30:45"),
        ("22.30.15", "22.30.45"),
        ("22:30:15", "+30"),
        ("10:30:15pm", "10:30:45pm"),
        ("0+00:02:00", "0+00:02:30"),
        ("e:5", "e:5"),
        ("e:5", "+30"),
        ("e:5", "."),
        ("23-09-20-22:30:15", "23/09/2020-22:30:45"),
        ("23-Sep-2020-22:30:15", "+30"),
    ],
)
def test_every_way_to_write_thirty_seconds_after_two_minutes(tmp_path: Path, start: str, stop: str) -> None:
    row = f"apnea_obstructive\t1\tFlow\t{start}\t{stop}\t.\n"
    found = read(tmp_path, HEAD + row, "2020-09-23T22:28:15")
    assert events(found) == [(120.0, 30.0, "apnea_obstructive", "apnea_obstructive")]
    assert found.sources == ("luna_annot",) and codes(found) == set()


def test_ellipsis_until_the_next_row_and_the_header_row(tmp_path: Path) -> None:
    rows = (
        "class\tinstance\tchannel\tstart\tstop\tmeta\nW\t.\t.\t0\t...\t.\nN2\t.\t.\t60\t...\t.\nR\t.\t.\t300\t+60\t.\n"
    )
    for text in (rows, rows.replace("W\t", "wake\t").replace("R\t", "REM\t")):
        found = read(tmp_path, text)
        assert stages(found) == [(0.0, 60.0, "W"), (60.0, 240.0, "N2"), (300.0, 60.0, "R")]


def test_one_letter_is_a_stage_only_beside_other_stages(tmp_path: Path) -> None:
    found = read(tmp_path, "R\t.\t.\t60\t90\t.\nhypopnea\t.\t.\t100\t120\t.\n")
    assert found.stages is None and "unknown_label" in codes(found)


def test_clock_over_midnight(tmp_path: Path) -> None:
    found = read(tmp_path, "hypopnea\t.\t.\t23:59:50\t00:00:10\t.\n", "23:00:00", hours=2)
    assert events(found)[0][:2] == (3590.0, 20.0)


@pytest.mark.parametrize(
    "row",
    [
        "lm_left\t.\t10.5\t12\n",  # class instance start stop
        "lm_left\t.\tLLEG\t10.5\t12\n",  # no meta
        "lm_left\t.\t10.5\t12\tx=1\n",  # older: no channel
        "lm_left\t10.5\t12\n",
    ],
)
def test_older_files_lack_channel_or_meta(tmp_path: Path, row: str) -> None:
    found = read(tmp_path, row * 1)
    assert events(found) == [(10.5, 1.5, "leg_movement", "lm_left")]
    assert found.movements is not None and found.movements.leg == ("L",)


def test_a_point_in_time_has_no_duration(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + "lights_off\t.\t.\t100\t.\t.\nlights_on\t.\t.\t3000\t3000\t.\nLM\t.\t.\t50\t.\t.\n")
    assert (found.lights_off_us, found.lights_on_us) == (100_000_000, 3_000_000_000)
    assert found.movements is not None and found.movements.offset_us.tolist() == [-1]


def test_rows_about_the_file_itself_are_ignored_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "start_hms\t22.00.00\t.\t.\t.\t.\nN2\t.\t.\t0\t30\t.\nduration_sec\t3600\t.\t0\t0\t.\n")
    assert "ignored_label" in codes(found) and events(found) == [] and stages(found) == [(0.0, 30.0, "N2")]


def test_clock_times_without_a_start_cannot_be_placed(tmp_path: Path) -> None:
    found = read(tmp_path, "hypopnea\t.\t.\t23:59:50\t+20\t.\n", None)
    assert codes(found) == {"annotation_clock_without_start", "event_without_onset"}
    assert found.respiratory_state == "partial" and events(found) == []


def test_stop_before_start_is_a_negative_duration(tmp_path: Path) -> None:
    assert "negative_duration" in codes(read(tmp_path, "hypopnea\t.\t.\t100\t90\t.\n"))


def test_short_rows_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + "N2\t.\t.\t0\t30\t.\nN2\n")
    assert "annotation_row_unreadable" in codes(found) and stages(found) == [(0.0, 30.0, "N2")]


def test_eannot_is_one_stage_per_epoch(tmp_path: Path) -> None:
    found = read(tmp_path, "W\nW\nN1\n\nN2\nNR\n?\n", hours=7 * 30 / 3600)
    assert stages(found) == [(0, 60, "W"), (60, 30, "N1"), (120, 30, "N2"), (150, 30, "S"), (180, 30, "U")]
    assert found.sources == ("luna_eannot",) and found.stages_state == "partial"


def test_eannot_longer_than_the_recording_is_cut(tmp_path: Path) -> None:
    found = read(tmp_path, "N2\n" * 200, hours=1)
    assert stages(found) == [(0, 3600, "N2")] and "stages_beyond_recording" in codes(found)
