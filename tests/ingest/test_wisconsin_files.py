"""Wisconsin Sleep Cohort: gamma event and stage lists, twin event logs, and the defects known of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import ingest
from tests.ingest.annotation_files import codes, events, read, stages

HEADER = "Epoch\tSample\tLen\tCode\tEvent\tN\tClock\tP1\tP2\tDuration\n"


def gamma(epoch: int, label: str, clock: str, duration: object = "") -> str:
    return f"{epoch}\t\t\t406\t{label} \t5\t{clock}\t\t\t{duration}\n"


def test_gamma_events_by_clock_over_midnight(tmp_path: Path) -> None:
    text = HEADER + gamma(1, "Obst. Apnea", "22:00:10", 20) + gamma(300, "SPON Arousal", " 0:29:30 ", 4.5)
    found = read(tmp_path, text, "22:00:00", hours=4)
    assert events(found) == [
        (10.0, 20.0, "apnea_obstructive", "Obst. Apnea"),
        (8970.0, 4.5, "arousal_spontaneous", "SPON Arousal"),
    ]
    assert found.sources == ("wsc_events",) and codes(found) == set()


def test_gamma_leg_movements_have_a_start_only(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + gamma(1, "LM", "22:00:10") + gamma(2, "LM", "22:00:40"), "22:00:00")
    assert found.movements is not None and found.movements.offset_us.tolist() == [ingest.NO_DURATION] * 2


def test_gamma_negative_durations(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + gamma(1, "Hypopnea", "22:00:10", -5) + gamma(2, "CA", "22:01:10", 15), "22:00:00")
    assert codes(found) == {"negative_duration", "event_without_duration"} and found.respiratory_state == "partial"


def test_gamma_missing_start(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + gamma(1, "Hypopnea", "", 5) + gamma(2, "MA", "22:01:10", 15), "22:00:00")
    assert codes(found) == {"event_without_onset"} and found.respiratory_state == "partial"


def test_gamma_doubled_and_missing_header(tmp_path: Path) -> None:
    row = gamma(2, "OA", "22:01:10", 15)
    assert codes(read(tmp_path, HEADER + HEADER + row, "22:00:00")) == {"annotation_header_repeated"}
    none = read(tmp_path, row, "22:00:00")
    assert codes(none) == {"annotation_header_missing"} and len(events(none)) == 1


def test_gamma_rows_that_are_neither_event_nor_header(tmp_path: Path) -> None:
    odd = "x7\t\t\t406\tLM \t5\t22:00:30\t\t\t\n" + "3\t\t\t406\tLM \t5\tlater\t\t\t\n"
    no_epoch = "\t\t\t406\tLM \t5\t22:01:40\t\t\t\n"
    found = read(tmp_path, HEADER + gamma(2, "OA", "22:01:10", 15) + odd + no_epoch + "\t" * 9 + "\n", "22:00:00")
    assert [row[0] for row in events(found)] == [70.0, 100.0] and codes(found) == {"annotation_row_unreadable"}
    assert found.findings[0].text.endswith("(2 rows)")


def test_gamma_spellings_are_counted_when_unseen(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + gamma(1, "Obst Apnoea?", "22:00:10", 20) * 3, "22:00:00")
    assert "'Obst Apnoea?' × 3" in next(item.text for item in found.findings if item.code == "unknown_label")


def test_samples_are_used_when_the_rows_say_their_rate(tmp_path: Path) -> None:
    rows = "".join(
        f"{k}\t{200 * (30 * k + 7) + 50}\t400\t202\tHypopnea\t15\t22:{k // 2:02d}:{30 * (k % 2) + 7:02d}\t\t\n"
        for k in (1, 40, 100)
    )
    found = read(tmp_path, HEADER + rows, "22:00:00")
    assert [row[:2] for row in events(found)] == [(37.25, 2.0), (1207.25, 2.0), (3007.25, 2.0)]


def test_a_sample_that_contradicts_its_clock_is_not_used(tmp_path: Path) -> None:
    rows = [(1, 1000), (40, 240_000 + 1000), (60, 7), (100, 600_000 + 1000)]
    text = "".join(
        f"{k}\t{sample}\t\t406\tLM \t5\t22:{(30 * k + 5 - 30) // 60:02d}:{(30 * k + 5 - 30) % 60:02d}\t\t\n"
        for k, sample in [(k, 200 * (30 * (k - 1) + 5) if sample > 7 else sample) for k, sample in rows]
    )
    found = read(tmp_path, HEADER + text, "22:00:00")
    assert [row[0] for row in events(found)] == [5.0, 1175.0, 1775.0, 2975.0]
    assert "annotation_clock_differs" in codes(found)


def test_gamma_without_a_start_of_the_recording(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + gamma(1, "Hypopnea", "22:00:10", 20), None)
    assert {"annotation_start_assumed", "event_without_onset"} <= codes(found) and events(found) == []


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("header", ["", "Epoch\tStage\n"])
def test_stage_list(tmp_path: Path, newline: str, header: str) -> None:
    text = header + "1\t0\n2\t1\n3\t2\n4\t3\n5\t4\n6\t5\n7\t6\n8\t7\n"
    found = read(tmp_path, text.replace("\n", newline), hours=1)
    assert stages(found) == [
        (0, 30, "W"), (30, 30, "N1"), (60, 30, "N2"), (90, 30, "N3"), (120, 30, "N3"), (150, 30, "R"),
        (180, 30, "U"), (210, 30, "U"),
    ]  # fmt: skip
    # often fewer epochs than the recording
    assert "stages_do_not_cover" in [item.code for item in found.findings]


def test_stage_list_with_a_missing_epoch(tmp_path: Path) -> None:
    assert stages(read(tmp_path, "1\t2\n2\t2\n4\t5\n")) == [(0, 60, "N2"), (90, 30, "R")]


TWIN = (
    "10:07:24 PM\tSTART RECORDING\n10:20:00 PM\tLIGHTS OUT\n10:20:00 PM\tSTAGE - W\n10:30:00 PM\tSTAGE - N2\n"
    "10:31:00 PM\tLM - DUR: 0.7 SEC. - ISOLATED\n"
    "10:32:00 PM\tRESPIRATORY EVENT - DUR: 33.1 SEC. - HYPOPNEA - DESAT 90.6 %\n"
    "10:32:05 PM\tDESATURATION - DUR: 35.6 SEC. - MIN 90.6 % - DROP 3.3 %\n"
    "10:32:30 PM\tAROUSAL - DUR: 3.0 SEC. - RESPIRATORY EVENT\n10:33:00 PM\tAROUSAL - DUR: 3.0 SEC. - LM\n"
    "10:34:00 PM\tPOSITION - SUPINE\n10:35:00 PM\tSTAGE - NO STAGE\n10:36:00 PM\tLIGHTS ON\n"
)


def test_twin_event_log(tmp_path: Path) -> None:
    found = read(tmp_path, TWIN, "22:07:24", hours=0.6)
    assert found.sources == ("wsc_log",) and codes(found) == set()
    assert (found.lights_off_us, found.lights_on_us) == (756_000_000, 1_716_000_000)
    assert stages(found) == [(756, 600, "W"), (1356, 300, "N2"), (1656, 60, "U")]
    assert [row[:3] for row in events(found) if row[1]] == [
        (1416.0, 0.7, "leg_movement"),
        (1476.0, 33.1, "hypopnea"),
        (1481.0, 35.6, "desaturation"),
        (1506.0, 3.0, "arousal_respiratory"),
        (1536.0, 3.0, "arousal_leg_movement"),
    ]


def test_twin_log_of_a_recording_that_starts_elsewhere(tmp_path: Path) -> None:
    assert read(tmp_path, TWIN, "22:08:24", hours=0.6).lights_off_us == 696_000_000


def test_twin_unseen_detail_leaves_the_word(tmp_path: Path) -> None:
    text = TWIN.replace("LM - DUR: 0.7 SEC. - ISOLATED", "LM - DUR: 0.7 SEC. - IN A SERIES").replace("HYPOPNEA", "ODD")
    found = read(tmp_path, text, "22:07:24", hours=0.6)
    assert "leg_movement" in found.events.type
    assert "'RESPIRATORY EVENT|ODD' × 1" in next(item.text for item in found.findings if item.code == "unknown_label")
