"""Hostile annotation files end in a finding or in one clear line, whatever their format."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_sources import recognise
from tests.ingest.annotation_files import HOUR, codes, read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<PSGAnnotation>" + b"<a>" * 100 + b"</a>" * 100 + b"</PSGAnnotation>", "levels"),
        (b'<?xml version="1.0"?><!DOCTYPE PSGAnnotation [<!ELEMENT a ANY>]><PSGAnnotation/>', "document type"),
        (b'<?xml version="1.0" encoding="klingon"?><PSGAnnotation/>', "XML"),
        (b'<?xml version="1.0" encoding="shift_jis"?><PSGAnnotation/>', "XML"),
        (b"<", "not well-formed"),
        (b"a\x00b\x00c", "no text"),
        (b"\xff\xfe\x00", "no text"),
        (b"rubbish", "no known annotation table"),
        (b"\x1b[2J,\x07", "no known annotation table"),
    ],
)
def test_hostile_files_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("name", "value", "content"),
    [
        ("annotation_text_bytes", 100, "W\n" * 60),
        ("annotation_marks", 50, "W\n" * 60),
        ("annotation_marks", 2, "<PSGAnnotation>" + "<ScoredEvent/>" * 60 + "</PSGAnnotation>"),
        ("annotation_marks", 2, "onset_s,duration_s,label\n" + "1,2,x\n" * 3),
    ],
)
def test_more_than_a_night_can_hold_is_refused(
    tmp_path: Path, own_schemas: Path, name: str, value: int, content: str
) -> None:
    rules = own_schemas / "rules" / "reading.yaml"
    lines = [f"{name}: {value}" if line.startswith(f"{name}:") else line for line in rules.read_text().splitlines()]
    rules.write_text("\n".join(lines))
    contracts.forget()
    with pytest.raises(InputError, match=r"at most|more than"):
        read(tmp_path, content)


def test_a_label_of_any_length_and_content_is_one_short_line(tmp_path: Path) -> None:
    label = "x\x1b[31m\x85y" * 5000
    found = read(tmp_path, f"onset_s,duration_s,label\n1,2,{label}\n".encode())
    assert len(found.events.label[0]) == 200 and found.events.label[0].isprintable()
    assert all(item.text.isprintable() and len(item.text) < 500 for item in found.findings)


_WORDS = st.sampled_from(
    ["\t", "\n", "\r\n", " - ", ";", ",", ":", "-", "+", ".", "...", "#", "|", "\ufeff", "e:1", "0+", "AM", "onset",
     "duration", "stage_hum", "trial_type", "Signal ID: x", "Start Time: 23.09.2020 22:00:00", "Signal Type: Impuls",
     "Signal Type: Discret", "Rate: 30 s", "22:00:00,000", "22:00:10", "0:00:00", "9/23/2020 01:00:00 PM", "LM",
     "STAGE - N2", "DUR: 3.0 SEC.", "W", "N2", "Hypopnea", "1", "2", "30", "-5", "1e400", "nan", "9" * 30, "\x00", "é"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_WORDS, max_size=60).map("".join) | st.text(max_size=200), st.sampled_from([None, "22:00:00"]))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str, start: str | None) -> None:
    try:
        found = read(tmp_path, text.encode("utf-8", "surrogatepass"), start)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert all(item.text.isprintable() for item in found.findings)
        assert found.stages is None or int(found.stages.duration_us.min()) > 0


_HEADS = (
    "Signal ID: x\nStart Time: 23.09.2020 22:00:00\nSignal Type: Impuls\n\n",
    "Signal ID: x\nStart Time: 9/23/2020 10:00:00 PM\nSignal Type: Discret\nRate: 30 s\n\n",
    "onset\tduration\tstage_hum\ttrial_type\n",
    "1\t100\t\t406\tLM\t5\t22:00:10\t\t\t\n",
    "22:00:00\tSTART RECORDING\n",
    "class\tinstance\tchannel\tstart\tstop\tmeta\n",
    "<PSGAnnotation><ScoredEvents><ScoredEvent><Start>1</Start><EventConcept>LM</EventConcept></ScoredEvent>",
    "onset_s,duration_s,label\n",
    "time,duration,event\n",
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_HEADS), st.lists(_WORDS, max_size=40).map("".join), st.sampled_from([None, "23:59:59"]))
def test_any_body_below_a_header_of_each_format_is_read_or_refused(
    tmp_path: Path, head: str, body: str, start: str | None
) -> None:
    path = tmp_path / "a"
    path.write_bytes((head + body).encode("utf-8", "surrogatepass"))
    recognise(path)
    try:
        ingest.read_annotations([path], duration_us=HOUR, recording_start=start)
    except InputError as error:
        assert str(error).isprintable()


def test_events_in_the_past_of_a_century_are_outside(tmp_path: Path) -> None:
    assert "event_outside_recording" in codes(read(tmp_path, "onset_s,duration_s,label\n3000000000,5,Hypopnea\n"))


@pytest.mark.parametrize("number", ["1e9999999", "-1e9999999", "1e-9999999", "9" * 400, "1e400"])
def test_numbers_of_any_size_found_by_fuzzing(tmp_path: Path, number: str) -> None:
    found = read(tmp_path, f"onset\tduration\ttrial_type\n{number}\t{number}\tHypopnea\n5\t{number}\tHypopnea\n")
    assert found.respiratory is not None
