"""Real sample files: each with the exact findings it must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import ingest

NO_LEG = ["no_leg_channel"]
OPENED = {
    "derived/ndr_minus1.edf": (["record_count_unknown", *NO_LEG], "EDF", 300.0),
    "derived/trailing_garbage.edf": (["trailing_bytes", *NO_LEG], "EDF", 300.0),
    "derived/trunc_at_record.edf": (["truncated", *NO_LEG], "EDF", 180.0),
    "derived/trunc_midrecord.edf": (["truncated", *NO_LEG], "EDF", 180.0),
    "edfReader/bdfPlusC.bdf": (NO_LEG, "BDF+C", 20.0),
    "edfReader/edfAnnonC.edf": (NO_LEG, "EDF+C", 1.2),
    "edfReader/edfPlusC.edf": (NO_LEG, "EDF+C", 20.0),
    "edfReader/edfPlusD.edf": ([*NO_LEG, "gap"], "EDF+D", 20.0),
    "edfio/mne_test.edf": (NO_LEG, "EDF+C", 6.0),
    "edfio/short_psg.bdf": (NO_LEG, "BDF", 300.0),
    "edfio/short_psg.edf": (NO_LEG, "EDF", 300.0),
    "edfio/test_subsecond.bdf": (NO_LEG, "BDF+C", 698.0),
    "edfio/test_subsecond.edf": (NO_LEG, "EDF+C", 698.0),
    "pyedflib/test_generator.bdf": (NO_LEG, "BDF+C", 30.0),
    "pyedflib/test_generator.edf": (NO_LEG, "EDF+C", 600.0),
    "pyedflib/test_generator_datarec_generator_0_5.bdf": (NO_LEG, "BDF+C", 30.0),
    "pyedflib/test_generator_datarec_generator_2.bdf": (NO_LEG, "BDF+C", 30.0),
    "pyedflib/test_legacy.edf": (["annotations_in_plain_file", *NO_LEG], "EDF", 600.0),
    "pyedflib/test_utf8.edf": (NO_LEG, "EDF+C", 698.0),
}
REFUSED = {
    "derived/header_only.edf": "no_data_records",
    "derived/short_header.edf": "short_header",
    "edfio/SC4001EC-Hypnogram.edf": "annotations_only",
}


@pytest.mark.parametrize("name", sorted(OPENED))
def test_file_opens_with_exactly_these_findings(shared_data: Path, name: str) -> None:
    findings, file_format, duration_s = OPENED[name]
    recording = ingest.open_recording(shared_data / "edf" / name)
    assert [found.code for found in recording.findings] == findings
    assert recording.header["format"] == file_format
    assert recording.duration_us == round(duration_s * 1e6)
    assert recording.layout == "none" and recording.legs == () and recording.sensor == "unknown"
    assert not any(str(shared_data) in found.text or "1989" in found.text for found in recording.findings)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_file_is_refused_by_name(shared_data: Path, name: str) -> None:
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(shared_data / "edf" / name)
    assert caught.value.code == REFUSED[name]


def test_every_sample_file_is_listed(shared_data: Path) -> None:
    present = {path.relative_to(shared_data / "edf").as_posix() for path in (shared_data / "edf").rglob("*.?df")}
    assert present == set(OPENED) | set(REFUSED)


def test_gaps_of_the_discontinuous_sample(shared_data: Path) -> None:
    overrides = ingest.overrides_from({"combined": "ramp"})
    recording = ingest.open_recording(shared_data / "edf" / "edfReader" / "edfPlusD.edf", overrides)
    starts = [segment.start_us // 1_000_000 for segment in recording.legs[0].segments]
    assert starts == [0, 2, 4, 12, 15, 19]
    assert [(a // 10**6, b // 10**6) for a, b in recording.gaps] == [(1, 2), (3, 4), (10, 12), (13, 15), (16, 19)]


def test_sub_second_start_and_annotations_agree_with_edfio(shared_data: Path) -> None:
    import edfio

    path = shared_data / "edf" / "edfio" / "test_subsecond.edf"
    recording = ingest.open_recording(path)
    assert recording.start == "2020-01-24T04:05:56.394531"
    found = ingest.read_annotations([path], duration_us=recording.duration_us, recording_start=recording.start)
    theirs = edfio.read_edf(path).annotations
    assert found.events.label == tuple(item.text for item in theirs)
    for ours, other in zip(found.events.onset_us.tolist(), theirs, strict=True):
        assert abs(ours / 1e6 - other.onset) < 2e-6


def test_digest_reads_all_bytes(tmp_path: Path) -> None:
    import xxhash

    path = tmp_path / "x.bin"
    path.write_bytes(bytes(range(256)) * 40_000)
    assert ingest.file_digest(path) == (xxhash.xxh3_128(path.read_bytes()).hexdigest(), "xxh3_128", 10_240_000)
    assert ingest.file_digest(path, "sha256")[1] == "sha256"
