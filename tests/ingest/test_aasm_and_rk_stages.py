"""Stage labels: AASM Manual (W, N1, N2, N3, R), Rechtschaffen and Kales 1968 (1-4, REM, movement time), EDF+ texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import contracts, ingest
from plms_pipeline.ingest.labels import stage_of
from tests.ingest.edf_bytes import build, tal

HOUR = 3600 * 10**6


@pytest.mark.parametrize(
    ("label", "stage"),
    [
        ("Sleep stage W", "W"), ("Sleep stage N1", "N1"), ("Sleep stage N2", "N2"), ("Sleep stage N3", "N3"),
        ("Sleep stage R", "R"), ("Sleep stage ?", "U"), ("Sleep stage N", "S"), ("sleep stage n2", "N2"),
    ],
)  # fmt: skip
def test_edf_plus_standard_texts(label: str, stage: str) -> None:
    assert stage_of(label, in_stage_column=False) == stage


@pytest.mark.parametrize("label", ["Sleep stage 3", "Sleep stage 4", "Stage 3 sleep|3", "Stage 4 sleep|4", "S3", "N4"])
def test_rk_stages_3_and_4_are_n3(label: str) -> None:
    assert stage_of(label, in_stage_column=True) == "N3"


@pytest.mark.parametrize("label", ["Movement time", "Movement|6", "MT", "6"])
def test_rk_movement_time_is_unscored(label: str) -> None:
    assert stage_of(label, in_stage_column=True) == "U"


@pytest.mark.parametrize("label", ["1", "R", "W", "S", "M", "A", "Unknown", "Movement"])
def test_short_labels_are_stages_only_where_stages_stand(label: str) -> None:
    assert stage_of(label, in_stage_column=False) is None
    assert stage_of(label, in_stage_column=True) is not None


def test_every_stage_of_the_code_list_names_itself() -> None:
    for value in contracts.codes("stage").values:
        assert stage_of(value, in_stage_column=True) == value


def hypnogram(tmp_path: Path, *lists: bytes, time: str = "22.30.00", date: str = "24.04.89") -> Path:
    path = tmp_path / "hypnogram.edf"
    content = build([], reserved="EDF+C", tals=[tal("+0", "") + b"".join(lists)], record_s="0", time=time, date=date)
    path.write_bytes(content)
    return path


def read(path: Path, start: str | None = "1989-04-24T22:30:00", **declared: str) -> ingest.Annotations:
    return ingest.read_annotations([path], duration_us=HOUR, recording_start=start, declared=declared)


def codes(annotations: ingest.Annotations) -> list[str]:
    told = [item.code for item in annotations.findings]
    return [code for code in told if not code.endswith("looked_for") and code != "stages_do_not_cover"]


def test_annotations_only_file_is_aligned_by_its_own_start(tmp_path: Path) -> None:
    path = hypnogram(tmp_path, tal("+60", "Sleep stage N2", duration="30"), time="22.29.30")
    found = read(path)
    assert found.stages is not None and found.stages.onset_us.tolist() == [30_000_000]
    assert read(path, "1989-04-24T22:29:30.250000").stages.onset_us.tolist() == [59_750_000]  # type: ignore[union-attr]


def test_alignment_over_midnight_without_dates(tmp_path: Path) -> None:
    path = hypnogram(tmp_path, tal("+60", "Sleep stage N2", duration="30"), time="00.00.10", date="01.01.85")
    assert read(path, "23:59:50").stages.onset_us.tolist() == [80_000_000]  # type: ignore[union-attr]
    back = hypnogram(tmp_path, tal("+60", "Sleep stage N2", duration="30"), time="23.59.50", date="01.01.85")
    assert read(back, "00:00:10").stages.onset_us.tolist() == [40_000_000]  # type: ignore[union-attr]


def test_dates_that_disagree_are_said_and_the_clock_is_used(tmp_path: Path) -> None:
    path = hypnogram(tmp_path, tal("+60", "Sleep stage N2", duration="30"))
    found = read(path, "1995-01-01T22:30:00")
    assert codes(found) == ["annotation_start_far"]
    assert found.stages is not None and found.stages.onset_us.tolist() == [60_000_000]


def test_unknown_start_is_said(tmp_path: Path) -> None:
    assert codes(read(hypnogram(tmp_path, tal("+60", "Sleep stage N2", duration="30")), None)) == [
        "annotation_start_assumed"
    ]


def test_stages_are_cut_to_the_recording(tmp_path: Path) -> None:
    found = read(
        hypnogram(tmp_path, tal("-30", "Sleep stage W", duration="60"), tal("+3590", "Sleep stage R", duration="60"))
    )
    assert found.stages is not None
    assert found.stages.onset_us.tolist() == [0, 3590_000_000]
    assert found.stages.duration_us.tolist() == [30_000_000, 10_000_000]
    assert codes(found) == ["stages_beyond_recording"]


def test_equal_epochs_become_one_span(tmp_path: Path) -> None:
    lists = [tal(f"+{30 * k}", "Sleep stage N2", duration="30") for k in range(5)]
    found = read(hypnogram(tmp_path, *lists))
    assert found.stages is not None and found.stages.duration_us.tolist() == [150_000_000]


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        (["W", "N1", "R"], "scored"),
        (["W", "N"], "sleep_wake_only"),
        (["W", "N", "N2"], "partial"),
        (["?"], "not_scored"),
        (["W"], "scored"),
    ],
)
def test_state_of_the_staging(tmp_path: Path, labels: list[str], state: str) -> None:
    lists = [tal(f"+{30 * k}", f"Sleep stage {label}", duration="30") for k, label in enumerate(labels)]
    assert read(hypnogram(tmp_path, *lists)).stages_state == state
    assert read(hypnogram(tmp_path, *lists), stages_state="not_scored").stages is None


def test_malformed_list_is_counted(tmp_path: Path) -> None:
    found = read(hypnogram(tmp_path, tal("+0", "Sleep stage W", duration="30"), b"30\x14x\x14\x00"))
    assert codes(found) == ["malformed_annotation"]


def test_annotations_inside_the_recording_itself(tmp_path: Path) -> None:
    from tests.ingest.edf_bytes import Sig, ramp

    path = tmp_path / "night.edf"
    lists = [
        tal("+0.5", "") + tal("+0.5", "Sleep stage W", duration="1"),
        tal("+1.5", "") + tal("+1.5", "EEG arousal", duration="3"),
    ]
    path.write_bytes(build([Sig("LEG", ramp(2, 4))], reserved="EDF+C", tals=lists))
    recording = ingest.open_recording(path)
    found = ingest.read_annotations([path], duration_us=recording.duration_us, recording_start=recording.start)
    assert found.stages is not None and found.stages.onset_us.tolist() == [0]
    assert found.arousals is not None and found.arousals.onset_us.tolist() == [1_000_000]


def test_real_hypnogram_of_sleep_edf(shared_data: Path) -> None:
    path = shared_data / "edf" / "edfio" / "SC4001EC-Hypnogram.edf"
    found = ingest.read_annotations([path], duration_us=79_500 * 10**6, recording_start="1989-04-24T16:13:00")
    assert found.stages is not None and found.stages_state == "scored" and len(found.stages.stage) == 153
    assert found.stages.label[:3] == ("Sleep stage W", "Sleep stage 1", "Sleep stage 2")
    assert found.stages.duration_us[0] == 30_630 * 10**6
    assert set(found.stages.stage) == {"W", "N1", "N2", "N3", "R"}
    assert "unknown_label" not in codes(found)
