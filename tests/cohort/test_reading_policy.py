"""A cohort refuses what it does not want repaired, and only that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plms_pipeline.cohort.keys import last_known
from plms_pipeline.cohort.plan import science_settings
from plms_pipeline.cohort.recording import process_recording
from plms_pipeline.cohort.settings import CohortSettings
from plms_pipeline.cohort.work import RecordingResult, RecordingTask
from plms_pipeline.errors import InputError
from plms_pipeline.ingest import ChannelOverrides
from tests.ingest.defect_cases import legs
from tests.ingest.edf_bytes import build

SHEET = {
    "recording_date": None, "lights_off_s": None, "lights_on_s": None, "pap_this_night": "unknown",
    "stages_state": None, "respiratory_state": None, "arousals_state": None,
    "channels": ChannelOverrides(("Leg L",), ("Leg R",))._asdict(),
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, make_settings: Callable[..., CohortSettings]) -> Callable[..., RecordingResult]:
    path = tmp_path / "night.edf"
    store = tmp_path / "store"
    path.write_bytes(build(legs(n_records=60, n=200))[:-7])

    def once(**defects: str) -> RecordingResult:
        science = science_settings(make_settings(defects=defects), {"mapped": False})
        return process_recording(
            RecordingTask(
                "n1",
                "test",
                "s1",
                "single",
                str(path),
                (),
                SHEET,
                {},
                science,
                str(store),
                {},
                last=last_known(store, "n1"),
            )
        )

    return once


def test_what_is_refused_fails_with_the_finding_and_is_computed_anew(run: Callable[..., RecordingResult]) -> None:
    repaired = run()
    assert "truncated" in repaired.findings and repaired.reason != "refused_by_policy"
    refused = run(truncated="refuse")
    assert (refused.outcome, refused.reason) == ("failed_input", "refused_by_policy")
    assert refused.text is not None and "truncated: " in refused.text
    assert refused.detect_key != repaired.detect_key
    assert "detect: changed channel choice or refused defects" in refused.why


def test_what_the_policy_does_not_change_keeps_its_key(run: Callable[..., RecordingResult]) -> None:
    repaired = run()
    again = run(truncated="repair")
    assert again.detect_key == repaired.detect_key and again.recomputed == ()


def test_policy_of_another_defect_leaves_the_recording_alone(run: Callable[..., RecordingResult]) -> None:
    assert run(trailing_bytes="refuse").reason == run().reason


def test_unknown_defect_is_an_error_before_anything_starts(run: Callable[..., RecordingResult]) -> None:
    with pytest.raises(InputError, match=r"cohort\.yaml: defects: no finding is called truncatd"):
        run(truncatd="refuse")
