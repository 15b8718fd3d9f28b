"""Whole files whose every field may be odd: a recording that keeps its promises, or one named defect."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
from tests.fuzz.invariants import check_recording
from tests.ingest.edf_bytes import Sig, build, tal

LABELS = [
    "Leg L",
    "Leg R",
    "LEG",
    "L-Leg1",
    "L-Leg2",
    "RAT",
    "LAT",
    "ECG",
    "EEG",
    "",
    "Leg L\x00x",
    "Körper",
    "EDF Annotations",
]
NUMBERS = [
    "-32768",
    "32767",
    "0",
    "1",
    "-1",
    "",
    "x",
    "1e9",
    "-0,5",
    "9e99",
    "1.5",
    "-8388608",
    "8388607",
    "99999999",
    "nan",
]
UNITS = ["uV", "mV", "V", "µV", "", "mmHg", "%", "uV\x00"]
STAMPS = st.one_of(
    st.none(),
    st.integers(-5, 5).map(lambda k: f"{k:+d}"),
    st.floats(-3, 30).map(lambda x: f"{x:+.3f}"),
    st.sampled_from(["+0", "+1", "+2", "+3", "+1.001", "+1e3", "5", "+99999999999999", "+0.0000001"]),
)


@st.composite
def signals(draw: st.DrawFn, n_records: int, top: int) -> Sig:
    n = draw(st.sampled_from([1, 1, 2, 4, 5, 0, 40]))
    usual = draw(st.booleans())
    fields = (
        ("-1000", "1000", str(-top - 1), str(top)) if usual else tuple(draw(st.sampled_from(NUMBERS)) for _ in range(4))
    )
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(-top - 1, top, (n_records, n), endpoint=True)
    return Sig(draw(st.sampled_from(LABELS)), values, draw(st.sampled_from(UNITS)), *fields)


@st.composite
def odd_files(draw: st.DrawFn) -> bytes:
    bdf = draw(st.booleans())
    n_records = draw(st.integers(1, 6))
    listed = [draw(signals(n_records, 8388607 if bdf else 32767)) for _ in range(draw(st.integers(0, 5)))]
    has_stamps = draw(st.booleans()) or not listed
    tals = None
    if has_stamps:
        stamps = [draw(STAMPS) for _ in range(n_records)]
        tals = [b"\x00" * 8 if stamp is None else tal(stamp, "") for stamp in stamps]
    fields = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "header_bytes": st.sampled_from(["256", "768", "99999", "", "x"]),
                "version": st.sampled_from(["1", "\x00", "0"]),
                "n_signals": st.sampled_from(["0", "-1", "9999", "2", "x"]),
            },
        )
        if draw(st.integers(0, 4)) == 0
        else st.just({})
    )
    content = build(
        listed,
        bdf=bdf,
        n_records=draw(st.sampled_from([n_records, n_records, n_records, -1, 0, n_records + 3, 1, 99999999])),
        record_s=draw(st.sampled_from(["1", "1", "0.1", "30", "0.333333", "0", "-1", "x", "1e9", "1,5", "1e-9"])),
        reserved=draw(st.sampled_from(["", "EDF+C", "EDF+D", "BDF+D", "BDF+C", "24BIT", "Polysmith"])),
        tals=tals,
        date=draw(st.sampled_from(["24.04.89", "00.00.00", "01.01.85", "31.02.99", "24.04.yy", "        "])),
        time=draw(st.sampled_from(["22.30.00", "22:30:00", "25.00.00", "        "])),
        fields=fields,
        encoding="utf-8" if draw(st.booleans()) else "latin-1",
    )
    return content[: len(content) - draw(st.sampled_from([0, 0, 0, 1, 7, 300]))] + draw(
        st.sampled_from([b"", b"", b"x" * 9])
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(odd_files(), st.sampled_from([np.float64, np.float32]))
def test_odd_file_is_a_recording_that_keeps_its_promises_or_a_named_defect(content: bytes, dtype: type) -> None:
    known = contracts.codes("finding").values
    for overrides in (None, ingest.overrides_from({"left": "L-Leg1;L-Leg2", "right": "Leg R", "unit": "uV"})):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "night"
            path.write_bytes(content)
            try:
                recording = ingest.open_recording(path, overrides, dtype=dtype)
            except ingest.EdfDefect as defect:
                assert defect.code in known and defect.text.isprintable()
                continue
            except InputError as error:
                raise AssertionError(f"a defect of the bytes is no InputError: {error}") from error
        check_recording(recording)
        assert all(found.code in known and found.text.isprintable() for found in recording.findings)
        for channel in (*recording.legs, *((recording.ecg,) if recording.ecg else ())):
            assert all(segment.samples.dtype == dtype for segment in channel.segments)
            assert channel.fs_hz > 0 and np.isfinite(channel.fs_hz)
