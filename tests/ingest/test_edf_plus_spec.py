"""The EDF+ specification (Kemp and Olivan 2003; edfplus.info/specs/edfplus.html), clause by clause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import ingest
from plms_pipeline.ingest.tal import parse_tals, to_us
from tests.ingest.edf_bytes import Sig, build, plus, ramp, tal

LEGS = ingest.overrides_from({"combined": "LEG"})


def open_bytes(tmp_path: Path, content: bytes) -> ingest.Recording:
    path = tmp_path / "night.edf"
    path.write_bytes(content)
    return ingest.open_recording(path, LEGS)


def leg(n_records: int, n: int = 10) -> list[Sig]:
    return [Sig("LEG", ramp(n_records, n), dmin="-5000", dmax="5000", pmin="-5000", pmax="5000")]


def codes(recording: ingest.Recording) -> list[str]:
    return [found.code for found in recording.findings]


def test_2_1_3_1_start_date_beyond_2084_stands_in_the_recording_field(tmp_path: Path) -> None:
    content = plus(leg(1), ["+0"], date="24.04.yy", recording="Startdate 24-APR-2091 X X X")
    assert open_bytes(tmp_path, content).start == "2091-04-24T22:30:00"


def test_2_1_3_4_start_dates_that_disagree_are_not_believed(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(1), ["+0"], recording="Startdate 25-APR-1989 X X X"))
    assert codes(recording) == ["start_dates_disagree"] and recording.start == "22:30:00"


def test_2_1_3_4_anonymous_start_date(tmp_path: Path) -> None:
    assert codes(open_bytes(tmp_path, plus(leg(1), ["+0"], recording="Startdate X X X X"))) == []


def test_2_1_1_contiguous_records(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(3), ["+0", "+1", "+2"], kind="C"))
    assert len(recording.legs[0].segments) == 1 and recording.gaps == () and codes(recording) == []


def test_2_1_2_discontinuous_records_a_gap_is_a_gap(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(4), ["+0", "+1", "+5.25", "+6.25"]))
    first, second = recording.legs[0].segments
    assert (first.start_us, second.start_us) == (0, 5_250_000)
    np.testing.assert_allclose(first.samples, np.arange(20), atol=1e-9)
    np.testing.assert_allclose(second.samples, np.arange(20, 40), atol=1e-9)
    assert recording.gaps == ((2_000_000, 5_250_000),) and recording.duration_us == 7_250_000
    assert codes(recording) == ["gap"] and "1 gaps, 3.25 s" in recording.findings[0].text


def test_2_2_2_onset_has_a_sign_and_a_point_and_duration_may_be_absent() -> None:
    block = tal("+180", "Lights off", "Close door") + tal("-3.5", "Before", duration="0.25") + bytes(9)
    tals, n_malformed = parse_tals(block)
    assert n_malformed == 0
    assert tals[0] == (180_000_000, None, ("Lights off", "Close door"))
    assert tals[1] == (-3_500_000, 250_000, ("Before",))


@pytest.mark.parametrize(
    "block", [b"180\x14x\x14\x00", b"+1,5\x14x\x14\x00", b"+1\x14x", b"+1e3\x14x\x14\x00", b"\x14\x00"]
)
def test_2_2_2_malformed_lists_are_counted(block: bytes) -> None:
    assert parse_tals(block) == ([], 1)


def test_2_2_3_texts_are_utf_8() -> None:
    assert parse_tals(tal("+1", "Schläft tief 中"))[0][0].texts == ("Schläft tief 中",)


def test_2_2_4_sub_second_start_belongs_to_the_first_record(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(2), ["+0.39453", "+1.39453"], kind="C"))
    assert recording.start == "1989-04-24T22:30:00.394530"
    assert recording.legs[0].segments[0].start_us == 0 and recording.gaps == ()


def test_2_2_4_start_rolls_over_midnight(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(1), ["+3"], time="23.59.58"))
    assert recording.start == "1989-04-25T00:00:01" and codes(recording) == ["late_first_record"]


def test_2_2_4_stamps_rounded_by_the_writer_do_not_break_a_segment(tmp_path: Path) -> None:
    stamps = [f"+{round(k / 3, 3)}" for k in range(300)]
    recording = open_bytes(tmp_path, plus(leg(300), stamps, record_s="0.333333"))
    assert len(recording.legs[0].segments) == 1 and codes(recording) == []


def test_2_2_4_clock_that_drifts_gives_its_rate_and_no_gaps(tmp_path: Path) -> None:
    stamps = [f"+{k * 1.001:.3f}" for k in range(400)]
    recording = open_bytes(tmp_path, plus(leg(400), stamps))
    channel = recording.legs[0]
    assert len(channel.segments) == 1 and recording.gaps == () and len(channel.segments[0].samples) == 4000
    assert channel.fs_hz == pytest.approx(10 / 1.001, rel=1e-12) and recording.duration_us == 400_400_000
    assert codes(recording) == ["clock_drift"] and "+1000.0 ppm" in recording.findings[0].text


def test_2_2_4_clock_that_jitters_loses_no_sample(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    stamps = [f"+{k + rng.uniform(-0.02, 0.02):.3f}" for k in range(1, 301)]
    recording = open_bytes(tmp_path, plus(leg(300), stamps))
    assert len(recording.legs[0].segments) == 1 and recording.gaps == ()
    assert recording.legs[0].fs_hz == pytest.approx(10, rel=2e-4)
    assert codes(recording) == ["clock_drift", "late_first_record"]


def test_2_2_4_stamps_rounded_by_the_writer_leave_the_rate_alone(tmp_path: Path) -> None:
    stamps = [f"+{k + (-1) ** k * 0.002:.3f}" for k in range(1, 41)]
    recording = open_bytes(tmp_path, plus(leg(40), stamps))
    assert recording.legs[0].fs_hz == 10 and len(recording.legs[0].segments) == 1


def test_2_2_4_gap_beyond_the_tolerance_of_the_clock_is_a_gap(tmp_path: Path) -> None:
    stamps = [f"+{k + (0.06 if k >= 20 else 0):.2f}" for k in range(40)]
    recording = open_bytes(tmp_path, plus(leg(40), stamps))
    assert recording.gaps == ((20_000_000, 20_060_000),) and codes(recording) == ["gap"]


def test_2_2_4_clock_further_off_than_any_drift_is_followed_by_gaps(tmp_path: Path) -> None:
    stamps = [f"+{k * 1.01:.2f}" for k in range(60)]
    recording = open_bytes(tmp_path, plus(leg(60), stamps))
    segments = recording.legs[0].segments
    assert sum(len(s.samples) for s in segments) == 600 and recording.legs[0].fs_hz == 10
    assert all(abs(s.start_us - round(int(s.samples[0]) / 10 * 1_010_000)) <= 60_000 for s in segments)
    assert codes(recording) == ["gap", "clock_drift"]


@pytest.mark.parametrize("kind", ["C", "D"])
def test_2_2_4_records_out_of_order_are_put_in_order(tmp_path: Path, kind: str) -> None:
    stamps = ["+0", "+2", "+1", "+4", "+5", "+3"]
    samples = ramp(6, 10).reshape(6, 10)[[0, 2, 1, 4, 5, 3]]
    signals = [leg(6)[0]._replace(samples=samples)]
    recording = open_bytes(tmp_path, plus(signals, stamps, kind=kind))
    assert len(recording.legs[0].segments) == 1
    np.testing.assert_allclose(recording.legs[0].segments[0].samples, np.arange(60), atol=1e-9)
    assert codes(recording) == ["records_out_of_order"] and "2 times back" in recording.findings[0].text


def test_2_2_4_clock_set_back_keeps_what_was_written_first(tmp_path: Path) -> None:
    # an hour twice, as at the end of summer time, half a record out of step
    stamps = [f"+{k}" for k in range(10)] + [f"+{k + 0.5}" for k in range(6, 12)]
    recording = open_bytes(tmp_path, plus(leg(16), stamps))
    first, second = recording.legs[0].segments
    np.testing.assert_allclose(first.samples, np.arange(100), atol=1e-9)
    assert second.start_us == 10_000_000
    np.testing.assert_allclose(second.samples, np.arange(135, 160), atol=1e-9)
    assert codes(recording) == ["overlapping_records"] and "4 records, 3.5 s" in recording.findings[0].text


def test_2_2_4_damaged_stamp_does_not_stretch_the_night(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(4), ["+0", "+1", "+999999999", "+3"]))
    assert recording.duration_us == 4_000_000 and recording.gaps == ((2_000_000, 3_000_000),)
    assert codes(recording) == ["gap", "missing_time_stamp"]


def test_2_2_4_overlapping_record_keeps_the_samples_written_first(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(3), ["+0", "+0.6", "+1.6"]))
    segments = recording.legs[0].segments
    assert [s.start_us for s in segments] == [0, 1_000_000]
    np.testing.assert_allclose(segments[0].samples, np.arange(10), atol=1e-9)
    np.testing.assert_allclose(segments[1].samples, np.arange(14, 30), atol=1e-9)
    assert codes(recording) == ["overlapping_records"] and recording.gaps == ()


def test_2_2_4_record_that_goes_back_is_left_out(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(4), ["+0", "+1", "+0", "+2"]))
    np.testing.assert_allclose(
        np.concatenate([s.samples for s in recording.legs[0].segments]), [*range(20), *range(30, 40)], atol=1e-9
    )
    assert codes(recording) == ["overlapping_records"] and "1 left out as a whole" in recording.findings[0].text


def test_2_2_4_record_without_a_stamp_is_left_out_of_a_discontinuous_file(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(3), ["+0", None, "+2"]))
    assert recording.gaps == ((1_000_000, 2_000_000),)
    assert codes(recording) == ["gap", "missing_time_stamp"]


def test_2_2_4_discontinuous_file_without_stamps_is_refused(tmp_path: Path) -> None:
    for content in (plus(leg(2), [None, None]), build(leg(2), reserved="EDF+D")):
        with pytest.raises(ingest.EdfDefect) as caught:
            open_bytes(tmp_path, content)
        assert caught.value.code == "no_time_stamps"


def test_2_1_1_contiguous_file_whose_stamps_have_a_gap(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(2), ["+0", "+9"], kind="C"))
    assert recording.gaps == ((1_000_000, 9_000_000),) and codes(recording) == ["gap_in_contiguous_file"]


@pytest.mark.parametrize("stamps", [["+0", "+0", "+0"], ["+0", None, "+2"], [None, None, None], ["+5", "+4", "+4"]])
def test_2_1_1_contiguous_file_with_useless_stamps_stays_contiguous(tmp_path: Path, stamps: list[str | None]) -> None:
    recording = open_bytes(tmp_path, plus(leg(3), stamps, kind="C"))
    assert recording.duration_us == 3_000_000 and recording.gaps == ()
    assert codes(recording) == ["time_stamps_ignored"]


def test_2_2_1_stamps_come_from_the_first_annotation_signal(tmp_path: Path) -> None:
    content = build(
        leg(2), reserved="EDF+D", tals=[tal("+0", ""), tal("+3", "")], tals_2=[tal("+0.5", "Apnea"), tal("+3.5", "x")]
    )
    assert open_bytes(tmp_path, content).gaps == ((1_000_000, 3_000_000),)


def test_2_1_annotation_signal_in_a_plain_file_is_said(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, build(leg(1), tals=[tal("+0", "")]))
    assert codes(recording) == ["annotations_in_plain_file"]


def test_2_1_file_with_annotations_only_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(ingest.EdfDefect) as caught:
        open_bytes(tmp_path, build([], reserved="EDF+C", tals=[tal("+0", "")], record_s="0"))
    assert caught.value.code == "annotations_only"


@pytest.mark.parametrize(
    ("prefilter", "corners"),
    [
        ("HP:0.1Hz LP:75Hz N:50Hz", (75.0, 0.1)),
        ("LP: 70 Hz HP: 0,3 Hz", (70.0, 0.3)),
        ("HP:DC LP:1kHz", (1000.0, None)),
        ("none", (None, None)),
        ("", (None, None)),
    ],
)
def test_2_1_3_5_prefilter(tmp_path: Path, prefilter: str, corners: tuple[float | None, float | None]) -> None:
    signals = [leg(1)[0]._replace(prefilter=prefilter)]
    channel = open_bytes(tmp_path, build(signals)).legs[0]
    assert (channel.lowpass_hz, channel.highpass_hz) == corners


@pytest.mark.parametrize(
    ("text", "us"), [("0.0000005", 0), ("0.0000015", 2), ("1.9511719", 1951172), ("-2.5", -2500000)]
)
def test_times_are_whole_microseconds_rounded_half_to_even(text: str, us: int) -> None:
    assert to_us(text) == us


@pytest.mark.parametrize("onset", ["+" + "9" * 40, "+99999999999"])
def test_2_2_2_times_beyond_any_recording_are_malformed(tmp_path: Path, onset: str) -> None:
    assert parse_tals(tal(onset, "x")) == ([], 1)
    assert codes(open_bytes(tmp_path, plus(leg(2), ["+0", onset]))) == ["missing_time_stamp"]


def test_2_2_4_record_at_the_place_of_another_is_left_out(tmp_path: Path) -> None:
    recording = open_bytes(tmp_path, plus(leg(3), ["+0", "+0", "+1"]))
    assert "1 records, 1 s, 1 left out as a whole" in recording.findings[0].text
    np.testing.assert_allclose(
        np.concatenate([s.samples for s in recording.legs[0].segments]), [*range(10), *range(20, 30)], atol=1e-9
    )


def test_2_2_4_overlap_inside_a_sample_drops_that_sample(tmp_path: Path) -> None:
    segments = open_bytes(tmp_path, plus(leg(2), ["+0", "+0.55"])).legs[0].segments
    assert segments[1].start_us == 1_050_000 and segments[1].samples[0] == pytest.approx(15)
