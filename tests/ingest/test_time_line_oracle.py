"""The time line of any order, gap and overlap of records, against painting every sample on a grid."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plms_pipeline import ingest
from tests.ingest.edf_bytes import Sig, plus

LEGS = ingest.overrides_from({"combined": "LEG"})
SLOTS = 4  # samples of a record of one second; stamps lie on the same grid of 250 ms


def painted(stamps: list[int | None]) -> dict[int, int]:
    """Slot of time → digital value; what was written first stays."""
    slots: dict[int, int] = {}
    for record, stamp in enumerate(stamps):
        for k in range(SLOTS) if stamp is not None else ():
            slots.setdefault(stamp + k, record * SLOTS + k)
    return slots


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.none() | st.integers(0, 40), min_size=1, max_size=12).filter(lambda s: any(x is not None for x in s))
)
@example([0, 4, 8, 12])
@example([8, 4, 0])
@example([0, 8, 4, 2, 6, None, 12])
@example([4, 0, 2])
@example([5, 4, 0])
def test_every_sample_lies_where_it_was_written_first(stamps: list[int | None]) -> None:
    n = len(stamps)
    samples = np.arange(n * SLOTS).reshape(n, SLOTS)
    signal = Sig("LEG", samples, pmin="-32768", pmax="32767")
    content = plus([signal], [None if s is None else f"+{s / SLOTS:g}" for s in stamps])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        path.write_bytes(content)
        recording = ingest.open_recording(path, LEGS)
    expected = painted(stamps)
    origin = min(expected)
    found = {}
    for segment in recording.legs[0].segments:
        assert segment.start_us % 250_000 == 0
        first = segment.start_us // 250_000 + origin
        for k, value in enumerate(segment.samples.tolist()):
            assert first + k not in found
            found[first + k] = round(value)
    assert found == expected
    assert recording.duration_us == (max(expected) + 1 - origin) * 250_000
    empty = {slot for slot in range(origin, max(expected)) if slot not in expected}
    assert sum(b - a for a, b in recording.gaps) == len(empty) * 250_000
    codes = {found.code for found in recording.findings}
    assert ("gap" in codes) == bool(empty)
    assert ("missing_time_stamp" in codes) == (None in stamps)
    assert ("overlapping_records" in codes) == (len(expected) < SLOTS * sum(s is not None for s in stamps))
    # Values rise with the place in the file: a step back in time order is a record out of order.
    in_time = [expected[slot] for slot in sorted(expected)]
    assert ("records_out_of_order" in codes) == (in_time != sorted(in_time))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(-1500, 1500),
    st.lists(st.integers(-15, 15), min_size=80, max_size=80),
    st.sampled_from([0, 30, 61]),
)
def test_drift_and_jitter_within_the_tolerance_lose_no_sample(ppm: int, jitter_ms: list[int], gap_at: int) -> None:
    # The gap of two seconds in the middle stays one; everything else is one run per side.
    times = [k * (1 + ppm / 1e6) + jitter_ms[k] / 1000 + (2.0 if gap_at and k >= gap_at else 0) + 5 for k in range(80)]
    signal = Sig("LEG", np.arange(80 * SLOTS).reshape(80, SLOTS), pmin="-32768", pmax="32767")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        path.write_bytes(plus([signal], [f"+{time:.4f}" for time in times]))
        recording = ingest.open_recording(path, LEGS)
    channel = recording.legs[0]
    assert len(channel.segments) == (2 if gap_at else 1)
    assert sum(len(segment.samples) for segment in channel.segments) == 80 * SLOTS
    assert len(recording.gaps) == (1 if gap_at else 0)
    for segment in channel.segments:
        for k in range(0, len(segment.samples), SLOTS):
            record = round(segment.samples[k]) // SLOTS
            at = segment.start_us / 1e6 + k / channel.fs_hz
            assert abs(at - (times[record] - times[0])) < 0.1 or abs(at - (times[record] - min(times))) < 0.1
