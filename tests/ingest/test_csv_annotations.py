"""CSV annotations of the sheet: the table formats of ``plms score`` and `onset_s,duration_s,label`."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError

HOUR = 3600 * 10**6


def read(tmp_path: Path, *texts: str, **declared: str) -> ingest.Annotations:
    paths = []
    for k, text in enumerate(texts):
        path = tmp_path / f"a{k}.csv"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return ingest.read_annotations(paths, duration_us=HOUR, declared=declared)


STAGES = "onset_s,duration_s,stage\n0,600,W\n600,1200,N2\n1800,1800,REM\n"


def test_stages_and_typed_events(tmp_path: Path) -> None:
    events = "onset_s,offset_s,type\n700.5,720.25,hypopnea\n710,713,arousal\n650,651.5,LM\n"
    found = read(tmp_path, STAGES, events)
    assert found.stages is not None and found.stages.stage == ("W", "N2", "R")
    assert found.respiratory is not None and found.respiratory.offset_us.tolist() == [720_250_000]
    assert found.arousals is not None and found.movements is not None and found.movements.leg == ("C",)
    assert found.findings == ()


def test_free_labels_hold_stages_events_and_lights(tmp_path: Path) -> None:
    text = (
        "onset_s,duration_s,label\n0,30,Sleep stage W\n30,30,Sleep stage N2\n40,10,Obstructive apnea\n"
        '5,,Lights off\n55,0,"Lights on"\n41,3,1\n'
    )
    found = read(tmp_path, text)
    assert found.stages is not None and found.stages.stage == ("W", "N2")
    assert (found.lights_off_us, found.lights_on_us) == (5_000_000, 55_000_000)
    assert [item.code for item in found.findings if item.code == "unknown_label"]


def test_human_leg_marks_with_and_without_duration(tmp_path: Path) -> None:
    found = read(tmp_path, "leg,onset_s,offset_s\nL,10,11.5\nR,20,\n")
    assert found.movements is not None
    assert found.movements.leg == ("L", "R") and found.movements.offset_us.tolist() == [11_500_000, ingest.NO_DURATION]


def test_empty_table_says_nothing_about_what_was_looked_for(tmp_path: Path) -> None:
    found = read(tmp_path, STAGES, "onset_s,offset_s,type\n")
    assert found.respiratory is None and found.arousals is None
    assert "empty_table" in [item.code for item in found.findings]
    assert read(tmp_path, STAGES, "onset_s,offset_s,type\n", respiratory_state="scored").respiratory is not None


def test_declared_not_scored_wins_and_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, STAGES, "onset_s,offset_s,type\n1,20,apnea\n", respiratory_state="not_scored")
    assert found.respiratory is None and len(found.events.type) == 1
    assert "declared_state_contradicts" in [item.code for item in found.findings]


def test_stages_of_two_files_that_disagree(tmp_path: Path) -> None:
    xml = tmp_path / "n.xml"
    xml.write_text(
        "<PSGAnnotation><ScoredEvents><ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>REM sleep|5"
        "</EventConcept><Start>0</Start><Duration>60</Duration></ScoredEvent></ScoredEvents></PSGAnnotation>"
    )
    (tmp_path / "s.csv").write_text(STAGES)
    found = ingest.read_annotations([tmp_path / "s.csv", xml], duration_us=HOUR)
    assert found.stages is None and found.findings[0].code == "stages_conflicting_sources"


def test_events_outside_the_recording_are_kept_not_scored(tmp_path: Path) -> None:
    found = read(tmp_path, "onset_s,offset_s,type\n-20,-5,apnea\n-5,5,apnea\n3599,3610,apnea\n3600,3610,apnea\n")
    assert found.respiratory is not None and found.respiratory.onset_us.tolist() == [0, 3599_000_000]
    assert found.respiratory.offset_us.tolist() == [5_000_000, HOUR]
    assert len(found.events.type) == 4 and "event_outside_recording" in [item.code for item in found.findings]


def test_contradicting_lights_are_not_used(tmp_path: Path) -> None:
    found = read(tmp_path, "onset_s,duration_s,label\n50,0,Lights off\n5,0,Lights on\n")
    assert (found.lights_off_us, found.lights_on_us) == (None, None)
    assert "lights_contradictory" in [item.code for item in found.findings]


def test_order_of_files_and_rows_changes_nothing(tmp_path: Path) -> None:
    events = ["700.5,720.25,hypopnea", "710,713,arousal", "700.5,719,apnea"]
    head = "onset_s,offset_s,type\n"
    one = read(tmp_path, STAGES, head + "\n".join(events))
    two = read(tmp_path, head + "\n".join(reversed(events)), STAGES)
    assert contracts.digest_of(one.normalised()) == contracts.digest_of(two.normalised())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no known annotation table"),
        ("onset_s,offset_s\n1,2\n", "no known annotation table"),
        ("onset_s,offset_s,type\n1,2\n", "line 2: 2 fields, the header has 3"),
        ("onset_s,offset_s,type\nabc,2,apnea\n", "line 2, column onset_s: 'abc' is no number"),
        ("onset_s,offset_s,type\n1,nan,apnea\n", "line 2, column offset_s: 'nan' is no number"),
        ("onset_s,onset_s,type\n1,2,apnea\n", "column 'onset_s' stands twice"),
        ('onset_s,offset_s,type\n1,2,"apnea\n', "not valid CSV"),
    ],
)
def test_wrong_tables_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "a0.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("onset_s,offset_s,type\n1,2,Schläfrig".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        ingest.read_annotations([path], duration_us=HOUR)


def test_wrong_declared_state() -> None:
    with pytest.raises(InputError, match="respiratory_state 'sleep_wake_only' is none of scored, not_scored, partial"):
        ingest.read_annotations([], duration_us=HOUR, declared={"respiratory_state": "sleep_wake_only"})


def test_nothing_given_is_nothing_known() -> None:
    found = ingest.read_annotations([], duration_us=HOUR)
    assert (found.stages_state, found.respiratory_state, found.arousals_state) == ("not_scored",) * 3
    assert found.stages is None and found.movements is None and [item.code for item in found.findings] == ["no_stages"]


def test_an_event_of_two_files_counts_once_and_is_kept_twice(tmp_path: Path) -> None:
    text = "onset_s,offset_s,type\n700,720,Hypopnea\n"
    found = read(tmp_path, text, text)
    assert found.respiratory is not None and len(found.respiratory.type) == 1 and len(found.events.type) == 2


def test_declared_as_scored_without_a_file_is_not_scored() -> None:
    found = ingest.read_annotations([], duration_us=HOUR, declared={"respiratory_state": "scored"})
    assert (found.respiratory, found.respiratory_state) == (None, "not_scored")
    assert [item.code for item in found.findings] == ["no_stages", "declared_without_source"]


def test_arousal_without_duration_makes_the_scoring_partial(tmp_path: Path) -> None:
    found = read(tmp_path, "onset_s,duration_s,label\n5,,Arousal\n9,3,Arousal\n")
    assert found.arousals is not None and found.arousals.onset_us.tolist() == [9_000_000]
    assert found.arousals_state == "partial" and found.events.offset_us.tolist() == [ingest.NO_DURATION, 12_000_000]
