"""BIDS events.tsv (BIDS specification, Task events): onset and duration in seconds, tab-separated, n/a for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline.errors import InputError
from tests.ingest.annotation_files import codes, events, read, stages


def test_events_and_stages_of_a_text_column(tmp_path: Path) -> None:
    text = (
        "onset\tduration\tdescription\n0\t30\tSleep stage W\n30\t30\tSleep stage 2\n"
        "40.5\t12\tObstructive Apnea\n70\tn/a\tlights off\nn/a\t3\tHypopnea\n"
    )
    found = read(tmp_path, text)
    assert stages(found) == [(0, 30, "W"), (30, 30, "N2")] and found.sources == ("bids_events",)
    assert events(found)[0] == (40.5, 12.0, "apnea_obstructive", "Obstructive Apnea")
    assert found.lights_off_us == 70_000_000 and codes(found) == {"event_without_onset"}


def test_trial_type_wins_over_value(tmp_path: Path) -> None:
    found = read(tmp_path, "onset\tduration\tvalue\ttrial_type\n5\t2\t77\tarousal\n")
    assert events(found) == [(5.0, 2.0, "arousal", "arousal")]


def test_numbers_of_the_human_column_have_their_own_meaning(tmp_path: Path) -> None:
    rows = "".join(f"{30 * k}\t30\t{code}\t0\n" for k, code in enumerate([0, 1, 2, 3, 4, 8, 5]))
    found = read(tmp_path, "onset\tduration\tstage_hum\tstage_ai\n" + rows)
    assert [row[2] for row in stages(found)] == ["W", "N1", "N2", "N3", "R", "U", "U"]
    assert codes(found) == {"annotation_stage_column", "unknown_stage"}
    assert "'stage_hum:5' × 1" in next(item.text for item in found.findings if item.code == "unknown_stage")


def test_rows_of_another_width_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "onset\tduration\ttrial_type\n1\t2\n3\t4\tarousal\n")
    assert codes(found) == {"annotation_row_unreadable"} and len(events(found)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("onset\tduration\n1\t2\n", "without labels"), ("onset\tonset\tduration\n", "stands twice")],
)
def test_tables_that_say_nothing_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)
