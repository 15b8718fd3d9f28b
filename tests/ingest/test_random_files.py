"""Random files: the reader gives back what was written, on the time line that was written, and never crashes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import ingest
from plms_pipeline.errors import PlmsError
from plms_pipeline.ingest.tal import parse_tals
from tests.ingest.edf_bytes import Sig, build, plus, tal


def opened(content: bytes, overrides: ingest.ChannelOverrides | None = None) -> ingest.Recording:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        path.write_bytes(content)
        return ingest.open_recording(path, overrides)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    bdf = draw(st.booleans())
    n_records = draw(st.integers(1, 8))
    kind = draw(st.sampled_from(["EDF", "+C", "+D"]))
    top = 8388607 if bdf else 32767
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    signals = []
    for label in ("EEG", "Leg L", "SpO2", "Leg R"):
        n = draw(st.integers(1, 30))
        signals.append(
            Sig(
                label,
                rng.integers(-top - 1, top, (n_records, n), endpoint=True),
                unit=draw(st.sampled_from(["uV", "mV", "nV"])),
                pmin=str(draw(st.integers(-9000, -1))),
                pmax=str(draw(st.integers(0, 9000))),
                dmin=str(-top - 1),
                dmax=str(top),
            )
        )
    gaps_ms = [0] + [draw(st.sampled_from([0, 0, 0, 250, 1000, 61_003])) for _ in range(n_records - 1)]
    record_ms = draw(st.sampled_from([100, 500, 1000, 30_000]))
    first_ms = draw(st.sampled_from([0, 1, 394]))
    return {
        "bdf": bdf, "kind": kind, "signals": signals, "gaps_ms": gaps_ms if kind == "+D" else [0] * n_records,
        "record_ms": record_ms, "first_ms": first_ms,
    }  # fmt: skip


def content_of(case: dict[str, Any]) -> bytes:
    record_s = f"{case['record_ms'] / 1000:g}"
    if case["kind"] == "EDF":
        return build(case["signals"], record_s=record_s, bdf=case["bdf"])
    starts = case["first_ms"] + np.cumsum([g + (case["record_ms"] if k else 0) for k, g in enumerate(case["gaps_ms"])])
    stamps = [f"+{start / 1000:.3f}" for start in starts]
    return plus(case["signals"], stamps, kind=case["kind"][1], record_s=record_s, bdf=case["bdf"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_samples_and_time_line_come_back(case: dict[str, Any]) -> None:
    recording = opened(content_of(case))
    record_us, gaps_us = case["record_ms"] * 1000, [gap * 1000 for gap in case["gaps_ms"]]
    starts = np.cumsum([gap + (record_us if k else 0) for k, gap in enumerate(gaps_us)])
    assert recording.duration_us == starts[-1] + record_us
    assert recording.gaps == tuple(
        (int(start - gap), int(start)) for start, gap in zip(starts, gaps_us, strict=True) if gap
    )
    factors = {"uV": 1.0, "mV": 1000.0, "nV": 0.001}
    for leg, signal in zip(recording.legs, (case["signals"][1], case["signals"][3]), strict=True):
        low, high = float(signal.pmin), float(signal.pmax)
        span = int(signal.dmax) - int(signal.dmin)
        expected = (low + (signal.samples - int(signal.dmin)) * (high - low) / span) * factors[signal.unit]
        limit = max(abs(low), abs(high)) * factors[signal.unit]
        found = np.concatenate([segment.samples for segment in leg.segments])
        np.testing.assert_allclose(found, expected.reshape(-1), atol=1e-9 * limit)
        assert leg.fs_hz == signal.samples.shape[1] / (case["record_ms"] / 1000)
        first_of_segment = [k for k, gap in enumerate(gaps_us) if k == 0 or gap]
        assert [segment.start_us for segment in leg.segments] == [int(starts[k]) for k in first_of_segment]
        assert leg.rail_low_uv is not None and leg.rail_high_uv is not None
        assert leg.rail_low_uv - 1e-9 * limit <= found.min() and found.max() <= leg.rail_high_uv + 1e-9 * limit


@settings(max_examples=150, deadline=None)
@given(files(), st.data())
def test_damaged_bytes_give_a_recording_or_a_clear_defect(case: dict[str, Any], data: st.DataObject) -> None:
    content = bytearray(content_of(case))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, min(len(content) - 1, 1600)))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    whole = data.draw(st.booleans())
    try:
        recording = opened(bytes(content if whole else content[:cut]))
    except PlmsError as defect:
        assert "\n" not in str(defect)
        return
    assert recording.duration_us >= 0
    ends = [
        segment.start_us + len(segment.samples) / leg.fs_hz * 1e6 for leg in recording.legs for segment in leg.segments
    ]
    assert all(end <= recording.duration_us + 2 for end in ends)
    for leg in recording.legs:
        for before, after in zip(leg.segments, leg.segments[1:], strict=False):
            assert before.start_us + len(before.samples) / leg.fs_hz * 1e6 <= after.start_us + 1e6 / leg.fs_hz + 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_annotation_lists_or_counted(block: bytes) -> None:
    tals, n_malformed = parse_tals(block)
    assert len(tals) + n_malformed == sum(bool(part) for part in block.split(b"\x00"))


texts = st.text(st.characters(exclude_characters="\x00\x14\x15", exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(-(10**9), 10**12), st.none() | st.integers(0, 10**10), texts), max_size=5))
def test_annotation_lists_come_back(entries: list[tuple[int, int | None, str]]) -> None:
    block = b"".join(
        tal(f"{onset / 1e6:+.6f}", text, duration=None if length is None else f"{length / 1e6:.6f}")
        for onset, length, text in entries
    )
    tals, n_malformed = parse_tals(block + bytes(7))
    assert n_malformed == 0
    assert [(t.onset_us, t.duration_us, t.texts) for t in tals] == [(a, b, (c.strip(),)) for a, b, c in entries]
