"""The EDF specification (Kemp, Värri, Rosa, Nielsen, Gade 1992; edfplus.info/specs/edf.html) and what breaks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from tests.ingest.edf_bytes import Sig, build, ramp

LEGS = ingest.overrides_from({"left": "Leg L", "right": "Leg R"})


def write(tmp_path: Path, content: bytes, name: str = "night.edf") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def legs(n_records: int = 4, n: int = 8, **changed: object) -> list[Sig]:
    left = Sig("Leg L", ramp(n_records, n))._replace(**changed)  # type: ignore[arg-type]
    return [Sig("EEG C4", ramp(n_records, 16, 500)), left, Sig("Leg R", ramp(n_records, n, -200))]


def codes(recording: ingest.Recording | ingest.ChannelDecision | ingest.EdfHeader) -> list[str]:
    return [found.code for found in recording.findings]


def test_header_record_fields(tmp_path: Path) -> None:
    header = ingest.read_header(write(tmp_path, build(legs())))
    assert (header.format, header.n_records, header.record_duration_s, header.header_bytes) == ("EDF", 4, 1, 1024)
    assert [signal.label for signal in header.signals] == ["EEG C4", "Leg L", "Leg R"]
    assert [header.fs_hz(signal) for signal in header.signals] == [16.0, 8.0, 8.0]
    assert header.start_date is not None and header.start_date.isoformat() == "1989-04-24"
    assert header.findings == ()


def test_data_record_samples_are_scaled_by_the_physical_and_digital_extremes(tmp_path: Path) -> None:
    path = write(tmp_path, build(legs(pmin="-100", pmax="300", dmin="0", dmax="400")))
    recording = ingest.open_recording(path, LEGS)
    assert recording.duration_us == 4_000_000 and recording.gaps == () and recording.start == "1989-04-24T22:30:00"
    left, right = recording.legs
    assert (left.role, right.role, recording.layout, recording.sensor) == ("left", "right", "bipolar", "emg")
    np.testing.assert_allclose(left.segments[0].samples, np.arange(32) - 100.0, atol=1e-9)
    np.testing.assert_allclose(right.segments[0].samples, (np.arange(32) - 200 + 0.5) * 2000 / 65535, atol=1e-9)
    assert (left.rail_low_uv, left.rail_high_uv) == (-100.0, 300.0)
    assert (left.highpass_hz, left.lowpass_hz) == (10.0, 100.0)
    assert left.segments[0].start_us == 0 and left.segments[0].samples.dtype == np.float64


def test_sampling_rate_need_not_be_a_whole_number(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(n=25), record_s="0.12")), LEGS)
    assert recording.legs[0].fs_hz == 25 / 0.12
    assert recording.duration_us == 480_000


def test_left_and_right_may_have_different_rates(tmp_path: Path) -> None:
    signals = [Sig("Leg L", ramp(3, 10)), Sig("Leg R", ramp(3, 25))]
    recording = ingest.open_recording(write(tmp_path, build(signals)), LEGS)
    assert [leg.fs_hz for leg in recording.legs] == [10.0, 25.0]


@pytest.mark.parametrize(
    ("unit", "encoding", "factor"),
    [
        ("uV", "ascii", 1.0),
        ("UV", "ascii", 1.0),
        ("µV", "latin-1", 1.0),
        ("µV", "utf-8", 1.0),
        ("μV", "utf-8", 1.0),
        ("µV", "cp437", 1.0),
        ("µVolt", "latin-1", 1.0),
        ("мкВ", "utf-8", 1.0),
        ("microVol", "ascii", 1.0),
        ("mVolts", "ascii", 1e3),
        ("mV", "ascii", 1e3),
        ("V", "ascii", 1e6),
        ("nV", "ascii", 1e-3),
    ],
)
def test_physical_dimension_is_converted_to_microvolts(tmp_path: Path, unit: str, encoding: str, factor: float) -> None:
    signals = legs(unit=unit, pmin="-1", pmax="1", dmin="-1000", dmax="1000")
    recording = ingest.open_recording(write(tmp_path, build(signals, encoding=encoding)), LEGS)
    np.testing.assert_allclose(recording.legs[0].segments[0].samples, np.arange(32) * factor / 1000, rtol=1e-9)
    assert recording.legs[0].rail_high_uv == factor
    assert ("non_ascii_header" in codes(recording)) == (encoding != "ascii")


@pytest.mark.parametrize(
    ("unit", "code"), [("", "unit_missing"), ("%", "unit_not_voltage"), ("mmHg", "unit_not_voltage")]
)
def test_physical_dimension_that_is_no_voltage_is_not_used(tmp_path: Path, unit: str, code: str) -> None:
    path = write(tmp_path, build(legs(unit=unit)))
    recording = ingest.open_recording(path, LEGS)
    assert recording.layout == "one_leg" and [leg.role for leg in recording.legs] == ["right"]
    assert codes(recording) == [code, "one_leg"]
    declared = ingest.open_recording(path, LEGS._replace(unit="uV"))
    assert declared.layout == "bipolar" and codes(declared) == ["unit_declared"]


def test_gain_may_be_negative(tmp_path: Path) -> None:
    recording = ingest.open_recording(
        write(tmp_path, build(legs(pmin="100", pmax="-100", dmin="-100", dmax="100"))), LEGS
    )
    np.testing.assert_allclose(recording.legs[0].segments[0].samples, -np.arange(32.0), atol=1e-9)
    assert codes(recording) == ["coarse_digital_range", "negative_gain"]
    assert (recording.legs[0].rail_low_uv, recording.legs[0].rail_high_uv) == (-100.0, 100.0)


def test_digital_extremes_swapped(tmp_path: Path) -> None:
    recording = ingest.open_recording(
        write(tmp_path, build(legs(pmin="-500", pmax="500", dmin="500", dmax="-500"))), LEGS
    )
    np.testing.assert_allclose(recording.legs[0].segments[0].samples, -np.arange(32.0), atol=1e-9)
    assert codes(recording) == ["digital_range_swapped"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"dmin": "7", "dmax": "7"}, "digital_range_empty"),
        ({"dmin": "x"}, "digital_range_empty"),
        ({"pmin": "0", "pmax": "0"}, "physical_range_empty"),
        ({"pmin": "", "pmax": "1"}, "physical_range_empty"),
        ({"pmin": "nan"}, "physical_range_empty"),
    ],
)
def test_signal_without_a_scale_is_not_used(tmp_path: Path, changed: dict[str, str], code: str) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(**changed))), LEGS)
    assert recording.layout == "one_leg" and code in codes(recording)


def test_samples_outside_the_digital_extremes_are_counted(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(dmin="-300", dmax="20"))), LEGS)
    assert codes(recording) == ["samples_outside_range"]
    assert "11 of 32" in recording.findings[0].text


def test_decimal_comma_is_read_and_said(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(pmin="-0,5", pmax="0,5"))), LEGS)
    assert codes(recording) == ["decimal_comma", "decimal_comma"]
    assert recording.legs[0].rail_high_uv == 0.5


def test_truncated_inside_a_record_keeps_the_whole_records(tmp_path: Path) -> None:
    content = build(legs())
    recording = ingest.open_recording(write(tmp_path, content[:-70]), LEGS)
    assert recording.duration_us == 2_000_000 and len(recording.legs[0].segments[0].samples) == 16
    assert codes(recording) == ["truncated"]
    assert "2 of 4 records" in recording.findings[0].text


def test_number_of_records_minus_one_is_counted_from_the_length(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(), n_records=-1)), LEGS)
    assert recording.duration_us == 4_000_000 and codes(recording) == ["record_count_unknown"]
    cut = ingest.open_recording(write(tmp_path, build(legs(), n_records=-1)[:-3]), LEGS)
    assert cut.duration_us == 3_000_000 and codes(cut) == ["record_count_unknown", "truncated"]


def test_trailing_bytes_are_ignored(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs()) + b"junk"), LEGS)
    assert recording.duration_us == 4_000_000 and codes(recording) == ["trailing_bytes"]


@pytest.mark.parametrize("declared", ["256", "4096", "", "abc"])
def test_header_size_field_that_disagrees_is_repaired_when_the_length_decides(tmp_path: Path, declared: str) -> None:
    content = build(legs(), fields={"header_bytes": declared})
    recording = ingest.open_recording(write(tmp_path, content), LEGS)
    assert codes(recording) == ["header_size_repaired"]
    assert recording.legs[0].segments[0].samples[1] > recording.legs[0].segments[0].samples[0]
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.read_header(write(tmp_path, content[:-70]))
    assert caught.value.code == "header_size_contradiction"


def test_header_padded_to_its_declared_size(tmp_path: Path) -> None:
    content = build(legs(), fields={"header_bytes": "1536"})
    padded = content[:1024] + b" " * 512 + content[1024:]
    recording = ingest.open_recording(write(tmp_path, padded), LEGS)
    assert codes(recording) == ["header_size_repaired"]
    np.testing.assert_allclose(np.diff(recording.legs[0].segments[0].samples), 2000 / 65535, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"hello, this is a text and not a recording" * 20, "not_edf"),
        (b"PAR1" + bytes(400), "not_edf"),
        (build(legs())[:200], "short_header"),
        (build(legs())[:700], "short_header"),
        (build(legs())[:1024], "no_data_records"),
        (build(legs(), n_records=0)[:1024], "no_data_records"),
        (build(legs(), fields={"n_signals": "abc"}), "bad_signal_count"),
        (build(legs(), fields={"n_signals": "0"}), "bad_signal_count"),
        (build(legs(), fields={"n_signals": "-3"}), "bad_signal_count"),
        (build(legs(), fields={"n_signals": "9999"}), "short_header"),
        (build(legs(), fields={"n_records": "many"}), "bad_record_count"),
        (build(legs(), fields={"n_records": "-2"}), "bad_record_count"),
        (build(legs(), fields={"record_s": "0"}), "bad_record_duration"),
        (build(legs(), fields={"record_s": "-1"}), "bad_record_duration"),
        (build(legs(), fields={"record_s": "1s"}), "bad_record_duration"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_opened_names_its_defect(tmp_path: Path, content: bytes, code: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(path, LEGS)
    assert caught.value.code == code
    assert str(tmp_path) not in caught.value.text and "\n" not in caught.value.text
    assert ingest.finding(code).severity == "error"


def test_samples_per_record_that_are_no_number(tmp_path: Path) -> None:
    content = bytearray(build(legs()))
    at = 256 + 3 * (16 + 80 + 8 * 5 + 80) + 8
    content[at : at + 8] = b"many    "
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.read_header(write(tmp_path, bytes(content)))
    assert caught.value.code == "bad_samples_per_record" and "'Leg L'" in caught.value.text


@pytest.mark.parametrize(
    ("date", "time", "found", "start"),
    [
        ("00.00.00", "22.30.00", ["placeholder_start_date"], "22:30:00"),
        ("01.01.85", "22.30.00", ["placeholder_start_date"], "22:30:00"),
        ("31.02.99", "22.30.00", ["invalid_start_date"], "22:30:00"),
        ("xx.xx.xx", "22.30.00", ["invalid_start_date"], "22:30:00"),
        ("24.04.89", "25.00.00", ["invalid_start_time"], None),
        ("24.04.89", "22:30:05", [], "1989-04-24T22:30:05"),
        ("24.04.84", "22.30.00", [], "2084-04-24T22:30:00"),
        ("24.04.85", "22.30.00", [], "1985-04-24T22:30:00"),
    ],
)  # fmt: skip
def test_bad_dates_are_findings_and_never_refused(
    tmp_path: Path, date: str, time: str, found: list[str], start: str | None
) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(), date=date, time=time, recording="night")), LEGS)
    assert codes(recording) == found and recording.start == start


def test_version_field_that_is_wrong_is_said(tmp_path: Path) -> None:
    recording = ingest.open_recording(write(tmp_path, build(legs(), fields={"version": "1"})), LEGS)
    assert codes(recording) == ["bad_version"]


def test_absent_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.edf: cannot be read"):
        ingest.open_recording(tmp_path / "none.edf")


def test_only_the_chosen_channels_are_decoded(tmp_path: Path) -> None:
    signals = [*legs(), Sig("ECG", ramp(4, 12, 9))]
    recording = ingest.open_recording(write(tmp_path, build(signals)))
    assert [leg.label for leg in recording.legs] == ["Leg L", "Leg R"]
    assert recording.ecg is not None and recording.ecg.fs_hz == 12.0
    assert ingest.open_recording(write(tmp_path, build(signals)), ecg=False).ecg is None
    assert recording.header["n_signals"] == 4


def test_batches_smaller_than_the_file_give_the_same_samples(tmp_path: Path, own_schemas: Path) -> None:
    path = write(tmp_path, build(legs(n_records=50)))
    whole = ingest.open_recording(path, LEGS).legs[0].segments[0].samples
    from plms_pipeline import contracts

    rules = own_schemas / "rules" / "reading.yaml"
    rules.write_text(rules.read_text().replace("window_bytes: 2097152", "window_bytes: 200"))
    contracts.forget()
    np.testing.assert_array_equal(ingest.open_recording(path, LEGS).legs[0].segments[0].samples, whole)
    assert len(whole) == 400


def test_defects_survive_the_way_between_processes() -> None:
    import pickle

    defect = ingest.EdfDefect("short_header", "12 bytes")
    again = pickle.loads(pickle.dumps(defect))
    assert (again.code, again.text, str(again)) == (defect.code, defect.text, str(defect))


def test_header_size_below_what_the_signals_need_is_never_used(tmp_path: Path) -> None:
    content = build(legs(), fields={"header_bytes": "768"})
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.read_header(write(tmp_path, content[:1024]))
    assert caught.value.code == "header_size_contradiction"
