"""SOMNOmedics DOMINO text exports: clock times without a date, decimal comma, English and German."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_sources import recognise
from tests.ingest.annotation_files import codes, events, read, stages

ENGLISH = "Signal ID: FlowD\\flow\nStart Time: 23.09.2020 22:00:00\nUnit: s\nSignal Type: Impuls\n\n"
GERMAN = "Signal ID: FlowD\\flow\nStartzeit: 23.09.2020 22:00:00\nEinheit: s\nSignaltyp: Impuls\n\n"
PROFILE = (
    "Signal ID: SchlafProfil\\profil\nStart Time: 23.09.2020 23:59:00\nUnit: \nSignal Type: Discret\n"
    "Events list: N4,N3,N2,N1,REM,Wake,Movement\nRate: 30 s\n\n"
)
START = "2020-09-23T22:00:00"


def test_events_over_midnight(tmp_path: Path) -> None:
    rows = "23:59:55,500-00:00:10,250; 15;Hypopnea\n00:30:00,000-00:30:20,000; 20;Obstructive Apnea\n"
    found = read(tmp_path, ENGLISH + rows, START, hours=4)
    assert events(found) == [
        (7195.5, 14.75, "hypopnea", "Hypopnea"),
        (9000.0, 20.0, "apnea_obstructive", "Obstructive Apnea"),
    ]
    assert codes(found) == set() and found.sources == ("domino",)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_german_header_labels_and_encodings(tmp_path: Path, encoding: str) -> None:
    rows = "22:10:00,000-22:10:20,000; 20;Obstruktive Apnoe\r\n22:11:00,000-22:11:20,000; 20;Entsättigung\r\n"
    found = read(tmp_path, (GERMAN + rows).encode(encoding), START)
    assert [row[2] for row in events(found)] == ["apnea_obstructive", "desaturation"]
    assert codes(found) == ({"annotation_not_utf8"} if encoding == "cp1252" else set())


def test_a_profile_is_one_stage_per_rate_and_runs_over_midnight(tmp_path: Path) -> None:
    rows = "23:59:00,000; Wake\n23:59:30,000; N4\n00:00:00,000; N4\n00:00:30,000; Movement\n"
    found = read(tmp_path, PROFILE + rows, "2020-09-23T23:58:00", hours=0.1)
    assert stages(found) == [(60.0, 30.0, "W"), (90.0, 60.0, "N3"), (150.0, 30.0, "U")]


def test_epoch_of_twenty_seconds_in_german(tmp_path: Path) -> None:
    head = "Signal ID: p\nStartzeit: 23.09.2020 22:00:00\nSignaltyp: Diskret\nRate: 20 s\n\n"
    found = read(tmp_path, head + "22:00:00,000; Wach\n22:00:20,000; N1\n", START)
    assert stages(found) == [(0.0, 20.0, "W"), (20.0, 20.0, "N1")]


@pytest.mark.parametrize(
    ("start", "shift"),
    [
        ("2020-09-23T21:59:30", 30),
        ("2020-09-23T22:00:10.500000", -10.5),
        ("22:00:00", 0),
        ("2019-01-01T22:00:00", 0),  # a date that cannot be: the time of day
    ],
)
def test_placed_by_its_own_start(tmp_path: Path, start: str, shift: float) -> None:
    found = read(tmp_path, ENGLISH + "22:10:00,000-22:10:20,000; 20;Hypopnea\n", start)
    assert events(found)[0][0] == 600 + shift
    assert ("annotation_start_far" in codes(found)) == start.startswith("2019")


@pytest.mark.parametrize(
    ("text", "believed"),
    [("9/23/2020 10:00:00 PM", True), ("23/09/2020 22:00:00", True), ("08/03/2016 22:00:00", False),
     ("2020-09-23 22:00:00", True), ("31.02.2020 22:00:00", False)],
)  # fmt: skip
def test_start_dates_of_either_order_only_when_they_can_mean_one_day(tmp_path: Path, text: str, believed: bool) -> None:
    head = ENGLISH.replace("23.09.2020 22:00:00", text)
    found = read(tmp_path, head + "22:10:00,000-22:10:20,000; 20;Hypopnea\n", "2020-09-23T21:00:00")
    assert events(found)[0][0] == 3600 + 600  # by the date or by the clock
    wrong = read(tmp_path, head + "22:10:00,000-22:10:20,000; 20;Hypopnea\n", "2020-09-25T22:00:00")
    assert ("annotation_start_far" in codes(wrong)) == believed


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, ENGLISH + "22:10:00,000-22:10:20,000; 20;Hypopnea\nrubbish\n25:00:00,000-1; 2;x\n", START)
    assert next(item.text for item in found.findings if item.code == "annotation_row_unreadable").endswith("(2 rows)")
    assert len(events(found)) == 1


def test_an_end_before_its_begin_is_a_negative_duration(tmp_path: Path) -> None:
    found = read(tmp_path, ENGLISH + "22:10:20,000-22:10:00,000; 20;Hypopnea\n", START)
    assert codes(found) == {"negative_duration", "event_without_duration"} and found.respiratory_state == "partial"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ENGLISH.replace("Impuls", "Analog") + "22:00:00,000; 11\n", "measured values"),
        (ENGLISH.replace("23.09.2020 22:00:00", "soon") + "22:00:00,000; 11\n", "start time 'soon'"),
        (PROFILE.replace("30 s", "fast") + "23:59:00,000; Wake\n", "rate 'fast'"),
    ],
)
def test_exports_that_cannot_be_used_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content, START)


def test_a_list_of_measured_values_is_no_annotation_file(tmp_path: Path) -> None:
    path = tmp_path / "SpO2.txt"
    path.write_text(ENGLISH.replace("Impuls", "Analog") + "22:00:00,000; 96\n")
    assert recognise(path) is None
    path.write_text(ENGLISH + "22:10:00,000-22:10:20,000; 20;Hypopnea\n")
    assert recognise(path) == "domino"
