"""Decoding of samples: every way of getting at the bytes gives the same numbers, and the right ones."""

from __future__ import annotations

import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.edf_bytes import RecordBytes, data_end, record_batches
from plms_pipeline.ingest.edf_samples import Decoded, Scale, Wanted, decode
from plms_pipeline.ingest.tal import first_stamp_us, first_stamps_us
from tests.fuzz.invariants import check_stamps
from tests.ingest.edf_bytes import Sig, build, plus
from tests.ingest.test_random_files import content_of, files

LEGS = ingest.overrides_from({"left": "Leg L", "right": "Leg R"})


def decoded(path: Path, window_bytes: int, **how: Any) -> Decoded:
    header = ingest.read_header(path)
    wanted = [Wanted((signal,), (Scale(0.25, 3.5),)) for signal in header.data_signals]
    wanted.append(Wanted(header.data_signals[:2], (Scale(0.5, 1.0), Scale(0.125, -2.0))))
    if len({signal.samples_per_record for signal in header.data_signals[:2]}) > 1:
        wanted.pop()
    rules = contracts.load_yaml("rules/reading.yaml")
    before = rules["window_bytes"]
    rules["window_bytes"] = window_bytes
    try:
        return decode(path, header, wanted, **how)
    finally:
        rules["window_bytes"] = before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files(), st.integers(1, 400))
def test_map_and_buffer_and_any_window_give_the_same(case: dict[str, Any], window_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night"
        path.write_bytes(content_of(case))
        whole = decoded(path, 1 << 20)
        for how in ({}, {"use_map": False}):
            other = decoded(path, window_bytes, **how)
            for one, same in zip(whole.samples, other.samples, strict=True):
                np.testing.assert_array_equal(one, same)
            assert (whole.stamps is None) == (other.stamps is None)
            if whole.stamps is not None and other.stamps is not None:
                np.testing.assert_array_equal(whole.stamps[0], other.stamps[0])
                assert whole.stamps[1].all() and other.stamps[1].all()
        for one, same in zip(whole.samples, decoded(path, 1 << 20, dtype=np.float32).samples, strict=True):
            assert same.dtype == np.float32
            np.testing.assert_array_equal(one.astype(np.float32), same)


@pytest.mark.parametrize("bdf", [False, True])
def test_samples_are_right_to_the_last_digit(tmp_path: Path, bdf: bool) -> None:
    top = 8388607 if bdf else 32767
    rng = np.random.default_rng(3)
    digital = rng.integers(-top - 1, top, (50, 40), endpoint=True)
    signals = [
        Sig("Leg L", digital, "uV", "-3276.8", "3276.7", str(-top - 1), str(top)),
        Sig("Leg R", digital, "mV", "-1.013", "0.957", str(-top - 1), str(top)),
    ]
    path = tmp_path / "night"
    path.write_bytes(build(signals, bdf=bdf))
    for dtype in (np.float64, np.float32):
        recording = ingest.open_recording(path, LEGS, dtype=dtype)
        for leg, low, high, factor in zip(
            recording.legs, ("-3276.8", "-1.013"), ("3276.7", "0.957"), (1, 1000), strict=True
        ):
            bottom, gain = Fraction(low), (Fraction(high) - Fraction(low)) / (2 * top + 1)
            exact = [(bottom + (int(value) + top + 1) * gain) * factor for value in digital.reshape(-1)]
            found = leg.segments[0].samples
            assert found.dtype == dtype
            if dtype == np.float32:
                np.testing.assert_array_equal(found, np.array([float(value) for value in exact]).astype(np.float32))
            else:
                # roundings of gain, offset, sum and product
                span = max(abs(float(value)) for value in exact)
                worst = max(abs(Fraction(float(a)) - b) for a, b in zip(found, exact, strict=True))
                assert worst <= 4 * np.spacing(span)


def test_electrodes_of_a_pair_are_subtracted_at_their_own_gains(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(-30_000, 30_000, (2, 6, 10))
    signals = [Sig("L-Leg1", a, "uV", "-500", "500"), Sig("L-Leg2", b, "mV", "-2", "3")]
    path = tmp_path / "night.edf"
    path.write_bytes(build(signals))
    overrides = ingest.overrides_from({"left": "L-Leg1;L-Leg2"})
    leg = ingest.open_recording(path, overrides).legs[0]
    first = -500 + (a + 32768) * 1000 / 65535
    second = (-2 + (b + 32768) * 5 / 65535) * 1000
    np.testing.assert_allclose(leg.segments[0].samples, (first - second).reshape(-1), atol=1e-9)


def test_segments_are_views_of_one_array(tmp_path: Path) -> None:
    signals = [Sig(name, np.arange(40).reshape(4, 10)) for name in ("Leg L", "Leg R")]
    path = tmp_path / "night.edf"
    path.write_bytes(plus(signals, ["+0", "+1", "+7", "+8"]))
    first, second = ingest.open_recording(path, LEGS).legs[0].segments
    assert first.samples.base is second.samples.base is not None
    assert not first.samples.flags.writeable


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig(name, np.zeros((200, 500), dtype=int)) for name in ("Leg L", "Leg R")]))
    return path


@pytest.mark.parametrize("use_map", [True, False])
def test_file_that_becomes_shorter_is_one_clear_line_and_no_crash(night: Path, use_map: bool) -> None:
    header = ingest.read_header(night)
    with RecordBytes(night, data_end(header), use_map=use_map) as source:
        source.window(0, 100_000)
        os.truncate(night, 150_000)
        with pytest.raises(InputError, match=r"night\.edf: became shorter while it was read"):
            source.window(200_000, 300_000)
    with pytest.raises(InputError, match="became shorter"):
        decode(night, header, [Wanted((header.signals[0],), (Scale(1.0, 0.0),))], use_map=use_map)


def test_file_that_vanishes_is_one_clear_line(night: Path) -> None:
    header = ingest.read_header(night)
    night.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        decode(night, header, [])


def test_batches_are_the_bytes_of_the_records(night: Path) -> None:
    header = ingest.read_header(night)
    raw = np.frombuffer(night.read_bytes(), dtype=np.uint8)[header.header_bytes :].reshape(200, -1)
    for use_map in (True, False):
        seen = 0
        for first, batch in record_batches(night, header, use_map=use_map):
            np.testing.assert_array_equal(batch, raw[first : first + len(batch)])
            seen += len(batch)
        assert seen == 200


def test_read_ahead_of_any_path_is_harmless(night: Path, tmp_path: Path) -> None:
    for path in (night, tmp_path / "none.edf", tmp_path):
        ingest.read_ahead(path).join(10)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"+0", b"-12", b"+1.5", b"+.", b"x", b"\x14", b"\x15", b"\x00", b"9" * 12]), max_size=30)
)
def test_stamps_together_are_stamps_one_by_one(parts: list[bytes]) -> None:
    check_stamps(b"".join(parts))


def test_stamps_of_every_length(tmp_path: Path) -> None:
    texts = [f"+{value:.{k}f}" for k in range(8) for value in (0, 9.5, 12345.678901, 123456789.125)]
    heads = np.array([list(f"{text}\x14\x14".encode().ljust(40, b"\x00")) for text in texts], dtype=np.uint8)
    stamps, is_known = first_stamps_us(heads)
    assert is_known.all()
    assert stamps.tolist() == [first_stamp_us(f"{text}\x14".encode()) for text in texts]


def peak_over_output(path: Path, n_output: int) -> int:
    import tracemalloc

    tracemalloc.start()
    recording = ingest.open_recording(path, LEGS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(segment.samples.nbytes for leg in recording.legs for segment in leg.segments) == n_output
    return peak - n_output


@pytest.mark.parametrize(("n_others", "record_s"), [(0, 1), (60, 1), (60, 30)])
def test_memory_does_not_depend_on_the_number_of_channels(tmp_path: Path, n_others: int, record_s: int) -> None:
    n_records, n = 600 // record_s, 256 * record_s
    zeros = np.zeros((n_records, n), dtype=np.int16)
    names = [f"Aux {k}" for k in range(n_others)]
    names[n_others // 2 : n_others // 2] = ["Leg L", "Leg R"]
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig(name, zeros) for name in names], record_s=str(record_s)))
    ingest.open_recording(path, LEGS)
    assert peak_over_output(path, 2 * 600 * 256 * 8) < 3_000_000
